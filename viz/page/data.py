"""What the player's page needs to know: pictures with positions, and the history of every
gradient over the sweep, as plain data for one block of JSON.

A number is a pair [Python's repr, as it is shown]. A history is a list of
[step, repr, as shown, heat]: the gradient from the message of that step on. Step k is the
state after k messages.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

from microgrid.sweep import Message
from microgrid.value import Value

from ..layout.place import Layout, Point, around, layout_of
from ..picture.build import Drawable, Options, Pictures
from ..picture.model import Card, Panel, Picture, Row, Wire
from ..picture.reading import name_of, operation
from ..style.theme import fit, number, pretty, text_width
from .history import Played

Data: TypeAlias = dict[str, Any]

PAD = 24.0  # around the picture
MOST_CARDS = 3000  # the page draws no more of them where a coarser level has fewer
LABELS = {"scalar": "Every operation", "cell": "Time steps"}


class Level:
    """One level of detail: its cards, wires and frames with their places and histories.

    Attributes
    ----------
    shared : the leaves that are drawn once per use
    sent : for every card the events of the wires that leave it, in the order of the sweep
    """

    def __init__(self, picture: Picture, sweep: Played) -> None:
        place: Layout = layout_of(picture)
        self.picture, self.sweep, self.place = picture, sweep, place
        self.card = {card.id: card for card in picture.cards}
        self.index = {card.id: i for i, card in enumerate(picture.cards)}
        self.shared = list(
            dict.fromkeys(c.nodes[0] for c in picture.cards if c.alias and len(c.nodes) == 1)
        )
        self.events = self._events()
        self.sent = self._sent()
        ends = [point for path in place.wires.values() for point in path.curve]
        boxes = around([*place.cards.values(), *place.frames.values()])
        self.left = min([boxes.left, *(x for x, _ in ends)]) - PAD
        self.top = max([boxes.top, *(y for _, y in ends)]) + PAD
        self.right = max([boxes.right, *(x for x, _ in ends)]) + PAD
        self.bottom = min([boxes.bottom, *(y for _, y in ends)]) - PAD

    def data(self, name: str, label: str) -> Data:
        """The level as the page reads it."""
        return {
            "name": name,
            "label": label,
            "width": round(self.right - self.left, 2),
            "height": round(self.top - self.bottom, 2),
            "root": self._root(),
            "frames": [self._frame(i) for i in range(len(self.picture.columns))],
            "cards": [self._card(card) for card in self.picture.cards],
            "wires": [self._wire(wire) for wire in self.picture.wires],
        }

    def _events(self) -> dict[str, tuple[int, Message]]:
        """The event of every wire: where several make it up, the last one."""
        found: dict[tuple[tuple[Value, ...], str], list[tuple[int, Message]]] = defaultdict(list)
        owners: dict[Value, list[str]] = defaultdict(list)
        for card in self.picture.cards:
            for node in card.nodes:
                owners[node].append(card.id)
        for step, event in enumerate(self.sweep.messages, start=1):
            sources = dict.fromkeys(self.card[name].nodes for name in owners[event.parent])
            for target in owners[event.node]:
                for nodes in sources:
                    found[nodes, target].append((step, event))
        wires: dict[tuple[tuple[Value, ...], str], list[Wire]] = defaultdict(list)
        for wire in self.picture.wires:
            wires[self.card[wire.source].nodes, wire.target].append(wire)
        event_of: dict[str, tuple[int, Message]] = {}
        for pair, group in wires.items():
            events = found.get(pair)
            if events:
                several = events if len(events) == len(group) else events[-1:] * len(group)
                event_of.update({wire.id: event for wire, event in zip(group, several)})
        return event_of

    def _sent(self) -> dict[str, list[tuple[int, Message]]]:
        sent: dict[str, list[tuple[int, Message]]] = {card.id: [] for card in self.picture.cards}
        for wire in self.picture.wires:
            if wire.id in self.events:
                sent[wire.source].append(self.events[wire.id])
        for events in sent.values():
            events.sort(key=lambda item: item[0])
        return sent

    def _root(self) -> int | None:
        for i, card in enumerate(self.picture.cards):
            if self.sweep.root is not None and self.sweep.root in card.nodes:
                return i
        return None

    # Geometry: the layout's y grows upwards, the page's downwards.

    def _at(self, point: Point) -> list[float]:
        return [round(point[0] - self.left, 1), round(self.top - point[1], 1)]

    def _frame(self, i: int) -> Data:
        column = self.picture.columns[i]
        box = self.place.frames[column.index]
        x, y = self._at((box.left, box.top))
        title = f"{column.title}   {column.caption}" if column.caption else column.title
        return {"x": x, "y": y, "width": round(box.w, 1), "height": round(box.h, 1), "title": title}

    def _card(self, card: Card) -> Data:
        box = self.place.cards[card.id]
        x, y = self._at((box.left, box.top))
        node = card.nodes[0] if len(card.nodes) == 1 else None
        room = box.w * 0.42 if box.h < 30 else box.w - 26.0 - text_width(card.op, 12.0)
        return {
            "id": card.id,
            "role": card.role,
            "alias": card.alias,
            "name": card.name,
            "short": fit(card.name, 13.0, room, bold=True),
            "named": node is None or bool(node.label),
            "op": card.op,
            "formula": formula(node) if node is not None and node.op else "",
            "scope": node.scope if node is not None else "",
            "note": card.note,
            "shared": self.shared.index(card.nodes[0]) if card.nodes[0] in self.shared else None,
            "order": max(node.serial for node in card.nodes) if card.nodes else 0,
            "x": x,
            "y": y,
            "width": round(box.w, 1),
            "height": round(box.h, 1),
            "rows": [
                {
                    "name": row.name,
                    "value": None if row.value is None else pair(row.value),
                    "history": history,
                }
                for row, history in zip(card.rows, self._histories(card))
            ],
        }

    def _histories(self, card: Card) -> Iterator[list[list[Any]]]:
        sweep, sent = self.sweep, self.sent[card.id]
        if card.alias and len(card.nodes) == 1:
            yield sweep.written(running([(step, event.message) for step, event in sent]))
            return
        steps = [h[-1][0] for node in card.nodes if (h := sweep.of_node(node))]
        complete = max((step for step, _ in sent), default=min(steps, default=0))
        for row in card.rows:
            node = self._node_of(row, card)
            if node is not None:
                yield sweep.written(sweep.of_node(node))
            else:  # a norm is known when the last of its messages has come
                yield sweep.written([] if row.grad is None else [(complete, row.grad)])

    def _node_of(self, row: Row, card: Card) -> Value | None:
        """The Value whose number a row shows; None for a norm."""
        if row.name:
            return None
        if len(card.nodes) == 1:
            return card.nodes[0]
        last = {
            node: history[-1][1] for node in card.nodes if (history := self.sweep.of_node(node))
        }
        shown = ((node.data, last.get(node)) for node in card.nodes)
        return next((n for n, x in zip(card.nodes, shown) if x == (row.value, row.grad)), None)

    def _wire(self, wire: Wire) -> Data:
        path = self.place.wires[wire.id]
        step, event = self.events.get(wire.id, (None, None))
        message = wire.message
        if message is None and event is not None:
            message = event.message
        upstream = self._upstream(wire, message)
        local, sent = self._labels(wire, message)
        return {
            "source": self.index[wire.source],
            "target": self.index[wire.target],
            "step": step,
            "recurrent": wire.recurrent,
            "points": [x for point in path.curve for x in self._at(point)],
            "rising": path.rising,
            "ribbon": self._ribbon(message),
            "local": None if wire.local is None else pair(wire.local),
            "upstream": None if upstream is None else pair(upstream),
            "message": None if message is None or step is None else pair(message),
            "localAt": local,
            "messageAt": sent,
        }

    def _upstream(self, wire: Wire, message: float | None) -> float | None:
        """The gradient that times the local derivative is the message; None between vectors."""
        rows = self.card[wire.target].rows
        if len(rows) != 1 or wire.local is None or message is None or rows[0].grad is None:
            return None
        product = rows[0].grad * wire.local
        same = math.isclose(product, message, rel_tol=1e-9) or repr(product) == repr(message)
        return rows[0].grad if same else None

    def _ribbon(self, message: float | None) -> float:
        if not message or math.isnan(message):
            return 0.0
        share = min(1.0, abs(message) / self.picture.strongest) if self.picture.strongest else 1.0
        return round(2.4 + 10.0 * share, 1)

    def _labels(self, wire: Wire, message: float | None) -> tuple[list[Any], list[Any]]:
        """Where the local derivative and the message stand: x, y, anchor."""
        path = self.place.wires[wire.id]
        x, y = self._at(path.label)
        if path.rising:
            anchor = "start" if path.side > 0 else "end"
            x += 9.0 * path.side
            return [x, y - 3.0, anchor], [x, y + 10.0, anchor]
        if not self.place.dense:
            return [x, y - 6.0, "middle"], [x, y + 14.0, "middle"]
        local = "" if wire.local is None else f"×{number(wire.local)}"
        sent = "" if message is None else f"← {number(message)}"
        width = text_width(f"{local}   {sent}", 10.0)
        return [x - width / 2, y - 4.0, "start"], [x + width / 2, y - 4.0, "end"]


def pair(x: float) -> list[str]:
    """A number as the page reads it.

    >>> pair(-0.25)
    ['-0.25', '−0.250']
    """
    return [repr(x), number(x)]


_INFIX = {"add": " + ", "sub": " − ", "mul": " × ", "div": " ÷ ", "sum": " + "}


def formula(node: Value) -> str:
    """How a node was computed, in one line.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x_1")
    >>> formula(w * x), formula((w * x).tanh()), formula(w**2)
    ('w × x₁', 'tanh(×)', 'w²')
    """
    assert node.op is not None
    names = [name_of(x) if isinstance(x, Value) else number(x) for x in node.operands[:40]]
    if node.op.name == "dot":
        half = len(node.operands) // 2
        every = [name_of(x) if isinstance(x, Value) else number(x) for x in node.operands]
        names = [f"{a}·{b}" for a, b in zip(every[:half], every[half:])]
        return _joined(names, " + ")
    if node.op.name in _INFIX:
        return _joined(names, _INFIX[node.op.name])
    if node.op.name == "pow":
        shape = operation(node)
        return shape.replace("( )", names[0], 1) if "( )" in shape else f"{names[0]}^{names[1]}"
    return f"{pretty(node.op.name)}({_joined(names, ', ')})"


def _joined(names: Sequence[str], by: str) -> str:
    short = [name if len(name) <= 60 else f"{name[:59]}…" for name in names[:8]]
    return by.join([*short, "…"] if len(names) > 8 else short)


def shared_weights(scene: Level) -> list[Data]:
    """For every shared weight what each time step adds to its gradient, and the sum so far."""
    columns = [column.index for column in scene.picture.columns]
    sent: dict[Value, dict[int, list[tuple[int, float]]]] = {
        leaf: defaultdict(list) for leaf in scene.shared
    }
    for card in scene.picture.cards:
        if card.alias and len(card.nodes) == 1:
            by_step = sent[card.nodes[0]][card.column]
            by_step += [(step, event.message) for step, event in scene.sent[card.id]]
    return [
        {
            "name": name_of(leaf),
            "parts": [scene.sweep.written(running(parts[column])) for column in columns],
            "sum": scene.sweep.written(scene.sweep.of_node(leaf)),
        }
        for leaf, parts in sent.items()
    ]


def running(messages: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """Messages in the order of the sweep, each added to those before it.

    >>> running([(7, 0.5), (3, 1.0)])
    [(3, 1.0), (7, 1.5)]
    """
    steps = sorted(messages, key=lambda item: item[0])
    return list(zip((step for step, _ in steps), accumulate(x for _, x in steps)))


def playback(x: Drawable, title: str | None, captions: Sequence[str] | None) -> Data:
    """Everything the page knows of x. What the title gives away waits for the sweep's end."""
    pictures = {"scalar": Pictures(x, Options(title, captions, "scalar"))}
    sweep = Played(pictures["scalar"].sweep)
    scenes = {"scalar": pictures["scalar"].played()}
    if scenes["scalar"].columns:
        scenes["cell"] = Pictures(x, Options(title, captions, "cell")).played()
    if len(scenes["scalar"].cards) > MOST_CARDS and "cell" in scenes:
        del scenes["scalar"]
    levels = {name: Level(scene, sweep) for name, scene in scenes.items()}
    first = next(iter(levels.values()))
    last = scenes["cell" if "cell" in scenes else "scalar"]
    name, _, finding = last.title.partition(": ") if title is None else (title, "", "")
    return {
        "title": name,
        "finding": ". ".join(filter(None, (finding, last.subtitle))),
        "seed": pair(sweep.seed),
        "last": len(sweep.messages),
        "columns": [column.title for column in first.picture.columns],
        "shared": shared_weights(first),
        "panels": [
            panel_data(panel, sweep)
            for panel in last.panels
            if not (first.shared and panel.title.startswith("Shared"))
        ],
        "levels": [level.data(name, LABELS[name]) for name, level in levels.items()],
    }


def panel_data(panel: Panel, sweep: Played) -> Data:
    """A table that can be read when the sweep is over."""
    cells = [
        [
            {
                "text": cell.text,
                "kind": cell.kind,
                "heat": ""
                if cell.number is None or cell.kind != "grad"
                else sweep.heat(cell.number),
            }
            for cell in row
        ]
        for row in panel.rows
    ]
    return {"title": panel.title, "note": panel.note, "rows": cells}
