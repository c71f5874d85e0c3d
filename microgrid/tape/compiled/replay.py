"""A plan run by compiled kernels: an executor like numpy.replay.Replay."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..parameters import Store
from ..plan import Plan
from .build import Library
from .lower import Lowering
from .program import Arena, Array, Key, Program

__all__ = ["Replay"]


class Replay:
    """A plan bound to arrays, whose passes are a call each; `batch` is () or (size,).

    `kernels` are what it needs; `link` makes it ready to run once a library has them.

    Attributes
    ----------
    values, gradients : a number per slot of the plan's layout, a row of them with a batch
    """

    def __init__(
        self, plan: Plan, store: Store, batch: tuple[int, ...], dtype: str = "float64"
    ) -> None:
        layout, graph = plan.layout, plan.graph
        arena = self._arena = Arena(layout.size, batch, np.dtype(dtype))
        self.values, self.gradients = arena.values, arena.gradients
        for slot, number in layout.numbers.items():
            self.values[slot] = number
        self._store = store  # its arrays are written to by address
        self._loss = layout.slot[graph.roots[0]]
        self._staged = np.zeros(len(plan.inputs) * arena.examples)
        self._seed = np.zeros(1)
        lowering = Lowering(plan, store, arena)
        self._feed = lowering.feed(self._staged)
        self._forward = lowering.forward()
        self._sweeps = {every: lowering.backward(every, self._seed) for every in (True, False)}
        self._lowering = lowering  # its arrays are written to by address

    def kernels(self) -> set[Key]:
        """The kernels that its passes call."""
        programs: list[Program] = [self._feed, self._forward, *self._sweeps.values()]
        return set().union(*(program.kernels() for program in programs))

    def link(self, library: Library) -> None:
        """Write the addresses of the library's kernels into the passes."""
        feed_words = self._feed.link(library.address)[:-2]
        words = np.concatenate([feed_words, self._forward.link(library.address)])
        sweeps = {every: sweep.link(library.address) for every, sweep in self._sweeps.items()}
        self._words = [words, *sweeps.values()]
        self._run = library.run
        self._with_feed = words.ctypes.data
        self._without_feed = self._start = words.ctypes.data + feed_words.nbytes
        self._sweep = {every: sweep.ctypes.data for every, sweep in sweeps.items()}

    def feed(self, numbers: NDArray[Any]) -> None:
        """Set the inputs: their numbers in order, with a batch one row per example."""
        self._staged[...] = numbers.ravel()
        self._start = self._with_feed

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        self._run(self._start)
        self._start = self._without_feed
        losses: Array = self.values[self._loss]
        return losses

    check = forward

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""
        self._seed[0] = gradient
        self._run(self._sweep[every])
