"""The flow of a gradient through time as plots: one run, and many over a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .charts import beside, heat, lines
from .svg import Plot

__all__ = ["over_time", "picture", "strips"]

_MOST_ROWS, _MOST_COLUMNS = 12, 20  # of the table of losses and states; more are thinned out
_FLOOR = -12.0  # decades below the largest that get the full colour


def over_time(flow: Any) -> Plot:
    """A `microgrid.bptt.flow`: |dL/dh_t|, and how much a step of the sweep changes it."""
    last = flow.by_loss[flow.step]
    states = {
        "|dL/dh_t|, all losses": list(flow.total.values()),
        f"|dL_{flow.step}/dh_t|, the last loss": [last.get(t, math.nan) for t in flow.total],
    }
    fades = any(x > 0.0 for xs in states.values() for x in xs)
    norms = {"norm of dh_t/dh_{t-1}": list(flow.jacobians.values())}
    plots = [
        lines(states, xs=list(flow.total), title="the gradient at each state", x="t", log=fades),
        lines(norms, xs=list(flow.jacobians), title="the most a step can stretch it", x="t"),
    ]
    return beside(plots, columns=2, title=str(flow).partition("(")[0].strip())


def picture(flow: Any, title: str = "") -> Plot:
    """A `microgrid.pytorch.flow`: |dL/dh_t|, each step's share of dL/dW, and the gates.

    Steps run from left to right; the gradient enters at the right and flows to the left.
    """
    steps = range(len(flow) + 1)
    layers = {layer.name: layer for layer in flow.layers}
    states = {f"|dL/dh_t|, {name}": list(layer.states) for name, layer in layers.items()}
    states |= {
        f"|dL/dc_t|, {name}": list(layer.cells)
        for name, layer in layers.items()
        if layer.cells is not None
    }
    per_step = len(flow.losses) > 1
    if per_step:
        states[f"|dL_{len(flow)}/dh_t|, the last loss alone"] = list(flow.last)
    shares = {
        name: list(share.norms) for name, share in flow.contributions.items() if "weight" in name
    }
    plots = [
        lines(states, xs=list(steps), title="the gradient at each state", x="t", log=True),
        lines(shares, xs=list(steps)[1:], title="what step t adds to dL/dW", x="t", log=True),
    ]
    gates = {
        f"{gate}, {name}" if len(layers) > 1 else gate: list(found.mean)
        for name, layer in layers.items()
        for gate, found in layer.gates.items()
    }
    if gates:
        plots.append(lines(gates, xs=list(steps)[1:], title="gates, averaged", x="t"))
    if per_step:
        rows = _evenly(range(len(flow)), _MOST_ROWS)
        columns = _evenly(steps, _MOST_COLUMNS)
        plots.append(
            heat(
                [[float(flow.triangle[t, k]) for k in columns] for t in rows],
                rows_named=[f"L_{t + 1}" for t in rows],
                columns_named=[f"h_{k}" for k in columns],
                title="|dL_t/dh_k|: which loss reaches which state",
                numbers=False,
            )
        )
    return beside(plots, columns=2, title=title or str(flow).partition(";")[0])


def strips(history: Any, title: str = "") -> Plot:
    """A strip for each checkpoint of a `FlowHistory`: how far |dL/dh_t| lies below its largest.

    It is the gradient of the last step's loss, where there is one per step. A cell is the number
    of decades, -3 for a thousandth: white is the largest of the strip, the deeper the blue the
    more of the gradient is gone. ValueError where nothing was looked at yet.
    """
    if not history.steps:
        raise ValueError("strips: the history is empty: call it once per training step")
    rows = [_decades(norms) for norms in history.flows]
    names = [f"step {step}" for step in history.steps]
    lowest = min((x for row in rows for x in row if math.isfinite(x)), default=-1.0)
    return heat(
        rows,
        rows_named=names,
        columns_named=_thinned(len(rows[0])),
        title=title or "decades that |dL/dh_t| lies below its largest, over the training",
        limit=max(1.0, -max(_FLOOR, lowest)),
    )


def _evenly(numbers: Sequence[int], most: int) -> list[int]:
    """At most so many of the numbers, evenly spread, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(i * (len(numbers) - 1) / (most - 1))] for i in range(most)]


def _thinned(count: int) -> list[str]:
    """h_0, h_1, ... for a row of columns, every tenth where there are many."""
    return [f"h_{t}" if count <= 20 or t % 10 == 0 else "" for t in range(count)]


def _decades(norms: Sequence[float]) -> list[float]:
    """log10 of each norm relative to the largest; a gradient of 0 lies _FLOOR decades below."""
    finite = [x for x in norms if math.isfinite(x)]
    largest = max(finite, default=0.0)
    return [
        float("nan") if not math.isfinite(x) else _FLOOR if x == 0.0 or largest == 0.0
        else max(_FLOOR, math.log10(x / largest))
        for x in norms
    ]  # fmt: skip
