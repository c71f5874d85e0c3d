"""What the player's page needs to know: what is painted, and the history of every gradient
over the sweep, as plain data for one block of JSON.

Shapes, their places, and the words on them come from the same Drawing as every other format,
painted with the names of colours in place of colours, which the page's style sheet gives.
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

from ..drawing.drawing import Curve, Group, Rect, Shape, Text
from ..drawing.painter import paint
from ..layout.place import layout_of
from ..picture.build import Drawable, Options, Pictures, roots_of
from ..picture.model import Card, Cell, Panel, Picture, Row, Wire
from ..style.typography import number
from .history import History, Played
from .symbols import SYMBOLS

__all__ = ["playback"]

Data: TypeAlias = dict[str, Any]

PAD = 24.0  # around the picture
MOST_CARDS = 3000  # the page draws no more of them where a coarser level has fewer
LABELS = {"scalar": "Every operation", "cell": "Time steps"}
PAINTED = ("frame", "card", "wire")  # the page has its own title, panels and legend


def playback(x: Drawable, title: str | None, captions: Sequence[str] | None) -> Data:
    """Everything the page knows of x. What the title gives away waits for the sweep's end."""
    drawn = Pictures(x, Options(title, captions, "scalar"))
    sweep = Played(drawn.sweep, roots_of(x))
    pictures = {"scalar": drawn.played()}
    if pictures["scalar"].columns:
        pictures["cell"] = Pictures(x, Options(title, captions, "cell")).played()
    last = pictures.get("cell", pictures["scalar"])
    if len(pictures["scalar"].cards) > MOST_CARDS and "cell" in pictures:
        del pictures["scalar"]
    levels = {name: Level(picture, sweep) for name, picture in pictures.items()}
    first = next(iter(levels.values()))
    shared = shared_weights(first)
    return {
        "title": last.title,
        "finding": " ".join(filter(None, (last.finding and f"{last.finding}.", last.subtitle))),
        "seed": pair(sweep.seed),
        "last": sweep.last,
        "columns": [column.title for column in first.picture.columns],
        "shared": shared,
        "panels": [
            panel_data(panel, sweep)
            for panel in last.panels
            if not (shared and panel.kind == "shared")
        ],
        "levels": [level.data(name, LABELS[name]) for name, level in levels.items()],
    }


