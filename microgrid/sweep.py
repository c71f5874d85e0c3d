"""A backward pass as data: its messages in order, and every gradient after each of them.

`Value.backward` does the sweep, `grad(create_graph=True)` records one; here it is played
without touching any `.grad`. Pictures, the stepper and bptt all read what happens here, so
that they can only show the same numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, overload

from .graph import gradient_of, name_of, root_of
from .reals import as_float
from .value import Value, creation_order

__all__ = ["Message", "Plan", "Sweep", "gradients", "held_by_leaves", "latest", "plan_sweeps"]

Plan: TypeAlias = Iterable[tuple[Value, Iterable[tuple[Value, float]]]]


class Message(NamedTuple):
    """What one edge carries back: upstream gradient x local derivative.

    Attributes
    ----------
    node : who sends it
    position : to which of its parents, counted from 0
    parent : who receives it
    upstream : the node's gradient, d(root)/d(node)
    local : d(node)/d(parent), stored on the edge
    message : upstream x local
    before, after : the parent's gradient before the message arrives and after it; `before` is
        None for the first message to arrive
    """

    node: Value
    position: int
    parent: Value
    upstream: float
    local: float
    message: float
    before: float | None
    after: float


class Sweep:
    """The messages of one backward pass in order, and any gradient after k of them.

    Building it costs one visit per edge; asking for a gradient or a message costs a binary
    search. No `.grad` is touched, and later changes to the graph do not show.

    Parameters
    ----------
    root : a Value, or an unrolled run, whose loss is taken
    seed : the gradient put on the root
    held : what leaves hold from earlier sweeps, to which this one adds

    Attributes
    ----------
    root, seed, held : as given
    order : the nodes below the root in the order of the sweep, the root first
    messages : every Message, in order. Made when read, so that a long sweep stays small

    >>> a = Value(3.0, label="a")
    >>> sweep = Sweep(a * a, held={a: 1.0})
    >>> [sweep.gradient(a, after=k) for k in range(len(sweep) + 1)]
    [1.0, 4.0, 7.0]
    >>> sweep.messages[1][3:]
    (1.0, 3.0, 3.0, 4.0, 7.0)
    """

    def __init__(
        self, root: Any, seed: float = 1.0, held: Mapping[Value, float] | None = None
    ) -> None:
        self.root = root_of(root)
        self.seed = as_float(seed, "seed")
        self.order = creation_order(self.root)[::-1]
        self.held = {leaf: x for leaf, x in (held or {}).items() if not leaf.parents}
        self._start = {**self.held, self.root: self.held.get(self.root, 0.0) + self.seed}
        self._after: list[float] = []  # the receiver's gradient after each message
        self._arrived: dict[Value, list[int]] = {node: [] for node in self.order}
        self._sent: list[int] = []  # how many messages were sent before each node's turn
        self._play()
        self._turn = {node: turn for turn, node in enumerate(self.order)}
        self.messages: Sequence[Message] = _Messages(self)

    def _play(self) -> None:
        gradient, after, arrived = dict(self._start), self._after, self._arrived
        for node in self.order:
            self._sent.append(len(after))
            upstream = gradient[node]
            for parent, local in zip(node.parents, node.partials):
                total = gradient.get(parent, 0.0) + upstream * local
                gradient[parent] = total
                after.append(total)
                arrived[parent].append(len(after))

    def __len__(self) -> int:
        """How many messages there are."""
        return len(self._after)

    def __contains__(self, node: object) -> bool:
        return node in self._arrived

    def gradient(self, node: Value, after: int | None = None) -> float | None:
        """The node's gradient once the first `after` messages are sent; None for all of them.

        None where nothing has arrived yet. A node that is not below the root is not reached by
        the sweep: it keeps the gradient that it holds in the graph.
        """
        arrived = self._arrived.get(node)
        if arrived is None:
            return gradient_of(node)
        got = len(arrived) if after is None else bisect_right(arrived, after)
        return self._after[arrived[got - 1] - 1] if got else self._start.get(node)

    def message(self, node: Value, position: int, after: int | None = None) -> float | None:
        """What `node` sends to its parent at `position`; None while it has not sent it."""
        if node in self._turn and (after is None or self.number(node, position) <= after):
            return self._upstream(node) * node.partials[position]
        upstream = None if node in self._turn else gradient_of(node)
        return None if upstream is None else upstream * node.partials[position]

    def messages_of(self, node: Value, after: int | None = None) -> list[float | None]:
        """What `node` sends to each of its parents; None where it has not sent it yet."""
        inside = node in self._turn
        upstream = self._upstream(node) if inside else gradient_of(node)
        if upstream is None:
            return [None] * len(node.parents)
        sent = len(self) if after is None or not inside else after - self._sent[self._turn[node]]
        return [upstream * x if i < sent else None for i, x in enumerate(node.partials)]

    def number(self, node: Value, position: int) -> int:
        """Which message of the sweep `node` sends to its parent at `position`, counted from 1.

        With `after` at this number or above it has been sent.
        """
        return self._sent[self._turn[node]] + position + 1

    def received(self, node: Value) -> list[Message]:
        """The messages to a node, in order."""
        return [self.messages[k - 1] for k in self._arrived[node]]

    def sent(self, node: Value) -> list[Message]:
        """The messages from a node, in order."""
        first = self._sent[self._turn[node]]
        return list(self.messages[first : first + len(node.parents)])

    def sent_by(self, node: Value) -> list[float]:
        """The numbers of `sent(node)` alone: upstream x local for each of its parents."""
        upstream = self._upstream(node)
        return [upstream * local for local in node.partials]

    def history(self, node: Value) -> list[tuple[int, float]]:
        """(after how many messages, gradient) for every change of the node's gradient.

        >>> a = Value(3.0)
        >>> Sweep(a * a, held={a: 1.0}).history(a)
        [(0, 1.0), (1, 4.0), (2, 7.0)]
        """
        held = [(0, self._start[node])] if node in self._start else []
        if node not in self._arrived:
            gradient = gradient_of(node)
            return [] if gradient is None else [(0, gradient)]
        return held + [(k, self._after[k - 1]) for k in self._arrived[node]]

    def __repr__(self) -> str:
        noun = "message" if len(self) == 1 else "messages"
        return f"Sweep({name_of(self.root)}, seed {self.seed:.6g}: {len(self)} {noun})"

    def _upstream(self, node: Value) -> float:
        arrived = self._arrived[node]
        return self._after[arrived[-1] - 1] if arrived else self._start[node]

    def _make(self, k: int) -> Message:
        turn = bisect_right(self._sent, k) - 1
        node, position = self.order[turn], k - self._sent[turn]
        parent, local, upstream = (
            node.parents[position],
            node.partials[position],
            self._upstream(node),
        )
        before = self.gradient(parent, after=k)
        return Message(
            node, position, parent, upstream, local, upstream * local, before, self._after[k]
        )


class _Messages(Sequence[Message]):
    """A sweep's messages, each made when it is read."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def __len__(self) -> int:
        return len(self._sweep)

    @overload
    def __getitem__(self, k: int) -> Message: ...
    @overload
    def __getitem__(self, k: slice) -> list[Message]: ...
    def __getitem__(self, k: int | slice) -> Message | list[Message]:
        if isinstance(k, slice):
            return [self._sweep._make(i) for i in range(*k.indices(len(self)))]
        if not -len(self) <= k < len(self):
            raise IndexError(f"the sweep has {len(self)} messages, there is no number {k}")
        return self._sweep._make(k % len(self))


