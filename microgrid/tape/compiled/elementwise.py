"""Blocks of one op on many nodes, as loops; blocks that follow each other as one loop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from ...expressions import trace
from ...ops import Op
from ..ir import Nodes
from ..memory import Layout
from .kernels import Backward, Forward, Step
from .program import Arena, Program, Sweep
from .reductions import LaneReduction, LaneReductionBack, Reduction, ReductionBack
from .slots import Nest, Slots, View, folded, nest

__all__ = ["Loop", "Reduce", "kernel_of"]

_MOST_OPERANDS = 4  # of a variadic op, up to which its operands are arrays of their own
_MOST_STEPS = 6  # in one loop


class Loop:
    """Elementwise ops on the same nodes, one after the other.

    outs, reads : the slots of the results, and of what is read from memory
    nodes : per array that is read, the nodes in it
    """

    def __init__(
        self,
        steps: Sequence[Step],
        outs: Sequence[Slots],
        reads: Sequence[Slots],
        nodes: Sequence[Nodes],
        is_swept: bool,
    ) -> None:
        self.steps, self.outs, self.reads = tuple(steps), list(outs), list(reads)
        self.nodes, self.is_swept = list(nodes), is_swept
        together = folded([*self.outs, *self.reads])
        self._outs, self._reads = together[: len(outs)], together[len(outs) :]

    @classmethod
    def of(
        cls, op: Op, outputs: Nodes, operands: Sequence[Nodes], is_swept: bool, layout: Layout
    ) -> Loop:
        """One block; operands[i][k] is operand k of node outputs[i]."""
        reads: dict[bytes, int] = {}
        slots: list[Slots] = []
        nodes: list[Nodes] = []
        places: list[int] = []
        for column in zip(*operands):
            found = Slots(layout.places(column))
            place = reads.setdefault(found.index.tobytes(), len(reads))
            if place == len(slots):
                slots.append(found)
                nodes.append(column)
            places.append(place)
        out = Slots(layout.places(outputs))
        return cls([Step(op, tuple(places))], [out], slots, nodes, is_swept)

    def joined(self, later: Loop) -> Loop | None:
        """Both in one loop, if that computes the same."""
        count = len(self.steps)
        if (
            self.outs[0].shape != later.outs[0].shape
            or self.is_swept != later.is_swept
            or count + len(later.steps) > _MOST_STEPS
        ):
            return None
        place: list[int] = []  # of each array that the later one reads, in both
        reads, nodes = list(self.reads), list(self.nodes)
        made = [slots.index.tobytes() for slots in self.outs]
        known = [slots.index.tobytes() for slots in self.reads]
        for slots, inside in zip(later.reads, later.nodes):
            key = slots.index.tobytes()
            if key in made:
                place.append(-1 - made.index(key))
            elif key in known:
                place.append(known.index(key))
            else:
                place.append(len(reads))
                reads.append(slots)
                nodes.append(inside)
        steps = [
            Step(
                step.op,
                tuple([place[x] if x >= 0 else x - count for x in step.operands]),
            )
            for step in later.steps
        ]
        both = Loop([*self.steps, *steps], [*self.outs, *later.outs], reads, nodes, self.is_swept)
        return both if both._is_sound() else None

    def _is_sound(self) -> bool:
        """Whether no array overlaps another, and all lie evenly."""
        arrays = [*self._outs, *self._reads]
        if any(slots.even is None for slots in arrays) or not all(
            slots.is_distinct() for slots in arrays
        ):
            return False
        everything = np.concatenate([slots.index.ravel() for slots in arrays])
        return np.unique(everything).size == everything.size

    def forward(self, program: Program) -> None:
        """Append the loop: what lies unevenly is gathered before it, or scattered after it."""
        arena = program.arena
        reads = [program.read(slots, arena.values) for slots in self._reads]
        outs, rooms = zip(*[program.target(slots, arena.values) for slots in self._outs])
        self._views = [*outs, *reads]
        found = self._nest(arena, self._views)
        program.emit(Forward(self.steps, found.patterns()), *found.words(self._views))
        for slots, room in zip(self._outs, rooms):
            if room is not None:
                program.scatter(slots, arena.values, room, add=False)

    def _nest(self, arena: Arena, views: Sequence[View]) -> Nest:
        """The loops over these arrays, which always are three at most."""
        found = nest((*self._outs[0].shape, *arena.batch), views)
        assert found is not None, "two axes of nodes and one of examples make three loops"
        return found

    def backward(self, sweep: Sweep) -> None:
        """Append the loop that sends its messages, or several where operands overlap."""
        wanted = [x for x, nodes in enumerate(self.nodes) if sweep.wants(nodes)]
        if not self.is_swept or not wanted:
            return
        program, arena = sweep.program, sweep.program.arena
        upstream = [program.read(slots, arena.gradients, False) for slots in self._outs]
        modes = [sweep.marks.mode(slots.index) for slots in self._outs[:-1]] + ["+"]
        # Arrays that overlap each other cannot be written in one loop.
        together = [wanted] if len(wanted) == 1 or self._is_apart(wanted) else [[x] for x in wanted]
        for targets in together:
            self._send(sweep, targets, upstream, "".join(modes))

    def _is_apart(self, numbers: Sequence[int]) -> bool:
        """Whether no two of these operands share a slot."""
        slots = [np.unique(self.reads[x].index) for x in numbers]
        return np.unique(np.concatenate(slots)).size == sum(s.size for s in slots)

    def _send(
        self, sweep: Sweep, wanted: Sequence[int], upstream: Sequence[View], modes: str
    ) -> None:
        """Append one loop with the messages to the operands `wanted`.

        modes: per result, "=" if its gradient holds no message of others yet, else "+"
        """
        program, arena = sweep.program, sweep.program.arena
        targets, views, rooms = [], [], []
        for x, slots in enumerate(self._reads):
            view, room, mode = self._views[len(self.steps) + x], None, " "
            if x in wanted:
                view, room = program.target(slots, arena.gradients)
                is_distinct = slots.is_distinct()
                mode = sweep.marks.mode(slots.index, is_distinct)
            views.append(view)
            targets.append("=" if room is not None else mode)
            rooms.append((slots, room, mode))
        everything = [*upstream, *self._views, *views]
        found = self._nest(arena, everything)
        kernel = Backward(self.steps, found.patterns(), modes, "".join(targets))
        program.emit(kernel, *found.words(everything))
        for slots, room, mode in rooms:
            if room is not None:
                program.scatter(slots, arena.gradients, room, add=mode == "+")


class Reduce:
    """A variadic op of many operands.

    columns[j] has the slots of column j's operands, terms first: (terms, nodes).
    """

    def __init__(
        self, op: Op, outputs: Nodes, operands: Sequence[Nodes], is_swept: bool, layout: Layout
    ) -> None:
        self.op, self.is_swept = op, is_swept
        self._row = trace(op)
        count = len(self._row.operands)
        columns = list(zip(*operands))
        size = len(columns) // count
        parts = [columns[k * size : (k + 1) * size] for k in range(count)]
        self._nodes = [tuple(chain(*part)) for part in parts]
        index = [[layout.places(nodes) for nodes in part] for part in parts]
        self._out, *self._columns = folded(
            [Slots(layout.places(outputs)), *[Slots(part) for part in index]]
        )
        self.terms = size

    def forward(self, program: Program) -> None:
        """Append a loop over terms for each node or, where nodes or examples lie beside each
        other, one over these for each term.
        """
        arena = program.arena
        self._reads = [program.read(slots, arena.values) for slots in self._columns]
        self._to, room = program.target(self._out, arena.values)
        self._is_inner = not arena.batch and all(v.strides[0] == 1 for v in self._reads)
        shape = (*self._out.shape, *arena.batch)
        if self._is_inner:
            views = [self._to, *[view.inner() for view in self._reads]]
            program.emit(Reduction(self.op), *self._by_node(shape, views))
        else:
            terms = [
                self._term(j, t, arena) for t in range(self.terms) for j in range(len(self._reads))
            ]
            found = _three(nest(shape, [self._to, *terms]))
            first, *others = found.strides
            words = [*found.sizes, self._to.address, *first, self.terms]
            for view, strides in zip(terms, others):
                words += [view.address, *strides]
            program.emit(LaneReduction(self.op), *words)
        if room is not None:
            program.scatter(self._out, arena.values, room, add=False)

    def _term(self, column: int, term: int, arena: Arena) -> View:
        """Where one term of a column lies, for all nodes."""
        view = self._reads[column]
        return view.moved(term * view.strides[0], arena.itemsize).inner()

    def _by_node(self, shape: Sequence[int], views: Sequence[View]) -> list[int]:
        """Words of a loop over nodes around one over terms, which lie beside each other."""
        sizes = [1] * (2 - len(shape)) + list(shape)
        words = [*sizes, self.terms]
        for view in views:
            strides = [0] * (2 - len(view.strides)) + list(view.strides)
            words += [view.address, *strides, 1]
        return words

    def backward(self, sweep: Sweep) -> None:
        """Append the loops that send its messages, column by column."""
        if not self.is_swept:
            return
        program, arena = sweep.program, sweep.program.arena
        upstream = None
        for j, (slots, nodes) in enumerate(zip(self._columns, self._nodes)):
            if not sweep.wants(nodes):
                continue
            if upstream is None:
                upstream = program.read(self._out, arena.gradients, False)
            to, room = program.target(slots, arena.gradients)
            mode = sweep.marks.mode(slots.index, slots.is_distinct())
            own = "=" if room is not None else mode
            self._send(program, j, to, upstream, own)
            if room is not None:
                program.scatter(slots, arena.gradients, room, add=mode == "+")

    def _send(self, program: Program, column: int, to: View, upstream: View, mode: str) -> None:
        """Append the messages to one column, by the kind of loop that the forward pass took."""
        arena = program.arena
        shape = (*self._out.shape, *arena.batch)
        if self._is_inner and to.strides[0] == 1:
            views = [to.inner(), upstream, self._to, *[view.inner() for view in self._reads]]
            program.emit(ReductionBack(self.op, column, mode), *self._by_node(shape, views))
            return
        for t in range(self.terms):
            one = to.moved(t * to.strides[0], arena.itemsize).inner()
            terms = [self._term(j, t, arena) for j in range(len(self._reads))]
            views = [one, upstream, self._to, *terms]
            found = _three(nest(shape, views))
            kernel = LaneReductionBack(self.op, column, mode, found.patterns())
            program.emit(kernel, *found.words(views))


def _three(found: Nest | None) -> Nest:
    assert found is not None, "two axes of nodes and one of examples make three loops"
    return found


def kernel_of(
    op: Op, outputs: Nodes, operands: Sequence[Nodes], is_swept: bool, layout: Layout
) -> Loop | Reduce:
    """A block's loops."""
    if op.variadic and len(operands[0]) > _MOST_OPERANDS:
        return Reduce(op, outputs, operands, is_swept, layout)
    return Loop.of(op, outputs, operands, is_swept, layout)
