"""What a tape answers for: which leaves change, and which branches the recording took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..graph import graph_of, root_of
from ..index import Index
from ..recording import comparisons
from ..value import Value, creation_order
from ..wording import clean
from .ir import Graph
from .memory import Layout

__all__ = [
    "Field", "Guard", "GuardCheck", "GuardError", "Source", "checks", "describe", "flatten",
    "guards_of", "sides", "source",
]  # fmt: skip

_WORDS = {
    "less": "less than",
    "less_equal": "at most",
    "greater": "greater than",
    "greater_equal": "at least",
    "equal": "equal to",
    "not_equal": "other than",
}


Field: TypeAlias = Value | Index  # what one number of the inputs is for


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


@dataclass(frozen=True, eq=False)
class Source:
    """What is to be compiled: a recorded loss, its leaves by kind, and its guards.

    Attributes
    ----------
    inputs : the leaves that every replay is fed
    fields, input_shape : the numbers that are given for them, and how these are nested
    parameters : the leaves that an optimizer changes
    order : all Values under the loss, oldest first
    """

    loss: Value
    inputs: Sequence[Value]
    fields: Sequence[Field]
    input_shape: tuple[int, ...]
    parameters: Sequence[Value]
    order: Sequence[Value]
    guards: Sequence[Guard]

    @property
    def has_index(self) -> bool:
        """Whether a replay is given fewer numbers than there are input leaves."""
        return len(self.fields) < len(self.inputs)


def source(
    loss: Value, inputs: Sequence[Any], parameters: Sequence[Value] | None, since: int = -1
) -> Source:
    """Sort the leaves of a recorded loss; ValueError or TypeError for what is none.

    parameters: unless given, every leaf under the loss that is no input.
    since: the serial at which the recording is known to begin; -1 if it is not.
    """
    loss = graph_of(loss)
    loss = root_of(loss) if hasattr(loss, "loss") else loss
    if not isinstance(loss, Value):
        raise TypeError(f"Tape needs the Value to replay, got {loss!r}")
    if loss.op is None:
        raise ValueError(f"Tape: {describe(loss)} is a leaf: there is nothing to replay")
    fields, shape = flatten(inputs)
    flat = list(chain.from_iterable([x if isinstance(x, Index) else (x,) for x in fields]))
    given = set(flat)
    _check_distinct(flat, given)
    order = creation_order(loss)
    leaves = [value for value in order if value.op is None]
    variables = (
        [leaf for leaf in leaves if leaf not in given]
        if parameters is None
        else _checked(parameters, given)
    )
    guards = guards_of(loss, [*variables, *flat], since)
    strangers = given.difference(leaves, *map(_leaves_under, guards))
    if strangers:
        _refuse(next(value for value in flat if value in strangers))
    return Source(loss, flat, fields, shape, variables, order, guards)


def flatten(inputs: Sequence[Any]) -> tuple[list[Field], tuple[int, ...]]:
    """The inputs in one list, and their shape if their nesting is even. An Index is one number."""
    flat: list[Field] = []
    return flat, _collect(inputs, flat) or (len(flat),)


def _collect(item: Any, flat: list[Field]) -> tuple[int, ...] | None:
    """Append the leaves in `item` to `flat`; their shape, None where the nesting is uneven."""
    if isinstance(item, (Value, Index)):  # faster than to ask for a Field
        flat.append(item)
        return ()
    if isinstance(item, str) or not hasattr(item, "__iter__"):
        raise TypeError(f"Tape: an input must be a leaf Value or an Index, got {item!r}")
    shapes = [_collect(part, flat) for part in item]
    even = len(set(shapes)) == 1 and shapes[0] is not None
    return (len(shapes), *(shapes[0] or ())) if even else None


def _check_distinct(inputs: Sequence[Value], given: Collection[Value]) -> None:
    """ValueError that names the first input that is given twice."""
    if len(given) < len(inputs):
        twice = next(value for value in inputs if inputs.count(value) > 1)
        raise ValueError(
            f"Tape: input {describe(twice)} is given twice. If it is a row of an embedding, two "
            f"steps read the same letter: to feed the tape other letters, unroll tokens = "
            f"[Index(i, n), ...] (microgrid.tape.Index) and give it inputs=tokens"
        )


def _checked(parameters: Sequence[Value], inputs: Collection[Value]) -> list[Value]:
    """The parameters that were asked for; ValueError or TypeError for what can be none."""
    if isinstance(parameters, Value):
        raise TypeError("Tape: parameters must be a list of leaves: write parameters=[value]")
    for value in parameters:
        if not isinstance(value, Value) or value.op is not None:
            raise ValueError(f"Tape: a parameter must be a leaf, got {value!r}")
        if value in inputs:
            raise ValueError(f"Tape: {describe(value)} cannot be both an input and a parameter")
    return list(parameters)


def _refuse(value: Value) -> NoReturn:
    """ValueError for an input that is no leaf, or none of this graph."""
    if value.op is not None:
        raise ValueError(
            f"Tape: input {describe(value)} is no leaf: it is computed by {value.op}; "
            f"give the leaves that it is made from"
        )
    raise ValueError(f"Tape: input {describe(value)} is no leaf of the loss's graph")


def _leaves_under(guard: Guard) -> list[Value]:
    return [node for node in creation_order(*guard.values) if node.op is None]


def guards_of(loss: Value, variables: Collection[Value], since: int = -1) -> list[Guard]:
    """The comparisons on which the recording of `loss` may have hung.

    That is every one that was made after the oldest variable (or the serial `since`, where
    the recording is known to begin later) and before the loss, on Values that depend on a
    variable; whether the loss depends on those Values does not
    matter. A GuardError says so if one of them cannot be asked again because its Value
    is gone: better no tape than one that is silently wrong.
    """
    start = max(since, min([v.serial for v in variables], default=loss.serial))
    tests, lost = comparisons.between(start, loss.serial)
    found = [Guard(*test) for test in tests]
    if lost:
        raise GuardError(
            "Tape: a Value that was compared before the loss was made is gone, so that its branch "
            "cannot be guarded; record with Tape.record(build, inputs), or compare `.data` where "
            "nothing recorded depends on the outcome"
        )
    if not found:
        return []
    varies = set(variables)
    for node in creation_order(*chain.from_iterable(guard.values for guard in found)):
        if not varies.isdisjoint(node.parents):
            varies.add(node)
    return [guard for guard in found if not varies.isdisjoint(guard.values)]


class GuardCheck:
    """All guards of one name, asked at once.

    sides: the nodes on the left, and those on the right.
    """

    def __init__(
        self, guards: Sequence[Guard], sides: Sequence[tuple[int, int]], layout: Layout
    ) -> None:
        self.name = guards[0].name
        self.guards = guards
        self.sides = tuple(map(list, zip(*sides)))
        self.outcomes = np.array([guard.outcome for guard in guards])
        self._test = getattr(np, self.name)
        self._left, self._right = map(layout.places, self.sides)

    def __call__(self, values: NDArray[np.float64]) -> None:
        """GuardError if a test comes out otherwise."""
        left, right = values[self._left], values[self._right]
        outcomes = self.outcomes.reshape((-1,) + (1,) * (values.ndim - 1))
        wrong = np.argwhere(self._test(left, right) != outcomes)
        if wrong.size == 0:
            return
        place = tuple(wrong[0])
        guard = self.guards[place[0]]
        example = f" of example {place[1]}" if len(place) > 1 else ""
        raise GuardError(
            f"Tape: these numbers take another branch than the recording: "
            f"{describe(guard.left)}{example} is {float(left[place])!r}, where the recording "
            f"found it {'' if guard.outcome else 'not '}{_WORDS[guard.name]} "
            f"{float(right[place])!r}; make another tape for this branch"
        )


def sides(guards: Sequence[Guard], graph: Graph) -> list[tuple[int, int]]:
    """The two nodes that each guard compares."""

    def node(x: Value | float) -> int:
        return graph.index[x] if isinstance(x, Value) else graph.constants.node(x)

    return [(node(guard.left), node(guard.right)) for guard in guards]


def checks(guards: Sequence[Guard], graph: Graph, layout: Layout) -> list[GuardCheck]:
    """The guards by name."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for i, guard in enumerate(guards):
        by_name[guard.name].append(i)
    nodes = sides(guards, graph)
    return [
        GuardCheck([guards[i] for i in same], [nodes[i] for i in same], layout)
        for same in by_name.values()
    ]


def describe(value: Value) -> str:
    """How an error names a node: label, op and scope, as far as it has them."""
    name = value.label or (f"the {value.op} node" if value.op else "an unnamed leaf")
    return clean(f"{name} in {value.scope}" if value.scope else name)
