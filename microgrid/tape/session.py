"""A plan at work: which arrays are in use, and whether what they hold may be read."""

from __future__ import annotations

from collections.abc import Callable
from reprlib import repr as short
from threading import Lock, current_thread, get_ident
from threading import enumerate as threads
from typing import Any, NoReturn, Protocol

import numpy as np

from ..collector import uncollected
from .indices import Indices
from .numpy.program import Array
from .numpy.replay import Replay
from .parameters import Store
from .plan import Plan

__all__ = ["Executor", "Session"]


class Executor(Protocol):
    """A plan bound to arrays for one size of batch, () or (size,).

    `values` and `gradients` have a row per slot of the plan's layout, with a batch a number
    per example in it.
    """

    values: Any
    gradients: Any

    def feed(self, numbers: Array) -> None:
        """Set the inputs: their numbers in order, with a batch one row per example."""

    def check(self) -> Array:
        """The loss at the numbers of the recording, before any other forward."""

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""


class Session:
    """Executors by size of batch, what was done last, and in which thread.

    Attributes
    ----------
    left_out : whether the last sweep was for the parameters alone
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        make: Callable[[Plan, Store, tuple[int, ...]], Executor] = Replay,
    ) -> None:
        self._plan, self._store, self._make = plan, store, make
        self._fixed_slots = plan.layout.places(plan.graph.fixed)
        self._fixed = self._read_fixed()
        self._indices = Indices(plan.source.fields) if plan.source.has_index else None
        self._executors: dict[tuple[int, ...], Executor] = {}
        self._batches: dict[tuple[int, ...], tuple[int, ...]] = {}  # shape of numbers -> batch
        self._last: Executor | None = None
        self._current: Executor | None = None
        self._swept = self.left_out = False
        self._lock = Lock()
        self._thread = get_ident()

    # What is run.

    def forward(self, numbers: Any = None) -> tuple[Array, Array]:
        """All numbers, and the loss of each example; GuardError where a guard fails."""
        if not self._lock.acquire(False):
            self._is_taken()
        try:
            self._swept = False
            executor, self._current = self._feed(numbers), None
            losses = executor.forward()
            for check in self._plan.checks:
                check(executor.values)
            self._current, self._thread = executor, get_ident()
        finally:
            self._lock.release()
        return executor.values, losses

    def backward(self, gradient: float, mean: bool, every: bool) -> None:
        """Sweep, of a batch from the mean of the losses if `mean`, else from their sum."""
        if not self._lock.acquire(False):
            self._is_taken()
        try:
            executor = self.current("backward")
            self._swept = False
            if mean and executor.values.ndim > 1:
                gradient /= executor.values.shape[1]
            executor.backward(gradient, every)
            self._swept, self.left_out = True, not every
        finally:
            self._lock.release()

    def reload(self) -> None:
        """Take the numbers of the leaves that keep theirs from their Values again."""
        self._fixed = self._read_fixed()
        for executor in self._executors.values():
            self._set_fixed(executor)
        self._current = None

    def first_loss(self) -> float:
        """The loss at the numbers of the recording."""
        return float(self._executor(()).check())

    # What may be read.

    def current(self, what: str) -> Executor:
        """The executor of the last forward; RuntimeError if it failed, or ran elsewhere."""
        if self._current is None:
            raise RuntimeError(f"Tape: {what} needs a forward that went through")
        if self._thread != get_ident():
            self._refuse(what)
        return self._current

    def _refuse(self, what: str) -> None:
        """RuntimeError unless the thread of the last forward has ended, and left its numbers."""
        ran = next((thread.name for thread in threads() if thread.ident == self._thread), None)
        if ran is not None:
            raise RuntimeError(
                f"Tape: {what} in thread {current_thread().name!r}, but the last forward ran in "
                f"thread {ran!r}; a tape holds the numbers of one forward: give each thread a "
                f"tape of its own"
            )

    def swept(self, what: str) -> Executor:
        """The same after a sweep; RuntimeError before."""
        executor = self.current(what)
        if not self._swept:
            raise RuntimeError(f"Tape: {what} needs a backward first")
        return executor

    @property
    def has_gradients(self) -> bool:
        return self._swept

    def is_left_out(self, node: int) -> bool:
        """Whether the last sweep computed no gradient for this node."""
        if not self.left_out:
            return False
        is_batch = self._current is not None and self._current.values.ndim > 1
        plan = self._plan
        return node not in plan.graph.learning or (is_batch and node in plan.made_once)

    def _is_taken(self) -> NoReturn:
        raise RuntimeError(
            "Tape: another thread is running this tape; give each thread a tape of its own"
        )

    # Numbers and executors.

    def _feed(self, numbers: Any) -> Executor:
        """The executor for these numbers, which it is given; ValueError if they are no inputs."""
        if numbers is None:
            return self._last or self._executor(())
        try:
            array = np.asarray(numbers)
        except ValueError:
            array = np.empty(0, object)  # nested unevenly
        if array.dtype.kind not in "fiub":
            raise ValueError(f"Tape: inputs must be real numbers, got {short(numbers)}")
        batch = self._batches.get(array.shape)
        if batch is None:
            batch = self._batches[array.shape] = self._batch_of(array.shape)
        if self._indices is not None:
            array = self._indices.one_hot(array.reshape(-1, len(self._plan.source.fields)))
        executor = self._last = self._executors.get(batch) or self._executor(batch)
        executor.feed(array)
        return executor

    def _batch_of(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """The size of batch, () for one example, that numbers of this shape are."""
        size, shape = len(self._plan.source.fields), self._plan.source.input_shape
        if given in (shape, (size,)):
            return ()
        if given and given[1:] in (shape, (size,)) and given[0]:
            return given[:1]
        raise ValueError(
            f"Tape: inputs must have shape {shape}, or (batch, {', '.join(map(str, shape))}) "
            f"for a batch; got {given}"
        )

    def _executor(self, batch: tuple[int, ...]) -> Executor:
        """That of a size of batch; of all sizes but () the latest is kept."""
        if batch not in self._executors:
            with uncollected():
                executor = self._make(self._plan, self._store, batch)
            self._set_fixed(executor)
            kept = {key: old for key, old in self._executors.items() if not key or not batch}
            self._executors = {**kept, batch: executor}
        return self._executors[batch]

    def _set_fixed(self, executor: Executor) -> None:
        """Give an executor the leaves that keep their numbers."""
        batched = executor.values.ndim > 1
        executor.values[self._fixed_slots] = self._fixed[:, None] if batched else self._fixed

    def _read_fixed(self) -> Array:
        """The numbers of the leaves that keep theirs, in order of `graph.fixed`."""
        graph = self._plan.graph
        return np.array([graph.values[node]._data for node in graph.fixed])
