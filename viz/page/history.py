"""One backward sweep of what is to be drawn: its messages, and every gradient after each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from microgrid.stepper import Event, Stepper, root_of
from microgrid.value import Value, creation_order

from ..picture.build import Drawable
from ..style.theme import LIGHT, number

History: TypeAlias = list[tuple[int, float]]


@dataclass
class Sweep:
    """The messages of one backward sweep, and every gradient after each of them."""

    root: Value | None = None
    seed: float = 1.0
    messages: list[Event] = field(default_factory=list)
    of_node: dict[Value, History] = field(default_factory=dict)
    strongest: float = 0.0

    def heat(self, gradient: float) -> str:
        """The name of the colours a gradient is shown in; "" for none."""
        if gradient == 0.0:
            return ""
        if not math.isfinite(gradient):
            return "bad"
        return f"heat-{LIGHT.heat.index(LIGHT.shade(gradient, self.strongest))}"

    def written(self, history: Iterable[tuple[int, float]]) -> list[list[Any]]:
        """A history as the page reads it."""
        return [[step, repr(x), number(x), self.heat(x)] for step, x in history]


@contextmanager
def sweep_of(x: Drawable) -> Iterator[Sweep]:
    """Play the sweep of x, and have its gradients in place while the pictures are made.

    A graph that has been swept keeps its own gradients, earlier sweeps' shares included;
    one that has not been gets them for the time being, and none of them stays.
    """
    root = _root(x)
    if root is None:
        yield Sweep()
        return
    order = creation_order(root)
    held = [node.grad for node in order]
    swept = root.grad is not None
    for node in order:
        if not node.parents:
            node.grad = None
    try:
        sweep = _play(root, root.grad if swept and root.grad is not None else 1.0)
        if swept:
            _restore(order, held)
            _add_earlier(sweep, order)
        yield sweep
    finally:
        _restore(order, held)


def _root(x: Drawable) -> Value | None:
    """Where the sweep starts: of a list, at the Value swept last, or else at the last one."""
    if isinstance(x, Sequence):
        return max(x, key=lambda root: (root.grad is not None, root.serial))
    return None if getattr(x, "loss", x) is None else root_of(x)


def _restore(order: Sequence[Value], held: Sequence[float | None]) -> None:
    for node, grad in zip(order, held):
        node.grad = grad


def _play(root: Value, seed: float) -> Sweep:
    root.grad = None
    events = list(Stepper(root, seed))
    sweep = Sweep(root, seed, [event for event in events if event.kind == "message"])
    sweep.of_node[root] = [(0, seed)]
    for step, event in enumerate(sweep.messages, start=1):
        assert event.parent is not None
        assert event.after is not None
        sweep.of_node.setdefault(event.parent, []).append((step, event.after))
    sizes = [abs(x) for history in sweep.of_node.values() for _, x in history]
    sweep.strongest = max(filter(math.isfinite, sizes), default=0.0)
    return sweep


def _add_earlier(sweep: Sweep, order: Sequence[Value]) -> None:
    """A leaf that accumulated over sweeps starts from what it had before this one."""
    for node in order:
        history = sweep.of_node.get(node)
        if node.parents or node.grad is None or not history or node is sweep.root:
            continue
        rest = node.grad - history[-1][1]
        if abs(rest) > 1e-9 * max(1.0, abs(node.grad)):
            history[:] = [(0, rest), *((step, x + rest) for step, x in history)]
        history[-1] = (history[-1][0], node.grad)
