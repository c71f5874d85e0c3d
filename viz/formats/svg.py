"""A Drawing as SVG: the same in every browser, with ids and tooltips, and no Graphviz needed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ..drawing.drawing import Curve, Drawing, Group, Point, Rect, Shape, Text, opacity
from ..drawing.strokes import RISE
from ..style.typography import FONTS, SMALL, escape, is_level, is_plain, known_width, scripts

__all__ = ["document", "element", "to_svg", "write"]


def write(drawing: Drawing) -> bytes:
    """The bytes of an SVG file."""
    return document(drawing, map(_group, drawing.groups))


def to_svg(drawing: Drawing) -> str:
    """The Drawing as the text of an SVG document."""
    return write(drawing).decode()


def document(drawing: Drawing, groups: Iterable[str], style: str = "") -> bytes:
    """Groups that are written already, with the size, title and ground of a Drawing."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{drawing.width:.0f}pt" height="{drawing.height:.0f}pt" role="img" '
        f'viewBox="0 0 {drawing.width:.2f} {drawing.height:.2f}" font-family="{FONTS}" '
        f'xml:space="preserve">\n<title>{escape(drawing.title)}</title>\n{style}'
        f'<rect width="100%" height="100%" fill="{drawing.ground}"/>\n'
    )
    # Encoded piece by piece: as one text a large picture would take four times the room.
    return b"".join([part.encode() for part in (head, *groups, "</svg>\n")])


def _group(group: Group) -> str:
    title = f"<title>{escape(group.tooltip)}</title>" if group.tooltip else ""
    inner = "".join([element(shape) for shape in group.shapes])
    return f'<g id="{group.id}" class="{group.kind}">{title}{inner}</g>\n'


def element(shape: Shape) -> str:
    """One shape as SVG."""
    if isinstance(shape, Text):
        return _text(shape)
    return _rect(shape) if isinstance(shape, Rect) else _curve(shape)


@lru_cache(maxsize=256)
def _paint(name: str, colour: str) -> str:
    """fill="#f97316" fill-opacity="0.349": not every viewer knows eight digits."""
    plain, share = opacity(colour or "none")
    return f' {name}="{plain}"' + (f' {name}-opacity="{share:g}"' if share < 1.0 else "")


@lru_cache(maxsize=256)
def _pen(colour: str, width: float, dashes: tuple[float, float] | None) -> str:
    stripes = "" if dashes is None else f' stroke-dasharray="{dashes[0]:g},{dashes[1]:g}"'
    return f'{_paint("stroke", colour)} stroke-width="{width:g}"{stripes}'


@lru_cache(maxsize=256)
def _ink(colour: str, bold: bool) -> str:
    return _paint("fill", colour) + ' font-weight="bold"' * bold


@lru_cache(maxsize=256)
def _font(size: float, anchor: str) -> str:
    return f' font-size="{size:g}"' + ("" if anchor == "start" else f' text-anchor="{anchor}"')


@lru_cache(maxsize=16384)  # what stands in a row or in a column has a coordinate in common
def _figure(x: float) -> str:
    """A coordinate to a tenth of a point: a large picture has thousands of them."""
    text = f"{x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _rect(rect: Rect) -> str:
    _, x, y, w, h, fill, stroke, width, radius, _ = rect
    if not (fill or stroke):
        return ""
    corners = f' rx="{radius:g}"' if radius else ""
    pen = _pen(stroke, width, rect.dashes) if stroke else ""
    return (
        f'<rect x="{_figure(x)}" y="{_figure(y)}" width="{_figure(w)}" height="{_figure(h)}"'
        f"{corners}{_paint('fill', fill)}{pen}/>"
    )


def _text(text: Text) -> str:
    _, x, y, size, anchor, words = text
    place = f'<text x="{_figure(x)}" y="{_figure(y)}"{_font(size, anchor)}'
    (letters, colour, bold), *more = words
    if not more and is_plain(letters):  # nearly all are
        return f"{place}{_ink(colour, bold)}>{letters}</text>"
    if not all(known_width(word.text) for word in words):  # these come from any font
        place += f' textLength="{text.width:.1f}" lengthAdjust="spacingAndGlyphs"'
    if not more:
        return f"{place}{_ink(colour, bold)}>{_letters(letters, size)}</text>"
    spans = [f"<tspan{_ink(c, b)}>{_letters(word, size)}</tspan>" for word, c, b in words]
    return f"{place}>{''.join(spans)}</text>"


def _letters(word: str, size: float) -> str:
    """A word with its subscripts smaller and lower: few fonts have all small digits."""
    if is_level(word):
        return escape(word)
    found, sunk = "", 0.0
    for piece, level in scripts(word):
        dy = -RISE[level] * size - sunk
        sunk += dy
        shift = f' dy="{_figure(dy)}"' if dy else ""
        small = f' font-size="{_figure(SMALL * size)}"' if level else ""
        letters = escape(piece)
        found += f"<tspan{shift}{small}>{letters}</tspan>" if shift or small else letters
    return found + (f'<tspan dy="{_figure(-sunk)}">&#8203;</tspan>' if sunk else "")


def _curve(curve: Curve) -> str:
    pen = _pen(curve.colour, curve.width, curve.dashes)
    path = f'<path d="{_way(curve.points)}" fill="none"{pen}/>'
    head = curve.head
    if head is None:
        return path
    corners = " ".join([f"{_figure(x)},{_figure(y)}" for x, y in head])
    return f'{path}<polygon points="{corners}"{_paint("fill", curve.colour)}/>'


def _way(points: Iterable[Point]) -> str:
    """A Bezier curve as the data of a path; pieces along x or y as what they are."""
    rest = iter(points)
    x0, y0 = next(rest)
    way = f"M{_figure(x0)},{_figure(y0)}"
    for (x1, y1), (x2, y2), (x, y) in zip(rest, rest, rest):
        if y0 == y1 == y2 == y:
            way += f"H{_figure(x)}"
        elif x0 == x1 == x2 == x:
            way += f"V{_figure(y)}"
        else:
            way += (
                f"C{_figure(x1)},{_figure(y1)} {_figure(x2)},{_figure(y2)} "
                f"{_figure(x)},{_figure(y)}"
            )
        x0, y0 = x, y
    return way
