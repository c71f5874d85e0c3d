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

from collections.abc import Collection, Mapping, Sequence, Set
from contextvars import Context
from functools import partial
from itertools import chain, compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...collector import uncollected
from ..blocks import gathered
from ..ir import Block, Matrix
from ..memory import Layout
from ..parameters import Store
from ..plan import Plan
from .elementwise import Map, derivatives_of, families
from .matmul import MatrixGradient
from .messages import Gradients, Kernel, Sink, Sweep
from .program import Array, Call, Program, check_rows, zeros
from .scalars import Scalars
from .slots import Slots, segments

__all__ = ["Replay"]

_LEAST_SCALARS = 4  # narrow blocks: to fetch the numbers of fewer costs more than it saves
_PIECE = 100  # inputs that lie in pieces smaller than this are better scattered


class Replay:
    """A plan bound to arrays: `batch` is () or (size,).

    Attributes
    ----------
    values, gradients : a number per slot of the plan's layout, a row of them with a batch
    """

    def __init__(self, plan: Plan, store: Store, batch: tuple[int, ...] = ()) -> None:
        check_rows(plan.graph.op)  # before the first block that is wide enough for arrays
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
        self._main, self._once = self._parts(bool(batch))
        self._quiet = Context()  # where infinities and nan raise no warning
        self._quiet.run(np.seterr, all="ignore")
        self._forward = self._quiet.run(self._write_forward)
        self._backward: dict[bool, list[Call]] = {}

    def _place_inputs(self, slots: list[int]) -> None:
        """Where `feed` puts the inputs: in views of even pieces, or scattered if they are small."""
        pieces = segments(slots) if slots else []
        self._inputs = np.array(slots, np.intp)
        self._is_scattered = len(slots) < _PIECE * len(pieces)
        self._pieces = [
            (part, even.view(self.values)) for part, even in pieces if not self._is_scattered
        ]

    def _parts(self, batched: bool) -> tuple[_Part, _Part | None]:
        """What is computed for every example, and what is computed once for all of them."""
        plan, layout = self._plan, self._plan.layout
        if not batched or not plan.once:
            return _Part(plan, self._store, plan.blocks, self.values, self.gradients), None
        once = [block for i, block in enumerate(plan.blocks) if i in plan.once]
        many = [block for i, block in enumerate(plan.blocks) if i not in plan.once]
        values, gradients = zeros(layout.size), zeros(layout.size)
        for slot, number in layout.numbers.items():
            values[slot] = number
        alone = {x for block in once for x in block.read()}
        for block in many:
            alone.difference_update(block.read())
        alone.difference_update(*[side for check in plan.checks for side in check.sides])
        return (
            _Part(plan, self._store, many, self.values, self.gradients, leaves_out=alone),
            _Part(plan, self._store, once, values, gradients),
        )

    def _write_forward(self) -> list[Call]:
        """The calls of the forward pass, first those of what is computed once for all examples."""
        program, once = Program(), self._once
        self._weights = {m: rows.read(program, self._store.data) for m, rows in self._rows.items()}
        if once is not None:
            read = {x for block in once.blocks for x in block.read()}
            kept = self._plan.layout.places(read.intersection(self._plan.graph.fixed))
            if kept:
                program.append(_fetch, once.values, self.values, kept)
            once.forward(program, self._weights)
            places = self._plan.layout.places(self._plan.made_once)
            program.append(_spread, self.values, once.values, places)
        self._main.forward(program, self._weights)
        return program.calls()

    def _write_backward(self, wanted: Set[int]) -> list[Call]:
        """The calls of a sweep in which the gradients of the `wanted` nodes are computed."""
        program, main = Program(), self._main
        once = self._once if wanted is self._plan.graph.learning else None
        if self._once is not None and once is None:
            # A gradient for every example of every node: now all is computed for each of them.
            main = _Part(self._plan, self._store, self._plan.blocks, self.values, self.gradients)
            main.forward(program, self._weights)
        sweep = main.backward(program, wanted, [self._loss])
        learnt = Gradients(self._store.gradient)
        sweeps = [sweep]
        main.learn(sweep, learnt, self._rows)
        if once is not None:
            places = self._plan.layout.places(self._plan.made_once)
            border = [slot for slot in places if sweep.gradients.written[slot]]
            sweeps.append(once.backward(program, wanted, border, self.gradients))
            once.learn(sweeps[1], learnt, self._rows)
        first: list[Call] = [partial(np.copyto, self.gradients[self._loss, ...], self._seed)]
        for each in sweeps:
            if each.gradients.from_zero:
                first.insert(0, partial(each.gradients.flat.fill, 0.0))
        if learnt.from_zero or not learnt.written.all():
            first.append(partial(learnt.flat.fill, 0.0))
        return first + program.calls()

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

    check = forward

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