class Level:
    """One level of detail: its cards, wires and frames as shapes, with their histories.

    Attributes
    ----------
    picture, sweep : what is painted and played
    shared : the leaves that are drawn once per use, by their place in the order of creation
    sent : for every card the messages to it, (step, message) in the order of the sweep
    """

    def __init__(self, picture: Picture, sweep: Played) -> None:
        self.picture, self.sweep = picture, sweep
        drawing = paint(picture, layout_of(picture), SYMBOLS)
        self.groups = {group.id: group for group in drawing.groups if group.kind in PAINTED}
        self.index = {card.id: i for i, card in enumerate(picture.cards)}
        aliases = (card.nodes[0] for card in picture.cards if card.alias and len(card.nodes) == 1)
        self.shared = list(dict.fromkeys(aliases))
        self.messages = {wire.id: self._messages(wire) for wire in picture.wires}
        self.sent: dict[str, list[tuple[int, float]]] = {card.id: [] for card in picture.cards}
        for wire in picture.wires:
            self.sent[wire.source] += self.messages[wire.id]
        for messages in self.sent.values():
            messages.sort()
        self.frame = _extent(self.groups.values())

    def data(self, name: str, label: str) -> Data:
        """The level as the page reads it."""
        left, top, right, bottom = self.frame
        frames = [self.groups[f"t{column.index}"] for column in self.picture.columns]
        root = (i for i, card in enumerate(self.picture.cards) if self.picture.root in card.nodes)
        return {
            "name": name,
            "label": label,
            "width": round(right - left, 2),
            "height": round(bottom - top, 2),
            "root": next(root, None),
            "frames": [self._shapes(group.shapes) for group in frames],
            "cards": [self._card(card) for card in self.picture.cards],
            "wires": [self._wire(wire) for wire in self.picture.wires],
        }

    def _messages(self, wire: Wire) -> list[tuple[int, float]]:
        """(step, message) of every edge that a wire stands for."""
        found = (self.sweep.message(node, position) for node, position in wire.edges)
        return [message for message in found if message is not None]

    def _shapes(self, shapes: Iterable[Shape]) -> list[list[Any]]:
        left, top, _, _ = self.frame
        return [_written(shape, left, top) for shape in shapes]

    def _card(self, card: Card) -> Data:
        group = self.groups[card.id]
        box, *inner = group.shapes
        assert isinstance(box, Rect)
        named = bool(card.names)
        return {
            "id": card.id,
            "role": card.role,
            "alias": card.alias,
            "name": card.name,
            "short": next(s.plain for s in inner if isinstance(s, Text) and s.kind == "name"),
            "named": named or card.operation is None,
            "op": card.op,
            "formula": card.formula,
            "scope": card.scope,
            "note": card.note,
            "shared": self.shared.index(card.nodes[0]) if self._is_shared(card) else None,
            "order": card.order,
            "x": round(box.x - self.frame[0], 1),
            "y": round(box.y - self.frame[1], 1),
            "width": round(box.w, 1),
            "height": round(box.h, 1),
            "shapes": self._shapes(inner),
            "rows": [
                {"name": _row_name(row), "value": pair(row.value), "history": history}
                for row, history in zip(card.rows, self._histories(card, group))
            ],
        }

    def _is_shared(self, card: Card) -> bool:
        return len(card.nodes) == 1 and card.nodes[0] in self.shared

    def _histories(self, card: Card, group: Group) -> Iterator[list[list[Any]]]:
        sweep, sent = self.sweep, self.sent[card.id]
        heat = [s for s in group.shapes if isinstance(s, Rect) and s.kind == "heat"]
        room = heat[0].w - 6.0 if heat else math.inf
        if card.alias and len(card.nodes) == 1:
            yield sweep.written(running(sent), room)
            return
        ends = [history[-1][0] for node in card.nodes if (history := sweep.history(node))]
        complete = max((step for step, _ in sent), default=min(ends, default=0))
        for row in card.rows:
            if row.node is not None:
                yield sweep.written(sweep.history(row.node), room)
            else:  # a norm is known when the last of its messages has come
                yield sweep.written([] if row.grad is None else [(complete, row.grad)], room)

    def _wire(self, wire: Wire) -> Data:
        messages, shapes = self.messages[wire.id], self.groups[wire.id].shapes
        ribbon = [s for s in shapes if isinstance(s, Curve) and s.kind == "ribbon"]
        return {
            "source": self.index[wire.source],
            "target": self.index[wire.target],
            "step": max((step for step, _ in messages), default=None),
            "recurrent": wire.recurrent and wire.look != "cut",
            "cut": wire.look == "cut",
            "gain": wire.kind == "gain",
            "ribbon": [ribbon[0].width, ribbon[0].dashes] if ribbon else None,
            "shapes": self._shapes(s for s in shapes if s not in ribbon),
            "local": None if wire.local is None else pair(wire.local),
            "upstream": _upstream(wire),
            "message": None if wire.message is None or not messages else pair(wire.message),
        }


