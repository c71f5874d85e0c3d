"""Which leaves of a graph are inputs, and which are parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..value import Value
from .guards import describe, variables_under
from .read import Graph


def flatten(inputs: Sequence[Any]) -> tuple[list[Value], tuple[int, ...]]:
    """The inputs in one list, and their shape if their nesting is even."""
    flat: list[Value] = []
    shape = _collect(inputs, flat) or (len(flat),)
    if len(set(flat)) < len(flat):
        twice = next(value for value in flat if flat.count(value) > 1)
        raise ValueError(f"Tape: input {describe(twice)} is given twice")
    return flat, shape


def _collect(item: Any, flat: list[Value]) -> tuple[int, ...] | None:
    if isinstance(item, Value):
        flat.append(item)
        return ()
    if isinstance(item, str) or not hasattr(item, "__iter__"):
        raise TypeError(f"Tape: an input must be a leaf Value, got {item!r}")
    shapes = [_collect(part, flat) for part in item]
    even = len(set(shapes)) == 1 and shapes[0] is not None
    return (len(shapes), *(shapes[0] or ())) if even else None


def parameters_of(
    loss: Value, inputs: Sequence[Value], parameters: Sequence[Value] | None
) -> list[Value]:
    """The leaves that are parameters."""
    given = set(inputs)
    if parameters is None:
        return sorted(variables_under([loss]) - given, key=lambda value: value.serial)
    if isinstance(parameters, Value):
        raise TypeError("Tape: parameters must be a list of leaves: write parameters=[value]")
    for value in parameters:
        if not isinstance(value, Value) or value.op is not None:
            raise ValueError(f"Tape: a parameter must be a leaf, got {value!r}")
        if value in given:
            raise ValueError(f"Tape: {describe(value)} cannot be both an input and a parameter")
    return list(parameters)


def check_input(value: Value, graph: Graph) -> None:
    if value.op is not None:
        raise ValueError(
            f"Tape: input {describe(value)} is no leaf: it is computed by {value.op}; "
            f"give the leaves that it is made from"
        )
    if value not in graph.index:
        raise ValueError(f"Tape: input {describe(value)} is no leaf of the loss's graph")
