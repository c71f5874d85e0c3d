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
from collections.abc import Collection, Sequence, Set
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .layout import FEW_OPERANDS, Layout
from .parameters import Store
from .program import TRACING, Array, Call, Halves, Program, Traced, zeros
from .scalars import Scalars, gathered
from .schedule import Block, Matrix, MatrixBlock, OpBlock
from .slots import Affine, Gradients, Index, Sink, Slots, segments

Starts: TypeAlias = tuple[int, ...]  # where the outputs and the operands of a block begin

PIECE = 100  # inputs that lie in pieces smaller than this are better scattered
LOOK_AHEAD = 4  # blocks among which the next one of a family is looked for


class Product:
    """A matrix times its ready columns."""

    def __init__(self, block: MatrixBlock, weights: Array, layout: Layout, batched: bool) -> None:
        self._nodes = block.columns
        self._columns = [layout.column(column) for column in block.columns]
        self._lone = len(block.columns) == 1
        self._outputs = self._slots([layout.places(nodes) for nodes in block.outputs])
        self._weights = weights
        self._batched = batched

    def _slots(self, index: Index) -> Slots:
        return Slots(index[0] if self._lone else index)

    def forward(self, program: Program, values: Array) -> None:
        columns = self._slots(self._columns).read(program, values)
        factors = (self._weights, columns) if self._batched else (columns, self._weights.T)
        self._outputs.write(program, values, program.call(np.matmul, *factors))

    def backward(self, sweep: Sweep) -> None:
        wanted = [i for column in self._nodes for i, x in enumerate(column) if x in sweep.wanted]
        if not wanted:
            return
        entries = slice(min(wanted), max(wanted) + 1)
        weights, program = self._weights[:, entries], sweep.program
        upstream = self._outputs.read(program, sweep.gradients.flat)
        factors = (weights.T, upstream) if self._batched else (upstream, weights)
        sink = Sink(self._slots([column[entries] for column in self._columns]), sweep.gradients)
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
    """One op on many nodes at once.

    The operands of a variadic op are one array, whose leading axis counts them; two for a
    dot, the first factors and the second ones. If they are few, they are an array each, as
    those of any other op.
    """

    def __init__(self, block: OpBlock, layout: Layout) -> None:
        self.op = block.op
        operands = list(zip(*block.operands))
        places: list[Index] = [layout.places(nodes) for nodes in operands]
        self.is_whole = self.op.variadic and len(operands) > FEW_OPERANDS
        self._nodes, indices = operands, places
        if self.is_whole:
            width = len(operands) // 2 if self.op is ops.DOT else len(operands)
            parts = range(0, len(operands), width)
            self._nodes = [tuple(chain(*operands[i : i + width])) for i in parts]
            indices = [places[i : i + width] for i in parts]
        self.slots = folded([layout.places(block.outputs), *indices])
        self.numbers: list[Array] = []  # of the outputs and of the operands

    def traced(self, program: Program, arrays: Sequence[Array]) -> list[Any]:
        """The operands as the row of the op table takes them."""
        traced = [Traced(program, array) for array in arrays]
        if not self.op.variadic:
            return traced
        if not self.is_whole:
            return [traced]
        return [Halves(*traced)] if self.op is ops.DOT else traced

    def slopes(self, program: Program, numbers: Sequence[Array]) -> list[Any]:
        """The local derivative per operand: Traced, or a number that is the same everywhere."""
        out, *operands = numbers
        found = self.op.partials(TRACING, Traced(program, out), *self.traced(program, operands))
        if isinstance(found, Halves):
            return list(found.parts)
        if not self.is_whole:
            return list(found)
        return [found if isinstance(found, Traced) else found[0]]

    def forward(self, program: Program, values: Array) -> None:
        outputs, *operands = self.slots
        numbers = [slots.read(program, values) for slots in operands]
        result = self.op.forward(TRACING, *self.traced(program, numbers))
        self.numbers = [outputs.write(program, values, result.array), *numbers]

    def backward(self, sweep: Sweep) -> None:
        outputs, *operands = self.slots
        upstream = outputs.read(sweep.program, sweep.gradients.flat)
        for slots, slope, nodes in zip(operands, sweep.slopes[self], self._nodes):
            if sweep.wanted.isdisjoint(nodes):
                continue
            sink = Sink(slots, sweep.gradients)
            if isinstance(slope, float):
                sink.add(sweep.program, upstream, slope)
            else:
                sink.add(sweep.program, sweep.program.call(np.multiply, upstream, slope))

    def is_wanted(self, wanted: Set[int]) -> bool:
        """Whether any operand's gradient is."""
        return not all(map(wanted.isdisjoint, self._nodes))


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


def slopes_of(blocks: Sequence[Map], program: Program, values: Array) -> list[list[Any]]:
    """Each block's local derivatives, by one evaluation of the row for all blocks alike.

    They are arrays, or numbers where they are the same everywhere.
    """
    first = blocks[0]
    numbers = first.numbers
    if len(blocks) > 1:
        numbers = [_together(same).view(values) for same in zip(*[b.slots for b in blocks])]
        if first.is_whole:  # the operands' axis leads
            numbers = [numbers[0], *[np.moveaxis(array, 1, 0) for array in numbers[1:]]]
    slopes: list[list[Any]] = [[] for _ in blocks]
    for slope in first.slopes(program, numbers):
        for i, own in enumerate(slopes):
            if not isinstance(slope, Traced):
                own.append(slope)
            elif len(blocks) == 1:
                own.append(slope.array)
            else:
                own.append(slope.array[:, i] if first.is_whole else slope.array[i])
    return slopes


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
    return [family for same in alike.values() for family in _progressions(same)]


