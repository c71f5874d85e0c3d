"""viz: the computational graph of a microgrid run as a picture, with every gradient on it.

>>> from microgrid import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> c = a * b
>>> c.backward()
>>> "a: a leaf" in draw(c).source
True
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from microgrid.collector import uncollected
from microgrid.files import checked_target, write_whole
from microgrid.value import Value

from .comparison import side_by_side
from .drawing.drawing import Drawing
from .drawing.painter import paint, painted_as_read
from .formats import FORMATS, animated, digraph, suffixes, svg, writer_of
from .formats.terminal import text
from .layout.place import layout_of
from .notebook import register
from .page.player import player
from .picture.build import Drawable, Highlight, Options, Pictures
from .plots.coloured_text import activations
from .style.theme import THEMES, Theme
from .widgets import make_widget

__all__ = [
    "FORMATS",
    "SWEEPS",
    "activations",
    "animate",
    "compare",
    "draw",
    "frames",
    "player",
    "render",
    "suffixes",
    "text",
    "widget",
]

SWEEPS = ("backward", "forward", "both")
_MOST_MOMENTS = 200  # of an animation; a longer one nobody watches

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
) -> digraph.Digraph:
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
    options = Options(title, captions, detail, expand, show, hide, highlight, marked)
    return digraph.to_dot(_painted(x, options, upto, _theme(theme)))


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
    target, write = writer_of(path, "picture")
    options = Options(title, captions, detail, expand, show, hide, highlight, marked)
    with uncollected():
        content = write(_painted(x, options, upto, _theme(theme)))
    return write_whole(target, content)


def compare(
    a: Drawable,
    b: Drawable,
    path: str | os.PathLike[str],
    *,
    titles: Sequence[str] = ("before", "after"),
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    captions: Sequence[str] | None = None,
    theme: str = "light",
) -> Path:
    """Draw two graphs beside each other into a file, and mark every number that differs.

    Graphs of the same shape (a run before and after an update, tanh and relu) have the same
    layout and one scale of colours; cards of the second say how much they changed. Two runs of
    other cells over as many time steps, such as an RNN and an LSTM, stand beside each other
    without marks. titles: a heading for each. Formats and other options are those of `render`.

    An update writes into the weights that an earlier run still holds, so keep a copy of that:

    >>> import copy
    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> y = w * x
    >>> before = copy.deepcopy(y)
    >>> w.data = 2.5
    >>> compare(before, w * x, "step.svg")  # doctest: +SKIP

    ValueError for graphs of different shapes, for a graph whose leaves were changed since it
    was computed and which the other shares, and for an unknown name or suffix; OSError where
    the file cannot be written.
    """
    target, write = writer_of(path, "picture")
    drawing = side_by_side(
        a,
        b,
        _theme(theme),
        titles,
        detail=detail,
        expand=expand,
        show=show,
        hide=hide,
        captions=captions,
    )
    return write_whole(target, write(drawing))


def widget(x: Drawable, *, height: int = 640, theme: str = "system") -> Any:
    """The live page of x as a widget for Jupyter and marimo.

    Knobs write `leaf.data` of labelled leaves and compute the graph again; after a change in
    Python, `widget.refresh()` shows it in the page. height: pixels.

    ModuleNotFoundError without the extra `notebook`.
    """
    return make_widget(x, height, theme)


def animate(
    x: Drawable,
    path: str | os.PathLike[str],
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Highlight | None = None,
    theme: str = "light",
    title: str | None = None,
    captions: Sequence[str] | None = None,
    marked: Collection[Value] = (),
    seconds: float = 0.8,
    hold: float = 4.0,
    loop: bool = True,
) -> Path:
    """The forward pass and then the backward sweep as one SVG that plays, also in an <img>.

    Options are those of `draw`, and

    seconds : how long each event is seen: a value computed, or a message sent
    hold : how long the last picture stands, which is the one that `render` draws
    loop : whether it begins anew then, or stays

    Who asked for reduced motion sees the last picture, as does a program that plays nothing.
    Of more than 200 events several come at once. The file is written whole or not at all.
    ValueError for another suffix than .svg or a time that is not positive, OSError where the
    folder does not exist or cannot be written.
    """
    target = checked_target(path, ["svg"], "what plays is an SVG: its name ends in .svg")
    for name, time in (("seconds", seconds), ("hold", hold)):
        if not 0.0 < time < math.inf:
            raise ValueError(f"{name} must be a time above 0, got {time!r}")
    options = Options(title, captions, detail, expand, show, hide, highlight, marked)
    drawings = _moments(Pictures(x, options), _theme(theme))
    return write_whole(target, animated.write(drawings, seconds, hold, loop))


def _moments(pictures: Pictures, theme: Theme) -> list[Drawing]:
    """The drawings of an animation: each points at what happens, the last one is complete."""
    last = pictures.played()
    places, scale = layout_of(last), (last.steepest, last.strongest)
    events = pictures.events()
    stride = -(-len(events) // _MOST_MOMENTS) or 1
    before = -pictures.operations
    drawings = []
    for step in [before, *events[stride - 1 :: stride]]:
        picture = pictures.at(step)
        if step > before:
            pictures.point_at(picture, step)
        picture.scale = scale
        drawings.append(paint(picture, places, theme))
    return [*drawings, paint(last, places, theme)]


def frames(
    x: Drawable,
    folder: str | os.PathLike[str],
    *,
    sweep: str = "backward",
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
    """The backward sweep, the forward pass or both as SVG pictures, one for each event.

    sweep : "backward" (every message, and 000.svg before the first: a graph with its values),
        "forward" (every value that is computed; what is to come is empty and grey), or "both"

    A file's number says how many events have happened. The picture before anything is computed
    does not count: "forward" and "both" begin with 001.svg, which has the first value. A run of
    5 operations and 14 messages so makes 15, 5 or 19 pictures.

    All have the same geometry and the same scale of colours. Other options are those of `draw`.
    The folder is made if it is not there. ValueError for an unknown sweep, OSError where the
    folder cannot be written.
    """
    if sweep not in SWEEPS:
        raise ValueError(f"sweep must be one of {', '.join(SWEEPS)}, got {sweep!r}")
    colours = _theme(theme)
    options = Options(title, captions, detail, expand, show, hide, highlight, marked)
    pictures = Pictures(x, options)
    count = 0 if pictures.sweep is None else len(pictures.sweep)
    last = pictures.after(count)
    places, scale = layout_of(last), (last.steepest, last.strongest)
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    before = 0 if sweep == "backward" else pictures.operations
    steps = range(1 - before if before else 0, (0 if sweep == "forward" else count) + 1)
    digits = max(3, len(str(before + count)))
    written = []
    for step in steps:
        picture = pictures.at(step) if before else pictures.after(step)
        picture.scale = scale
        content = svg.write(paint(picture, places, colours))
        written.append(write_whole(where / f"{before + step:0{digits}d}.svg", content))
    return written


@uncollected()  # what was read and placed is gone again before the collector comes back
def _painted(x: Drawable, options: Options, upto: int | None, theme: Theme) -> Drawing:
    picture = Pictures(x, options).upto(upto)
    return painted_as_read(picture, layout_of(picture), theme)


def _theme(name: str) -> Theme:
    if name not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {name!r}")
    return THEMES[name]
