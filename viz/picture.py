"""From Values to a Picture: what is to be drawn, before any position or renderer is chosen.

A Picture holds cards (one per Value), wires (one per operand that is a Value), the columns
of time and the panels below. `layout.py` gives each of them a place, `dot.py` and the other
renderers draw them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from microgrid.graph import creation_order
from microgrid.nn import Unrolled
from microgrid.value import Value

from .theme import number, pretty

Drawable: TypeAlias = Value | Unrolled | Sequence[Value]


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a card with its gradient; `name` only where it needs one, such as ‖h‖."""

    value: float | None
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

    @property
    def steepest(self) -> float:
        """The largest finite |gradient| of all cards and panels: heat is relative to it."""
        cells = (cell for panel in self.panels for row in panel.rows for cell in row)
        return max(
            _largest(row.grad for card in self.cards for row in card.rows),
            _largest(cell.number for cell in cells if cell.kind == "grad"),
        )

    @property
    def strongest(self) -> float:
        """The largest finite |message|: the width of ribbons is relative to it."""
        return _largest(wire.message for wire in self.wires)


def _largest(numbers: Iterable[float | None]) -> float:
    return max((abs(x) for x in numbers if x is not None and math.isfinite(x)), default=0.0)


def picture(
    x: Drawable, title: str | None = None, captions: Sequence[str] | None = None
) -> Picture:
    """What is to be drawn of a Value, a list of Values or an Unrolled, card by card.

    captions: one per time step, printed beside "t = 1". TypeError for anything else.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> [card.name for card in picture(a * b).cards]
    ['a', 'b', '×']
    """
    run = x if isinstance(x, Unrolled) else None
    roots = _roots(x)
    found = _Scene(roots, run)
    swept = any(root.grad is not None for root in roots)
    result = Picture(title if title is not None else _title(x, roots), swept=swept)
    result.subtitle = "" if swept else "backward not run: there are no gradients yet"
    result.cards, result.wires = found.cards, found.wires
    steps = sorted({card.column for card in found.cards if card.framed})
    names = dict(zip(steps, captions or ()))
    result.columns = [Column(t, f"t = {t}", pretty(names.get(t, ""))) for t in steps]
    if swept and found.shared:
        result.panels.append(_shared_panel(found, steps))
    elif swept and not found.timed:
        result.panels += _uses_panel(found)
    return result


def _roots(x: Drawable) -> list[Value]:
    if isinstance(x, Value):
        return [x]
    if isinstance(x, Unrolled):
        if x.loss is not None:  # an output that no loss sees is not drawn
            return [x.loss]
        return [y for row in (*x.outputs, *x.states) for y in row]
    if isinstance(x, Iterable) and not isinstance(x, str | bytes):
        roots = list(x)
        if roots and all(isinstance(root, Value) for root in roots):
            return roots
    raise TypeError(f"viz draws a Value, a list of Values or an Unrolled, got {x!r:.200}")


def _title(x: Drawable, roots: Sequence[Value]) -> str:
    if isinstance(x, Unrolled):
        cell = x.model.cell
        kind = getattr(cell, "nonlinearity", "")
        kind = f" ({kind})" if kind else ""
        steps = "1 step" if len(x) == 1 else f"{len(x)} steps"
        (h, *more) = x.states[0]
        finding = "" if more or h.grad is None else f": dL/d{pretty(h.label)} = {number(h.grad)}"
        return f"{type(cell).__name__.removesuffix('Cell')}{kind} unrolled over {steps}{finding}"
    root = roots[0]
    name = pretty(root.label) or (root.op.name if root.op else "value")
    return f"{name} = {number(root.data)}" if len(roots) == 1 else f"{len(roots)} values"


_STEP = re.compile(r"(?:^|/)t=(\d+)(?=/|$)")


def step_of(scope: str) -> int | None:
    """The time step of a scope: 2 for "t=2/cell", None where it has none.

    >>> step_of("encoder/t=12/cell"), step_of("layer1")
    (12, None)
    """
    found = _STEP.search(scope)
    return int(found[1]) if found else None


def name_of(node: Value) -> str:
    """The name printed on a card: its label, else its operation."""
    return pretty(node.label) or (operation(node) if node.op else number(node.data))


