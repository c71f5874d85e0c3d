"""The history of every gradient over one sweep, as the player's page reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from microgrid.graph import creation_order
from microgrid.sweep import Sweep
from microgrid.value import Value

from ..style.theme import LIGHT
from ..style.typography import fit_number, number

__all__ = ["History", "Played"]

History: TypeAlias = Sequence[tuple[int, float]]


class Played:
    """A sweep with the colours its gradients have on the page; None for a graph without one.

    Nodes are called by their place in the order of creation, as a Picture calls them.

    Attributes
    ----------
    seed : the gradient put on the root
    last : how many messages there are
    strongest : the largest finite |gradient| on the way, to which the heat is relative
    """

    def __init__(self, sweep: Sweep | None, roots: Sequence[Value]) -> None:
        self._sweep = sweep
        self._nodes = creation_order(*roots)
        self.seed = 1.0 if sweep is None else sweep.seed
        self.last = 0 if sweep is None else len(sweep)
        known = () if sweep is None else (x for n in sweep.order for _, x in sweep.history(n))
        self.strongest = max((abs(x) for x in known if math.isfinite(x)), default=0.0)

    def history(self, node: int) -> History:
        """(step, gradient) for every change of the node's gradient."""
        return [] if self._sweep is None else self._sweep.history(self._nodes[node])

    def message(self, node: int, position: int) -> tuple[int, float] | None:
        """At which step the node sends a message along one of its edges, and which."""
        sweep, value = self._sweep, self._nodes[node]
        if sweep is None or value not in sweep:
            return None
        sent = sweep.message(value, position)
        return None if sent is None else (sweep.number(value, position), sent)

    def heat(self, gradient: float) -> str:
        """The name of the colours a gradient is shown in; "" for none."""
        if gradient == 0.0:
            return ""
        if not math.isfinite(gradient):
            return "bad"
        return f"heat-{LIGHT.heat.index(LIGHT.shade(gradient, self.strongest))}"

    def written(
        self, history: Iterable[tuple[int, float]], room: float = math.inf, size: float = 11.0
    ) -> list[list[Any]]:
        """A history as the page reads it; `room` is the width of the cell it stands in."""
        shown = number if math.isinf(room) else lambda x: fit_number(x, size, room)
        return [[step, repr(x), shown(x), self.heat(x)] for step, x in history]