def _written(shape: Shape, left: float, top: float) -> list[Any]:
    """A shape as the page reads it: its sort, its kind, and numbers from the upper left corner.

    ["r", kind, x, y, width, height, radius, fill], ["t", kind, x, y, size, anchor, words] with
    words [text, colour, bold], ["c", kind, width, dashes, points, head].
    """
    if isinstance(shape, Rect):
        x, y = round(shape.x - left, 1), round(shape.y - top, 1)
        size = round(shape.w, 1), round(shape.h, 1)
        return ["r", shape.kind, x, y, *size, shape.radius, shape.fill]
    if isinstance(shape, Text):
        x, y = round(shape.x - left, 1), round(shape.y - top, 1)
        words = [[word.text, word.colour, word.bold] for word in shape.words if word.text]
        return ["t", shape.kind, x, y, shape.size, shape.anchor, words]

    def moved(points: Iterable[tuple[float, float]]) -> list[float]:
        return [c for x, y in points for c in (round(x - left, 1), round(y - top, 1))]

    head = moved(shape.head) if shape.head else []
    return ["c", shape.kind, shape.width, shape.dashes, moved(shape.points), head]


def _extent(groups: Iterable[Group]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of everything painted, and some room around it."""
    xs, ys = [], []
    for group in groups:
        for shape in group.shapes:
            if isinstance(shape, Rect):
                xs += [shape.x, shape.x + shape.w]
                ys += [shape.y, shape.y + shape.h]
            elif isinstance(shape, Curve):
                xs += [x for x, _ in shape.points]
                ys += [y for _, y in shape.points]
    return min(xs) - PAD, min(ys) - PAD, max(xs) + PAD, max(ys) + PAD


def _row_name(row: Row) -> str:
    name = "" if row.name is None else str(row.name)
    return f"‖{name or '·'}‖" if row.norm else name


def _upstream(wire: Wire) -> list[str] | None:
    """The gradient that times the number on the wire is its message, where that holds."""
    if wire.upstream is None or wire.local is None or wire.message is None:
        return None
    product = wire.upstream * wire.local
    same = math.isclose(product, wire.message, rel_tol=1e-9) or repr(product) == repr(wire.message)
    return pair(wire.upstream) if same else None


def pair(x: float) -> list[str]:
    """A number as the page reads it.

    >>> pair(-0.25)
    ['-0.25', '−0.250']
    """
    return [repr(x), number(x)]


def shared_weights(level: Level) -> list[Data]:
    """For every shared weight what each time step adds to its gradient, and the sum so far."""
    columns = [column.index for column in level.picture.columns]
    sent: dict[int, dict[int, list[tuple[int, float]]]]
    sent = {leaf: defaultdict(list) for leaf in level.shared}
    names: dict[int, str] = {}
    for card in level.picture.cards:
        if card.alias and len(card.nodes) == 1:
            shown = card.embedding or (card.names[0] if card.names else None)
            names[card.nodes[0]] = card.name if shown is None else str(shown)
            sent[card.nodes[0]][card.column] += level.sent[card.id]
    written = level.sweep.written
    return [
        {
            "name": names[leaf],
            "parts": [written(running(parts[column])) for column in columns],
            "sum": written(level.sweep.history(leaf)),
        }
        for leaf, parts in sent.items()
    ]


def running(messages: Iterable[tuple[int, float]]) -> History:
    """Messages in the order of the sweep, each added to those before it.

    >>> running([(7, 0.5), (3, 1.0)])
    [(3, 1.0), (7, 1.5)]
    """
    steps = sorted(messages, key=lambda item: item[0])
    return list(zip((step for step, _ in steps), accumulate(x for _, x in steps)))


def _heat(cell: Cell, sweep: Played) -> str:
    """The colours of a cell: those of its gradient; of a value only if it is none."""
    if cell.number is None or (cell.kind == "value" and math.isfinite(cell.number)):
        return ""
    return sweep.heat(cell.number)


def panel_data(panel: Panel, sweep: Played) -> Data:
    """A table that can be read when the sweep is over."""
    rows = [
        [
            {
                "text": "" if panel.compact and cell.kind == "grad" else cell.shown,
                "kind": cell.kind,
                "heat": _heat(cell, sweep),
            }
            for cell in row
        ]
        for row in panel.rows
    ]
    return {"title": panel.title, "note": panel.note, "rows": rows}
