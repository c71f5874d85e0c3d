"""From a recorded graph to integers: the first pass of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from .. import ops
from ..value import Value, creation_order
from .guards import Source
from .ir import Constants, Dots, Graph, Nodes

__all__ = ["read"]


def read(source: Source) -> Graph:
    """The graph of the loss and of all that its guards compare, node by node."""
    compared = list(chain.from_iterable(guard.values for guard in source.guards))
    values = creation_order(source.loss, *compared) if compared else source.order
    index = dict(zip(values, range(len(values))))
    reader = _Reader(index)
    return Graph(
        values,
        index,
        [value.op for value in values],
        reader.operands(values),
        reader.constants,
        reader.dots,
        [index[root] for root in (source.loss, *compared)],
        frozenset([index[p] for p in source.parameters if p in index]),
        range(len(values)),
    )


class _Reader:
    """Finds the nodes of operands. A dot's are found half by half, and most halves just once."""

    def __init__(self, index: dict[Value, int]) -> None:
        self._number = index.__getitem__
        self.constants = Constants()
        self.dots = Dots()
        self._halves: dict[Any, Nodes] = {}
        self._middle: dict[int, int] = {}  # of a dot's plain numbers: parents in the first half

    def operands(self, values: Sequence[Value]) -> list[Nodes]:
        """The nodes that each of the Values reads."""
        number = self._number
        found: list[Nodes] = []
        for value in values:
            parents, consts = value.parents, value.consts
            if value.op is ops.DOT:
                found.append(self._dot(parents, consts))
            elif consts is not None:
                found.append(self._mixed(tuple(map(number, parents)), consts))
            elif len(parents) == 2:
                a, b = parents
                found.append((number(a), number(b)))
            else:
                found.append(tuple(map(number, parents)))
        return found

    def _dot(self, parents: tuple[Value, ...], consts: Sequence[float | None] | None) -> Nodes:
        if consts is None:
            middle = len(parents) // 2
            firsts, seconds = self._half(parents[:middle]), self._half(parents[middle:])
        else:
            # The rows of a matrix share one tuple of plain numbers, and the same column.
            size = len(consts) // 2
            middle = self._middle.get(id(consts), -1)
            if middle < 0:
                middle = self._middle[id(consts)] = consts[:size].count(None)
            firsts = (
                self._half(parents[:middle])
                if middle == size
                else self._half(parents[:middle], consts, slice(size))
            )
            seconds = self._half(parents[middle:], consts, slice(size, None))
        return self.dots.join(firsts, seconds)

    def _half(
        self,
        values: tuple[Value, ...],
        consts: Sequence[float | None] | None = None,
        part: slice = slice(None),
    ) -> Nodes:
        key = values if consts is None else (id(consts), part.start, values)
        nodes = self._halves.get(key)
        if nodes is None:
            nodes = tuple(map(self._number, values))
            if consts is not None:
                nodes = _interleaving(consts[part], self.constants)(nodes)
            nodes = self._halves[key] = self.dots.half(nodes)
        return nodes

    def _mixed(self, nodes: Nodes, consts: Sequence[float | None]) -> Nodes:
        if len(consts) == 2:
            a, b = consts
            if a is None:
                assert b is not None
                return (*nodes, self.constants.node(b))
            return (self.constants.node(a), *nodes)
        return _interleaving(consts, self.constants)(nodes)


def _interleaving(consts: Sequence[float | None], constants: Constants) -> Callable[[Nodes], Nodes]:
    """A function that puts the nodes of plain numbers between those of the parents."""
    parents = sum(const is None for const in consts)
    numbers = tuple([constants.node(const) for const in consts if const is not None])
    from_parents, from_numbers = iter(range(parents)), iter(range(parents, len(consts)))
    order = [next(from_parents if const is None else from_numbers) for const in consts]
    if len(order) == 1:
        return lambda nodes: nodes + numbers
    select: Callable[[Any], Nodes] = itemgetter(*order)
    return lambda nodes: select(nodes + numbers)
