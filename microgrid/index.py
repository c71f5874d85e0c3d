"""An index that stays one: a token or a class that a recorded program can be fed anew.

`table[3]` picks a row while the program is recorded, and the recording knows nothing of the 3.
An Index is its own one-hot vector of leaves, so that picking is a product, and a Tape that is
fed another number picks another row.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, NoReturn

from . import ops
from .value import Operand, Value, record, record_rows

__all__ = ["Index", "lookup"]


class Index(list[Value]):
    """A whole number from 0 to size - 1: a list of `size` leaves of which one is 1, the others 0.

    Wherever a one-hot vector may stand it can: as an input of a model, as the target of
    `F.cross_entropy`; `lookup` and `nn.Embedding` pick by it. Among the inputs of a Tape it is
    one number, and a replay picks whatever that is.

    ValueError for a number that is not below `size`.

    >>> from microgrid.tape import Tape
    >>> table = [[Value(2.0)], [Value(5.0)], [Value(-1.0)]]
    >>> token = Index(1, 3, label="token")
    >>> token.number, [leaf.data for leaf in token]
    (1, [0.0, 1.0, 0.0])
    >>> tape = Tape(lookup(table, token)[0].tanh(), inputs=[token])
    >>> tape.forward([2]) == Value(-1.0).tanh().data
    True
    """

    __slots__ = ("label",)

    def __init__(self, number: int, size: int, label: str = "") -> None:
        number = _whole(number, size, label or "Index")
        super().__init__(
            Value(float(i == number), f"{label}[{i}]" if label else "") for i in range(size)
        )
        self.label = label

    @property
    def number(self) -> int:
        """Which one it is now."""
        return [leaf.data for leaf in self].index(1.0)

    def __index__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot pick from a list without becoming a plain number: "
            f"write lookup(rows, index)"
        )

    def __repr__(self) -> str:
        return f"Index({self.number}, {len(self)}{f', {self.label!r}' if self.label else ''})"


def lookup(rows: Sequence[Any], index: int | Index) -> Any:
    """`rows[index]`, recorded so that a Tape can be fed another index.

    rows: Values, or vectors of them. A plain number picks as a list does and records nothing.
    ValueError where the Index counts other than the rows.

    >>> probabilities = [Value(0.25), Value(0.75)]
    >>> lookup(probabilities, 1).data, lookup(probabilities, Index(0, 2)).data
    (0.75, 0.25)
    >>> [x.data for x in lookup([[1.0, 2.0], [3.0, 4.0]], Index(1, 2))]
    [3.0, 4.0]
    """
    if not isinstance(index, Index):
        return rows[index]
    if len(rows) != len(index):
        raise ValueError(
            f"lookup: {index!r} picks one of {len(index)}, but there are {len(rows)} rows"
        )
    if isinstance(rows[0], Value | numbers.Real):
        return record(ops.DOT, (*index, *rows))
    columns: list[tuple[Operand, ...]] = list(zip(*rows))
    return record_rows(ops.DOT, columns, index)


def _whole(number: int, size: int, name: str) -> int:
    if isinstance(number, bool) or not isinstance(number, numbers.Integral):
        raise TypeError(f"{name} needs a whole number, got {number!r}")
    if not 0 <= number < size:
        raise ValueError(f"{name} must lie in 0..{size - 1}, got {number}")
    return int(number)
