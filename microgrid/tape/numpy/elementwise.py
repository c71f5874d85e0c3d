"""A block of one op on many nodes, forward and backward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence, Set
from itertools import chain, islice, pairwise
from typing import Any, TypeAlias

import numpy as np

from ... import ops
from ...ops import Op
from ..ir import Nodes
from ..memory import FEW_OPERANDS, Layout
from .messages import Kernel, Sink, Sweep
from .program import TRACING, Array, Halves, Program, Traced
from .slots import Affine, Index, Slots

__all__ = ["Map", "derivatives_of", "families"]

_Starts: TypeAlias = tuple[int, ...]  # where the outputs and the operands of a block begin

_LOOK_AHEAD = 4  # blocks among which the next one of a family is looked for


class Map(Kernel):
    """One op on many nodes at once.

    The operands of a variadic op are one array, whose leading axis counts them; two for a
    dot, the first factors and the second ones. If they are few, they are an array each, as
    those of any other op.
    """

    def __init__(
        self,
        op: Op,
        outputs: Sequence[int],
        operands_of: Sequence[Nodes],
        is_swept: bool,
        layout: Layout,
    ) -> None:
        self.op, self._is_swept = op, is_swept
        operands = list(zip(*operands_of))
        places: list[Index] = [layout.places(nodes) for nodes in operands]
        self.is_whole = self.op.variadic and len(operands) > FEW_OPERANDS
        self._nodes, indices = operands, places
        if self.is_whole:
            width = len(operands) // 2 if self.op is ops.DOT else len(operands)
            parts = range(0, len(operands), width)
            self._nodes = [tuple(chain(*operands[i : i + width])) for i in parts]
            indices = [places[i : i + width] for i in parts]
        self.slots = _folded([layout.places(outputs), *indices])
        self.numbers: list[Array] = []  # of the outputs and of the operands

    def traced(self, program: Program, arrays: Sequence[Array]) -> list[Any]:
        """The operands as the row of the op table takes them."""
        traced = [Traced(program, array) for array in arrays]
        if not self.op.variadic:
            return traced
        if not self.is_whole:
            return [traced]
        return [Halves(*traced)] if self.op is ops.DOT else traced

    def derivatives(self, program: Program, numbers: Sequence[Array]) -> list[Any]:
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
        if self not in sweep.derivatives:
            return
        outputs, *operands = self.slots
        upstream = outputs.read(sweep.program, sweep.gradients.flat)
        for slots, derivative, nodes in zip(operands, sweep.derivatives[self], self._nodes):
            if sweep.wanted.isdisjoint(nodes):
                continue
            sink = Sink(slots, sweep.gradients)
            if isinstance(derivative, float):
                sink.add(sweep.program, upstream, derivative)
            else:
                sink.add(sweep.program, sweep.program.call(np.multiply, upstream, derivative))

    def is_wanted(self, wanted: Set[int]) -> bool:
        """Whether the gradient of any operand is."""
        return self._is_swept and not all(map(wanted.isdisjoint, self._nodes))


def _folded(indices: list[Index]) -> list[Slots]:
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


def derivatives_of(blocks: Sequence[Map], program: Program, values: Array) -> list[list[Any]]:
    """Each block's local derivatives, by one evaluation of the row for all blocks alike.

    They are arrays, or numbers where they are the same everywhere.
    """
    first = blocks[0]
    numbers = first.numbers
    if len(blocks) > 1:
        numbers = [_together(same).view(values) for same in zip(*[b.slots for b in blocks])]
        if first.is_whole:  # the operands' axis leads
            numbers = [numbers[0], *[np.moveaxis(array, 1, 0) for array in numbers[1:]]]
    derivatives: list[list[Any]] = [[] for _ in blocks]
    for derivative in first.derivatives(program, numbers):
        for i, own in enumerate(derivatives):
            if not isinstance(derivative, Traced):
                own.append(derivative)
            elif len(blocks) == 1:
                own.append(derivative.array)
            else:
                own.append(derivative.array[:, i] if first.is_whole else derivative.array[i])
    return derivatives


def _together(same: Sequence[Slots]) -> Affine:
    """Slots at even distances as one pattern, with an axis more in front."""
    first, second, *_ = [slots.affine for slots in same if slots.affine is not None]
    step = second.start - first.start
    return Affine(first.start, (len(same), *first.shape), (step, *first.strides))


def families(maps: Sequence[Map]) -> list[list[Map]]:
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
        first, *others = islice(left, 1 + _LOOK_AHEAD)
        runs = [_run(first, second, left) for second in others]
        longest = max(runs, key=len, default=[first])
        found.append([left.pop(start) for start in longest])
    return found


def _run(first: _Starts, second: _Starts, known: Collection[_Starts]) -> list[_Starts]:
    """first, second, and what follows at the same distance."""
    step = [b - a for a, b in zip(first, second)]
    run = [first]
    while second in known:
        run.append(second)
        second = tuple([start + by for start, by in zip(second, step)])
    return run
