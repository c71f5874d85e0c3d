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
    staged, seed : where the passes find the inputs, and the gradient of the loss
    own : all arrays that the passes write to
    words, sweeps : the forward pass, `fed` bytes of which feed it, and by `every` the sweeps
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
        self.staged = np.zeros(len(plan.inputs) * arena.examples)
        self.seed = np.zeros(1)
        lowering = Lowering(plan, store, arena)
        self._feed = lowering.feed(self.staged)
        self._forward = lowering.forward()
        self._backward = {every: lowering.backward(every, self.seed) for every in (True, False)}
        self._lowering = lowering  # its arrays are written to by address
        self.own = [*arena.own, self.staged, store.gradient]

    def kernels(self) -> set[Key]:
        """The kernels that its passes call."""
        programs: list[Program] = [self._feed, self._forward, *self._backward.values()]
        return set().union(*(program.kernels() for program in programs))

    def link(self, library: Library) -> None:
        """Write the addresses of the library's kernels into the passes."""
        feed, forward = self._feed.link(library.address)[:-2], self._forward.link(library.address)
        self.words = np.concatenate([feed, forward])
        self.sweeps = {
            every: sweep.link(library.address) for every, sweep in self._backward.items()
        }
        self.run, self.fed = library.run, feed.nbytes
        self._with_feed = self.words.ctypes.data
        self._without_feed = self._start = self._with_feed + self.fed
        self._sweep = {every: words.ctypes.data for every, words in self.sweeps.items()}

    def feed(self, numbers: NDArray[Any]) -> None:
        """Set the inputs: their numbers in order, with a batch one row per example."""
        self.staged[...] = numbers.ravel()
        self._start = self._with_feed

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        self.run(self._start)
        self._start = self._without_feed
        losses: Array = self.values[self._loss]
        return losses

    check = forward

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""
        self.seed[0] = gradient
        self.run(self._sweep[every])
