"""From a recorded graph to integers: nodes, operands, and the sums and products that fuse.

A node is a number: of a Value its position in order of creation, of a plain number one that
is larger than any of those. A program written in + and * is rewritten in `sum` and `dot`: a
chain of additions whose links nobody else uses is one sum, and its products that nobody else
uses make it a dot. The values in between vanish, their gradients do not: an addend's is the
sum's own. A dot that is a row of parameters times a column, and something more, is taken
apart again: the row becomes a node of its own, so that it can be part of a matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from functools import cached_property
from itertools import chain

import numpy as np

from .. import ops
from ..ops import Op
from ..value import Value, creation_order

LEAST_TERMS = 3  # a + b c is as fast as it stands
FIRST_CONSTANT = 1 << 40  # the node of the first plain number


class Graph:
    """The graph under `roots`.

    Attributes
    ----------
    values : the Values in order of creation; node i is values[i]
    constants : plain numbers; node FIRST_CONSTANT + i is constants[i]
    op : per node, None for leaves and what was fused into another node; rows that were taken
        out of a dot stand after the Values
    operands : per node, the nodes it reads
    order : all nodes but constants, each after those that it reads
    heir : fused node -> the sum or dot it became part of
    """

    def __init__(self, roots: Sequence[Value], parameters: Collection[Value]) -> None:
        self.values = creation_order(*roots)
        self.index = {value: i for i, value in enumerate(self.values)}
        self.constants: list[float] = []
        self._constant_of: dict[str, int] = {}
        self.op: list[Op | None] = [value.op for value in self.values]
        number = self.index.__getitem__
        self.operands: list[tuple[int, ...]] = [
            tuple(map(number, value.parents)) if value.consts is None else self._read(value)
            for value in self.values
        ]
        self.heir: dict[int, int] = {}
        self.roots = [self.index[root] for root in roots]
        self.parameters = {self.index[p] for p in parameters if p in self.index}
        self._fuse()
        self.order = self._take_rows_out()

    def constant(self, number: float) -> int:
        """The node of a plain number."""
        key = number.hex()  # tells 0.0 from -0.0
        if key not in self._constant_of:
            self._constant_of[key] = FIRST_CONSTANT + len(self.constants)
            self.constants.append(number)
        return self._constant_of[key]

    def is_constant(self, node: int) -> bool:
        return node >= FIRST_CONSTANT

    def number(self, constant: int) -> float:
        """The plain number of a node."""
        return self.constants[constant - FIRST_CONSTANT]

    @cached_property
    def fixed(self) -> list[int]:
        """The leaves that are no parameters: inputs, and what keeps its number."""
        values, known = self.values, self.parameters
        return [i for i, value in enumerate(values) if value.op is None and i not in known]

    @cached_property
    def under_loss(self) -> Container[int]:
        """The nodes that the first root depends on; the others are only there for guards."""
        if len(self.roots) == 1:
            return range(len(self.op))
        found = {self.roots[0]}
        for node in reversed(self.order):
            if node in found:
                found.update(self.operands[node])
        return found

    @cached_property
    def learning(self) -> set[int]:
        """The nodes that depend on a parameter, parameters among them."""
        found = set(self.parameters)
        for node in self.order:
            if not found.isdisjoint(self.operands[node]):
                found.add(node)
        return found

    def fused_under(self, node: int) -> list[int]:
        """The nodes that were fused away and that `node` is computed from, itself among them."""
        found = {node} & self.heir.keys()
        pending = list(found)
        while pending:
            below = self.heir.keys() & {*self.operands[pending.pop()]} - found
            found |= below
            pending += below
        return sorted(found)

    def pairs(self, node: int) -> list[tuple[int, int]]:
        """The factors of a dot, the parameter of each pair first."""
        known = self.parameters
        return [(b, a) if b in known and a not in known else (a, b) for a, b in self._factors(node)]

    def _read(self, value: Value) -> tuple[int, ...]:
        """The operands of a Value some of which are plain numbers."""
        parents = iter(value.parents)
        return tuple(
            [
                self.index[next(parents)] if const is None else self.constant(const)
                for const in value.consts or ()
            ]
        )

    def _fuse(self) -> None:
        flat = np.fromiter(chain.from_iterable(self.operands), dtype=np.intp)
        uses = np.bincount(flat[flat < FIRST_CONSTANT], minlength=len(self.values))
        uses[self.roots] += 1
        self._private = [bool(once) for once in uses == 1]
        for node in range(len(self.values) - 1, -1, -1):
            if self.op[node] in (ops.ADD, ops.SUM):
                self._fuse_sum(node)

    def _fuse_sum(self, root: int) -> None:
        """Make the tree of additions under `root` one sum, or one dot if it has products."""
        op, operands, private = self.op, self.operands, self._private
        terms: list[tuple[int, int]] = []
        inner: list[int] = []
        one = -1
        pending = list(reversed(operands[root]))
        products = False
        while pending:
            node = pending.pop()
            kind = op[node] if node < len(op) and private[node] else None
            if kind in (ops.ADD, ops.SUM):
                inner.append(node)
                pending += reversed(operands[node])
            elif kind is ops.MUL:
                inner.append(node)
                terms.append((operands[node][0], operands[node][1]))
                products = True
            elif kind is ops.DOT:
                inner.append(node)
                terms += self._factors(node)
                products = True
            else:
                terms.append((node, one))
        if not inner or len(terms) < LEAST_TERMS:
            return
        for node in inner:
            op[node] = None
            self.heir[node] = root
        if products:
            one = self.constant(1.0)
            self._make_dot(root, [(a, one if b < 0 else b) for a, b in terms])
        else:
            op[root] = ops.SUM
            operands[root] = tuple([a for a, _ in terms])

    def _make_dot(self, node: int, pairs: Sequence[tuple[int, int]]) -> None:
        self.op[node] = ops.DOT
        self.operands[node] = tuple([a for a, _ in pairs] + [b for _, b in pairs])

    def _take_rows_out(self) -> list[int]:
        """Make the rows within larger dots nodes; returns the order of all nodes."""
        known = self.parameters
        order: list[int] = []
        for node in range(len(self.values)):
            if self.op[node] is ops.DOT:
                pairs = self._factors(node)
                row = [(a, b) for a, b in pairs if a in known or b in known]
                if LEAST_TERMS <= len(row) < len(pairs):
                    made = len(self.op)
                    self.op.append(ops.DOT)
                    self.operands.append(())
                    self._make_dot(made, row)
                    others = [(a, b) for a, b in pairs if not (a in known or b in known)]
                    self._make_dot(node, [(made, self.constant(1.0)), *others])
                    order.append(made)
            order.append(node)
        return order

    def _factors(self, node: int) -> list[tuple[int, int]]:
        """The pairs of a product or a dot."""
        operands = self.operands[node]
        half = len(operands) // 2
        return list(zip(operands[:half], operands[half:]))
