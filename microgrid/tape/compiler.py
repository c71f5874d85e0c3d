"""From a recorded loss to a Plan, pass by pass.

Every pass takes a Plan and returns another, of which one part more is settled; `verify`
holds after each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ..value import Value
from .fuse import fuse_sums, take_rows_out
from .guards import Source, checks, sides
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


def compile_plan(source: Source, known: Mapping[Value, int] | None = None) -> Plan:
    """The Plan of a recorded loss.

    known: the slots that parameters have already, if another tape holds them.
    """
    plan = Plan(source, known or {})
    for _, run in PASSES:
        plan = run(plan)
    return plan
