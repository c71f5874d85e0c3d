"""A block of a matrix: its product with columns, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir import Nodes
from ..memory import Layout
from .messages import Kernel, Sink, Sweep
from .program import Array, Program
from .slots import Index, Slots

__all__ = ["MatrixGradient", "Product"]


class Product(Kernel):
    """A matrix times columns; outputs[c] are the nodes of column c."""

    def __init__(
        self,
        columns: Sequence[Nodes],
        outputs: Sequence[Sequence[int]],
        weights: Array,
        layout: Layout,
        batched: bool,
    ) -> None:
        self._nodes = columns
        self._columns = [layout.columns[column] for column in columns]
        self._lone = len(columns) == 1
        self._outputs = self._slots([layout.places(nodes) for nodes in outputs])
        self._weights = weights
        self._batched = batched

    def _slots(self, index: Index) -> Slots:
        return Slots(index[0] if self._lone else index)

    def forward(self, program: Program, values: Array) -> None:
        columns = self._slots(self._columns).read(program, values)
        factors = (self._weights, columns) if self._batched else (columns, self._weights.T)
        self._outputs.write(program, values, program.call(np.matmul, *factors))

    def backward(self, sweep: Sweep) -> None:
        wanted = [i for column in self._nodes for i, x in enumerate(column) if x in sweep.wanted]
        if not wanted:
            return
        entries = slice(min(wanted), max(wanted) + 1)
        weights, program = self._weights[:, entries], sweep.program
        upstream = self._outputs.read(program, sweep.gradients.flat)
        factors = (weights.T, upstream) if self._batched else (upstream, weights)
        sink = Sink(self._slots([column[entries] for column in self._columns]), sweep.gradients)
        sink.add(program, program.call(np.matmul, *factors))


class MatrixGradient:
    """The gradient of a matrix: one product over all columns it ever met."""

    def __init__(
        self, columns: Sequence[Nodes], outputs: Sequence[Sequence[int]], layout: Layout
    ) -> None:
        self._columns = Slots([layout.columns[column] for column in columns])
        self._outputs = Slots([layout.places(nodes) for nodes in outputs])

    def backward(self, program: Program, values: Array, gradients: Array, sink: Sink) -> None:
        upstream = self._outputs.read(program, gradients)
        columns = self._columns.read(program, values)
        sink.add(
            program,
            program.call(np.matmul, _beside(program, upstream), _beside(program, columns).T),
        )


def _beside(program: Program, columns: Array) -> Array:
    """Columns, or batches of them, side by side in a matrix."""
    if columns.ndim == 2:
        return columns.T
    moved = columns.transpose(1, 0, 2)
    matrix = moved.reshape(len(moved), -1)
    if not np.may_share_memory(matrix, columns):
        program.append(np.copyto, matrix.reshape(moved.shape), moved)
    return matrix
