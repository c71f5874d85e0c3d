"""Rectangles and wires: what a layout is made of. Lengths are points, y grows upwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from ..picture.model import Card

__all__ = [
    "BEND", "PAGE", "Box", "Layout", "Mirror", "Path", "Point", "around", "into_left_side",
    "rounded", "straight", "tipped",
]  # fmt: skip

Point: TypeAlias = tuple[float, float]

PAGE = 1740.0  # with a margin around it, text of 10 points has 9 pixels at 1,600

_ROUND = 9.0  # radius of a wire's corners
_LEVEL = 36.0  # between two wires that arrive at the left side of a card
BEND = 26.0  # where they bend towards it
_TIP = 8.0  # the last, straight piece of a wire


class Box(NamedTuple):
    """A rectangle by its centre."""

    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> float:
        """x of the left side."""
        return self.x - self.w / 2

    @property
    def right(self) -> float:
        """x of the right side."""
        return self.x + self.w / 2

    @property
    def top(self) -> float:
        """y of the upper side."""
        return self.y + self.h / 2

    @property
    def bottom(self) -> float:
        """y of the lower side."""
        return self.y - self.h / 2

    def moved(self, dx: float, dy: float) -> Box:
        """The same somewhere else."""
        x, y, w, h = self
        return _NEW(Box, (x + dx, y + dy, w, h))


_NEW = tuple.__new__  # a NamedTuple's own is written in Python, and there are thousands
_NOWHERE = Box(0.0, 0.0, 0.0, 0.0)


class Path(NamedTuple):
    """A wire: the 3n + 1 control points of a Bezier curve from operand to result.

    `shape` are these points before it was moved by `offset`, `curve` are they as they stand.
    `heading` is where it goes at the end. Its labels belong at the point `label`: above and
    below a wire that goes right or left, beside one that goes up or down, at its right (`side`
    1) or left (-1). A `quiet` one has no room for labels: its numbers stand in the tooltip.
    """

    shape: tuple[Point, ...]
    label: Point
    heading: Literal["right", "left", "up", "down"] = "right"
    side: int = 1
    quiet: bool = False
    offset: Point = (0.0, 0.0)

    @property
    def curve(self) -> tuple[Point, ...]:
        """Its control points."""
        dx, dy = self.offset
        return tuple([(x + dx, y + dy) for x, y in self.shape]) if dx or dy else self.shape

    @property
    def rising(self) -> bool:
        """Whether it stands upright at the end, with its labels beside it."""
        return self.heading in ("up", "down")

    @property
    def arrow(self) -> str:
        """Which way the message runs: against the wire."""
        return {"right": "←", "left": "→", "up": "↓", "down": "↑"}[self.heading]

    def moved(self, dx: float, dy: float) -> Path:
        """The same somewhere else."""
        curve, (x, y), heading, side, quiet, _ = self
        if self.offset != (0.0, 0.0):  # a sum of offsets would round in another way
            curve = self.curve
        return _NEW(Path, (curve, (x + dx, y + dy), heading, side, quiet, (dx, dy)))


@dataclass(frozen=True, slots=True)
class Mirror:
    """Everything as it is seen in an upright mirror at x = `axis`; None leaves it as it is.

    >>> Mirror(10.0).box(Box(2.0, 5.0, 4.0, 1.0))
    Box(x=18.0, y=5.0, w=4.0, h=1.0)
    """

    axis: float | None = None

    def point(self, point: Point) -> Point:
        """Where a point is seen."""
        return point if self.axis is None else (2.0 * self.axis - point[0], point[1])

    def box(self, box: Box) -> Box:
        """Where a rectangle is seen."""
        return box._replace(x=self.point((box.x, box.y))[0])

    def path(self, path: Path) -> Path:
        """Where a wire is seen; its labels stand upright, on the side that is now the other."""
        if self.axis is None:
            return path
        curve, label = tuple([self.point(p) for p in path.curve]), self.point(path.label)
        heading = _SEEN.get(path.heading, path.heading)
        return Path(curve, label, heading, -path.side, path.quiet)


_SEEN: dict[str, Literal["right", "left"]] = {"right": "left", "left": "right"}


@dataclass(slots=True)
class Layout:
    """The place of every card, wire, column and panel of a Picture, by id or index."""

    cards: dict[str, Box] = field(default_factory=dict)
    wires: dict[str, Path] = field(default_factory=dict)
    frames: dict[int, Box] = field(default_factory=dict)
    panels: list[Box] = field(default_factory=list)
    panel_columns: list[tuple[float, ...]] = field(default_factory=list)
    title: Box = _NOWHERE
    legend: Box = _NOWHERE
    bounds: Box = _NOWHERE  # around everything
    dense: bool = False  # labels stand in one line
    indent: float = 0.0  # before the headings of the frames, where wires pass
    slim: set[str] = field(default_factory=set)  # cards that have room for one line only

    def is_slim(self, card: Card) -> bool:
        """Whether the card has room for one line only."""
        return card.id in self.slim

    def graph(self) -> Box:
        """The rectangle around cards, frames and wires."""
        shapes: dict[Point, list[tuple[Point, ...]]] = defaultdict(list)
        for path in self.wires.values():
            shapes[path.offset].append(path.shape)
        ends = []
        for (dx, dy), found in shapes.items():  # the paths of a row have been moved as one
            xs, ys = zip(*chain.from_iterable(found))
            ends += [(min(xs) + dx, min(ys) + dy), (max(xs) + dx, max(ys) + dy)]
        return around([*self.cards.values(), *self.frames.values()], ends=ends)


def around(boxes: Iterable[Box], pad: float = 0.0, ends: Collection[Point] = ()) -> Box:
    """The smallest rectangle around `boxes` and the points `ends`, and `pad` more on each side.

    >>> around([Box(0, 0, 2, 2), Box(10, 0, 2, 4)], pad=1)
    Box(x=5.0, y=0.0, w=14.0, h=6.0)
    """
    xs, ys = [x for x, _ in ends], [y for _, y in ends]
    for x, y, w, h in boxes:
        xs += (x - w / 2, x + w / 2)
        ys += (y - h / 2, y + h / 2)
    left, right, bottom, top = min(xs) - pad, max(xs) + pad, min(ys) - pad, max(ys) + pad
    return Box((left + right) / 2, (bottom + top) / 2, right - left, top - bottom)


def straight(a: Point, b: Point) -> tuple[Point, ...]:
    """A straight piece of a curve, its handles at a third and at two thirds."""
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return (a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b)


def tipped(a: Point, b: Point) -> tuple[Point, ...]:
    """A straight piece whose arrow head may take nearly all of it: both handles stand at a."""
    return (a, a, a, b)


def rounded(corners: Sequence[Point]) -> tuple[Point, ...]:
    """A Bezier curve along `corners` whose bends are round."""
    points = [p for i, p in enumerate(corners) if i == 0 or _far(p, corners[i - 1])]
    if len(points) < 2:
        points = [corners[0], corners[-1]]
    curve: list[Point] = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:]):
        reach = min(_ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        enter, leave = _towards(corner, before, reach), _towards(corner, after, reach)
        curve += straight(curve[-1], enter)[1:]
        curve += [
            _towards(enter, corner, 0.55 * reach),
            _towards(leave, corner, 0.55 * reach),
            leave,
        ]
    curve += straight(curve[-1], points[-1])[1:]
    return tuple(curve)


def _far(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.01


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: Point, b: Point, distance: float) -> Point:
    whole = _length(a, b) or 1.0
    return (a[0] + (b[0] - a[0]) * distance / whole, a[1] + (b[1] - a[1]) * distance / whole)


def into_left_side(
    box: Box, index: int, count: int, corners: Sequence[Point], label: float | None = None
) -> Path:
    """One of `count` wires that arrive level at the left side of a card, the first one highest.

    It comes along the corners, runs level past its label (centred at x = `label`) and bends
    into the card.
    """
    y = box.y + _LEVEL * ((count - 1) / 2 - index)
    port = box.y + (box.h - 12.0) * (0.5 - (index + 0.5) / count)
    start, end = (box.left - BEND, y), (box.left - _TIP, port)
    middle = (start[0] + end[0]) / 2
    bend = (middle, y), (middle, port), end, *tipped(end, (box.left, port))[1:]
    way = [*corners, (corners[-1][0], y), start]
    return Path((*rounded(way), *bend), (box.left - 62.0 if label is None else label, y))
