"""A large batch, replayed in pieces that fit into the caches, on all cores.

A piece is an executor's passes and arrays once more: its words with the addresses moved to its own
memory. Which examples stand in a piece hangs on the plan alone, and the parameters' gradients are
added piece by piece in their order, so that a result is the same on any number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..parameters import Store
from ..plan import Plan
from .build import CompileError, Library
from .program import Array, Key
from .replay import Replay
from .slots import ROOM, buffer

__all__ = ["Pieces", "executor"]

_LARGE = 32 << 20  # bytes of values and gradients from which on a batch is cut
_PIECE = 4 << 20  # bytes in a piece, which the caches of a core hold
_SHARE = 8  # times the parameters' gradients that it has at least, for these are added up
_FEWEST = 32  # examples in a piece, for the sake of the matrix products
_LINE = 8  # examples by which the pieces' size goes: a cache line of numbers


def executor(
    plan: Plan, store: Store, batch: tuple[int, ...], dtype: str, threads: int
) -> Replay | Pieces:
    """What replays a batch of this size: in pieces, on so many threads, where it is large."""
    if batch:
        example = 2 * plan.layout.size * np.dtype(dtype).itemsize
        size = _size(batch[0], example, store.gradient.nbytes)
        if batch[0] * example > _LARGE and batch[0] > size:
            return Pieces(plan, store, batch[0], size, dtype, threads)
    return Replay(plan, store, batch, dtype)


def _size(examples: int, example: int, parameters: int) -> int:
    """How many examples there are in a piece, of the bytes of an example and the parameters."""
    fitting = max(max(_PIECE, _SHARE * parameters) // example, _FEWEST)
    even = -(-examples // -(-examples // fitting))
    return -(-even // _LINE) * _LINE


class Pieces:
    """A plan bound to arrays for `examples` examples, `size` of them in a piece.

    Attributes
    ----------
    values, gradients : like arrays of a row of numbers per slot, of one per example
    """

    def __init__(
        self, plan: Plan, store: Store, examples: int, size: int, dtype: str, threads: int
    ) -> None:
        self._examples, self._store = examples, store
        self._loss = plan.layout.slot[plan.graph.roots[0]]
        whole, rest = divmod(examples, size)
        self._models = [(Replay(plan, store, (size,), dtype), whole)]
        if rest:
            self._models.append((Replay(plan, store, (rest,), dtype), 1))
        pieces = whole + bool(rest)
        self._turns = _Turns(min(threads, pieces))
        self._numbers: Array | None = None

    def kernels(self) -> set[Key]:
        """The kernels that its passes call."""
        return set().union(*(model.kernels() for model, _ in self._models))

    def link(self, library: Library) -> None:
        """Write the passes of every piece, with the addresses of the library's kernels."""
        self._alike = []
        first = 0
        for model, count in self._models:
            model.link(library)
            self._alike.append(_Alike(model, count, first))
            first += count * self._alike[-1].size
        self.values = _Rows([alike.values for alike in self._alike])
        self.gradients = _Rows([alike.gradients for alike in self._alike])

    def feed(self, numbers: NDArray[Any]) -> None:
        """Set the inputs, one row per example; the next forward takes them to their places."""
        self._numbers = numbers.reshape(self._examples, numbers.size // self._examples)

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        numbers = self._numbers
        self._turns.take([job for alike in self._alike for job in alike.forward(numbers)])
        self._numbers = None
        return self.values[self._loss]

    check = forward

    def backward(self, gradient: float, every: bool = True) -> None:
        """Sweep: `gradients` gets its messages, unless `every` only what parameters need."""
        self._turns.take([job for alike in self._alike for job in alike.backward(gradient, every)])
        self._store.gradient[...] = sum(alike.learnt.sum(axis=0) for alike in self._alike)


class _Alike:
    """Pieces of one size: the arrays and the passes of a model, `count` times.

    values, gradients, learnt : of every piece; `learnt` are the parameters' gradients
    """

    def __init__(self, model: Replay, count: int, first: int) -> None:
        self._model, self._first, self.size = model, first, model.values.shape[1]
        lengths = [-(-array.nbytes // 8) for array in model.own]
        places = np.cumsum([0, *(-(-(length + ROOM) // _LINE) * _LINE for length in lengths)])
        room = buffer(count * int(places[-1]), np.dtype(float)).reshape(count, -1)
        owns = []
        for array, place, length in zip(model.own, places, lengths):
            own = room[:, place : place + length].view(array.dtype)[:, : array.size]
            (known,) = array.ravel().nonzero()  # the plan's constants
            own[:, known] = array.ravel()[known]
            owns.append(own)
        shape = (count, *model.values.shape)
        self.values, self.gradients = (own.reshape(shape) for own in owns[:2])
        self._staged, self.learnt = owns[-2:]
        self._forward = _moved(model.words, model.own, owns)
        self._sweeps = {k: _moved(words, model.own, owns) for k, words in model.sweeps.items()}

    def forward(self, numbers: Array | None) -> list[Callable[[], None]]:
        """A forward pass of each piece, of new numbers unless they are None."""
        return [partial(self._run_forward, i, numbers) for i in range(len(self._forward))]

    def _run_forward(self, piece: int, numbers: Array | None) -> None:
        words = self._forward[piece].ctypes.data
        if numbers is None:
            words += self._model.fed
        else:
            start = self._first + piece * self.size
            self._staged[piece] = numbers[start : start + self.size].ravel()
        self._model.run(words)

    def backward(self, gradient: float, every: bool) -> list[Callable[[], None]]:
        """A sweep of each piece."""
        self._model.seed[0] = gradient
        run = self._model.run
        return [partial(run, words.ctypes.data) for words in self._sweeps[every]]


def _moved(words: Array, arrays: Sequence[Array], owns: Sequence[Array]) -> Array:
    """A row of words for each piece: what is an address in `arrays` is one in those it owns.

    A word in the range of an array is an address, for addresses are above all sizes and strides:
    these are at most the entries there are. CompileError on a machine where that is not so.
    """
    order = np.argsort([array.ctypes.data for array in arrays])
    starts = np.array([arrays[i].ctypes.data for i in order])
    if starts[0] <= sum(array.size for array in arrays):
        raise CompileError("a large batch has more numbers than the lowest address says")
    ends = starts + [arrays[i].nbytes for i in order]
    shifts = np.array([owns[i].ctypes.data for i in order]) - starts
    place = np.searchsorted(starts, words, "right") - 1
    is_moved = (place >= 0) & (words < ends[place])
    first = words + is_moved * shifts[place]
    moved: Array = first + np.outer(np.arange(len(owns[0])), is_moved * owns[0].strides[0])
    return moved


class _Rows:
    """Values or gradients of all examples, slot by slot, of pieces (count, slots, size)."""

    def __init__(self, parts: Sequence[Array]) -> None:
        self._parts = parts
        self.shape = (parts[0].shape[1], sum(len(part) * part.shape[2] for part in parts))
        self.ndim = 2

    def __getitem__(self, slots: Any) -> Array:
        found = []
        for part in self._parts:
            rows = np.moveaxis(part[:, slots], 0, -2)
            found.append(rows.reshape(*rows.shape[:-2], len(part) * part.shape[2]))
        return np.concatenate(found, axis=-1)

    def __setitem__(self, slots: Any, numbers: Array) -> None:
        given = np.broadcast_to(numbers, (*np.shape(numbers)[:-1], self.shape[1]))
        end = 0
        for part in self._parts:
            count, _, size = part.shape
            start, end = end, end + count * size
            rows = given[..., start:end].reshape(*given.shape[:-1], count, size)
            part[:, slots] = np.moveaxis(rows, -2, 0)


class _Turns:
    """Jobs that are taken in turn by this thread and by others, which end with the last job.

    count : of threads, this one among them
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._helpers: list[Thread] = []

    def take(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Do all jobs. The first error of any thread is raised, when no thread works any more."""
        self._wait()  # a second Ctrl-C may have come before they had ended
        left = deque(jobs)
        errors: list[BaseException] = []

        def work() -> None:
            while (job := _next(left)) is not None:
                job()

        def help_out() -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)
                left.clear()

        try:
            for _ in range(self._count - 1):
                helper = Thread(target=help_out, name="Tape", daemon=True)
                with suppress(RuntimeError):  # no more threads to be had: fewer do the work
                    helper.start()
                    self._helpers.append(helper)
            work()
        finally:
            left.clear()
            self._wait()
        if errors:
            raise errors[0]

    def _wait(self) -> None:
        """Until every helper has ended."""
        while self._helpers:
            self._helpers[-1].join()
            self._helpers.pop()


def _next(left: deque[Callable[[], None]]) -> Callable[[], None] | None:
    """The next job, None if there is none left."""
    try:
        return left.popleft()
    except IndexError:
        return None
