"""The kinds of blocks: a matrix times columns, and one op on many nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from .. import ops
from ..ops import Op
from .ir import (
    COLUMNS,
    ELEMENTWISE,
    PRODUCTS,
    REDUCTIONS,
    Block,
    Graph,
    Matrix,
    Nodes,
    Phase,
    Places,
    rule,
)
from .memory import FEW_OPERANDS
from .numpy.elementwise import Map
from .numpy.matmul import Product

__all__ = ["MatrixBlock", "OpBlock"]

NARROW = 4  # up to so many operands in all, a block's nodes are worth taking one by one


@dataclass(eq=False, slots=True, frozen=True)
class MatrixBlock(Block):
    """matrix x columns; outputs[c][r] is the node of row r and column c."""

    matrix: Matrix
    columns: Sequence[Nodes]
    outputs: Sequence[Sequence[int]]

    phases: ClassVar = (COLUMNS, PRODUCTS)

    def made(self) -> list[int]:
        return list(chain.from_iterable(self.outputs))

    def read(self) -> Iterator[int]:
        return chain(*self.matrix.rows, *self.columns)

    def place(self, layout: Places, phase: Phase) -> MatrixBlock:
        # All columns of a matrix, of later blocks too, so that they stand at even distances.
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


@dataclass(eq=False, slots=True, frozen=True)
class OpBlock(Block):
    """One op applied to many nodes: operands[i][k] is operand k of node outputs[i].

    The loss depends on all of them or, if they are there for guards only, on none: then
    they take no part in the sweep, where 0 times an infinite slope would be nan.
    """

    op: Op
    outputs: Sequence[int]
    operands: Sequence[Nodes]
    is_swept: bool

    @property
    def phases(self) -> tuple[Phase]:  # type: ignore[override]
        return (REDUCTIONS if self.op.variadic else ELEMENTWISE,)

    def made(self) -> Sequence[int]:
        return self.outputs

    def read(self) -> Iterable[int]:
        return chain.from_iterable(self.operands)

    def place(self, layout: Places, phase: Phase) -> OpBlock:
        block = self._ordered(layout) if len(self.outputs) > 1 else self
        layout.put_in_a_row(block.outputs)
        by_node = len(self.operands[0]) > FEW_OPERANDS or len(self.outputs) == 1
        for operands in block.operands if by_node else zip(*block.operands):
            layout.put_in_a_row(operands)
        return block

    def _ordered(self, layout: Places) -> OpBlock:
        """The nodes sorted by where their results go, if a later block has settled that."""
        place, last = layout.get, layout.size
        keys = [(place(o, last), place(x[0], last)) for o, x in zip(self.outputs, self.operands)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        outputs = [self.outputs[i] for i in order]
        return OpBlock(self.op, outputs, [self.operands[i] for i in order], self.is_swept)

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
            rule(operands == wanted, f"{graph.name(node)} reads something else")
            swept = node in graph.under_loss
            rule(swept == self.is_swept, f"the sweep is wrong about {graph.name(node)}")

    def title(self) -> str:
        size, count = len(self.operands[0]), len(self.outputs)
        of = f" of {size}" if self.op.variadic else ""
        return f"{self.op}{of} · {count} node{'s' * (count != 1)}"

    def alone(self) -> Sequence[tuple[Op, int, Nodes]]:
        if not self.is_swept or len(self.operands) * len(self.operands[0]) > NARROW:
            return ()
        return [(self.op, node, operands) for node, operands in zip(self.outputs, self.operands)]
