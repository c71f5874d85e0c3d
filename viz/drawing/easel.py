"""The few shapes that cards and tables have in common, placed in a layout's coordinates."""

from __future__ import annotations

import math

from ..layout.geometry import Box, Path
from ..style.theme import Paint, Theme
from ..style.typography import fit_number
from .drawing import Point, Rect, Shape, Text, Word

__all__ = ["Easel"]

_PAD = 18.0  # around everything
_NEW = tuple.__new__  # a NamedTuple's own is written in Python, and there are thousands
_RISE = 0.36  # from the middle of a line of text down to its baseline, as a share of its size


class Easel:
    """Turns a layout's coordinates, in which y grows upwards, into those of a Drawing."""

    def __init__(self, bounds: Box, theme: Theme) -> None:
        self.theme = theme
        self.left, self.top = bounds.left - _PAD, bounds.top + _PAD
        self.width, self.height = bounds.w + 2 * _PAD, bounds.h + 2 * _PAD

    def at(self, x: float, y: float) -> Point:
        """A point of the layout, on the drawing."""
        return x - self.left, self.top - y

    def along(self, path: Path) -> list[Point]:
        """The points of a wire, on the drawing."""
        left, top, (dx, dy) = self.left, self.top, path.offset
        return [(x + dx - left, top - (y + dy)) for x, y in path.shape]

    def rect(
        self, kind: str, box: Box, paint: Paint, radius: float = 0.0, dashed: bool = False
    ) -> Rect:
        """A box in a paint."""
        x, y, w, h = box
        x, y = x - w / 2 - self.left, self.top - (y + h / 2)
        border = paint.fill, paint.border, paint.width
        return _NEW(Rect, (kind, x, y, w, h, *border, radius, dashed))

    def patch(self, kind: str, box: Box, fill: str) -> Rect:
        """A box without a border."""
        x, y, w, h = box
        x, y = x - w / 2 - self.left, self.top - (y + h / 2)
        return _NEW(Rect, (kind, x, y, w, h, fill, "", 1.0, 0.0, False))

    def line(self, kind: str, x: float, y: float, size: float, anchor: str, *words: Word) -> Text:
        """A line of text whose middle is at height y."""
        x, y = x - self.left, self.top - y + _RISE * size
        return _NEW(Text, (kind, x, y, size, anchor, words))

    def bad(self, box: Box) -> Rect:
        """What stands behind nan and inf."""
        return self.patch("bad", box, self.theme.bad.fill)

    def gradient(
        self,
        box: Box,
        grad: float | None,
        steepest: float,
        size: float,
        bold: bool = False,
        hidden: bool = False,
        numbers: bool = True,
    ) -> list[Shape]:
        """A gradient on its heat; a bar at the left where it is negative, a blank to fill in."""
        theme = self.theme
        if hidden:
            return [self.rect("blank", box, Paint("", theme.legend.border, ""))]
        x, y, w, h = box
        right = x + w / 2 - 3.0
        if grad is None:
            dash = self.line("grad", right, y, size, "end", Word("–", theme.muted))
            return [self.patch("heat", box, ""), dash]
        fill, ink = theme.shade(grad, steepest)
        shapes: list[Shape] = [self.patch("heat", box, fill)]  # also without fill: a page fills it
        if grad < 0.0 and math.isfinite(grad):
            bar = Box(x - w / 2 + 1.25, y, 2.5, h)
            shapes.append(self.patch("negative", bar, theme.gradient))
        if numbers:
            text = Word(fit_number(grad, size, w - 6.0, bold), ink, bold)
            shapes.append(self.line("grad", right, y, size, "end", text))
        return shapes
