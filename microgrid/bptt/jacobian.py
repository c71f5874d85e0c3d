"""How one state depends on an earlier one, and how large the gradient is on its way back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import graph_of
from ..nested import flatten
from ..nn import RNNCell, Unrolled
from ..nn.parameters import NONLINEARITIES
from ..sweep import gradients, plan_sweeps
from ..value import Value
from .weights import loss_steps

__all__ = ["Flow", "flow", "jacobian", "jacobian_norms", "mean_factor", "verdict_of"]

_STEADY = 0.9, 1.1  # factors per step between which a gradient is called steady


def jacobian(run: Unrolled, t: int, k: int, carry: bool = False) -> np.ndarray:
    """dh_t/dh_k as an H x H array: entry `[i][j]` is dh_t[i]/dh_k[j] (row 001-16).

    Steps run from 0, the initial state, to T, with k <= t; ValueError otherwise. One
    sweep per row, over the steps in between only. An LSTM's h_t also depends on h_k
    through later cell states; carry=True takes the whole state (h and c) on both sides,
    for which J(t, k) = J(t, t-1) ... J(k+1, k) always holds.

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[-5]]})
    >>> jacobian(nn.SequenceModel(cell).unroll([5, 1]), t=2, k=0)
    array([[25.]])
    """
    run = graph_of(run)
    if not isinstance(run, Unrolled):
        raise TypeError(f"jacobian needs an unrolled run (SequenceModel.unroll), got {run!r}")
    last = len(run)
    if not all(isinstance(s, int | np.integer) for s in (t, k)) or not 0 <= k <= t <= last:
        raise ValueError(
            f"jacobian: the steps must be whole numbers with 0 <= k <= t <= {last}, "
            f"got t={t!r} and k={k!r}"
        )
    if t == k:
        return np.eye(len(_state(run, k, carry)))
    rows, columns = _state(run, t, carry), _state(run, k, carry)
    plan = plan_sweeps(rows, stop=[*flatten(run.carries[k]), *run.states[k]], leaves=[])
    sweeps = (gradients(row, plan) for row in rows)
    return np.array([[found.get(x, 0.0) for x in columns] for found in sweeps])


def jacobian_norms(run: Unrolled, kind: str = "spectral") -> dict[int, dict[int, float]]:
    """`norms[t][k]` of dh_t/dh_k for all k <= t, as products of single steps (row 001-7).

    kind: "spectral", the largest stretch of any vector, or "frobenius".

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[-5]]})
    >>> jacobian_norms(nn.SequenceModel(cell).unroll([5, 1]))
    {0: {0: 1.0}, 1: {1: 1.0, 0: 5.0}, 2: {2: 1.0, 1: 5.0, 0: 25.0}}
    """
    run = graph_of(run)
    orders: dict[str, Any] = {"spectral": 2, "frobenius": "fro"}
    if kind not in orders:
        raise ValueError(f"jacobian_norms: kind must be {' or '.join(orders)}, got {kind!r}")
    single = {t: jacobian(run, t, t - 1, carry=True) for t in range(1, len(run) + 1)}
    norms: dict[int, dict[int, float]] = {}
    for t in range(len(run) + 1):
        product = np.eye(len(_state(run, t, carry=True)))
        rows = _hidden_positions(run, t)
        norms[t] = {}
        for k in range(t, -1, -1):
            block = product[np.ix_(rows, _hidden_positions(run, k))]
            norms[t][k] = _norm(block, orders[kind])
            if k:
                product = product @ single[k]
    return norms


@dataclass(frozen=True)
class Flow:
    """How a gradient changes on its way back through time. Steps count from 1; 0 is h_0.

    Attributes
    ----------
    total : {t: |dL/dh_t|} of the summed loss, t = 0..T
    by_loss : {k: {t: |dL_k/dh_t|}}, each step's loss on its own, t = 0..k
    jacobians : {t: spectral norm of dh_t/dh_{t-1}}
    derivatives : {t: f'(z_t), one entry per unit}; empty for cells with gates
    weight : W_hh, where dh_t/dh_{t-1} = diag(f') W_hh; None for cells with gates
    step : the step of the last loss, which the verdict is about
    factor : the change of |dL_step/dh_t| per step back: its geometric mean from h_step to h_0
    verdict : "vanishing" (factor below 0.9), "exploding" (above 1.1) or "steady"

    str() gives the verdict as a sentence with its numbers.
    """

    total: dict[int, float]
    by_loss: dict[int, dict[int, float]]
    jacobians: dict[int, float]
    derivatives: dict[int, np.ndarray]
    weight: np.ndarray | None
    step: int
    factor: float
    verdict: str

    def __str__(self) -> str:
        last = self.by_loss[self.step]
        name = f"|dL_{self.step}/dh_t|"
        sentence = (
            f"{self.verdict}: {name} goes from {last[self.step]:.3g} at t = {self.step} "
            f"to {last[0]:.3g} at t = 0, a factor of {self.factor:.3g} per step"
        )
        if self.weight is not None:
            steep = np.mean([np.mean(each) for each in self.derivatives.values()])
            sentence += f" (f' is {steep:.3g} on average, |W_hh| = {_norm(self.weight, 2):.3g})"
        return sentence


def flow(run: Unrolled) -> Flow:
    """The size of the gradient at every state, per loss and in total, and a verdict.

    Norms are Euclidean. One sweep per loss and one for the total, besides the single-step
    Jacobians. ValueError where the run has no losses. Rows 001-7, 003-12, 004-31.

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[0.5]]})
    >>> model = nn.SequenceModel(cell)
    >>> print(flow(model.unroll([1, 1, 1], loss=lambda y, _: y[0], at="last")))
    vanishing: |dL_3/dh_t| goes from 1 at t = 3 to 0.125 at t = 0, a factor of 0.5 per step \
