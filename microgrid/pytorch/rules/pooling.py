"""Pooling: what becomes one entry of each stretch of the last axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, filled, mean, total
from .marks import chooses

__all__ = ["RULES"]


def _max_pool(n: int) -> Callable[..., Any]:
    """A rule over n axes: PyTorch says where the largest entries are, flat over those axes."""

    @chooses
    def rule(made: list[np.ndarray], a: Any, *_: Any, **__: Any) -> list[Any]:
        given, places = np.asarray(a), made[1].astype(int)
        lead = given.shape[: given.ndim - n]
        flat = given.reshape(*lead, -1)
        chosen = np.take_along_axis(flat, places.reshape(*lead, -1), -1)
        return [chosen.reshape(places.shape), None]

    return rule


def _max_unpool(n: int) -> Callable[..., Array]:
    """A rule that puts entries back where `max_pool` found them; the others are 0."""

    def rule(a: Any, places: Any, size: Sequence[int], *_: Any) -> Array:
        given, where = np.asarray(a), np.asarray(places)
        lead = given.shape[: given.ndim - n]
        lines = math.prod(lead)
        out = np.full((lines, math.prod(size)), 0.0, dtype=object)
        entries, found = given.reshape(lines, -1), where.reshape(lines, -1).astype(int)
        np.put_along_axis(out, found, entries, -1)
        return out.reshape(*lead, *size)

    return rule


def _avg_pool(n: int) -> Callable[..., Array]:
    """A rule for the mean of windows over n axes."""

    def rule(
        a: Any,
        size: Any,
        stride: Any = (),
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Array:
        sizes, pads = _tuple(size, n), _tuple(padding, n)
        strides = _tuple(stride, n) if stride else sizes
        axes = [_windows(*axis, ceil_mode) for axis in zip(np.shape(a)[-n:], sizes, strides, pads)]

        def middle(xs: list[Any], place: Sequence[int]) -> Any:
            reach = math.prod(axis[i][1] for axis, i in zip(axes, place))
            count = divisor_override or (reach if count_include_pad else len(xs))
            return apply(ops.DIV, [total(xs), float(count)])

        return _pooled(a, [[part for part, _ in axis] for axis in axes], middle)

    return rule


def _windows(
    length: int, size: int, stride: int, padding: int, ceil: bool
) -> list[tuple[slice, int]]:
    """The stretches of one axis, each with its length before what lies outside is cut off."""
    steps = length + 2 * padding - size
    count = (-(-steps // stride) if ceil else steps // stride) + 1
    found = []
    for begin in range(-padding, -padding + count * stride, stride):
        if ceil and begin >= length:  # a window that would begin behind the end is not made
            break
        end = min(begin + size, length + padding)
        found.append((slice(max(begin, 0), min(end, length)), end - begin))
    return found


def _adaptive_avg_pool(a: Any, size: Sequence[int]) -> Array:
    """The mean of each of `size` stretches of nearly equal length, per axis."""
    axes = []
    for length, parts in zip(np.shape(a)[-len(size) :], size):
        axes.append([slice(i * length // parts, -(-(i + 1) * length // parts))
                     for i in range(parts)])  # fmt: skip
    return _pooled(a, axes, lambda xs, _: mean(xs))


def _pooled(
    a: Any, axes: Sequence[Sequence[slice]], f: Callable[[list[Any], Sequence[int]], Any]
) -> Array:
    """f of the entries of every stretch and of its place, over the last axes."""
    given, n = np.asarray(a), len(axes)
    lead, size = given.shape[: given.ndim - n], [len(axis) for axis in axes]
    out = np.empty((*lead, *size), dtype=object)
    for place in np.ndindex(*size):
        part = given[(..., *[axes[k][i] for k, i in enumerate(place)])]
        lines = part.reshape(math.prod(lead), -1).tolist()
        out[(..., *place)] = filled(lead, [f(xs, place) for xs in lines])
    return out


def _tuple(given: Any, n: int) -> list[int]:
    values = [given] if isinstance(given, int) else list(given)
    return values * n if len(values) == 1 else values


RULES: dict[str, Callable[..., Any]] = {
    **{f"max_pool{n}d_with_indices": _max_pool(n) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
    **{f"fractional_max_pool{n}d": _max_pool(n) for n in (2, 3)},
    **{f"max_unpool{n}d": _max_unpool(n) for n in (2, 3)},
    **{f"avg_pool{n}d": _avg_pool(n) for n in (1, 2, 3)},
    **{f"_adaptive_avg_pool{n}d": _adaptive_avg_pool for n in (2, 3)},
}
