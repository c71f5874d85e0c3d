"""Breakpoints of a sweep: at a node, an op, a scope, or wherever an expression is true."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..graph import time_step
from ..stepper import Event, Stepper
from ..value import Value
from .expression import ATTRIBUTES, CONSTANTS, Expression

Condition: TypeAlias = Callable[[Event], bool]

OF_A_MESSAGE = ("upstream", "local", "message", "parent")  # what only a message has
OF_A_NODE = ("node", "step", *ATTRIBUTES)


@dataclass
class Breakpoint:
    """Where to stop. `text` is what was asked for; a temporary one stops once.

    >>> a = Value(3.0, label="a")
    >>> stop = breakpoint_at("a", Stepper(a * a), {"a": a})
    >>> print(next(event for event in Stepper(a * a) if stop.hit(event)))
    a is finished, gradient 6
    """

    text: str
    condition: Condition
    temporary: bool = False

    def hit(self, event: Event) -> bool:
        """Whether to stop after this event."""
        return self.condition(event)


def breakpoint_at(
    text: str, stepper: Stepper, nodes: Mapping[str, Value], temporary: bool = False
) -> Breakpoint:
    """The breakpoint that `text` means: the name of a node, an op, a scope, an expression.

    At a node or an op it stops when the gradient is complete, in a scope when the sweep
    enters it. An expression is tried at every message if it mentions upstream, local,
    message or parent, else whenever a gradient is complete. ValueError for anything else.
    """
    text = text.strip()
    if text in nodes:
        wanted = nodes[text]
        return Breakpoint(text, lambda event: _finished(event, wanted), temporary)
    if any(node.op is not None and node.op.name == text for node in stepper.nodes):
        return Breakpoint(text, lambda event: _finished(event) and _op(event) == text, temporary)
    if any(_inside(node.scope, text) for node in stepper.nodes):
        return Breakpoint(text, lambda event: _enters(stepper, event, text), temporary)
    return Breakpoint(text, _expression(text, nodes), temporary)


def lookup(
    event: Event | None, node: Value | None, nodes: Mapping[str, Value]
) -> Callable[..., Any]:
    """The values of the names that an expression may hold: of a message, a node, the graph."""

    def value(name: str) -> Any:
        if event is not None and event.kind == "message" and name in OF_A_MESSAGE:
            return getattr(event, name)
        if node is not None and name in OF_A_NODE:
            if name in ATTRIBUTES:
                return ATTRIBUTES[name](node)
            return node if name == "node" else time_step(node.scope)
        if name not in nodes and name not in CONSTANTS:
            raise ValueError(f"there is no {name!r} here; near it: {_near(name, nodes)}")
        return nodes[name]

    return value


def _expression(text: str, nodes: Mapping[str, Value]) -> Condition:
    expression = Expression(text)
    known = {*OF_A_MESSAGE, *OF_A_NODE, *CONSTANTS, *nodes}
    for name in sorted(expression.names - known):
        raise ValueError(
            f"no node, op, scope or quantity is called {name!r}; near it: {_near(name, known)}"
        )
    kind = "message" if expression.names & set(OF_A_MESSAGE) else "finished"
    return lambda event: (
        event.kind == kind and bool(expression.evaluate(lookup(event, event.node, nodes)))
    )


def _near(name: str, known: Iterable[str]) -> str:
    return ", ".join(difflib.get_close_matches(name, known, cutoff=0.4)) or "nothing"


def _finished(event: Event, wanted: Value | None = None) -> bool:
    return event.kind == "finished" and (wanted is None or event.node is wanted)


def _op(event: Event) -> str:
    return event.node.op.name if event.node.op else ""


def _inside(scope: str, outer: str) -> bool:
    return scope == outer != "" or scope.startswith(outer + "/")


def _enters(stepper: Stepper, event: Event, scope: str) -> bool:
    if not _finished(event) or not _inside(event.node.scope, scope):
        return False
    return stepper.previous is None or not _inside(stepper.previous.scope, scope)
