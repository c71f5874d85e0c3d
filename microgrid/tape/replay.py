"""Running a schedule on NumPy arrays, forward and backward.

Values and their gradients stand in flat arrays of one entry per slot, with a batch axis
behind it if there is a batch. Making a replay writes down the NumPy calls of both passes, with
their views and buffers; running it makes those calls and nothing else. Three things keep
their number small:

- local derivatives depend on the forward pass only: those of all steps of a recurrence are
  computed by one call;
- the gradient of a matrix is one product over all its uses, at the end;
- the first message to reach a slot is written, only later ones are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .layout import Layout
from .parameters import Store
from .program import TRACING, Array, Program, Traced, zeros
from .scalars import Scalars, gathered
from .schedule import Block, Matrix, MatrixBlock, OpBlock
from .slots import Affine, Index, Sink, Slots

Marks: TypeAlias = NDArray[np.bool_]


class Product:
    """A matrix times its ready columns."""

    def __init__(self, block: MatrixBlock, weights: Array, layout: Layout, batched: bool) -> None:
        columns = [layout.column(column) for column in block.columns]
        outputs = [layout.places(nodes) for nodes in block.outputs]
        lone = len(columns) == 1 and not batched
        self._columns = Slots(columns[0] if lone else columns)
        self._outputs = Slots(outputs[0] if lone else outputs)
        self._weights = weights
        self._batched = batched

    def forward(self, program: Program, values: Array) -> None:
        columns = self._columns.read(program, values)
        factors = (self._weights, columns) if self._batched else (columns, self._weights.T)
        self._outputs.write(program, values, program.call(np.matmul, *factors))

    def backward(self, program: Program, gradients: Array, written: Marks) -> None:
        upstream = self._outputs.read(program, gradients)
        factors = (self._weights.T, upstream) if self._batched else (upstream, self._weights)
        sink = Sink(self._columns, gradients, written)
        sink.add(program, program.call(np.matmul, *factors))


class MatrixGradient:
    """The gradient of a matrix: one product over all columns it ever met."""

    def __init__(self, matrix: Matrix, layout: Layout) -> None:
        self._columns = Slots([layout.column(column) for column in matrix.columns])
        self._outputs = Slots([layout.places(nodes) for nodes in matrix.outputs])

    def backward(self, program: Program, values: Array, gradients: Array, sink: Sink) -> None:
        upstream = self._outputs.read(program, gradients)
        columns = self._columns.read(program, values)
        sink.add(
            program,
            program.call(np.matmul, _beside(program, upstream), _beside(program, columns).T),
        )


def _beside(program: Program, columns: Array) -> Array:
    """Columns, or batches of them, side by side in a matrix."""
    if columns.ndim == 2:
        return columns.T
    moved = columns.transpose(1, 0, 2)
    matrix = moved.reshape(len(moved), -1)
    if not np.may_share_memory(matrix, columns):
        program.append(np.copyto, matrix.reshape(moved.shape), moved)
    return matrix


class Map:
    """One op on many nodes at once. A variadic op has one operand array, operands first."""

    def __init__(self, block: OpBlock, layout: Layout) -> None:
        self.op = block.op
        graph = layout.graph
        operands = list(zip(*block.operands))
        places = [layout.places(nodes) for nodes in operands]
        indices = [layout.places(block.outputs), *([places] if self.op.variadic else places)]
        groups = [[x for nodes in operands for x in nodes]] if self.op.variadic else operands
        self._learns = [not all(map(graph.is_constant, group)) for group in groups]
        self.slots = folded(indices)
        self.numbers: list[Array] = []  # of the outputs and of the operands
        self.slopes: list[Any] = []  # arrays, or a number where it is the same everywhere

    def forward(self, program: Program, values: Array) -> None:
        outputs, *operands = self.slots
        numbers = [slots.read(program, values) for slots in operands]
        result = self.op.forward(TRACING, *[Traced(program, array) for array in numbers])
        self.numbers = [outputs.write(program, values, result.array), *numbers]

    def backward(self, program: Program, gradients: Array, written: Marks) -> None:
        outputs, *operands = self.slots
        upstream = outputs.read(program, gradients)
        for slots, slope, learns in zip(operands, self.slopes, self._learns):
            if not learns:
                continue
            sink = Sink(slots, gradients, written)
            if isinstance(slope, float):
                sink.add(program, upstream, slope)
            else:
                sink.add(program, program.call(np.multiply, upstream, slope))


def folded(indices: list[Index]) -> list[Slots]:
    """The nodes' axis in two where that makes more of the indices even: (step, unit)."""
    best = [Slots(index) for index in indices]
    if all(slots.affine for slots in best):
        return best
    size = len(indices[0])
    for width in {_first_break(index) for index in indices}:
        if 1 < width < size and size % width == 0:
            found = [Slots(_fold(index, width)) for index in indices]
            if sum(s.affine is not None for s in found) > sum(s.affine is not None for s in best):
                best = found
    return best