(f' is 1 on average, |W_hh| = 0.5)
    """
    run = graph_of(run)
    losses = loss_steps(run)
    plan = plan_sweeps([run.loss], leaves=run.states[0])
    by_loss = {k: _state_norms(run, gradients(loss, plan), k) for k, loss in losses}
    step = max(by_loss)
    factor = mean_factor(by_loss[step][step], by_loss[step][0], step)
    cell = run.model.cell
    # A class that is built on RNNCell has other derivatives.
    weight = cell.weight_hh if type(cell) is RNNCell else None
    steps = range(1, len(run) + 1)
    return Flow(
        total=_state_norms(run, gradients(run.loss, plan), len(run)),
        by_loss=by_loss,
        jacobians={t: _norm(jacobian(run, t, t - 1), 2) for t in steps},
        derivatives={t: _derivatives(run.states[t]) for t in steps} if weight else {},
        weight=None if weight is None else np.array(weight, dtype=float),
        step=step,
        factor=factor,
        verdict=verdict_of(factor),
    )


def _state_norms(run: Unrolled, found: dict[Value, float], upto: int) -> dict[int, float]:
    return {
        t: float(np.linalg.norm([found.get(h, 0.0) for h in run.states[t]]))
        for t in range(upto + 1)
    }


def _derivatives(h: list[Value]) -> np.ndarray:
    """f'(z) of each unit: the activation's local derivative; 1 where h is the sum itself."""
    return np.array([x.partials[0] if len(x.partials) == 1 and _activated(x) else 1.0 for x in h])


def _activated(x: Value) -> bool:
    return x.op is not None and x.op.name in NONLINEARITIES


def mean_factor(near: float, far: float, steps: int) -> float:
    """The factor per step that leads from one norm to the other."""
    return float((far / near) ** (1.0 / steps)) if near > 0.0 else float("nan")


def verdict_of(factor: float) -> str:
    """Vanishing, exploding, steady or no gradient, by the factor of one time step."""
    low, high = _STEADY
    if np.isnan(factor):
        return "no gradient"
    return "vanishing" if factor < low else "exploding" if factor > high else "steady"


def _norm(matrix: np.ndarray, order: Any) -> float:
    if not np.isfinite(matrix).all():
        return float("nan") if np.isnan(matrix).any() else float("inf")
    return float(np.linalg.norm(matrix, order))


def _state(run: Unrolled, t: int, carry: bool) -> list[Value]:
    return list(flatten(run.carries[t])) if carry else run.states[t]


def _hidden_positions(run: Unrolled, t: int) -> list[int]:
    everything = list(flatten(run.carries[t]))
    return [everything.index(h) for h in run.states[t]]
