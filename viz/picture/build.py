"""From Values to a Picture: what is to be drawn, before any position or renderer is chosen.

A Picture holds cards (one per Value), wires (one per operand that is a Value), the columns
of time and the panels below. `layout.py` gives each of them a place, `dot.py` and the other
renderers draw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from microgrid.nn import Unrolled
from microgrid.value import Value

from ..style.theme import number, pretty
from .expand import GATES, expanded, expanded_run
from .highlight import mark, path_of
from .levels import Collapsed, rolled
from .model import SHOWN, Card, Cell, Column, Panel, Picture, Row, Wire
from .panels import Itemised, shared_panel, uses_panel
from .reading import Scene, describe, name_of, operation

__all__ = [
    "SHOWN", "Card", "Cell", "Column", "Drawable", "Panel", "Picture", "Row", "Wire",
    "describe", "name_of", "operation", "picture_of",
]  # fmt: skip

Drawable: TypeAlias = Value | Unrolled | Sequence[Value]


DETAILS = ("auto", "scalar", "vector", "cell", "rolled")
EXPAND = (*GATES, "cell")
READABLE = 120  # cards; "auto" draws no more of them than this where a coarser level has fewer
MOST_STEPS = 6  # more time steps than this make a strip: "auto" draws them as boxes, which fold
MOST_CARDS = 1500
MOST_COLUMNS = 40  # of a panel


def picture_of(
    x: Drawable,
    title: str | None = None,
    captions: Sequence[str] | None = None,
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Value | str | Sequence[Value] | None = None,
    upto: int | None = None,
) -> Picture:
    """What is to be drawn of a Value, a list of Values or an Unrolled.

    Parameters
    ----------
    title : instead of the one that is made
    captions : one per time step, printed beside "t = 1"
    detail : "scalar" (a card per Value), "vector" (a card per vector), "cell" (a box per
        time step), "rolled" (the loop of the textbook, for an Unrolled), or "auto", which
        takes the first of them that stays readable
    expand : what is opened: "dot" (× and + gates), "sigmoid" (its four gates), "cell"
        (a cell's named gates, at the cell level)
    show, hide : which of "value", "grad", "local", "message", "op" are printed; hidden
        numbers leave empty boxes to fill in
    highlight : a leaf, its label, or a whole path to the loss: drawn in red, with the
        product of the local derivatives written along it
    upto : the backward sweep after this many messages: the rest is grey

    TypeError for what cannot be drawn, ValueError for an unknown name.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> [card.name for card in picture_of(a * b).cards]
    ['a', 'b', '×']
    """
    _known("detail", [detail], DETAILS)
    opened = _known("expand", expand, EXPAND)
    shown = SHOWN if show is None else frozenset(_known("show", show, sorted(SHOWN)))
    shown -= set(_known("hide", hide, sorted(SHOWN)))
    roots = _roots(x)
    if upto is not None and not (isinstance(upto, int) and upto >= 0):
        raise ValueError(f"upto counts messages, 0 or more, got {upto!r}")
    gates = [name for name in opened if name in GATES]
    copies = expanded(roots, gates) if gates else {}
    if copies:
        x = expanded_run(x, copies) if isinstance(x, Unrolled) else [copies[r] for r in roots]
        roots = _roots(x)
    run = x if isinstance(x, Unrolled) else None
    scene = Scene(roots, run, upto)
    revealed = "grad" in shown and upto is None
    result = Picture(title if title is not None else _title(run, roots, revealed), show=shown)
    result.swept = upto is not None or any(root.grad is not None for root in roots)
    _draw(result, scene, run, detail, "cell" in opened)
    steps = sorted({card.column for card in result.cards if card.framed})
    names = dict(zip(steps, captions or ()))
    result.columns = [Column(t, f"t = {t}", pretty(names.get(t, ""))) for t in steps]
    if result.swept:
        _explain(result, scene, run, upto)
    else:
        result.subtitle = "backward not run: there are no gradients yet"
    if highlight is not None:
        path = _copied(highlight, copies)
        mark(result, scene, path_of(scene, path))
    return result


def _draw(result: Picture, scene: Scene, run: Unrolled | None, detail: str, gates: bool) -> None:
    """Cards and wires at the level asked for, or at the first one that stays readable."""
    if detail == "rolled" and run is None:
        raise ValueError('detail="rolled" draws the loop of an Unrolled, got a plain graph')
    size = scene.size()
    level = detail
    if detail == "auto":
        steps = {step for step in scene.step.values() if step is not None}
        level = "scalar" if size <= (READABLE if scene.timed else MOST_CARDS) else "vector"
        level = "cell" if len(steps) > MOST_STEPS else level
    if level == "scalar":
        scene.draw()
        result.cards, result.wires = scene.cards, scene.wires
        return
    found = Collapsed(scene, run, "cell" if level == "rolled" else level, gates)
    if detail == "auto" and len(found.cards) > READABLE and scene.timed:
        level, found = "cell", Collapsed(scene, run, "cell", gates)
    result.cards, result.wires = found.cards, found.wires
    if level == "rolled" and run is not None:
        result.cards, result.wires = rolled(found, run)
    elif found.wide:
        result.legend = ("vectors: ×Jacobian norm, ← norm of the message",)
    if detail == "auto":
        result.legend += (f'{size:,} cards at detail="scalar": drawn by {level}',)


def _explain(result: Picture, scene: Scene, run: Unrolled | None, upto: int | None) -> None:
    """The finding, and the tables below."""
    steps = sorted({step for step in scene.step.values() if step is not None})
    if scene.shared and len(steps) <= MOST_COLUMNS:
        result.panels.append(shared_panel(scene, steps))
    elif not scene.timed:
        result.panels += uses_panel(scene)
    if run is not None and upto is None:
        items = Itemised(run)
        result.subtitle = items.finding() if "grad" in result.show else ""
        table = items.panel()
        result.panels += [table] if table is not None else []
    if upto is not None:
        result.subtitle = (
            f"the backward sweep after {upto} {'message' if upto == 1 else 'messages'}"
        )


def _copied(
    highlight: Value | str | Sequence[Value], copies: dict[Value, Value]
) -> Value | str | Sequence[Value]:
    if isinstance(highlight, str):
        return highlight
    if isinstance(highlight, Value):
        return copies.get(highlight, highlight)
    return [copies.get(node, node) for node in highlight]


def _known(what: str, given: Iterable[str], known: Sequence[str]) -> list[str]:
    """The names given, if all are known."""
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r}")
    return names


def _roots(x: Drawable) -> list[Value]:
    if isinstance(x, Value):
        return [x]
    if isinstance(x, Unrolled):
        if x.loss is not None:  # an output that no loss sees is not drawn
            return [x.loss]
        return [y for row in (*x.outputs, *x.states) for y in row]
    if isinstance(x, Iterable) and not isinstance(x, str | bytes):
        roots = list(x)
        if roots and all(isinstance(root, Value) for root in roots):
            return roots
    raise TypeError(f"viz draws a Value, a list of Values or an Unrolled, got {x!r:.200}")


def _title(x: Unrolled | None, roots: Sequence[Value], revealed: bool) -> str:
    if x is not None:
        cell = x.model.cell
        kind = getattr(cell, "nonlinearity", "")
        kind = f" ({kind})" if kind else ""
        steps = "1 step" if len(x) == 1 else f"{len(x)} steps"
        (h, *more) = x.states[0]
        known = revealed and not more
        finding = (
            "" if not known or h.grad is None else f": dL/d{pretty(h.label)} = {number(h.grad)}"
        )
        return f"{type(cell).__name__.removesuffix('Cell')}{kind} unrolled over {steps}{finding}"
    root = roots[0]
    name = pretty(root.label) or (root.op.name if root.op else "value")
    return f"{name} = {number(root.data)}" if len(roots) == 1 else f"{len(roots)} values"
