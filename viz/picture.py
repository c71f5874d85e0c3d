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

from .panels import shared_panel, uses_panel
from .parts import SHOWN, Card, Cell, Column, Panel, Picture, Row, Wire
from .scene import Scene, describe, name_of, operation
from .theme import number, pretty

__all__ = [
    "SHOWN", "Card", "Cell", "Column", "Drawable", "Panel", "Picture", "Row", "Wire",
    "describe", "name_of", "operation", "picture",
]  # fmt: skip

Drawable: TypeAlias = Value | Unrolled | Sequence[Value]


def picture(
    x: Drawable, title: str | None = None, captions: Sequence[str] | None = None
) -> Picture:
    """What is to be drawn of a Value, a list of Values or an Unrolled, card by card.

    captions: one per time step, printed beside "t = 1". TypeError for anything else.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> [card.name for card in picture(a * b).cards]
    ['a', 'b', '×']
    """
    run = x if isinstance(x, Unrolled) else None
    roots = _roots(x)
    found = Scene(roots, run)
    found.draw()
    swept = any(root.grad is not None for root in roots)
    result = Picture(title if title is not None else _title(x, roots), swept=swept)
    result.subtitle = "" if swept else "backward not run: there are no gradients yet"
    result.cards, result.wires = found.cards, found.wires
    steps = sorted({card.column for card in found.cards if card.framed})
    names = dict(zip(steps, captions or ()))
    result.columns = [Column(t, f"t = {t}", pretty(names.get(t, ""))) for t in steps]
    if swept and found.shared:
        result.panels.append(shared_panel(found, steps))
    elif swept and not found.timed:
        result.panels += uses_panel(found)
    return result


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


def _title(x: Drawable, roots: Sequence[Value]) -> str:
    if isinstance(x, Unrolled):
        cell = x.model.cell
        kind = getattr(cell, "nonlinearity", "")
        kind = f" ({kind})" if kind else ""
        steps = "1 step" if len(x) == 1 else f"{len(x)} steps"
        (h, *more) = x.states[0]
        finding = "" if more or h.grad is None else f": dL/d{pretty(h.label)} = {number(h.grad)}"
        return f"{type(cell).__name__.removesuffix('Cell')}{kind} unrolled over {steps}{finding}"
    root = roots[0]
    name = pretty(root.label) or (root.op.name if root.op else "value")
    return f"{name} = {number(root.data)}" if len(roots) == 1 else f"{len(roots)} values"
