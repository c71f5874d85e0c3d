"""What differs between two pictures of one shape: every number of theirs, in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Panel, Picture, Row, Wire

__all__ = ["Change", "changes"]

_SAME = 1e-9  # a relative difference up to this is rounding


@dataclass(frozen=True, slots=True)
class Change:
    """A number in both graphs. `what` is "value", "gradient", "local" (or gain) or "message"."""

    what: str
    before: float | None
    after: float | None

    @property
    def differs(self) -> bool:
        """Whether it is another number, but for rounding."""
        a, b = self.before, self.after
        if a is None or b is None:
            return a is not b
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) != math.isnan(b)
        return not math.isclose(a, b, rel_tol=_SAME, abs_tol=1e-12)

    @property
    def size(self) -> float:
        """after − before; nan where one of them is no number."""
        if self.before is None or self.after is None:
            return math.nan
        return float(self.after) - float(self.before)


def changes(a: Picture, b: Picture) -> dict[str, list[Change]]:
    """Every number of each card, wire and table, by the id of its group in a Drawing."""
    found = {one.id: _of_rows(one.rows, other.rows) for one, other in zip(a.cards, b.cards)}
    found |= {one.id: _of_wire(one, other) for one, other in zip(a.wires, b.wires)}
    tables = enumerate(zip(a.panels, b.panels))
    return found | {f"panel{i}": _of_panel(one, other) for i, (one, other) in tables}


def _of_rows(a: Sequence[Row], b: Sequence[Row]) -> list[Change]:
    return [
        change
        for one, other in zip(a, b)
        for change in (
            Change("value", one.value, other.value),
            Change("gradient", one.grad, other.grad),
        )
    ]


def _of_wire(a: Wire, b: Wire) -> list[Change]:
    """What its two labels say; of a neuron's edge that is the weight and its gradient."""
    if a.weight is not None and b.weight is not None:
        pairs = (a.weight.value, b.weight.value), (a.weight.grad, b.weight.grad)
    else:
        pairs = (a.local, b.local), (a.message, b.message)
    return [Change(what, *pair) for what, pair in zip(("local", "message"), pairs)]


def _of_panel(a: Panel, b: Panel) -> list[Change]:
    """Every number of a table; none where its rows are called otherwise in the other graph."""
    kinds = {"value": "value", "grad": "gradient"}
    pairs = [pair for rows in zip(a.rows, b.rows) for pair in zip(*rows)]
    if any(one.kind != other.kind or one.text != other.text for one, other in pairs):
        return []
    return [
        Change(kinds[one.kind], one.number, other.number)
        for one, other in pairs
        if one.kind == "grad" or (one.kind == "value" and one.number is not None)
    ]
