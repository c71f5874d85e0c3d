"""Fresh numbers for a graph: few digits, the same ones for the same seed everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from ..graph import recompute
from ..value import Value, creation_order

__all__ = ["ROUNDED", "TRIES", "WHOLE", "Draw", "freshen", "pool"]

WHOLE = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)  # where there is nothing but + − ×
ROUNDED = (-1.5, -1.0, -0.5, 0.5, 1.0, 1.5)  # where tanh and its like keep them small anyway
_LINEAR = {"add", "sub", "mul", "sum", "dot", "neg"}
_LARGEST = 1e4  # no value or local derivative is larger, so that it can be written on a sheet
TRIES = 100

_T = TypeVar("_T")


class Draw:
    """Pseudo-random choices by a linear congruence modulo 2^32 (multiplier 1664525, increment
    1013904223), which a page can draw in the same way.

    >>> draw = Draw(7)
    >>> [draw.choice("abcdef") for _ in range(6)]
    ['b', 'f', 'd', 'f', 'a', 'f']
    """

    def __init__(self, seed: int) -> None:
        self.state = seed % 2**32

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1."""
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return (self.state >> 8) * count >> 24  # the high bits, for the low ones repeat soon

    def choice(self, items: Sequence[_T]) -> _T:
        """One of the items."""
        return items[self.below(len(items))]


def pool(root: Value) -> tuple[float, ...]:
    """The numbers that suit a graph."""
    ops = {node.op.name for node in creation_order(root) if node.op is not None}
    return WHOLE if ops <= _LINEAR else ROUNDED


def freshen(root: Value, seed: int, leaves: Sequence[Value] | None = None) -> None:
    """Give the leaves of a graph other numbers, and compute it again.

    Leaves that are 0, such as a start state, stay as they are. The numbers are drawn again while
    a value or a local derivative is not finite, or is above 10,000. ValueError if that does not
    help, or where there is no leaf to change.

    >>> a, b = Value(0.1, label="a"), Value(0.2, label="b")
    >>> freshen(a * b, seed=1); (a.data, b.data)
    (-2.0, -1.0)
    """
    order = creation_order(root)
    given = [x for x in order if not x.parents] if leaves is None else list(leaves)
    changed = [leaf for leaf in given if leaf.data != 0.0]
    if not changed or root.op is None:
        raise ValueError("there is no number to change: every leaf of this graph is 0")
    draw, numbers = Draw(seed), pool(root)
    for _ in range(TRIES):
        for leaf in changed:
            leaf.data = draw.choice(numbers)
        recompute(root)
        if all(_small(x) for node in order for x in (node.data, *node.partials)):
            return
    raise ValueError(f"no small numbers were found for this graph in {TRIES} tries")


def _small(x: float) -> bool:
    return math.isfinite(x) and abs(x) <= _LARGEST
