"""What the player's page needs to know: what is painted, and how every number on it follows from
the graph, as plain data for one block of JSON.

Shapes, their places, and the words on them come from the same Drawing as every other format,
painted with the names of colours in place of colours, which the page's style sheet gives. Numbers
are sources (`Graph.source`), which the page computes itself, before and after a leaf has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from microgrid.graph import formula, graph_of
from microgrid.quantity import gradient, message, total
from microgrid.sweep import Sweep
from microgrid.value import Value, creation_order

from ..drawing.drawing import Curve, Group, Rect, Shape, Text
from ..drawing.painter import paint
from ..layout.place import layout_of
from ..picture.build import Drawable, Options, Pictures, roots_of
from ..picture.model import Card, Panel, Picture, Row, Wire
from ..picture.naming import name_of
from ..picture.sentence import Said, Sentence
from ..style.typography import number, text_width
from .graph import Graph, number_data
from .live import exercise_data, guards_of_graph, knobs, names, reach, weights
from .symbols import SYMBOLS

__all__ = ["Data", "playback"]

Data: TypeAlias = dict[str, Any]

_PAD = 24.0  # around the picture
_MOST_CARDS = 3000  # the page draws no more of them where a coarser level has fewer
_LABELS = {
    "scalar": "Every operation", "gate": "Gates", "neuron": "Neurons", "vector": "Vectors",
    "cell": "Time steps", "scope": "Parts",
}  # fmt: skip
_PAINTED = ("frame", "card", "wire")  # the page has its own title, panels and legend


def playback(
    x: Drawable, title: str | None, captions: Sequence[str] | None, live: bool = True
) -> tuple[Data, str]:
    """Everything the page knows of x, and the rows of the op table that it needs, in JavaScript.

    What the title gives away waits for the sweep's end.
    """
    x = graph_of(x)
    drawn = Pictures(x, Options(title, captions, "scalar"))
    roots = roots_of(x)
    guards = guards_of_graph(roots)
    graph = Graph([*roots, *(v for g in guards for v in g.values)], drawn.sweep)
    order = creation_order(*roots)
    opening = Pictures(x, Options(title, captions)).level
    pictures = _pictures(x, drawn, opening, title, captions)
    levels = {name: _Level(picture, graph, order) for name, picture in pictures.items()}
    finest, coarsest = next(iter(levels.values())), list(pictures.values())[-1]
    shared = _shared(finest, drawn.sweep, drawn.told_apart())
    data = {
        "title": _sentence(coarsest.title, graph),
        "finding": _sentence(coarsest.finding, graph),
        "subtitle": _sentence(coarsest.subtitle, graph),
        "graph": graph.data(),
        "guards": graph.guards(guards),
        "live": live,
        "columns": [column.title for column in finest.picture.columns],
        "shared": shared,
        "panels": [
            _panel(panel, graph)
            for panel in coarsest.panels
            if not (shared and panel.kind == "shared")
        ],
        "levels": [level.data(name, _LABELS[name]) for name, level in levels.items()],
        "opening": opening,
        "knobs": knobs(x, graph) if live else [],
        "weights": weights(x, graph) if live else None,
        "names": names(graph),
        "reach": reach(x, graph),
        "exercise": exercise_data(graph),
    }
    return data, graph.script()


def _pictures(
    x: Drawable, scalar: Pictures, opening: str, title: str | None, captions: Sequence[str] | None
) -> dict[str, Picture]:
    """A picture for every level that says something of its own, the finest first.

    opening : the level that the page begins with, which is always there
    """
    found = {"scalar": scalar.played()}
    for name in sorted({*scalar.levels(), opening} - {"scalar"}, key=list(_LABELS).index):
        picture = Pictures(x, Options(title, captions, name)).played()
        fewer = 0 < len(picture.cards) < len(next(reversed(found.values())).cards)
        if fewer or name == opening:
            found[name] = picture
    if len(found["scalar"].cards) > _MOST_CARDS and len(found) > 1:
        del found["scalar"]
    return dict(sorted(found.items(), key=lambda level: -len(level[1].cards)))


class _Level:
    """One level of detail: its cards, wires and frames as shapes, and where numbers come from.

    Attributes
    ----------
    picture, graph : what is painted, and what its numbers follow from
    order : the nodes that the picture calls by their place
    shared : the leaves that are drawn once per use, by their place in the order of creation
    """

    def __init__(self, picture: Picture, graph: Graph, order: Sequence[Value]) -> None:
        self.picture, self.graph, self.order = picture, graph, order
        drawing = paint(picture, layout_of(picture), SYMBOLS)
        self.groups = {group.id: group for group in drawing.groups if group.kind in _PAINTED}
        self.index = {card.id: i for i, card in enumerate(picture.cards)}
        aliases = (card.nodes[0] for card in picture.cards if card.alias and len(card.nodes) == 1)
        self.shared = {place: i for i, place in enumerate(dict.fromkeys(aliases))}
        self.frame = _extent(self.groups.values())

    def data(self, name: str, label: str) -> Data:
        """The level as the page reads it."""
        left, top, right, bottom = self.frame
        frames = [group for group in self.groups.values() if group.kind == "frame"]
        root = (i for i, card in enumerate(self.picture.cards) if self.picture.root in card.nodes)
        return {
            "name": name,
            "label": label,
            "width": round(right - left, 2),
            "height": round(bottom - top, 2),
            "root": next(root, None),
            "frames": [self._shapes(group.shapes) for group in frames],
            "cards": [self._card(card, name) for card in self.picture.cards],
            "wires": [self._wire(wire) for wire in self.picture.wires],
        }

    def _shapes(self, shapes: Iterable[Shape]) -> list[list[Any]]:
        left, top, _, _ = self.frame
        return [_written(shape, left, top) for shape in shapes]

    def _source(self, x: float | None) -> Any:
        return None if x is None else self.graph.source(x)

    def _card(self, card: Card, level: str) -> Data:
        box, *inner = self.groups[card.id].shapes
        assert isinstance(box, Rect)
        texts = [s for s in inner if isinstance(s, Text) and s.kind == "value"]
        heats = [s for s in inner if isinstance(s, Rect) and s.kind == "heat"]
        return {
            "id": card.id,
            "role": card.role,
            "alias": card.alias,
            "name": card.name,
            "short": next(s.plain for s in inner if isinstance(s, Text) and s.kind == "name"),
            "named": bool(card.names) or card.operation is None,
            "op": card.op,
            "formula": self._formula(card) if level == "scalar" else "",
            "scope": card.scope,
            "note": card.note,
            "node": self._place(card),
            "column": card.column,
            "shared": self.shared[card.nodes[0]] if self._is_shared(card) else None,
            "order": card.order,
            "x": round(box.x - self.frame[0], 1),
            "y": round(box.y - self.frame[1], 1),
            "width": round(box.w, 1),
            "height": round(box.h, 1),
            "shapes": self._shapes(s for s in inner if s.kind != "bad"),
            "rows": [
                self._row(row, texts[i : i + 1], heats[i : i + 1])
                for i, row in enumerate(card.rows)
            ],
        }

    def _place(self, card: Card) -> int | None:
        """The place in the page's graph of a card's only node."""
        return self.graph.index[self.order[card.nodes[0]]] if len(card.nodes) == 1 else None

    def _formula(self, card: Card) -> str:
        """How the card's only Value was computed, in one line."""
        return formula(self.order[card.nodes[0]], name_of, number)

    def _is_shared(self, card: Card) -> bool:
        return len(card.nodes) == 1 and card.nodes[0] in self.shared

    def _row(self, row: Row, text: Sequence[Text], heat: Sequence[Rect]) -> Data:
        """A number with its gradient, and how wide the places are in which they are written."""
        bars = "‖" if row.norm else ""
        room = 0.0
        if text and heat:
            *name, _ = (word.text for word in text[0].words)
            taken = text_width("".join(name) + 2 * bars, text[0].size)
            room = round(heat[0].x - 4.0 - text[0].x - taken, 2)
        return {
            "name": _row_name(row),
            "bars": bars,
            "value": self._source(row.value),
            "grad": self._source(row.grad),
            "room": [room, round(heat[0].w - 6.0, 2) if heat else 0.0],
            "size": text[0].size if text else 11.0,
        }

    def _wire(self, wire: Wire) -> Data:
        shapes = [s for s in self.groups[wire.id].shapes if s.kind not in ("ribbon", "bad")]
        texts = {s.kind: s.plain for s in shapes if isinstance(s, Text)}
        order, weight = self.order, wire.weight
        figures = (wire.local, wire.message) if weight is None else (weight.value, weight.grad)
        return {
            "source": self.index[wire.source],
            "target": self.index[wire.target],
            "edges": [self.graph.edge[order[node], i] for node, i in wire.edges],
            "recurrent": wire.recurrent and wire.look != "cut",
            "cut": wire.look == "cut",
            "gain": wire.kind == "gain",
            "shapes": self._shapes(shapes),
            "before": [
                _before(texts.get(kind), x) for kind, x in zip(("local", "message"), figures)
            ],
            "said": [self._source(x) for x in figures],
            "local": self._source(wire.local),
            "upstream": self._source(wire.upstream),
            "message": self._source(wire.message),
        }  # fmt: skip


