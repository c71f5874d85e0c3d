"""What a Picture is made of: cards, wires, columns, panels. No positions, no renderer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from microgrid.value import Value


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a card with its gradient; `name` only where it needs one, such as ‖h‖."""

    value: float
    grad: float | None
    name: str = ""


@dataclass(slots=True)
class Card:
    """A Value, or one use of a shared one.

    `role` is op, leaf, parameter, input, state, output, loss or total. `column` is the time
    step, 0 what comes before the first. Cards with the same `slot` play the same part in
    different steps and get the same place in their columns. A card that is `beside` another
    stands at its left, because nothing else in the column uses it.
    """

    id: str
    role: str
    name: str
    op: str
    rows: tuple[Row, ...]
    column: int = 0
    slot: str = ""
    beside: str = ""
    alias: bool = False
    framed: bool = False  # stands within the frame of its column
    look: str = ""  # "marked" on a path that is pointed out, "faded" where no sweep came yet
    note: str = ""
    tooltip: str = ""
    nodes: tuple[Value, ...] = ()


@dataclass(slots=True)
class Wire:
    """An edge: from an operand to the Value made of it. Gradients run the other way."""

    id: str
    source: str
    target: str
    local: float | None
    message: float | None
    recurrent: bool = False  # from one time step to another
    look: str = ""
    texts: tuple[str, str] = ("", "")  # instead of the two numbers
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A time step and its heading: "t = 1", "the letter o"."""

    index: int
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a panel. `kind` is name, head, value, grad or empty."""

    kind: str
    text: str = ""
    number: float | None = None
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A table below the graph."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def steepest(self) -> float:
        """The largest finite number among its heat cells, to which their heat is relative."""
        return _largest(cell.number for row in self.rows for cell in row if cell.kind == "grad")


SHOWN = frozenset({"value", "grad", "local", "message", "op"})


@dataclass(slots=True)
class Picture:
    """Everything that is to be drawn. Cards come in topological order."""

    title: str
    cards: list[Card] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    swept: bool = True
    subtitle: str = ""
    legend: tuple[str, ...] = ()  # lines of its own beside the usual ones
    show: frozenset[str] = SHOWN
    scale: tuple[float, float] | None = None  # steepest and strongest, if not this picture's own

    @property
    def steepest(self) -> float:
        """The largest finite |gradient| of all cards: their heat is relative to it."""
        if self.scale is not None:
            return self.scale[0]
        return _largest(row.grad for card in self.cards for row in card.rows)

    @property
    def strongest(self) -> float:
        """The largest finite |message|: the width of ribbons is relative to it."""
        if self.scale is not None:
            return self.scale[1]
        return _largest(wire.message for wire in self.wires)


def _largest(numbers: Iterable[float | None]) -> float:
    return max((abs(x) for x in numbers if x is not None and math.isfinite(x)), default=0.0)
