"""What counts as a number: whatever Python or NumPy calls real, and fits a float."""

from __future__ import annotations

import numbers
import reprlib
from typing import SupportsFloat

__all__ = ["as_float"]


def as_float(number: SupportsFloat, what: str = "data") -> float:
    """`number` as a float; TypeError for what is no real number, naming what was given.

    what: which number it is, for the sentence.

    >>> as_float("2")
    Traceback (most recent call last):
    ...
    TypeError: data needs a real number, got '2' (str)
    """
    if number.__class__ is float:
        return number
    if number.__class__ is int or isinstance(number, numbers.Real):
        try:
            return float(number)
        except OverflowError:
            given = reprlib.repr(number)
            raise TypeError(f"{what} needs a number that fits a float, got {given}") from None
    kind = type(number).__name__
    hint = "; use .detach() or .data" if hasattr(number, "detach") else ""
    raise TypeError(f"{what} needs a real number, got {reprlib.repr(number)} ({kind}){hint}")
