"""A Drawing as SVG: the same in every browser, with ids and tooltips, and no Graphviz needed."""

from __future__ import annotations

from collections.abc import Iterator

from ..drawing.drawing import Curve, Drawing, Group, Rect, Shape, Text, Word, opacity
from ..style.typography import FONTS, SMALL, escape, known_width, scripts

__all__ = ["element", "to_svg", "write"]

_SINK = {0: 0.0, -1: 0.16, 1: -0.36}  # how far a sub- or superscript stands below the line


def write(drawing: Drawing) -> bytes:
    """The bytes of an SVG file."""
    return to_svg(drawing).encode()


def to_svg(drawing: Drawing) -> str:
    """The Drawing as the text of an SVG document."""
    size = f'width="{drawing.width:.0f}pt" height="{drawing.height:.0f}pt"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'viewBox="0 0 {drawing.width:.2f} {drawing.height:.2f}" font-family="{FONTS}">\n'
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


def _rect(rect: Rect) -> str:
    if not (rect.fill or rect.stroke):
        return ""
    stroke = _paint("stroke", rect.stroke) + f' stroke-width="{rect.width:g}"'
    return (
        f'<rect x="{rect.x:.2f}" y="{rect.y:.2f}" width="{rect.w:.2f}" height="{rect.h:.2f}"'
        + (f' rx="{rect.radius:g}"' if rect.radius else "")
        + _paint("fill", rect.fill)
        + (stroke if rect.stroke else "")
        + (' stroke-dasharray="5,2"' if rect.dashed else "")
        + "/>"
    )


def _text(text: Text) -> str:
    inner = "".join(piece for word in text.words for piece in _pieces(word, text.size))
    # A letter that Arial lacks comes from any font: it is set as wide as was reckoned with.
    known = all(known_width(word.text) for word in text.words)
    room = "" if known else f' textLength="{text.width:.1f}" lengthAdjust="spacingAndGlyphs"'
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return (
        f'<text x="{text.x:.2f}" y="{text.y:.2f}" font-size="{text.size:g}"{anchor}{room} '
        f'xml:space="preserve">{inner}</text>'
    )


def _pieces(word: Word, size: float) -> Iterator[str]:
    """A word in its colour, subscripts smaller and lower: few fonts have all small digits."""
    bold = ' font-weight="bold"' if word.bold else ""
    attributes, sunk = f"{_paint('fill', word.colour)}{bold}", 0.0
    for piece, level in scripts(word.text):
        dy = _SINK[level] * size - sunk
        sunk += dy
        shift = f' dy="{dy:.2f}"' if dy else ""
        small = f' font-size="{SMALL * size:.2f}"' if level else ""
        yield f"<tspan{attributes}{shift}{small}>{escape(piece)}</tspan>"
    if sunk:
        yield f'<tspan dy="{-sunk:.2f}">&#8203;</tspan>'


def _curve(curve: Curve) -> str:
    (x, y), *points = curve.points
    along = " ".join([f"{x:.1f},{y:.1f}" for x, y in points])
    dashes = (
        "" if curve.dashes is None else f' stroke-dasharray="{"{:g},{:g}".format(*curve.dashes)}"'
    )
    path = (
        f'<path d="M{x:.1f},{y:.1f} C{along}" fill="none"{_paint("stroke", curve.colour)} '
        f'stroke-width="{curve.width:g}"{dashes}/>'
    )
    if curve.head is None:
        return path
    corners = " ".join([f"{x:.1f},{y:.1f}" for x, y in curve.head])
    return f'{path}<polygon points="{corners}"{_paint("fill", curve.colour)}/>'
