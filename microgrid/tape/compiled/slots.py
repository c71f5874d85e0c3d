"""Where the operands of a loop lie: addresses and strides, and the order of the loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROOM", "Even", "Index", "Nest", "Slots", "View", "buffer", "even", "folded", "nest"]

Index = NDArray[np.intp]
ROOM = 64  # entries behind an array that a vector may read


def buffer(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros that begin where a cache line does, with room behind them."""
    step = 64 // dtype.itemsize
    room = np.zeros(size + ROOM + step, dtype)
    start = -(room.ctypes.data // dtype.itemsize) % step
    return room[start : start + size]


@dataclass(frozen=True)
class Even:
    """Slots start + i strides[0] + j strides[1] + ..."""

    start: int
    strides: tuple[int, ...]


class Slots:
    """An array of slots, of any shape: of the numbers that a loop reads or writes."""

    def __init__(self, index: Any) -> None:
        self.index: Index = np.asarray(index, np.intp)
        self.shape = self.index.shape
        self.even = even(self.index)

    @property
    def size(self) -> int:
        return self.index.size

    def is_distinct(self) -> bool:
        """Whether no slot is met twice."""
        return bool(np.unique(self.index).size == self.index.size)

    def folded(self, width: int) -> Slots:
        """The last axis as two, of which the inner one has `width` entries."""
        return Slots(self.index.reshape(*self.shape[:-1], -1, width))


def even(index: Index) -> Even | None:
    """`index` as a pattern of even strides, or None where there is none.

    >>> even(np.array([[3, 4, 5], [13, 14, 15]]))
    Even(start=3, strides=(10, 1))
    >>> even(np.array([3, 4, 6])) is None
    True
    """
    start = int(index.flat[0])
    strides = []
    for axis, size in enumerate(index.shape):
        if size == 1:
            strides.append(0)
            continue
        steps = np.diff(index, axis=axis)
        step = int(steps.flat[0])
        if (steps != step).any():
            return None
        strides.append(step)
    return Even(start, tuple(strides))


def folded(slots: list[Slots]) -> list[Slots]:
    """All with their last axis in two, where that makes more of them even."""
    count = sum(s.even is not None for s in slots)
    if count == len(slots):
        return slots
    size = slots[0].shape[-1]
    best = slots
    for width in sorted({_first_break(s.index) for s in slots}):
        if 1 < width < size and size % width == 0:
            tried = [s.folded(width) for s in slots]
            found = sum(s.even is not None for s in tried)
            if found > count:
                best, count = tried, found
    return best


def _first_break(index: Index) -> int:
    """How far the last axis goes evenly from its start."""
    line = index.reshape(-1, index.shape[-1])[0]
    if len(line) < 3:
        return len(line)
    steps = np.diff(line)
    broken = np.flatnonzero(steps != steps[0])
    return int(broken[0]) + 1 if broken.size else len(line)


@dataclass(frozen=True)
class View:
    """Where an operand lies: an address in bytes, and a stride in entries per axis of its loop."""

    address: int
    strides: tuple[int, ...]

    def moved(self, entries: int, itemsize: int) -> View:
        return View(self.address + entries * itemsize, self.strides)

    def inner(self) -> View:
        """One entry of the first axis."""
        return View(self.address, self.strides[1:])


@dataclass(frozen=True)
class Nest:
    """Three loops, and for each view its stride in each of them."""

    sizes: tuple[int, int, int]
    strides: list[tuple[int, int, int]]

    def words(self, views: Sequence[View]) -> list[int]:
        """Sizes, then for each view its address and strides."""
        found = list(self.sizes)
        for view, strides in zip(views, self.strides):
            found += [view.address, *strides]
        return found

    def patterns(self) -> str:
        """Per view how it moves in the inner loop."""
        inner = self.sizes[2]
        return "".join("1" if inner == 1 else {0: "0", 1: "1"}.get(s[2], "s") for s in self.strides)


def nest(shape: Sequence[int], views: Sequence[View]) -> Nest | None:
    """The loops over `shape`, joined where all views allow; None if more than three are left.

    The inner one is that in which most views have neighbours, the first one among them.
    """
    axes = [i for i, size in enumerate(shape) if size > 1]
    sizes = [shape[i] for i in axes] or [1]
    strides = [[view.strides[i] for i in axes] or [0] for view in views]
    if len(sizes) > 1:

        def worth(i: int) -> tuple[bool, int, int]:
            units = [s[i] for s in strides]
            plain = all(u in (0, 1) for u in units) and units[0] == 1
            return plain, units.count(1), sizes[i]

        best = max(range(len(sizes)), key=worth)
        order = [i for i in range(len(sizes)) if i != best] + [best]
        sizes = [sizes[i] for i in order]
        strides = [[s[i] for i in order] for s in strides]
    for i in reversed(range(len(sizes) - 1)):
        if all(s[i] == s[i + 1] * sizes[i + 1] for s in strides):
            outer = sizes.pop(i)
            sizes[i] *= outer
            for s in strides:
                del s[i]
    if len(sizes) > 3:
        return None
    missing = 3 - len(sizes)
    n0, n1, n2 = [1] * missing + sizes
    three = [(0,) * missing + tuple(s) for s in strides]
    return Nest((n0, n1, n2), [(a, b, c) for a, b, c in three])
