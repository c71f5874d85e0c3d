"""A backward pass while it is written down: which messages go where, and which is the first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .program import Array, Program
from .slots import Affine, Slots


class Gradients:
    """A flat array of gradients, and which of its slots hold a message so far in a sweep.

    A message that is the first at its slots is written, not added. `from_zero` tells
    whether one is added where none was written, so that the array has to be cleared first.
    """

    def __init__(self, flat: Array) -> None:
        self.flat = flat
        self.written = np.zeros(len(flat), bool)
        self.from_zero = False

    def mark(self, marks: NDArray[np.bool_], first: bool) -> None:
        """Messages reach these slots, a part of `written`."""
        self.from_zero |= not (first or marks.all())
        marks[...] = True


class Sink:
    """Slots of the gradients to which one block's messages go, in its turn of the sweep."""

    def __init__(self, slots: Slots, gradients: Gradients) -> None:
        self._flat = gradients.flat
        self._shape = slots.shape
        self._shared: tuple[int, ...] = ()  # axes along which all messages go to one slot
        self._view: Array | None = None
        even = slots.affine
        if even is not None:
            axes = enumerate(zip(even.shape, even.strides))
            self._shared = tuple([i for i, (size, by) in axes if size > 1 and by == 0])
            even = _without(even, self._shared) if self._shared else even
        if even is not None and even.distinct:
            marks = even.view(gradients.written)
            self._view = even.view(gradients.flat)
            self._first = not marks.any()
            gradients.mark(marks, self._first)
        else:
            self._index = slots.index[
                tuple([0 if i in self._shared else slice(None) for i in range(slots.index.ndim)])
            ]
            self._distinct = np.unique(self._index).size == self._index.size
            marks = gradients.written[self._index]
            self._first = self._distinct and not marks.any()
            gradients.mark(marks, self._first)
            gradients.written[self._index] = True

    def add(self, program: Program, message: Array, slope: float = 1.0) -> None:
        """Send message x slope."""
        shape = self._shape + self._flat.shape[1:]
        if message.shape != shape:
            message = np.broadcast_to(message, shape)
        if self._shared:
            message = program.call(np.add.reduce, message, axis=self._shared)
        if slope != 1.0:
            message = program.call(np.multiply, message, slope)
        flat, view = self._flat, self._view
        if view is not None:
            if self._first:
                program.store(message, view)
            else:
                program.append(np.add, view, message, view)
        elif self._first:
            program.append(flat.__setitem__, self._index, message)
        elif self._distinct:
            held = program.call(flat.take, self._index, 0, mode="clip")
            program.append(np.add, held, message, held)
            program.append(flat.__setitem__, self._index, held)
        else:
            program.append(np.add.at, flat, self._index, message)


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
    slopes: dict[Any, list[Any]] = field(default_factory=dict)


class Kernel(ABC):
    """A block on NumPy arrays: what writes down its calls, forward and backward."""

    @abstractmethod
    def forward(self, program: Program, values: Array) -> None:
        """Append the calls that compute the block."""

    @abstractmethod
    def backward(self, sweep: Sweep) -> None:
        """Append the calls that send its messages, if anything that is wanted gets one."""
