"""Stepper: the backward sweep one message at a time, forwards and back.

The sweep is a stream of events. With `forward=True` it begins with the forward pass,

    computed  node's value is computed from its operands            (once per operation)

Then comes one round for every node in reverse order of creation:

    finished  node's gradient is complete: every message it waits for has arrived
    message   node sends upstream x local to one of its parents     (once per parent)

with a `start` before the first round and an `end` after the last. What each message carries
is read from a Sweep; the stepper walks along it and writes into the graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from weakref import WeakValueDictionary

from .graph import (
    find,
    formula,
    formula_in_numbers,
    gradient_of,
    name_of,
    put_gradient,
    root_of,
)
from .reals import as_float
from .sweep import Message, Sweep, held_by_leaves, latest
from .value import Value, creation_order
from .wording import bracketed, shown

__all__ = ["Event", "Kind", "Stepper", "sweep_of", "under_way"]

Kind: TypeAlias = Literal["computed", "start", "finished", "message", "end"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens in a sweep.

    Attributes
    ----------
    kind : "computed", "start", "finished", "message" or "end"
    node : whose turn it is. The root for start and end
    parent : who receives the message; None but for messages
    position : which of the node's parents that is, counted from 0
    upstream : the node's gradient, d(root)/d(node)
    local : d(node)/d(parent), stored on the edge
    message : upstream x local; at the start the gradient put on the root
    before, after : the gradient that the event changes (the parent's; at the start the root's),
        before it and after it. `before` is None where no message had come; both are equal
        where the event changes nothing. For "computed", `after` is the node's value

    >>> a = Value(3.0, label="a")
    >>> print(*Stepper(a * a), sep="\\n")
    start: mul gets gradient 1
    mul is finished, gradient 1
    mul → a: 1 × 3 = 3, gradient of a: 3
    mul → a: 1 × 3 = 3, gradient of a: 3 + 3 = 6
    a is finished, gradient 6
    end: every gradient is complete
    """

    kind: Kind
    node: Value
    parent: Value | None = None
    position: int | None = None
    upstream: float | None = None
    local: float | None = None
    message: float | None = None
    before: float | None = None
    after: float | None = None

    @property
    def target(self) -> Value:
        """Whose gradient the event is about: the receiver of a message, else the node."""
        return self.node if self.parent is None else self.parent

    def describe(self, called: Callable[[Value], str] = name_of) -> str:
        """The event as a sentence; `called` gives a node's name."""
        name, to = called(self.node), called(self.target)
        if self.kind == "computed":
            written = f"{formula(self.node, called, shown)} = {formula_in_numbers(self.node)}"
            return f"{name} = {written} = {shown(self.after)}"
        if self.kind == "start":
            return f"start: {name} gets gradient {shown(self.message)}"
        if self.kind == "finished":
            return f"{name} is finished, gradient {shown(self.after)}"
        if self.kind == "end":
            return "end: every gradient is complete"
        added = (
            "" if self.before is None else f"{shown(self.before)} + {bracketed(self.message)} = "
        )
        factors = f"{bracketed(self.upstream)} × {bracketed(self.local)}"
        return (
            f"{name} → {to}: {factors} = {shown(self.message)}, "
            f"gradient of {to}: {added}{shown(self.after)}"
        )

    def __str__(self) -> str:
        return self.describe()


