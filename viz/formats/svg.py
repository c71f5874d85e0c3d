"""A Drawing as SVG: the same in every browser, with ids and tooltips, and no Graphviz needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..drawing.drawing import Curve, Drawing, Group, Point, Rect, Shape, Text, Word, opacity
from ..drawing.strokes import RISE
from ..style.typography import FONTS, SMALL, escape, is_level, known_width, scripts

__all__ = ["element", "to_svg", "write"]


def write(drawing: Drawing) -> bytes:
    """The bytes of an SVG file."""
    return to_svg(drawing).encode()


def to_svg(drawing: Drawing) -> str:
    """The Drawing as the text of an SVG document."""
    size = f'width="{drawing.width:.0f}pt" height="{drawing.height:.0f}pt"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'viewBox="0 0 {drawing.width:.2f} {drawing.height:.2f}" font-family="{FONTS}" '
        'xml:space="preserve">\n'
        f"<title>{escape(drawing.title)}</title>\n"
        f'<rect width="100%" height="100%" fill="{drawing.ground}"/>\n'
        f"{''.join(map(_group, drawing.groups))}</svg>\n"
    )


def _group(group: Group) -> str:
    inner = "".join(map(element, group.shapes))
    title = f"<title>{escape(group.tooltip)}</title>" if group.tooltip else ""
    return f'<g id="{group.id}" class="{group.kind}">{title}{inner}</g>\n'


def element(shape: Shape) -> str:
    """One shape as SVG."""
    if isinstance(shape, Rect):
        return _rect(shape)
    return _text(shape) if isinstance(shape, Text) else _curve(shape)


@lru_cache(maxsize=256)
def _paint(name: str, colour: str) -> str:
    """fill="#f97316" fill-opacity="0.349": not every viewer knows eight digits."""
    plain, share = opacity(colour or "none")
    return f' {name}="{plain}"' + (f' {name}-opacity="{share:g}"' if share < 1.0 else "")


@lru_cache(maxsize=16384)  # what stands in a row or in a column has a coordinate in common
def _figure(x: float) -> str:
    """A coordinate to a tenth of a point: a large picture has thousands of them."""
    text = f"{x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


@lru_cache(maxsize=256)
def _pen(colour: str, width: float, dashes: tuple[float, float] | None = None) -> str:
    stripes = "" if dashes is None else f' stroke-dasharray="{dashes[0]:g},{dashes[1]:g}"'
    return f'{_paint("stroke", colour)} stroke-width="{width:g}"{stripes}'


def _rect(rect: Rect) -> str:
    _, x, y, w, h, fill, stroke, width, radius, dashed = rect
    if not (fill or stroke):
        return ""
    return (
        f'<rect x="{_figure(x)}" y="{_figure(y)}" width="{_figure(w)}" height="{_figure(h)}"'
        + (f' rx="{radius:g}"' if radius else "")
        + _paint("fill", fill)
        + (_pen(stroke, width) if stroke else "")
        + (' stroke-dasharray="5,2"' if dashed else "")
        + "/>"
    )


def _text(text: Text) -> str:
    _, x, y, size, anchor, words = text
    place = f'x="{_figure(x)}" y="{_figure(y)}"{_font(size, anchor)}{_room(text)}'
    if len(words) == 1:
        return f"<text {place}{_ink(words[0])}>{_pieces(words[0], size)}</text>"
    inner = [f"<tspan{_ink(word)}>{_pieces(word, size)}</tspan>" for word in words]
    return f"<text {place}>{''.join(inner)}</text>"


@lru_cache(maxsize=256)
def _font(size: float, anchor: str) -> str:
    return f' font-size="{size:g}"' + ("" if anchor == "start" else f' text-anchor="{anchor}"')


def _room(text: Text) -> str:
    """A letter that Arial lacks comes from any font: it is set as wide as was reckoned with."""
    known = [known_width(word.text) for word in text.words]
    if all(known):
        return ""
    return f' textLength="{text.width:.1f}" lengthAdjust="spacingAndGlyphs"'


def _ink(word: Word) -> str:
    return _paint("fill", word.colour) + (' font-weight="bold"' if word.bold else "")


def _pieces(word: Word, size: float) -> str:
    """A word with its subscripts smaller and lower: few fonts have all small digits."""
    if is_level(word.text):
        return escape(word.text)
    found, sunk = "", 0.0
    for piece, level in scripts(word.text):
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
    corners = " ".join([_point(point) for point in head])
    return f'{path}<polygon points="{corners}"{_paint("fill", curve.colour)}/>'


def _way(points: Sequence[Point]) -> str:
    """A Bezier curve as the data of a path; pieces along x or y as what they are."""
    way = [f"M{_point(points[0])}"]
    (x0, y0), rest = points[0], points[1:]
    for a, b, end in zip(rest[::3], rest[1::3], rest[2::3]):
        (x1, y1), (x2, y2), (x3, y3) = a, b, end
        if y0 == y1 == y2 == y3:
            way.append(f"H{_figure(x3)}")
        elif x0 == x1 == x2 == x3:
            way.append(f"V{_figure(y3)}")
        else:
            way.append(f"C{_point(a)} {_point(b)} {_point(end)}")
        x0, y0 = end
    return "".join(way)


def _point(point: Point) -> str:
    return f"{_figure(point[0])},{_figure(point[1])}"
