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
from collections.abc import Collection, Sequence
from pathlib import Path

from microgrid.files import write_whole
from microgrid.value import Value

from .coloured_text import activations
from .dot import Drawing, to_dot
from .layout import layout
from .notebook import register
from .picture import Drawable, picture
from .player import player
from .text import text
from .theme import THEMES

__all__ = ["FORMATS", "activations", "draw", "player", "render", "text"]

FORMATS = ("svg", "png", "dot", "pdf")

register()


def draw(
    x: Drawable,
    *,
    title: str | None = None,
    captions: Sequence[str] | None = None,
    theme: str = "light",
    marked: Collection[Value] = (),
) -> Drawing:
    """The picture of a Value, a list of Values or an Unrolled, as a graphviz.Digraph.

    title: instead of the one that is made; captions: one per time step, beside "t = 1";
    marked: Values whose cards get a ring.
    TypeError for what cannot be drawn, ValueError for an unknown theme.
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {theme!r}")
    scene = picture(x, title=title, captions=captions)
    for card in scene.cards:
        if not card.alias and not set(marked).isdisjoint(card.nodes):
            card.look = "marked"
    return to_dot(scene, layout(scene), THEMES[theme])


def render(x: Drawable, path: str | os.PathLike[str], **options: object) -> Path:
    """Draw x into a file, whose suffix names the format: .svg, .png, .dot or .pdf.

    Options are those of `draw`. The file is written whole or not at all. ValueError for
    another suffix, OSError where the folder does not exist or cannot be written, or where
    no Graphviz makes the format (PDF needs a system one).
    """
    target = Path(path)
    format = target.suffix.removeprefix(".").lower()
    if format not in FORMATS:
        raise ValueError(
            f"a picture's file name ends in .svg, .png, .dot or .pdf, got {target.name!r}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r} to write into")
    drawing = draw(x, **options)  # type: ignore[arg-type]
    return write_whole(target, drawing.source.encode() if format == "dot" else drawing.pipe(format))
