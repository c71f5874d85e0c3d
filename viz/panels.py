"""The tables below a picture: one gradient summed over time, which loss reached which state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from microgrid.value import Value

from .parts import Cell, Panel
from .scene import Scene, message, name_of, total
from .theme import number


def shared_panel(scene: Scene, steps: Sequence[int]) -> Panel:
    """What each step adds to each shared weight."""
    parts = {leaf: [scene.contribution(leaf, t) for t in steps] for leaf in scene.shared}
    heads = [f"t = {t}" for t in steps]
    return sum_panel("Shared parameters: one gradient, summed over time", heads, parts)


def uses_panel(scene: Scene) -> list[Panel]:
    """What each use adds to the leaves that are used more than once, where these are few."""
    parts = {
        leaf: [
            message(child, position)
            for child in dict.fromkeys(uses)
            for position, parent in enumerate(child.parents)
            if parent is leaf
        ]
        for leaf, uses in scene.uses.items()
        if leaf.label and not leaf.parents and len(uses) > 1
    }
    most = max(map(len, parts.values()), default=0)
    if not 0 < len(parts) <= 12 or most > 8:
        return []
    heads = [f"use {i}" for i in range(1, most + 1)]
    padded = {leaf: found + [None] * (most - len(found)) for leaf, found in parts.items()}
    return [sum_panel("One gradient, summed over its uses", heads, padded)]


def sum_panel(
    title: str, heads: Sequence[str], parts: Mapping[Value, Sequence[float | None]]
) -> Panel:
    """A heat cell for each part of a leaf's gradient, and the sum, which is `.grad`.

    Where earlier sweeps have left their share in it, a column says so.
    """
    rests = {leaf: _left_over(leaf, found) for leaf, found in parts.items()}
    earlier = any(rest is not None for rest in rests.values())
    head = ["", "value", *heads, *(["earlier sweeps"] if earlier else []), "dL/dw = Σ"]
    rows = [tuple(Cell("head", text) for text in head)]
    for leaf, found in parts.items():
        cells = [
            Cell("name", name_of(leaf), bold=True),
            Cell("value", number(leaf.data), leaf.data),
        ]
        cells += [grad_cell(part) for part in found]
        cells += [grad_cell(rests[leaf])] if earlier else []
        rows.append((*cells, grad_cell(leaf.grad, bold=True)))
    return Panel(title, tuple(rows))


def _left_over(leaf: Value, parts: Sequence[float | None]) -> float | None:
    """What `.grad` holds beyond the messages of the latest sweep, rounding apart."""
    if leaf.grad is None:
        return None
    total = total(parts) or 0.0
    rest = leaf.grad - total
    return rest if abs(rest) > 1e-9 * max(1.0, abs(leaf.grad), abs(total)) else None


def grad_cell(x: float | None, bold: bool = False) -> Cell:
    """A heat cell of a panel, empty for None."""
    return Cell("empty") if x is None else Cell("grad", number(x), x, bold)