def latest(root: Any) -> Sweep:
    """The sweep that left the gradients a graph has; before any sweep, the one to come.

    Leaves add up what every sweep sends them. Where a leaf holds more than this sweep can have
    sent, the rest was left by earlier sweeps, and the leaf starts from it.

    >>> a = Value(3.0)
    >>> square = a * a
    >>> square.backward(); square.backward(); a.grad
    12.0
    >>> latest(square).history(a)
    [(0, 6.0), (1, 9.0), (2, 12.0)]
    """
    root = root_of(root)
    seed = gradient_of(root)
    if seed is None:
        return Sweep(root, held=held_by_leaves(creation_order(root)))
    sweep = Sweep(root, seed)
    total = {x: g for x, g in held_by_leaves(sweep.order).items() if x is not root}
    rest = {x: g - (sweep.gradient(x) or 0.0) for x, g in total.items()}
    earlier = {x: r for x, r in rest.items() if abs(r) > 1e-9 * max(1.0, abs(total[x]))}
    if earlier:
        sweep = Sweep(root, seed, earlier)
        for leaf in earlier:  # the rest is known up to rounding, the end exactly
            sweep._after[sweep._arrived[leaf][-1] - 1] = total[leaf]
    return sweep


def held_by_leaves(nodes: Iterable[Value]) -> dict[Value, float]:
    """The gradients that the leaves among the nodes hold."""
    return {x: g for x in nodes if not x.parents and (g := gradient_of(x)) is not None}


def gradients(
    root: Value | Mapping[Value, float], plan: Plan | None = None, seed: float = 1.0
) -> dict[Value, float]:
    """`seed` x d(root)/d(node) for every node below the root, root first: the result alone.

    root: a Value; or several, each with the gradient it begins with, in the place of `seed`.
    plan: the edges to go along, youngest node first, where one serves several sweeps
    (`plan_sweeps`), where only a part of the graph is meant, or where other local
    derivatives are to be multiplied than those that the graph holds.

    >>> a = Value(3.0, label="a")
    >>> gradients(a * a)[a], gradients(a * a, seed=2.0)[a]
    (6.0, 12.0)
    """
    found = dict(root) if isinstance(root, Mapping) else {root: seed}
    if plan is None:
        order = reversed(creation_order(*found))
        plan = ((node, zip(node.parents, node.partials)) for node in order)
    for node, edges in plan:
        upstream = found.get(node)
        if upstream is not None:
            for parent, local in edges:
                found[parent] = found.get(parent, 0.0) + upstream * local
    return found


def plan_sweeps(
    roots: Collection[Value], stop: Collection[Value] = (), leaves: Collection[Value] | None = None
) -> Plan:
    """(node, its edges) for the nodes between the roots and `stop`, youngest first.

    Nodes below `stop`, or older than all of it, are left out. Most edges of a network lead to
    weights; so only edges to these `leaves` are kept, or to all leaves if that is None.
    """
    oldest = min((node.serial for node in stop), default=-1)
    stop, wanted = set(stop), None if leaves is None else {*leaves, *stop}
    seen = {node for node in roots if node not in stop}
    found = list(seen)
    plan = []
    for node in found:  # grows while it is read
        edges = [
            (parent, local)
            for parent, local in zip(node.parents, node.partials)
            if (parent.parents or wanted is None or parent in wanted) and parent.serial >= oldest
        ]
        if edges:
            plan.append((node, edges))
        for parent, _ in edges:
            if parent not in seen and parent not in stop:
                seen.add(parent)
                found.append(parent)
    plan.sort(key=lambda planned: planned[0].serial, reverse=True)
    return plan
