"""Pictures of large programs: a card per scope, as deep as can be read.

`position=2/attention/head=1` is one card, however many thousand numbers were computed there.
Where a program leaves a scope and comes back, it comes back to a second card: the wires of a
picture never run in circles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from microgrid.nn import Unrolled
from microgrid.value import Value

from .levels import Collapsed, Group, operation_of
from .model import Card
from .reading import Scene

__all__ = ["MOST_SCOPES", "Scoped", "has_scopes", "nested", "owners"]

MOST_SCOPES = 150  # cards: the deepest scopes that are no more of them are drawn


def has_scopes(scene: Scene) -> bool:
    """Whether the program says where its nodes were made, in several scopes."""
    return len({node.scope for node in scene.order if node.parents}) > 1


def nested(scene: Scene) -> bool:
    """Whether the scopes of its time steps have scopes within scopes, as heads of attention."""
    return any(scene.local_scope(node).count("/") > 1 for node in scene.order)


def owners(scene: Scene) -> dict[int, str]:
    """Time step -> the scope it stands in, "enc", where the steps stand in different ones."""
    found: dict[int, set[str]] = {}
    for step, scope in {(step, node.scope) for node, step in scene.step.items()}:
        if step is not None:
            found.setdefault(step, set()).add(scope.partition(f"t={step}")[0].strip("/"))
    around = {step: names - {""} for step, names in found.items()}
    if len({*map(frozenset, around.values())}) < 2:
        return {}
    return {step: names.copy().pop() for step, names in around.items() if len(names) == 1}


class Scoped(Collapsed):
    """Cards and wires of a graph with a card per scope.

    Attributes
    ----------
    deepest : how many parts of a scope tell one card from another
    """

    def __init__(self, scene: Scene, run: Unrolled | None = None) -> None:
        depth = max(node.scope.count("/") for node in scene.order) + 1
        for self.deepest in range(depth, 0, -1):
            self._phase = _phases(scene, self.deepest)
            cards = {(_cut(n.scope, self.deepest), phase) for n, phase in self._phase.items()}
            if len(cards) <= MOST_SCOPES:
                break
        super().__init__(scene, run, "vector")

    def _left_out(self, node: Value) -> bool:
        """Leaves are no part of the picture: a large program's are weights by the thousand."""
        return not node.parents and node not in self.scene.roots

    def _key(self, node: Value) -> tuple[object, ...]:
        if node in self.scene.roots:
            return ("part", "root", node)
        return ("part", _cut(node.scope, self.deepest), self._phase[node])

    def _part(self, group: Group) -> str:
        return _cut(group.nodes[0].scope, self.deepest) if group.nodes else ""

    def _card(self, group: Group) -> Card:
        card = super()._card(group)
        card.framed, card.column = False, 0  # large programs are no strips of equal columns
        if group.nodes[0] not in self.scene.roots:
            path = _cut(group.nodes[0].scope, self.deepest)
            above, _, card.part = path.rpartition("/")
            card.names, card.hint = (), above
            card.operation = None if card.part else operation_of(group.shown)
            card.hidden = 0
            card.tooltip = (
                f"{len(group.nodes):,} nodes made in {path or 'no scope'}\n{card.tooltip}"
            )
        return card

    def _jacobian(self, *_: object) -> None:
        """The Jacobian of thousands with respect to thousands is not computed."""


def _cut(scope: str, depth: int) -> str:
    return "/".join(scope.split("/")[:depth])


def _phases(scene: Scene, depth: int) -> dict[Value, int]:
    """How often the way to a node has come back to its scope, counted from 1."""
    number: dict[str, int] = {}
    for node in scene.order:
        if node.parents:
            number.setdefault(_cut(node.scope, depth), len(number))
    seen: dict[Value, NDArray[np.int16]] = {}
    phase: dict[Value, int] = {}
    nothing = np.zeros(len(number), np.int16)
    for node in scene.order:
        if not node.parents:
            seen[node] = nothing
            continue
        own = number[_cut(node.scope, depth)]
        highest, before = 1, nothing
        for parent in node.parents:
            there = seen[parent]
            known = int(there[own])
            inside = parent.parents and number[_cut(parent.scope, depth)] == own
            highest = max(highest, phase[parent] if inside else known + 1 if known else 1)
            if before is not there:
                before = np.maximum(before, there)
        if before[own] != highest:
            before = before.copy()
            before[own] = highest
        phase[node], seen[node] = highest, before
    return phase