def operation(node: Value) -> str:
    """The op of a node as a card shows it, its plain numbers included.

    >>> a = Value(3.0)
    >>> [operation(v) for v in (a**2, 1.0 - a, a.tanh())]
    ['( )²', '1 −', 'tanh']
    """
    if node.op is None:
        return ""
    symbol = node.op.symbol
    if node.consts is None or node.op.variadic:
        return symbol
    if node.op.name == "pow" and node.consts[1] is not None:
        exponent = number(node.consts[1])
        return "( )" + exponent.translate(_RAISED) if exponent.isdigit() else f"( )^{exponent}"
    left, right = (None if c is None else _bracketed(c) for c in node.consts)
    return f"{left} {symbol}" if right is None else f"{symbol} {right}"


def _bracketed(x: float) -> str:
    return f"({number(x)})" if x < 0.0 else number(x)


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def describe(node: Value) -> str:
    """A card in words: name, op, value, gradient, local derivatives, where it was made.

    >>> a = Value(2.0, label="a"); b = a * 3.0; b.backward()
    >>> print(describe(a))
    a: a leaf
    value 2.0
    gradient 3.0
    """
    kind = f"{node.op.name}({', '.join(_operands(node))})" if node.op else "a leaf"
    lines = [f"{name_of(node)}: {kind}", f"value {node.data!r}"]
    lines.append("backward not run" if node.grad is None else f"gradient {node.grad!r}")
    lines += [
        f"local derivative to {name_of(parent)}: {partial!r}"
        for parent, partial in list(zip(node.parents, node.partials))[:12]
    ]
    if node.scope:
        lines.append(f"made in {node.scope}")
    return "\n".join(lines)


def _operands(node: Value) -> Iterator[str]:
    operands = node.operands
    for x in operands[:12]:
        yield name_of(x) if isinstance(x, Value) else number(x)
    if len(operands) > 12:
        yield "…"


