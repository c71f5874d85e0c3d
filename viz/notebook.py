"""How things look in a notebook: registered when viz is imported in IPython.

The engine knows no picture, so a Value, an Unrolled and a Stepper get theirs from here. An
SVG stands within the notebook's page beside others: its ids are made its own, and it shrinks
with the page instead of being cut off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from microgrid.nn import Unrolled
from microgrid.stepper import Stepper
from microgrid.value import Value

from .drawing.painter import paint
from .layout.place import layout_of
from .picture.build import picture_of
from .picture.model import Picture
from .plots.svg import Plot, inline
from .render.svg import to_svg
from .style.theme import LIGHT

__all__ = ["register", "show_graph", "show_stepper"]


def show_graph(x: Value | Unrolled) -> str:
    """The picture of a graph as part of a page."""
    return _painted(picture_of(x))


def show_stepper(stepper: Stepper) -> str:
    """The picture as far as the sweep has come: no message that has not been sent."""
    sent = None if stepper.done else len(stepper.messages)
    return _painted(picture_of(stepper.root, upto=sent))


def _painted(scene: Picture) -> str:
    return inline(to_svg(paint(scene, layout_of(scene), LIGHT)))


def register() -> bool:
    """Tell IPython how to show our objects; False where there is no IPython."""
    shell = _shell()
    if shell is None:
        return False
    svg = shell.display_formatter.formatters["image/svg+xml"]
    svg.for_type(Value, show_graph)
    svg.for_type(Unrolled, show_graph)
    svg.for_type_by_name("microgrid.pytorch.record", "Recording", show_graph)
    svg.for_type(Stepper, show_stepper)
    svg.for_type(Plot, lambda plot: inline(plot.svg()))
    return True


def _shell() -> Any:
    """The running IPython, if there is one. IPython itself is not imported for this."""
    ipython = sys.modules.get("IPython")
    get_ipython: Callable[[], Any] = getattr(ipython, "get_ipython", lambda: None)
    return get_ipython()
