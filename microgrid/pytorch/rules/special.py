"""The gamma function and its kin, and the normal distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, filled, total
from ...gamma import log_gamma, polygamma
from ...value import Operand

__all__ = ["RULES"]


def _each(f: Callable[[Operand], Operand]) -> Callable[[Any], Array]:
    def rule(a: Any) -> Array:
        given = np.asarray(a)
        return filled(given.shape, map(f, given.ravel().tolist()))

    return rule


def _normal(x: Operand) -> Operand:
    """The normal distribution, (1 + erf(x / sqrt 2)) / 2."""
    bell = apply(ops.ERF, [apply(ops.MUL, [x, math.sqrt(0.5)])])
    return apply(ops.MUL, [apply(ops.ADD, [bell, 1.0]), 0.5])


def _multivariate(a: Array, p: int) -> Array:
    """ln Gamma_p(a) = p (p - 1) / 4 ln pi + sum_j ln Gamma(a - j / 2)."""
    constant = p * (p - 1) / 4 * math.log(math.pi)

    def one(x: Operand) -> Operand:
        return total([*(log_gamma(apply(ops.SUB, [x, j / 2])) for j in range(p)), constant])

    return _each(one)(a)


RULES: dict[str, Callable[..., Any]] = {
    "lgamma": _each(log_gamma),
    "digamma": _each(lambda x: polygamma(0, x)),
    "polygamma": lambda n, a: _each(lambda x: polygamma(n, x))(a),
    "mvlgamma": lambda a, p: _multivariate(np.asarray(a), p),
    "special_ndtr": _each(_normal),
}