class _Scene:
    """Cards and wires of a graph at the scalar level."""

    def __init__(self, roots: Sequence[Value], run: Unrolled | None) -> None:
        self.order = creation_order(*roots)
        self.index = {node: i for i, node in enumerate(self.order)}
        self.roots = set(roots) if run is None or run.loss is not None else set()
        self.uses: dict[Value, list[Value]] = {node: [] for node in self.order}
        for node in self.order:
            for parent in node.parents:
                self.uses[parent].append(node)
        self.step = {node: step_of(node.scope) for node in self.order}
        self.timed = any(step is not None for step in self.step.values())
        self.column = self._columns()
        self.slot = self._slots()
        self.roles, self.given = _roles(run)
        self.initial = self._initial_states() if self.timed else set()
        self.shared: list[Value] = []
        self.cards: list[Card] = []
        self.wires: list[Wire] = []
        source = {node: self._place(node) for node in self.order}
        self.cards.sort(key=lambda card: _numbers(card.id))
        for node in self.order:
            for position, parent in enumerate(node.parents):
                self.wires.append(self._wire(node, position, source[parent](node, position)))

    def _columns(self) -> dict[Value, int]:
        """The time step of each node; what has none stands where its latest operand does."""
        column: dict[Value, int] = {}
        for node in self.order:
            step = self.step[node]
            if step is None:
                step = max((column[parent] for parent in node.parents), default=0)
            column[node] = step
        return column

    def _slots(self) -> dict[Value, str]:
        """What each node is in its column: scope and label without the step, op, and count."""
        slots: dict[Value, str] = {}
        seen: Counter[tuple[int, str]] = Counter()
        for node in self.order:
            scope = _STEP.sub("", node.scope)
            label = re.sub(r"_\d+", "", node.label)
            slot = f"{scope}|{label}|{node.op.name if node.op else ''}"
            key = (self.column[node], slot)
            slots[node] = f"{slot}|{seen[key]}"
            seen[key] += 1
        return slots

    def _initial_states(self) -> set[Value]:
        """Leaves that stand where other steps have the state of the step before."""
        carried = {
            (self.slot[node], position)
            for node in self.order
            for position, parent in enumerate(node.parents)
            if parent.parents and self.column[parent] != self.column[node] > 0
        }
        return {
            parent
            for node in self.order
            for position, parent in enumerate(node.parents)
            if not parent.parents
            and self.step[parent] is None
            and self.step[node] is not None
            and (self.slot[node], position) in carried
        }

    def _place(self, node: Value) -> Callable[[Value, int], str]:
        """Make the cards of a node; returns which of them feeds a given use."""
        if node.parents or node in self.initial or not self.uses[node]:
            return self._one_card(node)
        if node in self.given:
            return self._card_per_step(node)
        if self.timed and self.step[node] is None:
            return self._card_per_use(node)
        (child, *more) = self.uses[node]
        if more or (self.timed and not self._computed_here(child)):
            return self._one_card(node)
        return self._one_card(node, beside=child)

    def _computed_here(self, node: Value) -> bool:
        """Whether an operand of the node was computed in the node's own step."""
        return any(p.parents and self.column[p] == self.column[node] for p in node.parents)

    def _one_card(self, node: Value, beside: Value | None = None) -> Callable[[Value, int], str]:
        card = self._card(node, self._id(node), self.column[node])
        if beside is not None:
            card.beside = self._id(beside)
        self.cards.append(card)
        return lambda child, position: card.id

    def _card_per_step(self, node: Value) -> Callable[[Value, int], str]:
        """An input that several steps may share, such as the embedding of a letter."""
        steps = {self.column[child] for child in self.uses[node]}
        for step in sorted(steps):
            card = self._card(node, f"{self._id(node)}_{step}", step)
            place = self.given[node].get(step, 0)
            card.slot = f"given|{place}"
            if not card.name.startswith("x"):  # an embedding: x₁, and where it comes from
                card.name, card.op = pretty(f"x_{step}" + self._index(step, place)), card.name
            card.alias, card.framed = len(steps) > 1, True
            if card.alias:
                card.rows = (Row(node.data, _sum(self._messages(node, step))),)
            self.cards.append(card)
        if len(steps) > 1:
            self.shared.append(node)
        return lambda child, position: f"{self._id(node)}_{self.column[child]}"

    def _index(self, step: int, place: int) -> str:
        many = sum(step in steps for steps in self.given.values()) > 1
        return f"[{place}]" if many else ""

    def _card_per_use(self, node: Value) -> Callable[[Value, int], str]:
        """A dashed alias of a shared weight beside each node that uses it."""
        uses = self.uses[node]
        card_of: dict[tuple[Value, int], str] = {}
        for child in dict.fromkeys(uses):
            for position, parent in enumerate(child.parents):
                if parent is not node:
                    continue
                name = f"{self._id(node)}_{len(card_of)}"
                card = self._card(node, name, self.column[child])
                card.role = "parameter" if card.role == "leaf" else card.role
                card.alias, card.beside = len(uses) > 1, self._id(child)
                card.framed = self.step[child] is not None
                if card.alias:
                    card.rows = (Row(node.data, _message(child, position)),)
                card_of[child, position] = card.id
                self.cards.append(card)
        if len(uses) > 1:
            self.shared.append(node)
        return lambda child, position: card_of[child, position]

    def _card(self, node: Value, name: str, column: int) -> Card:
        role = self.roles.get(node) or ("op" if node.parents else "leaf")
        if node in self.roots:
            role = "total"
        shown, op = name_of(node), operation(node)
        return Card(
            id=name,
            role=role,
            name=shown,
            op="" if op == shown else op,
            rows=(Row(node.data, node.grad),),
            column=column,
            slot=self.slot[node],
            framed=self.step[node] is not None,
            tooltip=describe(node),
            nodes=(node,),
        )

    def _wire(self, node: Value, position: int, source: str) -> Wire:
        parent, target = node.parents[position], self._id(node)
        local, message = node.partials[position], _message(node, position)
        recurrent = self.timed and bool(parent.parents or parent in self.initial)
        lines = [f"local derivative d({name_of(node)})/d({name_of(parent)}) = {local!r}"]
        if message is not None:
            lines.append(f"message {node.grad!r} × {local!r} = {message!r}")
        return Wire(
            id=f"w{self.index[node]}_{position}",
            source=source,
            target=target,
            local=local,
            message=message,
            recurrent=recurrent
            and self.step[node] is not None
            and self.column[parent] != self.column[node],
            tooltip="\n".join(lines),
        )

    def _id(self, node: Value) -> str:
        return f"n{self.index[node]}"

    def _messages(self, leaf: Value, step: int) -> Iterator[float | None]:
        for child in dict.fromkeys(self.uses[leaf]):
            if self.column[child] == step:
                for position, parent in enumerate(child.parents):
                    if parent is leaf:
                        yield _message(child, position)

    def contribution(self, leaf: Value, step: int) -> float | None:
        """What one time step adds to the gradient of a shared leaf; None where it has no use."""
        return _sum(self._messages(leaf, step))


