"""A backward pass while it is written down: which messages go where, and which is the first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .program import Array, Program
from .slots import Affine, Slots, affine

__all__ = ["Gradients", "Kernel", "Sink", "Sweep"]


class Gradients:
    """A flat array of gradients, and which of its slots hold a message so far in a sweep.

    A message that is the first at its slots is written, not added. `from_zero` tells
    whether one is added where none was written, so that the array has to be cleared first.

    nobodys: slots of constants, which need no message.
    """

    def __init__(self, flat: Array, nobodys: Iterable[int] = ()) -> None:
        self.flat = flat
        self.written = np.zeros(len(flat), bool)
        self.from_zero = False
        self._nobodys = nobodys

    @cached_property
    def wants(self) -> NDArray[np.bool_]:
        """Which slots are not a constant's."""
        found = np.ones(len(self.flat), bool)
        found[list(self._nobodys)] = False
        return found

    def mark(self, marks: NDArray[np.bool_], first: bool) -> None:
        """Messages reach these slots, a part of `written`."""
        self.from_zero |= not (first or marks.all())
        marks[...] = True


class Sink:
    """Slots of the gradients to which one block's messages go, in its turn of the sweep.

    Where they lie evenly they are a view. Otherwise the messages are sorted by slot, those
    to one slot are added up, and no slot is met twice.
    """

    def __init__(self, slots: Slots, gradients: Gradients) -> None:
        self._flat = gradients.flat
        self._shape = slots.shape
        self._shared: tuple[int, ...] = ()  # axes along which all messages go to one slot
        self._order: NDArray[np.intp] | None = None  # of the messages, where they must be sorted
        self._starts: NDArray[np.intp] | None = None  # of those to one slot, if some share one
        even = slots.affine
        if even is not None:
            axes = enumerate(zip(even.shape, even.strides))
            self._shared = tuple([i for i, (size, by) in axes if size > 1 and by == 0])
            even = _without(even, self._shared) if self._shared else even
        if even is None or not even.distinct:
            even = self._sort(slots.index, gradients.wants)
        self._target = even if even is not None else self._index
        if even is not None:
            marks = even.view(gradients.written)
            self._first = not marks.any()
            gradients.mark(marks, self._first)
        else:
            marks = gradients.written[self._index]
            self._first = not marks.any()
            gradients.mark(marks, self._first)
            gradients.written[self._index] = True

    def _sort(self, index: NDArray[np.intp], wants: NDArray[np.bool_]) -> Affine | None:
        """Settle the order of the messages; their slots, without repetition, if they are even."""
        flat = index[
            tuple([0 if i in self._shared else slice(None) for i in range(index.ndim)])
        ].ravel()
        kept = np.flatnonzero(wants[flat])
        self._order = kept[np.argsort(flat[kept], kind="stable")]
        self._index, starts = np.unique(flat[self._order], return_index=True)
        self._starts = starts if len(starts) < len(self._order) else None
        return affine(self._index.tolist()) if self._index.size else None

    def add(self, program: Program, message: Array, derivative: float = 1.0) -> None:
        """Send message x derivative."""
        shape = self._shape + self._flat.shape[1:]
        if message.shape != shape:
            message = np.broadcast_to(message, shape)
        if self._shared:
            message = program.call(np.add.reduce, message, axis=self._shared)
        if self._order is not None:
            if not self._order.size:
                return
            message = self._sorted(program, message)
        if derivative != 1.0:
            message = program.call(np.multiply, message, derivative)
        self._send(program, message)

    def _sorted(self, program: Program, message: Array) -> Array:
        """The messages by slot, those to one slot added up."""
        if not message.flags.c_contiguous:  # reshaping would copy it, once and for all
            held = np.empty(message.shape)
            program.append(np.copyto, held, message)
            message = held
        rows = message.reshape(-1, *self._flat.shape[1:])
        message = program.call(np.take, rows, self._order, axis=0, mode="clip")
        if self._starts is not None:
            message = program.call(np.add.reduceat, message, self._starts, axis=0)
        return message

    def _send(self, program: Program, message: Array) -> None:
        """Write the message to its slots if it is the first there, otherwise add it."""
        flat, target = self._flat, self._target
        if isinstance(target, Affine):
            view = target.view(flat)
            if self._first:
                program.store(message, view)
            else:
                program.append(np.add, view, message, view)
        elif self._first:
            program.append(flat.__setitem__, target, message)
        else:
            held = program.call(flat.take, target, 0, mode="clip")
            program.append(np.add, held, message, held)
            program.append(flat.__setitem__, target, held)


def _without(even: Affine, axes: tuple[int, ...]) -> Affine:
    """The pattern at the start of these axes."""
    kept = [i for i in range(len(even.shape)) if i not in axes]
    return Affine(
        even.start, tuple([even.shape[i] for i in kept]), tuple([even.strides[i] for i in kept])
    )


@dataclass
class Sweep:
    """A backward pass while it is written down. `wanted` are the nodes whose gradient is."""

    program: Program
    gradients: Gradients
    wanted: Set[int]
    derivatives: dict[Any, list[Any]] = field(default_factory=dict)


class Kernel(ABC):
    """A block on NumPy arrays: what writes down its calls, forward and backward."""

    @abstractmethod
    def forward(self, program: Program, values: Array) -> None:
        """Append the calls that compute the block."""

    @abstractmethod
    def backward(self, sweep: Sweep) -> None:
        """Append the calls that send its messages, if anything that is wanted gets one."""
