"""What a tape runs, as data that prints itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from ..graph import time_step
from ..value import Value
from .guards import GuardCheck, Source
from .ir import Block, Constants, Dots, Graph, Matrix, verify_blocks
from .memory import Layout

__all__ = ["Plan", "verify"]

_EMPTY = Graph([], {}, [], [], Constants(), Dots(), [], frozenset(), [])


@dataclass(frozen=True, eq=False)
class Plan:
    """A recorded graph in blocks, and where its numbers live. An executor needs nothing else.

    Attributes
    ----------
    source : the recorded loss and its leaves
    known : the slots of parameters that another tape holds already
    graph : nodes and operands
    blocks : what is computed together, in the order in which it runs
    matrices : rows of parameters with all columns that they meet
    layout : the slot of every number
    checks : the guards
    recorded : the graph as the first pass read it, by which a recording of like shape is known

    >>> from microgrid.tape import Tape
    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> print(Tape((w * x + 1.0).tanh(), inputs=[x]).plan)
    plan: 5 nodes in 3 blocks; 1 parameter, 1 input, 1 constant, 0 guards
    1 mul · 1 node -> mul 2
    2 add · 1 node -> add 3
    3 tanh · 1 node -> tanh 4
    """

    source: Source
    known: Mapping[Value, int] = field(default_factory=dict)
    graph: Graph = _EMPTY
    blocks: Sequence[Block] = ()
    matrices: Sequence[Matrix] = ()
    layout: Layout = field(default_factory=Layout)
    checks: Sequence[GuardCheck] = ()
    recorded: Graph = _EMPTY

    @cached_property
    def inputs(self) -> list[int]:
        """The nodes that a replay is fed, in the order of their numbers."""
        return [self.graph.index[value] for value in self.source.inputs]

    @cached_property
    def once(self) -> frozenset[int]:
        """The positions of the blocks that no input reaches: for a batch they are computed once.

        Such is a penalty on the weights, which is the same for every example.
        """
        varies, found = set(self.inputs), set()
        if not varies:
            return frozenset()
        for i, block in enumerate(self.blocks):
            if varies.isdisjoint(block.read()):
                found.add(i)
            else:
                varies.update(block.made())
        return frozenset(found) if self.graph.roots[0] in varies else frozenset()

    @cached_property
    def made_once(self) -> frozenset[int]:
        """The nodes of those blocks."""
        return frozenset(node for i in self.once for node in self.blocks[i].made())

    def __str__(self) -> str:
        graph, source = self.graph, self.source
        counts = [
            _counted(len(graph.parameters), "parameter"),
            _counted(len(source.inputs), "input"),
            _counted(len(graph.constants.numbers), "constant"),
            _counted(len(source.guards), "guard"),
        ]
        size = f"{_counted(len(graph.values), 'node')} in {_counted(len(self.blocks), 'block')}"
        margin = len(str(len(self.blocks)))
        lines = [
            f"{i + 1:{margin}} {self._line(block, i in self.once)}"
            for i, block in enumerate(self.blocks)
        ]
        return "\n".join([f"plan: {size}; {', '.join(counts)}", *lines])

    def _line(self, block: Block, once: bool) -> str:
        """What a block computes, where in the program that stood, and what comes out."""
        nodes = block.made()
        where = _where(self.graph, nodes)
        first, last = self.graph.name(nodes[0]), self.graph.name(nodes[-1])
        names = first if len(nodes) == 1 else f"{len(nodes)}: {first} .. {last}"
        details = ", ".join(filter(None, (where, "once a batch" if once else "")))
        return f"{block.title()}{f' ({details})' if details else ''} -> {names}"


def verify(plan: Plan) -> None:
    """AssertionError names the first rule that the plan breaks, as far as it is made.

    The graph is in order, every node is computed once and after what it reads, every block
    computes what the graph says, and every number has a place of its own.
    """
    plan.graph.verify()
    if plan.blocks:
        verify_blocks(plan.graph, plan.blocks)
    if plan.layout.size:
        plan.layout.verify(plan.graph, plan.blocks)


def _shared(scopes: Sequence[str]) -> str:
    """The path that all these scopes begin with."""
    parts = zip(*[scope.split("/") for scope in scopes])
    return "/".join([same[0] for same in takewhile(lambda each: len({*each}) == 1, parts)])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _where(graph: Graph, nodes: Iterable[int]) -> str:
    """The scopes of some nodes, the steps of time taken together: "cell, t=1..4"."""
    known = len(graph.values)
    scopes = dict.fromkeys(graph.values[node].scope for node in nodes if node < known)
    steps = sorted({t for scope in scopes if (t := time_step(scope)) is not None})
    rest = dict.fromkeys(
        "/".join(part for part in scope.split("/") if not part.startswith("t=")) for scope in scopes
    )
    parts = [scope for scope in rest if scope]
    if len(parts) > 2:
        parts = [shared] if (shared := _shared(parts)) else [parts[0], "..", parts[-1]]
    if steps:
        parts.append(f"t={steps[0]}" if len(steps) == 1 else f"t={steps[0]}..{steps[-1]}")
    return ", ".join(parts)