def _roles(run: Unrolled | None) -> tuple[dict[Value, str], dict[Value, dict[int, int]]]:
    """Role by Value, and for inputs their place in the input vector of each step."""
    roles: dict[Value, str] = {}
    given: dict[Value, dict[int, int]] = {}
    if run is None:
        return roles, given
    roles |= {y: "output" for row in run.outputs for y in row}
    roles |= {loss: "loss" for loss in run.losses if loss is not None and loss not in roles}
    roles |= {h: "state" for row in run.states for h in row}
    for step, row in enumerate(run.inputs, start=1):
        for i, x in enumerate(row):
            if not x.parents:
                given.setdefault(x, {})[step] = i
                roles[x] = "input"
    return roles, given


def _message(node: Value, position: int) -> float | None:
    return None if node.grad is None else node.grad * node.partials[position]


def _sum(messages: Iterable[float | None]) -> float | None:
    known = [x for x in messages if x is not None]
    return sum(known) if known else None


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.removeprefix("n").split("_"))


def _shared_panel(scene: _Scene, steps: Sequence[int]) -> Panel:
    """What each step adds to each shared weight."""
    parts = {leaf: [scene.contribution(leaf, t) for t in steps] for leaf in scene.shared}
    heads = [f"t = {t}" for t in steps]
    return sum_panel("Shared parameters: one gradient, summed over time", heads, parts)


def _uses_panel(scene: _Scene) -> list[Panel]:
    """What each use adds to the leaves that are used more than once, where these are few."""
    parts = {
        leaf: [
            _message(child, position)
            for child in dict.fromkeys(uses)
            for position, parent in enumerate(child.parents)
            if parent is leaf
        ]
        for leaf, uses in scene.uses.items()
        if leaf.label and not leaf.parents and len(uses) > 1
    }
    most = max(map(len, parts.values()), default=0)
    if not 0 < len(parts) <= 12 or most > 8:
        return []
    heads = [f"use {i}" for i in range(1, most + 1)]
    padded = {leaf: found + [None] * (most - len(found)) for leaf, found in parts.items()}
    return [sum_panel("One gradient, summed over its uses", heads, padded)]


def sum_panel(
    title: str, heads: Sequence[str], parts: Mapping[Value, Sequence[float | None]]
) -> Panel:
    """A heat cell for each part of a leaf's gradient, and the sum, which is `.grad`.

    Where earlier sweeps have left their share in it, a column says so.
    """
    rests = {leaf: _left_over(leaf, found) for leaf, found in parts.items()}
    earlier = any(rest is not None for rest in rests.values())
    head = ["", "value", *heads, *(["earlier sweeps"] if earlier else []), "dL/dw = Σ"]
    rows = [tuple(Cell("head", text) for text in head)]
    for leaf, found in parts.items():
        cells = [
            Cell("name", name_of(leaf), bold=True),
            Cell("value", number(leaf.data), leaf.data),
        ]
        cells += [grad_cell(part) for part in found]
        cells += [grad_cell(rests[leaf])] if earlier else []
        rows.append((*cells, grad_cell(leaf.grad, bold=True)))
    return Panel(title, tuple(rows))


def _left_over(leaf: Value, parts: Sequence[float | None]) -> float | None:
    """What `.grad` holds beyond the messages of the latest sweep, rounding apart."""
    if leaf.grad is None:
        return None
    total = _sum(parts) or 0.0
    rest = leaf.grad - total
    return rest if abs(rest) > 1e-9 * max(1.0, abs(leaf.grad), abs(total)) else None


def grad_cell(x: float | None, bold: bool = False) -> Cell:
    """A heat cell of a panel, empty for None."""
    return Cell("empty") if x is None else Cell("grad", number(x), x, bold)
