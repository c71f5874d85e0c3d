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

from collections.abc import Set
from contextvars import Context
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..collector import uncollected
from ..memory import Layout
from ..parameters import Store
from ..plan import Plan
from .elementwise import Map, families, slopes_of
from .matmul import MatrixGradient
from .messages import Gradients, Kernel, Sink, Sweep
from .program import Array, Call, Program, check_row, zeros
from .scalars import Scalars, gathered
from .slots import Slots, segments

PIECE = 100  # inputs that lie in pieces smaller than this are better scattered


class Replay:
    """A plan bound to arrays: `batch` is () or (size,).

    Attributes
    ----------
    values, gradients : a number per slot of the plan's layout, a row of them with a batch
    """

    def __init__(self, plan: Plan, store: Store, batch: tuple[int, ...] = ()) -> None:
        for op in {*plan.graph.op} - {None}:
            check_row(op)  # before the first block of it that is wide enough for arrays
        self._plan = plan
        self._store = store
        layout = plan.layout
        self.values = zeros(layout.size, *batch)
        self.gradients = zeros(layout.size, *batch)
        for slot, number in layout.numbers.items():
            self.values[slot] = number
        self._loss = layout.slot[plan.graph.roots[0]]
        self._losses = self.values[self._loss, ...]
        self._seed = np.ones(())
        self._place_inputs(layout.places(plan.inputs))
        self._rows = {m: Slots([[layout.parameter_slot[x] for x in row] for row in m.rows])
                      for m in plan.matrices}  # fmt: skip
        self._copies = _Copies(layout, store)
        self._runs: list[Kernel] = []
        self._quiet = Context()  # where infinities and nan raise no warning
        self._quiet.run(np.seterr, all="ignore")
        self._forward = self._quiet.run(self._write_forward)
        self._backward: dict[bool, list[Call]] = {}

    def _place_inputs(self, slots: list[int]) -> None:
        pieces = segments(slots) if slots else []
        self._inputs = np.array(slots, np.intp)
        self._is_scattered = len(slots) < PIECE * len(pieces)
        self._pieces = [
            (part, even.view(self.values)) for part, even in pieces if not self._is_scattered
        ]

    def _write_forward(self) -> list[Call]:
        plan, program, batched = self._plan, Program(), self.values.ndim > 1
        self._copies.forward(program, self.values)
        weights = {m: rows.read(program, self._store.data) for m, rows in self._rows.items()}
        for block in plan.blocks if batched else gathered(plan.blocks):
            if isinstance(block, list):
                self._runs.append(Scalars(block, plan.layout))
            else:
                self._runs.append(block.numpy(plan.layout, weights, batched))
        for run in self._runs:
            run.forward(program, self.values)
        return program.calls()

    def _write_backward(self, wanted: Set[int]) -> list[Call]:
        sweep = Sweep(Program(), Gradients(self.gradients, self._plan.layout.numbers), wanted)
        sweep.gradients.written[self._loss] = True
        maps = [run for run in self._runs if isinstance(run, Map) and run.is_wanted(wanted)]
        for family in families(maps):
            sweep.slopes.update(zip(family, slopes_of(family, sweep.program, self.values)))
        for run in reversed(self._runs):
            run.backward(sweep)
        learnt = Gradients(self._store.gradient)
        for matrix, rows in self._rows.items():
            sink = Sink(rows, learnt)
            gradient = MatrixGradient(matrix, self._plan.layout)
            gradient.backward(sweep.program, self.values, self.gradients, sink)
        self._copies.backward(sweep.program, self.gradients, learnt)
        first: list[Call] = [partial(np.copyto, self.gradients[self._loss, ...], self._seed)]
        if sweep.gradients.from_zero:
            first.insert(0, partial(self.gradients.fill, 0.0))
        if learnt.from_zero or not learnt.written.all():
            first.append(partial(learnt.flat.fill, 0.0))
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
        return self._losses

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""
        if every not in self._backward:
            graph = self._plan.graph
            wanted = set(graph.order) if every else graph.learning
            with uncollected():
                self._backward[every] = self._quiet.run(self._write_backward, wanted)
        self._seed[...] = gradient
        self._quiet.run(_make, self._backward[every])


def _make(calls: list[Call]) -> None:
    for call in calls:
        call()


class _Copies:
    """Parameters that are read outside of matrix rows stand among the values too."""

    def __init__(self, layout: Layout, store: Store) -> None:
        copied = [node for node in layout.parameter_slot if node in layout.slot]
        copied.sort(key=layout.slot.__getitem__)
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
