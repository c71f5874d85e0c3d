"""PyTorch's backward graph cut at every recorded tensor, and the exact answer for each piece.

A piece (a Unit) is what lies between recorded tensors: as a rule one autograd node, several where
a kernel was recorded as a whole. Each is checked by itself: given the gradients that PyTorch sent
into it, the scalar graph between its tensors says what has to come out. So an error in one piece
says nothing about another, and rounding does not pile up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
import torch

from ..graph import select_parents
from ..ops import FLOAT
from ..sweep import gradients
from ..value import Value
from .points import Key, Point

__all__ = ["Exact", "Traffic", "Unit", "exact_gradients", "units_of"]


_Edge: TypeAlias = tuple[Any, int, Key]


@dataclass(eq=False)
class Unit:
    """Autograd nodes between recorded tensors: what goes in from above, what comes out below.

    `above` are the points whose gradients PyTorch sends in, `below` the edges that leave:
    (node, position among its inputs, point it leads to). `inner` are edges from a point of the
    unit to another of its points, as from an LSTM cell's h to its c.
    """

    nodes: list[Any] = field(default_factory=list)
    above: list[Key] = field(default_factory=list)
    below: list[_Edge] = field(default_factory=list)
    inner: list[_Edge] = field(default_factory=list)


class Traffic:
    """What a backward pass sends into each autograd node and what comes out, by hooks."""

    def __init__(self, roots: Iterable[torch.Tensor]) -> None:
        self.nodes = list(_nodes(roots))
        self.into: dict[Any, Sequence[Any]] = {}
        self.out_of: dict[Any, Sequence[Any]] = {}
        self._handles = [node.register_hook(self._watch(node)) for node in self.nodes]

    def _watch(self, node: Any) -> Any:
        def hook(grad_inputs: Sequence[Any], grad_outputs: Sequence[Any]) -> None:
            self.into[node] = [_copied(g) for g in grad_outputs]
            self.out_of[node] = [_copied(g) for g in grad_inputs]

        return hook

    def upstream(self, unit: Unit) -> dict[Key, np.ndarray]:
        """What reaches the points of a unit from outside of it."""
        found: dict[Key, np.ndarray] = {}
        for node, number in unit.above:
            sent = self.into.get(node, ())
            if number < len(sent) and sent[number] is not None:
                found[node, number] = sent[number].copy()
        for node, position, key in unit.inner:
            own = self.out_of.get(node, ())[position]
            if own is not None and key in found:
                found[key] -= own
        return found

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()


def _copied(gradient: torch.Tensor | None) -> np.ndarray | None:
    return None if gradient is None else gradient.detach().double().cpu().numpy().copy()


def _nodes(roots: Iterable[torch.Tensor]) -> Iterator[Any]:
    """Every autograd node below the roots but those that only store a leaf's gradient."""
    waiting = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node in seen or hasattr(node, "variable"):
            continue
        seen.add(node)
        yield node
        waiting += [below for below, _ in node.next_functions if below is not None]


def units_of(nodes: Sequence[Any], points: Mapping[Key, Point]) -> list[Unit]:
    """The pieces of the backward graph."""
    parent = {node: node for node in nodes}

    def find(node: Any) -> Any:
        while parent[node] is not node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    leaving = []
    for node in nodes:
        for position, (below, number) in enumerate(node.next_functions):
            if below is None:
                continue
            leaf = getattr(below, "variable", None)
            key = (below, number) if leaf is None else (id(leaf), -1)
            if key in points:
                leaving.append((node, position, key))
            elif leaf is None:
                parent[find(node)] = find(below)
    units: dict[Any, Unit] = {}
    for node in nodes:
        units.setdefault(find(node), Unit()).nodes.append(node)
    for node, number in points:
        if number >= 0 and node in parent:
            units[find(node)].above.append((node, number))
    for edge in leaving:
        unit, (target, number) = units[find(edge[0])], edge[2]
        stays = number >= 0 and find(target) is find(edge[0])
        (unit.inner if stays else unit.below).append(edge)
    return list(units.values())


@dataclass(slots=True)
class Exact:
    """The exact gradients below a unit, and how far rounding may take PyTorch from them.

    `floor` is what is allowed where every gradient of a tensor is exactly 0, such as that of a
    weight whose input cancels to the last bit. `missed` are the gradients of leaves that the unit
    reads and PyTorch was not told of.
    """

    gradient: dict[Value, float]
    allowed: dict[Value, float]
    floor: float
    missed: dict[Value, float]


