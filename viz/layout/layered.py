"""A graph without time, from left to right: leaves first, the result last, no wire turns back.

The work is done by `ranks.py` (columns), `crossings.py` (order) and `spacing.py` (places);
here cards and wires become the items of a ladder, and its places become boxes and curves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from ..picture.model import Card, Picture, Wire
from .crossings import reduce
from .geometry import PAGE, Box, Layout, Path, Point, straight, tipped
from .lines import cut_columns, in_lines, shifted
from .ranks import Ladder, ladder, ranks
from .sizes import SLIM, card_height, card_width, label_width
from .spacing import spread

__all__ = ["layered"]

_MOST_LABELLED = 400  # cards; beyond, cards are slim and labels stand in the tooltips alone
_MOST_CROWDED = 60  # wires; beyond, where there are twice as many as cards, none has a label
_FAN = 26.0  # where the rows of a card bend towards it
_TIP = 8.0  # the last, straight piece of a wire
_STEEP = 0.16  # room for the bends between two columns, by how far they climb


@dataclass(frozen=True, slots=True)
class _Style:
    """Lengths that depend on how crowded the picture is."""

    slim: bool
    labelled: bool
    row: float  # between two wires that arrive at a card
    gap: float  # between two cards
    stone: float  # room for a wire that passes
    bend: tuple[float, float]  # least and most room for bends between two columns


_SPACIOUS = _Style(slim=False, labelled=True, row=38.0, gap=18.0, stone=22.0, bend=(28.0, 150.0))
_CLOSER = (16.0, 90.0)  # bends where the page is a little too narrow
_CROWDED = _Style(slim=False, labelled=False, row=7.0, gap=16.0, stone=10.0, bend=(110.0, 170.0))
_TINY = _Style(slim=True, labelled=False, row=6.0, gap=5.0, stone=3.0, bend=(60.0, 200.0))


def layered(picture: Picture) -> Layout:
    """The places of a picture's cards and wires, from left to right."""
    style = _style(picture)
    number = {card.id: i for i, card in enumerate(picture.cards)}
    wires = [wire for wire in picture.wires if wire.source != wire.target]
    edges = [(number[wire.source], number[wire.target]) for wire in wires]
    rank = ranks(len(number), edges)

    def placed(rank: Sequence[int], style: _Style) -> _Columns:
        places = ladder(rank, edges, _first_order(len(number), edges))
        reduce(places, {i for i, card in enumerate(picture.cards) if card.role == "bias"})
        return _Columns(picture, wires, edges, places, style)

    columns = placed(rank, style)
    if style is _SPACIOUS and columns.right[-1] > PAGE:
        close = columns.closer()
        if close.right[-1] <= PAGE:
            return close.layout()
        cuts = cut_columns(columns.ladder, columns.left, columns.right, PAGE)
        if cuts:
            return _in_lines(placed(shifted(rank, cuts), style), cuts)
    return columns.layout()


def _in_lines(columns: _Columns, cuts: Sequence[int]) -> Layout:
    """The layout folded behind the columns that `cuts` were before their stones came in."""
    ladder, result = columns.ladder, columns.layout()
    number = {card.id: i for i, card in enumerate(columns.picture.cards)}
    stones = {
        cut + i: [(columns.right[cut + i], -columns.y[item]) for item in ladder.columns[cut + i]]
        for i, cut in enumerate(cuts, start=1)
    }
    in_lines(result, {name: ladder.rank[i] for name, i in number.items()}, stones)
    return result


def _style(picture: Picture) -> _Style:
    cards, wires = len(picture.cards), len(picture.wires)
    if cards > _MOST_LABELLED:
        return _TINY
    return _CROWDED if wires > max(_MOST_CROWDED, 2 * cards) else _SPACIOUS