def _before(text: str | None, x: float | None) -> str:
    """What stands before the number in a label: "×", "← "."""
    return "" if text is None or x is None else text.removesuffix(number(x))


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
    return min(xs) - _PAD, min(ys) - _PAD, max(xs) + _PAD, max(ys) + _PAD


def _row_name(row: Row) -> str:
    name = "" if row.name is None else str(row.name)
    return f"‖{name or '·'}‖" if row.norm else name


def _shared(level: _Level, sweep: Sweep | None, apart: Mapping[Value, str]) -> list[Data]:
    """For every shared weight what each time step adds to its gradient, and the sum."""
    if sweep is None:
        return []
    columns = [column.index for column in level.picture.columns]
    graph, order, found = level.graph, level.order, []
    for leaf in level.shared:
        cards = [card for card in level.picture.cards if card.alias and card.nodes[0] == leaf]
        shown = str(cards[0].embedding or cards[0].name)
        parts: dict[int, list[float]] = {column: [] for column in columns}
        uses = {card.id: card.column for card in cards}
        for wire in level.picture.wires:
            for node, position in wire.edges if wire.source in uses else ():
                sent = message(sweep, order[node], position)
                if sent is not None and uses[wire.source] in parts:
                    parts[uses[wire.source]].append(sent)
        whole = gradient(sweep, order[leaf])
        found.append(
            {
                "name": shown + apart.get(order[leaf], ""),
                "parts": [graph.source(total(p)) if p else None for p in parts.values()],
                "sum": None if whole is None else graph.source(whole),
            }
        )
    return found


def _panel(panel: Panel, graph: Graph) -> Data:
    """A table that can be read when the sweep is over."""
    rows = [
        [
            {
                "kind": cell.kind,
                "text": cell.text,
                "number": None if cell.number is None else graph.source(cell.number),
                "mute": panel.compact and cell.kind == "grad",
            }
            for cell in row
        ]
        for row in panel.rows
    ]
    return {"title": panel.title, "note": panel.note, "rows": rows}


def _sentence(text: str, graph: Graph) -> Data:
    """A sentence by its cases; a plain text has one."""
    if not isinstance(text, Sentence):
        return {"about": None, "cases": [[None, None, [text]]]}
    cases = [
        [
            number_data(case.low),
            number_data(case.high),
            [[graph.source(w.number), w.how] if isinstance(w, Said) else w for w in case.words],
        ]
        for case in text.cases
    ]
    return {"about": None if text.about is None else graph.source(text.about), "cases": cases}
