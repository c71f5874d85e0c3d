"""What goes from one time step of a recorded graph to the next, or to the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from microgrid.nn import Unrolled
from microgrid.value import Value

from .model import Name
from .naming import label_of

__all__ = ["carried_by", "cells_of", "detached", "leaves"]


def cells_of(
    edges: Iterable[tuple[Value, Value]],
    column: Mapping[Value, int],
    scope_of: Callable[[Value], str],
) -> tuple[set[str], bool]:
    """Where states are made that the same scope uses at another step; whether at an earlier."""
    cells, both_ways = set(), False
    for state, user in edges:
        if column[state] == column[user]:
            continue
        both_ways |= column[user] < column[state]
        scope = scope_of(state)
        if scope and f"{scope_of(user)}/".startswith(f"{scope}/"):
            cells.add(scope)
    return cells, both_ways


def detached(order: Sequence[Value], column: dict[Value, int]) -> dict[Value, Value]:
    """Leaves that are copies of an earlier step's result, and what they were detached from."""
    made = {(node.label, node.data): node for node in order if node.parents and node.label}
    found = {}
    for node in order:
        original = None if node.parents else made.get((node.label, node.data))
        if original is not None and column[original] < column[node]:
            found[node] = original
    return found


def carried_by(run: Unrolled | None) -> dict[Value, Name]:
    """What goes from step to step, an LSTM's c as well as its h, by name without the step."""
    if run is None:
        return {}
    return {
        node: label_of(node.label).whole.timeless for state in run.carries for node in leaves(state)
    }


def leaves(state: object) -> Iterator[Value]:
    """The Values of a state: a vector, or several."""
    if isinstance(state, Value):
        yield state
    elif isinstance(state, Iterable):
        for part in state:
            yield from leaves(part)
