"""Where every number lives, so that operands are views and not gathers.

There are two flat arrays. Parameters have one, in which each matrix stands column by column.
Everything else has the other: the columns of a matrix stand one after the other, then,
from the last block back to the first, each block's operands stand in the order in which
the block takes them. A parameter that is read outside of a matrix row is copied there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from .ir import (
    COLUMNS,
    ELEMENTWISE,
    FIRST_CONSTANT,
    PRODUCTS,
    REDUCTIONS,
    Block,
    Graph,
    Matrix,
    Nodes,
    Phase,
    rule,
)

__all__ = ["FEW_OPERANDS", "Layout", "place"]

FEW_OPERANDS = 4  # up to so many, all nodes' first operands stand in a row, then the second ones


@dataclass(frozen=True, eq=False)
class Layout:
    """A slot for every node. Looking one up changes nothing: a node without a slot is a KeyError.

    Attributes
    ----------
    slot : node -> its slot among the values
    size : slots of the values' array
    numbers : slot -> plain number; a constant may stand in several places
    columns : column of a matrix -> its slots, in which constants stand beside their neighbours
    parameter_slot : parameter node -> its slot among the parameters
    """

    slot: Mapping[int, int] = field(default_factory=dict)
    size: int = 0
    numbers: Mapping[int, float] = field(default_factory=dict)
    columns: Mapping[Nodes, list[int]] = field(default_factory=dict)
    parameter_slot: Mapping[int, int] = field(default_factory=dict)

    def places(self, nodes: Iterable[int]) -> list[int]:
        """`slot` of every node."""
        return list(map(self.slot.__getitem__, nodes))

    def verify(self, graph: Graph, blocks: Sequence[Block]) -> None:
        """AssertionError where a number has no place, or shares one with another number."""
        owner: dict[int, int] = {}
        for node, slot in self.slot.items():
            rule(0 <= slot < self.size, f"{graph.name(node)} stands outside of the array")
            if node >= FIRST_CONSTANT:
                rule(self._holds(slot, node, graph), f"slot {slot} holds another constant")
            else:
                other = owner.setdefault(slot, node)
                rule(other == node, f"{graph.name(node)} and {graph.name(other)} share a slot")
        rule(not owner.keys() & self.numbers.keys(), "a node stands on a constant")
        for column, slots in self.columns.items():
            for node, slot in zip(column, slots):
                right = (
                    self._holds(slot, node, graph)
                    if node >= FIRST_CONSTANT
                    else self.slot[node] == slot
                )
                rule(right, f"{graph.name(node)} has another place in a column")
        for block in blocks:
            rule(all(node in self.slot for node in block.made()), "a result has no place")
        slots = list(self.parameter_slot.values())
        rule(len(set(slots)) == len(slots), "two parameters share a slot")
        rule(graph.parameters <= self.parameter_slot.keys(), "a parameter has no place")

    def _holds(self, slot: int, constant: int, graph: Graph) -> bool:
        return self.numbers[slot].hex() == graph.constants.number(constant).hex()


def place(
    graph: Graph,
    blocks: Sequence[Block],
    matrices: Sequence[Matrix],
    others: Iterable[int],
    parameter_slot: Mapping[int, int] | None = None,
) -> tuple[Layout, list[Block]]:
    """A slot for whatever the blocks and `others` name, and the blocks with their nodes in order.

    parameter_slot: the places that the parameters have already, for another tape's sake.
    """
    placing = _Placing(graph)
    placed = list(blocks)
    in_phase: dict[Phase, list[int]] = defaultdict(list)
    for i, block in enumerate(blocks):
        for phase in block.phases:
            in_phase[phase].append(i)
    for phase in (COLUMNS, PRODUCTS, REDUCTIONS, ELEMENTWISE):
        # Results of the last blocks go nowhere; from there back every place is known in time.
        numbers = in_phase[phase]
        for i in numbers if phase <= PRODUCTS else reversed(numbers):
            placed[i] = placed[i].place(placing, phase)
    placing.put_in_a_row(others)
    layout = Layout(
        placing.slot,
        placing.size,
        placing.numbers,
        placing.columns,
        parameter_slot or _place_parameters(graph, matrices),
    )
    return layout, placed


class _Placing:
    """A Layout while it is made."""

    def __init__(self, graph: Graph) -> None:
        self._number = graph.constants.number
        self.size = 0
        self.numbers: dict[int, float] = {}
        self.slot: dict[int, int] = {}
        self.get = self.slot.get
        self._used: set[int] = set()
        self._fixed: set[int] = set()  # nodes in columns, which have one place, unlike constants
        self.columns: dict[Nodes, list[int]] = {}

    def _put(self, node: int, slot: int) -> None:
        """Give this slot to the node; a constant may have been put in another one, too."""
        self.slot.setdefault(node, slot)
        self._used.add(slot)
        if slot >= self.size:
            self.size = slot + 1
        if node >= FIRST_CONSTANT:
            self.numbers[slot] = self._number(node)
        else:
            self._fixed.add(node)

    def put_in_a_row(self, nodes: Iterable[int]) -> None:
        """Give slots one after the other to those nodes that have none."""
        slot, free = self.slot, self.size
        for node in nodes:
            if node not in slot:
                slot[node] = free
                if node >= FIRST_CONSTANT:
                    self.numbers[free] = self._number(node)
                free += 1
        # Nobody asks any more which slots are in use: columns got theirs before.
        self.size = free

    def put_columns(self, columns: Sequence[Nodes]) -> None:
        """Give each column slots in a row, and the columns even distances, where that can be."""
        bases: list[int] = []  # where the columns so far begin
        for column in columns:
            if column not in self.columns:
                self.columns[column] = self._put_column(column, bases)
            bases.append(self.columns[column][0])

    def _put_column(self, column: Nodes, bases: list[int]) -> list[int]:
        """The slots of a column; `bases` are those at which its matrix's columns so far begin."""
        nodes = [x for x in column if x < FIRST_CONSTANT]
        is_fresh = self._fixed.isdisjoint(nodes)
        base = self._continue(bases, len(column)) if is_fresh else None
        start = self.size if base is None else base
        if is_fresh and len({*nodes}) == len(nodes):
            return self._put_fresh(column, nodes, start)
        return self._put_one_by_one(column, start)

    def _continue(self, bases: list[int], length: int) -> int | None:
        """The place at which an even row of columns goes on, if it is free."""
        if len(bases) < 2:
            return None
        base = 2 * bases[-1] - bases[-2]
        is_free = base >= 0 and self._used.isdisjoint(range(base, base + length))
        return base if is_free else None

    def _put_fresh(self, column: Nodes, nodes: list[int], start: int) -> list[int]:
        """A column of which none of the `nodes` has a place, in slots of a row that are free."""
        slots = list(range(start, start + len(column)))
        if len(nodes) == len(column):
            self.slot.update(zip(column, slots))
        else:
            for node, slot in zip(column, slots):
                self.slot.setdefault(node, slot)
                if node >= FIRST_CONSTANT:  # it may stand in other places, too
                    self.numbers[slot] = self._number(node)
        self._fixed.update(nodes)
        self._used.update(slots)
        self.size = max(self.size, start + len(column))
        return slots

    def _put_one_by_one(self, column: Nodes, following: int) -> list[int]:
        """A column of which some nodes have a place: the others get that after the one before."""
        slots: list[int] = []
        for node in column:
            if node in self._fixed:
                slots.append(self.slot[node])
            elif node >= FIRST_CONSTANT and not self._can_hold(following, node):
                if node not in self.slot:
                    self._put(node, self.size)
                slots.append(self.slot[node])
            else:
                if following in self._used and node < FIRST_CONSTANT:
                    following = self.size
                self._put(node, following)
                slots.append(following)
            following = slots[-1] + 1
        return slots

    def _can_hold(self, slot: int, constant: int) -> bool:
        """Whether a slot is free, or holds this constant's number already."""
        held = self.numbers.get(slot)
        if slot not in self._used:
            return True
        return held is not None and held.hex() == self._number(constant).hex()


def _place_parameters(graph: Graph, matrices: Sequence[Matrix]) -> dict[int, int]:
    columns = chain.from_iterable([zip(*matrix.rows) for matrix in matrices])
    inside = dict.fromkeys(chain.from_iterable(columns))
    nodes = [*inside, *sorted(graph.parameters.difference(inside))]
    return dict(zip(nodes, range(len(nodes))))
