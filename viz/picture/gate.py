"""Pictures at the level of names: a card per named vector, and for a gated cell its gates.

What has no name belongs to what it feeds, if that is one thing in the same scope: 1 - z to h,
W_x x + W_h h + b to the gate that is made of it. So scalars and vectors have the same cards. A
weight that all time steps share is a row of the card that uses it, with the gradient that this
use contributes. A gate is recognised by its scope, `t=1/cell/forget`, whoever wrote the cell.
"""

from __future__ import annotations

from collections import defaultdict

from microgrid import quantity
from microgrid.quantity import Quantity
from microgrid.value import Value

from .levels import Collapsed, Group, norm_of, operation_of
from .model import Card, Name, Row
from .naming import label_of, twins
from .reading import Scene, total

__all__ = ["GATE_SCOPES", "SQUASHING", "Named", "gates_in"]

# The last part of a scope: role of the card, what it is called, what 0 and 1 mean.
GATE_SCOPES = {
    "forget": ("forget_gate", "forget gate", "0 forgets, 1 retains"),
    "input": ("input_gate", "input gate", "0 ignores, 1 writes"),
    "output": ("output_gate", "output gate", "0 hides, 1 shows"),
    "reset": ("reset_gate", "reset gate", "0 drops h, 1 uses it"),
    "update": ("update_gate", "update gate", ""),
    "candidate": ("candidate", "candidate", ""),
}
_MOST_SAMPLES = 8  # vectors of one name that have a card each; more stand on one card
SQUASHING = {"sigmoid", "tanh", "relu", "softplus", "hardsigmoid", "hardtanh"}


def gates_in(scene: Scene) -> bool:
    """Whether some node of a time step was made in the scope of a gate."""
    return any(
        scene.step[node] is not None and _kind(scene.local_scope(node)) for node in scene.order
    )


def _kind(scope: str) -> str:
    """The kind of gate that a scope names: "forget" for cell/forget, "" where it names none."""
    last = scope.rpartition("/")[2].lower().replace(" ", "_").removesuffix("_gate")
    return last if last in GATE_SCOPES else ""


