"""flow: the gradient at every time step of a PyTorch RNN, LSTM or GRU, at any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from ..bptt.jacobian import mean_factor, verdict_of
from .given import Given
from .layers import Direction, run
from .shares import Shares, array_of

__all__ = ["Bad", "Flow", "GateFlow", "LayerFlow", "flow"]

_SATURATED = 0.05  # a gate this near to shut or open counts as saturated
_MOST_NUMBERS = 40_000_000  # that the triangle holds at once


@dataclass(frozen=True)
class GateFlow:
    """A gate over time: its mean over units and batch, and the share of it that is saturated."""

    mean: np.ndarray
    saturated: np.ndarray


@dataclass(frozen=True)
class LayerFlow:
    """One layer in one direction.

    Attributes
    ----------
    name : "layer 1", "layer 1, backward"; a backward one counts its steps from the end
    states, cells : T + 1 norms |dL/dh_t| and |dL/dc_t|, index 0 the start; cells of an LSTM only
    gates : name -> GateFlow: input, forget, candidate, output; reset, update, candidate
    """

    name: str
    states: np.ndarray
    cells: np.ndarray | None
    gates: dict[str, GateFlow]


@dataclass(frozen=True)
class Bad:
    """The first number that is nan or infinite: at which step, where, in which pass."""

    step: int
    where: str
    value: float
    sweep: str

    def __str__(self) -> str:
        return f"the first {self.value} is in {self.where} at t = {self.step}, {self.sweep}"


@dataclass(eq=False)
class Flow:
    """Where the gradient of a recurrent layer goes. str() says it in words.

    Attributes
    ----------
    states : T + 1 norms |dL/dh_t| of the last layer, index 0 the start
    contributions : PyTorch's name of each weight -> Shares, what each step adds to dL/dW
    layers : a LayerFlow for each layer and direction, with |dL/dc_t| and the gates
    losses : the losses, one per step; a single one where the loss is one number
    last : |dL_T/dh_t| of the last step's loss alone, which the verdict is about; of the total
        where the loss is one number
    factor : how much `last` changes per step back, its geometric mean
    verdict : "vanishing" (a factor below 0.9), "exploding" (above 1.1), "steady"
    first_bad : the first nan or inf, by step and gate; None where all is finite
    """

    states: np.ndarray
    contributions: dict[str, Shares]
    layers: list[LayerFlow]
    losses: np.ndarray
    last: np.ndarray
    factor: float
    verdict: str
    first_bad: Bad | None
    _by_loss: _ByLoss | None = field(default=None, repr=False)

    @cached_property
    def triangle(self) -> np.ndarray:
        """|dL_t/dh_k|, T x (T + 1): row t - 1 is the loss of step t, column k the state h_k.

        0 above the diagonal. Made when first asked for; the graph of the steps is kept until
        then. ValueError where the loss was one number for the whole sequence.
        """
        if self._by_loss is None:
            raise ValueError(
                "flow: the loss gave one number for the whole sequence; let it return one per "
                "time step to see which loss reaches which state"
            )
        return self._by_loss.all()

    def __len__(self) -> int:
        return len(self.states) - 1

    def __str__(self) -> str:
        if self.first_bad is not None:
            return f"not finite: {self.first_bad}"
        steps = len(self)
        name = f"|dL_{steps}/dh_t|" if self._by_loss is not None else "|dL/dh_t|"
        words = (
            f"{self.verdict}: {name} goes from {self.last[-1]:.3g} at t = {steps} to "
            f"{self.last[0]:.3g} at t = 0, a factor of {self.factor:.3g} per step"
        )
        share = next((s for n, s in self.contributions.items() if "weight_hh" in n), None)
        if share is not None and (total := share.norms.sum()) > 0.0:
            late = np.cumsum(share.norms[::-1])
            half = int(np.searchsorted(late, 0.5 * total)) + 1
            words += f"; half of what the steps add to dL/dW_hh comes from the last {half}"
        forget = self.layers[-1].gates.get("forget") or self.layers[-1].gates.get("update")
        if forget is not None:
            gate = "forget" if "forget" in self.layers[-1].gates else "update"
            words += f"; the {gate} gate is {forget.mean.mean():.2f} on average"
        return words


def flow(
    rnn: nn.RNNBase,
    x: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor],
    h0: Any = None,
) -> Flow:
    """How the gradient of a loss flows back through an nn.RNN, LSTM or GRU, exactly.

    The layer is run step by step with its own formulas, in tensors, on the device where it is,
    in about the time of one ordinary backward pass; no `.grad` is touched.

    Parameters
    ----------
    rnn : any layers, directions, batch_first, projections; in eval mode if it has dropout
    x : its input, T x B x I (or as batch_first says, or T x I without a batch)
    loss : from the layer's output to one number, or to T numbers, one per time step
    h0 : the start state as the layer takes it, zeros unless given

    ValueError for a loss of another shape, a packed sequence, dropout in training, and half
    precision.

    >>> _ = torch.manual_seed(0)
    >>> found = flow(nn.LSTM(3, 4), torch.randn(20, 1, 3), lambda out: out[-1].sum())
    >>> found.verdict, found.contributions["weight_hh_l0"].shape
    ('vanishing', (20, 16, 4))
    """
    given = Given(rnn, x, h0)
    with torch.enable_grad():
        out, directions = run(rnn, given.x, given.start)
        given.confirm(out)
        losses = loss(given.as_output(out))
        total, steps = _total(losses, len(given.x))
    wanted = [t for d in directions for t in (*d.h, *d.c, d.own, *d.fed)]
    found = torch.autograd.grad(total, wanted, retain_graph=True, allow_unused=True)
    gradient = {id(t): _or_zero(g, t) for t, g in zip(wanted, found)}
    shares: dict[str, Shares] = {}
    layers = []
    for d in directions:
        shares |= _shares(rnn, d, gradient)
        layers.append(_layer(d, gradient))
    top = [d for d in directions if not d.backward][-1]
    by_loss = None if steps is None else _ByLoss(steps, out, top)
    states = next(x.states for x, d in zip(layers, directions) if d is top)
    last = states if by_loss is None else by_loss.last()
    factor = mean_factor(float(last[-1]), float(last[0]), len(given.x))
    bad = _first_bad(directions, layers, losses)
    return Flow(
        states, shares, layers, array_of(losses.reshape(-1)), last, factor, verdict_of(factor),
        bad, by_loss,
    )  # fmt: skip


def _total(losses: Any, steps: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The loss to differentiate, and the losses by step where there are such."""
    if not isinstance(losses, torch.Tensor) or losses.numel() not in (1, steps) or losses.dim() > 1:
        what = f"shape {tuple(losses.shape)}" if isinstance(losses, torch.Tensor) else repr(losses)
        raise ValueError(
            f"flow: the loss must return one number, or one for each of the {steps} time steps, "
            f"got {what}"
        )
    if not losses.requires_grad:
        raise ValueError("flow: the loss does not depend on the layer's output (detached?)")
    if losses.numel() == 1:
        return losses.reshape(()), None
    return losses.sum(), losses