def exact_gradients(
    unit: Unit,
    points: Mapping[Key, Point],
    upstream: Mapping[Key, np.ndarray],
    rounding: float,
    epsilon: float,
    watched: set[Value],
) -> Exact:
    """What has to come out of a unit for what PyTorch sent in, from PyTorch's own numbers.

    The scalar graph between the unit's tensors is evaluated anew, so that only what happens
    within the unit counts. `rounding` is the relative error of a local derivative, `epsilon` that
    of a number on the way; `watched` are the leaves that need a gradient.
    """
    numbers: dict[Value, float] = {}
    for _, _, key in unit.below:
        point = points[key]
        pairs = zip(point.array.ravel().tolist(), point.numbers.ravel().tolist())
        numbers |= {value: number for value, number in pairs if isinstance(value, Value)}
    stop = set(numbers)
    order = _between([points[key].array for key in unit.above], stop)
    derivatives: dict[Value, Sequence[float]] = {}
    shaky = _Shaky(epsilon)
    for node in order:
        if node in stop:
            continue
        if node.op is None:
            numbers[node] = node.data
            continue
        given = [numbers[x] if isinstance(x, Value) else x for x in node.operands]
        numbers[node] = node.op.evaluate(FLOAT, given)
        found = node.op.local_derivatives(FLOAT, numbers[node], given)
        derivatives[node] = select_parents(node, found)
        shaky.add(node, numbers[node], given, derivatives[node])
    begin, begin_size = _sent(unit, points, upstream)
    made = [node for node in reversed(order) if node in derivatives]
    gradient = gradients(begin, ((node, zip(node.parents, derivatives[node])) for node in made))
    size = gradients(
        begin_size, ((node, zip(node.parents, map(abs, derivatives[node]))) for node in made)
    )
    error = dict.fromkeys(order, 0.0)
    for node in made:
        bends = 1.0 if len(node.parents) == 1 else 0.0  # 1 - tanh(z)**2 is as exact as its 1
        off = shaky.derivatives.get(node) or repeat(0.0)
        for parent, steep, loose in zip(node.parents, map(abs, derivatives[node]), off):
            rounded = rounding * (steep + bends * (1.0 + abs(numbers[parent]) * steep)) + loose
            error[parent] += error[node] * steep + size.get(node, 0.0) * rounded
    allowed = {x: error[x] + rounding * size.get(x, 0.0) for x in stop if x in error}
    missed = {x: gradient[x] for x in order if x in watched and x not in stop and gradient.get(x)}
    largest = max((float(np.abs(sent).max(initial=0.0)) for sent in upstream.values()), default=0.0)
    exact = {x: gradient.get(x, 0.0) for x in stop}
    return Exact(exact, allowed, rounding * largest, missed)


def _sent(
    unit: Unit, points: Mapping[Key, Point], upstream: Mapping[Key, np.ndarray]
) -> tuple[dict[Value, float], dict[Value, float]]:
    """The gradients that PyTorch sent into a unit, and their sizes."""
    begin: dict[Value, float] = {}
    sizes: dict[Value, float] = {}
    for key in unit.above:
        sent = upstream.get(key)
        if sent is None:
            continue
        for value, g in zip(points[key].array.ravel().tolist(), sent.ravel().tolist()):
            if isinstance(value, Value):
                begin[value] = begin.get(value, 0.0) + g
                sizes[value] = sizes.get(value, 0.0) + abs(g)
    return begin, sizes


class _Shaky:
    """How far PyTorch's numbers on the way may be off, and so the local derivatives there.

    A small difference of large numbers, as a row of nearly equal entries less its mean, has few
    digits of its own; what is multiplied by it has no more.
    """

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon
        self.numbers: dict[Value, float] = {}
        self.derivatives: dict[Value, list[float]] = {}

    def add(
        self, node: Value, number: float, given: Sequence[float], derivatives: Sequence[float]
    ) -> None:
        off = [self.numbers.get(x, 0.0) if isinstance(x, Value) else 0.0 for x in node.operands]
        pairs = list(zip(map(abs, derivatives), node.parents))
        terms = sum(steep * abs(x.data) for steep, x in pairs)
        inherited = sum(steep * self.numbers.get(x, 0.0) for steep, x in pairs)
        self.numbers[node] = self.epsilon * (abs(number) + terms) + inherited
        if node.op is None or not any(off):
            return
        moved = [x + d for x, d in zip(given, off)]
        other = node.op.local_derivatives(FLOAT, node.op.evaluate(FLOAT, moved), moved)
        self.derivatives[node] = [
            abs(a - b) if isfinite(a) and isfinite(b) else 0.0
            for a, b in zip(select_parents(node, other), derivatives)
        ]


def _between(arrays: Iterable[np.ndarray], stop: set[Value]) -> list[Value]:
    """The nodes of the arrays and all they depend on down to `stop`, oldest first."""
    seen = {x for array in arrays for x in array.ravel().tolist() if isinstance(x, Value)}
    found = list(seen)
    for node in found:  # grows while it is read
        for parent in () if node in stop else node.parents:
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
    found.sort(key=lambda node: node.serial)
    return found
