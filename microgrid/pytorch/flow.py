"""flow: the gradient at every time step of a PyTorch RNN, LSTM or GRU, at any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
import torch
from torch import nn

from ..bptt.jacobian import mean_factor, verdict_of
from .layers import Direction, run

__all__ = ["Bad", "Flow", "FlowHistory", "GateFlow", "LayerFlow", "Shares", "flow"]

SATURATED = 0.05  # a gate this near to shut or open counts as saturated
MOST_NUMBERS = 40_000_000  # that the triangle holds at once
ALLOWED = {torch.float64: 1e-10, torch.float32: 1e-3}


class Shares(Sequence[np.ndarray]):
    """What each time step adds to the gradient of one weight: T arrays of the weight's shape.

    They are made when read: of a weight of 1536 x 512 over 200 steps all would be 1.2 GB.
    `sum()` is the whole gradient, `norms` how large each step's share is, `numpy.asarray` gives
    (T, *shape). Entry 0 is step 1.
    """

    def __init__(self, deltas: torch.Tensor, met: torch.Tensor | None) -> None:
        self._deltas = deltas  # T x B x rows: the gradient at the pre-activation
        self._met = met  # T x B x columns: what the weight was multiplied by; None for a bias

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, *shape of the weight)."""
        rows = self._deltas.shape[2:]
        columns = () if self._met is None else self._met.shape[2:]
        return (len(self._deltas), *rows, *columns)

    def __len__(self) -> int:
        return len(self._deltas)

    @overload
    def __getitem__(self, step: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, step: slice) -> list[np.ndarray]: ...
    def __getitem__(self, step: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(step, slice):
            return [self[t] for t in range(*step.indices(len(self)))]
        delta = self._deltas[step]
        share = delta.sum(0) if self._met is None else delta.T @ self._met[step]
        return _array(share)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.stack(list(self)).astype(dtype or float)

    def sum(self) -> np.ndarray:
        """The gradient of the weight."""
        deltas = self._deltas.flatten(0, 1)
        return _array(deltas.sum(0) if self._met is None else deltas.T @ self._met.flatten(0, 1))

    @cached_property
    def norms(self) -> np.ndarray:
        """The Euclidean norm of each step's share, T numbers, without the shares themselves."""
        if self._met is None:
            return _array(self._deltas.sum(1).norm(dim=1))
        # |sum_b d_b x_b^T|^2 is the sum over b, c of (d_b . d_c)(x_b . x_c).
        grams = [a @ a.transpose(1, 2) for a in (self._deltas, self._met)]
        return _array((grams[0] * grams[1]).sum((1, 2)).clamp(min=0.0).sqrt())


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
    given = _Given(rnn, x, h0)
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
        states, shares, layers, _array(losses.reshape(-1)), last, factor, verdict_of(factor),
        bad, by_loss,
    )  # fmt: skip


