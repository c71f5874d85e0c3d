"""Calls that take entries by index, or put them there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, total

__all__ = ["RULES", "masked_fill"]


def _index(a: Any, indices: Sequence[Any]) -> Array:
    return np.asarray(a)[_places(indices)]


def _places(indices: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(slice(None) if i is None else np.asarray(i) for i in indices)


def _index_put(a: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Array:
    out = np.array(a, dtype=object)
    places = _places(indices)
    if not accumulate:
        out[places] = np.asarray(values)
        return out
    where = np.arange(out.size).reshape(out.shape)[places]
    given = np.broadcast_to(np.asarray(values), where.shape)
    return _added(out, where.ravel().tolist(), given.ravel().tolist())


def _added(out: Array, where: Sequence[int], values: Sequence[Any]) -> Array:
    """`out` with values added at flat places, several at one place as one sum."""
    waiting: dict[int, list[Any]] = {}
    for place, value in zip(where, values):
        waiting.setdefault(place, []).append(value)
    flat = out.ravel()
    for place, found in waiting.items():
        old = flat[place]
        flat[place] = total(found if old.__class__ is float and old == 0.0 else [old, *found])
    return flat.reshape(out.shape)


def _index_select(a: Any, dim: int, places: Any) -> Array:
    return np.take(np.asarray(a), np.asarray(places), axis=dim)


def _gather(a: Any, dim: int, places: Any, sparse_grad: bool = False) -> Array:
    given, where = np.asarray(a), np.asarray(places)
    grid: list[Any] = list(np.indices(where.shape))
    grid[dim] = where
    return given[tuple(grid)]


def _spread(a: Any, dim: int, places: Any) -> tuple[Array, tuple[Any, ...]]:
    out, where = np.array(a, dtype=object), np.asarray(places)
    grid: list[Any] = list(np.indices(where.shape))
    grid[dim] = where
    return out, tuple(grid)


def _scatter(a: Any, dim: int, places: Any, source: Any) -> Array:
    out, grid = _spread(a, dim, places)
    shape = np.shape(places)
    given = np.asarray(source)
    out[grid] = given[tuple(map(slice, shape))] if given.ndim else given[()]
    return out


def _scatter_add(a: Any, dim: int, places: Any, source: Any) -> Array:
    out, grid = _spread(a, dim, places)
    where = np.arange(out.size).reshape(out.shape)[grid]
    given = np.asarray(source)[tuple(map(slice, np.shape(places)))]
    return _added(out, where.ravel().tolist(), given.ravel().tolist())


def _index_add(a: Any, dim: int, places: Any, source: Any, alpha: float = 1.0) -> Array:
    given = np.asarray(source)
    if alpha != 1:
        given = np.vectorize(lambda x: apply(ops.MUL, [x, float(alpha)]), otypes=[object])(given)
    shape = [1] * np.ndim(a)
    shape[dim] = -1
    where = np.broadcast_to(np.asarray(places).reshape(shape), given.shape)
    return _scatter_add(a, dim, where, given)


def masked_fill(a: Any, mask: Any, value: Any) -> Array:
    given, covered = np.broadcast_arrays(np.asarray(a, dtype=object), np.asarray(mask))
    out = given.copy()
    entry = np.asarray(value)[()]
    out[covered.astype(bool)] = entry if not isinstance(entry, np.generic) else float(entry)
    return out


def _masked_select(a: Any, mask: Any) -> Array:
    given, covered = np.broadcast_arrays(np.asarray(a), np.asarray(mask))
    return given[covered.astype(bool)]


def _embedding(weight: Any, places: Any, *_: Any, **__: Any) -> Array:
    return np.asarray(weight)[np.asarray(places)]


RULES: dict[str, Callable[..., Any]] = {
    "index": _index,
    "index_put": _index_put,
    "_index_put_impl_": lambda a, i, v, accumulate=False, unsafe=False: _index_put(
        a, i, v, accumulate
    ),
    "_unsafe_index": _index,
    "index_select": _index_select,
    "gather": _gather,
    "take": lambda a, places: np.asarray(a).ravel()[np.asarray(places)],
    "scatter.src": _scatter,
    "scatter.value": _scatter,
    "scatter_add": _scatter_add,
    "index_add": _index_add,
    "index_copy": lambda a, dim, i, b: _index_put(a, [None] * (dim % np.ndim(a)) + [i], b),
    "masked_fill": masked_fill,
    "masked_select": _masked_select,
    "embedding": _embedding,
}
