"""Mathematics on Python floats under IEEE-754 rules, as a namespace with NumPy's names.

`exp(710)` is inf, `1/0` is inf, `(-4)**0.5` is nan. Nothing raises and nothing turns complex.
The rows of the op table are evaluated in it whenever a Value is made.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import mul
from typing import Any

__all__ = ["FLOAT"]


def _quiet(function: Callable[[float], float]) -> Callable[[float], float]:
    """The function with nan outside its domain and an infinity where it overflows."""

    def quiet(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.copysign(math.inf, x)

    return quiet


def _logarithm(function: Callable[[float], float], start: float = 0.0) -> Callable[[float], float]:
    """The function with -inf at the start of its domain and nan below."""

    def logarithm(x: float) -> float:
        return function(x) if x > start else -math.inf if x == start else math.nan

    return logarithm


class FLOAT:
    """IEEE-754 functions on Python floats under NumPy's names, a namespace for `xp`.

    Each does what NumPy's function of its name does to one number, of a reduction to a sequence.

    >>> FLOAT.exp(710.0), FLOAT.log(0.0), FLOAT.divide(1.0, -0.0)
    (inf, -inf, -inf)
    """

    tanh = staticmethod(math.tanh)
    asinh = staticmethod(math.asinh)
    atan = staticmethod(math.atan)
    erf = staticmethod(math.erf)
    isfinite = staticmethod(math.isfinite)
    exp, expm1 = staticmethod(_quiet(math.exp)), staticmethod(_quiet(math.expm1))
    log, log2 = staticmethod(_logarithm(math.log)), staticmethod(_logarithm(math.log2))
    log10 = staticmethod(_logarithm(math.log10))
    log1p = staticmethod(_logarithm(math.log1p, start=-1.0))
    sqrt = staticmethod(_quiet(math.sqrt))
    sin, cos = staticmethod(_quiet(math.sin)), staticmethod(_quiet(math.cos))
    tan, sinh = staticmethod(_quiet(math.tan)), staticmethod(_quiet(math.sinh))
    asin, acos = staticmethod(_quiet(math.asin)), staticmethod(_quiet(math.acos))
    acosh = staticmethod(_quiet(math.acosh))

    @staticmethod
    def cosh(x: float) -> float:
        try:
            return math.cosh(x)
        except OverflowError:
            return math.inf

    @staticmethod
    def atanh(x: float) -> float:
        if -1.0 < x < 1.0:
            return math.atanh(x)
        return math.copysign(math.inf, x) if abs(x) == 1.0 else math.nan

    @staticmethod
    def divide(a: float, b: float) -> float:
        try:
            return a / b
        except ZeroDivisionError:
            if a == 0.0 or math.isnan(a):
                return math.nan
            return math.copysign(math.inf, a) * math.copysign(1.0, b)

    @staticmethod
    def power(a: float, b: float) -> float:
        try:
            return math.pow(a, b)
        except OverflowError:
            return -math.inf if a < 0.0 and b % 2.0 == 1.0 else math.inf
        except ValueError:  # a negative base to a broken power, or zero to a negative one
            if a != 0.0:
                return math.nan
            return math.copysign(math.inf, a) if b % 2.0 == 1.0 else math.inf

    @staticmethod
    def abs(x: float) -> float:
        return abs(x)

    @staticmethod
    def sign(x: float) -> float:
        return x if x != x else float((x > 0.0) - (x < 0.0))

    @staticmethod
    def maximum(a: float, b: float) -> float:
        return a if a >= b or a != a else b

    @staticmethod
    def minimum(a: float, b: float) -> float:
        return a if a <= b or a != a else b

    @staticmethod
    def equal(a: float, b: float) -> bool:
        return a == b

    @staticmethod
    def less(a: float, b: float) -> bool:
        return a < b

    @staticmethod
    def less_equal(a: float, b: float) -> bool:
        return a <= b

    @staticmethod
    def greater_equal(a: float, b: float) -> bool:
        return a >= b

    @staticmethod
    def logical_and(a: bool, b: bool) -> bool:
        return a and b

    @staticmethod
    def where(condition: bool, a: float, b: float) -> float:
        return a if condition else b

    # Reductions over the operands of a variadic op. NumPy's take the leading axis.

    @staticmethod
    def sum(xs: Sequence[float], axis: int = 0) -> float:
        return sum(xs, 0.0)

    @staticmethod
    def max(xs: Sequence[float], axis: int = 0) -> float:
        return reduce(FLOAT.maximum, xs)

    @staticmethod
    def vecdot(xs: Sequence[float], ys: Sequence[float], axis: int = 0) -> float:
        return sum(map(mul, xs, ys), 0.0)

    @staticmethod
    def concatenate(parts: tuple[Sequence[float], Sequence[float]]) -> tuple[float, ...]:
        return (*parts[0], *parts[1])

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Sequence[Any]) -> list[Any]:
        """`function` of every operand. An array namespace calls it once, on the whole array."""
        return [function(x) for x in xs]
