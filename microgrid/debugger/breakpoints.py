"""Breakpoints of a sweep: at a node, an op, a scope, or wherever an expression is true."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ..graph import time_step
from ..stepper import Event, Stepper
from ..value import Value
from .expression import ATTRIBUTES, CONSTANTS, Expression
from .names import Known, Vector

__all__ = ["Breakpoint", "Condition", "breakpoint_at", "is_scope", "lookup"]

Condition: TypeAlias = Callable[[Event], bool]

_MOST_SCOPES = 12  # that an error lists
_OF_A_MESSAGE = ("upstream", "local", "message", "parent")  # what only a message has
_OF_A_NODE = ("node", "step", *ATTRIBUTES)


class _Sweeping(Protocol):
    """Whoever walks a sweep; which stepper that is may change when a number is changed."""

    stepper: Stepper


@dataclass
class Breakpoint:
    """Where to stop. `text` is what was asked for; a temporary one stops once."""

    text: str
    condition: Condition
    temporary: bool = False

    def hit(self, event: Event) -> bool:
        """Whether to stop after this event."""
        return self.condition(event)


def breakpoint_at(text: str, sweep: _Sweeping, known: Known, temporary: bool = False) -> Breakpoint:
    """The breakpoint that `text` means: the name of a node or vector, an op, a scope, a condition.

    At a node or an op it stops when the gradient is complete, at a vector when those of all its
    entries are, in a scope (`t=2`, `t=2/cell`, `forget`) when the sweep enters it. An expression
    is tried at every message if it mentions upstream, local, message or parent, else whenever a
    gradient is complete. ValueError for anything else.
    """
    text, nodes = text.strip(), sweep.stepper.nodes
    if text in known:
        wanted = known[text]
        return Breakpoint(text, _completes(sweep, wanted), temporary)
    if any(node.op is not None and node.op.name == text for node in nodes):
        return Breakpoint(text, lambda event: _finished(event) and _op(event) == text, temporary)
    if is_scope(text, nodes):
        return Breakpoint(text, lambda event: _enters(sweep, event, text), temporary)
    if re.fullmatch(r"\w+=\w+", text):
        parts = [part for node in nodes[::-1] for part in node.scope.split("/") if "=" in part]
        scopes = ", ".join(list(dict.fromkeys(parts))[:_MOST_SCOPES]) or "none"
        raise ValueError(f"there is no scope {text!r}; there are {scopes}")
    return Breakpoint(text, _expression(text, known), temporary)


def is_scope(text: str, nodes: Iterable[Value]) -> bool:
    """Whether a part of the nodes' scopes is called so: `t=2`, `forget`, `t=2/cell`."""
    return any(_part(node.scope, text) is not None for node in nodes)


def lookup(
    event: Event | None, node: Value | None, nodes: Mapping[str, Value | Vector]
) -> Callable[..., Any]:
    """The values of the names that an expression may hold: of a message, a node, the graph."""

    def value(name: str) -> Any:
        if event is not None and event.kind == "message" and name in _OF_A_MESSAGE:
            return getattr(event, name)
        if node is not None and name in _OF_A_NODE:
            if name in ATTRIBUTES:
                return ATTRIBUTES[name](node)
            return node if name == "node" else time_step(node.scope)
        if name not in nodes and name not in CONSTANTS:
            raise ValueError(f"there is no {name!r} here; near it: {_near(name, nodes)}")
        return nodes[name]

    return value


def _expression(text: str, nodes: Mapping[str, Value | Vector]) -> Condition:
    expression = Expression(text)
    quantities = {*_OF_A_MESSAGE, *_OF_A_NODE, *CONSTANTS}
    for name in sorted(name for name in expression.names - quantities if name not in nodes):
        known = {*quantities, *nodes}
        raise ValueError(
            f"no node, op, scope or quantity is called {name!r}; near it: {_near(name, known)}"
        )
    kind = "message" if expression.names & set(_OF_A_MESSAGE) else "finished"
    return lambda event: (
        event.kind == kind and bool(expression.evaluate(lookup(event, event.node, nodes)))
    )


def _near(name: str, known: Iterable[str]) -> str:
    return ", ".join(difflib.get_close_matches(name, known, cutoff=0.4)) or "nothing"


def _finished(event: Event) -> bool:
    """Whether a gradient is complete, or in the forward pass a value."""
    return event.kind in ("finished", "computed")


def _completes(sweep: _Sweeping, wanted: Value | Vector) -> Condition:
    """True when the gradient of a node is complete, or the last one of a vector's."""
    entries = wanted if isinstance(wanted, tuple) else (wanted,)

    def complete(event: Event) -> bool:
        if not _finished(event) or event.node not in entries:
            return False
        stepper = sweep.stepper
        ready = stepper.is_computed if event.kind == "computed" else stepper.is_finished
        return all(ready(node) for node in entries)

    return complete


def _op(event: Event) -> str:
    return event.node.op.name if event.node.op else ""


def _part(scope: str, text: str) -> str | None:
    """The scope as far as its part that is called `text`; None where it has no such part.

    >>> _part("t=2/cell/forget", "forget"), _part("t=2/cell/forget", "t=2"), _part("t=2", "t=1")
    ('t=2/cell/forget', 't=2', None)
    """
    before, found, _ = f"/{scope}/".partition(f"/{text}/")
    return f"{before}/{text}".strip("/") if found and text else None


def _enters(sweep: _Sweeping, event: Event, text: str) -> bool:
    if not _finished(event):
        return False
    part, before = _part(event.node.scope, text), sweep.stepper.previous
    return part is not None and (before is None or _part(before.scope, text) != part)
