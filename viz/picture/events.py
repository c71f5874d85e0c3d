"""The moments at which something is to be seen: a card has its value, a wire its message."""

from __future__ import annotations

from collections.abc import Sequence

from microgrid.sweep import Sweep
from microgrid.value import Value

from .model import Picture, Wire

__all__ = ["events"]


def events(
    picture: Picture, order: Sequence[Value], computed: Sequence[Value], sweep: Sweep | None
) -> list[int]:
    """The steps that complete a card or a wire, counted from where forward pass and sweep meet.

    A wire between vectors stands for many messages and a card of a gate for many values. They
    are one event each: what happens within them is not to be seen.
    """
    turn = {node: i + 1 - len(computed) for i, node in enumerate(computed)}
    finished = [[turn[order[i]] for i in card.nodes if order[i] in turn] for card in picture.cards]
    if sweep is not None:
        finished += [_messages(wire, order, sweep) for wire in picture.wires]
    return sorted({max(steps) for steps in finished if steps})


def _messages(wire: Wire, order: Sequence[Value], sweep: Sweep) -> list[int]:
    """The messages along a wire, and those to the weight on it, by their numbers."""
    edges = [(order[place], position) for place, position in wire.edges]
    numbers = [sweep.number(*edge) for edge in edges if edge[0] in sweep]
    if wire.weight is not None and wire.weight.node is not None:
        numbers += [sent for sent, _ in sweep.history(order[wire.weight.node])]
    return numbers
