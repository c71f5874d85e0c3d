"""From a plan to rows of words: the forward pass, and a sweep for any set of wanted nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..blocks import MatrixBlock, OpBlock, gathered
from ..ir import ArrayBlock, Block, Matrix
from ..memory import Layout
from ..parameters import Store
from ..plan import Plan
from . import scalars
from .elementwise import Loop, Reduce, kernel_of
from .matmul import Product, Rows, early, gradient
from .program import Arena, Array, Marks, Program, Sweep

__all__ = ["Lowering"]

_LEAST_ALONE = 2  # narrow blocks in a row, from which on their nodes are taken one by one


class Lowering:
    """A plan in rows of words, for one arena.

    In a batch, what no input reaches (a penalty on the weights, say) is computed once for all
    examples, in an arena of its own.

    data, learnt : the parameters and their gradients in the arena's type
    """

    def __init__(self, plan: Plan, store: Store, arena: Arena) -> None:
        self.plan, self.store, self.arena, self.layout = plan, store, arena, plan.layout
        self._is_single = arena.dtype != store.data.dtype
        self.data, self.learnt = store.data, store.gradient
        if self._is_single:
            self.data = arena.scratch(len(store.data))
            self.learnt = arena.scratch(len(store.data))
        self._main, self._once = self._parts()

    def _parts(self) -> tuple[_Part, _Part | None]:
        """What is computed for every example, and what is computed once for all of them."""
        plan, layout = self.plan, self.layout
        if not self.arena.batch or not plan.once:
            return _Part(plan, plan.blocks, self.arena, self.data), None
        once = [block for i, block in enumerate(plan.blocks) if i in plan.once]
        many = [block for i, block in enumerate(plan.blocks) if i not in plan.once]
        small = Arena(layout.size, (), self.arena.dtype, self.arena)
        for slot, number in layout.numbers.items():
            small.values[slot] = number
        alone = {x for block in once for x in block.read()}
        for block in many:
            alone.difference_update(block.read())
        alone.difference_update(*[side for check in plan.checks for side in check.sides])
        main = _Part(plan, many, self.arena, self.data, leaves_out=alone)
        return main, _Part(plan, once, small, self.data)

    def feed(self, staged: Array) -> Program:
        """The inputs from where they were put, one example after the other, to their slots."""
        program, slots = Program(self.arena), self.layout.places(self.plan.inputs)
        if slots:
            program.emit(
                "feed", self.arena.values.ctypes.data, staged.ctypes.data,
                self.arena.index(slots), len(slots), self.arena.examples,
            )  # fmt: skip
        return program

    def forward(self) -> Program:
        """All blocks."""
        program, arena, once = Program(self.arena), self.arena, self._once
        if self._is_single:
            size, data = len(self.store.data), self.store.data
            program.emit("narrow", self.data.ctypes.data, data.ctypes.data, size)
        if once is not None:
            program.rows += self._fetch(once)
            program.rows += once.forward().rows
            places = arena.index(self.layout.places(self.plan.made_once))
            program.emit(
                "broadcast", arena.values.ctypes.data, once.arena.values.ctypes.data, places,
                places, len(self.plan.made_once), arena.examples,
            )  # fmt: skip
        program.rows += self._main.forward().rows
        return program

    def _fetch(self, once: _Part) -> list[Any]:
        """Leaves that keep their numbers, from the first example."""
        read = {x for block in once.blocks for x in block.read()}
        slots = np.array(self.layout.places(read.intersection(self.plan.graph.fixed)), np.intp)
        if not slots.size:
            return []
        program, small = Program(once.arena), once.arena
        room = small.scratch(slots.size)
        program.emit(
            "gather", room.ctypes.data, self.arena.values.ctypes.data,
            small.index(slots * self.arena.examples), slots.size, 1,
        )  # fmt: skip
        program.emit(
            "scatter", small.values.ctypes.data, room.ctypes.data, small.index(slots),
            slots.size, 1,
        )  # fmt: skip
        return program.rows

    def backward(self, every: bool, seed: Array) -> Program:
        """Messages from the loss, at which `seed` stands, to all nodes or to the parameters."""
        graph, arena = self.plan.graph, self.arena
        wanted = set(graph.order) if every else graph.learning
        program, main, once = Program(arena), self._main, self._once
        if once is not None and every:
            # A gradient for every example of every node: now all is computed for each of them.
            main, once = _Part(self.plan, self.plan.blocks, arena, self.data), None
            program.rows += main.forward().rows
        loss = self.layout.slot[graph.roots[0]]
        sweeps = [main.backward(wanted, {loss})]
        learnt = Marks(len(self.learnt))
        main.learn(sweeps[0], self.learnt, learnt)
        first = Program(arena)
        if once is not None:
            sweeps.append(self._sweep_once(once, wanted, sweeps[0], learnt, first))
        if sweeps[0].marks.from_zero:
            first.emit("zero", arena.gradients.ctypes.data, arena.gradients.size)
        if learnt.from_zero or not learnt.written.all():
            first.emit("zero", self.learnt.ctypes.data, len(self.learnt))
        place = arena.gradients.ctypes.data + loss * arena.examples * arena.itemsize
        first.emit("fill", place, seed.ctypes.data, arena.examples)
        program.rows += first.rows
        for sweep in sweeps:
            program.rows += sweep.program.rows
        if self._is_single:
            to = self.store.gradient.ctypes.data
            program.emit("widen", to, self.learnt.ctypes.data, len(self.learnt))
        return program

    def _sweep_once(
        self, once: _Part, wanted: Collection[int], main: Sweep, learnt: Marks, first: Program
    ) -> Sweep:
        """What was computed once, from the messages of all examples together."""
        places = self.layout.places(self.plan.made_once)
        border = [slot for slot in places if main.marks.written[slot]]
        first.emit("zero", once.arena.gradients.ctypes.data, once.arena.gradients.size)
        if border:
            index = once.arena.index(border)
            main.program.emit(
                "sum_batch", once.arena.gradients.ctypes.data,
                self.arena.gradients.ctypes.data, index, index, len(border), self.arena.examples,
            )  # fmt: skip
        sweep = once.backward(wanted, set(border))
        once.learn(sweep, self.learnt, learnt)
        return sweep


class _Part:
    """Blocks that are computed in the same arena: for every example, or once for all.

    leaves_out : parameters that need no copy among the values, for no block here reads them
    """

    def __init__(
        self,
        plan: Plan,
        blocks: Sequence[Block],
        arena: Arena,
        data: Array,
        leaves_out: Collection[int] = (),
    ) -> None:
        self.blocks, self.arena = blocks, arena
        self._data, self._layout, self._op = data, plan.layout, plan.graph.op
        placed = (node for node in plan.layout.parameter_slot if node in plan.layout.slot)
        copies = [node for node in placed if node not in leaves_out]
        copies.sort(key=plan.layout.slot.__getitem__)
        self._copied = [plan.layout.parameter_slot[node] for node in copies]
        self._own, self._placed = arena.index(self._copied), arena.index(plan.layout.places(copies))
        self._runs: list[_Lone | Loop | Reduce | Product] = []
        self._rows: dict[Matrix, Rows] = {}

    def forward(self) -> Program:
        """Copies of parameters that are read outside of matrices, then block by block."""
        program, arena = Program(self.arena), self.arena
        if self._copied:
            program.emit(
                "broadcast", arena.values.ctypes.data, self._data.ctypes.data, self._own,
                self._placed, len(self._copied), arena.examples,
            )  # fmt: skip
        products: dict[Matrix, list[MatrixBlock]] = defaultdict(list)
        for block in self.blocks:
            if isinstance(block, MatrixBlock):
                products[block.matrix].append(block)
        parts = {}
        for matrix, blocks in products.items():
            rows = Rows(matrix, blocks, self._layout, self._data, program)
            self._rows[matrix] = rows
            parts[rows] = early(rows, self._is_leaf, self._layout, program)
        self._runs = _joined(self._kernels())
        for run in self._runs:
            if isinstance(run, Product):
                run.forward(program, parts[run.rows])
            else:
                run.forward(program)
        return program

    def _is_leaf(self, node: int) -> bool:
        """Whether nothing computes the node: it is a leaf, or a plain number."""
        return node >= len(self._op) or self._op[node] is None

    def _kernels(self) -> Iterator[_Lone | Loop | Reduce | Product]:
        whole = chain.from_iterable(block.apart() for block in self.blocks)
        for block in whole if self.arena.batch else gathered(self.blocks, _LEAST_ALONE):
            yield _Lone(block, self._layout) if isinstance(block, list) else self._kernel(block)

    def _kernel(self, block: ArrayBlock) -> Loop | Reduce | Product:
        """The loops of one block."""
        if isinstance(block, MatrixBlock):
            return Product(self._rows[block.matrix], block.columns, block.outputs, self._layout)
        assert isinstance(block, OpBlock), f"no kernel for {block!r}"
        outputs = tuple(block.outputs)
        return kernel_of(block.op, outputs, block.operands, block.is_swept, self._layout)

    def backward(self, wanted: Collection[int], start: set[int]) -> Sweep:
        """The sweep from the slots in `start`, whose gradients are there already."""
        sweep = Sweep(self.arena, wanted)
        sweep.marks.written[list(start)] = True
        outside = self._read_outside(start)
        for run in reversed(self._runs):
            if isinstance(run, _Lone):
                run.backward(sweep, outside[run])
            else:
                run.backward(sweep)
        return sweep

    def learn(self, sweep: Sweep, learnt: Array, marks: Marks) -> None:
        """What the parameters get from this part."""
        arena = self.arena
        for rows in self._rows.values():
            gradient(rows, self._layout, sweep, learnt, marks)
        if self._copied:
            marks.mode(np.array(self._copied), is_distinct=False)
            sweep.program.emit(
                "sum_batch", learnt.ctypes.data, arena.gradients.ctypes.data, self._own,
                self._placed, len(self._copied), arena.examples,
            )  # fmt: skip

    def _read_outside(self, start: set[int]) -> dict[Any, set[int]]:
        """Per run of lone nodes the slots that anything outside of it sends messages to."""
        lone = [run for run in self._runs if isinstance(run, _Lone)]
        inside = {id(block): run for run in lone for block in run.blocks}
        found: dict[Any, set[int]] = {run: set(start) for run in lone}
        slot = self._layout.slot
        for block in self.blocks if lone else ():
            slots = {slot[x] for x in block.read() if x in slot}
            for run in lone:
                if run is not inside.get(id(block)):
                    found[run] |= slots
        return found


def _joined(
    runs: Iterator[_Lone | Loop | Reduce | Product],
) -> list[_Lone | Loop | Reduce | Product]:
    """Loops that follow each other as one, where that computes the same."""
    found: list[_Lone | Loop | Reduce | Product] = []
    for run in runs:
        last = found[-1] if found else None
        both = last.joined(run) if isinstance(run, Loop) and isinstance(last, Loop) else None
        if both is None:
            found.append(run)
        else:
            found[-1] = both
    return found


class _Lone:
    """Narrow blocks in a row, node by node."""

    def __init__(self, blocks: Sequence[Block], layout: Layout) -> None:
        self.blocks = blocks
        self._nodes: list[scalars.Node] = [
            (op, layout.slot[node], tuple(layout.places(operands)))
            for block in blocks
            for op, node, operands in block.alone()
        ]

    def forward(self, program: Program) -> None:
        self._write(program, scalars.forward(self._nodes))

    def backward(self, sweep: Sweep, reached: Collection[int]) -> None:
        gradients = sweep.program.arena.gradients
        for slots in ({x for _, _, xs in self._nodes for x in xs}, {o for _, o, _ in self._nodes}):
            sweep.marks.mode(np.array(sorted(slots)), is_distinct=False)
        self._write(sweep.program, scalars.backward(self._nodes, reached), gradients)

    @staticmethod
    def _write(program: Program, nodes: Sequence[tuple[Any, list[int]]], *more: Array) -> None:
        """Append one kernel for all nodes: each is a word for its case, and words for its slots."""
        arena = program.arena
        cases = sorted({case for case, _ in nodes}, key=repr)
        number = {case: i for i, case in enumerate(cases)}
        words = [word for case, slots in nodes for word in (number[case], *slots)]
        code = arena.keep(np.array([*words, len(cases)], np.int32))
        program.emit(
            scalars.Scalars(tuple(cases)), arena.values.ctypes.data, code.ctypes.data,
            *[array.ctypes.data for array in more],
        )  # fmt: skip
