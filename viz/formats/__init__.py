"""The formats of a picture: a file for each, which writes a Drawing.

A new format is a file with a function from a Drawing to bytes, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable

from ..drawing.drawing import Drawing
from . import dot, pdf, svg, tikz

__all__ = ["FORMATS", "suffixes"]

FORMATS: dict[str, Callable[[Drawing], bytes]] = {
    "svg": svg.write,
    "png": dot.png,
    "dot": dot.write,
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