class Stepper:
    """A sweep from `root` that stops wherever you like, and goes back.

    root is a Value, or an unrolled run, whose loss is taken. Iterating yields every
    event that is left. After the end every gradient equals what `root.backward()` leaves, to
    the last bit (but for rounding in large matrix products, whose messages backward() sends
    together); on the way a node without a message yet has no gradient. Going back restores
    every gradient exactly, nan included. With `forward` the values are computed first,
    one event each (they are in the graph already; `is_computed` tells which have been shown).

    Attributes
    ----------
    root : the Value the sweep starts from
    current : the node whose turn it is; None before the first
    done : whether the end event has happened
    history : every event so far, in order
    sent : how many messages have been sent
    computed : how many operations have their value; all of them unless forward=True
    sweep : the whole Sweep

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> sweep = Stepper((w * x).tanh())
    >>> sweep.run_to("w").after == w.grad
    True
    >>> sweep.back().kind, sweep.done
    ('finished', False)
    >>> sweep.restart(); w.grad
    0.0
    """

    def __init__(self, root: Any, gradient: float = 1.0, forward: bool = False) -> None:
        self.root = root_of(root)
        self.forward = forward
        self.done = False
        self.history: list[Event] = []
        self._gradient = as_float(gradient, "gradient")
        self._order = creation_order(self.root)
        self._turn = len(self._order)  # counts down: the order is walked from its end
        self._sweep: Sweep | None = None
        self._before: list[float | None] = []  # every gradient as it was before the start
        self._operations = [node for node in self._order if node.op is not None]
        self._begun = False  # whether the start has happened
        self.computed = 0 if forward else len(self._operations)
        self.sent = 0

    @property
    def current(self) -> Value | None:
        """The node whose turn it is: its gradient is complete and is being sent on.

        In the forward pass, the node that was computed last.
        """
        if self.forward and not self._begun:
            return self._operations[self.computed - 1] if self.computed else None
        return self._order[self._turn] if self._turn < len(self._order) else None

    @property
    def previous(self) -> Value | None:
        """The node whose turn it was before the current one."""
        if self.forward and not self._begun:
            return self._operations[self.computed - 2] if self.computed > 1 else None
        return self._order[self._turn + 1] if self._turn + 1 < len(self._order) else None

    @property
    def nodes(self) -> list[Value]:
        """Every node of the graph in the order of the sweep, the root first."""
        return self._order[::-1]

    @property
    def sweep(self) -> Sweep:
        """The whole sweep, of which `sent` messages have happened."""
        if self._sweep is None:  # before the start: leaves may still be changed
            return Sweep(self.root, self._gradient, held_by_leaves(self._order))
        return self._sweep

    @property
    def messages(self) -> list[Event]:
        """The messages sent so far, in order."""
        return [event for event in self.history if event.kind == "message"]

    @property
    def upcoming(self) -> Event | None:
        """The event that `step()` would make happen; None at the end."""
        if self.done:
            return None
        if self.computed < len(self._operations):
            node = self._operations[self.computed]
            return Event("computed", node, after=node.data)
        sweep, sent = self.sweep, self.sent
        if not self._begun:
            gradient = sweep.gradient(self.root, after=0)
            before = gradient_of(self.root)
            return Event("start", self.root, message=sweep.seed, before=before, after=gradient)
        if sent < len(sweep) and (message := sweep.messages[sent]).node is self.current:
            return _event(message)
        node = self._order[self._turn - 1] if self._turn else self.root
        gradient = sweep.gradient(node, sent)
        if self._turn == 0:
            return Event("end", node, before=gradient, after=gradient)
        return Event("finished", node, upstream=gradient, before=gradient, after=gradient)

    def step(self) -> Event | None:
        """Make the next event happen and return it; None where the sweep is done."""
        if self.computed == len(self._operations):
            self._sweep = self.sweep  # from the start on it is the same one
        event = self.upcoming
        if event is None:
            return None
        if event.kind == "message":
            self.sent += 1
        elif event.kind == "finished":
            self._turn -= 1
        elif event.kind == "computed":
            self.computed += 1
        elif event.kind == "start":
            self._begin()
        else:
            self.done = True
        if event.kind != "computed":
            put_gradient(event.target, event.after)
        self.history.append(event)
        _steppers[self.root] = self
        return event

    def back(self) -> Event | None:
        """Undo the latest event and return it; None where nothing has happened yet."""
        if not self.history:
            return None
        event = self.history.pop()
        if event.kind == "computed":
            self.computed -= 1
            return event
        put_gradient(event.target, event.before)
        if event.kind == "message":
            self.sent -= 1
        elif event.kind == "finished":
            self._turn += 1
        elif event.kind == "start":
            self._sweep, self._begun = None, False
            for node, grad in zip(self._order, self._before):
                put_gradient(node, grad)
        else:
            self.done = False
        return event

    def restart(self) -> None:
        """Undo everything: every gradient is again what it was before the start."""
        while self.back():
            pass

    def run_until(self, stop: Callable[[Event], bool]) -> Event | None:
        """Step until `stop(event)` is true or the sweep ends; the last event, None if done."""
        last = None
        while (event := self.step()) is not None:
            last = event
            if stop(event):
                break
        return last

    def next(self) -> Event | None:
        """Send all that is left of the current node, and finish the next one."""
        return self.run_until(lambda event: event.kind == "finished")

    def finish_scope(self) -> Event | None:
        """The rest of the time step: go on until a node of another one is finished."""
        return self.run_until(self.leaving_scope())

    def run_to(self, where: Value | str) -> Event | None:
        """Go on until the gradient of a node, or of the one so labelled, is complete.

        ValueError where there is no such node, or it has been passed already.
        """
        return self.run_until(self.reaching(where))

    def run(self) -> Event | None:
        """Go on to the end."""
        return self.run_until(lambda event: False)

    def leaving_scope(self) -> Callable[[Event], bool]:
        """A condition for `run_until`: a node of another time step is finished."""
        here = _stretch(self.root if self.current is None else self.current)
        return lambda event: event.kind == "finished" and _stretch(event.node) != here

    def reaching(self, where: Value | str) -> Callable[[Event], bool]:
        """A condition for `run_until`: this node's gradient is complete. ValueError as `run_to`."""
        wanted = find(self.root, where)
        if self.is_finished(wanted):
            raise ValueError(f"the sweep has passed {name_of(wanted)}; go back or restart first")
        return lambda event: event.kind == "finished" and event.node is wanted

    def is_finished(self, node: Value) -> bool:
        """Whether the gradient of this node of the graph is complete."""
        return self._turn < len(self._order) and node.serial >= self._order[self._turn].serial

    def is_computed(self, node: Value) -> bool:
        """Whether the forward pass has come to this node; leaves have their values at once."""
        if node.op is None or self.computed == len(self._operations):
            return True
        return node.serial < self._operations[self.computed].serial

    def gradient(self, node: Value) -> float | None:
        """The gradient of a node so far; None where no message has reached it."""
        return gradient_of(node)

    def __iter__(self) -> Iterator[Event]:
        while (event := self.step()) is not None:
            yield event

    def __repr__(self) -> str:
        root = f"{name_of(self.root)}={self.root.data:.6g}"
        lines = [
            f"Stepper({root}): {self.sent} of {len(self.sweep)} messages sent",
            f"  last: {self.history[-1]}" if self.history else "  not started",
        ]
        if self.upcoming is not None:
            lines.append(f"  next: {self.upcoming}")
        return "\n".join(lines)

    def _begin(self) -> None:
        """Forget the gradients of an earlier sweep; what leaves hold is added to."""
        self._begun = True
        self._before = [gradient_of(node) for node in self._order]
        for node in self._order:
            if node.parents:
                put_gradient(node, None)

    def _stands(self) -> bool:
        """Whether the graph still holds the very gradients that the stepper wrote into it."""
        sweep, sent = self._sweep, self.sent
        return sweep is not None and all(
            gradient_of(node) is sweep.gradient(node, sent) for node in self._order
        )


