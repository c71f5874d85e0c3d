"""The formats of a picture: a file for each, which writes a Drawing.

A new format is a file with a function from a Drawing to bytes, and a row here. What it would
repeat stands in `viz/drawing/strokes.py` (shapes as paths, words as runs of letters) and, for
fonts without our letters, in `letters.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from microgrid.files import checked_target

from ..drawing.drawing import Drawing
from . import digraph, pdf, svg, tikz

__all__ = ["FORMATS", "suffixes", "writer_of"]

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


def writer_of(path: str | os.PathLike[str], kind: str) -> tuple[Path, Callable[[Drawing], bytes]]:
    """Where a picture of this kind is written, and what writes its format.

    ValueError for a suffix that is no format's, FileNotFoundError where there is no folder.
    """
    target = checked_target(path, FORMATS, f"a {kind}'s file name ends in {suffixes()}")
    return target, FORMATS[target.suffix.removeprefix(".").lower()]
