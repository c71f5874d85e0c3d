"""The few SVG elements that plots and coloured texts are made of, and colours between colours."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from microgrid.files import write_whole

from ..style.theme import Theme, contrast
from ..style.typography import FONT, escape

__all__ = ["Plot", "box", "diverging", "inline", "line", "mix", "text"]


@dataclass(frozen=True, slots=True)
class Plot:
    """A finished plot: `svg()` is the document, `save` writes it, a notebook shows it."""

    body: str
    width: float
    height: float
    title: str
    ground: str

    def svg(self) -> str:
        """The plot as a complete SVG document."""
        box = f"{self.width:.0f} {self.height:.0f}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box}" role="img" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" '
            f'font-family="{FONT}, sans-serif">\n'
            f"<title>{escape(self.title)}</title>\n"
            f'<rect width="100%" height="100%" fill="{self.ground}"/>\n'
            f"{self.body}</svg>\n"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the SVG file, whole or not at all; ValueError for another suffix."""
        if Path(path).suffix.lower() != ".svg":
            raise ValueError(f"a plot's file name ends in .svg, got {Path(path).name!r}")
        return write_whole(path, self.svg())

    def _repr_svg_(self) -> str:
        return self.svg()


def diverging(theme: Theme, share: float) -> tuple[str, str]:
    """Fill and text colour for a share of the limit: -1 full blue, 0 white, 1 full orange.

    >>> from viz.style.theme import LIGHT
    >>> diverging(LIGHT, 0.0) == (LIGHT.ground, LIGHT.text)
    True
    """
    if not math.isfinite(share):
        return theme.bad.fill, theme.bad.text
    end = theme.gradient if share > 0.0 else theme.value
    wanted = round(100.0 * min(1.0, abs(share)))
    for strength in sorted(range(101), key=lambda s: abs(s - wanted)):
        fill = mix(theme.ground, end, strength / 100.0)
        ink = max(theme.text, theme.ground, key=lambda colour: contrast(fill, colour))
        if contrast(fill, ink) >= 4.5:  # between, neither dark nor light text can be read
            return fill, ink
    return theme.ground, theme.text


def mix(one: str, other: str, share: float) -> str:
    """The colour a `share` of the way from one #rrggbb to the other.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(bytes.fromhex(one[1:7]), bytes.fromhex(other[1:7]))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = ""
) -> str:
    """A line between two points."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashes}/>\n'
    )


def box(
    x: float, y: float, width: float, height: float, fill: str, tip: str = "", edge: str = ""
) -> str:
    """A rectangle by its upper left corner; `tip` is its tooltip, `edge` its border."""
    border = f' stroke="{edge}" stroke-width="1"' if edge else ""
    inner = f"><title>{escape(tip)}</title></rect>\n" if tip else "/>\n"
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}"{border}{inner}'
    )


def text(
    x: float, y: float, content: str, colour: str, size: float, anchor: str = "middle",
    bold: bool = False,
) -> str:  # fmt: skip
    """Words at a point of their baseline; nothing for no words."""
    if not content:
        return ""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
        f'text-anchor="{anchor}"{weight} xml:space="preserve">{escape(content)}</text>\n'
    )


_displays = count(1)

_ID = re.compile(r'\b(id="|href="#|url\(#)')


def inline(svg: str) -> str:
    """An SVG document as part of a page: no prologue, ids of its own, as wide as there is room.

    >>> inline('<?xml version="1.0"?><svg width="90pt" height="9pt"><g id="n0"/></svg>')
    ... # doctest: +ELLIPSIS
    '<svg style="max-width:100%;height:auto" width="90pt" height="9pt"><g id="mg...-n0"/></svg>'
    """
    start = svg.index("<svg")
    number = next(_displays)
    own = _ID.sub(lambda m: f"{m[1]}mg{number}-", svg[start:])
    return own.replace("<svg", '<svg style="max-width:100%;height:auto"', 1)
