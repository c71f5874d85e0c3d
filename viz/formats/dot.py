"""A Drawing as DOT: what `viz.draw` returns, and what Graphviz makes a PNG from.

A card is a box node with its id and tooltip, its texts are nodes named after it, and a wire
is an edge between the cards that it joins. Every position is given (`layout=nop2`), so
Graphviz only paints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import graphviz

from ..drawing.drawing import Curve, Drawing, Group, Point, Rect, Text, Word
from ..plots.svg import inline
from ..style.typography import FONT, clean, escape, text_width
from . import graphviz as programs
from .svg import to_svg

__all__ = ["Digraph", "png", "to_dot", "write"]

_LONGEST_TEXT = 16_000  # Graphviz before version 3 reads no longer ones
_RISE = {False: 0.36, True: 0.29}  # of a word above its baseline; Graphviz sets bold ones higher
_LARGEST_PNG = 16_000  # pixels of the longer side


class Digraph(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that is painted by the Graphviz that viz finds."""

    drawing: Drawing

    def pipe(
        self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any
    ) -> Any:
        """The picture as bytes, or as text if an encoding is given (graphviz.Digraph.pipe)."""
        extent = max(self.drawing.width, self.drawing.height)
        painted = _painted(self.source, format or "svg", extent)
        return painted if encoding is None else painted.decode(encoding)

    def _repr_mimebundle_(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        **_: Any,
    ) -> Any:
        """HTML, which notebooks fit into the cell, where no format is asked for."""
        if include is not None:
            return super()._repr_mimebundle_(include, exclude)
        return {"text/html": inline(to_svg(self.drawing))}

    def _repr_image_svg_xml(self) -> str:
        return inline(to_svg(self.drawing))


def write(drawing: Drawing) -> bytes:
    """The bytes of a DOT file."""
    return str(to_dot(drawing).source).encode()


def png(drawing: Drawing) -> bytes:
    """The bytes of a PNG file, painted by Graphviz with two pixels a point."""
    return bytes(to_dot(drawing).pipe("png"))


def _painted(source: str, format: str, extent: float) -> bytes:
    """DOT text as a picture; a PNG has fewer pixels a point where it would get too large."""
    dpi = min(144.0, 72.0 * _LARGEST_PNG / extent) if extent else 144.0
    options = (f"-Gdpi={dpi:.0f}",) if format == "png" else ()
    return programs.find(format).run(source, format, options)


def to_dot(drawing: Drawing) -> Digraph:
    """The Drawing as a graphviz.Digraph."""
    dot = Digraph(
        "microgrid",
        graph_attr={
            "layout": "nop2",
            "bgcolor": drawing.ground,
            "pad": "0.25",
            "outputorder": "nodesfirst",
            "fontname": FONT,
        },
        node_attr={"shape": "box", "fixedsize": "true", "fontname": FONT, "label": ""},
        edge_attr={"fontname": FONT, "fontsize": "10", "arrowsize": "0.6"},
    )
    dot.drawing = drawing
    dot.body.append(f"\tgraph [tooltip={_quoted(drawing.title)}]\n")
    # The graphviz package quotes every attribute anew, which costs more than all the rest, so
    # lines are written here; what is data goes through _quoted or escape.
    for group in drawing.groups:
        dot.body += [f"\t{line}\n" for line in _lines(group, drawing.height)]
    return dot


def _lines(group: Group, height: float) -> Iterator[str]:
    """A group as statements: its first box bears the id, an edge for each curve."""
    curves = [shape for shape in group.shapes if isinstance(shape, Curve)]
    texts = [shape for shape in group.shapes if isinstance(shape, Text)]
    labels = texts[: len(curves)]  # the words on a wire are labels of its line and its ribbon
    for i, shape in enumerate(group.shapes):
        name = f"{group.id}_{i}" if i else group.id
        if isinstance(shape, Rect) and (shape.fill or shape.stroke or i == 0):
            yield _box(name, shape, height, group.tooltip if i == 0 else "")
        elif isinstance(shape, Text) and shape not in labels:
            yield from _words(name, shape, height)
    for i, curve in enumerate(reversed(curves)):  # the line bears the id, not its ribbon
        ends = group.ends or (group.id, group.id)
        label = labels[i] if i < len(labels) else None
        name = group.id if i == 0 else f"{group.id}_{curve.kind}"
        yield _edge(name, ends, curve, label, height, group.tooltip if i == 0 else "")


