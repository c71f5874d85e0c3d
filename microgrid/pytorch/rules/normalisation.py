"""Layer, batch, group and RMS normalisation, from their formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, by_line, dot, mean
from ...value import Operand
from .pointwise import add, div, mul, sub

__all__ = ["RULES"]


def _standardised(xs: Sequence[Operand], eps: float) -> list[Operand]:
    """(x - mean) / sqrt(variance + eps), the variance divided by n."""
    middle = mean(xs)
    away = [apply(ops.SUB, [x, middle]) for x in xs]
    spread = apply(ops.DIV, [dot(away, away), float(len(xs))])
    deviation = apply(ops.SQRT, [apply(ops.ADD, [spread, eps])])
    return [apply(ops.DIV, [x, deviation]) for x in away]


def _affine(a: Array, weight: Any, bias: Any) -> Array:
    if weight is not None:
        a = mul(a, weight)
    return a if bias is None else add(a, bias)


def _layer_norm(a: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> list[Any]:
    given = np.asarray(a)
    rows = given.reshape(-1, math.prod(shape))
    out = by_line(rows, 1, lambda xs: _standardised(xs, eps)).reshape(given.shape)
    return [_affine(out, weight, bias), None, None]


def _by_channel(x: Any, ndim: int) -> Any:
    """A vector with an entry per channel, ready to meet an array whose axis 1 they are."""
    return None if x is None else np.asarray(x).reshape(-1, *[1] * (ndim - 2))


def _batch_norm(
    a: Any, weight: Any, bias: Any, mean_: Any, var: Any, train: bool, momentum: float, eps: float
) -> list[Any]:
    """Standardised over the batch in training, by the running statistics otherwise."""
    given = np.asarray(a)
    n = given.ndim
    if train:
        moved = np.moveaxis(given, 1, 0)
        rows = moved.reshape(moved.shape[0], -1)
        flat = by_line(rows, 1, lambda xs: _standardised(xs, eps))
        out = np.moveaxis(flat.reshape(moved.shape), 0, 1)
    else:
        deviation = np.sqrt(np.asarray(var, dtype=float) + eps)
        out = div(sub(given, _by_channel(mean_, n)), _by_channel(deviation, n))
    return [_affine(out, _by_channel(weight, n), _by_channel(bias, n)), None, None]


def _without_statistics(
    a: Any, weight: Any, bias: Any, train: bool, momentum: float, eps: float
) -> list[Any]:
    return _batch_norm(a, weight, bias, None, None, True, momentum, eps)


def _group_norm(
    a: Any, weight: Any, bias: Any, n: int, c: int, hw: int, groups: int, eps: float
) -> list[Any]:
    given = np.asarray(a)
    rows = given.reshape(n * groups, -1)
    out = by_line(rows, 1, lambda xs: _standardised(xs, eps)).reshape(given.shape)
    dims = given.ndim
    return [_affine(out, _by_channel(weight, dims), _by_channel(bias, dims)), None, None]


def _rms_norm(a: Any, shape: Sequence[int], weight: Any, eps: float | None) -> list[Any]:
    """x / sqrt(mean(x**2) + eps) * weight."""
    given = np.asarray(a)
    size = math.prod(shape)
    small = 2.220446049250313e-16 if eps is None else eps

    def line(xs: list[Any]) -> list[Operand]:
        spread = apply(ops.DIV, [dot(xs, xs), float(size)])
        deviation = apply(ops.SQRT, [apply(ops.ADD, [spread, small])])
        return [apply(ops.DIV, [x, deviation]) for x in xs]

    out = by_line(given.reshape(-1, size), 1, line).reshape(given.shape)
    return [_affine(out, weight, None), None]


RULES: dict[str, Callable[..., Any]] = {
    "native_layer_norm": _layer_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "_batch_norm_with_update": lambda a, w, b, m, v, momentum, eps: _batch_norm(
        a, w, b, m, v, True, momentum, eps
    ),
    "_native_batch_norm_legit_no_training": lambda a, w, b, m, v, momentum, eps: _batch_norm(
        a, w, b, m, v, False, momentum, eps
    ),
    "_native_batch_norm_legit.no_stats": _without_statistics,
    "native_group_norm": _group_norm,
    "_fused_rms_norm": _rms_norm,
}
