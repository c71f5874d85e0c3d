"""From a recorded loss to a Plan, pass by pass.

Every pass takes a Plan and returns another, of which one part more is settled; `verify`
holds after each.
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
    """Values to integers."""
    return replace(plan, graph=read(plan.source))


def _fuse(plan: Plan) -> Plan:
    """Chains of + and * to sums and dots."""
    return replace(plan, graph=fuse_sums(plan.graph))


def _take_rows_out(plan: Plan) -> Plan:
    """Rows of parameters within longer dots to nodes of their own."""
    return replace(plan, graph=take_rows_out(plan.graph))


def _schedule(plan: Plan) -> Plan:
    """Which nodes run together, and when."""
    blocks, matrices = schedule(plan.graph)
    return replace(plan, blocks=blocks, matrices=matrices)


def _memory(plan: Plan) -> Plan:
    """Where every number lives."""
    graph = plan.graph
    others = chain(graph.roots, graph.fixed, *sides(plan.source.guards, graph))
    known = {graph.index[v]: slot for v, slot in plan.known.items() if v in graph.index}
    layout, blocks = place(graph, plan.blocks, plan.matrices, others, known)
    return replace(plan, layout=layout, blocks=blocks)


def _guards(plan: Plan) -> Plan:
    """Which branches a replay has to take."""
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
    like: plans of tapes with the same parameters. One for a recording of the same shape is
    taken over: only Values and guards are other ones.
    """
    plan = _read(Plan(source, known or {}))
    recorded = plan.graph
    for other in like:
        if _same_shape(plan, other):
            graph = replace(other.graph, values=recorded.values, index=recorded.index)
            return _guards(replace(other, source=source, recorded=recorded, graph=graph))
    for _, run in PASSES[1:]:
        plan = run(plan)
    return replace(plan, recorded=recorded)


def _same_shape(plan: Plan, other: Plan) -> bool:
    """Whether two recordings differ in their numbers alone, those of plain numbers excepted."""
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
