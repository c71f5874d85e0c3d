"""Which level of detail `auto` takes: the first at which a graph can be read."""

from __future__ import annotations

from collections import Counter

from microgrid.value import Value

from .gate import gates_in
from .neuron import is_network
from .reading import Scene
from .scopes import has_scopes, nested

__all__ = ["MOST_CARDS", "READABLE", "level_of", "units_of"]

READABLE = 120  # cards; "auto" draws no more of them than this where a coarser level has fewer
_MOST_STEPS = 6  # more time steps than this make a strip: "auto" draws them as boxes, which fold
_DEEPEST = 9  # columns of a plain expression; more do not fit a page
_MOST_WIRES, _DENSEST = 60, 1.7  # wires, and wires for each card; more of both are a tangle
_WIDEST = 3  # time steps times units; more do not fit either
_MOST_BOTH_WAYS = 3  # time steps that are read from both ends: they take more room
_MOST_CELLS = 9  # gated cells of such a sequence, over all layers and steps
_LEAST_NAMED = 3  # named results that make a picture of names worth while
MOST_CARDS = 1500


def level_of(scene: Scene, size: int) -> str:
    """The first level at which a graph of so many scalar cards can be read."""
    steps = {step for step in scene.step.values() if step is not None}
    if len(steps) > _MOST_STEPS or (scene.both_ways and _is_long(len(steps), scene)):
        return "cell"
    if scene.timed:
        if size > MOST_CARDS and nested(scene) and not gates_in(scene):
            return "scope"
        crowded = size > READABLE or len(steps) * _units(scene) > _WIDEST
        return "gate" if crowded or gates_in(scene) else "scalar"
    if is_network(scene):
        return "neuron"
    named = sum(bool(node.label and node.parents) for node in scene.order) >= _LEAST_NAMED
    flat = size <= READABLE and _depth(scene) <= _DEEPEST
    if flat and not (named and _tangled(scene, size)):
        return "scalar"
    if size > MOST_CARDS:
        return "scope" if has_scopes(scene) else "vector"
    return "gate" if named or has_scopes(scene) else "scalar"


def _tangled(scene: Scene, size: int) -> bool:
    """Whether many wires join few cards, as where a batch shares its weights."""
    wires = sum(len(node.parents) for node in scene.order)
    return wires > max(_MOST_WIRES, _DENSEST * size)


def _is_long(steps: int, scene: Scene) -> bool:
    """Whether what is read from both ends has too many steps for its gates to be shown."""
    return steps > _MOST_BOTH_WAYS or steps * len(scene.cells) > _MOST_CELLS


def units_of(level: str, scene: Scene) -> str:
    """What a card of a level stands for: "part of a time step"."""
    if level == "gate":
        return "gate and named result" if gates_in(scene) else "named result"
    return {"cell": "part of a time step"}.get(level, level)


def _units(scene: Scene) -> int:
    """How many numbers go from one step to the next."""
    arriving: Counter[int] = Counter()
    for node in scene.order:
        if node.parents or node in scene.initial:
            users = (user for user in scene.uses[node] if scene.framed(user))
            columns = {scene.column[user] for user in users}
            arriving.update(column for column in columns if column != scene.column[node])
    return max(arriving.values(), default=1)


def _depth(scene: Scene) -> int:
    """How many operations stand behind each other."""
    depth: dict[Value, int] = {}
    for node in scene.order:
        depth[node] = 1 + max((depth[parent] for parent in node.parents), default=0)
    return max(depth.values())