class Named(Collapsed):
    """Cards and wires of a graph with a card per named vector."""

    def _gather(self) -> None:
        self._anchor: dict[Value, Value] = {}
        self._sample = self._samples()
        for node in reversed(self.scene.order):
            if node.parents:
                self._anchor[node] = self._stands_with(node)
        super()._gather()

    def _samples(self) -> dict[Value, int]:
        """Which of the vectors of its name and place each node is in, where these are few.

        A network that is applied to every sample of a batch makes vectors of one name.
        """
        scene = self.scene
        alike: dict[tuple[object, ...], list[Value]] = defaultdict(list)
        for node in scene.order:
            if node.label and node.parents:
                whole = label_of(node.label).whole
                place = scene.column[node], scene.local_scope(node), self._depth[node]
                alike[whole, *place].append(node)
        found: dict[Value, int] = {}
        for nodes in alike.values():
            sample = twins(nodes)
            if max(sample.values()) < _MOST_SAMPLES:
                found |= sample
        return found

    def _stands_with(self, node: Value) -> Value:
        """The node on whose card this one is: itself, or the only thing that it feeds."""
        scene = self.scene
        users = scene.uses[node]
        alone = node in scene.roots or node in scene.carried or node in scene.roles
        inside = all(
            user.scope == node.scope and scene.column[user] == scene.column[node] for user in users
        )
        if alone or not users or not inside or self._is_named(node):
            return node
        owners = {self._vector(self._anchor[user]): self._anchor[user] for user in users}
        return next(iter(owners.values())) if len(owners) == 1 else node

    def _is_named(self, node: Value) -> bool:
        """Whether a node has a name that matters; inside a gate, only what is squashed has one."""
        if not node.label:
            return False
        gate = _kind(self.scene.local_scope(node))
        return not gate or (node.op is not None and node.op.name in SQUASHING)

    def _vector(self, anchor: Value) -> tuple[object, ...]:
        """What the entries of one card have in common."""
        scene = self.scene
        name: object = label_of(anchor.label).whole if anchor.label else None
        name = name or (anchor.op.name if anchor.op else "")
        scope = scene.local_scope(anchor)
        sample = self._sample.get(anchor, 0)
        return ("vector", name, scene.column[anchor], scope, self._depth[anchor], sample)

    def _left_out(self, node: Value) -> bool:
        """Weights that all steps share are rows of the cards that use them."""
        return self.scene.timed and self.scene.is_shared_leaf(node)

    def _key(self, node: Value) -> tuple[object, ...]:
        return self._vector(self._anchor[node]) if node.parents else super()._key(node)

    def draw(self) -> None:
        """Make cards and wires anew, from the numbers that the scene shows now."""
        super().draw()
        self._put_into_blocks()

    def _card(self, group: Group) -> Card:
        card = super()._card(group)
        card.hidden = 0  # all of a formula is meant; its rows are its operands
        if group.nodes[0].parents:
            card.operation = operation_of(group.shown)
        if group.nodes[0].parents and self.scene.timed:
            card.rows += self._weights(group)
        gate = _kind(group.scope) if group.column else ""
        squashed = any(node.op is not None and node.op.name in SQUASHING for node in group.shown)
        if gate and squashed:
            card.role, card.part, card.hint = GATE_SCOPES[gate]
            if gate == "update":
                card.hint = self._what_update_means(group)
        return card

    def _weights(self, group: Group) -> tuple[Row, ...]:
        """The shared weights that a card uses, and what this use adds to their gradients."""
        scene = self.scene
        parts: dict[Name | None, dict[Value, list[Quantity | None]]] = {}
        for node in group.nodes:
            for position, parent in enumerate(node.parents):
                if scene.is_shared_leaf(parent):
                    name = label_of(parent.label).whole if parent.label else None
                    sent = parts.setdefault(name, {}).setdefault(parent, [])
                    sent.append(scene.message(node, position))
        return tuple(
            Row(
                quantity.norm(map(quantity.value, found)),
                norm_of(map(total, found.values())),
                name,
                norm=len(found) > 1,
            )
            for name, found in parts.items()
        )

    def _what_update_means(self, group: Group) -> str:
        """Which way round h mixes the old state with the candidate: read off its derivatives."""
        gate = group.shown[0]
        for mixed in self.scene.order:
            if self.scene.column[mixed] == group.column and mixed in self._states_after(group):
                kept = [
                    partial
                    for parent, partial in zip(mixed.parents, mixed.partials)
                    if self.scene.column[parent] != group.column or parent in self.scene.initial
                ]
                if any(abs(x - gate.data) < 1e-12 for x in kept):
                    return "0 replaces, 1 retains"
                if any(abs(x - (1.0 - gate.data)) < 1e-12 for x in kept):
                    return "0 retains, 1 replaces"
        return ""

    def _states_after(self, group: Group) -> set[Value]:
        """What is made of a gate's first entry, one or two operations on."""
        uses = self.scene.uses
        near = set(uses[group.shown[0]])
        return near | {user for node in near for user in uses[node]}

    def _put_into_blocks(self) -> None:
        """Say of each card which gated cell it is part of.

        A cell is its gates, the states that it hands on, and what lies between them. One without
        gates has a part of its own only where two directions of time are to be told apart.
        """
        scope = {group.id: group.scope for group in self.groups}
        cell = {name: _parent(s) if _kind(s) else s for name, s in scope.items()}
        gated = {(c.column, cell[c.id]) for c in self.cards if c.role in _ROLES}
        states = {w.source for w in self.wires if w.recurrent}
        slots = {c.slot for c in self.cards if c.framed and c.id in states}
        if self.scene.both_ways:
            gated |= {(c.column, cell[c.id]) for c in self.cards if c.slot in slots}
        inside = {
            c.id for c in self.cards
            if c.framed and (c.id in states or c.slot in slots or c.role == "state")
        }  # fmt: skip
        column = {c.id: c.column for c in self.cards}
        for wire in sorted(self.wires, key=lambda wire: -_place(wire.target)):
            if wire.target in inside and column[wire.source] == column[wire.target]:
                inside.add(wire.source)
        for card in self.cards:
            if card.framed and card.id in inside and card.id in cell:
                where = card.column, cell[card.id]
                card.block = (cell[card.id] or "cell") if where in gated else ""
                if card.role == "op" and card.slot in slots:
                    card.role = "state"


_ROLES = {role for role, _, _ in GATE_SCOPES.values()}


def _parent(scope: str) -> str:
    return scope.rpartition("/")[0]


def _place(name: str) -> int:
    return int(name.removeprefix("n").partition("_")[0])