def _or_zero(gradient: torch.Tensor | None, tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(tensor) if gradient is None else gradient


def _shares(rnn: nn.RNNBase, d: Direction, gradient: dict[int, torch.Tensor]) -> dict[str, Shares]:
    """Each weight's Shares, steps in the order of time."""
    turn: Callable[[torch.Tensor], torch.Tensor] = (
        (lambda a: a.flip(0)) if d.backward else (lambda a: a)
    )
    own = turn(gradient[id(d.own)])
    fed = turn(torch.stack([gradient[id(t)] for t in d.fed]))
    before = turn(torch.stack([h.detach() for h in d.h[:-1]]))
    found = {
        "weight_ih": Shares(own, turn(d.given.detach())),
        "weight_hh": Shares(fed, before),
    }
    if rnn.bias:
        found |= {"bias_ih": Shares(own, None), "bias_hh": Shares(fed, None)}
    if d.out:
        after = turn(torch.stack([gradient[id(h)] for h in d.h[1:]]))
        found["weight_hr"] = Shares(after, turn(torch.stack([h.detach() for h in d.out])))
    return {name + d.suffix: shares for name, shares in found.items()}


def _layer(d: Direction, gradient: dict[int, torch.Tensor]) -> LayerFlow:
    gates = {}
    for name, steps in d.gates.items():
        values = torch.stack(steps)
        low, high = (-1.0, 1.0) if name == "candidate" else (0.0, 1.0)
        margin = _SATURATED * (high - low)
        away = (values < low + margin) | (values > high - margin)
        gates[name] = GateFlow(array_of(values.mean((1, 2))), array_of(away.double().mean((1, 2))))
    cells = _norms([gradient[id(c)] for c in d.c]) if d.c else None
    return LayerFlow(d.name, _norms([gradient[id(h)] for h in d.h]), cells, gates)


class _ByLoss:
    """dL_t/dh_k of the last layer, each loss on its own.

    What every loss sends directly into the states is found first; then all losses are carried
    back together, one step of the layer at a time.
    """

    def __init__(self, losses: torch.Tensor, out: torch.Tensor, top: Direction) -> None:
        self._losses, self._out, self._top = losses, out, top

    def last(self) -> np.ndarray:
        """The norms of dL_T/dh_k for all k."""
        h = self._top.h
        found = torch.autograd.grad(self._losses[-1], h, retain_graph=True, allow_unused=True)
        return _norms([_or_zero(g, x) for g, x in zip(found, h)])

    def all(self) -> np.ndarray:
        """The norms for every t and k, some losses at a time."""
        steps = len(self._losses)
        at_once = max(1, _MOST_NUMBERS // self._out.numel())
        parts = [range(t, min(t + at_once, steps)) for t in range(0, steps, at_once)]
        return np.concatenate([self._some(part) for part in parts])

    def _some(self, wanted: range) -> np.ndarray:
        width = self._top.h[0].shape[1]
        direct = torch.stack([self._direct(t)[:, :, :width] for t in wanted], 1)
        rows = np.zeros((len(wanted), len(self._top.h)))
        ways = [self._top.h, *([self._top.c] if self._top.c else [])]
        carried = [way[0].new_zeros(len(wanted), *way[0].shape) for way in ways]
        for k in range(len(self._top.h) - 1, -1, -1):
            if k:
                carried[0] = carried[0] + direct[k - 1]
            rows[:, k] = array_of(carried[0].double().flatten(1).norm(dim=1))
            if k:
                carried = list(torch.autograd.grad(
                    [way[k] for way in ways], self._top.into[k - 1], carried,
                    retain_graph=True, is_grads_batched=True,
                ))  # fmt: skip
        return rows

    def _direct(self, t: int) -> torch.Tensor:
        (found,) = torch.autograd.grad(
            self._losses[t], self._out, retain_graph=True, allow_unused=True
        )
        return _or_zero(found, self._out)


def _first_bad(
    directions: Sequence[Direction], layers: Sequence[LayerFlow], losses: torch.Tensor
) -> Bad | None:
    """The first number that is not finite: forward in the order of the steps, then backward."""
    for t in range(len(directions[0].h)):
        for d in directions:
            for where, tensor in _at(d, t):
                bad = _not_finite(tensor)
                if bad is not None:
                    step = len(d.h) - t if d.backward and t else t
                    return Bad(step, f"{where} of {d.name}", bad, "in the forward pass")
    values = array_of(losses.reshape(-1))
    for t, value in enumerate(values, start=1):
        if not math.isfinite(value):
            step = t if len(values) > 1 else len(directions[0].h) - 1
            return Bad(step, "the loss", float(value), "in the forward pass")
    for t in range(len(directions[0].h) - 1, -1, -1):
        for layer in reversed(layers):
            for name, norms in (("dL/dh", layer.states), ("dL/dc", layer.cells)):
                if norms is not None and not math.isfinite(norms[t]):
                    return Bad(t, f"{name} of {layer.name}", float(norms[t]), "on the way back")
    return None


def _at(d: Direction, t: int) -> Iterator[tuple[str, torch.Tensor]]:
    """What a direction computes at its t-th step, in the order of the formula."""
    if t:
        yield "the input", d.given[t - 1]
        for name, gates in d.gates.items():
            yield f"the {name} gate", gates[t - 1]
    if d.c:
        yield "the cell state", d.c[t]
    yield "the hidden state", d.h[t]


def _not_finite(tensor: torch.Tensor) -> float | None:
    bad = tensor.detach()[~tensor.detach().isfinite()]
    return float(bad[0]) if bad.numel() else None


def _norms(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    return array_of(torch.stack([t.detach().double().norm() for t in tensors]))
