"""Which nodes run together, and when.

The height of a node is the longest path from it to the loss. The schedule always runs the
ready group that holds the highest node, and all of that group at once. So a recurrence
runs step by step, while the readouts, softmaxes and losses of all its steps wait and then
run as one block each.

Dots are rows (of parameters) times columns. Rows that meet the same set of columns are a
matrix: the four gates of an LSTM, say, whose rows all meet (x_t, h_{t-1}, 1). All ready
columns of a matrix are one group, hence one matrix product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, TypeAlias

from .. import ops
from ..ops import Op
from .reading import Graph

Nodes: TypeAlias = tuple[int, ...]


@dataclass(eq=False)
class Matrix:
    """Rows of parameters that all meet the same columns; outputs[c][r] as in a MatrixBlock."""

    rows: list[Nodes]
    columns: list[Nodes] = field(default_factory=list)
    outputs: list[list[int]] = field(default_factory=list)


@dataclass(eq=False)
class MatrixBlock:
    """matrix x columns; outputs[c][r] is the node of row r and column c."""

    matrix: Matrix
    columns: list[Nodes]
    outputs: list[list[int]]


@dataclass(eq=False)
class OpBlock:
    """One op applied to many nodes: operands[i][k] is operand k of node outputs[i]."""

    op: Op
    outputs: list[int]
    operands: list[Nodes]


Block: TypeAlias = MatrixBlock | OpBlock


def schedule(graph: Graph) -> tuple[list[Block], list[Matrix]]:
    """The blocks in the order in which they run, and the matrices found."""
    return _Scheduler(graph).run()


class _Scheduler:
    """Tasks are nodes, and columns: a column is ready when all its entries are."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = [node for node, op in enumerate(graph.op) if op is not None]
        self.row_of: dict[int, Nodes] = {}
        self.column_of: dict[int, Nodes] = {}
        self.matrix_of: dict[int, Matrix] = {}  # node -> matrix
        self.sample: dict[Nodes, int] = {}  # row -> one of its nodes
        self.matrices = self._find_matrices()
        self._link()
        for matrix in self.matrices:
            self._sort_rows(matrix)

    def _find_matrices(self) -> list[Matrix]:
        parameters = self.graph.parameters
        meets: dict[Nodes, dict[Nodes, int]] = defaultdict(dict)  # row -> column -> node
        for node in self.nodes:
            if self.graph.op[node] is not ops.DOT:
                continue
            firsts, seconds = zip(*self.graph.pairs(node))
            if parameters.issuperset(firsts) and seconds not in meets[firsts]:
                meets[firsts][seconds] = node
        rows_by_columns: dict[frozenset[Nodes], list[Nodes]] = defaultdict(list)
        for row, columns in meets.items():
            if columns:
                rows_by_columns[frozenset(columns)].append(row)
        matrices = []
        for rows in rows_by_columns.values():
            matrix = Matrix(rows)
            matrices.append(matrix)
            for row in rows:
                self.sample[row] = next(iter(meets[row].values()))
                for column, node in meets[row].items():
                    self.row_of[node], self.column_of[node] = row, column
                    self.matrix_of[node] = matrix
        return matrices

    def _link(self) -> None:
        """Who waits for whom, how high everything is, and what groups with what."""
        graph, op = self.graph, self.graph.op
        self.readers: dict[Any, list[Any]] = defaultdict(list)
        self.waits: dict[Any, int] = {}
        for node in self.nodes:
            column = self.column_of.get(node)
            if column is None:
                self._wait(node, graph.operands[node])
                continue
            self.waits[node] = 1
            self.readers[column].append(node)
            if column not in self.waits:
                self._wait(column, column)
        self.height: dict[Any, int] = {}
        for node in reversed(self.nodes):
            column = self.column_of.get(node)
            height = 1 + max([self.height[r] for r in self.readers[node]], default=0)
            self.height[node] = height
            if column is not None:
                self.height[column] = max(self.height.get(column, 0), height)
        self.signature = {
            node: self.matrix_of.get(node)
            or (
                op[node],
                len(graph.operands[node]),
                self._reader_ops(node),
            )
            for node in self.nodes
        }

    def _sort_rows(self, matrix: Matrix) -> None:
        """Rows whose results go to the same ops (sigmoid gates, say) beside each other."""
        rank: dict[Any, int] = {}
        kind = {row: self._reader_ops(self.sample[row]) for row in matrix.rows}
        for row in matrix.rows:
            rank.setdefault(kind[row], len(rank))
        matrix.rows.sort(key=lambda row: rank[kind[row]])

    def _reader_ops(self, node: int) -> frozenset[Op | None]:
        op = self.graph.op
        return frozenset([ops.DOT if isinstance(r, tuple) else op[r] for r in self.readers[node]])

    def _wait(self, task: Any, operands: Iterable[int]) -> None:
        op = self.graph.op
        size = len(op)
        needed = [x for x in operands if x < size and op[x] is not None]
        self.waits[task] = len(needed)
        for x in needed:
            self.readers[x].append(task)

    def run(self) -> tuple[list[Block], list[Matrix]]:
        blocks: list[Block] = []
        ready: dict[Any, list[int]] = defaultdict(list)  # signature -> nodes
        heap: list[tuple[int, int]] = []
        done: set[int] = set()

        released = [task for task, count in self.waits.items() if count == 0]
        while released or heap:
            for task in released:
                for node in self._nodes_of(task):
                    ready[self.signature[node]].append(node)
                    heappush(heap, (-self.height[node], node))
            released = []
            _, highest = heappop(heap)
            if highest in done:
                continue
            group = sorted(ready.pop(self.signature[highest]))
            done.update(group)
            blocks.append(self._block(group))
            for node in group:
                for task in self.readers[node]:
                    self.waits[task] -= 1
                    if self.waits[task] == 0:
                        released.append(task)
        return blocks, self.matrices

    def _nodes_of(self, task: Any) -> list[int]:
        """A node is its own task; a column that is complete frees the rows that wait for it."""
        return self.readers[task] if isinstance(task, tuple) else [task]

    def _block(self, group: list[int]) -> Block:
        matrix = self.matrix_of.get(group[0])
        if matrix is None:
            op = self.graph.op[group[0]]
            assert op is not None
            return OpBlock(op, group, [self._operands(node) for node in group])
        columns = list(dict.fromkeys(self.column_of[node] for node in group))
        cell = {(self.row_of[node], self.column_of[node]): node for node in group}
        outputs = [[cell[row, column] for row in matrix.rows] for column in columns]
        matrix.columns += columns
        matrix.outputs += outputs
        return MatrixBlock(matrix, columns, outputs)

    def _operands(self, node: int) -> Nodes:
        if self.graph.op[node] is not ops.DOT:
            return self.graph.operands[node]
        firsts, seconds = zip(*self.graph.pairs(node))
        return (*firsts, *seconds)
