"""What is painted: rectangles, texts and curves in groups. Plain data that any format can write.

Lengths are points, x grows to the right and y downwards from the upper left corner. A colour
is "#rrggbb", "#rrggbbaa" with its opacity, or "" for none. `kind` says what a shape means
(a "value", the "heat" behind a gradient, the "ribbon" of a message), so that a page or an
animation can find it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..style.typography import text_width

__all__ = ["Curve", "Drawing", "Group", "Point", "Rect", "Shape", "Text", "Word", "opacity"]

Point: TypeAlias = tuple[float, float]


class Rect(NamedTuple):
    """A rectangle by its upper left corner, with round corners if `radius` is not 0."""

    kind: str
    x: float
    y: float
    w: float
    h: float
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    radius: float = 0.0
    dashed: bool = False

    @property
    def dashes(self) -> tuple[float, float] | None:
        """The stripes of its border and what is between them, if it is dashed."""
        return (5.0, 2.0) if self.dashed else None


class Word(NamedTuple):
    """A piece of a line of text."""

    text: str
    colour: str
    bold: bool = False


_LEAD = {"start": 0.0, "middle": 0.5, "end": 1.0}


class Text(NamedTuple):
    """A line of text; (x, y) is the start, middle or end of its baseline."""

    kind: str
    x: float
    y: float
    size: float
    anchor: str  # "start", "middle", "end"
    words: tuple[Word, ...]

    @property
    def width(self) -> float:
        """The room it takes in Arial."""
        return sum([text_width(word.text, self.size, word.bold) for word in self.words])

    @property
    def lead(self) -> float:
        """The share of its width that stands before x."""
        return _LEAD[self.anchor]

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x if self.anchor == "start" else self.x - self.width * self.lead

    @property
    def plain(self) -> str:
        """Its letters."""
        return "".join([word.text for word in self.words])


class Curve(NamedTuple):
    """A Bezier curve of 3n + 1 points; `tip` is where its arrow head ends, if it has one."""

    kind: str
    points: tuple[Point, ...]
    colour: str
    width: float
    tip: Point | None = None
    dashes: tuple[float, float] | None = None

    @property
    def head(self) -> tuple[Point, Point, Point] | None:
        """The triangle of the arrow head."""
        if self.tip is None:
            return None
        (x, y), (tip_x, tip_y) = self.points[-1], self.tip
        length = math.hypot(tip_x - x, tip_y - y) or 1.0
        dx, dy = (tip_x - x) / length, (tip_y - y) / length
        side = 0.37 * length
        return self.tip, (x - dy * side, y + dx * side), (x + dy * side, y - dx * side)


Shape: TypeAlias = Rect | Text | Curve


class Group(NamedTuple):
    """Shapes that belong together: a card, a wire, a frame, a panel, the legend.

    `id` names it in every format, `tooltip` says all there is to say of it, `ends` are the
    ids of the cards that a wire joins.
    """

    id: str
    kind: str
    tooltip: str
    shapes: tuple[Shape, ...]
    ends: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole picture; groups are painted in their order, and may be read more than once."""

    title: str
    width: float
    height: float
    ground: str
    groups: Iterable[Group]

    @property
    def shapes(self) -> Iterator[Shape]:
        """All there is to paint, from the ground up."""
        yield Rect("ground", 0.0, 0.0, self.width, self.height, self.ground)
        for group in self.groups:
            yield from group.shapes

    def group(self, id: str) -> Group:
        """The group of this id; KeyError where there is none."""
        for group in self.groups:
            if group.id == id:
                return group
        raise KeyError(id)

    def texts(self, kind: str | None = None) -> list[str]:
        """All lines of text of a kind, in order."""
        return [
            shape.plain
            for group in self.groups
            for shape in group.shapes
            if isinstance(shape, Text) and kind in (None, shape.kind)
        ]


def opacity(colour: str) -> tuple[str, float]:
    """A colour taken apart: without its opacity, and the opacity from 0 to 1.

    >>> opacity("#f9731659"), opacity("#ffffff")
    (('#f97316', 0.349), ('#ffffff', 1.0))
    """
    if len(colour) == 9 and colour.startswith("#"):
        return colour[:7], round(int(colour[7:], 16) / 255.0, 3)
    return colour, 1.0
