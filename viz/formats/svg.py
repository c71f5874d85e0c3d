"""A Drawing as SVG: the same in every browser, with ids and tooltips, and no Graphviz needed."""

from __future__ import annotations

from collections.abc import Sequence

from ..drawing.drawing import Curve, Drawing, Group, Point, Rect, Shape, Text, Word, opacity
from ..drawing.strokes import RISE
from ..style.typography import FONTS, SMALL, escape, known_width, scripts

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


def _paint(name: str, colour: str) -> str:
    """fill="#f97316" fill-opacity="0.349": not every viewer knows eight digits."""
    plain, share = opacity(colour or "none")
    return f' {name}="{plain}"' + (f' {name}-opacity="{share:g}"' if share < 1.0 else "")


def _figure(x: float) -> str:
    """A coordinate to a tenth of a point: a large picture has thousands of them."""
    text = f"{x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _rect(rect: Rect) -> str:
    if not (rect.fill or rect.stroke):
        return ""
    x, y, w, h = map(_figure, (rect.x, rect.y, rect.w, rect.h))
    stroke = _paint("stroke", rect.stroke) + f' stroke-width="{rect.width:g}"'
    return (
        f'<rect x="{x}" y="{y}" width="{w}" height="{h}"'
        + (f' rx="{rect.radius:g}"' if rect.radius else "")
        + _paint("fill", rect.fill)
        + (stroke if rect.stroke else "")
        + (' stroke-dasharray="5,2"' if rect.dashed else "")
        + "/>"
    )


def _text(text: Text) -> str:
    # A letter that Arial lacks comes from any font: it is set as wide as was reckoned with.
    known = all(known_width(word.text) for word in text.words)
    room = "" if known else f' textLength="{text.width:.1f}" lengthAdjust="spacingAndGlyphs"'
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    place = f'x="{_figure(text.x)}" y="{_figure(text.y)}" font-size="{text.size:g}"{anchor}{room}'
    if len(text.words) == 1:
        return f"<text {place}{_ink(text.words[0])}>{_pieces(text.words[0], text.size)}</text>"
    inner = [f"<tspan{_ink(word)}>{_pieces(word, text.size)}</tspan>" for word in text.words]
    return f"<text {place}>{''.join(inner)}</text>"


def _ink(word: Word) -> str:
    return _paint("fill", word.colour) + (' font-weight="bold"' if word.bold else "")


def _pieces(word: Word, size: float) -> str:
    """A word with its subscripts smaller and lower: few fonts have all small digits."""
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
    dashes = (
        "" if curve.dashes is None else f' stroke-dasharray="{"{:g},{:g}".format(*curve.dashes)}"'
    )
    path = (
        f'<path d="{_way(curve.points)}" fill="none"{_paint("stroke", curve.colour)} '
        f'stroke-width="{curve.width:g}"{dashes}/>'
    )
    if curve.head is None:
        return path
    corners = " ".join([_point(point) for point in curve.head])
    return f'{path}<polygon points="{corners}"{_paint("fill", curve.colour)}/>'


def _way(points: Sequence[Point]) -> str:
    """A Bezier curve as the data of a path; pieces along x or y as what they are."""
    way = [f"M{_point(points[0])}"]
    for i in range(0, len(points) - 1, 3):
        piece = points[i : i + 4]
        (x, y), end = piece[0], piece[3]
        if all(point[1] == y for point in piece):
            way.append(f"H{_figure(end[0])}")
        elif all(point[0] == x for point in piece):
            way.append(f"V{_figure(end[1])}")
        else:
            way.append("C" + " ".join(map(_point, piece[1:])))
    return "".join(way)


def _point(point: Point) -> str:
    return f"{_figure(point[0])},{_figure(point[1])}"