def _fetch(single: Array, batched: Array, slots: list[int]) -> None:
    """Numbers that are the same in every example."""
    single[slots] = batched[slots, 0]


def _spread(batched: Array, single: Array, slots: list[int]) -> None:
    """Let every example have these numbers."""
    batched[slots] = single[slots][:, None]


class _Part:
    """Blocks that are computed on the same arrays: for every example, or once for all.

    leaves_out: parameters that need no copy among the values, for no block here reads them.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        blocks: Sequence[Block],
        values: Array,
        gradients: Array,
        leaves_out: Collection[int] = (),
    ) -> None:
        self.blocks, self.values, self.gradients = blocks, values, gradients
        self._plan = plan
        self._copies = _Copies(plan.layout, store, leaves_out)
        self._kernels: list[Kernel] = []

    def forward(self, program: Program, weights: Mapping[Matrix, Array]) -> None:
        """Append the calls that compute the blocks."""
        layout, batched = self._plan.layout, self.values.ndim > 1
        self._copies.forward(program, self.values)
        whole = chain.from_iterable(block.apart() for block in self.blocks)
        for block in whole if batched else gathered(self.blocks, _LEAST_SCALARS):
            if isinstance(block, list):
                nodes = chain.from_iterable([narrow.alone() for narrow in block])
                self._kernels.append(Scalars([*nodes], layout))
            else:
                self._kernels.append(block.numpy(layout, weights, batched))
        for kernel in self._kernels:
            kernel.forward(program, self.values)

    def backward(
        self,
        program: Program,
        wanted: Set[int],
        start: list[int],
        batch: Array | None = None,
    ) -> Sweep:
        """Append the calls of the sweep from the slots in `start`.

        What these begin with is there already or, of a `batch`, the sum of its examples.
        """
        gradients = Gradients(self.gradients, self._plan.layout.numbers)
        sweep = Sweep(program, gradients, wanted)
        if batch is None:
            gradients.written[start] = True
        elif start:
            messages = program.call(np.take, batch, np.array(start), axis=0, mode="clip")
            total = program.call(np.add.reduce, messages, axis=1)
            Sink(Slots(start), gradients).add(program, total)
        maps = [run for run in self._kernels if isinstance(run, Map) and run.is_wanted(wanted)]
        for family in families(maps):
            sweep.derivatives.update(zip(family, derivatives_of(family, program, self.values)))
        for kernel in reversed(self._kernels):
            kernel.backward(sweep)
        return sweep

    def learn(self, sweep: Sweep, learnt: Gradients, rows: Mapping[Matrix, Slots]) -> None:
        """Append the calls that give the parameters what this part knows of their gradients."""
        layout = self._plan.layout
        elsewhere = self._plan.made_once if len(self.blocks) < len(self._plan.blocks) else ()
        is_once = self.values.ndim == 1
        for matrix, slots in rows.items():
            columns, outputs = matrix.columns, matrix.outputs
            if elsewhere:
                here = [(nodes[0] in elsewhere) == is_once for nodes in outputs]
                columns, outputs = list(compress(columns, here)), list(compress(outputs, here))
            if columns:
                gradient = MatrixGradient(columns, outputs, layout)
                sink = Sink(slots, learnt)
                gradient.backward(sweep.program, self.values, self.gradients, sink)
        self._copies.backward(sweep, learnt)


class _Copies:
    """Parameters that are read outside of matrix rows stand among the values too."""

    def __init__(self, layout: Layout, store: Store, leaves_out: Collection[int]) -> None:
        placed = (node for node in layout.parameter_slot if node in layout.slot)
        copied = [node for node in placed if node not in leaves_out]
        copied.sort(key=layout.slot.__getitem__)
        self._store = store
        self._own = [layout.parameter_slot[node] for node in copied]
        self._placed = layout.places(copied)

    def forward(self, program: Program, values: Array) -> None:
        if not self._own:
            return
        numbers = Slots(self._own).read(program, self._store.data)
        numbers = numbers[:, None] if values.ndim > 1 else numbers
        Slots(self._placed).write(program, values, numbers)

    def backward(self, sweep: Sweep, learnt: Gradients) -> None:
        """Hand on the messages of those that got one."""
        written, flat = sweep.gradients.written, sweep.gradients.flat
        pairs = [pair for pair in zip(self._own, self._placed) if written[pair[1]]]
        if not pairs:
            return
        own, placed = map(list, zip(*pairs))
        messages = Slots(placed).read(sweep.program, flat)
        if flat.ndim > 1:
            messages = sweep.program.call(np.add.reduce, messages, axis=1)
        Sink(Slots(own), learnt).add(sweep.program, messages)
