"""What can be wrong with the numbers of a tape: a graph that is out of date, or a nan."""

from __future__ import annotations

import math

import numpy as np

from ..bundle import changes
from ..ops import FLOAT
from ..value import Value
from .guards import Source, describe
from .numpy.program import Array
from .plan import Plan

__all__ = ["check_finite", "check_recorded", "is_fresh"]

_CLOSE = 1e-9  # how far a sum of other order may be away, as a share of its terms


def is_fresh(source: Source) -> bool:
    """Whether no Value anywhere was given another number since the recording began.

    Then the recorded numbers are those that the leaves give, without a look at them.
    """
    oldest = source.order[0].serial  # a leaf's as a rule, and mostly that is all one has to know
    return changes[0] < oldest or changes[0] < next(
        value.serial for value in source.order if value.op is not None
    )


def check_recorded(source: Source, replayed: float) -> None:
    """ValueError if the recorded numbers are not those that the leaves give.

    A replay adds in another order than the recording, and a graph may amplify that without
    bound. So where the losses differ every node is computed again as it was recorded: if each
    is what its operands give, the graph is as it was, and rounding is all there is.
    """
    recorded = source.loss.data
    agree = abs(replayed - recorded) <= _CLOSE * max(1.0, abs(recorded))
    if agree or replayed == recorded or (replayed != replayed and recorded != recorded):
        return
    for node in source.order:
        if _is_stale(node):
            raise ValueError(
                f"Tape: the graph was changed after it was recorded: its loss is {recorded!r}, its "
                f"leaves give {replayed!r}; call recompute(loss) first"
            )


def _is_stale(node: Value) -> bool:
    """Whether the node's number is not what its op makes of its operands."""
    if node.op is None:
        return False
    numbers = [float(x) for x in node.operands]
    now, then = node.op.evaluate(FLOAT, numbers), node.data
    if now == then or (now != now and then != then):
        return False
    derivatives = node.op.local_derivatives(FLOAT, now, numbers)
    terms = math.fsum(abs(derivative * x) for derivative, x in zip(derivatives, numbers))
    return not abs(now - then) <= _CLOSE * max(abs(then), terms)


def check_finite(plan: Plan, values: Array) -> None:
    """What `detect_anomaly` asks for: AnomalyError names the first nan or inf."""
    from ..anomaly import AnomalyError  # anomaly walks graphs with the stepper: not for everyone

    graph, known = plan.graph, len(plan.graph.values)
    computed = [node for block in plan.blocks for node in block.made() if node < known]
    nodes = [*plan.inputs, *graph.fixed, *computed]
    found = values[plan.layout.places(nodes)]
    bad = np.argwhere(~np.isfinite(found))
    if not bad.size:
        return
    place = tuple(bad[np.argmin(bad[:, 0])])
    node = graph.values[nodes[place[0]]]
    example = f" in example {place[1]}" if len(place) > 1 else ""
    message = f"Tape: {describe(node)} is {float(found[place])!r}{example} in the forward pass"
    raise AnomalyError(message, node, None, [node])
