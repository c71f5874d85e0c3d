"""The kinds of blocks: a matrix times columns, one op on many nodes, and a chain of lone nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, ClassVar

from .. import ops
from ..ops import Op
from .ir import (
    COLUMNS,
    ELEMENTWISE,
    PRODUCTS,
    REDUCTIONS,
    ArrayBlock,
    Block,
    Constants,
    Graph,
    Lone,
    Matrix,
    Nodes,
    Phase,
    Places,
    rule,
)
from .memory import FEW_OPERANDS
from .numpy.elementwise import Map
from .numpy.matmul import Product

__all__ = ["LEAST_CHAIN", "NARROW", "NEUTRAL", "ChainBlock", "MatrixBlock", "OpBlock", "gathered"]

# What an operand more must be so that it changes nothing: shorter nodes are padded with it.
NEUTRAL = {ops.SUM: 0.0, ops.DOT: 0.0, ops.LOGSUMEXP: -math.inf}
_REDUCED, _MAPPED = (REDUCTIONS,), (ELEMENTWISE,)
NARROW = 4  # up to so many operands in all, a block's nodes are worth taking one by one
LEAST_CHAIN = 4  # nodes: fewer are as fast as blocks of their own, and easier to read in a plan
_MOST_NAMES = 6  # ops that the title of a chain names


@dataclass(eq=False, slots=True)
class MatrixBlock(ArrayBlock):
    """matrix x columns; outputs[c][r] is the node of row r and column c."""

    matrix: Matrix
    columns: Sequence[Nodes]
    outputs: Sequence[Sequence[int]]

    phases: ClassVar = (COLUMNS, PRODUCTS)

    def made(self) -> list[int]:
        return list(chain.from_iterable(self.outputs))

    def read(self) -> Iterator[int]:
        return chain.from_iterable(self.columns)

    def place(self, layout: Places, phase: Phase) -> MatrixBlock:
        # All columns of a matrix, of later blocks too, so that they stand at even distances.
        if self.columns[0] is not self.matrix.columns[0]:
            return self  # the matrix's first block has seen to them
        if phase == COLUMNS:
            layout.put_columns(self.matrix.columns)
        else:
            layout.put_in_a_row(chain.from_iterable(self.matrix.outputs))
        return self

    def numpy(self, layout: Any, weights: Any, batched: bool) -> Product:
        return Product(self.columns, self.outputs, weights[self.matrix], layout, batched)

    def jax(self, translation: Any) -> Callable[[list[Any]], Any]:
        rows = translation.assemble(self.matrix.rows)
        columns = translation.assemble(self.columns)
        ravel = translation.jnp.ravel
        return lambda sources: ravel(columns(sources) @ rows(sources).T)

    def verify(self, graph: Graph) -> None:
        rule(len(self.outputs) == len(self.columns) > 0, "an empty product")
        rows = self.matrix.rows
        rule(all(graph.parameters.issuperset(row) for row in rows), "a row of non-parameters")
        for column, outputs in zip(self.columns, self.outputs):
            rule(len(outputs) == len(rows), "a product of another height")
            for row, node in zip(rows, outputs):
                rule(graph.op[node] is ops.DOT, f"{graph.name(node)} is no dot")
                same = graph.factors(node) == (row, column)
                rule(same, f"{graph.name(node)} is another row's or another column's")

    def title(self) -> str:
        rows, width = self.matrix.shape
        count = len(self.columns)
        return f"matrix {rows}x{width} · {count} column{'s' * (count != 1)}"


@dataclass(eq=False, slots=True)
class OpBlock(ArrayBlock):
    """One op applied to many nodes: operands[i][k] is operand k of node outputs[i].

    Nodes of fewer operands are padded with neutral constants, of a dot at the end of each half.

    The loss depends on all of them or, if they are there for guards only, on none: then
    they take no part in the sweep, where 0 times an infinite derivative would be nan.
    """

    op: Op
    outputs: Sequence[int]
    operands: Sequence[Nodes]
    is_swept: bool
    lengths: tuple[int, int]  # the fewest and the most operands without padding

    @classmethod
    def lone(cls, op: Op, node: int, operands: Nodes, is_swept: bool) -> OpBlock:
        """A block of one node."""
        length = len(operands)
        return cls(op, (node,), (operands,), is_swept, (length, length))

    @classmethod
    def padded(
        cls,
        op: Op,
        outputs: Sequence[int],
        operands: Sequence[Nodes],
        is_swept: bool,
        constants: Constants,
    ) -> OpBlock:
        """A block of nodes of several lengths. Every pad is a constant with a place of its own."""
        fewest, most = min(map(len, operands)), max(map(len, operands))
        if fewest < most:
            neutral, parts = NEUTRAL[op], 2 if op is ops.DOT else 1
            operands = [
                tuple(chain(*[_longer(half, most // parts, neutral, constants) for half in halves]))
                for halves in [_halves(nodes, parts) for nodes in operands]
            ]
        return cls(op, outputs, operands, is_swept, (fewest, most))

    @property
    def phases(self) -> tuple[Phase]:  # type: ignore[override]
        return _REDUCED if self.op.variadic else _MAPPED

    def made(self) -> Sequence[int]:
        return self.outputs

    def read(self) -> Iterable[int]:
        return chain.from_iterable(self.operands)

    def place(self, layout: Places, phase: Phase) -> OpBlock:
        if len(self.outputs) == 1:
            layout.put_in_a_row((*self.outputs, *self.operands[0]))
            return self
        block = self._ordered(layout)
        layout.put_in_a_row(block.outputs)
        by_node = len(self.operands[0]) > FEW_OPERANDS
        for operands in block.operands if by_node else zip(*block.operands):
            layout.put_in_a_row(operands)
        return block

    def _ordered(self, layout: Places) -> OpBlock:
        """The nodes sorted by where their results go, if a later block has settled that."""
        place, last = layout.get, layout.size
        keys = [(place(o, last), place(x[0], last)) for o, x in zip(self.outputs, self.operands)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        outputs = [self.outputs[i] for i in order]
        operands = [self.operands[i] for i in order]
        return OpBlock(self.op, outputs, operands, self.is_swept, self.lengths)

    def numpy(self, layout: Any, weights: Any, batched: bool) -> Map:
        return Map(self.op, self.outputs, self.operands, self.is_swept, layout)

    def jax(self, translation: Any) -> Callable[[list[Any]], Any]:
        function, operands = translation.functions[self.op], list(zip(*self.operands))
        arrays = [translation.assemble(x) for x in ([operands] if self.op.variadic else operands)]
        return lambda sources: function(*[array(sources) for array in arrays])

    def verify(self, graph: Graph) -> None:
        rule(len(self.outputs) == len(self.operands) > 0, "an empty block")
        rule(len(set(map(len, self.operands))) == 1, "a block of uneven operands")
        for node, operands in zip(self.outputs, self.operands):
            rule(graph.op[node] is self.op, f"{graph.name(node)} is no {self.op}")
            is_dot = self.op is ops.DOT
            wanted = tuple(chain(*graph.factors(node))) if is_dot else graph.operands[node]
            rule(
                self._is_padded(operands, wanted, graph), f"{graph.name(node)} reads something else"
            )
            swept = node in graph.under_loss
            rule(swept == self.is_swept, f"the sweep is wrong about {graph.name(node)}")

    def _is_padded(self, operands: Nodes, wanted: Nodes, graph: Graph) -> bool:
        """Whether these are the operands wanted, and neutral constants after them."""
        parts = 2 if self.op is ops.DOT else 1
        return all(
            have[: len(want)] == want
            and all(graph.constants.number(x) == NEUTRAL[self.op] for x in have[len(want) :])
            for have, want in zip(_halves(operands, parts), _halves(wanted, parts))
        )

    def title(self) -> str:
        (fewest, most), count = self.lengths, len(self.outputs)
        of = f" of {most}" if fewest == most else f" of {fewest} to {most}"
        of = of if self.op.variadic else ""
        return f"{self.op}{of} · {count} node{'s' * (count != 1)}"

    def alone(self) -> Sequence[Lone]:
        if not self.is_swept or len(self.operands) * len(self.operands[0]) > NARROW:
            return ()
        return [(self.op, node, operands) for node, operands in zip(self.outputs, self.operands)]


@dataclass(eq=False, slots=True)
class ChainBlock(Block):
    """Single nodes one after the other, each of which reads the one before it.

    Nothing else could run beside them. All have few operands, and the loss depends on all.
    """

    nodes: Sequence[Lone]

    phases: ClassVar = _MAPPED

    def made(self) -> list[int]:
        return [node for _, node, _ in self.nodes]

    def read(self) -> Iterable[int]:
        read = chain.from_iterable([operands for _, _, operands in self.nodes])
        return dict.fromkeys(read).keys() - set(self.made())

    def place(self, layout: Places, phase: Phase) -> ChainBlock:
        layout.put_in_a_row(self.made())
        layout.put_in_a_row(chain.from_iterable([operands for _, _, operands in self.nodes]))
        return self

    def verify(self, graph: Graph) -> None:
        before: int | None = None
        to_come = set(self.made())
        for block in self.apart():
            block.verify(graph)
            (node,), (operands,) = block.outputs, block.operands
            name = graph.name(node)
            rule(before is None or before in operands, f"{name} does not follow in its chain")
            rule(to_come.isdisjoint(operands), f"{name} is too soon in its chain")
            to_come.discard(node)
            before = node

    def title(self) -> str:
        names = list(dict.fromkeys([op.name for op, _, _ in self.nodes]))
        shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], "…"]
        return f"chain of {', '.join(shown)} · {len(self.nodes):,} nodes"

    def apart(self) -> Sequence[OpBlock]:
        return [OpBlock.lone(*node, is_swept=True) for node in self.nodes]

    def alone(self) -> Sequence[Lone]:
        return self.nodes


def gathered(blocks: Sequence[Block], least: int) -> Iterator[ArrayBlock | list[Block]]:
    """The blocks for an engine that takes narrow ones node by node: those in a row as a list.

    least: so many blocks have to be in a row for that, unless one of them is a chain.
    """
    for is_narrow, group in groupby(blocks, lambda block: bool(block.alone())):
        row = list(group)
        whole = [block for block in row if isinstance(block, ArrayBlock)]
        if is_narrow and (len(row) >= least or len(whole) < len(row)):
            yield row
        else:
            yield from whole


def _halves(nodes: Nodes, parts: int) -> list[Nodes]:
    """The operands in so many parts of one length."""
    size = len(nodes) // parts
    return [nodes[i : i + size] for i in range(0, len(nodes), size)]


def _longer(nodes: Nodes, length: int, neutral: float, constants: Constants) -> Nodes:
    return (*nodes, *[constants.fresh(neutral) for _ in range(len(nodes), length)])
