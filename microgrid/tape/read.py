"""From a recorded graph to integers: the first pass of the compiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any

from ..bundle import Bundle, Weights
from ..ops import Op
from ..value import Operand, Value, creation_order
from .guards import Source
from .ir import Constants, Dots, Graph, Nodes

__all__ = ["read"]


def read(source: Source) -> Graph:
    """The graph of the loss and of all that its guards compare, node by node."""
    compared = list(chain.from_iterable(guard.values for guard in source.guards))
    values = creation_order(source.loss, *compared) if compared else source.order
    constants = Constants()
    index = _Index(values, constants)
    found = frozenset(map(index.get, source.parameters))
    parameters = frozenset([node for node in found if node is not None])
    reader = _Reader(index, Dots(parameters))
    kinds = [value.op for value in values]
    return Graph(
        values,
        index,
        kinds,
        reader.operands(values, kinds),
        constants,
        reader.dots,
        [index[root] for root in (source.loss, *compared)],
        parameters,
        range(len(values)),
    )


class _Index(dict[Any, int]):
    """The nodes of Values and, asked for a plain number, that of a constant."""

    def __init__(self, values: Sequence[Value], constants: Constants) -> None:
        super().__init__(zip(values, range(len(values))))
        self._constant = constants.node

    def __missing__(self, operand: Operand) -> int:
        if operand.__class__ is not float:
            raise KeyError(operand)
        return self._constant(operand)


class _Reader:
    """Finds the nodes of operands. The rows and columns of a product are looked up just once."""

    def __init__(self, index: _Index, dots: Dots) -> None:
        self._node = index.__getitem__
        self.dots = dots
        self._rows: dict[Weights, dict[int, Nodes]] = defaultdict(dict)
        self._columns: dict[Bundle, Nodes] = {}

    def operands(self, values: Sequence[Value], kinds: Sequence[Op | None]) -> list[Nodes]:
        """The nodes that each of the Values reads."""
        node = self._node
        found: list[Nodes] = []
        for value, op in zip(values, kinds):
            if op is None:
                found.append(())
                continue
            a, b = value._a, value._b
            if a is not None and b is not None:
                found.append((node(a), node(b)))
            elif a is not None:
                found.append((node(a),) if op.arity == 1 else (node(a), node(value._db)))
            elif b is not None:
                found.append((node(value._da), node(b)))
            elif value._da.__class__ is Bundle:
                found.append(self._product(value._da, value._db))
            else:
                found.append(tuple(map(node, value.operands)))
        return found

    def _product(self, made: Bundle, number: int) -> Nodes:
        """A row of those that were recorded as one product."""
        rows = self._rows[made.weights]
        row = rows.get(number)
        if row is None:  # the leaves of rows that nothing reads are not in the graph
            row = rows[number] = self._half(made.weights.rows[number])
        column = self._columns.get(made)
        if column is None:
            column = self._columns[made] = self._half(made.column)
        return self.dots.join(row, column)

    def _half(self, operands: Sequence[Operand]) -> Nodes:
        return self.dots.half(tuple(map(self._node, operands)))
