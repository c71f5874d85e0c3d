"""Parameters of a tape: leaves that live in one array, a matrix or a vector of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ..value import Value
from .guards import describe
from .memory import Layout
from .numpy.program import Array, zeros
from .schedule import Matrix

WATCHED = 8  # Values that are looked at in every forward


class Parameter:
    """Parameters of a tape as one array, for an optimizer.

    Attributes
    ----------
    data : array, the numbers themselves; assigning copies into the tape
    grad : array of the same shape, or None before a sweep and after `zero_grad`
    values : the leaves, in the order of the array's entries
    """

    def __init__(self, data: Array, gradient: Array, values: Sequence[Value]) -> None:
        self._data = data
        self._gradient = gradient
        self.grad: Array | None = None
        self.values = values

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, numbers: ArrayLike) -> None:
        self._data[...] = numbers

    def __repr__(self) -> str:
        first, last = describe(self.values[0]), describe(self.values[-1])
        names = first if len(self.values) == 1 else f"{first} .. {last}"
        return f"Parameter({names}, shape={self._data.shape})"


class Store:
    """The array of the parameters, which the tapes of several lengths share."""

    def __init__(self, layout: Layout, matrices: Sequence[Matrix], leaves: Sequence[Value]) -> None:
        """`leaves` that the graph does not reach come last."""
        values = layout.graph.values
        self.slot = {values[node]: slot for node, slot in layout.parameter_slot.items()}
        for leaf in leaves:
            self.slot.setdefault(leaf, len(self.slot))
        self.values = list(self.slot)
        self.data, self.gradient = zeros(len(self.values)), zeros(len(self.values))
        self.read()
        self.parameters: list[Parameter] = []
        start = 0
        shapes = _shapes(layout, matrices)
        for shape in [*shapes, (len(self.values) - sum(r * c for r, c in shapes),)]:
            end = start + prod(shape)
            if end > start:
                order = np.arange(start, end).reshape(shape, order="F").ravel().tolist()
                self.parameters.append(
                    Parameter(
                        self.data[start:end].reshape(shape, order="F"),
                        self.gradient[start:end].reshape(shape, order="F"),
                        [self.values[slot] for slot in order],
                    )
                )
            start = end

    def read(self) -> None:
        """Take the numbers of the Values."""
        self._saw([value.data for value in self.values])
        self.data[:] = self._seen

    def write(self) -> None:
        """Give the numbers to the Values."""
        self._saw(self.data.tolist())
        for value, number in zip(self.values, self._seen):
            value.data = number

    def _saw(self, numbers: list[float]) -> None:
        self._seen = numbers
        apart = -(-len(numbers) // WATCHED) or 1
        self._watched = list(zip(self.values[::apart], numbers[::apart]))

    def changed(self, every: bool = False) -> Value | None:
        """A Value that does not hold what was last read from it or written to it.

        Unless `every` only a few are looked at: an optimizer or `load_state_dict` that is at
        work on the Values changes those too.
        """
        for value, seen in zip(self.values, self._seen) if every else self._watched:
            if value.data != seen and seen == seen:
                return value
        return None


def _shapes(layout: Layout, matrices: Sequence[Matrix]) -> list[tuple[int, int]]:
    """Of the matrices that stand one after the other, each whole and column by column."""
    shapes = []
    start = 0
    for matrix in matrices:
        slots = [layout.parameter_slot[node] for column in zip(*matrix.rows) for node in column]
        if slots == list(range(start, start + len(slots))):
            shapes.append((len(matrix.rows), len(matrix.rows[0])))
            start += len(slots)
    return shapes
