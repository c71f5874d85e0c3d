"""From a plan to rows of words: the forward pass, and a sweep for any set of wanted nodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ..blocks import MatrixBlock, OpBlock
from ..ir import Block
from ..memory import Layout
from ..parameters import Store
from ..plan import Plan
from . import scalars
from .elementwise import Loop, Reduce, kernel_of
from .matmul import Product, Rows, early, gradient
from .program import Arena, Array, Marks, Program, Sweep

__all__ = ["Lowering"]

LEAST_ALONE = 2  # narrow blocks in a row, from which on their nodes are taken one by one


class Lowering:
    """A plan in rows of words, for one arena.

    data, learnt : the parameters and their gradients in the arena's type
    """

    def __init__(self, plan: Plan, store: Store, arena: Arena) -> None:
        self.plan, self.store, self.arena, self.layout = plan, store, arena, plan.layout
        self._is_single = arena.dtype != store.data.dtype
        self.data, self.learnt = store.data, store.gradient
        if self._is_single:
            self.data = arena.scratch(len(store.data))
            self.learnt = arena.scratch(len(store.data))
        self._copies = sorted(
            [node for node in self.layout.parameter_slot if node in self.layout.slot],
            key=self.layout.slot.__getitem__,
        )
        self._own = arena.index([self.layout.parameter_slot[node] for node in self._copies])
        self._placed = arena.index(self.layout.places(self._copies))
        self._runs: list[Lone | Loop | Reduce | Product] = []
        self._rows: dict[Any, Rows] = {}
        self._parts: dict[Any, list[tuple[int, int]]] = {}

    # Forward.

    def forward(self) -> Program:
        program, arena = Program(self.arena), self.arena
        size, store = len(self.store.data), self.store
        if self._is_single:
            program.emit("narrow", self.data.ctypes.data, store.data.ctypes.data, size)
        if self._copies:
            program.emit(
                "broadcast", arena.values.ctypes.data, self.data.ctypes.data, self._own,
                self._placed, len(self._copies), arena.examples,
            )  # fmt: skip
        for matrix in self.plan.matrices:
            self._rows[matrix] = Rows(matrix, self.layout, self.data, program)
        self._runs = self._joined(list(self._kernels()))
        for run in self._runs:
            if isinstance(run, Product):
                run.forward(program, self._early(run, program))
            else:
                run.forward(program)
        return program

    def feed(self, staged: Array) -> Program:
        """The inputs from where they were put, one example after the other, to their slots."""
        program, slots = Program(self.arena), self.layout.places(self.plan.inputs)
        if slots:
            program.emit(
                "feed", self.arena.values.ctypes.data, staged.ctypes.data,
                self.arena.index(slots), len(slots), self.arena.examples,
            )  # fmt: skip
        return program

    def _kernels(self) -> Any:
        blocks: Sequence[Block] = self.plan.blocks

        def is_narrow(block: Block) -> bool:
            return not self.arena.batch and bool(block.alone())

        for narrow, group in groupby(blocks, is_narrow):
            row = list(group)
            if narrow and len(row) >= LEAST_ALONE:
                yield Lone(row, self.layout)
            else:
                yield from map(self._kernel, row)

    def _kernel(self, block: Block) -> Loop | Reduce | Product:
        if isinstance(block, MatrixBlock):
            return Product(self._rows[block.matrix], block.columns, block.outputs, self.layout)
        assert isinstance(block, OpBlock), f"no kernel for {block!r}"
        return kernel_of(
            block.op, tuple(block.outputs), block.operands, block.is_swept, self.layout
        )

    @staticmethod
    def _joined(runs: list[Any]) -> list[Any]:
        found: list[Any] = []
        for run in runs:
            if found and isinstance(run, Loop) and isinstance(found[-1], Loop):
                both = found[-1].joined(run)
                if both is not None:
                    found[-1] = both
                    continue
            found.append(run)
        return found

    def _early(self, product: Product, program: Program) -> list[tuple[int, int]]:
        matrix, op = product.rows.matrix, self.plan.graph.op
        if matrix not in self._parts:
            count = sum(isinstance(r, Product) and r.rows.matrix is matrix for r in self._runs)

            def is_leaf(node: int) -> bool:
                return node >= len(op) or op[node] is None

            self._parts[matrix] = early(product.rows, count, is_leaf, self.layout, program)
        return self._parts[matrix]

    # Backward.

    def backward(self, wanted: Collection[int], seed: Array) -> Program:
        """Messages from the loss, at which `seed` stands, to the wanted nodes and parameters."""
        sweep, arena = Sweep(self.arena, wanted), self.arena
        loss = self.layout.slot[self.plan.graph.roots[0]]
        sweep.marks.written[loss] = True
        outside = self._read_outside()
        for run in reversed(self._runs):
            if isinstance(run, Lone):
                run.backward(sweep, outside[run])
            else:
                run.backward(sweep)
        program = sweep.program
        learnt = Marks(len(self.learnt))
        for rows in self._rows.values():
            gradient(rows, self.layout, sweep, self.learnt, learnt)
        if self._copies:
            learnt.mode(np.array([self.layout.parameter_slot[n] for n in self._copies]), False)
            program.emit(
                "sum_batch", self.learnt.ctypes.data, arena.gradients.ctypes.data, self._own,
                self._placed, len(self._copies), arena.examples,
            )  # fmt: skip
        first = Program(arena)
        if sweep.marks.from_zero:
            first.emit("zero", arena.gradients.ctypes.data, arena.gradients.size)
        if learnt.from_zero or not learnt.written.all():
            first.emit("zero", self.learnt.ctypes.data, len(self.learnt))
        place = arena.gradients.ctypes.data + loss * arena.examples * arena.itemsize
        first.emit("fill", place, seed.ctypes.data, arena.examples)
        program.rows[:0] = first.rows
        if self._is_single:
            to = self.store.gradient.ctypes.data
            program.emit("widen", to, self.learnt.ctypes.data, len(self.learnt))
        return program

    def _read_outside(self) -> dict[Any, set[int]]:
        """Per run of lone nodes the slots that anything outside of it reads, and the loss."""
        lone = [run for run in self._runs if isinstance(run, Lone)]
        inside = {id(block): run for run in lone for block in run.blocks}
        loss = self.layout.slot[self.plan.graph.roots[0]]
        found: dict[Any, set[int]] = {run: {loss} for run in lone}
        if not lone:
            return found
        for block in self.plan.blocks:
            owner = inside.get(id(block))
            slots = None
            for run in lone:
                if run is not owner:
                    if slots is None:
                        slots = {self.layout.slot[x] for x in block.read() if x in self.layout.slot}
                    found[run] |= slots
        return found


class Lone:
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
        arena = program.arena
        cases = sorted({case for case, _ in nodes}, key=repr)
        number = {case: i for i, case in enumerate(cases)}
        words = [word for case, slots in nodes for word in (number[case], *slots)]
        code = arena.keep(np.array([*words, len(cases)], np.int32))
        program.emit(
            scalars.Scalars(tuple(cases)), arena.values.ctypes.data, code.ctypes.data,
            *[array.ctypes.data for array in more],
        )  # fmt: skip
