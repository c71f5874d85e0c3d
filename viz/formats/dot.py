"""A Drawing as statements of DOT, of which `digraph.py` makes what `viz.draw` returns.

A card is a box node with its id and tooltip, its texts are nodes named after it, and a wire
is an edge between the cards that it joins. Every position is given (`layout=nop2`), so
Graphviz only paints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, zip_longest

from ..drawing.drawing import Curve, Drawing, Group, Point, Rect, Text, Word
from ..style.typography import FONT, clean, escape, text_width

__all__ = ["EDGES", "GRAPH", "NODES", "statements"]

# Attributes of the whole graph, of nodes and of edges, where nothing else is said.
GRAPH = {"layout": "nop2", "pad": "0.25", "outputorder": "nodesfirst", "fontname": FONT}
NODES = {"shape": "box", "fixedsize": "true", "fontname": FONT, "label": ""}
EDGES = {"fontname": FONT, "fontsize": "10", "arrowsize": "0.6"}
_LONGEST_TEXT = 16_000  # Graphviz before version 3 reads no longer ones
_RISE = {False: 0.36, True: 0.29}  # of a word above its baseline; Graphviz sets bold ones higher


def statements(drawing: Drawing) -> Iterator[str]:
    """Title, nodes and edges, a line each.

    The graphviz package quotes every attribute anew, which costs more than all the rest, so
    lines are written here; what is data goes through _quoted or escape.
    """
    yield f"graph [tooltip={_quoted(drawing.title)}]"
    for group in drawing.groups:
        yield from _group(group, drawing.height)


def _group(group: Group, height: float) -> Iterator[str]:
    """The first box bears the id and the tooltip; a wire is an edge for each of its curves."""
    curves = [shape for shape in group.shapes if isinstance(shape, Curve)]
    labels: list[Text] = []  # the words on a wire are labels of its line and its ribbon
    name, tooltip = group.id, f" tooltip={_quoted(group.tooltip)}" if group.tooltip else ""
    for i, shape in enumerate(group.shapes):
        if isinstance(shape, Text):
            if len(labels) < len(curves):
                labels.append(shape)
            else:
                yield from _words(name, shape, height)
        elif isinstance(shape, Rect) and (shape.fill or shape.stroke or i == 0):
            yield _box(name, shape, height, tooltip if i == 0 else "")
        name = f"{group.id}_{i + 1}"
    ends = " -> ".join(group.ends or (group.id, group.id))
    for i, (curve, label) in enumerate(zip_longest(reversed(curves), labels)):
        name = f"{group.id}_{curve.kind}" if i else group.id  # the line bears it, not its ribbon
        yield f"{ends} [id={name} {_edge(curve, label, height, '' if i else tooltip)}]"


def _box(name: str, rect: Rect, height: float, tooltip: str) -> str:
    style = ["rounded"] * bool(rect.radius) + ["filled"] * bool(rect.fill)
    style += ["dashed"] * rect.dashed
    return (
        f'{name} [id={name} pos="{_at((rect.x + rect.w / 2, rect.y + rect.h / 2), height)}" '
        f'width={rect.w / 72:.4f} height={rect.h / 72:.4f} style="{",".join(style)}" '
        f'fillcolor="{rect.fill or "none"}" color="{rect.stroke or "transparent"}" '
        f"penwidth={rect.width:g}{tooltip}]"
    )


def _words(name: str, text: Text, height: float) -> Iterator[str]:
    """A node for each word, so that Graphviz has none to set beside another."""
    x, y, size = text.left, text.y, text.size
    pieces = [piece for word in text.words for piece in _pieces(word)]
    for i, word in enumerate(pieces):
        width = text_width(word.text, size, word.bold)
        middle = x + width / 2, y - _RISE[word.bold] * size
        x += width
        if word.text.strip():
            own = f"{name}_{i}" if i else name
            place = f'pos="{_at(middle, height)}"'
            yield f"{own} [shape=plain fixedsize=false {place} {_label(word, size)}]"


def _pieces(word: Word) -> list[Word]:
    """A bold word without the letters whose width Graphviz does not know; these stand apart."""
    if not word.bold or word.text.isascii():
        return [word]
    parts = ("".join(letters) for _, letters in groupby(word.text, str.isascii))
    return [Word(part, word.colour, bold=part.isascii()) for part in parts]


def _edge(curve: Curve, text: Text | None, height: float, tooltip: str) -> str:
    tip = f"e,{_at(curve.tip, height)} " if curve.tip else ""
    words = ""
    if text is not None:
        middle = text.left + text.width / 2, text.y - _RISE[False] * text.size
        words = f' lp="{_at(middle, height)}" {_label(text.words[0], text.size)}'
    return (
        f'pos="{tip}{" ".join([_at(point, height) for point in curve.points])}" '
        f'color="{curve.colour}" penwidth={curve.width:g}{tooltip}'
        + ("" if curve.tip else " arrowhead=none")
        + (" style=dashed" if curve.dashes else "")
        + words
    )


@lru_cache(maxsize=8192)
def _label(word: Word, size: float) -> str:
    """label=...: plain where it can be, which Graphviz reads much faster."""
    if not word.bold:
        return f'label={_quoted(word.text)} fontcolor="{word.colour}" fontsize={size:g}'
    start = f'<FONT COLOR="{word.colour}" POINT-SIZE="{size:g}"><B>'
    end = "</B></FONT>"
    # Graphviz reads \N, \G ... as names even here: the letter starts a piece of its own.
    inner = re.sub(r"\\(?=[EGHLNT])", lambda found: f"{found[0]}{end}{start}", escape(word.text))
    return f"label=<{start}{inner}{end}>"


def _quoted(text: str) -> str:
    """Plain text in quotes, in which Graphviz reads no escapes (it does so twice)."""
    quoted = clean(text).replace("&", "&amp;").replace("\\", 4 * "\\")
    quoted = quoted.replace('"', "&quot;").replace("\r", "&#13;").replace("\n", "&#10;")
    if len(quoted) > _LONGEST_TEXT:
        return _quoted(text[: len(text) * 2 // 3] + "…")
    return f'"{quoted}"'


def _at(point: Point, height: float) -> str:
    return f"{_figure(point[0] + 0.0)},{_figure(height - point[1])}"  # + 0.0: no "-0.00"


@lru_cache(maxsize=16384)  # what stands in a row or in a column has a coordinate in common
def _figure(x: float) -> str:
    return f"{x:.2f}"
