"""The intermediate representation of a tape: nodes, the Graph they form, and what a Block is.

A node is an integer. That of a Value is its position in the order of creation; plain numbers
(constants) are counted from FIRST_CONSTANT on. A pass may add nodes that no Value stands for,
such as a row of parameters taken out of a longer dot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar, Protocol, TypeAlias

from .. import ops
from ..ops import Op
from ..value import Value

__all__ = [
    "COLUMNS", "ELEMENTWISE", "FIRST_CONSTANT", "PRODUCTS", "REDUCTIONS", "ArrayBlock", "Block",
    "Constants", "Dots", "Graph", "Lone", "Matrix", "Nodes", "Phase", "Places", "rule",
    "verify_blocks",
]  # fmt: skip

Nodes: TypeAlias = tuple[int, ...]
Lone: TypeAlias = tuple[Op, int, Nodes]  # a node on its own: its op, the node, its operands
FIRST_CONSTANT = 1 << 40  # the node of the first plain number


def rule(holds: object, otherwise: str) -> None:
    """One rule of a `verify`: AssertionError with the sentence `otherwise` unless it holds."""
    if not holds:
        raise AssertionError(f"plan: {otherwise}")


class Constants:
    """The plain numbers of a graph, each a node of its own.

    >>> constants = Constants()
    >>> node = constants.node(0.5)
    >>> constants.node(0.5) == node, constants.fresh(0.5) == node, constants.number(node)
    (True, False, 0.5)
    """

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self._node: dict[str, int] = {}

    def node(self, number: float) -> int:
        """The node of a number; equal numbers share one."""
        key = number.hex()  # tells 0.0 from -0.0
        found = self._node.get(key)
        if found is None:
            found = self._node[key] = self.fresh(number)
        return found

    def fresh(self, number: float) -> int:
        """A node of this number that nothing else reads."""
        self.numbers.append(number)
        return FIRST_CONSTANT + len(self.numbers) - 1

    def number(self, node: int) -> float:
        return self.numbers[node - FIRST_CONSTANT]


class Dots:
    """The factors of dots: each distinct row or column is one tuple, known by its identity.

    The dots of a matrix share rows and columns, and the passes ask all the time which are the
    same. Comparing two tuples by identity, not entry by entry, is most of the speed of planning.
    """

    def __init__(self, parameters: frozenset[int] = frozenset()) -> None:
        self._parameters = parameters
        self._half: dict[Nodes, Nodes] = {}
        self._factors: dict[int, tuple[Nodes, Nodes]] = {}  # by the identity of the operands
        self._known: list[Nodes] = []  # keeps those operands alive
        self._is_row: dict[int, bool] = {}  # by the identity of a half

    def half(self, nodes: Nodes) -> Nodes:
        """The one tuple of these nodes."""
        return self._half.setdefault(nodes, nodes)

    def join(self, firsts: Nodes, seconds: Nodes) -> Nodes:
        """Operands made of two halves that `half` gave out."""
        operands = firsts + seconds
        self._factors[id(operands)] = self._turned(firsts, seconds)
        self._known.append(operands)
        return operands

    def factors(self, operands: Nodes) -> tuple[Nodes, Nodes]:
        """The first and the second factors.

        Where one of a pair is a parameter and the other is not, the parameter comes first.
        """
        found = self._factors.get(id(operands))
        if found is None:
            middle, half = len(operands) // 2, self._half.setdefault
            firsts, seconds = operands[:middle], operands[middle:]
            found = self._turned(half(firsts, firsts), half(seconds, seconds))
            self._factors[id(operands)] = found
            self._known.append(operands)
        return found

    def _turned(self, firsts: Nodes, seconds: Nodes) -> tuple[Nodes, Nodes]:
        """The factors, pairs turned so that a parameter stands before what is none."""
        if self.is_row(firsts):
            return firsts, seconds
        known = self._parameters
        swapped = [b in known and a not in known for a, b in zip(firsts, seconds)]
        if not any(swapped):
            return firsts, seconds
        pairs = [(b, a) if s else (a, b) for a, b, s in zip(firsts, seconds, swapped)]
        left, right = zip(*pairs)
        return self.half(left), self.half(right)

    def is_row(self, firsts: Nodes) -> bool:
        """Whether the first factors of a dot are all parameters."""
        found = self._is_row.get(id(firsts))
        if found is None:
            found = self._is_row[id(firsts)] = self._parameters.issuperset(firsts)
        return found


@dataclass(frozen=True, eq=False)
class Graph:
    """What is to be computed, in integers. Every pass makes a new one.

    Attributes
    ----------
    values : the Values in order of creation; node i is values[i]
    index : the node of each Value
    op : per node, None for leaves and for what was fused into another node; nodes that no
        Value stands for come last
    operands : per node, the nodes it reads
    constants : the plain numbers among the operands
    dots : their factors
    roots : the loss, then what is there for guards only
    parameters : the leaves that an optimizer changes
    order : all nodes but constants, each after those that it reads
    heir : fused node -> the sum or dot it became part of
    """

    values: Sequence[Value]
    index: Mapping[Value, int]
    op: Sequence[Op | None]
    operands: Sequence[Nodes]
    constants: Constants
    dots: Dots
    roots: Sequence[int]
    parameters: frozenset[int]
    order: Sequence[int]
    heir: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def fixed(self) -> list[int]:
        """The leaves that are no parameters: inputs, and what keeps its number."""
        known = self.parameters
        return [i for i, read in enumerate(self.operands) if not read and i not in known]

    @cached_property
    def under_loss(self) -> Container[int]:
        """The nodes that the loss depends on; the others are only there for guards."""
        if len(self.roots) == 1:
            return range(len(self.op))
        found = {self.roots[0]}
        for node in reversed(self.order):
            if node in found:
                found.update(self.operands[node])
        return found

    @cached_property
    def varying(self) -> set[int]:
        """The nodes that depend on a leaf which is no parameter, such leaves among them."""
        return self.above(self.fixed) if self.fixed else set()

    @cached_property
    def learning(self) -> set[int]:
        """The nodes that depend on a parameter, parameters among them."""
        return self.above(self.parameters) if self.fixed else {*self.order}  # all hang on leaves

    def above(self, sources: Iterable[int]) -> set[int]:
        """The nodes that depend on any of these, themselves among them."""
        found = set(sources)
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

    def factors(self, node: int) -> tuple[Nodes, Nodes]:
        """The first and the second factors of a product or a dot, parameters first."""
        return self.dots.factors(self.operands[node])

    def name(self, node: int) -> str:
        """What a node is called in a listing: its number, its label, or its op and place."""
        if node >= FIRST_CONSTANT:
            return f"{self.constants.number(node):g}"
        if node >= len(self.values):
            return f"row {node}"
        value = self.values[node]
        return value.label or f"{value.op or 'leaf'} {node}"

    def verify(self) -> None:
        """AssertionError names the first rule that the graph breaks."""
        met: set[int] = set()
        last = FIRST_CONSTANT + len(self.constants.numbers)
        for node in self.order:
            for x in self.operands[node]:
                known = x in met or FIRST_CONSTANT <= x < last
                rule(known or node in self.heir, f"{self.name(node)} reads node {x}, made later")
                rule(x not in self.heir or node in self.heir, f"fused node {x} is still read")
            op = self.op[node]
            if op is not None:
                count = len(self.operands[node])
                right = count > 0 if op.arity is None else count == op.arity
                rule(right and (op is not ops.DOT or count % 2 == 0), f"{op} of {count} operands")
            met.add(node)
        rule(len(met) == len(self.order) == len(self.op) == len(self.operands), "order is broken")
        for node, heir in self.heir.items():
            rule(self.op[node] is None and self.op[heir] is not None, f"{node} has no heir")
        rule(not self.heir.keys() & set(self.roots), "a root was fused away")
        rule(all(self.values[p].op is None for p in self.parameters), "a parameter is no leaf")


@dataclass(eq=False, slots=True)
class Matrix:
    """Rows of parameters that are all multiplied by the same columns.

    outputs[c][r] is the node of row r times column c.
    """

    rows: list[Nodes]
    columns: list[Nodes] = field(default_factory=list)
    outputs: list[list[int]] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])


Phase: TypeAlias = int  # when a block's numbers get their places; the first to come stand evenly
COLUMNS, PRODUCTS, REDUCTIONS, ELEMENTWISE = range(4)


class Places(Protocol):
    """What a block is placed in: see memory.Layout."""

    def get(self, node: int, default: int) -> int: ...
    def put_in_a_row(self, nodes: Iterable[int]) -> None: ...
    def put_columns(self, columns: Sequence[Nodes]) -> None: ...
    @property
    def size(self) -> int: ...


class Block(ABC):
    """Nodes that are computed together. A kind of block is a class with these methods.

    The memory and the NumPy and JAX executors call these methods and know no kind by name; a
    class that lacks one of them cannot be instantiated. What computes with arrays takes every
    block `apart`; what computes with single numbers takes those that may be `alone`.
    """

    __slots__ = ()
    phases: ClassVar[Collection[Phase]]  # those in which `place` is called

    @abstractmethod
    def made(self) -> Sequence[int]:
        """The nodes that it computes."""

    @abstractmethod
    def read(self) -> Iterable[int]:
        """The nodes that it reads, but for the rows of a matrix: they have their own array."""

    @abstractmethod
    def place(self, layout: Places, phase: Phase) -> Block:
        """Give places to its nodes; the block, its nodes perhaps in another order."""

    @abstractmethod
    def verify(self, graph: Graph) -> None:
        """AssertionError where it computes anything but what the graph says."""

    @abstractmethod
    def title(self) -> str:
        """Its op and its shape, for a listing: "matrix 2x4 · 2 columns"."""

    @abstractmethod
    def apart(self) -> Sequence[ArrayBlock]:
        """Blocks that compute the same with arrays, one after the other."""

    @abstractmethod
    def alone(self) -> Sequence[Lone]:
        """Its nodes one by one, if they may be computed like that; otherwise nothing."""


class ArrayBlock(Block):
    """A block that is one kernel of arrays."""

    __slots__ = ()

    @abstractmethod
    def numpy(self, layout: Any, weights: Any, batched: bool) -> Any:
        """Its kernel on NumPy arrays (numpy.messages.Kernel)."""

    @abstractmethod
    def jax(self, translation: Any) -> Callable[[list[Any]], Any]:
        """A function from all arrays so far to the array of what it makes, in order of `made`."""

    def apart(self) -> Sequence[ArrayBlock]:
        """The block itself."""
        return (self,)

    def alone(self) -> Sequence[Lone]:
        """Nothing, unless the kind of block knows better."""
        return ()


def verify_blocks(graph: Graph, blocks: Sequence[Block]) -> None:
    """AssertionError unless the blocks compute every node of the graph once, and in time."""
    met = {node for node in graph.order if graph.op[node] is None} - graph.heir.keys()
    for number, block in enumerate(blocks, start=1):
        block.verify(graph)
        for x in block.read():
            rule(x in met or x >= FIRST_CONSTANT, f"block {number} reads {graph.name(x)} too soon")
        for node, times in Counter(block.made()).items():
            rule(times == 1 and node not in met, f"{graph.name(node)} is computed twice")
        met.update(block.made())
    for node in chain(graph.order, graph.roots):
        rule(node in met or node in graph.heir, f"{graph.name(node)} is never computed")
