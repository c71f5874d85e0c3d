"""Numbers for inputs of which some are an Index: each becomes its one-hot vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..index import Index
from .guards import Field
from .numpy.program import Array

__all__ = ["Indices"]


class Indices:
    """Turns what is given for inputs, some of which are an Index, into the numbers of leaves.

    >>> from microgrid import Value
    >>> Indices([Value(0.0), Index(0, 3)]).one_hot(np.array([[0.5, 2.0]])).tolist()
    [[0.5, 0.0, 0.0, 1.0]]
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        sizes = [len(field) if isinstance(field, Index) else 0 for field in fields]
        starts = np.cumsum([0, *[size or 1 for size in sizes]])
        self._fields = fields
        self._picks = np.flatnonzero(sizes)  # the columns of the numbers that are indices
        self._sizes = np.array(sizes)[self._picks]
        self._starts = starts[:-1][self._picks]
        self._plain = np.flatnonzero(np.array(sizes) == 0)
        self._plain_places = starts[:-1][self._plain]
        self._width = int(starts[-1])

    def one_hot(self, given: Array) -> Array:
        """One row per example; ValueError names an index that picks nothing."""
        numbers = given[:, self._picks]
        right = (numbers >= 0) & (numbers < self._sizes) & (numbers == np.floor(numbers))
        if not right.all():
            example, i = np.argwhere(~right)[0].tolist()
            name = getattr(self._fields[self._picks[i]], "label", "") or f"index {i}"
            raise ValueError(
                f"Tape: {name} must be a whole number in 0..{self._sizes[i] - 1}, "
                f"got {numbers[example, i]:g}"
            )
        found = np.zeros((len(given), self._width))
        places = self._starts + numbers.astype(np.intp)
        found[np.arange(len(given))[:, None], places] = 1.0
        if self._plain.size:
            found[:, self._plain_places] = given[:, self._plain]
        return found
