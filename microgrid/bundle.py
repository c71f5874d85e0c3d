"""How a node with many operands was made: on its own, or as a row of one matrix product.

The 64 rows of `F.linear(x, weight)` share the column x, and x is read by all of them. So they
share one Bundle too: the product is one call of NumPy, a row is made of its number alone, and
the sweep sends the messages of all rows with one product more. The gradient of the weights is
gathered over the whole sweep, for a recurrent net uses the same matrix at every step.

Only products of matrices of leaves are bundled, and only while every number is finite:
0 times inf has to stay nan wherever it would be one for single numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from math import isfinite
from operator import attrgetter, length_hint
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from .value import Operand, Value

__all__ = ["LEAST", "Bundle", "Many", "Pending", "Weights", "bundled", "changes"]

LEAST = 40  # entries of a matrix; NumPy is ahead from 24 on, but small nets keep the last bit
_Turns: TypeAlias = "Iterator[Value]"  # those who have yet to send, over a list
Pending: TypeAlias = "dict[Weights, list[tuple[list[float], Any]]]"

changes = [0]  # when a Value's data was last assigned, by the clock that Values have for a serial


class Many:
    """The operands of a node, Values and floats, and the local derivative towards each."""

    __slots__ = ("derivatives", "operands")

    def __init__(self, operands: tuple[Operand, ...], derivatives: Sequence[float]) -> None:
        self.operands = operands
        self.derivatives = derivatives

    def operands_of(self, row: int) -> tuple[Operand, ...]:
        """The operands; a single node has one row only."""
        return self.operands

    def derivatives_of(self, row: int) -> Sequence[float]:
        """One local derivative per operand."""
        return self.derivatives

    def below(self) -> Sequence[Operand]:
        """The operands, floats as well: who reads them tells the two apart in passing."""
        return self.operands

    def not_seen(self, row: int, seen: set[Any]) -> Sequence[Operand]:
        """The operands, floats as well, but for what was handed out for another node already."""
        return self.operands

    def send(self, node: Value, turns: _Turns, order: Sequence[Value], pending: Pending) -> None:
        """Send the messages of the node whose turn it is."""
        upstream: Any = node._grad
        for x, local in zip(self.operands, self.derivatives):
            if x.__class__ is not float:
                x._grad += upstream * local  # type: ignore[union-attr]


class Weights:
    """Rows of leaves as one matrix, which is recognised when it is used again."""

    __slots__ = ("__weakref__", "_read", "flat", "rows")

    def __init__(self, rows: list[Sequence[Value]], flat: list[Value]) -> None:
        self.rows = [row[:] for row in rows]  # of the same kind, so that == goes by identity
        self.flat = flat
        self._read: tuple[int, Any] = -1, None

    def matrix(self) -> Any:
        """The numbers as an array, which is not written to again; None if one is not finite."""
        import numpy as np

        when, matrix = self._read
        if when != changes[0]:
            when = changes[0]
            matrix = np.array([x._data for x in self.flat]).reshape(len(self.rows), -1)
            self._read = when, matrix if np.isfinite(matrix).all() else None
        return self._read[1]

    def receive(self, uses: Sequence[tuple[list[float], Any]]) -> None:
        """Add to the gradients: the sum over all uses of upstream x column."""
        import numpy as np

        upstreams, columns = zip(*uses)
        total = np.array(upstreams).T @ np.array(columns)
        for x, message in zip(self.flat, total.ravel().tolist()):
            x._grad = message if x._grad is None else x._grad + message


class Bundle:
    """The rows of one product: what they share, and their messages as one product.

    Attributes
    ----------
    weights, matrix : the Weights, and their numbers when the product was made
    column, numbers : the operands that all rows share, and their numbers
    is_whole : whether every row still is as the product left it
    """

    __slots__ = ("_at", "_values", "column", "is_whole", "matrix", "numbers", "weights")

    def __init__(
        self, weights: Weights, matrix: Any, column: tuple[Operand, ...], numbers: Any
    ) -> None:
        self.weights, self.matrix, self.column, self.numbers = weights, matrix, column, numbers
        self.is_whole = True
        self._at = [i for i, x in enumerate(column) if x.__class__ is not float]
        self._values: list[Any] = [column[i] for i in self._at]

    def operands_of(self, row: int) -> tuple[Operand, ...]:
        """The operands of one row of the product."""
        return (*self.weights.rows[row], *self.column)

    def derivatives_of(self, row: int) -> Sequence[float]:
        """One local derivative per operand."""
        return (*self.numbers.tolist(), *self.matrix[row].tolist())

    def below(self) -> Sequence[Operand]:
        """The operands that are Values and no weights, which have nothing below them."""
        return self._values

    def not_seen(self, row: int, seen: set[Any]) -> Sequence[Operand]:
        """The operands that are Values; the column once, and each row of the weights once."""
        found: list[Value] = []
        if self not in seen:
            seen.add(self)
            found += self._values
        weights = self.weights, row
        if weights not in seen:
            seen.add(weights)
            found += self.weights.rows[row]
        return found

    def send(self, node: Value, turns: _Turns, order: Sequence[Value], pending: Pending) -> None:
        """Send the messages of all rows, if they stand next to each other, and skip their turns."""
        size, end = len(self.weights.rows), length_hint(turns) + 1
        rows = order[max(end - size, 0) : end]
        upstreams: list[Any] = [x._grad for x in rows if x._da is self]
        if len(upstreams) < size or not self.is_whole or not _finite(upstreams):
            self._send_one(node)
            return
        next(islice(turns, size - 1, size - 1), None)
        pending.setdefault(self.weights, []).append((upstreams, self.numbers))
        if self._values:
            messages: Any = self.matrix.T @ upstreams
            messages = messages if len(self._at) == len(self.column) else messages[self._at]
            for x, message in zip(self._values, messages.tolist()):
                x._grad += message

    def _send_one(self, node: Any) -> None:
        row = node._db
        for weight in self.weights.rows[row]:
            weight._grad = 0.0 if weight._grad is None else weight._grad
        Many(self.operands_of(row), self.derivatives_of(row)).send(node, iter(()), (), {})


_known: WeakValueDictionary[int, Weights] = WeakValueDictionary()  # by the id of the first leaf


def bundled(rows: list[Sequence[Any]], column: tuple[Operand, ...]) -> Bundle | None:
    """What the rows' products with the column share; None where they are better made singly."""
    if len(rows) * len(column) < LEAST or len(rows) < 2:
        return None
    weights = _weights(rows)
    matrix = None if weights is None else weights.matrix()
    if weights is None or matrix is None:
        return None
    import numpy as np

    numbers: Any = [x if x.__class__ is float else x._data for x in column]  # type: ignore[union-attr]
    return Bundle(weights, matrix, column, np.array(numbers)) if _finite(numbers) else None


def _finite(numbers: list[float]) -> bool:
    """Whether all numbers are finite. A sum that overflows costs time alone: single messages."""
    return isfinite(sum(numbers))


def _weights(rows: list[Sequence[Any]]) -> Weights | None:
    key = id(rows[0][0])
    found = _known.get(key)
    if found is not None and found.rows == rows:  # Values are equal to themselves only
        return found
    flat = list(chain.from_iterable(rows))
    try:
        if any(map(_op, flat)):
            return None
    except AttributeError:  # a plain number has no op
        return None
    found = _known[key] = Weights(rows, flat)
    return found


_op = attrgetter("op")
