"""Primitives that look at an array window by window: pooling and convolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import Array, extreme, filled, matmul, total, windows

__all__ = ["WINDOWS"]


def _places(
    shape: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    spread: Sequence[int],
    dilation: Sequence[int],
) -> np.ndarray:
    """(places of the output..., entries of a window...): flat places, -1 where there is none."""
    import jax

    flat = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    edges = [(low, high, step - 1) for (low, high), step in zip(padding, spread)]
    wide = np.asarray(jax.lax.pad(flat, np.int32(-1), edges))
    return windows(wide, size, strides, [0] * len(size), dilation)


def _pooling(f: Callable[[list[Any]], Any]) -> Callable[..., Array]:
    def rule(
        a: Any,
        *_: Any,
        window_dimensions: Sequence[int],
        window_strides: Sequence[int],
        padding: Any,
        base_dilation: Sequence[int],
        window_dilation: Sequence[int],
    ) -> Array:
        given = np.asarray(a)
        seen = _places(
            given.shape, window_dimensions, window_strides, padding, base_dilation, window_dilation
        )
        entries, shape = given.ravel().tolist(), seen.shape[: given.ndim]
        rows = seen.reshape(int(np.prod(shape)), -1).tolist()
        return filled(shape, [f([entries[i] for i in row if i >= 0]) for row in rows])

    return rule


def _convolution(
    x: Any,
    weight: Any,
    *,
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Array:
    """A dot of a window of x with a filter for every place, without the zeros around it."""
    if batch_group_count != 1:
        raise NotImplementedError("from_jax: a convolution in groups of the batch")
    given = np.transpose(x, dimension_numbers.lhs_spec)
    filters = np.transpose(weight, dimension_numbers.rhs_spec)
    n = given.ndim - 2
    seen = _places(
        given.shape[2:], filters.shape[2:], window_strides, padding, lhs_dilation, rhs_dilation
    )
    shape, groups = seen.shape[:n], feature_group_count
    each, channels = len(filters) // groups, filters.shape[1]
    lines, kernels = given.reshape(*given.shape[:2], -1), filters.reshape(*filters.shape[:2], -1)
    out = np.empty((len(given), len(filters), *shape), dtype=object)
    for place in np.ndindex(*shape):
        met = seen[place].ravel()
        inside = met >= 0
        for g in range(groups):
            to = slice(g * each, (g + 1) * each)
            own = lines[:, g * channels : (g + 1) * channels][:, :, met[inside]]
            columns = kernels[to][:, :, inside].reshape(each, -1).T
            out[(slice(None), to, *place)] = matmul(own.reshape(len(own), -1), columns)
    return out.transpose(np.argsort(dimension_numbers.out_spec))


WINDOWS: dict[str, Callable[..., Array]] = {
    "reduce_window_sum": _pooling(total),
    "reduce_window_max": _pooling(extreme),
    "reduce_window_min": _pooling(lambda xs: extreme(xs, largest=False)),
    "conv_general_dilated": _convolution,
}
