"""A Drawing as PDF with text that can be selected, and no Graphviz needed.

The 14 standard fonts are in every viewer, so nothing is embedded: Helvetica has the widths of
Arial, and Symbol has the arrows, the minus and the Greek letters.
"""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from ..drawing.drawing import Drawing, Point, Rect, Shape, Text, opacity
from ..style.typography import SMALL, scripts, text_width

__all__ = ["write"]

_FONTS = {"H": "Helvetica", "B": "Helvetica-Bold", "S": "Symbol"}
_SYMBOL = {  # code and width in 1/1000 em
    "−": (0x2D, 549), "×": (0xB4, 549), "÷": (0xB8, 549), "±": (0xB1, 549), "←": (0xAC, 987),
    "↑": (0xAD, 603), "→": (0xAE, 987), "↓": (0xAF, 603), "∂": (0xB6, 494), "∞": (0xA5, 713),
    "√": (0xD6, 549), "≤": (0xA3, 549), "≥": (0xB3, 549), "∇": (0xD1, 713),
    **{letter: (code, 600) for letter, code in zip(
        "αβχδεφγηιϕκλμνοπθρστυωξψζΑΒΧΔΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥΩΞΨΖ",
        b"abcdefghijklmnopqrstuwxyzABCDEFGHIKLMNOPQRSTUWXYZ")},
}  # fmt: skip
_LARGEST = 14_400  # units of a page's side; beyond, a unit is more than a point
_RISE = {0: 0.0, -1: -0.16, 1: 0.36}
_KAPPA = 0.4477  # how far from a corner the control points of a quarter circle are


class _Glyph(NamedTuple):
    font: str
    code: int
    size: float
    rise: float
    colour: str
    width: float


def write(drawing: Drawing) -> bytes:
    """The bytes of a PDF file of one page."""
    shares: dict[float, str] = {1.0: "A0"}
    unit = math.ceil(max(drawing.width, drawing.height) / _LARGEST)  # in points
    width, height = drawing.width / unit, drawing.height / unit
    flip = f"{1 / unit:.6f} 0 0 {-1 / unit:.6f} 0 {height:.2f} cm"
    ground = Rect("ground", 0.0, 0.0, drawing.width, drawing.height, drawing.ground)
    shapes = [ground, *(shape for group in drawing.groups for shape in group.shapes)]
    content = "\n".join([flip, *(_operators(shape, shares) for shape in shapes)])
    body = zlib.compress(content.encode("latin-1"), 9)
    title = "FEFF" + drawing.title.encode("utf-16-be", "replace").hex().upper()
    states = "".join(f"/{name}<</ca {x:g}/CA {x:g}>>" for x, name in shares.items())
    fonts = "".join(f"/{name} {6 + i} 0 R" for i, name in enumerate(_FONTS))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width:.2f} {height:.2f}]/UserUnit {unit}"
        f"/Contents 4 0 R/Resources<</Font<<{fonts}>>/ExtGState<<{states}>>>>>>".encode(),
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(body), body),
        f"<</Title<{title}>/Producer(microgrid)>>".encode(),
        *(_font(name) for name in _FONTS.values()),
    ]
    return _file(objects)


def _font(name: str) -> bytes:
    encoding = "" if name == "Symbol" else "/Encoding/WinAnsiEncoding"
    return f"<</Type/Font/Subtype/Type1/BaseFont/{name}{encoding}>>".encode()


def _file(objects: list[bytes]) -> bytes:
    """Objects, the table of where they begin, and the trailer."""
    out, places = b"%PDF-1.7\n", []
    for i, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj%b\nendobj\n" % (i, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        b"%bxref\n0 %d\n0000000000 65535 f \n%b" % (out, len(objects) + 1, table)
        + b"trailer<</Size %d/Root 1 0 R/Info 5 0 R>>\n" % (len(objects) + 1)
        + b"startxref\n%d\n%%%%EOF\n" % len(out)
    )


