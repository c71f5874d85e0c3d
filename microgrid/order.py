"""The nodes below a root in order of creation, which is a topological order."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .bundle import Many
from .made import Made

if TYPE_CHECKING:
    from .value import Value

__all__ = ["creation_order", "operations"]


def creation_order(*roots: Value) -> list[Value]:
    """Every node the roots depend on, themselves included, oldest first.

    Parents are older than their children, so this is a topological order, and it is
    the same in every process. It costs one visit per edge and no recursion.

    >>> from microgrid import Value
    >>> a = Value(2.0, label="a")
    >>> [str(node.op) for node in creation_order((a + 1.0).tanh())]
    ['None', 'add', 'tanh']
    """
    for root in roots:
        _check_root(root)
    seen: set[Value] = set(roots)
    found: list[Value] = []
    waiting = list(seen)
    shared: set[Any] = set()  # columns and rows of products that have been looked at
    while waiting:
        node = waiting.pop()
        found.append(node)
        a, b = node._a, node._b
        if a is not None and a not in seen:
            seen.add(a)
            waiting.append(a)
        if b is not None and b not in seen:
            seen.add(b)
            waiting.append(b)
        if a is None and b is None and node.op is not None:
            for parent in node._da.not_seen(node._db, shared):
                if parent not in seen and parent.__class__ is not float:
                    seen.add(parent)
                    (found if parent.op is None else waiting).append(parent)
    found.sort(key=_serial)
    return found


def operations(root: Value, zero: float) -> list[Value]:
    """The nodes below the root that are no leaves, oldest first, each with the gradient `zero`.

    A leaf keeps what it holds, or begins with 0. The youngest operand is followed first: what
    is found then stands nearly in order, and near in memory to what was found before it.
    """
    _check_root(root)
    order: list[Value] = []
    waiting: list[Value] = []
    seen: set[Any] = set()  # sums and products whose operands are in `many`
    many: list[Any] = [Many((root,), ())]
    for made in many:  # grows while it is read
        _reach(made.below(), zero, waiting)
        while waiting:
            node = waiting.pop()
            order.append(node)
            a, b = node._a, node._b
            if a is not None and a._grad is not zero:  # as `_reach`, without its call
                if a.op is not None:
                    a._grad = zero
                    waiting.append(a)
                elif a._grad is None:
                    a._grad = 0.0
            if b is not None:
                if b._grad is not zero:
                    if b.op is not None:
                        b._grad = zero
                        waiting.append(b)
                    elif b._grad is None:
                        b._grad = 0.0
            elif a is None and node._da not in seen:
                seen.add(node._da)
                many.append(node._da)
    order.sort(key=_serial)
    return order


def _reach(operands: Sequence[Any], zero: float, waiting: list[Value]) -> None:
    for parent in operands:
        if parent.__class__ is not float and parent._grad is not zero:
            if parent.op is not None:
                parent._grad = zero
                waiting.append(parent)
            elif parent._grad is None:
                parent._grad = 0.0


def _check_root(root: Any) -> None:
    if not isinstance(root, Made):
        raise TypeError(f"a graph is read from a Value, got {root!r}")


_serial = attrgetter("serial")
