"""What a Picture is made of: cards, wires, columns, panels. Data only: no positions, no
renderer, and numbers and names that are not yet text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from ..style.typography import lowered, number, pretty

__all__ = [
    "SHOWN", "Card", "Cell", "Column", "Name", "Operation", "Panel", "PanelKind", "Picture", "Row",
    "Wire",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """A label taken apart: what it names, at which time step, and which entry of it.

    >>> Name.parse("W_h[0,1]")
    Name(base='W_h', step=None, index=('0', '1'))
    >>> Name.parse("h_12[3]"), str(Name.parse("h_12[3]"))
    (Name(base='h', step=12, index=('3',)), 'h₁₂[3]')
    """

    base: str = ""
    step: int | None = None
    index: tuple[str, ...] = ()

    @classmethod
    def parse(cls, label: str) -> Name:
        """The only place where the parts of a label are told apart."""
        found = _LABEL.fullmatch(label)
        if found is None:
            return cls(label)
        step, index = found["step"], found["index"]
        return cls(
            found["base"],
            None if step is None else int(step),
            () if index is None else tuple(index.split(",")),
        )

    def __bool__(self) -> bool:
        return bool(self.base)

    def __str__(self) -> str:
        step = "" if self.step is None else lowered(self.step)
        index = f"[{pretty(','.join(self.index))}]" if self.index else ""
        return f"{pretty(self.base)}{step}{index}"

    @property
    def whole(self) -> Name:
        """The vector or matrix of which this is an entry: h₂ for h₂[0]."""
        return Name(self.base, self.step)

    @property
    def timeless(self) -> Name:
        """The same at any time step: h[0] for h₂[0]."""
        return Name(self.base, None, self.index)

    @property
    def place(self) -> tuple[int, ...]:
        """The index as numbers; () without an index, or where it is a letter."""
        return tuple(int(i) for i in self.index) if all(map(str.isdecimal, self.index)) else ()


_LABEL = re.compile(
    r"(?P<base>.+?)(?:_(?P<step>0|[1-9][0-9]{0,8}))?(?:\[(?P<index>.*)\])?", re.DOTALL
)


class Operation(NamedTuple):
    """An op with the plain number that stands at its left or right, if one does.

    >>> str(Operation("sub", "−", left=1.0)), str(Operation("pow", "^", right=2.0))
    ('1 −', '( )²')
    """

    name: str
    symbol: str
    left: float | None = None
    right: float | None = None

    def __str__(self) -> str:
        if self.name == "pow" and self.right is not None:
            exponent = number(self.right)
            raised = exponent.isdecimal()
            return "( )" + exponent.translate(_RAISED) if raised else f"( )^{exponent}"
        if self.left is not None:
            return f"{_bracketed(self.left)} {self.symbol}"
        if self.right is not None:
            return f"{self.symbol} {_bracketed(self.right)}"
        return self.symbol

    @property
    def bare(self) -> Operation:
        """The op alone, where cards with other numbers are meant as well."""
        return Operation(self.name, self.symbol)


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _bracketed(x: float) -> str:
    return f"({number(x)})" if x < 0.0 else number(x)


class Row(NamedTuple):
    """A number of a card with its gradient.

    `name` says which entry or vector it is, where the card's own name does not; `norm` that
    it is the Euclidean norm of several. `node` is whose number it is, by its place in the
    order of creation; None for a norm. A `value` of None is not computed yet.
    """

    value: float | None
    grad: float | None
    name: Name | None = None
    norm: bool = False
    node: int | None = None

    @property
    def shown(self) -> str:
        """Its value as it is printed."""
        return "" if self.value is None else number(self.value)


@dataclass(slots=True)
class Card:
    """A Value, one use of a shared one, or several drawn together.

    `role` is op, leaf, parameter, input, state, output, loss or total. `column` is the time
    step, 0 what comes before the first. Cards with the same `slot` play the same part in
    different steps and get the same place in their columns. A card that is `beside` another
    stands at its left, because nothing else in the column uses it.

    Attributes
    ----------
    names : of the Values in it that others see; empty where these have no label
    operation : what made it; None for leaves
    part : what a box of many nodes is: "tanh cell", "forget"
    embedding : the row that was looked up, for an embedded input
    shape : rows and columns of a matrix of weights
    generic : whether it stands for every step, as x_t does
    hidden : how many of its nodes have no number on it
    nodes : which Values it holds, by their place in the order of creation
    scope, order : where its only Value was made, and when its last one was
    block : the gated cell of which it is a part, such as cell/layer=1
    hint : what its number means, for a gate: "0 forgets, 1 retains"
    """

    id: str
    role: str
    names: tuple[Name, ...]
    operation: Operation | None
    rows: tuple[Row, ...]
    column: int = 0
    slot: str = ""
    beside: str = ""
    alias: bool = False
    framed: bool = False  # stands within the frame of its column
    look: str = ""  # "marked" on a path pointed out, "faded" before its turn, "current" at it
    part: str = ""
    embedding: Name | None = None
    shape: tuple[int, ...] = ()
    generic: bool = False
    hidden: int = 0
    tooltip: str = ""
    nodes: tuple[int, ...] = ()
    scope: str = ""
    order: int = 0
    block: str = ""
    hint: str = ""

    @property
    def name(self) -> str:
        """What stands on the card in bold: its names, else its operation or its number."""
        if len(self.names) == 1 and not self.generic:
            return str(self.names[0])
        names = list(dict.fromkeys(self.names))
        if names:
            shown = [f"{name.timeless}_t" if self.generic else str(name) for name in names[:2]]
            return ", ".join(shown + ["…"] * (len(names) > 2))
        if self.operation is not None:
            return str(self.operation)
        return self.part or (self.rows[0].shown if self.rows else "")

    @property
    def op(self) -> str:
        """What stands beside the name: the operation, the kind of box, what was embedded."""
        if self.embedding is not None:
            return str(self.embedding)
        if self.part:
            return self.part if self.names or self.operation is not None else ""
        if self.operation is not None:
            return str(self.operation) if self.names else ""
        return "×".join(map(str, self.shape))

    @property
    def note(self) -> str:
        """What its number means, or how many nodes are not seen."""
        if not self.hidden:
            return self.hint
        return f"+ {self.hidden} node{'s' if self.hidden > 1 else ''}"


@dataclass(slots=True)
class Wire:
    """An edge: from an operand to the Value made of it. Gradients run the other way.

    `look` is "marked" on a path that is pointed out, "faded" where no message came yet,
    "current" while one does, "cut" where the operand was detached, so that no gradient comes
    back.

    Attributes
    ----------
    local : the local derivative, or between vectors the gain, see `kind`
    message : upstream × local derivative, or between vectors its norm
    kind : "local", or "gain": norm of the message / norm of the upstream gradient
    upstream : the gradient, or its norm, that times `local` is the message; None if unknown
    product : on a path that is pointed out, the product of the local derivatives so far
    span, steps : the smallest and largest `local` over so many steps, for a loop
    name : what the wire carries, where two cards are joined by several
    edges : the edges of the graph that it stands for: (node, position of the parent)
    weight : what stands on it in place of both numbers, in a network of neurons
    dashed : whether it is drawn so, as the bias of a neuron is
    """

    id: str
    source: str
    target: str
    local: float | None
    message: float | None
    recurrent: bool = False  # from one time step to another
    look: str = ""
    kind: Literal["local", "gain"] = "local"
    upstream: float | None = None
    product: float | None = None
    span: tuple[float, float] | None = None
    steps: int = 0
    name: Name | None = None
    tooltip: str = ""
    edges: tuple[tuple[int, int], ...] = ()
    weight: Row | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A time step and its heading: "t = 1", "the letter o"."""

    index: int
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a panel: words in a name or a head, a number in a value or a gradient."""

    kind: Literal["name", "head", "value", "grad", "empty"]
    text: str = ""
    number: float | None = None
    bold: bool = False

    @property
    def shown(self) -> str:
        """What is printed in it."""
        return self.text if self.number is None else number(self.number)


PanelKind: TypeAlias = Literal["shared", "uses", "origin"]


@dataclass(frozen=True, slots=True)
class Panel:
    """A table below the graph.

    `kind` is "shared" (a weight's gradient over time), "uses" (over its uses) or "origin"
    (which loss reached which state). A `compact` one shows its gradients as heat alone.
    """

    kind: PanelKind
    title: str
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    compact: bool = False

    @property
    def fixed(self) -> int:
        """How many columns at its left say what a row is: the name, and the value of a weight."""
        return 1 + (len(self.rows[0]) > 1 and self.rows[0][1].text == "value")

    def folded(self, columns: int) -> tuple[tuple[Cell, ...], ...]:
        """Its rows where it has no more than so many columns: the others go on below.

        Each further line has heads and names of its own; the value of a weight stands once.

        >>> heads = [Cell("head", text) for text in ("", "t = 1", "t = 2", "Σ")]
        >>> row = [Cell("name", "w"), *(Cell("grad", number=x) for x in (1.0, 2.0, 3.0))]
        >>> panel = Panel("shared", "one gradient", (tuple(heads), tuple(row)))
        >>> [[cell.shown for cell in row] for row in panel.folded(3)]
        [['', 't = 1', 't = 2'], ['w', '1', '2'], ['', 'Σ'], ['w', '3']]
        """
        fixed, width = self.fixed, max(map(len, self.rows))
        if columns >= width:
            return self.rows
        rows = list[tuple[Cell, ...]]()
        for start in range(fixed, width, columns - fixed):
            own = slice(start, start + columns - fixed)
            blank = (Cell("empty"),) * (fixed - 1)
            rows += [
                (row[:fixed] if start == fixed else (row[0], *blank)) + row[own]
                for row in self.rows
            ]
        return tuple(rows)

    @property
    def steepest(self) -> float:
        """The largest finite number among its heat cells, to which their heat is relative."""
        return _largest(cell.number for row in self.rows for cell in row if cell.kind == "grad")


SHOWN = frozenset({"value", "grad", "local", "message", "op"})


@dataclass(slots=True)
class Picture:
    """Everything that is to be drawn. Cards come in topological order."""

    title: str
    finding: str = ""  # what the title adds once the sweep is over: "dL/dh₀ = −20"
    subtitle: str = ""
    cards: list[Card] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    swept: bool = True
    legend: tuple[str, ...] = ()  # lines of its own beside the usual ones
    show: frozenset[str] = SHOWN
    scale: tuple[float, float] | None = None  # steepest and strongest, if not this picture's own
    root: int | None = None  # whose sweep it is, by its place in the order of creation

    @property
    def heading(self) -> str:
        """Title and finding in one line."""
        return f"{self.title}: {self.finding}" if self.finding else self.title

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
    known = [math.fabs(x) for x in numbers if x is not None and math.isfinite(x)]
    return max(known, default=0.0)
