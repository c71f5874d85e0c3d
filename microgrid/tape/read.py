"""From a recorded graph to integers: the first pass of the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from .. import ops
from ..bundle import Bundle, Weights
from ..value import Operand, Value, creation_order
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
        self._rows: dict[tuple[Weights, int], Nodes] = {}
        self._columns: dict[Bundle, Nodes] = {}
        self._halves: dict[Any, Nodes] = {}

    def operands(self, values: Sequence[Value]) -> list[Nodes]:
        """The nodes that each of the Values reads."""
        number, constant = self._number, self.constants.node
        found: list[Nodes] = []
        for value in values:
            op, a, b = value.op, value._a, value._b
            if op is None:
                found.append(())
            elif a is not None and b is not None:
                found.append((number(a), number(b)))
            elif a is not None:
                found.append((number(a),) if op.arity == 1 else (number(a), constant(value._db)))
            elif b is not None:
                found.append((constant(value._da), number(b)))
            else:
                found.append(self._dot(value) if op is ops.DOT else self._nodes(value.operands))
        return found

    def _nodes(self, operands: Sequence[Operand]) -> Nodes:
        number, constant = self._number, self.constants.node
        return tuple([constant(x) if x.__class__ is float else number(x) for x in operands])  # type: ignore[arg-type]

    def _dot(self, value: Value) -> Nodes:
        made = value._da
        if made.__class__ is Bundle:  # the product that was recorded as one
            place = made.weights, value._db  # of rows that nothing reads, the graph has no leaves
            row = self._rows.get(place)
            if row is None:
                row = self._rows[place] = self.dots.half(self._nodes(made.weights.rows[value._db]))
            column = self._columns.get(made)
            if column is None:
                column = self._columns[made] = self.dots.half(self._nodes(made.column))
            return self.dots.join(row, column)
        operands = value.operands
        middle = len(operands) // 2
        return self.dots.join(self._half(operands[:middle]), self._half(operands[middle:]))

    def _half(self, operands: tuple[Operand, ...]) -> Nodes:
        key = _key(operands)
        nodes = self._halves.get(key)
        if nodes is None:
            nodes = self._halves[key] = self.dots.half(self._nodes(operands))
        return nodes


def _key(half: tuple[Operand, ...]) -> Any:
    """What tells halves apart: the same Values, and the same numbers, 0.0 and -0.0 being two."""
    if float not in map(type, half):
        return half
    return tuple([x.hex() if x.__class__ is float else x for x in half])
