"""A path of the chain rule pointed out in a Picture, with the product written along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from microgrid.value import Value

from ..style.typography import number
from .model import Picture
from .reading import Scene, name_of


def path_of(scene: Scene, highlight: Value | str | Sequence[Value]) -> list[Value]:
    """The path from a leaf to the root: as given, or the one with the largest |product|.

    highlight: a Value, its label, or the Values of the path in either direction.
    ValueError where there is no such Value or no such path.
    """
    if isinstance(highlight, str):
        found = [node for node in scene.order if node.label == highlight]
        if not found:
            labels = ", ".join(dict.fromkeys(n.label for n in scene.order if n.label))
            raise ValueError(f"highlight: no Value is called {highlight!r}; there are {labels}")
        highlight = found[0]
    if isinstance(highlight, Value):
        return _strongest(scene, highlight)
    path = sorted(highlight, key=lambda node: node.serial)
    for lower, upper in pairwise(path):
        if lower not in upper.parents:
            raise ValueError(
                f"highlight: {name_of(upper)} is not made of {name_of(lower)}, so this is no path"
            )
    return path


def _strongest(scene: Scene, start: Value) -> list[Value]:
    if start not in scene.index:
        raise ValueError(f"highlight: {name_of(start)} is no part of this graph")
    from microgrid.bptt.paths import Paths  # costs NumPy, so only where it is needed

    for root in reversed(scene.order):
        if root in scene.roots and (ways := Paths(root, start)).count:
            return list(next(ways.largest()).nodes)[::-1]
    raise ValueError(f"highlight: {name_of(start)} does not lead to what is drawn")


def mark(picture: Picture, scene: Scene, path: Sequence[Value]) -> None:
    """Paint the path red; at each wire stands the product from the loss down to there."""
    slopes = []
    for lower, upper in pairwise(path):
        slopes.append(
            max((p for x, p in zip(upper.parents, upper.partials) if x is lower), key=abs)
        )
    product, running = 1.0, {}
    for (lower, upper), slope in zip(list(pairwise(path))[::-1], slopes[::-1]):
        product *= slope
        running[lower, upper] = (slope, product)
    cards = {card.id: card for card in picture.cards}
    on_path = {scene.index[node]: node for node in path}
    for wire in picture.wires:
        source, target = cards[wire.source], cards[wire.target]
        below = [on_path[x] for x in source.nodes if x in on_path]
        above = [on_path[x] for x in target.nodes if x in on_path]
        found = [running[pair] for x in below for y in above if (pair := (x, y)) in running]
        if found and wire.look != "marked":
            wire.look = source.look = target.look = "marked"
            if len(source.nodes) == len(target.nodes) == 1:
                wire.local, wire.product = found[0]
    factors = " · ".join(f"({number(s)})" if s < 0 else number(s) for s in slopes[::-1])
    top, bottom = name_of(path[-1]), name_of(path[0])
    if len(slopes) > 12 or not math.isfinite(product):
        factors = f"{len(slopes)} factors"
    picture.subtitle = f"along the red path d{top}/d{bottom} = {factors} = {number(product)}"
