"""A path of the chain rule pointed out in a Picture, with the product written along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise

from microgrid.quantity import Quantity, local, product
from microgrid.value import Value
from microgrid.wording import shortened

from .model import Picture
from .naming import name_of
from .reading import Scene
from .sentence import Said, Sentence, Word

__all__ = ["mark", "path_of"]


def path_of(scene: Scene, highlight: Value | str | Sequence[Value]) -> list[Value]:
    """The path from a leaf to the root: as given, or the one with the largest |product|.

    highlight: a Value, its label, or the Values of the path in either direction.
    ValueError where there is no such Value or no such path.
    """
    if isinstance(highlight, str):
        found = [node for node in scene.order if node.label == highlight]
        if not found:
            labels = list(dict.fromkeys(n.label for n in scene.order if n.label))
            near = get_close_matches(highlight, labels, cutoff=0.4) or shortened(labels)
            there = f"there are {', '.join(near) or 'no names'}"
            raise ValueError(f"highlight: no Value is called {highlight!r}; {there}")
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
    derivatives = [_factor(lower, upper) for lower, upper in pairwise(path)]
    products = [product(derivatives[i:][::-1]) for i in range(len(derivatives))]
    running = dict(zip(pairwise(path), zip(derivatives, products)))
    whole = product(derivatives[::-1])
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
    along = f"Along the path pointed out, d{name_of(path[-1])}/d{name_of(path[0])} = "
    factors: list[Word] = [f"{len(derivatives)} factors"]
    if len(derivatives) <= 12 and math.isfinite(whole):
        factors = [Said(derivative, "factor") for derivative in derivatives[::-1]]
        factors = [word for factor in factors for word in (" · ", factor)][1:]
    picture.subtitle = Sentence([along, *factors, " = ", Said(whole), "."])


def _factor(lower: Value, upper: Value) -> Quantity:
    """The largest local derivative from a node to one of its operands, which may come twice."""
    edges = (local(upper, i) for i, x in enumerate(upper.parents) if x is lower)
    return max(edges, key=abs)
