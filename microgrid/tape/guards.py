"""Comparisons as guards: a replay must take the branches that the recording took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from weakref import ReferenceType

import numpy as np
from numpy.typing import NDArray

from ..comparisons import comparisons
from ..value import Value, creation_order
from .memory import Layout
from .read import Graph

WORDS = {
    "less": "less than",
    "less_equal": "at most",
    "greater": "greater than",
    "greater_equal": "at least",
    "equal": "equal to",
    "not_equal": "other than",
}


class GuardError(RuntimeError):
    """The numbers given take another branch than the recording did."""


@dataclass(frozen=True)
class Guard:
    """A test that has to come out as it did: `name` is NumPy's."""

    name: str
    left: Value
    right: Value | float
    outcome: bool

    @property
    def values(self) -> list[Value]:
        return [x for x in (self.left, self.right) if isinstance(x, Value)]


def guards_of(loss: Value, variables: Collection[Value], since: int = -1) -> list[Guard]:
    """The comparisons on which the recording of `loss` may have hung.

    That is every one that was made after the oldest variable (or the serial `since`, where
    the recording is known to begin later) and before the loss, on Values that depend on a
    variable; whether the loss depends on those Values does not
    matter. A GuardError says so if one of them cannot be asked again because its Value
    is gone: better no tape than one that is silently wrong.
    """
    start = max(since, min([v.serial for v in variables], default=loss.serial))
    lost = comparisons.forgotten > start
    guards = []
    for made in comparisons.latest:
        if not start < made.serial < loss.serial:
            continue
        left = made.left()
        right = made.right() if isinstance(made.right, ReferenceType) else made.right
        if left is None or right is None:
            lost = True
            continue
        guard = Guard(made.name, left, right, made.outcome)
        if not variables_under(guard.values).isdisjoint(variables):
            guards.append(guard)
    if lost:
        raise GuardError(
            "Tape: a Value that was compared before the loss was made is gone, so that its branch "
            "cannot be guarded; record with Tape.record(build, inputs), or compare `.data` where "
            "nothing recorded depends on the outcome"
        )
    return guards


def variables_under(roots: Sequence[Value]) -> set[Value]:
    """The leaves that the roots depend on."""
    return {node for node in creation_order(*roots) if node.op is None}


class GuardCheck:
    """All guards of one name, asked at once."""

    def __init__(self, name: str, guards: Sequence[Guard], graph: Graph, layout: Layout) -> None:
        self.test = getattr(np, name)
        self.guards = guards
        self.sides = tuple(  # the nodes on the left, and those on the right
            [graph.index[x] if isinstance(x, Value) else graph.constant(x) for x in side]
            for side in zip(*[(guard.left, guard.right) for guard in guards])
        )
        self.left, self.right = map(layout.places, self.sides)
        self.outcomes = np.array([guard.outcome for guard in guards])

    def __call__(self, values: NDArray[np.float64]) -> None:
        """GuardError if a test comes out otherwise."""
        left, right = values[self.left], values[self.right]
        outcomes = self.outcomes.reshape((-1,) + (1,) * (values.ndim - 1))
        wrong = np.argwhere(self.test(left, right) != outcomes)
        if wrong.size == 0:
            return
        place = tuple(wrong[0])
        guard = self.guards[place[0]]
        example = f" of example {place[1]}" if len(place) > 1 else ""
        raise GuardError(
            f"Tape: these numbers take another branch than the recording: "
            f"{describe(guard.left)}{example} is {float(left[place])!r}, where the recording "
            f"found it {'' if guard.outcome else 'not '}{WORDS[guard.name]} "
            f"{float(right[place])!r}; make another tape for this branch"
        )


def checks(guards: Sequence[Guard], graph: Graph, layout: Layout) -> list[GuardCheck]:
    """The guards by name."""
    by_name: dict[str, list[Guard]] = defaultdict(list)
    for guard in guards:
        by_name[guard.name].append(guard)
    return [GuardCheck(name, same, graph, layout) for name, same in by_name.items()]


def describe(value: Value) -> str:
    """How an error names a node: label, op and scope, as far as it has them."""
    name = value.label or (f"the {value.op} node" if value.op else "an unnamed leaf")
    return f"{name} in {value.scope}" if value.scope else name
