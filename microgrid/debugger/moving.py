"""Commands that move the sweep, and the breakpoints that stop it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from ..graph import time_step
from ..stepper import Event
from ..train.interrupt import CtrlC
from ..value import Value
from .breakpoints import breakpoint_at, is_scope
from .names import whole_number
from .shell import Shell

__all__ = ["MOST_EVENTS", "Moving"]

MOST_EVENTS = 12  # that one command prints; of more, only the last few


class Moving(Shell):
    """step, next, gate, vector, return, continue, until, back, restart; break, tbreak, clear."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._breakpoint_numbers, self._display_numbers = count(1), count(1)

    def do_step(self, arg: str) -> None:
        """s(tep) [n]: make the next event happen: one message, or one gradient complete."""
        self._repeat(arg, lambda: lambda event: True)

    def do_next(self, arg: str) -> None:
        """n(ext) [n]: send all that is left of this node, and finish the next one."""
        self._repeat(arg, lambda: lambda event: event.kind in ("finished", "computed"))

    def do_vector(self, arg: str) -> None:
        """v(ector) [n]: the rest of this vector: h_3[1], h_3[0], then stop at what comes next."""
        self._repeat(arg, lambda: self._leaving(_vector_of))

    def do_gate(self, arg: str) -> None:
        """g(ate) [n]: the rest of this gate, or of whatever scope the sweep is in."""
        self._repeat(arg, lambda: self._leaving(lambda node: node.scope))

    def do_return(self, arg: str) -> None:
        """r(eturn) [n]: the rest of this time step."""
        self._repeat(arg, lambda: self._leaving(_step_of))

    def do_continue(self, arg: str) -> None:
        """c(ontinue): go on to the next breakpoint, or to the end (first, of the forward pass)."""
        self._go(lambda event: event.kind == "computed" and event.node is self.stepper.root)

    def do_until(self, arg: str) -> None:
        """unt(il) NODE: go on until the gradient of a node or vector is complete (or its value).

        unt h_1    unt h_3    unt t=2, until the sweep enters a scope
        """
        if arg not in self.names.known and ("=" in arg or is_scope(arg, self.stepper.nodes)):
            self._go(breakpoint_at(arg, self, self.names.known).condition)
            return
        found = self.named(arg)
        waiting = set(found) if isinstance(found, tuple) else {found}
        kind = "finished"
        if not all(map(self.stepper.is_computed, waiting)):  # in the forward pass
            kind, waiting = "computed", {x for x in waiting if not self.stepper.is_computed(x)}
        waiting -= {node for node in waiting if self.stepper.is_finished(node)}
        if not waiting:
            raise ValueError(f"the sweep has passed {arg}; go back or restart first")

        def complete(event: Event) -> bool:
            if event.kind == kind:
                waiting.discard(event.node)
            return not waiting

        self._go(complete)

    def do_back(self, arg: str) -> None:
        """bk, back [n]: undo the latest event, exactly."""
        for _ in range(whole_number(arg)):
            event = self.stepper.back()
            if event is None:
                self.say("at the start: nothing to undo")
                break
            self.say(f"undone: {event.describe(self.names.called)}")
        self.arrive()

    def do_restart(self, arg: str) -> None:
        """restart: undo everything; breakpoints stay."""
        with CtrlC():
            self.stepper.restart()
        self.say("at the start")
        self.arrive()

    def do_break(self, arg: str) -> None:
        """b(reak) [WHERE]: stop at a node, a vector, an op, a gate, or where an expression is true.

        b h_1    b h_3    b tanh    b t=2    b forget    b abs(grad) > 10    b isnan(message)
        Expressions hold grad, data, op, label, scope, step of a node that is finished, or
        upstream, local, message, node, parent of a message. Plain b lists the breakpoints.
        """
        if arg:
            self._set_breakpoint(arg, temporary=False)
            return
        for number, stop in self.breakpoints.items():
            self.say(f"{number}  {stop.text}{' (once)' if stop.temporary else ''}")
        if not self.breakpoints:
            self.say("no breakpoints")

    def do_tbreak(self, arg: str) -> None:
        """tbreak WHERE: a breakpoint that stops once."""
        self._set_breakpoint(arg, temporary=True)

    def do_clear(self, arg: str) -> None:
        """cl(ear) [n ...]: delete breakpoints by number, or all."""
        self.delete(self.breakpoints, arg, "breakpoint")

    def do_history(self, arg: str) -> None:
        """hist(ory) [n]: the last n events, 20 unless given."""
        events = self.stepper.history
        last = whole_number(arg) if arg else 20
        first = max(0, len(events) - last)
        for number, event in enumerate(events[first:], start=first + 1):
            self.say(f"{number:>5}  {event.describe(self.names.called)}")
        if not events:
            self.say("nothing has happened yet")

    do_s, do_n, do_r, do_c, do_unt = do_step, do_next, do_return, do_continue, do_until
    do_bk, do_b, do_cl, do_g, do_v, do_hist = (
        do_back, do_break, do_clear, do_gate, do_vector, do_history,
    )  # fmt: skip

    def delete(self, numbered: dict[int, Any], arg: str, what: str) -> None:
        """Delete breakpoints or displays by number, or all of them."""
        numbers = [whole_number(word) for word in arg.split()] or list(numbered)
        for number in numbers:
            if number not in numbered:
                raise ValueError(f"there is no {what} {number}")
        for number in numbers:
            numbered.pop(number, None)
        self.say(f"{what}s left: {', '.join(map(str, numbered)) or 'none'}")

    def tell(self, events: list[Event]) -> None:
        """Print events; of many the last few, and how to see the others."""
        if not events:
            self.say("the sweep is done: bk or restart to go back, q to leave")
        if len(events) > MOST_EVENTS:
            self.say(f"… {len(events) - 3} events before these; history {len(events)} shows them")
            events = events[-3:]
        self.say(*(event.describe(self.names.called) for event in events))

    def _repeat(self, arg: str, stop: Callable[[], Callable[[Event], bool]]) -> None:
        for _ in range(whole_number(arg)):
            if self._go(stop()):
                break

    def _leaving(self, part_of: Callable[[Value], object]) -> Callable[[Event], bool]:
        """Stop at the first event of a node that is in another part than this one."""
        part = part_of(self.place)
        return lambda event: event.kind in ("finished", "computed") and part_of(event.node) != part

    def _go(self, stop: Callable[[Event], bool]) -> bool:
        """Go on until `stop`, a breakpoint or Ctrl-C, and tell; True if it is best to stay."""
        before, self._up = len(self.stepper.history), 0
        hits: list[int] = []

        def stopped(event: Event) -> bool:
            hits[:] = [n for n, b in self.breakpoints.items() if b.hit(event)]
            enough = stop(event)
            return bool(hits) or ctrl_c.pressed or enough

        with CtrlC() as ctrl_c:
            try:
                self.stepper.run_until(stopped)
            finally:
                self.tell(self.stepper.history[before:])
        for number in hits:
            self.say(f"breakpoint {number}: {self.breakpoints[number].text}")
            if self.breakpoints[number].temporary:
                del self.breakpoints[number]
        if ctrl_c.pressed:
            self.say("interrupted")
        self.arrive()
        return bool(hits) or ctrl_c.pressed or self.stepper.done

    def _set_breakpoint(self, where: str, temporary: bool) -> None:
        stop = breakpoint_at(where, self, self.names.known, temporary)
        number = next(self._breakpoint_numbers)
        self.breakpoints[number] = stop
        self.say(f"breakpoint {number} at {stop.text}")


def _vector_of(node: Value) -> object:
    base, bracket, _ = node.label.partition("[")
    return (base, node.scope) if bracket else node


def _step_of(node: Value) -> object:
    """The time step, else the outermost part of the scope."""
    step = time_step(node.scope)
    return node.scope.partition("/")[0] if step is None else step
