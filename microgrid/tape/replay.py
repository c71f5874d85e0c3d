"""Running a schedule on NumPy arrays, forward and backward.

Values and their gradients stand in flat arrays of one entry per slot, with a batch axis
behind it if there is a batch. Everything that depends on the plan alone (views, indices,
who writes first) is settled when a replay is made, so that running it is little more than
the array functions themselves. Three things keep their number small:

- local derivatives depend on the forward pass only: those of all steps of a recurrence are
  computed by one call;
- the gradient of a matrix is one product over all its uses, at the end;
- the first message to reach a slot is written, only later ones are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..ops import Op
from .arrays import NUMPY
from .layout import Index, Layout, affine
from .schedule import Block, Matrix, MatrixBlock, OpBlock

Array: TypeAlias = NDArray[np.float64]


class Slots:
    """Slots of a flat array: a view where they are even, a gather where they are not."""

    def __init__(self, flat: Array, index: Index) -> None:
        self.flat = flat
        self.index = index
        self.even = affine(index)
        self.view = self.even.view(flat) if self.even else None

    def read(self) -> Array:
        return self.flat[self.index] if self.view is None else self.view

    def write(self, numbers: Any) -> None:
        if self.view is None:
            self.flat[self.index] = numbers
        else:
            self.view[...] = numbers


class Sink:
    """Slots of the gradients' array that messages are added to."""

    def __init__(self, flat: Array, index: Index, written: NDArray[np.bool_]) -> None:
        """`written` tells which slots hold a message already; this one's are marked there."""
        self.flat = flat
        self.index = index
        self.shared_axes: tuple[int, ...] = ()  # along which all messages go to one slot
        even = affine(index)
        if even is not None:
            self.shared_axes = tuple(
                axis for axis, s in enumerate(even.strides) if s == 0 and index.shape[axis] > 1
            )
            lone = tuple(0 if a in self.shared_axes else slice(None) for a in range(index.ndim))
            index = index[lone]
            even = affine(index)
        unique = np.unique(index).size == index.size
        self.view = even.view(flat) if even is not None and unique else None
        self.unique = unique
        self.first = unique and not written[index].any()
        written[index] = True

    @property
    def target(self) -> Array | None:
        """Where a message may be written straight away."""
        return self.view if self.first and not self.shared_axes else None

    def add(self, message: Array) -> None:
        if self.shared_axes:
            message = message.sum(axis=self.shared_axes)
        if self.view is not None:
            if self.first:
                self.view[...] = message
            else:
                np.add(self.view, message, out=self.view)
        elif self.unique:
            self.flat[self.index] += message
        else:
            np.add.at(self.flat, self.index, message)


class Product:
    """A matrix times its ready columns."""

    def __init__(
        self, block: MatrixBlock, weights: Slots, values: Array, gradients: Array, layout: Layout
    ) -> None:
        self.weights = weights
        columns = np.array([layout.column(c) for c in block.columns], np.intp)
        outputs = layout.slots(block.outputs)
        self.lone = len(columns) == 1 and values.ndim == 1
        self.batched = values.ndim > 1
        if self.lone:
            columns, outputs = columns[0], outputs[0]
        self.columns = Slots(values, columns)
        self.outputs = Slots(values, outputs)
        self.upstream = Slots(gradients, outputs)
        self._column_index = columns
        self._gradients = gradients

    def meet(self, written: NDArray[np.bool_]) -> None:
        """Take this block's turn in the backward pass."""
        self.sink = Sink(self._gradients, self._column_index, written)

    def forward(self) -> None:
        weights, columns, out = self.weights.read(), self.columns.read(), self.outputs.view
        if self.lone:
            result = np.dot(weights, columns, out=out)
        elif self.batched:
            result = np.matmul(weights, columns, out=out)
        else:
            result = np.matmul(columns, weights.T, out=out)
        if out is None:
            self.outputs.write(result)

    def backward(self) -> None:
        weights, upstream, out = self.weights.read(), self.upstream.read(), self.sink.target
        if self.lone:
            message = np.dot(upstream, weights, out=out)
        elif self.batched:
            message = np.matmul(weights.T, upstream, out=out)
        else:
            message = np.matmul(upstream, weights, out=out)
        if out is None:
            self.sink.add(message)


class MatrixGradient:
    """The gradient of a matrix: one product over all columns it ever met."""

    def __init__(
        self, matrix: Matrix, sink: Sink, values: Array, gradients: Array, layout: Layout
    ) -> None:
        self.sink = sink
        columns = [layout.column(c) for c in matrix.columns]
        outputs = matrix.outputs
        self.columns = Slots(values, np.array(columns, np.intp))
        self.upstream = Slots(gradients, layout.slots(outputs))
        self.batched = values.ndim > 1

    def backward(self) -> None:
        upstream, columns, out = self.upstream.read(), self.columns.read(), self.sink.target
        if self.batched:
            self.sink.add(np.tensordot(upstream, columns, axes=([0, 2], [0, 2])))
        elif out is None:
            self.sink.add(upstream.T @ columns)
        else:
            np.matmul(upstream.T, columns, out=out)


