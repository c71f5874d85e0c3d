"""A pass while it is written down: rows of words, and the arrays that they name.

A row is a kernel's address, the row's length, then whatever the kernel wants: addresses, sizes,
strides. What a pass needs besides the values and the gradients (indices, gathered operands) is
kept alive here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .slots import Slots, View, buffer

__all__ = ["Arena", "Array", "Key", "Marks", "Program", "Sweep"]

Array = NDArray[Any]
Key = Any  # a Kernel, or the name of one in fixed.c


class Arena:
    """The arrays of one replay: values and gradients by slot, and scratch beside them.

    batch : () or (size,); with a batch every slot is a row of `size` numbers
    own : all arrays that a pass writes to, also those of an arena `beside` this one
    """

    def __init__(
        self,
        size: int,
        batch: tuple[int, ...],
        dtype: np.dtype[Any],
        beside: Arena | None = None,
    ) -> None:
        self.dtype, self.itemsize, self.batch = dtype, dtype.itemsize, batch
        self.examples = batch[0] if batch else 1
        self.own: list[Array] = [] if beside is None else beside.own
        self.values = self.scratch(size * self.examples).reshape((size, *batch))
        self.gradients = self.scratch(size * self.examples).reshape((size, *batch))
        self._kept: list[Array] = []
        self._indices: dict[bytes, int] = {}

    def scratch(self, size: int) -> Array:
        found: Array = buffer(size, self.dtype)
        self.own.append(found)
        return found

    def index(self, slots: Any) -> int:
        """The address of slots as 32-bit integers, one copy of them for all."""
        array = np.ascontiguousarray(np.ravel(slots), np.int32)
        key = array.tobytes()
        if key not in self._indices:
            self._kept.append(array)
            self._indices[key] = array.ctypes.data
        return self._indices[key]

    def keep(self, array: Array) -> Array:
        self._kept.append(array)
        return array

    def view(self, slots: Slots, array: Array) -> View | None:
        """Where even slots of the values or the gradients lie, a batch axis last."""
        if slots.even is None:
            return None
        strides = [step * self.examples for step in slots.even.strides]
        start = slots.even.start * self.examples
        return View(array.ctypes.data + start * self.itemsize, self._with_batch(strides))

    def packed(self, array: Array, shape: Sequence[int]) -> View:
        """A scratch array that holds slots of this shape, one after the other."""
        strides: list[int] = []
        step = self.examples
        for size in reversed(shape):
            strides.insert(0, step)
            step *= size
        return View(array.ctypes.data, self._with_batch(strides))

    def _with_batch(self, strides: Sequence[int]) -> tuple[int, ...]:
        return (*strides, 1) if self.batch else tuple(strides)


class Program:
    """The rows of one pass."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.rows: list[tuple[Key, list[int]]] = []
        self._gathered: dict[tuple[bytes, tuple[int, ...], int], View] = {}

    def emit(self, kernel: Key, *words: int) -> None:
        self.rows.append((kernel, list(words)))

    def kernels(self) -> set[Key]:
        return {kernel for kernel, _ in self.rows}

    def link(self, address: Callable[[Key], int]) -> Array:
        """All rows in one array, closed by a zero."""
        words: list[int] = []
        for kernel, operands in self.rows:
            words += [address(kernel), 2 + len(operands), *operands]
        return np.array([*words, 0, 0], np.int64)

    def read(self, slots: Slots, array: Array, again: bool = True) -> View:
        """Where slots can be read evenly: gathered where they are not even.

        again: whether what was gathered before still holds, as it does for values.
        """
        arena = self.arena
        found = arena.view(slots, array)
        if found is not None:
            return found
        key = (slots.index.tobytes(), slots.shape, array.ctypes.data)
        if not again or key not in self._gathered:
            room = arena.scratch(slots.size * arena.examples)
            self.emit(
                "gather", room.ctypes.data, array.ctypes.data, arena.index(slots.index),
                slots.size, arena.examples,
            )  # fmt: skip
            self._gathered[key] = arena.packed(room, slots.shape)
        return self._gathered[key]

    def scatter(self, slots: Slots, array: Array, room: Array, add: bool) -> None:
        """Bring what was made in `room` to uneven slots."""
        self.emit(
            "scatter_add" if add else "scatter", array.ctypes.data, room.ctypes.data,
            self.arena.index(slots.index), slots.size, self.arena.examples,
        )  # fmt: skip

    def target(self, slots: Slots, array: Array) -> tuple[View, Array | None]:
        """Where slots can be written evenly: in scratch, to be scattered later, if they are not."""
        found = self.arena.view(slots, array)
        if found is not None:
            return found, None
        room = self.arena.scratch(slots.size * self.arena.examples)
        return self.arena.packed(room, slots.shape), room

    def multiply(
        self, to: int, to_step: int, a: int, a_step: int, b: int, b_column: int, b_step: int,
        rows: int, columns: int, terms: int, add: bool,
    ) -> None:  # fmt: skip
        """to[m + n to_step] (+)= sum over p of a[m + p a_step] b[n b_column + p b_step]."""
        self.emit(
            "matmul", to, to_step, a, a_step, b, b_column, b_step, rows, columns, terms, int(add)
        )


class Marks:
    """Which entries of an array of gradients hold a message so far.

    The first message to reach an entry is written ("="), later ones are added ("+"). from_zero
    tells whether one is added where none was written, so that the array has to be cleared first.
    """

    def __init__(self, size: int) -> None:
        self.written = np.zeros(size, bool)
        self.from_zero = False

    def mode(self, index: Array, is_distinct: bool = True) -> str:
        """How the next messages reach these entries; they count as written from now on."""
        marks = self.written[index]
        first = is_distinct and not marks.any()
        self.from_zero |= not (first or bool(marks.all()))
        self.written[index] = True
        return "=" if first else "+"


class Sweep:
    """A backward pass while it is written down. `wanted` are the nodes whose gradient is."""

    def __init__(self, arena: Arena, wanted: Collection[int]) -> None:
        self.program = Program(arena)
        self.marks = Marks(len(arena.values))
        self.wanted = wanted
        self.turned: dict[Any, tuple[Array, int, int]] = {}  # matrix -> its rows, transposed

    def wants(self, nodes: Any) -> bool:
        return any(node in self.wanted for node in nodes)
