"""Long sequences folded into rows, like lines of text.

The columns of each row move there as they are, wires included. A wire from one row to the next
gets a way around the end of its row in front, and one that comes back from the next row, where
the sequence is read from its end as well, runs beside it. The total of all losses stands at the
end of the first row, and the losses of the other rows come to it from below.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ..picture.model import Card, Picture, Wire
from .geometry import PAGE, Box, Layout, Path, Point, around, into_left_side, rounded, straight

__all__ = ["fold", "neighbours_only"]

_WIDEST = 2.4  # a graph wider than this many times its height is folded
_WANTED = 1.7
_FEWEST = 4  # columns of a row; fewer are a ladder that nobody follows
_BETWEEN = 44.0  # between two rows
_MARGIN = 16.0  # where a wire goes down to the next row
_TRACK = 12.0
_LOSS = 30.0  # between two losses on their way to the total, labels included


def fold(picture: Picture, places: Layout) -> None:
    """Fold the columns into rows where the graph is too wide and only neighbours are joined."""
    frames = list(places.frames.values())
    if len(frames) < 4 or not neighbours_only(picture, places):
        return
    whole = around([*places.cards.values(), *frames])
    if whole.w <= PAGE or (whole.w / whole.h <= _WIDEST and not _wide(whole, frames)):
        return
    by_shape = round(math.sqrt(whole.w / (_WANTED * whole.h)))
    both_ways = any(path.heading == "left" for path in places.wires.values())
    fullest = 0.8 if both_ways else 1.3  # initial states and turns stand at both ends of the rows
    rows = max(2, by_shape, math.ceil(whole.w / (fullest * PAGE)))
    per_row = min(math.ceil(len(frames) / rows), _most_beside(whole, frames))
    _Rows(picture, places, per_row).apply()


def _most_beside(whole: Box, frames: Sequence[Box]) -> int:
    """How many columns stand beside each other on a page, between the ends of a row."""
    pitch = frames[1].left - frames[0].left
    ends = max(frames[0].left - whole.left, _MARGIN) + _MARGIN + _TRACK
    return max(_FEWEST, int((PAGE - ends) // pitch))


def _wide(whole: Box, frames: Sequence[Box]) -> bool:
    """Whether a row of fewer, wide columns fits the page better."""
    return whole.w > PAGE and frames[0].w < PAGE / 2


def neighbours_only(picture: Picture, places: Layout) -> bool:
    """Whether wires between columns join neighbours only, but for those to one total."""
    order = {column.index: i for i, column in enumerate(picture.columns, 1)}
    cards = {card.id: card for card in picture.cards}
    totals = _totals(picture)
    for wire in picture.wires:
        a, b = cards[wire.source], cards[wire.target]
        if wire.source in totals and wire.target not in totals:
            return False
        if wire.target in totals:
            continue
        behind = len(order) + 1 if a.column > 0 else 0
        one, two = order.get(a.column, behind), order.get(b.column, 0)
        back = places.wires[wire.id].heading == "left"
        if one != two and two != (one - 1 if back else one + 1):
            return False
    firsts = {w.target for w in picture.wires if w.target in totals and w.source not in totals}
    return len(firsts) <= 1


def _totals(picture: Picture) -> set[str]:
    """What stands above the frames, made of the losses of all steps.

    Sums that go on from column to column are none: each moves with the column above which it is.
    """
    cards = {card.id: card for card in picture.cards}
    into = [(cards[w.source], cards[w.target]) for w in picture.wires
            if not cards[w.target].framed and cards[w.target].column > 0]  # fmt: skip
    goes_on = all(b.column - a.column in ((0,) if a.framed else (0, 1)) for a, b in into)
    if goes_on and len({b.column for _, b in into}) > 1:
        return set()
    return {b.id for _, b in into}


@dataclass
class _Rows:
    """Where each row goes, and the tracks that its wires need."""

    picture: Picture
    places: Layout
    per_row: int
    turns: dict[int, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    losses: dict[int, list[Wire]] = field(default_factory=lambda: defaultdict(list))

    def apply(self) -> None:
        """Move cards, frames and wires to their rows."""
        picture, places = self.picture, self.places
        frames = list(places.frames.values())
        self.place = {column.index: i for i, column in enumerate(picture.columns)}
        self.totals = _totals(picture)
        self.row = {card.id: self._row(card) for card in picture.cards}
        self.left = frames[0].left
        self.firsts = [frames[i].left for i in range(0, len(frames), self.per_row)]
        self._find_wires()
        self.extents = self._extents(frames)
        self.down = self._moves()
        self.shifts = [(self.left - first, y) for first, y in zip(self.firsts, self.down)]
        self.ways = dict(places.wires)
        places.cards = {name: box.moved(*self._shift(name)) for name, box in places.cards.items()}
        for column in picture.columns:
            row = self.place[column.index] // self.per_row
            box = places.frames[column.index]
            x = box.x + self.left - self.firsts[row]
            places.frames[column.index] = Box(x, box.y + self.down[row], box.w, box.h)
        self.right = max(box.right for box in places.frames.values())
        self._place_total()
        self.nth = self._ordered_losses()
        places.wires = {wire.id: self._path(wire, self.ways[wire.id]) for wire in picture.wires}

    def _row(self, card: Card) -> int:
        if card.id in self.totals:
            return 0
        end = len(self.place) - 1 if card.column > 0 else 0  # of an initial state
        return self.place.get(card.column, end) // self.per_row

    def _shift(self, name: str) -> tuple[float, float]:
        return self.shifts[self.row[name]]

    def _find_wires(self) -> None:
        """The wires that need tracks of their own, by row."""
        for wire in self.picture.wires:
            row = self.row[wire.source]
            if wire.target in self.totals:
                if wire.source not in self.totals:
                    self.losses[row].append(wire)
            elif row != self.row[wire.target]:
                upper = min(row, self.row[wire.target])
                start = (wire.source, self.places.wires[wire.id].curve[0][1])
                if start not in self.turns[upper]:
                    self.turns[upper].append(start)
        for starts in self.turns.values():
            starts.sort(key=lambda start: start[1])  # the lowest one has the shortest way

    def _extents(self, frames: Sequence[Box]) -> list[Box]:
        held: list[list[Box]] = [[] for _ in self.firsts]
        for name, box in self.places.cards.items():
            if name not in self.totals:
                held[self.row[name]].append(box)
        for i, box in enumerate(frames):
            held[i // self.per_row].append(box)
        return [around(boxes) for boxes in held]

    def _moves(self) -> list[float]:
        """How far each row moves up or down."""
        down = [0.0]
        for row, (upper, lower) in enumerate(pairwise(self.extents)):
            gap = _BETWEEN + _TRACK * max(0, len(self.turns[row]) - 1) + self._channel(row + 1)
            down.append(upper.bottom + down[-1] - gap - lower.top)
        return down

    def _channel(self, row: int) -> float:
        """The room that the losses of a row take above it."""
        return _LOSS * len(self.losses[row]) + 10.0 if self.losses[row] else 0.0

    def _place_total(self) -> None:
        """At the end of the first row, beyond the tracks of the wires that turn there."""
        names = [name for name in self.places.cards if name in self.totals]
        if not names:
            return
        turning = max((len(starts) for starts in self.turns.values()), default=0)
        self.up = self.right + _MARGIN + _TRACK * turning + 8.0
        first = next(iter(self.losses.values()))[0].target
        dx = self.up - 18.0 - self.places.cards[first].left
        for name in names:
            self.places.cards[name] = self.places.cards[name].moved(dx, 0.0)
        self.moved = dx

    def _ordered_losses(self) -> dict[str, tuple[int, int]]:
        """Which loss of its row a wire to the total comes from, and how many the rows between
        its row and the first one have.
        """
        found: dict[str, tuple[int, int]] = {}
        below = 0
        for row in sorted(self.losses):
            wires = sorted(self.losses[row], key=lambda wire: self._way_up(wire)[-1][0])
            found |= {wire.id: (i, below) for i, wire in enumerate(wires)}
            below += len(wires) if row else 0
        return found

    def _path(self, wire: Wire, path: Path) -> Path:
        if wire.target in self.totals:
            if wire.source in self.totals:
                return path.moved(self.left - self.firsts[0] + self.moved, self.down[0])
            return self._to_total(wire)
        moved = path.moved(*self._shift(wire.target))
        if self.row[wire.source] == self.row[wire.target]:
            return moved
        return self._turned(wire, path.curve[0], moved)

    def _turned(self, wire: Wire, start: Point, path: Path) -> Path:
        """From the end of one row to the beginning of the next, or back, and on as before."""
        row, back = self.row[wire.source], path.heading == "left"
        row -= back
        starts = self.turns[row]
        track = starts.index((wire.source, start[1]))
        dx, dy = self._shift(wire.source)
        x, y = start[0] + dx, start[1] + dy
        right = self.right + _MARGIN + _TRACK * track
        middle = self.extents[row].bottom + self.down[row] - _BETWEEN / 2 - _TRACK * track
        (x_in, y_in), *_ = path.curve
        left = self.left - _MARGIN - 8.0 - _TRACK * (len(starts) - 1 - track)
        if back:  # what was level before it came here is cut off
            enter = self.right
            corners = [(x, y), (left, y), (left, middle), (right, middle), (right, y_in)]
            inner = (*straight((enter, y_in), path.curve[3]), *path.curve[4:])
            curve = (*rounded([*corners, (enter, y_in)]), *inner[1:])
            return path._replace(shape=curve, offset=(0.0, 0.0))
        enter = min(x_in, self.left - _MARGIN)
        left += enter - self.left + _MARGIN
        corners = [(x, y), (right, y), (right, middle), (left, middle), (left, y_in), (enter, y_in)]
        rest = path.curve if enter == x_in else (
            *rounded([(enter, y_in), path.curve[0]]), *path.curve[1:]
        )  # fmt: skip
        return path._replace(shape=(*rounded(corners), *rest[1:]), offset=(0.0, 0.0))

    def _to_total(self, wire: Wire) -> Path:
        """From the loss of a step to the total."""
        b = self.places.cards[wire.target]
        out = self._way_up(wire)
        row = self.row[wire.source]
        count, (index, below) = len(self.losses[row]), self.nth[wire.id]
        if row == 0:
            return into_left_side(b, index, count, out)
        x = self.up + _TRACK * (below + index)
        top = self.extents[row].top + self.down[row]
        y = top + _LOSS * (count - index) - 8.0
        corners = [*out, (out[-1][0], y), (x, y), (x, b.bottom)]
        return Path(rounded(corners), (out[-1][0] + 44.0, y))

    def _way_up(self, wire: Wire) -> list[Point]:
        """From a card to where its wire rises: above it, or beside its cell as it did before."""
        a, ((x, y), *rest) = self.places.cards[wire.source], self.ways[wire.id].curve
        dx, dy = self._shift(wire.source)
        turned = [point for point in rest if abs(point[1] - y) > 0.5]
        if abs(y + dy - a.y) > 0.5 or not turned:
            return [(a.x, a.top)]
        return [(x + dx, a.y), (turned[0][0] + dx, a.y)]
