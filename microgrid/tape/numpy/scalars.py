"""Nodes one by one on Python floats: for blocks so narrow that NumPy's calls cost more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter

import numpy as np

from ...ops import FLOAT, Op
from ..ir import Lone
from ..memory import Layout
from .messages import Kernel, Sweep
from .program import Array, Program

__all__ = ["Scalars"]


class Scalars(Kernel):
    """Single nodes in a row, run by the rows of the op table for floats."""

    def __init__(self, each: Sequence[Lone], layout: Layout) -> None:
        ops, nodes, operands = zip(*each)
        read = list(dict.fromkeys(chain.from_iterable(operands)).keys() - set(nodes))
        read.sort()
        place = {node: i for i, node in enumerate(chain(read, nodes))}
        self._places = [
            (place[row[0]], place[row[1]]) if len(row) == 2 else tuple([place[x] for x in row])
            for row in operands
        ]
        self._getters = [
            itemgetter(*row) if len(row) > 1 else itemgetter(slice(row[0], row[0] + 1))
            for row in self._places  # what takes their numbers from a list, as a sequence
        ]
        functions = {op: _functions(op) for op in set(ops)}
        self._forwards, self._partials = zip(*[functions[op] for op in ops])
        self._slots = np.array(layout.places(chain(read, nodes)), np.intp)
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
        """Compute node by node; what the sweep needs is kept."""
        v = values[self._read].tolist()
        found = self._operands = []
        for forward, get in zip(self._forwards, self._getters):
            operands = get(v)
            found.append(operands)
            v.append(forward(FLOAT, *operands))
        self._results = v[len(self._read) :]
        values[self._made] = self._results

    def _sweep(self, gradients: Array) -> None:
        """Send the messages from the last node to the first, as Value.backward does."""
        g = gradients[self._slots].tolist()
        node = len(g)
        done = zip(self._partials, self._results, self._operands, self._places)
        for partials, result, operands, places in reversed(list(done)):
            node -= 1
            upstream = g[node]
            derivatives = partials(FLOAT, result, *operands)
            if len(places) == 2:  # most have two, and a loop costs more than both
                i, j = places
                g[i] += derivatives[0] * upstream
                g[j] += derivatives[1] * upstream
                continue
            for i, derivative in zip(places, derivatives):
                g[i] += derivative * upstream
        gradients[self._slots] = g


@cache
def _functions(op: Op) -> tuple[Callable[..., float], Callable[..., Sequence[float]]]:
    """forward(xp, *operands) and partials(xp, out, *operands), of a variadic op too."""
    if not op.variadic:
        return op.forward, op.partials
    return (
        lambda xp, *operands: op.forward(xp, operands),
        lambda xp, out, *operands: op.partials(xp, out, operands),
    )
