"""The few shapes that cards and tables have in common, placed in a layout's coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..layout.geometry import Box
from ..style.theme import Paint, Theme
from ..style.typography import fit_number
from .drawing import Point, Rect, Shape, Text, Word

__all__ = ["Easel"]

_PAD = 18.0  # around everything
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

    def along(self, curve: Sequence[Point]) -> list[Point]:
        """The points of a curve of the layout, on the drawing."""
        left, top = self.left, self.top
        return [(x - left, top - y) for x, y in curve]

    def rect(
        self, kind: str, box: Box, paint: Paint, radius: float = 0.0, dashed: bool = False
    ) -> Rect:
        """A box in a paint."""
        x, y = self.at(box.left, box.top)
        return Rect(kind, x, y, box.w, box.h, paint.fill, paint.border, paint.width, radius, dashed)

    def patch(self, kind: str, box: Box, fill: str) -> Rect:
        """A box without a border."""
        x, y = self.at(box.left, box.top)
        return Rect(kind, x, y, box.w, box.h, fill)

    def line(self, kind: str, x: float, y: float, size: float, anchor: str, *words: Word) -> Text:
        """A line of text whose middle is at height y."""
        x, y = self.at(x, y)
        return Text(kind, x, y + _RISE * size, size, anchor, words)

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
    ) -> Iterator[Shape]:
        """A gradient on its heat; a bar at the left where it is negative, a blank to fill in."""
        theme, right = self.theme, box.right - 3.0
        if hidden:
            yield self.rect("blank", box, Paint("", theme.legend.border, ""))
            return
        if grad is None:
            yield self.patch("heat", box, "")
            yield self.line("grad", right, box.y, size, "end", Word("–", theme.muted))
            return
        fill, ink = theme.shade(grad, steepest)
        yield self.patch("heat", box, fill)  # also without fill: a page fills it
        if grad < 0.0 and math.isfinite(grad):
            bar = Box(box.left + 1.25, box.y, 2.5, box.h)
            yield self.patch("negative", bar, theme.gradient)
        if numbers:
            text = Word(fit_number(grad, size, box.w - 6.0, bold), ink, bold)
            yield self.line("grad", right, box.y, size, "end", text)
