"""Sentences with numbers in them, which can be said again of other numbers.

A Sentence is a str that remembers its cases: which words are said while a number lies in which
range. So a page can choose and write the words again when a number has moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from ..style.typography import number

__all__ = ["Case", "How", "Said", "Sentence", "Word", "written"]

How: TypeAlias = Literal["number", "factor", "power", "percent", "times", "share"]


class Said(NamedTuple):
    """A number in a sentence, and how it is written."""

    number: float
    how: How = "number"


Word: TypeAlias = str | Said


class Case(NamedTuple):
    """The words said while the number a sentence hangs on is `low` or more, and below `high`."""

    low: float
    high: float
    words: tuple[Word, ...]


class Sentence(str):
    """Words with numbers among them; of several cases the one that holds.

    Attributes
    ----------
    about : the number that decides between the cases; None where there is one only
    cases : all of them

    >>> Sentence(["y = ", Said(-20.0)])
    'y = −20'
    >>> Sentence.of(0.5, [Case(1.0, math.inf, ("large",)), Case(0.0, 1.0, ("small",))])
    'small'
    """

    about: float | None
    cases: tuple[Case, ...]

    def __new__(cls, words: Sequence[Word]) -> Sentence:
        return cls.of(None, [Case(-math.inf, math.inf, tuple(words))])

    @classmethod
    def of(cls, about: float | None, cases: Sequence[Case]) -> Sentence:
        """The sentence of the first case that holds; nothing where none does, or for nan."""
        holds = (c for c in cases if about is None or c.low <= about < c.high)
        words = next(holds, Case(0.0, 0.0, ())).words
        made = super().__new__(cls, "".join(map(_word, words)))
        made.about, made.cases = about, tuple(cases)
        return made


def _word(word: Word) -> str:
    return word if isinstance(word, str) else written(word.number, word.how)


def written(x: float, how: How) -> str:
    """A number as a sentence has it.

    >>> written(0.0578, "percent"), written(25.0, "times"), written(2.2e-10, "power")
    ('5.8%', '25', '2.2·10⁻¹⁰')
    """
    if how == "number":
        return number(x)
    if how == "share":
        return _share(x)
    if how == "factor":  # in a product: (−5)
        return f"({number(x)})" if x < 0.0 else number(x)
    if how == "power":
        mantissa, exponent = f"{x:.1e}".split("e")
        return f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}"
    return f"{100.0 * x:.2g}%" if how == "percent" else f"{x:.3g}"


def _share(x: float) -> str:
    """A part of something: per cent, or written as small and large numbers are.

    >>> _share(0.0), _share(0.041), _share(2e-9), _share(1.5)
    ('nothing', '4.1%', '2.0·10⁻⁹', '1.500 times as much')
    """
    if x == 0.0:
        return "nothing"
    if 0.0005 <= x < 0.995:
        return written(x, "percent")
    return f"{number(x)} times as much" if 0.995 <= x < 1000.0 else written(x, "power")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
