"""From a recorded graph to integers: the first pass of the compiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

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
    parameters = frozenset([index[p] for p in source.parameters if p in index])
    reader = _Reader(index, parameters)
    return Graph(
        values,
        index,
        [value.op for value in values],
        reader.operands(values),
        reader.constants,
        reader.dots,
        [index[root] for root in (source.loss, *compared)],
        parameters,
        range(len(values)),
    )


class _Reader:
    """Finds the nodes of operands. The rows and columns of a product are looked up just once."""

    def __init__(self, index: dict[Value, int], parameters: frozenset[int]) -> None:
        self._number = index.__getitem__
        self.constants = Constants()
        self.dots = Dots(parameters)
        self._rows: dict[Weights, dict[int, Nodes]] = defaultdict(dict)
        self._columns: dict[Bundle, Nodes] = {}

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
            elif value._da.__class__ is Bundle:
                found.append(self._product(value._da, value._db))
            else:
                found.append(self._nodes(value.operands))
        return found

    def _nodes(self, operands: Sequence[Operand]) -> Nodes:
        number, constant = self._number, self.constants.node
        return tuple([constant(x) if x.__class__ is float else number(x) for x in operands])  # type: ignore[arg-type]

    def _product(self, made: Bundle, number: int) -> Nodes:
        """A row of those that were recorded as one product."""
        rows = self._rows[made.weights]
        row = rows.get(number)
        if row is None:  # the leaves of rows that nothing reads are not in the graph
            row = rows[number] = self.dots.half(self._nodes(made.weights.rows[number]))
        column = self._columns.get(made)
        if column is None:
            column = self._columns[made] = self.dots.half(self._nodes(made.column))
        return self.dots.join(row, column)
