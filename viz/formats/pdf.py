"""A Drawing as PDF with text that can be selected, and no Graphviz needed.

The 14 standard fonts are in every viewer, so nothing is embedded: Helvetica has the widths of
Arial, and Symbol has the arrows, the minus and the Greek letters.
"""

from __future__ import annotations

import math
from itertools import groupby

from ..drawing.drawing import Drawing, Point, Text, opacity
from ..drawing.strokes import Path, paths, runs
from .letters import glyphs
from .pdf_file import pdf_file

__all__ = ["write"]

_LARGEST = 14_400  # units of a page's side; beyond, a unit is more than a point


def write(drawing: Drawing) -> bytes:
    """The bytes of a PDF file of one page."""
    shares: dict[float, str] = {1.0: "A0"}
    unit = math.ceil(max(drawing.width, drawing.height) / _LARGEST)  # in points
    width, height = drawing.width / unit, drawing.height / unit
    page = [f"{1 / unit:.6f} 0 0 {-1 / unit:.6f} 0 {height:.2f} cm"]  # y grows downwards
    for shape in drawing.shapes:
        if isinstance(shape, Text):
            page.append(_text(shape))
        else:
            page += [_path(path, shares) for path in paths(shape)]
    return pdf_file("\n".join(page), (width, height), unit, drawing.title, shares)


def _path(path: Path, shares: dict[float, str]) -> str:
    """A path in PDF's operators; `shares` collects the opacities."""
    share = opacity(path.fill or path.stroke)[1]
    pen = f"/{shares.setdefault(share, f'A{len(shares)}')} gs " if share < 1.0 else ""
    pen += f"{_rgb(path.fill)} rg " if path.fill else ""
    pen += f"{_rgb(path.stroke)} RG {path.width:g} w " if path.stroke else ""
    pen += "[{:g} {:g}] 0 d ".format(*path.dashes) if path.dashes else ""
    steps = [f"{' '.join(map(_at, step))} {'c' if len(step) == 3 else 'l'}" for step in path.steps]
    paint = "B" if path.fill and path.stroke else "f" if path.fill else "S"
    return f"q {pen}{_at(path.start)} m {' '.join(steps)} {'h ' * path.closed}{paint} Q"


def _text(text: Text) -> str:
    pieces = [
        (run, font, list(group))
        for run in runs(text)
        for font, group in groupby(glyphs(run.text, run.bold), key=lambda glyph: glyph.font)
    ]
    widths = [run.size * sum(glyph.width for glyph in group) for run, _, group in pieces]
    x, shown = text.x - text.lead * sum(widths), "BT "
    for (run, font, group), width in zip(pieces, widths):
        letters = bytes(glyph.code for glyph in group).hex()
        place = f"1 0 0 -1 {x:.2f} {text.y - run.rise:.2f} Tm"
        shown += f"{_rgb(run.colour)} rg /{font} {run.size:.2f} Tf {place} <{letters}> Tj "
        x += width
    return f"{shown}ET"


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[i : i + 2], 16) / 255.0:.3g}" for i in (1, 3, 5))


def _at(point: Point) -> str:
    return f"{point[0]:.2f} {point[1]:.2f}"
