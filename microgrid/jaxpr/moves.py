"""Primitives that only move entries: JAX itself moves the places of the entries.

Whatever a gather or a scatter does with windows, batches and places beyond the edge, it does the
same with integers. So it is run on the numbers 0, 1, 2, ..., and the entries follow them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import Array, extreme, filled, numbers, product, total

__all__ = ["MOVES", "moved"]

# Which of a primitive's arguments hold entries that are moved; None for all of them.
MOVES: dict[str, tuple[int, ...] | None] = {
    "gather": (0,),
    "scatter": (0, 2),
    "dynamic_slice": (0,),
    "dynamic_update_slice": (0, 1),
    "pad": (0, 1),
    "stack": None,
    "tile": (0,),
    "scatter-add": (0, 2),
    "scatter-mul": (0, 2),
    "scatter-min": (0, 2),
    "scatter-max": (0, 2),
}
_GATHERED: dict[str, Callable[[list[Any]], Any]] = {
    "scatter-add": total,
    "scatter-mul": product,
    "scatter-min": lambda xs: extreme(xs, largest=False),
    "scatter-max": extreme,
}


def moved(primitive: Any, given: Sequence[Any], params: Mapping[str, Any]) -> list[Array]:
    """What a primitive of the table makes of arrays that hold Values."""
    if primitive.name in _GATHERED:
        a, indices, updates = given
        return [_sent(_GATHERED[primitive.name], a, indices, updates, params)]
    which = MOVES[primitive.name]
    chosen = range(len(given)) if which is None else which
    arguments, entries = list(given), list[Any]()
    for i in chosen:
        array = np.asarray(given[i])
        places = np.arange(len(entries), len(entries) + array.size, dtype=np.int32)
        arguments[i] = places.reshape(array.shape)
        entries += array.ravel().tolist()
    params, beyond = dict(params), math.nan
    if params.get("fill_value") is not None:
        params["fill_value"], beyond = -1, float(params["fill_value"])
    found = np.asarray(primitive.bind(*arguments, **params))
    taken = [entries[place] if place >= 0 else beyond for place in found.ravel().tolist()]
    return [filled(found.shape, taken)]


def _sent(
    f: Callable[[list[Any]], Any], a: Any, indices: Any, updates: Any, params: Mapping[str, Any]
) -> Array:
    """Every place of `a`: f of its entry and of the updates that are sent there.

    Where an update is sent is seen by sending it alone, a 1 into zeros.
    """
    import jax

    given, sent = np.asarray(a), np.asarray(updates)
    kept = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    options = {key: params[key] for key in kept}
    zeros = np.zeros(given.shape, dtype=np.int32)
    ones = np.eye(sent.size, dtype=np.int32).reshape(sent.size, *sent.shape)
    alone = jax.vmap(lambda one: jax.lax.scatter_add(zeros, numbers(indices), one, **options))(ones)
    waiting: dict[int, list[Any]] = {}
    flat, entries = given.ravel().tolist(), sent.ravel().tolist()
    for update, place in zip(*np.nonzero(np.asarray(alone).reshape(sent.size, -1))):
        waiting.setdefault(int(place), []).append(entries[update])
    for place, found in waiting.items():
        empty = f is total and flat[place].__class__ is float and flat[place] == 0.0
        flat[place] = f(found if empty else [flat[place], *found])
    return filled(given.shape, flat)
