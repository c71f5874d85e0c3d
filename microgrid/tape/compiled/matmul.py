"""Blocks of a matrix: products with columns, and the gradient of the matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..blocks import MatrixBlock
from ..ir import Matrix, Nodes
from ..memory import Layout
from .program import Arena, Array, Marks, Program, Sweep
from .slots import Slots, View

__all__ = ["Product", "Rows", "early", "gradient"]

_LEAST_EARLY = 8  # entries of a column that are worth a product of their own before all others
_LEAST_BLOCKS = 4  # products of a matrix from which on that is tried


class Rows:
    """A matrix as it lies among the parameters: column by column, gathered if it is not so.

    address, step : of its first entry, and from one column to the next
    columns, outputs : all that it meets in a part of the plan, and what comes out
    """

    def __init__(
        self,
        matrix: Matrix,
        blocks: Sequence[MatrixBlock],
        layout: Layout,
        data: Array,
        program: Program,
    ) -> None:
        places = layout.parameter_slot
        self.products = len(blocks)
        self.columns = [column for block in blocks for column in block.columns]
        self.outputs = [nodes for block in blocks for nodes in block.outputs]
        self.slots = Slots([[places[x] for x in row] for row in matrix.rows])
        self.height, self.width = self.slots.shape
        even = self.slots.even
        self.is_direct = (
            even is not None
            and (even.strides[0] == 1 or self.height == 1)
            and (even.strides[1] >= self.height or self.width == 1)
        )
        arena = program.arena
        if even is not None and self.is_direct:
            self.address = data.ctypes.data + even.start * arena.itemsize
            self.step = max(even.strides[1], self.height)
            return
        room = arena.scratch(self.height * self.width)
        program.emit(
            "gather", room.ctypes.data, data.ctypes.data, arena.index(self.slots.index.T),
            room.size, 1,
        )  # fmt: skip
        self.address, self.step = room.ctypes.data, self.height

    def at(self, column: int, arena: Arena) -> int:
        """The address of a column."""
        return int(self.address + column * self.step * arena.itemsize)


class Product:
    """A matrix times its ready columns."""

    def __init__(
        self,
        rows: Rows,
        columns: Sequence[Nodes],
        outputs: Sequence[Sequence[int]],
        layout: Layout,
    ) -> None:
        self.rows, self.count = rows, len(columns)
        self._nodes = columns
        self._columns = Slots([layout.columns[column] for column in columns])
        self._outputs = Slots([layout.places(nodes) for nodes in outputs])

    def forward(self, program: Program, parts: Sequence[tuple[int, int]]) -> None:
        """parts: from which to which entry the columns are still to be multiplied.

        If they are not all, what is missing stands at the results already.
        """
        arena, rows = program.arena, self.rows
        x = program.read(self._columns, arena.values)
        is_whole = list(parts) == [(0, rows.width)]
        to, room = program.target(self._outputs, arena.values)
        if not arena.batch and room is None and to.strides[1] != 1 and rows.height > 1:
            room = arena.scratch(self._outputs.size)
            to = arena.packed(room, self._outputs.shape)
        for low, high in parts:
            if arena.batch:
                for c in range(self.count):
                    program.multiply(
                        to.moved(c * to.strides[0], arena.itemsize).address, to.strides[1],
                        x.moved(c * x.strides[0], arena.itemsize).address, x.strides[1],
                        rows.address, 1, rows.step,
                        arena.examples, rows.height, rows.width, add=False,
                    )  # fmt: skip
            else:
                program.multiply(
                    to.address, to.strides[0], rows.at(low, arena), rows.step,
                    x.moved(low * x.strides[1], arena.itemsize).address, x.strides[0], x.strides[1],
                    rows.height, self.count, high - low, add=not is_whole,
                )  # fmt: skip
        if room is not None:
            program.scatter(self._outputs, arena.values, room, add=False)

    def backward(self, sweep: Sweep) -> None:
        """Append the transposed matrix times the upstream gradients.

        Only the span of the columns' entries in which any gradient is wanted is multiplied.
        """
        entries = [i for column in self._nodes for i, x in enumerate(column) if x in sweep.wanted]
        if not entries:
            return
        low, high = min(entries), max(entries) + 1
        program, arena, rows = sweep.program, sweep.program.arena, self.rows
        columns = Slots(self._columns.index[:, low:high])
        upstream = program.read(self._outputs, arena.gradients, False)
        to, room = program.target(columns, arena.gradients)
        mode = sweep.marks.mode(columns.index, columns.is_distinct())
        if room is None and (
            not columns.is_distinct() or (not arena.batch and to.strides[1] not in (0, 1))
        ):
            room = arena.scratch(columns.size * arena.examples)
            to = arena.packed(room, columns.shape)
        add = mode == "+" and room is None
        if arena.batch:
            for c in range(self.count):
                program.multiply(
                    to.moved(c * to.strides[0], arena.itemsize).address, to.strides[1],
                    upstream.moved(c * upstream.strides[0], arena.itemsize).address,
                    upstream.strides[1], rows.at(low, arena), rows.step, 1,
                    arena.examples, high - low, rows.height, add,
                )  # fmt: skip
        else:
            turned, first, width = _transposed(rows, sweep)
            program.multiply(
                to.address, to.strides[0], turned + (low - first) * arena.itemsize, width,
                upstream.address, upstream.strides[0], upstream.strides[1],
                high - low, self.count, rows.height, add,
            )  # fmt: skip
        if room is not None:
            program.scatter(columns, arena.gradients, room, add=mode == "+")


def _transposed(rows: Rows, sweep: Sweep) -> tuple[int, int, int]:
    """The columns of a matrix that any block wants, as rows, made once in a sweep.

    The address, the first column, and how many they are.
    """
    if rows not in sweep.turned:
        wanted = [i for column in rows.columns for i, x in enumerate(column) if x in sweep.wanted]
        first, width = min(wanted), max(wanted) + 1 - min(wanted)
        arena = sweep.program.arena
        room = arena.scratch(rows.height * width)
        sweep.program.emit(
            "transpose", room.ctypes.data, width, rows.at(first, arena), 1, rows.step,
            rows.height, width,
        )  # fmt: skip
        sweep.turned[rows] = room, first, width
    room, first, width = sweep.turned[rows]
    return int(room.ctypes.data), first, width


def early(
    rows: Rows, is_leaf: Callable[[int], bool], layout: Layout, program: Program
) -> list[tuple[int, int]]:
    """The parts of the columns that are multiplied block by block.

    What is known from the start, a recurrence's inputs, is multiplied for all blocks at once,
    here, if that is worth it.
    """
    width, arena = rows.width, program.arena
    whole = [(0, width)]
    if arena.batch or rows.products < _LEAST_BLOCKS:
        return whole
    known = [all(is_leaf(column[k]) for column in rows.columns) for k in range(width)]
    starts = [k for k in range(width) if known[k] and (k == 0 or not known[k - 1])]
    ends = [k + 1 for k in range(width) if known[k] and (k + 1 == width or not known[k + 1])]
    parts = [(a, b) for a, b in zip(starts, ends) if b - a >= _LEAST_EARLY]
    if len(parts) != 1:
        return whole
    (low, high), height = parts[0], rows.height
    columns = Slots([layout.columns[column][low:high] for column in rows.columns])
    outputs = Slots([layout.places(nodes) for nodes in rows.outputs])
    x, y = arena.view(columns, arena.values), arena.view(outputs, arena.values)
    if x is None or y is None or not outputs.is_distinct() or (y.strides[1] != 1 and height > 1):
        return whole
    program.multiply(
        y.address, y.strides[0], rows.at(low, arena), rows.step,
        x.address, x.strides[0], x.strides[1], height, len(rows.columns), high - low, add=False,
    )  # fmt: skip
    return [(a, b) for a, b in ((0, low), (high, width)) if b > a]


def gradient(rows: Rows, layout: Layout, sweep: Sweep, learnt: Array, marks: Marks) -> None:
    """The gradient of a matrix: one product over all columns that it met."""
    program, arena, height = sweep.program, sweep.program.arena, rows.height
    columns = Slots([layout.columns[column] for column in rows.columns])
    outputs = Slots([layout.places(nodes) for nodes in rows.outputs])
    x = program.read(columns, arena.values)
    y = program.read(outputs, arena.gradients, False)
    even = rows.slots.even
    mode = marks.mode(rows.slots.index, rows.slots.is_distinct())
    room = None
    if even is not None and rows.is_direct and mode == "=":
        to, step = learnt.ctypes.data + even.start * arena.itemsize, rows.step
    else:
        room = arena.scratch(height * rows.width)
        to, step = room.ctypes.data, height
    if not arena.batch:
        y = _beside(outputs, y, program)
        program.multiply(
            to, step, y.address, y.strides[0], x.address, x.strides[1], x.strides[0],
            height, rows.width, len(columns.index), add=False,
        )  # fmt: skip
    else:
        turned = arena.scratch(height * arena.examples)
        for c in range(len(columns.index)):
            program.emit(
                "transpose", turned.ctypes.data, height,
                y.moved(c * y.strides[0], arena.itemsize).address, 1, y.strides[1],
                arena.examples, height,
            )  # fmt: skip
            program.multiply(
                to, step, turned.ctypes.data, height,
                x.moved(c * x.strides[0], arena.itemsize).address, x.strides[1], 1,
                height, rows.width, arena.examples, add=c > 0,
            )  # fmt: skip
    if room is not None:
        program.emit(
            "scatter_add" if mode == "+" else "scatter", learnt.ctypes.data, room.ctypes.data,
            arena.index(rows.slots.index.T), room.size, 1,
        )  # fmt: skip


def _beside(outputs: Slots, view: View, program: Program) -> View:
    """The same numbers with the rows of a column beside each other."""
    if view.strides[1] == 1 or outputs.shape[1] == 1:
        return view
    arena = program.arena
    room = arena.scratch(outputs.size)
    program.emit(
        "gather", room.ctypes.data, arena.gradients.ctypes.data, arena.index(outputs.index),
        outputs.size, 1,
    )  # fmt: skip
    return arena.packed(room, outputs.shape)