class Map:
    """One op on many nodes at once. A variadic op has one operand array, operands first."""

    def __init__(self, block: OpBlock, values: Array, gradients: Array, layout: Layout) -> None:
        self.op = block.op
        self.values, self.gradients = values, gradients
        outputs = layout.slots(block.outputs)
        operands = np.moveaxis(layout.slots(block.operands), 0, -1)  # operand, node
        self.indices = [outputs, *([operands] if self.op.variadic else operands)]
        self.indices = _fold(self.indices)
        graph = layout.graph
        nodes = list(zip(*block.operands))
        groups = [[x for operand in nodes for x in operand]] if self.op.variadic else nodes
        self.learns = [not all(map(graph.is_constant, group)) for group in groups]
        self.outputs = Slots(values, self.indices[0])
        self.upstream = Slots(gradients, self.indices[0])
        self.operands = [Slots(values, index) for index in self.indices[1:]]
        self.slopes: list[Any] = []

    def meet(self, written: NDArray[np.bool_]) -> None:
        """Take this block's turn in the backward pass."""
        self.sinks = [
            Sink(self.gradients, index, written) if learns else None
            for index, learns in zip(self.indices[1:], self.learns)
        ]

    def forward(self) -> None:
        self.outputs.write(self.op.forward(NUMPY, *[operand.read() for operand in self.operands]))

    def backward(self) -> None:
        upstream = self.upstream.read()
        for sink, slope in zip(self.sinks, self.slopes):
            if sink is None:
                continue
            target = sink.target
            if target is not None:
                np.multiply(upstream, slope, out=target)
            elif slope.__class__ is float and not self.op.variadic:
                sink.add(upstream if slope == 1.0 else upstream * slope)
            elif slope.__class__ is float:
                sink.add(np.broadcast_to(upstream * slope, sink.index.shape + self.batch_shape))
            else:
                sink.add(upstream * slope)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.values.shape[1:]


class Slopes:
    """The local derivatives of blocks alike, all in one call."""

    def __init__(self, blocks: Sequence[Map]) -> None:
        op, values = blocks[0].op, blocks[0].values
        self.op = op
        stacked = [np.stack(same) for same in zip(*[block.indices for block in blocks])]
        if op.variadic:
            stacked[1] = np.moveaxis(stacked[1], 1, 0)  # the operands' axis leads
        self.outputs, *self.operands = [Slots(values, index) for index in stacked]
        self.even = all(slots.even for slots in (self.outputs, *self.operands))
        fixed = _fixed_slopes(op, len(stacked[1]) if op.variadic else len(self.operands))
        self.arrays: list[Array | None] = []
        for operand, slope in zip(self.operands, fixed):
            if slope is None:
                array = np.empty(operand.index.shape + values.shape[1:])
                self.arrays.append(array)
                leading = np.moveaxis(array, 1, 0) if op.variadic else array
                views: Sequence[Any] = list(leading)
            else:
                self.arrays.append(None)
                views = [slope] * len(blocks)
            for block, view in zip(blocks, views):
                block.slopes.append(view)

    def compute(self) -> None:
        out, numbers = self.outputs.read(), [operand.read() for operand in self.operands]
        slopes = self.op.partials(NUMPY, out, *numbers)
        for array, slope in zip(self.arrays, (slopes,) if self.op.variadic else slopes):
            if array is not None:
                np.copyto(array, slope)


def _fixed_slopes(op: Op, arity: int) -> list[float | None]:
    """Per operand array, the local derivative if it is the same number everywhere."""
    with np.errstate(all="ignore"):
        ones: Any = np.ones((arity, 1))
        slopes = op.slopes(NUMPY, ones[0], ones)
    fixed = [slope if slope.__class__ is float else None for slope in slopes]
    return [fixed[0] if len(set(fixed)) == 1 else None] if op.variadic else fixed


def _fold(indices: list[Index]) -> list[Index]:
    """The nodes' axis in two where that makes more of the indices even: (step, unit)."""
    size = indices[0].shape[-1]
    best, most = indices, sum(affine(index) is not None for index in indices)
    if most == len(indices):
        return best
    for width in {_first_break(index) for index in indices}:
        if 1 < width < size and size % width == 0:
            folded = [index.reshape(*index.shape[:-1], -1, width) for index in indices]
            even = sum(affine(index) is not None for index in folded)
            if even > most:
                best, most = folded, even
    return best