def _box(name: str, rect: Rect, height: float, tooltip: str) -> str:
    style = ["rounded"] * bool(rect.radius) + ["filled"] * bool(rect.fill)
    style += ["dashed"] * rect.dashed
    return (
        f'{name} [id={name} pos="{_at((rect.x + rect.w / 2, rect.y + rect.h / 2), height)}" '
        f'width={rect.w / 72:.4f} height={rect.h / 72:.4f} style="{",".join(style)}" '
        f'fillcolor="{rect.fill or "none"}" color="{rect.stroke or "transparent"}" '
        f"penwidth={rect.width:g}{_tooltip(tooltip)}]"
    )


def _words(name: str, text: Text, height: float) -> Iterator[str]:
    """A node for each word, so that Graphviz has none to set beside another."""
    x = text.left
    pieces = [piece for word in text.words for piece in _pieces(word)]
    for i, word in enumerate(pieces):
        width = text_width(word.text, text.size, word.bold)
        middle = x + width / 2, text.y - _RISE[word.bold] * text.size
        x += width
        if word.text.strip():
            own = f"{name}_{i}" if i else name
            place = f'pos="{_at(middle, height)}"'
            yield f"{own} [shape=plain fixedsize=false {place} {_label(word, text.size)}]"


def _pieces(word: Word) -> list[Word]:
    """A bold word without the letters whose width Graphviz does not know; these stand apart."""
    if not word.bold or word.text.isascii():
        return [word]
    parts = ("".join(letters) for _, letters in groupby(word.text, str.isascii))
    return [Word(part, word.colour, bold=part.isascii()) for part in parts]


def _edge(
    name: str, ends: tuple[str, str], curve: Curve, text: Text | None, height: float, tooltip: str
) -> str:
    tip = f"e,{_at(curve.tip, height)} " if curve.tip else ""
    place = ""
    if text is not None:
        middle = text.left + text.width / 2, text.y - _RISE[False] * text.size
        place = f' lp="{_at(middle, height)}" {_label(text.words[0], text.size)}'
    return (
        f"{ends[0]} -> {ends[1]} [id={name} "
        f'pos="{tip}{" ".join([_at(point, height) for point in curve.points])}" '
        f'color="{curve.colour}" penwidth={curve.width:g}{_tooltip(tooltip)}'
        + ("" if curve.tip else " arrowhead=none")
        + (" style=dashed" if curve.dashes else "")
        + f"{place}]"
    )


def _label(word: Word, size: float) -> str:
    """label=...: plain where it can be, which Graphviz reads much faster."""
    if not word.bold:
        return f'label={_quoted(word.text)} fontcolor="{word.colour}" fontsize={size:g}'
    start = f'<FONT COLOR="{word.colour}" POINT-SIZE="{size:g}"><B>'
    end = "</B></FONT>"
    # Graphviz reads \N, \G ... as names even here: the letter starts a piece of its own.
    inner = re.sub(r"\\(?=[EGHLNT])", lambda found: f"{found[0]}{end}{start}", escape(word.text))
    return f"label=<{start}{inner}{end}>"


def _tooltip(text: str) -> str:
    return f" tooltip={_quoted(text)}" if text else ""


def _quoted(text: str) -> str:
    """Plain text in quotes, in which Graphviz reads no escapes (it does so twice)."""
    quoted = clean(text).replace("&", "&amp;").replace("\\", 4 * "\\")
    quoted = quoted.replace('"', "&quot;").replace("\r", "&#13;").replace("\n", "&#10;")
    if len(quoted) > _LONGEST_TEXT:
        return _quoted(text[: len(text) * 2 // 3] + "…")
    return f'"{quoted}"'


def _at(point: Point, height: float) -> str:
    return f"{point[0]:.2f},{height - point[1]:.2f}"
