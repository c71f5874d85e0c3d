"""From a recorded graph to integers: the first pass of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from ..value import creation_order
from .guards import Source
from .ir import Constants, Graph, Nodes

__all__ = ["read"]


def read(source: Source) -> Graph:
    """The graph of the loss and of all that its guards compare, node by node."""
    compared = list(chain.from_iterable(guard.values for guard in source.guards))
    values = creation_order(source.loss, *compared) if compared else source.order
    index = dict(zip(values, range(len(values))))
    number, constants = index.__getitem__, Constants()
    patterns: dict[int, Callable[[Nodes], Nodes]] = {}
    operands: list[Nodes] = []
    for value in values:
        nodes = tuple(map(number, value.parents))
        if value.consts is not None:
            pattern = patterns.get(id(value.consts))
            if pattern is None:
                pattern = patterns[id(value.consts)] = _pattern(value.consts, constants)
            nodes = pattern(nodes)
        operands.append(nodes)
    return Graph(
        values,
        index,
        [value.op for value in values],
        operands,
        constants,
        [index[root] for root in (source.loss, *compared)],
        frozenset([index[p] for p in source.parameters if p in index]),
        range(len(values)),
    )


def _pattern(consts: Sequence[float | None], constants: Constants) -> Callable[[Nodes], Nodes]:
    """A function that puts the nodes of plain numbers between those of the parents.

    The rows of a matrix share one tuple of numbers, so that this is worked out once for all.
    """
    parents = sum(const is None for const in consts)
    numbers = tuple([constants.node(const) for const in consts if const is not None])
    from_parents, from_numbers = iter(range(parents)), iter(range(parents, len(consts)))
    order = [next(from_parents if const is None else from_numbers) for const in consts]
    if len(order) == 1:
        return lambda nodes: nodes + numbers
    select: Callable[[Any], Nodes] = itemgetter(*order)
    return lambda nodes: select(nodes + numbers)
