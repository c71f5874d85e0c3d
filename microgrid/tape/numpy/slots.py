"""Slots of a flat array as an array of any shape: a view where they lie evenly."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .program import Array, Program

__all__ = ["Affine", "Index", "Slots", "affine", "segments"]

Index: TypeAlias = list[Any]  # a nested list of slots


class Affine(NamedTuple):
    """Slots start + i strides[0] + j strides[1] + ...: a view of the flat array."""

    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, flat: NDArray[Any]) -> NDArray[Any]:
        """The slots as an array that shares memory; a batch axis of `flat` comes last."""
        step = flat.strides[0]
        strides = tuple([step * stride for stride in self.strides])
        return np.ndarray(
            self.shape + flat.shape[1:],
            flat.dtype,
            flat,
            step * self.start,
            strides + flat.strides[1:],
        )

    @property
    def distinct(self) -> bool:
        """Whether no slot is met twice, as far as that is plain to see."""
        reach = 0
        for stride, size in sorted(zip(map(abs, self.strides), self.shape)):
            if size > 1:
                if stride <= reach:
                    return False
                reach += stride * (size - 1)
        return True


def affine(index: Index) -> Affine | None:
    """`index` as a pattern of even strides, or None where there is none.

    >>> affine([[3, 4, 5], [13, 14, 15]])
    Affine(start=3, shape=(2, 3), strides=(10, 1))
    >>> affine([3, 4, 6]) is None
    True
    """
    first = index[0]
    if not isinstance(first, list):
        size = len(index)
        stride = index[1] - first if size > 1 else 0
        if size > 2:  # a number, or two, are always even
            stop = first + stride * size
            if index != (list(range(first, stop, stride)) if stride else [first] * size):
                return None
        return Affine(first, (size,), (stride,))
    inner = affine(first)
    if inner is None:
        return None
    starts = [inner.start]
    for row in index[1:]:
        even = affine(row)
        if even is None or even.strides != inner.strides:
            return None
        starts.append(even.start)
    outer = affine(starts)
    return outer and Affine(inner.start, outer.shape + inner.shape, outer.strides + inner.strides)


def segments(slots: list[int]) -> list[tuple[slice, Affine]]:
    """A row of slots cut into even pieces: which part of the row, and where it lies.

    >>> segments([5, 6, 15, 16, 0, 1, 2, 3])
    [(slice(0, 4, None), Affine(start=5, shape=(2, 2), strides=(10, 1))), \
(slice(4, 8, None), Affine(start=0, shape=(1, 4), strides=(0, 1)))]
    """
    breaks = [i for i, (a, b) in enumerate(pairwise(slots), start=1) if b != a + 1]
    found: list[tuple[slice, Affine]] = []
    for begin, end in pairwise([0, *breaks, len(slots)]):
        start, width = slots[begin], end - begin
        if found:
            part, last = found[-1]
            rows, step = last.shape[0], last.strides[0]
            even = start - last.start == rows * step or rows == 1
            if last.shape[1] == width and even:
                step = start - last.start if rows == 1 else step
                longer = Affine(last.start, (rows + 1, width), (step, 1))
                found[-1] = slice(part.start, end), longer
                continue
        found.append((slice(begin, end), Affine(start, (1, width), (0, 1))))
    return found


class Slots:
    """Slots to be read and written by the calls of a Program, and to which messages go."""

    def __init__(self, index: Index) -> None:
        self.affine = affine(index)
        self._list = index

    @cached_property
    def index(self) -> NDArray[np.intp]:
        return np.array(self._list, np.intp)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.affine.shape if self.affine is not None else self.index.shape

    def view(self, flat: Array) -> Array | None:
        """The slots as a part of `flat`, if they are even."""
        return None if self.affine is None else self.affine.view(flat)

    def read(self, program: Program, flat: Array) -> Array:
        """The numbers at the slots."""
        view = self.view(flat)
        if view is not None:
            return view
        return program.keep(program.call(flat.take, self.index, 0, mode="clip"))

    def write(self, program: Program, flat: Array, numbers: Array) -> Array:
        """Have the numbers at the slots, no slot of which is met twice; returns where they are."""
        view = self.view(flat)
        if view is None:
            program.append(flat.__setitem__, self.index, numbers)
            return numbers
        program.store(numbers, view)
        return view
