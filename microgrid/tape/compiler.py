"""From a recorded loss to a Plan, pass by pass.

A pass takes a Plan and returns a new one with one more of its parts filled in; the tests run
`verify` after each. PASSES, below, is their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ..value import Value
from .fuse import fuse_sums, take_rows_out
from .guards import Source, checks, sides
from .ir import Graph
from .memory import place
from .plan import Plan
from .read import read
from .schedule import schedule

__all__ = ["PASSES", "compile_plan"]


def _read(plan: Plan) -> Plan:
    """Reads the recorded Values into a Graph, in which every node is an integer."""
    graph = read(plan.source)
    return replace(plan, graph=graph, recorded=graph)


def _fuse(plan: Plan) -> Plan:
    """Turns chains of + and * into one sum or dot each."""
    return replace(plan, graph=fuse_sums(plan.graph))


def _take_rows_out(plan: Plan) -> Plan:
    """Gives rows of parameters within longer dots nodes of their own."""
    return replace(plan, graph=take_rows_out(plan.graph))


def _schedule(plan: Plan) -> Plan:
    """Decides which nodes are computed together, as Blocks, and in which order."""
    blocks, matrices = schedule(plan.graph)
    return replace(plan, blocks=blocks, matrices=matrices)


def _memory(plan: Plan) -> Plan:
    """Gives every number a slot of the array in which the tape computes."""
    graph = plan.graph
    others = chain(graph.roots, graph.fixed, *sides(plan.source.guards, graph))
    known = {graph.index[v]: slot for v, slot in plan.known.items() if v in graph.index}
    layout, blocks = place(graph, plan.blocks, plan.matrices, others, known)
    return replace(plan, layout=layout, blocks=blocks)


def _guards(plan: Plan) -> Plan:
    """Makes the checks that a replay takes the branches (`if a > b:`) of the recording."""
    return replace(plan, checks=checks(plan.source.guards, plan.graph, plan.layout))


PASSES: Sequence[tuple[str, Callable[[Plan], Plan]]] = (
    ("read", _read),
    ("fuse", _fuse),
    ("take rows out", _take_rows_out),
    ("schedule", _schedule),
    ("memory", _memory),
    ("guards", _guards),
)


def compile_plan(
    source: Source, known: Mapping[Value, int] | None = None, like: Iterable[Plan] = ()
) -> Plan:
    """The Plan of a recorded loss.

    known: the slots that parameters have already, if another tape holds them.
    like: plans of tapes with the same parameters. If one was made for a recording of the same
    shape, it is used again with the new Values and guards, and nothing is planned anew.
    """
    plan = _read(Plan(source, known or {}))
    for other in like:
        if _same_shape(plan, other):
            graph = replace(other.graph, values=plan.graph.values, index=plan.graph.index)
            return _guards(replace(other, source=source, recorded=plan.graph, graph=graph))
    for _, run in PASSES[1:]:
        plan = run(plan)
    return plan


def _same_shape(plan: Plan, other: Plan) -> bool:
    """Whether two recordings differ in the numbers of their Values alone.

    Plain numbers have to be the same: a plan holds them as constants.
    """
    ours, theirs = plan.graph, other.recorded
    numbers, others = ours.constants.numbers, theirs.constants.numbers
    return (
        ours.op == theirs.op
        and ours.roots == theirs.roots
        and ours.parameters == theirs.parameters
        and all(ours.values[p] is theirs.values[p] for p in ours.parameters)
        and plan.inputs == other.inputs
        and list(map(float.hex, numbers)) == list(map(float.hex, others[: len(numbers)]))
        and ours.operands == theirs.operands
        and _compared(plan.source, ours) == _compared(other.source, theirs)
    )


def _compared(source: Source, graph: Graph) -> list[tuple[str, int, int | str]]:
    """What the guards compare, Values as nodes."""
    return [
        (
            guard.name,
            graph.index[guard.left],
            graph.index[guard.right] if isinstance(guard.right, Value) else guard.right.hex(),
        )
        for guard in source.guards
    ]
