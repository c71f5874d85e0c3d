"""The comparisons a program made, for who must know which branches it took.

`if v > 0:` decides what is recorded next but is no node itself. A Tape that replays the
recording with other numbers has to ask the same questions again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

TESTS: dict[str, Callable[[float, float], bool]] = {  # NumPy's names
    "less": lt,
    "less_equal": le,
    "greater": gt,
    "greater_equal": ge,
    "equal": eq,
    "not_equal": ne,
}


class Comparison(NamedTuple):
    """A test of a Value against a Value or a number, and how it came out."""

    name: str
    left: ReferenceType[Any]
    right: ReferenceType[Any] | float
    outcome: bool
    serial: int  # when, in the order of creation of Values


class Comparisons:
    """The latest comparisons, oldest first.

    They are held weakly, for a comparison is no reason to keep a graph alive. Who needs
    those of Values that nobody else keeps holds them meanwhile.

    Attributes
    ----------
    latest : the comparisons that are still remembered
    forgotten : the serial of the youngest one that is not, -1 if there is none
    """

    def __init__(self, size: int = 1024) -> None:
        self.latest: deque[Comparison] = deque(maxlen=size)
        self.forgotten = -1
        self._held: ContextVar[list[Any] | None] = ContextVar("microgrid_held", default=None)

    def add(self, name: str, left: Any, right: Any, outcome: bool, serial: int) -> None:
        """Remember a comparison; `right` is a float or a Value."""
        if len(self.latest) == self.latest.maxlen:
            self.forgotten = self.latest[0].serial
        held = self._held.get()
        if held is not None:
            held += (left, right)
        other = right if isinstance(right, float) else ref(right)
        self.latest.append(Comparison(name, ref(left), other, outcome, serial))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep whatever this thread compares alive until the end of the block."""
        token = self._held.set([])
        try:
            yield
        finally:
            self._held.reset(token)


comparisons = Comparisons()
