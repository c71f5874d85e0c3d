"""Every product of the chain rule from a root to a leaf."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import Any

from ..graph import find, root_of
from ..sweep import gradients
from ..value import Value, creation_order

__all__ = ["Path", "Paths", "paths"]


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the root to a leaf: nodes, and the local derivative on each edge between.

    >>> w = Value(3.0, label="w")
    >>> path, _ = paths((2.0 * w) * w, w)
    >>> path.factors, path.product
    ((3.0, 2.0), 6.0)
    """

    nodes: tuple[Value, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """The product of the factors: what this path adds to the gradient."""
        return math.prod(self.factors, start=1.0)


class Paths:
    """All paths from `root` to `leaf`. Their products sum to d(root)/d(leaf).

    Iterating finds them one by one, so that the first of an astronomic number come at
    once; `count` is exact and known beforehand.

    Attributes
    ----------
    root, leaf : the ends
    count : how many paths there are

    >>> w = Value(3.0, label="w")
    >>> cube = paths(w * w * w, w)
    >>> cube.count, [path.product for path in cube], cube.total
    (3, [9.0, 9.0, 9.0], 27.0)
    """

    def __init__(self, root: Value, leaf: Value) -> None:
        self.root = root
        self.leaf = leaf
        self._ways: dict[Value, int] = {leaf: 1}
        for node in creation_order(root):
            if node is not leaf and (ways := sum(self._ways.get(p, 0) for p in node.parents)):
                self._ways[node] = ways
        self.count = self._ways.get(root, 0)

    @cached_property
    def total(self) -> float:
        """The sum over all paths by one sweep, however many there are: d(root)/d(leaf)."""
        return gradients(self.root).get(self.leaf, 0.0)

    def __iter__(self) -> Iterator[Path]:
        """Depth first, in the order of the operands."""
        nodes, factors = [self.root], [1.0]
        branches = [iter(self._edges(self.root))]
        while branches:
            if nodes[-1] is self.leaf:
                yield Path(tuple(nodes), tuple(factors[1:]))
            parent, partial = next(branches[-1], (None, 0.0))
            if parent is None:
                nodes.pop()
                factors.pop()
                branches.pop()
            else:
                nodes.append(parent)
                factors.append(partial)
                branches.append(iter(self._edges(parent)))

    def largest(self) -> Iterator[Path]:
        """The same paths, those with the largest |product| first, found one by one.

        Best-first search: the best product to be had from a node on is known from one
        walk over the graph, so no path is followed before its turn.
        """
        best = {self.leaf: 1.0}
        for node in creation_order(self.root):
            if node is not self.leaf and node in self._ways:
                best[node] = max(_size(d * best[p]) for p, d in self._edges(node))
        # The rank of a path falls by a quotient that is exactly 1 on the best edge, and of
        # equal ranks the latest comes first: the best path is walked down straight away.
        ticket = count(0, -1)
        waiting = [(-best[self.root], next(ticket), _Link(self.root, 1.0, None))]
        while waiting:
            rank, _, link = heappop(waiting)
            if link.node is self.leaf:
                yield link.path()
            for parent, partial in self._edges(link.node):
                size, most = _size(partial * best[parent]), best[link.node]
                lower = rank if size == most else -_size(rank * (size / most))
                heappush(waiting, (lower, next(ticket), _Link(parent, partial, link)))

    def __repr__(self) -> str:
        names = f"{self.root.label or 'root'} → {self.leaf.label or 'leaf'}"
        noun = "path" if self.count == 1 else "paths"
        return f"Paths({names}: {self.count} {noun}, sum {self.total:.6g})"

    def _edges(self, node: Value) -> list[tuple[Value, float]]:
        if node is self.leaf:
            return []
        return [(p, d) for p, d in zip(node.parents, node.partials) if p in self._ways]


@dataclass(frozen=True, slots=True)
class _Link:
    """A path under construction, sharing its beginning with others."""

    node: Value
    factor: float
    before: _Link | None

    def path(self) -> Path:
        """The path that ends here."""
        links: list[_Link] = []
        link: _Link | None = self
        while link is not None:
            links.append(link)
            link = link.before
        links.reverse()
        return Path(tuple(x.node for x in links), tuple(x.factor for x in links[1:]))


def paths(x: Any, leaf: Value | str) -> Paths:
    """Every path from x (a Value, or a run's loss) down to a leaf, or any node below.

    The leaf is a Value or its label; ValueError where it is not in the graph.

    >>> w = Value(2.0, label="w")
    >>> chain = w
    >>> for _ in range(100):
    ...     chain = chain + chain
    >>> ways = paths(chain, "w")
    >>> ways.count == 2**100, len(next(iter(ways)).factors)
    (True, 100)
    """
    root = root_of(x)
    return Paths(root, find(root, leaf))


def _size(x: float) -> float:
    """|x|, with nan as the largest of all: what is broken is to be seen first."""
    return math.inf if math.isnan(x) else abs(x)
