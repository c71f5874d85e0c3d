"""Copies and pickles of graphs of any depth.

`copy.deepcopy` and `pickle` follow references, and a graph a million nodes deep would
exhaust the stack. So the first node they meet hands them everything below it, oldest
first: when a node's turn comes, its parents are done.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from ..bundle import changes
from ..ops import Op
from ..value import Operand, Value, creation_order, next_serial

__all__ = ["reduced"]


class _Below(list[Value]):
    """The nodes below a root, oldest first; copies and pickles as a plain list."""

    def __init__(self, root: Value) -> None:
        super().__init__(creation_order(root)[:-1])
        self.members = frozenset(self)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return list, (), None, iter(self)


class _Underway(threading.local):
    """What this thread's copies and pickles have listed so far, alive as long as they are."""

    def __init__(self) -> None:
        self.lists: WeakValueDictionary[int, _Below] = WeakValueDictionary()

    def lists_parents_of(self, node: Value) -> bool:
        """Whether what is below the node is copied already, with a node above it."""
        return any(node in below.members for below in self.lists.values())


_underway = _Underway()


def reduced(node: Value) -> tuple[Any, ...]:
    """What pickle and copy keep of a node: its fields, and a list of all nodes below it."""
    below = None
    if node.parents and not _underway.lists_parents_of(node):
        below = _Below(node)
        _underway.lists[id(below)] = below
    fields = (node.data, node._grad, node.op, node.operands, node.partials)
    more = getattr(node, "__dict__", None) or None
    return _restore, (below, *fields, node.label, node.scope, type(node), more)


def _restore(
    below: list[Value] | None,
    data: float,
    grad: float | None,
    op: Op | None,
    operands: tuple[Operand, ...],
    partials: Sequence[float],
    label: str,
    scope: str,
    kind: type[Value] = Value,
    more: dict[str, Any] | None = None,
) -> Value:
    node = kind.__new__(kind)
    Value.__init__(node, data, label)
    if more:
        node.__dict__.update(more)
    node._grad, node.op, node.scope = grad, op, scope
    if op is not None:
        node._take_partials(operands, partials)
        changes[0] = next_serial()  # the copy of a graph that is out of date is so, too
    return node