def _fold(index: Index, width: int) -> Index:
    if isinstance(index[0], list):
        return [_fold(line, width) for line in index]
    return [index[i : i + width] for i in range(0, len(index), width)]


def _first_break(index: Index) -> int:
    """How far the last axis goes evenly from its start."""
    line = index[0] if isinstance(index[0], list) else index
    steps = (b - a for a, b in pairwise(line))
    first = next(steps, 0)
    return next((i for i, step in enumerate(steps, start=2) if step != first), len(line))


def find_slopes(program: Program, blocks: Sequence[Map], values: Array) -> None:
    """The local derivatives of blocks alike, by one evaluation of the row for all of them."""
    op = blocks[0].op
    numbers = blocks[0].numbers
    if len(blocks) > 1:
        numbers = [
            _together([b.slots[i] for b in blocks]).view(values) for i in range(len(numbers))
        ]
        if op.variadic:
            numbers[1] = np.moveaxis(numbers[1], 1, 0)  # the operands' axis leads
    slopes = op.partials(TRACING, *[Traced(program, array) for array in numbers])
    for slope in (slopes,) if op.variadic else slopes:
        shared = not isinstance(slope, Traced)
        for i, block in enumerate(blocks):
            if shared:
                block.slopes.append(slope[0] if op.variadic else slope)
            elif len(blocks) == 1:
                block.slopes.append(slope.array)
            else:
                block.slopes.append(slope.array[:, i] if op.variadic else slope.array[i])


def _together(same: Sequence[Slots]) -> Affine:
    """Slots at even distances as one pattern, with an axis more in front."""
    first, second, *_ = [slots.affine for slots in same if slots.affine is not None]
    step = second.start - first.start
    return Affine(first.start, (len(same), *first.shape), (step, *first.strides))


def _families(maps: Sequence[Map]) -> list[list[Map]]:
    """Blocks alike whose slots lie at even distances from one to the next."""
    alike: dict[Any, list[Map]] = defaultdict(list)
    for block in maps:
        even = [slots.affine for slots in block.slots]
        patterns = [(e.shape, e.strides) for e in even if e is not None]
        alike[(block.op, *patterns) if len(patterns) == len(even) else block].append(block)
    families = []
    for same in alike.values():
        family = same[:1]
        for block in same[1:]:
            if len(family) > 1 and _steps(*family[:2]) != _steps(family[-1], block):
                families.append(family)
                family = []
            family.append(block)
        families.append(family)
    return families


def _steps(one: Map, other: Map) -> list[int]:
    """How far each array of the one is from the same of the other."""
    return [
        b.affine.start - a.affine.start
        for a, b in zip(one.slots, other.slots)
        if a.affine is not None and b.affine is not None
    ]


