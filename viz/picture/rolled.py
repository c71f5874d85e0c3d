"""The loop of the textbook: a network once, with its state fed back.

It is the last time step at the cell level. Every weight stands at the part that uses it, with
its whole gradient; each state's loop shows the smallest and the largest gain over the steps.
"""

from __future__ import annotations

from collections import defaultdict

from microgrid.nn import Unrolled
from microgrid.quantity import norm
from microgrid.quantity import value as number_of
from microgrid.value import Value

from .groups import Group
from .levels import Collapsed, shape
from .model import Card, Name, Row, Wire
from .naming import describe, label_of
from .reading import Scene

__all__ = ["rolled"]


def rolled(scene: Scene, run: Unrolled) -> tuple[list[Card], list[Wire]]:
    """Cards and wires of the loop of a run."""
    last = len(run)
    full = Collapsed(scene, run, "cell")
    keep = {card.id: card for card in full.cards if card.column == last and card.framed}
    cards = list(keep.values())
    for card in cards:
        card.generic, card.column, card.framed, card.rows, card.hidden = True, 0, False, (), 0
        if card.embedding is not None:
            card.embedding = Name(card.embedding.base, None, ("·",))
    wires = [w for w in full.wires if w.source in keep and w.target in keep]
    for wire in wires:
        wire.local = wire.message = wire.upstream = None
    wires += _loops(full, keep)
    for name, (group, entries) in _weights(full, last).items():
        if group.id in keep:
            card = _weight(scene, name, entries, group, last)
            cards.append(card)
            wires.append(Wire(f"{card.id}_w", card.id, group.id, None, card.rows[0].grad))
    if run.root is not None and run.root not in run.losses:
        cards.append(_total(scene, run.root))
        source = full.group.get(next(x for x in reversed(run.losses) if x is not None))
        if source is not None and source.id in keep:
            wires.append(Wire("total_w", source.id, "total", None, None, steps=last))
    return cards, wires


def _loops(full: Collapsed, keep: dict[str, Card]) -> list[Wire]:
    """A wire from the cell to itself for each state that it carries."""
    gains: dict[Name | None, list[float]] = defaultdict(list)
    ends: dict[Name | None, str] = {}
    for wire in full.wires:
        name = full.state[wire.id]
        without = wire.kind == "gain" and not wire.upstream  # no gradient, and so no gain
        if wire.recurrent and wire.local is not None and not without:
            gains[name].append(wire.local)
        if wire.recurrent and wire.target in keep:
            ends[name] = wire.target
    loops = []
    for i, (name, target) in enumerate(ends.items()):
        found = gains[name]
        loops.append(
            Wire(
                id=f"loop{i}" if i else "loop",
                source=target,
                target=target,
                local=None,
                message=None,
                recurrent=True,
                span=(min(found), max(found)) if found else None,
                name=name if len(ends) > 1 else None,
                tooltip="the gain from one step to the one before: the smallest and the largest",
            )
        )
    return loops


def _weights(full: Collapsed, last: int) -> dict[Name, tuple[Group, list[Value]]]:
    """Every weight with its entries and the part of the last step that uses it."""
    found: dict[Name, tuple[Group, list[Value]]] = {}
    for leaf in full.scene.shared:
        users = [full.group[child] for child in full.scene.uses[leaf] if child in full.group]
        group = next((user for user in users if user.column == last and user.kind == "part"), None)
        if group is not None:
            found.setdefault(label_of(leaf.label).whole, (group, []))[1].append(leaf)
    return found


def _weight(scene: Scene, name: Name, entries: list[Value], user: Group, steps: int) -> Card:
    grads = [scene.grad(entry) for entry in entries]
    grad = None if None in grads else norm(g for g in grads if g is not None)
    lone = scene.index[entries[0]] if len(entries) == 1 else None
    row = Row(norm(map(number_of, entries)), grad, norm=lone is None, node=lone)
    return Card(
        id=f"p{scene.index[entries[0]]}",
        role="parameter",
        names=(name,),
        operation=None,
        rows=(row,),
        beside=user.id,
        shape=shape(entries),
        tooltip=f"{name}, used in each of {steps} steps",
        nodes=tuple(scene.index[entry] for entry in entries),
    )


def _total(scene: Scene, loss: Value) -> Card:
    return Card(
        id="total",
        role="total",
        names=(label_of(loss.label),) if loss.label else (Name("L"),),
        operation=None,
        rows=(Row(number_of(loss), scene.grad(loss), node=scene.index[loss]),),
        tooltip=describe(loss, scene.grad(loss)),
        nodes=(scene.index[loss],),
    )
