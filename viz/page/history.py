"""The history of every gradient over one sweep, as the player's page reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from microgrid.sweep import Message, Sweep
from microgrid.value import Value

from ..style.theme import LIGHT, number

History: TypeAlias = Iterable[tuple[int, float]]


class Played:
    """A sweep with the colours its gradients have on the page; None for a graph without one.

    Attributes
    ----------
    messages : every Message, in order
    strongest : the largest finite |gradient| on the way, to which the heat is relative
    """

    def __init__(self, sweep: Sweep | None) -> None:
        self.sweep = sweep
        self.root = None if sweep is None else sweep.root
        self.seed = 1.0 if sweep is None else sweep.seed
        self.messages: Sequence[Message] = () if sweep is None else sweep.messages
        known = () if sweep is None else (x for n in sweep.order for _, x in sweep.history(n))
        self.strongest = max((abs(x) for x in known if math.isfinite(x)), default=0.0)

    def of_node(self, node: Value) -> list[tuple[int, float]]:
        """(step, gradient) for every change of the node's gradient."""
        return [] if self.sweep is None else self.sweep.history(node)

    def heat(self, gradient: float) -> str:
        """The name of the colours a gradient is shown in; "" for none."""
        if gradient == 0.0:
            return ""
        if not math.isfinite(gradient):
            return "bad"
        return f"heat-{LIGHT.heat.index(LIGHT.shade(gradient, self.strongest))}"

    def written(self, history: History) -> list[list[Any]]:
        """A history as the page reads it."""
        return [[step, repr(x), number(x), self.heat(x)] for step, x in history]
