"""The panels and the legend around a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..layout.geometry import Box
from ..picture.legend import Said, legend_of, shades
from ..picture.model import Cell, Picture
from ..style.theme import Paint
from ..style.typography import fit, number, text_width
from .drawing import Group, Shape, Word
from .easel import Easel

__all__ = ["legend_group", "panel_group"]

_ROUND = 9.0
_LINE = 18.0  # from one line of the legend to the next
_SWATCH = 44.0


def panel_group(
    easel: Easel, picture: Picture, index: int, box: Box, widths: tuple[float, ...]
) -> Group:
    """A table below the graph, its numbers in columns."""
    panel, theme = picture.panels[index], easel.theme
    left, y = box.left + 14.0, box.top - 20.0
    title = Word(panel.title, theme.text, True)
    shapes: list[Shape] = [easel.rect("panel", box, theme.panel, _ROUND)]
    shapes.append(easel.line("title", left, y, 12.0, "start", title))
    for cells in panel.folded(len(widths)):
        y, x = y - 19.0, left
        for cell, width in zip(cells, widths):
            room = Box(x + width / 2, y, width, 16.5)
            shapes += _cell(easel, picture, cell, room, panel.steepest, panel.compact)
            x += width + 3.0
    if panel.note:
        note = Word(panel.note, theme.muted)
        shapes.append(easel.line("note", left, y - 19.0, 10.0, "start", note))
    return Group(f"panel{index}", "panel", panel.title, tuple(shapes))


def _cell(
    easel: Easel, picture: Picture, cell: Cell, box: Box, steepest: float, compact: bool
) -> Iterator[Shape]:
    theme = easel.theme
    if cell.kind == "grad":
        hidden = "grad" not in picture.show
        yield from easel.gradient(
            box, cell.number, steepest, 11.0, cell.bold, hidden, numbers=not compact
        )
    elif cell.kind == "name":
        words = Word(fit(cell.text, 11.0, box.w, cell.bold), theme.text, cell.bold)
        yield easel.line("name", box.left, box.y, 11.0, "start", words)
    elif cell.kind == "value" and cell.number is not None and "value" in picture.show:
        bad = not math.isfinite(cell.number)
        if bad:
            yield easel.bad(Box(box.right - 20.0, box.y, 40.0, box.h))
        words = Word(number(cell.number), theme.bad.text if bad else theme.value)
        yield easel.line("value", box.right - 3.0, box.y, 11.0, "end", words)
    elif cell.kind == "head" and cell.text:
        words = Word(cell.text, theme.muted)
        yield easel.line("head", box.right - 3.0, box.y, 11.0, "end", words)


def legend_group(easel: Easel, picture: Picture, box: Box) -> Group:
    """What the marks of the picture mean, and the scale of heat with its numbers."""
    theme = easel.theme
    left, y = box.left + 16.0, box.top - 18.0
    shapes: list[Shape] = [easel.rect("legend", box, theme.legend, _ROUND)]
    for line in legend_of(picture):
        pieces = [_word(easel, said) for said in line]
        shapes.append(easel.line("legend", left, y, 11.0, "start", *pieces))
        y -= _LINE
    said = Word("|dL/dvalue| from", theme.text)
    shapes.append(easel.line("legend", left, y, 11.0, "start", said))
    shapes += _scale(easel, picture, left + text_width(said.text, 11.0) + 8.0, y)
    words = Word("a bar at the left of a gradient: it is negative", theme.text)
    shapes.append(easel.line("legend", left, y - _LINE, 11.0, "start", words))
    return Group("legend", "legend", "How to read", tuple(shapes))


def _word(easel: Easel, said: Said) -> Word:
    return Word(said.text, getattr(easel.theme, said.colour), said.bold)


def _scale(easel: Easel, picture: Picture, x: float, y: float) -> Iterator[Shape]:
    """A swatch for each shade, with the least gradient that has it."""
    theme = easel.theme
    shown = picture.steepest and "grad" in picture.show
    for least, (fill, ink) in zip(shades(picture.steepest), theme.heat):
        box = Box(x + _SWATCH / 2, y, _SWATCH, 14.0)
        yield easel.rect("swatch", box, Paint(fill, theme.legend.border, "", 0.8))
        if shown:
            text = f"{least:.2g}" if 1e-3 <= least < 1e4 else number(least)
            yield easel.line("swatch", box.x, y, 10.0, "middle", Word(text, ink))
        x += _SWATCH + 2.0