class Replay:
    """A schedule bound to arrays: `batch` is () or (size,)."""

    def __init__(
        self,
        layout: Layout,
        blocks: Sequence[Block],
        matrices: Sequence[Matrix],
        loss: int,
        inputs: list[int],
        store: Store,
        batch: tuple[int, ...] = (),
    ) -> None:
        self.values = zeros(layout.size, *batch)
        self.gradients = zeros(layout.size, *batch)
        self._parameter_gradients = store.gradient
        for slot, number in layout.numbers.items():
            self.values[slot] = number
        self._loss_slot = slot = layout.slot(loss)
        self._loss = self.values[slot : slot + 1]
        self._seed = self.gradients[slot : slot + 1]
        self._input_slots = np.array(inputs, np.intp)
        self._inputs = folded([inputs])[0].view(self.values) if inputs else None
        with np.errstate(all="ignore"):
            self._write_down(layout, blocks, matrices, store)

    def _write_down(
        self, layout: Layout, blocks: Sequence[Block], matrices: Sequence[Matrix], store: Store
    ) -> None:
        """Both passes as calls."""
        values, gradients = self.values, self.gradients
        rows = {m: Slots([[layout.parameter_slot[x] for x in row] for row in m.rows])
                for m in matrices}  # fmt: skip
        forward, backward = Program(), Program()
        copies = _Copies(layout, store)
        copies.forward(forward, values)
        weights = {m: rows[m].read(forward, store.data) for m in matrices}
        batched = values.ndim > 1
        runs: list[Product | Map | Scalars] = []
        for block in blocks if batched else gathered(blocks):
            if isinstance(block, list):
                runs.append(Scalars(block, layout))
            elif isinstance(block, MatrixBlock):
                runs.append(Product(block, weights[block.matrix], layout, batched))
            else:
                runs.append(Map(block, layout))
        for run in runs:
            run.forward(forward, values)
        for family in _families([run for run in runs if isinstance(run, Map)]):
            find_slopes(backward, family, values)
        written = np.zeros(layout.size, bool)
        written[self._loss_slot] = True
        for run in reversed(runs):
            run.backward(backward, gradients, written)
        learnt = np.zeros(store.data.size, bool)
        for matrix in matrices:
            sink = Sink(rows[matrix], store.gradient, learnt)
            MatrixGradient(matrix, layout).backward(backward, values, gradients, sink)
        copies.backward(backward, gradients, learnt)
        self._forward = list(forward.calls())
        self._backward = list(backward.calls())

    def feed(self, numbers: Array) -> None:
        """Set the inputs: one row per input, with a batch one column per example."""
        if self._inputs is not None:
            self._inputs[...] = numbers.reshape(self._inputs.shape)
        else:
            self.values[self._input_slots] = numbers

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        with np.errstate(all="ignore"):
            for call in self._forward:
                call()
        loss: Array = self._loss[0]
        return loss

    def backward(self, gradient: float) -> None:
        """Sweep: every slot of `gradients` gets its messages."""
        self.gradients.fill(0.0)
        self._parameter_gradients.fill(0.0)
        self._seed[...] = gradient
        with np.errstate(all="ignore"):
            for call in self._backward:
                call()


class _Copies:
    """Parameters that are read outside of matrix rows stand among the values too."""

    def __init__(self, layout: Layout, store: Store) -> None:
        copied = [node for node in layout.parameter_slot if layout.is_placed(node)]
        copied.sort(key=layout.slot)
        self._store = store
        self._own = Slots([layout.parameter_slot[node] for node in copied]) if copied else None
        self._placed = Slots(layout.places(copied)) if copied else None

    def forward(self, program: Program, values: Array) -> None:
        if self._own is None or self._placed is None:
            return
        numbers = self._own.read(program, self._store.data)
        self._placed.write(program, values, numbers[:, None] if values.ndim > 1 else numbers)

    def backward(self, program: Program, gradients: Array, learnt: Marks) -> None:
        if self._own is None or self._placed is None:
            return
        messages = self._placed.read(program, gradients)
        if gradients.ndim > 1:
            messages = program.call(np.add.reduce, messages, axis=1)
        Sink(self._own, self._store.gradient, learnt).add(program, messages)
