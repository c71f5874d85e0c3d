"""How things look in a notebook: registered when viz is imported in IPython.

The engine knows no picture, so a Value, an Unrolled and a Stepper get theirs from here. A
picture is HTML, because notebooks put image/svg+xml into an <img> that nothing can shrink: it is
as wide as the cell at most, dark where the notebook is, and its ids are its own. Beside it stands
a PNG where that is quickly made, for viewers that drop HTML, and text for those that show no
pictures.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any, TypeAlias

from microgrid.nn import Unrolled
from microgrid.nn.module import Module
from microgrid.stepper import Stepper
from microgrid.value import Value

from .drawing.drawing import Drawing
from .drawing.painter import paint
from .formats.digraph import Digraph, png
from .formats.graphviz import EngineError
from .formats.svg import to_svg
from .formats.terminal import text
from .layout.place import layout_of
from .page.symbols import FOLLOWING, dark_where
from .picture.build import Drawable, picture_of
from .plots import flow
from .plots.charts import heat
from .plots.svg import Plot, inline
from .style.theme import LIGHT

__all__ = ["register", "show_graph", "show_model", "show_stepper"]

_Bundle: TypeAlias = tuple[dict[str, str], dict[str, Any]]  # a display by format, and its sizes

_DARK_PAGES = ('body[data-jp-theme-light="false"] .microgrid', "body.vscode-dark .microgrid")
_MOST_SHAPES = 300  # of a picture that is shown as PNG as well: a third of a second
_MOST_CARDS = 120  # of a picture that is shown as text as well
_MOST_WEIGHTS = 16  # rows and columns of a matrix whose numbers are shown


def show_graph(x: Drawable, upto: int | None = None) -> _Bundle:
    """The picture of a graph; after so many messages of the sweep, if that is given."""
    picture = picture_of(x, upto=upto)
    places = layout_of(picture)
    dark = f"<style>{dark_where(*_DARK_PAGES)}</style>"
    painted = inline(to_svg(paint(picture, places, FOLLOWING)))
    shown = {"text/html": f'<div class="microgrid">{dark}{painted}</div>'}
    if len(picture.cards) <= _MOST_CARDS:
        shown["text/plain"] = text(x, upto=upto, color=False, ascii=False, width=100)
    return _with_png(shown, paint(picture, places, LIGHT))


def show_stepper(stepper: Stepper) -> _Bundle:
    """The picture as far as the sweep has come: no message that has not been sent."""
    return show_graph(stepper.root, None if stepper.done else len(stepper.messages))


def show_model(model: Module) -> _Bundle:
    """What a model is made of, and the numbers of its weights where there are few."""
    words, shown = str(model), ""
    found = [(name, _rows(weights)) for name, weights in model.named_weights()]
    if found and all(len(rows) <= _MOST_WEIGHTS >= len(rows[0]) for _, rows in found):
        plots = (
            heat(
                rows,
                rows_named=[str(i) for i in range(len(rows))],
                columns_named=[str(j) for j in range(len(rows[0]))],
                title=name,
            )
            for name, rows in found
        )
        wrapping = "display:flex;flex-wrap:wrap;align-items:flex-start"
        shown = f'<div style="{wrapping}">{"".join(inline(plot.svg()) for plot in plots)}</div>'
    return {"text/plain": words, "text/html": f"<pre>{escape(words)}</pre>{shown}"}, {}


def _rows(weights: Any) -> list[list[float]]:
    """One Value, a list or a matrix of them as rows of numbers; a list is one row."""
    if isinstance(weights, Value):
        return [[weights.data]]
    rows = weights if isinstance(weights[0], Sequence) else [weights]
    return [[weight.data for weight in row] for row in rows]


def _with_png(shown: dict[str, str], drawing: Drawing) -> _Bundle:
    """The display with a PNG, where there are few shapes and a Graphviz is found."""
    sizes: dict[str, Any] = {}
    if sum(len(group.shapes) for group in drawing.groups) <= _MOST_SHAPES:
        with suppress(EngineError):
            shown["image/png"] = b64encode(png(drawing)).decode("ascii")
            sizes["image/png"] = {"width": round(drawing.width), "height": round(drawing.height)}
    return shown, sizes


def _show_several(values: Sequence[Any]) -> _Bundle:
    """A list of Values as one picture; any other list as ever."""
    if not values or not all(isinstance(value, Value) for value in values):
        return {}, {}
    return show_graph(values)


def _show_flow(found: Any) -> _Bundle:
    return {"text/plain": str(found), "text/html": inline(flow.over_time(found).svg())}, {}


def _show_pytorch_flow(found: Any) -> _Bundle:
    return {"text/plain": str(found), "text/html": inline(flow.picture(found).svg())}, {}


def _show_drawing(drawn: Digraph) -> _Bundle:
    shown = {"text/html": inline(drawn.pipe("svg", encoding="utf-8"))}
    return (shown, {}) if drawn.drawing is None else _with_png(shown, drawn.drawing)


def _show_plot(plot: Plot) -> _Bundle:
    return {"text/html": inline(plot.svg()), "text/plain": f"Plot({plot.title!r})"}, {}


_BY_TYPE: tuple[tuple[type, Callable[[Any], _Bundle]], ...] = (
    (Value, show_graph),
    (Unrolled, show_graph),
    (list, _show_several),
    (tuple, _show_several),
    (Stepper, show_stepper),
    (Module, show_model),
    (Digraph, _show_drawing),
    (Plot, _show_plot),
)
_BY_NAME: tuple[tuple[str, str, Callable[[Any], _Bundle]], ...] = (  # not imported for this
    ("microgrid.pytorch.record", "Recording", show_graph),
    ("microgrid.bptt.jacobian", "Flow", _show_flow),
    ("microgrid.pytorch.flow", "Flow", _show_pytorch_flow),
)


def register() -> bool:
    """Tell IPython how to show our objects; False where there is no IPython."""
    shell = _shell()
    if shell is None:
        return False
    formatter = shell.display_formatter
    bundles = formatter.mimebundle_formatter

    def shows(show: Callable[[Any], _Bundle]) -> Callable[..., _Bundle]:
        # IPython in a terminal shows text only: the repr, as Python does.
        return lambda x, **_: show(x) if formatter.formatters["text/html"].enabled else ({}, {})

    for kind, show in _BY_TYPE:
        bundles.for_type(kind, shows(show))
    for module, name, show in _BY_NAME:
        bundles.for_type_by_name(module, name, shows(show))
    return True


def _shell() -> Any:
    """The running IPython, if there is one. IPython itself is not imported for this."""
    ipython = sys.modules.get("IPython")
    get_ipython: Callable[[], Any] = getattr(ipython, "get_ipython", lambda: None)
    return get_ipython()
