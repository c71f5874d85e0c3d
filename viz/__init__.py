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
from collections.abc import Collection
from pathlib import Path
from typing import Any

from microgrid.files import write_whole
from microgrid.value import Value

from .layout.geometry import Layout
from .layout.place import layout_of
from .notebook import register
from .page.player import player
from .picture.build import MOST_CARDS, Drawable, Options, Pictures, picture_of
from .picture.model import Picture
from .plots.coloured_text import activations
from .render.dot import Drawing, to_dot
from .render.svg import to_svg
from .render.terminal import text
from .style.theme import THEMES, Theme

__all__ = ["FORMATS", "activations", "draw", "frames", "player", "render", "text"]

FORMATS = ("svg", "png", "dot", "pdf")

register()


def draw(
    x: Drawable, *, theme: str = "light", marked: Collection[Value] = (), **options: Any
) -> Drawing:
    """The picture of a Value, a list of Values or an Unrolled, as a graphviz.Digraph.

    Options are those of `viz.picture.picture`: title, captions, detail, expand, show, hide,
    highlight, upto. theme: light, dark, cs231n or print; marked: Values whose cards get a
    ring. TypeError for what cannot be drawn, ValueError for an unknown name.
    """
    return to_dot(*_placed(x, theme, marked, options))


def _placed(
    x: Drawable, theme: str, marked: Collection[Value], options: dict[str, Any]
) -> tuple[Picture, Layout, Theme]:
    """A picture with its places and colours: all that a renderer needs."""
    colours = _theme(theme)
    scene = picture_of(x, **options)
    for card in scene.cards:
        if not card.alias and not set(marked).isdisjoint(card.nodes):
            card.look = "marked"
    return scene, layout_of(scene), colours


def render(
    x: Drawable,
    path: str | os.PathLike[str],
    *,
    theme: str = "light",
    marked: Collection[Value] = (),
    **options: Any,
) -> Path:
    """Draw x into a file, whose suffix names the format: .svg, .png, .dot or .pdf.

    Options are those of `draw`. The file is written whole or not at all. An SVG of more than
    1,500 cards is written without Graphviz, which would take long. ValueError for another
    suffix, OSError where the folder does not exist or cannot be written, or where no Graphviz
    makes the format (PDF needs a system one).
    """
    target = Path(path)
    format = target.suffix.removeprefix(".").lower()
    if format not in FORMATS:
        raise ValueError(
            f"a picture's file name ends in .svg, .png, .dot or .pdf, got {target.name!r}"
        )
    _folder(target.parent)
    placed = _placed(x, theme, marked, options)
    if format == "svg" and len(placed[0].cards) > MOST_CARDS:
        return write_whole(target, to_svg(*placed))
    drawing = to_dot(*placed)
    return write_whole(target, drawing.source if format == "dot" else drawing.pipe(format))


def frames(x: Drawable, folder: str | os.PathLike[str], **options: Any) -> list[Path]:
    """The backward sweep as pictures: 000.svg before the first message, then one for each.

    All have the same geometry and the same scale of colours. Options are those of `draw`
    but for `upto`. OSError where the folder does not exist or cannot be written.
    """
    where = _folder(Path(folder))
    colours = _theme(options.pop("theme", "light"))
    options.setdefault("detail", "scalar")
    pictures = Pictures(x, Options(**options))
    count = 0 if pictures.sweep is None else len(pictures.sweep)
    last = pictures.after(count)
    places, scale = layout_of(last), (last.steepest, last.strongest)
    made = []
    for k in range(count + 1):
        scene = pictures.after(k)
        scene.scale = scale
        content = to_dot(scene, places, colours).pipe("svg")
        made.append(write_whole(where / f"{k:0{max(3, len(str(count)))}d}.svg", content))
    return made


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {str(folder)!r} to write into")
    return folder


def _theme(name: str) -> Theme:
    if name not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {name!r}")
    return THEMES[name]
