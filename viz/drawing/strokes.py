"""Shapes taken down to what any format can write: paths, and runs of letters.

A format that knows round corners and arrow heads may write the shapes themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..style.typography import SMALL, scripts
from .drawing import Curve, Point, Rect, Text

__all__ = ["RISE", "Path", "Run", "paths", "runs"]

RISE = {0: 0.0, -1: -0.16, 1: 0.36}  # how far a sub- or superscript stands above the line
_KAPPA = 0.4477  # how far from a corner the control points of a quarter circle are


class Run(NamedTuple):
    """Letters of one size and colour; `rise` is how far above the line they stand."""

    text: str
    size: float
    rise: float
    colour: str
    bold: bool


class Path(NamedTuple):
    """Lines (one point) and Bezier curves (three points) that go on from `start`.

    `width` and `dashes` are those of the pen, whose colour is `stroke`.
    """

    start: Point
    steps: tuple[tuple[Point, ...], ...]
    fill: str = ""
    stroke: str = ""
    width: float = 0.0
    dashes: tuple[float, float] | None = None
    closed: bool = True


def runs(text: Text) -> list[Run]:
    """A text in pieces: few fonts have all small digits, so these are plain ones, set smaller."""
    size = text.size
    return [
        Run(piece, SMALL * size if level else size, RISE[level] * size, word.colour, word.bold)
        for word in text.words
        for piece, level in scripts(word.text)
    ]


def paths(shape: Rect | Curve) -> Iterator[Path]:
    """A rectangle as one path, a curve as its line and the triangle of its head."""
    if isinstance(shape, Curve):
        start, *points = shape.points
        steps = tuple(zip(points[::3], points[1::3], points[2::3]))
        yield Path(start, steps, "", shape.colour, shape.width, shape.dashes, closed=False)
        if shape.head is not None:
            tip, *corners = shape.head
            yield Path(tip, tuple((corner,) for corner in corners), shape.colour)
    elif shape.fill or shape.stroke:
        yield Path(*_outline(shape), shape.fill, shape.stroke, shape.width, shape.dashes)


def _outline(rect: Rect) -> tuple[Point, tuple[tuple[Point, ...], ...]]:
    """Clockwise from the upper left corner, a quarter circle at each corner that is round."""
    left, top, right, low = rect.x, rect.y, rect.x + rect.w, rect.y + rect.h
    r = min(rect.radius, rect.w / 2, rect.h / 2)
    if not r:
        return (left, top), (((right, top),), ((right, low),), ((left, low),))
    k = r * _KAPPA
    return (left + r, top), (
        ((right - r, top),), ((right - k, top), (right, top + k), (right, top + r)),
        ((right, low - r),), ((right, low - k), (right - k, low), (right - r, low)),
        ((left + r, low),), ((left + k, low), (left, low - k), (left, low - r)),
        ((left, top + r),), ((left, top + k), (left + k, top), (left + r, top)),
    )  # fmt: skip