def _first_break(index: Index) -> int:
    """How far the last axis goes evenly from its start."""
    line = index.reshape(-1, index.shape[-1])[0]
    steps = np.diff(line)
    uneven = np.flatnonzero(steps != steps[:1])
    return int(uneven[0]) + 1 if uneven.size else line.size


class Replay:
    """A schedule bound to arrays: `batch` is () or (size,)."""

    def __init__(
        self,
        layout: Layout,
        blocks: Sequence[Block],
        matrices: Sequence[Matrix],
        loss: int,
        inputs: Index,
        parameters: Array,
        parameter_gradients: Array,
        batch: tuple[int, ...] = (),
    ) -> None:
        loss_slot = layout.slot(loss)
        self.values = values = np.zeros((layout.size, *batch))
        self.gradients = gradients = np.zeros((layout.size, *batch))
        self.parameter_gradients = parameter_gradients
        for slot, number in layout.numbers.items():
            values[slot] = number
        self._inputs = Slots(values, _fold([inputs])[0]) if inputs.size else None
        rows = {m: np.array([[layout.parameter_slot[x] for x in row] for row in m.rows], np.intp)
                for m in matrices}  # fmt: skip
        weights = {m: Slots(parameters, index) for m, index in rows.items()}
        runs = [
            Product(block, weights[block.matrix], values, gradients, layout)
            if isinstance(block, MatrixBlock)
            else Map(block, values, gradients, layout)
            for block in blocks
        ]
        self.slopes = _families([run for run in runs if isinstance(run, Map)])
        self.written = np.zeros(layout.size, bool)
        self.written[loss_slot] = True
        for run in reversed(runs):
            run.meet(self.written)
        self._seed = gradients[loss_slot : loss_slot + 1]
        self._loss = values[loss_slot : loss_slot + 1]
        self.forwards: list[Callable[[], None]] = [run.forward for run in runs]
        self.backwards: list[Callable[[], None]] = [run.backward for run in reversed(runs)]
        learnt = np.zeros(len(parameters), bool)
        for matrix in matrices:
            sink = Sink(parameter_gradients, rows[matrix], learnt)
            self.backwards.append(MatrixGradient(matrix, sink, values, gradients, layout).backward)
        self._copies(layout, parameters, learnt)

    def _copies(self, layout: Layout, parameters: Array, learnt: NDArray[np.bool_]) -> None:
        """Parameters that are read outside of matrix rows stand among the values too."""
        copied = [node for node in layout.parameter_slot if layout.is_placed(node)]
        if not copied:
            return
        copied.sort(key=layout.slot)
        source = np.array([layout.parameter_slot[node] for node in copied], np.intp)
        place = layout.slots(copied)
        reading, copies = Slots(parameters, source), Slots(self.values, place)
        messages = Slots(self.gradients, place)
        sink = Sink(self.parameter_gradients, source, learnt)
        batched = self.values.ndim > 1

        def load() -> None:
            copies.write(reading.read()[:, None] if batched else reading.read())

        def give_back() -> None:
            sink.add(messages.read().sum(axis=1) if batched else messages.read())

        self.forwards.insert(0, load)
        self.backwards.append(give_back)

    def feed(self, numbers: Array) -> None:
        """Set the inputs: one row per input, with a batch one column per example."""
        if self._inputs is not None:
            shape = self._inputs.index.shape + self.values.shape[1:]
            self._inputs.write(numbers.reshape(shape))

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        with np.errstate(all="ignore"):
            for run in self.forwards:
                run()
        loss: Array = self._loss[0]
        return loss

    def backward(self, gradient: float) -> None:
        """Sweep: every slot of `gradients` gets its messages."""
        self.gradients.fill(0.0)
        self.parameter_gradients.fill(0.0)
        self._seed[...] = gradient
        with np.errstate(all="ignore"):
            for slopes in self.slopes:
                slopes.compute()
            for run in self.backwards:
                run()


def _families(maps: Sequence[Map]) -> list[Slopes]:
    """Blocks alike whose slots are even from one to the next share their slopes' call."""
    alike: dict[Any, list[Map]] = defaultdict(list)
    for run in maps:
        alike[run.op, *[index.shape for index in run.indices]].append(run)
    found = []
    for same in alike.values():
        if len(same) > 1 and _even(same):
            found.append(Slopes(same))
        else:
            found += [Slopes([run]) for run in same]
    return [slopes for slopes in found if any(array is not None for array in slopes.arrays)]


def _even(blocks: Sequence[Map]) -> bool:
    return all(
        affine(np.stack(same)) is not None for same in zip(*[block.indices for block in blocks])
    )
