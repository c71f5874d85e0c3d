"""Passes that rewrite a program in + and * in `sum` and `dot`, so that it has matrices.

A chain of additions whose links nobody else uses is one sum, and its products that nobody
else uses make it a dot. The values in between vanish, their gradients do not: an addend's is
the sum's own. A dot that is a row of parameters times a column, and something more, is taken
apart again: the row becomes a node of its own, so that it can be part of a matrix.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from .. import ops
from ..ops import Op
from .ir import FIRST_CONSTANT, Graph, Nodes

__all__ = ["fuse_sums", "take_rows_out"]

LEAST_TERMS = 3  # a + b c is as fast as it stands

Pair = tuple[int, int]  # two factors; of an addend the second is NO_FACTOR
NO_FACTOR = -1


def fuse_sums(graph: Graph) -> Graph:
    """The graph with each tree of additions as one sum or, if it has products, one dot."""
    return _Fusing(graph).run()


class _Fusing:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.op = list(graph.op)
        self.operands = list(graph.operands)
        self.heir: dict[int, int] = {}
        flat = np.fromiter(chain.from_iterable(graph.operands), dtype=np.intp)
        uses = np.bincount(flat[flat < FIRST_CONSTANT], minlength=len(graph.op))
        uses[graph.roots] += 1
        self.private: list[bool] = (uses == 1).tolist()
        self.widths: dict[object, set[int]] = defaultdict(set)  # of the sums of a role
        self.short: list[tuple[int, list[int], list[Pair]]] = []  # too few terms to be worth it

    def run(self) -> Graph:
        sums = (ops.ADD, ops.SUM)
        for node in range(len(self.op) - 1, -1, -1):
            if self.op[node] in sums:
                self._fuse(node)
        if self.short and any(len(widths) > 1 for widths in self.widths.values()):
            self._join_families()
        return replace(self.graph, op=self.op, operands=self.operands, heir=self.heir)

    def _fuse(self, root: int) -> None:
        """Make the tree of additions under `root` one sum or dot."""
        op, operands, private = self.op, self.operands, self.private
        terms: list[Pair] = []
        inner: list[int] = []
        pending = list(reversed(operands[root]))
        while pending:
            node = pending.pop()
            kind = op[node] if node < len(op) and private[node] else None
            if kind in (ops.ADD, ops.SUM):
                inner.append(node)
                pending += reversed(operands[node])
            elif kind is ops.MUL or kind is ops.DOT:
                inner.append(node)
                half = len(operands[node]) // 2
                terms += zip(operands[node][:half], operands[node][half:])
            else:
                terms.append((node, NO_FACTOR))
        if len(terms) < LEAST_TERMS:
            self.short.append((root, inner, terms))
        elif inner:
            self._rewrite(root, inner, terms)
        if len(terms) >= LEAST_TERMS and not self._begins_with_parameters(terms):
            self.widths[self._role(terms)].add(len(terms))

    def _rewrite(self, root: int, inner: Sequence[int], terms: Sequence[Pair]) -> None:
        for node in inner:
            self.op[node] = None
            self.heir[node] = root
        if all(b == NO_FACTOR for _, b in terms):
            self.op[root], self.operands[root] = ops.SUM, tuple([a for a, _ in terms])
            return
        unit = self.graph.constants.node(1.0)
        pairs = [(a, unit if b == NO_FACTOR else b) for a, b in terms]
        self.op[root], self.operands[root] = _dot(pairs)

    def _join_families(self) -> None:
        """Let a short sum or product be what its longer siblings are.

        In causal attention step t has sums and dots of t terms. Those of one or two terms
        become a sum or dot too, so that all steps can be one block.
        """
        ragged = {role for role, widths in self.widths.items() if len(widths) > 1}
        for root, inner, terms in self.short:
            if self.op[root] is not None and self._role(terms) in ragged:
                self._rewrite(root, inner, terms)
        for node, kind in enumerate(self.op):
            if kind is ops.MUL:
                a, b = self.operands[node]
                if self._role([(a, b)]) in ragged:
                    self.op[node] = ops.DOT

    def _begins_with_parameters(self, terms: Sequence[Pair]) -> bool:
        return not self.graph.parameters.isdisjoint(terms[0])

    def _role(self, terms: Sequence[Pair]) -> object:
        """What kinds of nodes are added up: sums of one role differ in length alone."""
        op, known = self.graph.op, len(self.graph.op)  # as recorded: the same all along
        kinds = [
            (op[a] if a < known else None, op[b] if NO_FACTOR < b < known else b >= known)
            for a, b in terms
        ]
        return frozenset(kinds)


def take_rows_out(graph: Graph) -> Graph:
    """The graph with each row of parameters within a longer dot as a node of its own.

    A row with an addend of its own at every step (an embedding of the position added to that
    of the token) is taken out of it too, so that all steps meet the same row.
    """
    known = graph.parameters
    op, operands = list(graph.op), list(graph.operands)
    unit = graph.constants.node(1.0)
    dots = {node: graph.factors(node) for node in graph.order if op[node] is ops.DOT}
    drifting = _rows_with_other_addends(dots, known, unit)
    order: list[int] = []
    for node in graph.order:
        factors = dots.get(node)
        if factors is not None:
            firsts, seconds = factors
            is_row = [a in known for a in firsts]
            if drifting and all(is_row):
                is_row = [b != unit for b in seconds]
                if tuple([a for a, inside in zip(firsts, is_row) if inside]) not in drifting:
                    is_row = []
            if LEAST_TERMS <= sum(is_row) < len(is_row):
                pairs = list(zip(firsts, seconds))
                row = [pair for pair, inside in zip(pairs, is_row) if inside]
                others = [pair for pair, inside in zip(pairs, is_row) if not inside]
                order.append(len(op))
                op[node], operands[node] = _dot_or_sum([(len(op), unit), *others], unit)
                made = _dot(row)
                op.append(made[0])
                operands.append(made[1])
        order.append(node)
    return replace(graph, op=op, operands=operands, order=order)


def _rows_with_other_addends(
    dots: Mapping[int, tuple[Nodes, Nodes]], known: frozenset[int], unit: int
) -> set[Nodes]:
    """The rows of parameters that stand beside other parameters as addends in other dots."""
    addends: dict[Nodes, set[Nodes]] = defaultdict(set)
    for firsts, seconds in dots.values():
        if unit in seconds and known.issuperset(firsts):
            row = tuple([a for a, b in zip(firsts, seconds) if b != unit])
            addends[row].add(tuple([a for a, b in zip(firsts, seconds) if b == unit]))
    return {row for row, sets in addends.items() if len(sets) > 1}


def _dot_or_sum(pairs: Sequence[Pair], unit: int) -> tuple[Op, Nodes]:
    """The op and operands that add up these products, of which some are addends."""
    if any(b != unit for _, b in pairs):
        return _dot(pairs)
    return ops.ADD if len(pairs) == 2 else ops.SUM, tuple([a for a, _ in pairs])


def _dot(pairs: Sequence[Pair]) -> tuple[Op, Nodes]:
    return ops.DOT, tuple([a for a, _ in pairs] + [b for _, b in pairs])
