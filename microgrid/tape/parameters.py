"""Parameters of a tape: leaves that live in one array, a matrix or a vector of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod

from numpy.typing import ArrayLike

from ..bundle import changes
from ..value import Value
from .guards import describe
from .numpy.program import Array, zeros
from .plan import Plan

__all__ = ["Parameter", "Store"]


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

    def __init__(self, plan: Plan) -> None:
        """Parameters that the plan's graph does not reach come last."""
        values, places = plan.graph.values, plan.layout.parameter_slot
        self.slot = {values[node]: slot for node, slot in places.items()}
        for leaf in [x for x in plan.source.parameters if x not in self.slot]:
            self.slot.setdefault(leaf, len(self.slot))
        self.values = list(self.slot)
        self.data, self.gradient = zeros(len(self.values)), zeros(len(self.values))
        self.read()
        self.parameters: list[Parameter] = []
        start = 0
        shapes = _shapes(plan)
        for shape in [*shapes, (len(self.values) - sum(r * c for r, c in shapes),)]:
            end = start + prod(shape)
            if end > start:
                self.parameters.append(
                    Parameter(
                        self.data[start:end].reshape(shape, order="F"),
                        self.gradient[start:end].reshape(shape, order="F"),
                        self._row_by_row(start, *shape),
                    )
                )
            start = end

    def _row_by_row(self, start: int, rows: int, columns: int = 1) -> list[Value]:
        """The leaves at slots from `start` on, where they stand column by column."""
        end = start + rows * columns
        if columns == 1:
            return self.values[start:end]
        return list(
            chain.from_iterable([self.values[i:end:rows] for i in range(start, start + rows)])
        )

    def read(self) -> None:
        """Take the numbers of the Values."""
        self._seen = [value._data for value in self.values]
        self.data[:] = self._seen
        self._looked = changes[0]

    def write(self) -> None:
        """Give the numbers to the Values."""
        self._seen = self.data.tolist()
        for value, number in zip(self.values, self._seen):
            value.data = number
        self._looked = changes[0]

    def show_gradients(self) -> None:
        """Let every Parameter have its gradient, after a sweep."""
        for parameter in self.parameters:
            parameter.grad = parameter._gradient

    def check_unchanged(self) -> None:
        """ValueError if a Value does not hold what was last read from it or written to it.

        An optimizer or `load_state_dict` that is at work on the Values would be ignored, or
        overwritten. They are looked at only if the data of some Value, somewhere, was assigned
        since the last time: to look at thousands takes as long as a replay.
        """
        if self._looked == changes[0]:
            return
        if [value._data for value in self.values] != self._seen:
            self._name_changed()
        self._looked = changes[0]

    def _name_changed(self) -> None:
        """ValueError that names the first Value with another number; nan is equal to nan here."""
        for value, seen in zip(self.values, self._seen):
            if value.data != seen and (seen == seen or value.data == value.data):
                raise ValueError(
                    f"Tape: {describe(value)} was changed to {value.data!r} after the recording; "
                    f"call load() to take that over, or change the numbers of tape.parameters()"
                )


def _shapes(plan: Plan) -> list[tuple[int, int]]:
    """Of the matrices that stand one after the other, each whole and column by column."""
    shapes = []
    start = 0
    for matrix in plan.matrices:
        place = plan.layout.parameter_slot.__getitem__
        slots = list(map(place, chain.from_iterable(zip(*matrix.rows))))
        if slots == list(range(start, start + len(slots))):
            shapes.append(matrix.shape)
            start += len(slots)
    return shapes