def _first_order(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """As a reader meets the cards who goes from each result to its operands, in their order."""
    operands: dict[int, list[int]] = defaultdict(list)
    used: set[int] = set()
    for source, target in edges:
        operands[target].append(source)
        used.add(source)
    met: dict[int, None] = {}
    stack = [card for card in reversed(range(count)) if card not in used]
    while stack:
        card = stack.pop()
        if card not in met:
            met[card] = None
            stack += reversed(operands[card])
    return list(met)


class _Columns:
    """From a ladder to boxes and curves; y runs downwards until the last step."""

    def __init__(
        self,
        picture: Picture,
        wires: Sequence[Wire],
        edges: Sequence[tuple[int, int]],
        ladder: Ladder,
        style: _Style,
    ) -> None:
        self.picture, self.wires, self.edges = picture, wires, edges
        self.ladder, self.style = ladder, style
        self.size = [self._size(card) for card in picture.cards]
        self.row = self._rows()
        self.y = spread(ladder, self._halves(), self._offset)
        self.label = self._label_rooms()
        self.fan = self._fans()
        self.left, self.right = self._sides()

    def _size(self, card: Card) -> tuple[float, float]:
        return SLIM if self.style.slim else (card_width(card), card_height(card))

    def _rows(self) -> dict[int, float]:
        """How far below its card's centre each wire arrives, by the wire's number."""
        place = {item: i for column in self.ladder.columns for i, item in enumerate(column)}
        arriving: dict[int, list[int]] = defaultdict(list)
        for i, (_, target) in enumerate(self.edges):
            arriving[target].append(i)
        rows: dict[int, float] = {}
        self.nth: dict[int, int] = {}  # which of those at its card a wire is
        for found in arriving.values():
            found.sort(key=lambda i: (place[self._before(i)], i))
            for k, i in enumerate(found):
                rows[i] = (k - (len(found) - 1) / 2) * self.style.row
                self.nth[i] = k
        self.arriving = arriving
        return rows

    def _before(self, wire: int) -> int:
        """The last item on a wire's way before its target."""
        source, target = self.edges[wire]
        between = self.ladder.stones.get((source, self.ladder.rank[target] - 1))
        return source if between is None else between

    def _halves(self) -> list[float]:
        """Half the room of each item: the card, or the wires that arrive at it."""
        style = self.style
        total = self.ladder.cards + len(self.ladder.stones)
        half = [style.stone / 2] * total
        for card, (_, height) in enumerate(self.size):
            rows = len(self.arriving[card]) * style.row if style.labelled else 0.0
            half[card] = (max(height, rows) + style.gap) / 2
        return half

    def _offset(self, a: int, b: int) -> float:
        if b >= self.ladder.cards:
            return 0.0
        if not hasattr(self, "_offsets"):
            found: dict[tuple[int, int], list[float]] = defaultdict(list)
            for i, (_, target) in enumerate(self.edges):
                found[self._before(i), target].append(self.row[i])
            self._offsets = {pair: sum(rows) / len(rows) for pair, rows in found.items()}
        return self._offsets[a, b]

    def _label_rooms(self) -> list[float]:
        """The room for labels before each column."""
        rooms = [0.0] * len(self.ladder.columns)
        if self.style.labelled:
            for wire, (_, target) in zip(self.wires, self.edges):
                column = self.ladder.rank[target]
                rooms[column] = max(rooms[column], label_width(wire) + 8.0)
        return rooms

    def _fans(self) -> list[float]:
        """The room before each column where several rows bend towards one card."""
        fans = [_TIP] * len(self.ladder.columns)
        for card, found in self.arriving.items():
            if len(found) > 1:
                fans[self.ladder.rank[card]] = _FAN
        return fans

    def _sides(self) -> tuple[list[float], list[float]]:
        """x of both sides of each column."""
        left: list[float] = []
        right: list[float] = []
        for i, column in enumerate(self.ladder.columns):
            width = max((self.size[item][0] for item in column if item < self.ladder.cards),
                        default=0.0)  # fmt: skip
            start = 0.0 if i == 0 else right[-1] + self._bend(i) + self.label[i] + self.fan[i]
            left.append(start)
            right.append(start + width)
        return left, right

    def _bend(self, column: int) -> float:
        """Room for the bends before a column: more where they climb more."""
        least, most = self.style.bend
        climb = max(
            (
                abs(self.y[a] - self.y[b] - self._offset(a, b))
                for b in self.ladder.columns[column]
                for a in self.ladder.left[b]
            ),
            default=0.0,
        )
        return 8.0 if climb < 0.5 else min(most, max(least, _STEEP * climb))

    def closer(self) -> _Columns:
        """The same rows with less room for bends between the columns."""
        result = copy(self)
        result.style = replace(self.style, bend=_CLOSER)
        result.left, result.right = result._sides()
        return result

    def layout(self) -> Layout:
        """Boxes and curves, with y upwards."""
        result = Layout()
        for i, card in enumerate(self.picture.cards):
            column, (w, h) = self.ladder.rank[i], self.size[i]
            x = (self.left[column] + self.right[column]) / 2
            result.cards[card.id] = Box(x, -self.y[i], w, h)
        if self.style.slim:
            result.slim = set(result.cards)
        for i, wire in enumerate(self.wires):
            result.wires[wire.id] = self._path(i, wire, result.cards)
        return result

    def _path(self, index: int, wire: Wire, boxes: Mapping[str, Box]) -> Path:
        source, target = self.edges[index]
        start, box = boxes[wire.source], boxes[wire.target]
        column = self.ladder.rank[target]
        y = -self.y[target] - self.row[index]
        fan = self.left[column] - self.fan[column]
        points: list[tuple[Point, Point]] = [
            ((start.right, start.y), (self.right[self.ladder.rank[source]], start.y))
        ]
        for stone in self.ladder.way(source, target)[1:-1]:
            at = self.ladder.rank[source] + len(points)
            points.append(((self.left[at] - self.fan[at] - self.label[at], -self.y[stone]),
                           (self.right[at], -self.y[stone])))  # fmt: skip
        label = (fan - self.label[column] / 2, y)
        if self.style.labelled:
            points.append(((fan - self.label[column], y), (fan, y)))
        curve: list[Point] = [points[0][0]]
        for k, (enter, leave) in enumerate(points):
            if k:
                curve += _bent(curve[-1], enter)[1:]
            curve += straight(curve[-1], leave)[1:]
        port = (box.left, self._port(index, box))
        curve += _bent(curve[-1], (port[0] - _TIP, port[1]))[1:]
        curve += tipped(curve[-1], port)[1:]
        return Path(tuple(curve), label, "right", quiet=not self.style.labelled)

    def _port(self, index: int, box: Box) -> float:
        """Where a wire meets the left side of its card."""
        found = self.arriving[self.edges[index][1]]
        room = min(box.h - 12.0, self.style.row * len(found))
        return box.y + room * (0.5 - (self.nth[index] + 0.5) / len(found))


def _bent(a: Point, b: Point) -> tuple[Point, ...]:
    """From a to b, level at both ends; never turning back."""
    if abs(a[1] - b[1]) < 0.01:
        return straight(a, b)
    middle = (a[0] + b[0]) / 2
    return (a, (middle, a[1]), (middle, b[1]), b)
