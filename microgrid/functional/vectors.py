"""Checking what is given to a function of many numbers."""

import numbers
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ..reals import as_float
from ..value import Operand, Value

__all__ = ["Vector", "column", "not_empty", "same_length", "vector"]

Vector: TypeAlias = Sequence[Operand]


def vector(xs: Iterable[Operand], what: str) -> list[Operand]:
    """`xs` as a list of Values and floats; TypeError naming what else was given."""
    is_plain = xs.__class__ is list or xs.__class__ is tuple
    if not is_plain and (
        isinstance(xs, Value | numbers.Real | str) or not isinstance(xs, Iterable)
    ):
        raise TypeError(f"{what} takes a sequence of Values or numbers, got {xs!r}")
    return [x if isinstance(x, Value) else as_float(x, what) for x in xs]


def column(x: Operand | Vector, what: str) -> list[Operand]:
    """`x` as a list, a lone number as a list of one."""
    return vector([x] if isinstance(x, Value | float | numbers.Real) else x, what)


def not_empty(what: str, xs: list[Operand]) -> list[Operand]:
    """`xs` itself; ValueError where it is empty."""
    if not xs:
        raise ValueError(f"{what} needs at least one number, got none")
    return xs


def same_length(what: str, xs: Sequence[object], ys: Sequence[object]) -> None:
    """ValueError where two vectors differ in length, TypeError for what has none."""
    try:
        same = len(xs) == len(ys)
    except TypeError:
        given = ys if hasattr(xs, "__len__") else xs
        raise TypeError(f"{what} must be sequences, got {given!r}") from None
    if not same:
        raise ValueError(f"{what} must have the same length, got {len(xs)} and {len(ys)}")
