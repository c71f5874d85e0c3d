"""A network as a teacher draws it: a card per neuron, its weights on the edges.

A neuron is a named or squashed Value together with the sum that it is made of. A leaf that is
used once, as the factor of something else, is a weight and stands on the edge from that
something. A leaf that is used once and is a factor of 1, or an addend, is a bias; it stands on
a dashed edge from a card "1" that the layer has in common. A weight of something inside the
neuron, as the γ of a layer norm, is a row of its card. Where the something is a plain number,
as in mlp([2.0, 3.0]), neurons that are fed the same row of numbers share a card for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from microgrid import quantity
from microgrid.nn import Unrolled
from microgrid.value import Operand, Value

from .gate import SQUASHING, Named
from .levels import Group
from .model import Card, Name, Row, Wire
from .naming import label_of
from .reading import Scene

__all__ = ["Neurons", "is_network"]

_LEAST_NEURONS = 3


class Neurons(Named):
    """Cards and wires of a network of neurons."""

    def __init__(self, scene: Scene, run: Unrolled | None = None) -> None:
        self._edges = _weights(scene)
        super().__init__(scene, run, "vector")

    def _is_named(self, node: Value) -> bool:
        return bool(node.label) or (node.op is not None and node.op.name in SQUASHING)

    def _vector(self, anchor: Value) -> tuple[object, ...]:
        return ("vector", label_of(anchor.label) if anchor.label else anchor, anchor)

    def _left_out(self, node: Value) -> bool:
        return node in self._edges

    def _key(self, node: Value) -> tuple[object, ...]:
        if node.parents:
            return self._vector(self._anchor[node])
        return ("leaf", label_of(node.label) if node.label else node, node)

    def draw(self) -> None:
        """Make cards and wires anew, then put the weights on the wires."""
        super().draw()
        self.crossed: dict[tuple[Group, Group], list[Value]] = defaultdict(list)
        inside: dict[Group, list[Value]] = defaultdict(list)
        biases: list[tuple[Group, Value]] = []
        fed: dict[Group, list[Value]] = defaultdict(list)
        for weight, (node, _, factor) in self._edges.items():
            target = self.group[node]
            if isinstance(factor, Value):
                if self.group[factor] is target:
                    inside[target].append(weight)
                else:
                    self.crossed[self.group[factor], target].append(weight)
            elif factor is not None:
                fed[target].append(weight)
            else:
                biases.append((target, weight))
        wires = {(wire.source, wire.target): wire for wire in self.wires}
        for (source, target), weights in self.crossed.items():
            if len(weights) == 1 and (wire := wires.get((source.id, target.id))):
                wire.weight = self._row(weights[0])
                wire.tooltip = f"{_sentence(wire.weight)}\n{wire.tooltip}"
            else:
                inside[target] += weights
        self._add_rows(inside)
        self._add_biases(biases, self._layers(fed))
        self._add_inputs(fed)

    def _card(self, group: Group) -> Card:
        card = super()._card(group)
        if group.shown[0].label:
            card.names = (label_of(group.shown[0].label),)
        return card

    def _row(self, weight: Value) -> Row:
        scene = self.scene
        name = label_of(weight.label) if weight.label else None
        return Row(quantity.value(weight), scene.grad(weight), name, node=scene.index[weight])

    def _add_rows(self, inside: dict[Group, list[Value]]) -> None:
        """Weights that no edge can bear, such as the γ of a layer norm, as rows of their card."""
        card = {card.id: card for card in self.cards}
        for target, weights in inside.items():
            rows = map(self._row, weights)  # the card says which entry it is
            card[target.id].rows += tuple(
                row._replace(name=row.name.whole if row.name else Name("w")) for row in rows
            )

    def _add_biases(self, biases: list[tuple[Group, Value]], layer: dict[Group, int]) -> None:
        """A card "1" for each layer, before it in the order of creation."""
        layers: dict[int, Card] = {}
        for target, weight in biases:
            depth = max(1, layer[target])
            if depth not in layers:
                one = Card(f"b{len(layers)}", "bias", (Name("1"),), None, ())
                one.tooltip = "1, which the biases of a layer are multiplied by"
                layers[depth] = self._inserted(one, target)
            wire = self._add_wire(layers[depth], target, weight)
            node, position, _ = self._edges[weight]
            wire.local = quantity.local(node, position) if node is self._anchor[node] else None
            wire.message, wire.dashed = self.scene.message(node, position), True

    def _add_inputs(self, fed: dict[Group, list[Value]]) -> None:
        """A card for each plain number that neurons are fed; they share a row that is the same."""
        taken = any(label_of(node.label).base == "x" for node in self.scene.order)
        cards: dict[tuple[tuple[float, ...], int], Card] = {}
        for target, weights in fed.items():
            numbers = tuple(float(self._edges[weight][2]) for weight in weights)  # type: ignore[arg-type]
            for i, (weight, number) in enumerate(zip(weights, numbers)):
                if (numbers, i) not in cards:
                    name = Name("x", i + 1 if len(numbers) > 1 else None)
                    names, rows = () if taken else (name,), (Row(number, None),)
                    card = Card(f"x{len(cards)}", "input", names, None, rows)
                    card.tooltip = f"{number!r}, a plain number: it has no gradient"
                    cards[numbers, i] = self._inserted(card, target)
                self._add_wire(cards[numbers, i], target, weight)

    def _inserted(self, card: Card, user: Group) -> Card:
        """A card that no node has, put before the first one that uses it."""
        place = next(i for i, other in enumerate(self.cards) if other.id == user.id)
        self.cards.insert(place, card)
        return card

    def _add_wire(self, card: Card, target: Group, weight: Value) -> Wire:
        """An edge with a weight on it, from a card that no node has."""
        row, id = self._row(weight), f"w{target.place}_{card.id}_{len(self.wires)}"
        wire = Wire(id, card.id, target.id, None, None, weight=row, tooltip=_sentence(row))
        self.wires.append(wire)
        return wire

    def _layers(self, fed: Iterable[Group]) -> dict[Group, int]:
        """How many neurons with weights stand before each group; `fed` are the first ones."""
        layer: dict[Group, int] = defaultdict(int, dict.fromkeys(fed, 1))
        group = {group.id: group for group in self.groups}
        for wire in self.wires:  # in the order in which their targets were computed
            if wire.source in group:
                source, target = group[wire.source], group[wire.target]
                further = layer[source] + ((source, target) in self.crossed)
                layer[target] = max(layer[target], further)
        return layer


def _sentence(row: Row) -> str:
    gradient = "backward not run" if row.grad is None else f"gradient {row.grad!r}"
    return f"weight {row.name or ''} = {row.value!r}, {gradient}"


def is_network(scene: Scene) -> bool:
    """Whether neurons feed neurons: weights meet a neuron that was itself made with weights.

    A sum without a name or a squashing, as in (a * b + c * d) * e, is no neuron yet.
    """
    if scene.timed:
        return False
    edges = _weights(scene)
    weighted = {node for node, _, factor in edges.values() if factor is not None}
    if len(weighted) < _LEAST_NEURONS:
        return False
    behind: set[Value] = set()  # made with weights, and then summed or squashed
    for node in scene.order:
        passed_on = len(node.parents) == 1 or (node.op and node.op.name in ("add", "sum"))
        if node in weighted or (passed_on and any(parent in behind for parent in node.parents)):
            behind.add(node)
    fed = [factor for _, _, factor in edges.values() if isinstance(factor, Value)]
    return any(
        factor in behind and (factor.label or (factor.op and factor.op.name in SQUASHING))
        for factor in fed
    )


def _weights(scene: Scene) -> dict[Value, tuple[Value, int, Operand | None]]:
    """For every weight and bias: the node that uses it, where among its parents, and its factor.

    A bias has none.
    """
    found: dict[Value, tuple[Value, int, Operand | None]] = {}
    for node in scene.order:
        for position, leaf, factor in _factors(node):
            if not leaf.parents and len(scene.uses[leaf]) == 1:
                found[leaf] = node, position, factor
    for leaf, (_, _, factor) in list(found.items()):  # of two leaves one is the input
        if leaf in found and isinstance(factor, Value) and factor in found:
            del found[leaf if _looks_like_weight(factor) else factor]
    return found


def _factors(node: Value) -> Iterator[tuple[int, Value, Operand | None]]:
    """Every parent of a sum or product: its position, and what it is multiplied by."""
    if node.op is None:
        return
    operands = node.operands
    half = len(operands) // 2
    factors: list[Operand | None]
    if node.op.name == "dot":
        factors = [*operands[half:], *operands[:half]]
    elif node.op.name == "mul":
        factors = [operands[1], operands[0]]
    elif node.op.name in ("add", "sum"):
        factors = [None] * len(operands)
    else:
        return
    position = 0
    for operand, factor in zip(operands, factors):
        if isinstance(operand, Value):
            weight = _looks_like_weight(operand)
            if factor == 1.0 and node.op.name == "dot" and not weight:
                factor = None  # the term of a bias
            if factor is None or isinstance(factor, Value) or weight or not operand.label:
                yield position, operand, factor
            position += 1


def _looks_like_weight(leaf: Value) -> bool:
    name = label_of(leaf.label) if leaf.label else Name()
    return len(name.index) == 2 or name.base.lower().startswith("w")
