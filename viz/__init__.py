"""viz: the computational graph of a microgrid run as a picture, with every gradient on it.

>>> from microgrid import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> c = a * b
>>> c.backward()
>>> "a: a leaf" in draw(c).source
True
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from microgrid.files import write_whole
from microgrid.value import Value

from .drawing.painter import paint
from .layout.place import layout_of
from .notebook import register
from .page.player import player
from .picture.build import Drawable, Highlight, Options, Pictures, picture_of
from .plots.coloured_text import activations
from .render import FORMATS, dot, suffixes, svg
from .render.terminal import text
from .style.theme import THEMES, Theme
from .widgets import make_widget

__all__ = [
    "FORMATS",
    "activations",
    "draw",
    "frames",
    "player",
    "render",
    "suffixes",
    "text",
    "widget",
]

register()


def draw(
    x: Drawable,
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Highlight | None = None,
    upto: int | None = None,
    theme: str = "light",
    title: str | None = None,
    captions: Sequence[str] | None = None,
    marked: Collection[Value] = (),
) -> dot.Digraph:
    """The picture of a Value, a list of Values or an Unrolled, as a graphviz.Digraph.

    Parameters
    ----------
    detail : "scalar" (a card per Value), "vector" (a card per vector), "cell" (a box per
        time step), "rolled" (the loop of the textbook, for an Unrolled), or "auto", which
        takes the first of them that stays readable
    expand : what is opened: "dot" (× and + gates), "sigmoid" (its four gates), "cell"
        (a cell's named gates, at the cell level)
    show, hide : which of "value", "grad", "local", "message", "op" are printed; hidden
        numbers leave empty boxes to fill in, so that a picture becomes a worksheet
    highlight : a leaf, its label, or a whole path to the loss: its path is pointed out, with
        the product of the local derivatives written along it
    upto : the backward sweep after this many messages; what is still to come is grey
    theme : "light", "dark", "cs231n" or "print"
    title : instead of the one that is made
    captions : one per time step, printed beside "t = 1"
    marked : Values whose cards get a ring

    The Digraph has `source`, `pipe` and `render` as in the graphviz package, and shows itself
    in a notebook. Its nodes are named n0, n1 ... in the order of creation, its edges join
    them. TypeError for what cannot be drawn, ValueError for an unknown name.

    >>> a = Value(3.0, label="a"); b = a.tanh(); b.backward()
    >>> "n0 -> n1" in draw(b, theme="dark").source
    True
    """
    picture = picture_of(
        x,
        title,
        captions,
        detail=detail,
        expand=expand,
        show=show,
        hide=hide,
        highlight=highlight,
        upto=upto,
        marked=marked,
    )
    return dot.to_dot(paint(picture, layout_of(picture), _theme(theme)))


def render(
    x: Drawable,
    path: str | os.PathLike[str],
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Highlight | None = None,
    upto: int | None = None,
    theme: str = "light",
    title: str | None = None,
    captions: Sequence[str] | None = None,
    marked: Collection[Value] = (),
) -> Path:
    """Draw x into a file, whose suffix names the format: .svg, .png, .dot, .pdf or .tex.

    Options are those of `draw`. The file is written whole or not at all. Only PNG is made by
    Graphviz; SVG has tooltips, PDF and SVG have text that can be selected, TeX is a document
    for pdflatex. ValueError for another suffix, OSError where the folder does not exist or
    cannot be written, or where no Graphviz makes the PNG.
    """
    target = Path(path)
    format = target.suffix.removeprefix(".").lower()
    if format not in FORMATS:
        raise ValueError(f"a picture's file name ends in {suffixes()}, got {target.name!r}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r} to write into")
    colours = _theme(theme)
    picture = picture_of(
        x,
        title,
        captions,
        detail=detail,
        expand=expand,
        show=show,
        hide=hide,
        highlight=highlight,
        upto=upto,
        marked=marked,
    )
    return write_whole(target, FORMATS[format](paint(picture, layout_of(picture), colours)))


def widget(x: Drawable, *, height: int = 640, theme: str = "system") -> Any:
    """The live page of x as a widget for Jupyter and marimo.

    Knobs write `leaf.data` of labelled leaves and compute the graph again; after a change in
    Python, `widget.refresh()` shows it in the page. height: pixels.

    ModuleNotFoundError without the extra `notebook`.
    """
    return make_widget(x, height, theme)


def frames(
    x: Drawable,
    folder: str | os.PathLike[str],
    *,
    detail: str = "scalar",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Highlight | None = None,
    theme: str = "light",
    title: str | None = None,
    captions: Sequence[str] | None = None,
    marked: Collection[Value] = (),
) -> list[Path]:
    """The backward sweep as pictures: 000.svg before the first message, then one for each.

    All have the same geometry and the same scale of colours. Options are those of `draw`.
    The folder is made if it is not there. OSError where it cannot be written.
    """
    colours = _theme(theme)
    options = Options(title, captions, detail, expand, show, hide, highlight, marked)
    pictures = Pictures(x, options)
    count = 0 if pictures.sweep is None else len(pictures.sweep)
    last = pictures.after(count)
    places, scale = layout_of(last), (last.steepest, last.strongest)
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count)))
    written = []
    for k in range(count + 1):
        picture = pictures.after(k)
        picture.scale = scale
        content = svg.write(paint(picture, places, colours))
        written.append(write_whole(where / f"{k:0{digits}d}.svg", content))
    return written


def _theme(name: str) -> Theme:
    if name not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {name!r}")
    return THEMES[name]
