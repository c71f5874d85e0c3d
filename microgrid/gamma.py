"""The gamma function and its kin, as sums that are good to the last digits.

They have no row among the ops: each is the recurrence that shifts its argument up by twelve, and
Stirling's series there (Abramowitz and Stegun 6.1.40, 6.3.18, 6.4.11), so that a graph of them is
differentiated, replayed and drawn like any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import ops
from .arrays import apply, data, filled, guard, product, total
from .value import Operand

__all__ = ["log_gamma", "polygamma"]

_SHIFT = 12  # from here on the series below is exact to 1e-17
# The Bernoulli numbers B_2, B_4, ..., B_16.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_LARGE = 1e20  # twelve such factors are still a number


def _plus(x: Operand, shift: float) -> Operand:
    return apply(ops.ADD, [x, shift]) if shift else x


def _over(a: Operand, b: Operand) -> Operand:
    return apply(ops.DIV, [a, b])


def _power(x: Operand, n: int) -> Operand:
    return x if n == 1 else apply(ops.POW, [x, float(n)])


def _series(coefficients: Sequence[float], x: Operand, first: int) -> Operand:
    """sum_k c_k / x^(first + 2 k)."""
    inverse = _over(1.0, _power(x, 2))
    found: Operand = coefficients[-1]
    for c in coefficients[-2::-1]:
        found = _plus(apply(ops.MUL, [found, inverse]), c)
    return _over(found, _power(x, first)) if first else found


def log_gamma(x: Operand) -> Operand:
    """ln |Gamma(x)|; below 1/2 by the reflection ln(pi / |sin pi x|) - ln Gamma(1 - x).

    >>> round(float(log_gamma(4.0)), 12) == round(math.log(6.0), 12)
    True
    """
    if _is_below(x, 0.5):
        sine = apply(ops.ABS, [apply(ops.SIN, [apply(ops.MUL, [x, math.pi])])])
        other = log_gamma(apply(ops.SUB, [1.0, x]))
        return apply(ops.SUB, [apply(ops.LOG, [_over(math.pi, sine)]), other])
    shift = _SHIFT if _is_below(x, _LARGE) else 0
    y = _plus(x, shift)
    whole = apply(ops.MUL, [_plus(y, -0.5), apply(ops.LOG, [y])])
    parts = [whole, apply(ops.NEG, [y]), 0.5 * math.log(2 * math.pi)]
    parts.append(_series([b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)], y, 1))
    if shift:
        factors = product([_plus(x, i) for i in range(shift)])
        parts.append(apply(ops.NEG, [apply(ops.LOG, [factors])]))
    return total(parts)


def polygamma(n: int, x: Operand) -> Operand:
    """The n-th derivative of digamma, for x > 0; digamma itself for n = 0 and any x.

    >>> round(float(polygamma(1, 1.0)), 12) == round(math.pi**2 / 6, 12)
    True
    """
    if n == 0 and _is_below(x, 0.5):
        angle = apply(ops.MUL, [x, math.pi])
        cotangent = _over(apply(ops.COS, [angle]), apply(ops.SIN, [angle]))
        other = polygamma(0, apply(ops.SUB, [1.0, x]))
        return apply(ops.SUB, [other, apply(ops.MUL, [cotangent, math.pi])])
    if data(x) <= 0:
        raise NotImplementedError("a polygamma function of a number that is not positive")
    y, sign, least = _plus(x, _SHIFT), (-1.0) ** (n + 1), math.factorial(n)
    below = total([_over(float(least), _power(_plus(x, i), n + 1)) for i in range(_SHIFT)])
    terms = [b * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
             for k, b in enumerate(_BERNOULLI, 1)]  # fmt: skip
    first = apply(ops.NEG, [apply(ops.LOG, [y])]) if n == 0 else _over(
        float(math.factorial(n - 1)), _power(y, n)
    )  # fmt: skip
    parts = [below, first, _over(least / 2.0, _power(y, n + 1)), _series(terms, y, n + 2)]
    return apply(ops.MUL, [total(parts), sign])


def _is_below(x: Operand, limit: float) -> bool:
    """Which formula is taken; a Tape of the graph is held to it."""
    below = data(x) < limit
    guard("less" if below else "greater_equal", filled((), [x]), limit)
    return below
