"""The formats of a picture: a file for each, which writes a Drawing.

A new format is a file with a function from a Drawing to bytes, and a row here. What it would
repeat stands in `viz/drawing/strokes.py` (shapes as paths, words as runs of letters) and, for
fonts without our letters, in `letters.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.drawing import Drawing
from . import digraph, pdf, svg, tikz

__all__ = ["FORMATS", "suffixes"]

FORMATS: dict[str, Callable[[Drawing], bytes]] = {
    "svg": svg.write,
    "png": digraph.png,
    "dot": digraph.write,
    "pdf": pdf.write,
    "tex": tikz.write,
}


def suffixes(*more: str) -> str:
    """The suffixes of all formats as words.

    >>> suffixes()
    '.svg, .png, .dot, .pdf or .tex'
    """
    *rest, last = (f".{name}" for name in (*FORMATS, *more))
    return f"{', '.join(rest)} or {last}"
