"""Calls that take entries by index, or put them there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, data, dot, extreme, filled, mean, product, total

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
    given = np.asarray(a)
    return np.take(given, np.atleast_1d(places), axis=dim) if given.ndim else given


def _gather(a: Any, dim: int, places: Any, sparse_grad: bool = False) -> Array:
    given, where = np.atleast_1d(np.asarray(a)), np.atleast_1d(np.asarray(places))
    grid: list[Any] = list(np.indices(where.shape))
    grid[dim] = where
    return given[tuple(grid)].reshape(np.shape(places))


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


def _of_numbers(rule: Callable[..., Array]) -> Callable[..., Array]:
    """The rule for tensors without an axis as well, which PyTorch takes for ones of length 1."""

    def lifted(a: Any, dim: int, places: Any, source: Any, *rest: Any, **named: Any) -> Array:
        if np.ndim(a):
            return rule(a, dim, places, source, *rest, **named)
        source = np.atleast_1d(np.asarray(source)) if np.ndim(places) else source
        out = rule(np.atleast_1d(np.asarray(a)), 0, np.atleast_1d(places), source, *rest, **named)
        return out.reshape(())

    return lifted


def _index_copy(a: Any, dim: int, places: Any, source: Any) -> Array:
    return _index_put(a, [None] * (dim % np.ndim(a)) + [np.atleast_1d(places)], source)


def _index_add(a: Any, dim: int, places: Any, source: Any, alpha: float = 1.0) -> Array:
    given = np.asarray(source)
    if alpha != 1:
        given = np.vectorize(lambda x: apply(ops.MUL, [x, float(alpha)]), otypes=[object])(given)
    shape = [1] * np.ndim(a)
    shape[dim] = -1
    where = np.broadcast_to(np.asarray(places).reshape(shape), given.shape)
    return _scatter_add(a, dim, where, given)


def _index_fill(a: Any, dim: int, places: Any, value: Any) -> Array:
    out = np.array(a, dtype=object)
    chosen: list[Any] = [slice(None)] * out.ndim
    chosen[dim] = np.asarray(places)
    out[tuple(chosen)] = np.asarray(value)[()]
    return out


def _scatter_reduce(
    a: Any, dim: int, places: Any, source: Any, reduce: str, include_self: bool = True
) -> Array:
    """Each place gets a sum, product, mean or extreme of what is sent there (and of itself)."""
    out, grid = _spread(a, dim, places)
    flat, waiting = out.ravel(), dict[int, list[Any]]()
    where = np.arange(out.size).reshape(out.shape)[grid].ravel().tolist()
    given = np.asarray(source)[tuple(map(slice, np.shape(places)))].ravel().tolist()
    for place, value in zip(where, given):
        waiting.setdefault(place, [flat[place]] if include_self else []).append(value)
    for place, found in waiting.items():
        flat[place] = _REDUCTIONS[reduce](found)
    return flat.reshape(out.shape)


_REDUCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": total, "mean": mean, "prod": product, "amax": extreme,
    "amin": lambda xs: extreme(xs, largest=False),
}  # fmt: skip


def _masked_scatter(a: Any, mask: Any, source: Any) -> Array:
    given, covered = np.broadcast_arrays(np.asarray(a, dtype=object), np.asarray(mask))
    out, chosen = given.copy(), covered.astype(bool)
    out[chosen] = np.asarray(source).ravel()[: int(chosen.sum())]
    return out


def _put(a: Any, places: Any, source: Any, accumulate: bool = False) -> Array:
    flat = np.array(a, dtype=object).ravel()
    where = np.asarray(places).ravel() % max(flat.size, 1)
    return _index_put(flat, [where], np.asarray(source).ravel(), accumulate).reshape(np.shape(a))


def _embedding_bag(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> list[Any]:
    """The sum (mode 0), mean (1) or largest (2) of rows, bag by bag."""
    if scale_grad_by_freq:
        raise NotImplementedError("an embedding bag that divides gradients by frequency")
    rows, places = np.asarray(weight), np.asarray(indices).tolist()
    begins = np.asarray(offsets).tolist()
    ends = [*begins[1:], len(places)]
    bags = list(zip(begins, ends))[: -1 if include_last_offset else None]
    factors = [1.0] * len(places)
    factors = factors if per_sample_weights is None else np.asarray(per_sample_weights).tolist()
    found = []
    for begin, end in bags:
        kept = [i for i in range(begin, end) if places[i] != padding_idx]
        columns = rows[[places[i] for i in kept]].T.tolist() if kept else [[]] * rows.shape[1]
        own = [factors[i] for i in kept]
        found += [_bagged(column, own, mode) for column in columns]
    return [filled((len(bags), rows.shape[1]), found), None, None, None]


def _bagged(xs: list[Any], factors: list[Any], mode: int) -> Any:
    if not xs:
        return 0.0
    if mode == 2:  # the first of the largest has the whole gradient
        return max(xs, key=data)
    if mode == 1:
        return mean(xs)
    return (
        total(xs) if all(w.__class__ is float and w == 1.0 for w in factors) else dot(xs, factors)
    )


def masked_fill(a: Any, mask: Any, value: Any) -> Array:
    """a, with the value wherever the mask is true."""
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
    "_unsafe_index_put": _index_put,
    "index_select": _index_select,
    "gather": _gather,
    "take": lambda a, places: np.asarray(a).ravel()[np.asarray(places)],
    "scatter.src": _of_numbers(_scatter),
    "scatter.value": _of_numbers(_scatter),
    "scatter_add": _of_numbers(_scatter_add),
    "index_add": _of_numbers(_index_add),
    "index_copy": _of_numbers(_index_copy),
    "masked_fill": masked_fill,
    "masked_select": _masked_select,
    "embedding": _embedding,
    "_embedding_bag": _embedding_bag,
    "index_fill": _of_numbers(_index_fill),
    "scatter_reduce": _of_numbers(_scatter_reduce),
    "masked_scatter": _masked_scatter,
    "put": _put,
}