def _progressions(blocks: Sequence[Map]) -> list[list[Map]]:
    """Blocks of one pattern in families: each begins with the first block that is left.

    Two sequences may alternate, the candidates and the cell states of an LSTM for one.
    """
    left = {tuple([s.affine.start for s in b.slots if s.affine is not None]): b for b in blocks}
    if len(left) < len(blocks) or () in left:  # uneven ones have no start
        return [[block] for block in blocks]
    found = []
    while left:
        first, *others = islice(left, 1 + LOOK_AHEAD)
        runs = [_run(first, second, left) for second in others]
        longest = max(runs, key=len, default=[first])
        found.append([left.pop(start) for start in longest])
    return found


def _run(first: Starts, second: Starts, known: Collection[Starts]) -> list[Starts]:
    """first, second, and what follows at the same distance."""
    step = [b - a for a, b in zip(first, second)]
    run = [first]
    while second in known:
        run.append(second)
        second = tuple([start + by for start, by in zip(second, step)])
    return run


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
        for slot, number in layout.numbers.items():
            self.values[slot] = number
        self._layout, self._matrices, self._store = layout, matrices, store
        self._loss = layout.slot(loss)
        self._seed = np.ones(())
        pieces = segments(inputs) if inputs else []
        self._inputs = np.array(inputs, np.intp)
        self._is_scattered = len(inputs) < PIECE * len(pieces)
        self._pieces = [
            (part, even.view(self.values)) for part, even in pieces if not self._is_scattered
        ]
        self._rows = {m: Slots([[layout.parameter_slot[x] for x in row] for row in m.rows])
                      for m in matrices}  # fmt: skip
        self._copies = _Copies(layout, store)
        self._runs: list[Product | Map | Scalars] = []
        self._quiet = Context()  # where infinities and nan raise no warning
        self._quiet.run(np.seterr, all="ignore")
        self._forward = self._quiet.run(self._write_forward, blocks)
        self._backward: dict[bool, list[Call]] = {}

    def _write_forward(self, blocks: Sequence[Block]) -> list[Call]:
        program, layout, batched = Program(), self._layout, self.values.ndim > 1
        self._copies.forward(program, self.values)
        weights = {m: self._rows[m].read(program, self._store.data) for m in self._matrices}
        for block in blocks if batched else gathered(blocks):
            if isinstance(block, list):
                self._runs.append(Scalars(block, layout))
            elif isinstance(block, MatrixBlock):
                self._runs.append(Product(block, weights[block.matrix], layout, batched))
            else:
                self._runs.append(Map(block, layout))
        for run in self._runs:
            run.forward(program, self.values)
        return program.calls()

    def _write_backward(self, wanted: Set[int]) -> list[Call]:
        sweep = Sweep(Program(), Gradients(self.gradients), wanted)
        sweep.gradients.written[self._loss] = True
        maps = [run for run in self._runs if isinstance(run, Map) and run.is_wanted(wanted)]
        for family in _families(maps):
            sweep.slopes.update(zip(family, slopes_of(family, sweep.program, self.values)))
        for run in reversed(self._runs):
            if not isinstance(run, Map) or run in sweep.slopes:
                run.backward(sweep)
        learnt = Gradients(self._store.gradient)
        for matrix in self._matrices:
            sink = Sink(self._rows[matrix], learnt)
            gradient = MatrixGradient(matrix, self._layout)
            gradient.backward(sweep.program, self.values, self.gradients, sink)
        self._copies.backward(sweep.program, self.gradients, learnt)
        first: list[Call] = [partial(np.copyto, self.gradients[self._loss, ...], self._seed)]
        if sweep.gradients.from_zero:
            first.insert(0, partial(self.gradients.fill, 0.0))
        if learnt.from_zero or not learnt.written.all():
            first.append(partial(self._store.gradient.fill, 0.0))
        return first + sweep.program.calls()

    def feed(self, numbers: NDArray[Any]) -> None:
        """Set the inputs: their numbers in order, with a batch one row per example."""
        if self.values.ndim > 1:
            numbers = numbers.reshape(len(numbers), -1).T
        numbers = numbers.reshape(self._inputs.shape + self.values.shape[1:])
        if self._is_scattered:
            self.values[self._inputs] = numbers
        else:
            for part, place in self._pieces:
                place[...] = numbers[part].reshape(place.shape)

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        self._quiet.run(_make, self._forward)
        loss: Array = self.values[self._loss]
        return loss

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""
        if every not in self._backward:
            graph = self._layout.graph
            wanted = set(graph.order) if every else graph.learning
            self._backward[every] = self._quiet.run(self._write_backward, wanted)
        self._seed[...] = gradient
        self._quiet.run(_make, self._backward[every])


def _make(calls: list[Call]) -> None:
    for call in calls:
        call()


@dataclass
class Sweep:
    """A backward pass while it is written down. `wanted` are the nodes whose gradient is."""

    program: Program
    gradients: Gradients
    wanted: Set[int]
    slopes: dict[Map, list[Any]] = field(default_factory=dict)


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

    def backward(self, program: Program, gradients: Array, learnt: Gradients) -> None:
        if self._own is None or self._placed is None:
            return
        messages = self._placed.read(program, gradients)
        if gradients.ndim > 1:
            messages = program.call(np.add.reduce, messages, axis=1)
        Sink(self._own, learnt).add(program, messages)
