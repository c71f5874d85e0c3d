"""Two passes that rewrite a program in + and * in `sum` and `dot`, so that it has matrices.

A chain of additions whose links nobody else uses is one sum, and its products that nobody
else uses make it a dot. The values in between vanish, their gradients do not: an addend's is
the sum's own. A dot that is a row of parameters times a column, and something more, is taken
apart again: the row becomes a node of its own, so that it can be part of a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from .. import ops
from ..ops import Op
from .ir import FIRST_CONSTANT, Graph, Nodes

__all__ = ["fuse_sums", "take_rows_out"]

LEAST_TERMS = 3  # a + b c is as fast as it stands


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

    def run(self) -> Graph:
        sums = (ops.ADD, ops.SUM)
        for node in range(len(self.op) - 1, -1, -1):
            if self.op[node] in sums:
                self._fuse(node)
        return replace(self.graph, op=self.op, operands=self.operands, heir=self.heir)

    def _fuse(self, root: int) -> None:
        """Make the tree of additions under `root` one sum or dot."""
        op, operands, private = self.op, self.operands, self.private
        terms: list[tuple[int, int]] = []
        inner: list[int] = []
        one = -1
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
                terms.append((node, one))
        if not inner or len(terms) < LEAST_TERMS:
            return
        for node in inner:
            op[node] = None
            self.heir[node] = root
        if all(b == one for _, b in terms):
            op[root] = ops.SUM
            operands[root] = tuple([a for a, _ in terms])
        else:
            unit = self.graph.constants.node(1.0)
            op[root], operands[root] = _dot([(a, unit if b == one else b) for a, b in terms])


def take_rows_out(graph: Graph) -> Graph:
    """The graph with each row of parameters within a longer dot as a node of its own."""
    known = graph.parameters
    op, operands = list(graph.op), list(graph.operands)
    unit = graph.constants.node(1.0)
    order: list[int] = []
    for node in graph.order:
        if op[node] is ops.DOT:
            firsts, seconds = graph.factors(node)
            is_row = [a in known for a in firsts]
            if LEAST_TERMS <= sum(is_row) < len(is_row):
                pairs = list(zip(firsts, seconds))
                kind, row = _dot([pair for pair, inside in zip(pairs, is_row) if inside])
                order.append(len(op))
                others = [pair for pair, inside in zip(pairs, is_row) if not inside]
                op[node], operands[node] = _dot([(len(op), unit), *others])
                op.append(kind)
                operands.append(row)
        order.append(node)
    return replace(graph, op=op, operands=operands, order=order)


def _dot(pairs: Sequence[tuple[int, int]]) -> tuple[Op, Nodes]:
    return ops.DOT, tuple([a for a, _ in pairs] + [b for _, b in pairs])
