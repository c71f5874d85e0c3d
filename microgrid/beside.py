"""What happened beside a graph while it was recorded, and a Tape has to know of to replay it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from .value import Value

__all__ = ["Follower", "any_frozen", "follow", "followed", "mark_frozen"]


class Follower(Protocol):
    """What keeps account of the numbers of some nodes, each time they are computed."""

    def __call__(self, number: Callable[[Value], Any]) -> None:
        """Take note of the latest replay; `number` gives that of a node, one per example."""


_frozen: WeakSet[Value] = WeakSet()
_followed: WeakKeyDictionary[Value, Follower] = WeakKeyDictionary()


def mark_frozen(values: Iterable[Value]) -> None:
    """Say that these nodes hold numbers that were drawn, and that a replay does not draw anew."""
    _frozen.update(values)


def any_frozen(values: Iterable[Value]) -> bool:
    """Whether one of these nodes holds a number that was drawn for it alone."""
    return len(_frozen) > 0 and not _frozen.isdisjoint(values)


def follow(value: Value, follower: Follower) -> None:
    """Have every Tape of a graph that holds `value` call the follower after a forward.

    The follower must not hold `value` itself, or both would stay for ever.
    """
    _followed[value] = follower


def followed(values: Iterable[Value]) -> list[Follower]:
    """The followers of these nodes, in the order of the nodes."""
    if not _followed:  # as in most programs, and a look at every node of a graph takes its time
        return []
    return [_followed[value] for value in values if value in _followed]