def _operators(shape: Shape, shares: dict[float, str]) -> str:
    """One shape in PDF's operators; lengths are points, y grows downwards as in the Drawing."""
    if isinstance(shape, Text):
        return _text(shape)
    if isinstance(shape, Rect):
        pen = _pen(
            shape.fill, shape.stroke, shape.width, (5.0, 2.0) if shape.dashed else None, shares
        )
        end = "B" if shape.fill and shape.stroke else "f" if shape.fill else "S"
        return f"q {pen}{_outline(shape)} {end} Q" if shape.fill or shape.stroke else ""
    start, *points = map(_at, shape.points)
    along = " ".join(" ".join(points[i : i + 3]) + " c" for i in range(0, len(points), 3))
    pen = _pen("", shape.colour, shape.width, shape.dashes, shares)
    line = f"q {pen}{start} m {along} S Q"
    if shape.head is None:
        return line
    a, b, c = map(_at, shape.head)
    return f"{line} q {_pen(shape.colour, '', 0.0, None, shares)}{a} m {b} l {c} l h f Q"


def _pen(
    fill: str,
    stroke: str,
    width: float,
    dashes: tuple[float, float] | None,
    shares: dict[float, str],
) -> str:
    share = opacity(fill or stroke)[1]
    pen = f"/{shares.setdefault(share, f'A{len(shares)}')} gs " if share < 1.0 else ""
    pen += f"{_rgb(fill)} rg " if fill else ""
    pen += f"{_rgb(stroke)} RG {width:g} w " if stroke else ""
    return pen + ("[{:g} {:g}] 0 d ".format(*dashes) if dashes else "")


def _outline(rect: Rect) -> str:
    x, y, w, h = rect.x, rect.y, rect.w, rect.h
    r = min(rect.radius, w / 2, h / 2)
    if not r:
        return f"{x:.2f} {y:.2f} {w:.2f} {h:.2f} re"
    k, right, low = r * _KAPPA, x + w, y + h
    parts = [
        ((x + r, y), "m"), ((right - r, y), "l"),
        ((right - k, y), ""), ((right, y + k), ""), ((right, y + r), "c"),
        ((right, low - r), "l"),
        ((right, low - k), ""), ((right - k, low), ""), ((right - r, low), "c"),
        ((x + r, low), "l"),
        ((x + k, low), ""), ((x, low - k), ""), ((x, low - r), "c"),
        ((x, y + r), "l"),
        ((x, y + k), ""), ((x + k, y), ""), ((x + r, y), "c h"),
    ]  # fmt: skip
    return " ".join(f"{_at(point)} {operator}".rstrip() for point, operator in parts)


def _text(text: Text) -> str:
    glyphs = [g for w in text.words for g in _glyphs(w.text, w.bold, text.size, w.colour)]
    width = sum(glyph.width for glyph in glyphs)
    x = text.x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    parts = []
    for (font, size, rise, colour), group in groupby(glyphs, key=_style):
        run = list(group)
        shown = bytes(glyph.code for glyph in run).hex()
        place = f"1 0 0 -1 {x:.2f} {text.y - rise:.2f} Tm"
        parts.append(f"{_rgb(colour)} rg /{font} {size:.2f} Tf {place} <{shown}> Tj")
        x += sum(glyph.width for glyph in run)
    return f"BT {' '.join(parts)} ET" if parts else ""


def _style(glyph: _Glyph) -> tuple[str, float, float, str]:
    return glyph.font, glyph.size, glyph.rise, glyph.colour


def _glyphs(text: str, bold: bool, size: float, colour: str) -> Iterator[_Glyph]:
    """The letters of a word; one that the standard fonts lack is its plain letter, or a ?."""
    plain = "B" if bold else "H"
    for piece, level in scripts(text.replace("‖", "||")):
        small = SMALL * size if level else size
        for letter in piece:
            if letter in _SYMBOL:
                code, thousandths = _SYMBOL[letter]
                width = thousandths * small / 1000.0
                yield _Glyph("S", code, small, _RISE[level] * size, colour, width)
                continue
            known = letter.encode("cp1252", "ignore")
            if not known:
                letter = unicodedata.normalize("NFD", letter)[0]
                known = letter.encode("cp1252", "ignore") or b"?"
            width = text_width(known.decode("cp1252"), small, bold)
            yield _Glyph(plain, known[0], small, _RISE[level] * size, colour, width)


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[i : i + 2], 16) / 255.0:.3g}" for i in (1, 3, 5))


def _at(point: Point) -> str:
    return f"{point[0]:.2f} {point[1]:.2f}"
