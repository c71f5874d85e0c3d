"""Nodes one by one on Python floats: for blocks so narrow that NumPy's calls cost more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter

import numpy as np

from ...ops import FLOAT, Op
from ..memory import Layout
from ..schedule import Block, OpBlock
from .messages import Sweep
from .program import Array, Program

NARROW = 4  # operands of a block, up to which its nodes are taken one by one
LEAST = 4  # blocks in a row: for fewer, fetching their numbers costs more than it saves


def gathered(blocks: Sequence[Block]) -> list[Block | list[OpBlock]]:
    """The blocks, those narrow ones that stand in a row as a list in their place."""
    found: list[Block | list[OpBlock]] = []
    for narrow, run in groupby(blocks, _is_narrow):
        row = list(run)
        if narrow and len(row) >= LEAST:
            found.append([block for block in row if isinstance(block, OpBlock)])
        else:
            found += row
    return found


def _is_narrow(block: Block) -> bool:
    if not isinstance(block, OpBlock) or not block.is_swept:
        return False
    return len(block.operands) * len(block.operands[0]) <= NARROW


class Scalars:
    """Narrow blocks in a row, run by the rows of the op table for floats."""

    def __init__(self, blocks: Sequence[OpBlock], layout: Layout) -> None:
        nodes = [node for block in blocks for node in block.outputs]
        made = set(nodes)
        operands = (x for block in blocks for each in block.operands for x in each)
        read = list(dict.fromkeys([x for x in operands if x not in made]))
        place = {node: i for i, node in enumerate(read + nodes)}.__getitem__
        each = [(block.op, operands) for block in blocks for operands in block.operands]
        self._places = [tuple(map(place, operands)) for _, operands in each]
        self._getters = [_getter(places) for places in self._places]
        self._forwards, self._partials = zip(*[_functions(op) for op, _ in each])
        self._slots = np.array(layout.places(read + nodes), np.intp)
        self._read, self._made = np.split(self._slots, [len(read)])
        self._results: list[float] = []
        self._operands: list[Sequence[float]] = []

    def forward(self, program: Program, values: Array) -> None:
        program.append(self._run, values)

    def backward(self, sweep: Sweep) -> None:
        gradients = sweep.gradients
        gradients.mark(gradients.written[self._slots], first=False)
        gradients.written[self._slots] = True
        sweep.program.append(self._sweep, gradients.flat)

    def _run(self, values: Array) -> None:
        v = values[self._read].tolist()
        found = self._operands = []
        for forward, get in zip(self._forwards, self._getters):
            operands = get(v)
            found.append(operands)
            v.append(forward(FLOAT, *operands))
        self._results = v[len(self._read) :]
        values[self._made] = self._results

    def _sweep(self, gradients: Array) -> None:
        g = gradients[self._slots].tolist()
        node = len(g)
        done = zip(self._partials, self._results, self._operands, self._places)
        for partials, result, operands, places in reversed(list(done)):
            node -= 1
            upstream = g[node]
            slopes = partials(FLOAT, result, *operands)
            if len(places) == 2:  # most have two, and a loop costs more than both
                i, j = places
                g[i] += slopes[0] * upstream
                g[j] += slopes[1] * upstream
                continue
            for i, slope in zip(places, slopes):
                g[i] += slope * upstream
        gradients[self._slots] = g


def _getter(places: tuple[int, ...]) -> Callable[[list[float]], Sequence[float]]:
    """What takes the numbers at these places from a list, as a sequence."""
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


@cache
def _functions(op: Op) -> tuple[Callable[..., float], Callable[..., Sequence[float]]]:
    """forward(xp, *operands) and partials(xp, out, *operands), of a variadic op too."""
    if not op.variadic:
        return op.forward, op.partials
    return (
        lambda xp, *operands: op.forward(xp, operands),
        lambda xp, out, *operands: op.partials(xp, out, operands),
    )