class _Given:
    """The input and the start state, T x B x I and layers x B x H whatever came in."""

    def __init__(self, rnn: nn.RNNBase, x: torch.Tensor, h0: Any) -> None:
        if not isinstance(rnn, nn.RNN | nn.LSTM | nn.GRU):
            raise TypeError(f"flow needs an nn.RNN, LSTM or GRU, got {rnn!r}")
        if not isinstance(x, torch.Tensor):
            hint = "; give it a padded tensor" if hasattr(x, "batch_sizes") else ""
            raise ValueError(f"flow needs a tensor of inputs, got a {type(x).__name__}{hint}")
        weight = rnn.weight_ih_l0
        if x.dtype not in ALLOWED or weight.dtype != x.dtype or weight.device != x.device:
            raise ValueError(
                f"flow takes float32 and float64, layer and input alike and on one device; the "
                f"layer is {weight.dtype} on {weight.device}, the input {x.dtype} on {x.device}"
            )
        if x.dim() not in (2, 3) or x.shape[-1] != rnn.input_size:
            raise ValueError(
                f"flow: the input must be steps x batch x {rnn.input_size}, got {tuple(x.shape)}"
            )
        if rnn.dropout and rnn.training and rnn.num_layers > 1:
            raise ValueError(
                "flow: the dropout between the layers draws new masks; call rnn.eval() first"
            )
        self.rnn, self._asked, self._h0 = rnn, x.detach(), h0
        self._alone = x.dim() == 2
        x = x.detach()
        x = x[:, None] if self._alone else x.transpose(0, 1) if rnn.batch_first else x
        if not len(x):
            raise ValueError("flow: the sequence is empty")
        self.x = x
        self.start = self._states(h0)

    def _states(self, h0: Any) -> list[torch.Tensor]:
        rnn, batch = self.rnn, self.x.shape[1]
        count = rnn.num_layers * (2 if rnn.bidirectional else 1)
        sizes = [rnn.proj_size or rnn.hidden_size]
        sizes += [rnn.hidden_size] if isinstance(rnn, nn.LSTM) else []
        if h0 is None:
            return [self.x.new_zeros(count, batch, size) for size in sizes]
        given = list(h0) if isinstance(h0, tuple | list) else [h0]
        given = [s[:, None] if s.dim() == 2 else s for s in given]
        shapes = [(count, batch, size) for size in sizes]
        if [tuple(s.shape) for s in given] != shapes:
            raise ValueError(
                f"flow: the start state must have the shapes {shapes}, got "
                f"{[tuple(s.shape) for s in given]}"
            )
        return given

    def as_output(self, out: torch.Tensor) -> torch.Tensor:
        """T x B x H as the layer would give it."""
        if self._alone:
            return out[:, 0]
        return out.transpose(0, 1) if self.rnn.batch_first else out

    def confirm(self, out: torch.Tensor) -> None:
        """Hold the steps against the layer itself."""
        with torch.no_grad():
            right = self.rnn(self._asked, self._h0)[0]
        away = float((self.as_output(out.detach()) - right).abs().nan_to_num(0.0, 0.0, 0.0).max())
        if away > ALLOWED[right.dtype] * max(1.0, float(right.abs().nan_to_num(0.0).max())):
            raise RuntimeError(
                f"flow: step by step the layer gives another output, off by {away:.1e}; was it "
                f"changed by hooks or parametrizations?"
            )


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
        margin = SATURATED * (high - low)
        away = (values < low + margin) | (values > high - margin)
        gates[name] = GateFlow(_array(values.mean((1, 2))), _array(away.double().mean((1, 2))))
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
        at_once = max(1, MOST_NUMBERS // self._out.numel())
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
            rows[:, k] = _array(carried[0].double().flatten(1).norm(dim=1))
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
    values = _array(losses.reshape(-1))
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
    return _array(torch.stack([t.detach().double().norm() for t in tensors]))


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()


class FlowHistory:
    """A callback for a training loop: `flow` every so many steps.

    rnn, x, loss are those of `flow`; x is the sequence that is looked at again and again. Call
    the object once per training step. `viz.plots.flow.strips(history)` draws it.

    Attributes
    ----------
    steps : the training steps at which it looked
    flows : what it saw, without the tensors: the T + 1 norms `Flow.last`
    sentences : the verdict of each in words

    >>> _ = torch.manual_seed(0)
    >>> layer = nn.GRU(2, 3)
    >>> watch = FlowHistory(layer, torch.randn(5, 1, 2), lambda out: out.sum((1, 2)), every=10)
    >>> for step in range(25):
    ...     watch(step)
    >>> watch.steps, len(watch.flows[0])
    ([0, 10, 20], 6)
    """

    def __init__(
        self,
        rnn: nn.RNNBase,
        x: torch.Tensor,
        loss: Callable[[torch.Tensor], torch.Tensor],
        every: int = 100,
        h0: Any = None,
    ) -> None:
        if every < 1:
            raise ValueError(f"FlowHistory: every must be 1 or more, got {every!r}")
        self._arguments = rnn, x, loss, h0
        self.every = every
        self.steps: list[int] = []
        self.flows: list[np.ndarray] = []
        self.sentences: list[str] = []

    def __call__(self, step: int) -> None:
        """Look at the flow if the step is a multiple of `every`."""
        if step % self.every == 0:
            found = flow(*self._arguments)
            self.steps.append(step)
            self.flows.append(found.last)
            self.sentences.append(str(found))
