"""Where every number lives, so that operands are views and not gathers.

There are two flat arrays. Parameters have one, in which each matrix stands column by column.
Everything else has the other: the columns of a matrix stand one after the other, then,
from the last block back to the first, each block's operands stand in the order in which
the block takes them. A parameter that is read outside of a matrix row is copied there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .read import FIRST_CONSTANT, Graph
from .schedule import Block, Matrix, Nodes, OpBlock

FEW_OPERANDS = 4  # up to which all nodes' first operands stand together, then the second ones


class Layout:
    """Slots for all nodes of a schedule. It settles the order of nodes within the blocks.

    Attributes
    ----------
    size : slots of the values' array
    numbers : slot -> plain number; a constant may stand in several places
    parameter_slot : parameter node -> its slot among the parameters
    """

    def __init__(
        self,
        graph: Graph,
        blocks: Sequence[Block],
        matrices: Sequence[Matrix],
        parameter_slot: dict[int, int] | None = None,
    ) -> None:
        self.graph = graph
        self.size = 0
        self.numbers: dict[int, float] = {}
        self._slot: dict[int, int] = {}  # node -> slot
        self._used: set[int] = set()
        self._columns: dict[Nodes, list[int]] = {}
        for matrix in matrices:
            self._place_columns(matrix.columns)
        for matrix in matrices:
            for outputs in matrix.outputs:
                self._place_run(outputs)
        op_blocks = [block for block in reversed(blocks) if isinstance(block, OpBlock)]
        for op_block in sorted(op_blocks, key=lambda block: not block.op.variadic):
            self._place_operands(op_block)
        self.parameter_slot = parameter_slot or self._place_parameters(matrices)

    def slot(self, node: int) -> int:
        """The slot of a node among the values; a node nobody placed gets one now."""
        if node not in self._slot:
            self._put(node, self.size)
        return self._slot[node]

    def places(self, nodes: Iterable[int]) -> list[int]:
        """`slot` of every node."""
        return [self.slot(node) for node in nodes]

    def column(self, column: Nodes) -> list[int]:
        """The slots of a column, in which constants stand beside their neighbours."""
        return self._columns[column]

    def is_placed(self, node: int) -> bool:
        return node in self._slot

    def _put(self, node: int, slot: int) -> None:
        self._slot.setdefault(node, slot)
        self._used.add(slot)
        if slot >= self.size:
            self.size = slot + 1
        if node >= FIRST_CONSTANT:
            self.numbers[slot] = self.graph.number(node)

    def _place_run(self, nodes: Iterable[int]) -> None:
        placed = self._slot
        for node in nodes:
            if node not in placed:
                self._put(node, self.size)

    def _place_columns(self, columns: Sequence[Nodes]) -> None:
        bases: list[int] = []  # where the columns so far begin
        for column in columns:
            if column not in self._columns:
                fresh = not any(self._fixed(x) for x in column)
                base = self._continue(bases, len(column)) if fresh else None
                self._columns[column] = self._place_column(column, base)
            bases.append(self._columns[column][0])

    def _fixed(self, node: int) -> bool:
        return node in self._slot and not self.graph.is_constant(node)

    def _continue(self, bases: list[int], length: int) -> int | None:
        """The place at which an even row of columns goes on, if it is free."""
        if len(bases) < 2:
            return None
        base = 2 * bases[-1] - bases[-2]
        return None if base < 0 or self._used.intersection(range(base, base + length)) else base

    def _place_column(self, column: Nodes, base: int | None) -> list[int]:
        slots: list[int] = []
        following = self.size if base is None else base
        for node in column:
            if self._fixed(node):
                slots.append(self._slot[node])
            elif self.graph.is_constant(node) and not self._can_hold(following, node):
                slots.append(self.slot(node))
            else:
                if following in self._used and not self.graph.is_constant(node):
                    following = self.size
                self._put(node, following)
                slots.append(following)
            following = slots[-1] + 1
        return slots

    def _can_hold(self, slot: int, constant: int) -> bool:
        number = self.graph.number(constant)
        held = self.numbers.get(slot)
        return slot not in self._used or (held is not None and held.hex() == number.hex())

    def _place_operands(self, block: OpBlock) -> None:
        if len(block.outputs) > 1:
            self._order(block)
        self._place_run(block.outputs)
        by_node = len(block.operands[0]) > FEW_OPERANDS or len(block.outputs) == 1
        for operands in block.operands if by_node else zip(*block.operands):
            self._place_run(operands)

    def _order(self, block: OpBlock) -> None:
        """Sort the nodes by where their results go."""
        slot, last = self._slot.get, self.size

        def place(i: int) -> tuple[int, int]:
            return slot(block.outputs[i], last), slot(block.operands[i][0], last)

        order = sorted(range(len(block.outputs)), key=place)
        block.outputs = [block.outputs[i] for i in order]
        block.operands = [block.operands[i] for i in order]

    def _place_parameters(self, matrices: Sequence[Matrix]) -> dict[int, int]:
        slots: dict[int, int] = {}
        for matrix in matrices:
            for column in zip(*matrix.rows):
                for node in column:
                    slots.setdefault(node, len(slots))
        for node in sorted(self.graph.parameters):
            slots.setdefault(node, len(slots))
        return slots
