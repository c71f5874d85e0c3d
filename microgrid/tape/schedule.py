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
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from .. import ops
from ..ops import Op
from .blocks import NEUTRAL, MatrixBlock, OpBlock
from .ir import Block, Graph, Matrix, Nodes

__all__ = ["schedule"]

MOST_PADDING = 2.2  # times the operands that there are: the steps of causal attention take 2


def schedule(graph: Graph) -> tuple[list[Block], list[Matrix]]:
    """The blocks in the order in which they run, and the matrices found."""
    return _Scheduler(graph).run()


class _Scheduler:
    """Tasks are nodes, and columns, which are ready when all their entries are.

    A node's task is its own number, the tasks of columns have the numbers after that.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.size = len(graph.op)
        self.nodes = [node for node in graph.order if graph.op[node] is not None]
        self.columns: list[Nodes] = []
        self.cell_of: dict[int, tuple[Nodes, int]] = {}  # node -> row, number of its column
        self.matrix_of: dict[int, Matrix] = {}  # node -> matrix
        self.matrices = self._find_matrices()
        self._link()
        self._rank()

    def _find_matrices(self) -> list[Matrix]:
        parameters = self.graph.parameters
        meets: dict[Nodes, dict[Nodes, int]] = defaultdict(dict)  # row -> column -> node
        for node in self.nodes:
            if self.graph.op[node] is not ops.DOT or node not in self.graph.under_loss:
                continue
            firsts, seconds = self.graph.factors(node)
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
            number = {c: i for i, c in enumerate(meets[rows[0]], start=len(self.columns))}
            self.columns += number
            for row in rows:
                for column, node in meets[row].items():
                    self.cell_of[node] = row, number[column]
                    self.matrix_of[node] = matrix
        return matrices

    def _link(self) -> None:
        """Who waits for whom."""
        size, op = self.size, self.graph.op
        self.readers: list[list[int]] = [[] for _ in range(size + len(self.columns))]
        self.waits = waits = [0] * len(self.readers)
        readers, operands, rows = self.readers, self.graph.operands, self.cell_of
        alone = [node for node in self.nodes if node not in rows] if rows else self.nodes
        for task, read in chain(
            zip(alone, map(operands.__getitem__, alone)), enumerate(self.columns, start=size)
        ):
            for x in read:
                if x < size and op[x] is not None:
                    readers[x].append(task)
                    waits[task] += 1
        for node, (_, column) in rows.items():
            readers[size + column].append(node)
            waits[node] = 1

    def _rank(self) -> None:
        """How high everything is, and the number of the group that it belongs to."""
        graph, readers, size = self.graph, self.readers, self.size
        kind = [*graph.op, *[ops.DOT] * len(self.columns)]
        alone = {op: frozenset([op]) for op in {*kind}}
        self.height = height = [0] * len(readers)
        self.group = group = [0] * size
        numbers: dict[Any, int] = {}
        reader_kinds: dict[Nodes, frozenset[Op | None]] = {}  # of all nodes of a matrix's row
        for node in reversed(self.nodes):
            read_by = readers[node]
            if len(read_by) == 1:
                high, kinds = height[read_by[0]] + 1, alone[kind[read_by[0]]]
            else:
                high = max([height[r] for r in read_by], default=0) + 1
                kinds = frozenset([kind[r] for r in read_by])
            height[node] = high
            # Sums of any length are one group: shorter ones are padded.
            width = None if kind[node] in NEUTRAL else len(graph.operands[node])
            signature: Any = (kind[node], width, kinds, node in graph.under_loss)
            if node in self.cell_of:
                row, column = self.cell_of[node]
                reader_kinds[row] = reader_kinds.get(row, kinds) & kinds
                height[size + column] = max(height[size + column], high)
                signature = self.matrix_of[node]
            group[node] = numbers.setdefault(signature, len(numbers))
        self.group_count = len(numbers)
        for matrix in self.matrices:
            _put_together(matrix.rows, reader_kinds)

    def run(self) -> tuple[list[Block], list[Matrix]]:
        blocks: list[Block] = []
        size, waits, readers = self.size, self.waits, self.readers
        group, height = self.group, self.height
        ready: list[list[int]] = [[] for _ in range(self.group_count)]
        done = bytearray(size)
        top = max(height, default=0)
        heap: list[int] = []  # (top - height) size + node: the highest node comes first

        released = [n for n in self.nodes if not waits[n]]
        released += [task for task in range(size, len(waits)) if not waits[task]]
        while released or heap:
            if not heap and len(released) == 1 and released[0] < size:
                together = released  # the only one that is ready needs no queue
            else:
                for task in released:
                    # A complete column frees the rows that wait for it.
                    for node in (task,) if task < size else readers[task]:
                        ready[group[node]].append(node)
                        heappush(heap, (top - height[node]) * size + node)
                released = []
                highest = heappop(heap) % size
                if done[highest]:
                    continue
                together = sorted(ready[group[highest]])
                ready[group[highest]] = []
            released = []
            blocks += self._blocks(together)
            for node in together:
                done[node] = True
                for task in readers[node]:
                    waits[task] -= 1
                    if not waits[task]:
                        released.append(task)
        return blocks, self.matrices

    def _blocks(self, group: list[int]) -> list[Block]:
        """One block for nodes that are ready together; more if their lengths differ too much."""
        matrix = self.matrix_of.get(group[0])
        if matrix is not None:
            return [self._matrix_block(matrix, group)]
        op = self.graph.op[group[0]]
        assert op is not None
        operands = self._factors if op is ops.DOT else self.graph.operands.__getitem__
        is_swept = group[0] in self.graph.under_loss
        constants = self.graph.constants
        read = {node: operands(node) for node in group}
        return [
            OpBlock.padded(op, nodes, [read[node] for node in nodes], is_swept, constants)
            for nodes in _of_like_length(read)
        ]

    def _matrix_block(self, matrix: Matrix, group: Sequence[int]) -> MatrixBlock:
        cell = {self.cell_of[node]: node for node in group}
        numbers = list(dict.fromkeys([column for _, column in cell]))
        columns = [self.columns[number] for number in numbers]
        outputs = [[cell[row, number] for row in matrix.rows] for number in numbers]
        matrix.columns += columns
        matrix.outputs += outputs
        return MatrixBlock(matrix, columns, outputs)

    def _factors(self, node: int) -> Nodes:
        return tuple(chain(*self.graph.factors(node)))


def _of_like_length(operands: Mapping[int, Nodes]) -> list[list[int]]:
    """The nodes in groups in which no more than every second operand would be padding."""
    lengths = {len(nodes) for nodes in operands.values()}
    if len(lengths) == 1:
        return [list(operands)]
    groups: list[list[int]] = []
    total = 0  # operands of the latest group
    for node in sorted(operands, key=lambda node: len(operands[node])):
        length = len(operands[node])
        if groups and length * (len(groups[-1]) + 1) <= MOST_PADDING * (total + length):
            groups[-1].append(node)
            total += length
        else:
            groups.append([node])
            total = length
    return [sorted(group) for group in groups]


def _put_together(rows: list[Nodes], kind: dict[Nodes, Any]) -> None:
    """Rows whose results go to the same ops (sigmoid gates, say) beside each other."""
    rank: dict[Any, int] = {}
    for row in rows:
        rank.setdefault(kind[row], len(rank))
    rows.sort(key=lambda row: rank[kind[row]])
