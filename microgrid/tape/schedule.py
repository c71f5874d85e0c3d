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

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain, pairwise
from typing import Any, TypeAlias

from .. import ops
from ..ops import Op
from .blocks import LEAST_CHAIN, NARROW, NEUTRAL, ChainBlock, MatrixBlock, OpBlock
from .ir import Block, Graph, Lone, Matrix, Nodes

__all__ = ["schedule"]

_Group: TypeAlias = Matrix | tuple[Op | None, int | None, frozenset[Op | None], bool]

# A node and its group. (top - height) size + node puts the highest node first, the oldest of these.
_Place: TypeAlias = tuple[int, _Group]

_NOBODY: list[int] = []  # reads a leaf, or what was fused away, as far as the schedule goes
_MOST_PADDING = 2.2  # times the operands that there are: the steps of causal attention take 2


def schedule(graph: Graph) -> tuple[list[Block], list[Matrix]]:
    """The blocks in the order in which they run, and the matrices found."""
    return _Scheduler(graph).run()


class _Scheduler:
    """Tasks are nodes, and columns, which are ready when all their entries are.

    A node's task is its own number, the tasks of columns have the numbers after that.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.op, self.operands, self.under_loss = graph.op, graph.operands, graph.under_loss
        self.size = len(graph.op)
        self.nodes = [node for node in graph.order if self.op[node] is not None]
        self.rows: list[Nodes] = []
        self.columns: list[Nodes] = []
        self.cell_of: dict[int, tuple[int, int]] = {}  # node -> number of its row, of its column
        self.matrix_of: dict[int, Matrix] = {}  # node -> matrix
        self.meets: list[dict[int, int]] = []  # per row: column -> node
        self.rows_of: dict[Matrix, list[int]] = self._find_matrices()
        self._link()
        self._rank()

    def _find_matrices(self) -> dict[Matrix, list[int]]:
        """Rows that meet the same columns are a matrix."""
        op, operands, under_loss = self.op, self.operands, self.under_loss
        factors, dot = self.graph.dots.factors, ops.DOT
        row_number: dict[int, int] = {}  # by the identity of the row; -1 where it is none
        column_number: dict[int, int] = {}
        meets = self.meets
        for node in [node for node in self.nodes if op[node] is dot and node in under_loss]:
            row, column = factors(operands[node])
            number = row_number.get(id(row))
            if number is None:
                number = row_number[id(row)] = self._add_row(row)
            if number < 0:
                continue
            place = column_number.get(id(column))
            if place is None:
                place = column_number[id(column)] = len(self.columns)
                self.columns.append(column)
            meets[number].setdefault(place, node)
        rows_by_columns: dict[frozenset[int], list[int]] = defaultdict(list)
        for number, columns in enumerate(meets):
            rows_by_columns[frozenset(columns)].append(number)
        return {self._matrix(rows): rows for rows in rows_by_columns.values()}

    def _add_row(self, row: Nodes) -> int:
        """The number of a row that was not met before; -1 unless it is one of parameters."""
        if not self.graph.dots.is_row(row):
            return -1
        self.rows.append(row)
        self.meets.append({})
        return len(self.rows) - 1

    def _matrix(self, rows: Sequence[int]) -> Matrix:
        """The matrix of these rows, to which each of their nodes is assigned."""
        matrix = Matrix([])
        for row in rows:
            for column, node in self.meets[row].items():
                self.cell_of[node] = row, column
                self.matrix_of[node] = matrix
        return matrix

    def _link(self) -> None:
        """Who waits for whom. A column is read by the nodes of all matrices that meet it."""
        size, op, rows = self.size, self.op, self.cell_of
        self.readers: list[list[int]] = [[] if kind is not None else _NOBODY for kind in op]
        self.readers += [[] for _ in self.columns]
        self.waits = waits = [0] * len(self.readers)
        readers, operands = self.readers, self.operands
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
        """How high everything is, and in which order the rows of a matrix stand."""
        readers, cell_of, size = self.readers, self.cell_of, self.size
        kind = [*self.op, *[ops.DOT] * len(self.columns)]
        alone = {op: frozenset([op]) for op in {*kind}}
        self.height = height = [0] * len(readers)
        self.read_by: list[frozenset[Op | None]] = [frozenset()] * size  # per node, which ops do
        for node in reversed(self.nodes):
            tasks = readers[node]
            if len(tasks) == 1:
                high = height[tasks[0]] + 1
                self.read_by[node] = alone[kind[tasks[0]]]
            else:
                high = max(map(height.__getitem__, tasks), default=0) + 1
                self.read_by[node] = frozenset(map(kind.__getitem__, tasks))
            height[node] = high
            if node in cell_of:
                column = size + cell_of[node][1]
                if high > height[column]:
                    height[column] = high
        shared: dict[int, frozenset[Op | None]] = {}  # by all nodes of a matrix's row
        for node, (row, _) in cell_of.items():
            kinds = self.read_by[node]
            known = shared.setdefault(row, kinds)
            if known is not kinds:
                shared[row] = known & kinds
        for matrix, rows in self.rows_of.items():
            _put_together(rows, shared)
            matrix.rows += [self.rows[row] for row in rows]

    def _group(self, node: int) -> _Group:
        """What a node has in common with all that run together with it once they are ready."""
        matrix = self.matrix_of.get(node)
        if matrix is not None:
            return matrix
        op = self.op[node]
        # Sums of any length are one group: shorter ones are padded.
        width = None if op in NEUTRAL else len(self.operands[node])
        return op, width, self.read_by[node], node in self.under_loss

    def run(self) -> tuple[list[Block], list[Matrix]]:
        """Run what is ready, group by group, until all is done; the blocks and the matrices."""
        blocks: list[Block] = []
        size, waits, readers = self.size, self.waits, self.readers
        ready: dict[_Group, list[int]] = defaultdict(list)
        done = bytearray(size)
        top = max(self.height, default=0)
        heap: list[_Place] = []

        released = [n for n in self.nodes if not waits[n]]
        released += [task for task in range(size, len(waits)) if not waits[task]]
        while released or heap:
            if not heap and self._is_lone(released):
                released = self._run_chain(released[0], blocks)
                continue
            self._queue(released, ready, heap, top)
            place, group = heappop(heap)
            released = []
            if done[place % size]:
                continue
            together = sorted(ready.pop(group))
            blocks += self._blocks(together)
            for node in together:
                done[node] = True
                for task in readers[node]:
                    waits[task] -= 1
                    if not waits[task]:
                        released.append(task)
        return blocks, list(self.rows_of)

    def _is_lone(self, tasks: Sequence[int]) -> bool:
        """Whether this is one node, of few operands and of no matrix."""
        first, cell_of = tasks[0], self.cell_of
        if len(tasks) > 1 or first >= self.size or first in cell_of:
            return False
        return len(self.operands[first]) <= NARROW

    def _run_chain(self, node: int, blocks: list[Block]) -> list[int]:
        """Lone nodes, which need no queue, until what is ready is not one of them; what is."""
        waits, readers, operands = self.waits, self.readers, self.operands
        size, cell_of = self.size, self.cell_of
        nodes: list[int] = []
        while True:
            nodes.append(node)
            released = []
            for task in readers[node]:
                waits[task] -= 1
                if not waits[task]:
                    released.append(task)
            if len(released) == 1:  # as `_is_lone`, without its call
                node = released[0]
                if node < size and node not in cell_of and len(operands[node]) <= NARROW:
                    continue
            blocks += self._chains(nodes)
            return released

    def _chains(self, nodes: Sequence[int]) -> Iterator[Block]:
        """Nodes of which each depends on the one before: as chains where they are many.

        So what no input reaches stands first, in a chain of its own, for a batch computes it
        once; and what is there for guards only stands last, in no chain.
        """
        lone = self._lone(nodes)
        once = swept = 0
        if len(nodes) >= LEAST_CHAIN:
            under_loss, varying = self.under_loss, self.graph.varying
            swept = bisect_left(nodes, True, key=lambda node: node not in under_loss)
            once = bisect_left(nodes, True, hi=swept, key=varying.__contains__)
        for start, end in pairwise([0, once, swept]):
            if end - start >= LEAST_CHAIN:
                yield ChainBlock(lone[start:end])
            else:
                yield from [OpBlock.lone(*each, is_swept=True) for each in lone[start:end]]
        yield from [OpBlock.lone(*each, each[1] in self.under_loss) for each in lone[swept:]]

    def _queue(
        self, tasks: Sequence[int], ready: dict[_Group, list[int]], heap: list[_Place], top: int
    ) -> None:
        """Put what is ready into its group, and the highest node of each group into the queue."""
        height, size, readers, matrix_of = self.height, self.size, self.readers, self.matrix_of
        first: dict[_Group, int] = {}
        for task in tasks:
            # A complete column frees the rows that wait for it.
            for node in (task,) if task < size else readers[task]:
                group = matrix_of.get(node) or self._group(node)
                ready[group].append(node)
                place = (top - height[node]) * size + node
                if place < first.get(group, place + 1):
                    first[group] = place
        for group, place in first.items():
            heappush(heap, (place, group))

    def _lone(self, nodes: Sequence[int]) -> list[Lone]:
        """The nodes with their ops and operands, those of a dot with parameters first."""
        kinds: Sequence[Any] = self.op  # no leaves among them
        operands, dot = self.operands, ops.DOT
        return [(kinds[x], x, self._factors(x) if kinds[x] is dot else operands[x]) for x in nodes]

    def _blocks(self, group: list[int]) -> list[Block]:
        """One block for nodes that are ready together; more if their lengths differ too much."""
        first = group[0]
        matrix = self.matrix_of.get(first)
        if matrix is not None:
            return [self._matrix_block(matrix, group)]
        if len(group) == 1:
            return [OpBlock.lone(*self._lone(group)[0], first in self.under_loss)]
        op = self.op[first]
        assert op is not None
        read = [*map(self._factors, group)] if op is ops.DOT else [self.operands[x] for x in group]
        is_swept, length = first in self.under_loss, len(read[0])
        if len(set(map(len, read))) == 1:
            return [OpBlock(op, group, read, is_swept, (length, length))]
        return [
            OpBlock.padded(op, nodes, each, is_swept, self.graph.constants)
            for nodes, each in _of_like_length(group, read)
        ]

    def _matrix_block(self, matrix: Matrix, group: Sequence[int]) -> MatrixBlock:
        """The columns of a matrix that are ready, as one product."""
        numbers = list(dict.fromkeys([self.cell_of[node][1] for node in group]))
        columns = [self.columns[number] for number in numbers]
        meets = [self.meets[row] for row in self.rows_of[matrix]]
        outputs = [[nodes[number] for nodes in meets] for number in numbers]
        matrix.columns += columns
        matrix.outputs += outputs
        return MatrixBlock(matrix, columns, outputs)

    def _factors(self, node: int) -> Nodes:
        """The operands of a dot: its first factors, parameters first, then its second ones."""
        return tuple(chain(*self.graph.factors(node)))


def _of_like_length(nodes: list[int], operands: list[Nodes]) -> list[tuple[list[int], list[Nodes]]]:
    """The nodes in groups in which no more than every second operand would be padding."""
    lengths = list(map(len, operands))
    groups: list[list[int]] = []
    total = 0  # operands of the latest group
    for i in sorted(range(len(nodes)), key=lengths.__getitem__):
        length = lengths[i]
        if groups and length * (len(groups[-1]) + 1) <= _MOST_PADDING * (total + length):
            groups[-1].append(i)
            total += length
        else:
            groups.append([i])
            total = length
    return [([nodes[i] for i in each], [operands[i] for i in each]) for each in map(sorted, groups)]


def _put_together(rows: list[int], kind: dict[int, Any]) -> None:
    """Rows whose results go to the same ops (sigmoid gates, say) beside each other."""
    rank: dict[Any, int] = {}
    for row in rows:
        rank.setdefault(kind[row], len(rank))
    rows.sort(key=lambda row: rank[kind[row]])