def _event(message: Message) -> Event:
    node, position, parent, *numbers = message
    return Event("message", node, parent, position, *numbers)


# Whose sweep a root is in the middle of, for as long as someone keeps the stepper.
_steppers: WeakValueDictionary[Value, Stepper] = WeakValueDictionary()


def sweep_of(x: Any) -> tuple[Sweep, int | None]:
    """The sweep whose gradients a graph holds, and how many of its messages have been sent.

    While a Stepper is under way that is its sweep, and the messages it has sent. The number of
    messages is None before any sweep: then the sweep is the one that backward() would make.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> loss = (w * x).tanh()
    >>> sweep_of(loss)
    (Sweep(tanh, seed 1: 3 messages), None)
    >>> stepper = Stepper(loss)
    >>> _ = stepper.run_to("x")
    >>> sweep_of(loss)[1]
    3
    """
    root = root_of(x)
    stepper = under_way(root)
    if stepper is not None:
        return stepper.sweep, stepper.sent
    sweep = latest(root)
    return sweep, None if gradient_of(root) is None else len(sweep)


def under_way(root: Value) -> Stepper | None:
    """The Stepper that wrote the gradients which the graph below `root` holds, if one did."""
    stepper = _steppers.get(root)
    return stepper if stepper is not None and stepper._stands() else None


_STRETCH = re.compile(r"(?:.*?/|^)t=\d+(?=/|$)|[^/]*")


def _stretch(node: Value) -> str:
    """The part of a node's scope that names its time step, else the outermost part."""
    found = _STRETCH.match(node.scope)
    return found[0] if found else ""
