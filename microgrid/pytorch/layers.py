"""nn.RNN, LSTM and GRU step by step in tensors, every pre-activation within reach.

The weights take no part in the backward pass: what a step adds to a weight's gradient is the
outer product of the gradient at its pre-activation and what the weight was multiplied by, and
both are kept. So no step ever builds a matrix of the weight's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["GATES", "Direction", "run"]

GATES = {
    "LSTM": ("input", "forget", "candidate", "output"),
    "GRU": ("reset", "update", "candidate"),
    "RNN": (),
}


@dataclass(eq=False)
class Direction:
    """One layer in one direction, unrolled. Step 0 is the start, others in reading order.

    Attributes
    ----------
    name : "layer 1", "layer 2, backward"
    suffix : PyTorch's, "_l0", "_l1_reverse"
    backward : whether it reads from the end
    given : T x B x I, in reading order
    h, c : T + 1 tensors B x H; c of an LSTM only
    own : T x B x G H, W_ih x_t + b_ih of every step, which the gradient reaches
    into : per step the state as that step reads it, h (and c). They are aliases of their own,
        so that a gradient towards one does not come along the other
    fed : T tensors B x G H, W_hh h + b_hh
    gates : by name, T tensors B x H
    out : T tensors before the projection, where there is one
    """

    name: str
    suffix: str
    backward: bool
    given: torch.Tensor
    own: torch.Tensor
    h: list[torch.Tensor] = field(default_factory=list)
    c: list[torch.Tensor] = field(default_factory=list)
    into: list[list[torch.Tensor]] = field(default_factory=list)
    fed: list[torch.Tensor] = field(default_factory=list)
    gates: dict[str, list[torch.Tensor]] = field(default_factory=dict)
    out: list[torch.Tensor] = field(default_factory=list)


def run(
    rnn: nn.RNNBase, x: torch.Tensor, start: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, list[Direction]]:
    """(outputs T x B x D H, the directions layer by layer) of x, T x B x I, from h_0 (and c_0)."""
    kind = rnn.mode.partition("_")[0]
    found: list[Direction] = []
    directions = 2 if rnn.bidirectional else 1
    for layer in range(rnn.num_layers):
        outputs = []
        for d in range(directions):
            given = x.flip(0) if d else x
            name = f"layer {layer + 1}" + (", backward" if d else "")
            weights = dict(_weights(rnn, suffix := f"_l{layer}" + ("_reverse" if d else "")))
            own = F.linear(given, weights["weight_ih"], weights.get("bias_ih"))
            own = own if own.requires_grad else own.requires_grad_()
            states = [s[layer * directions + d] for s in start]
            done = Direction(name, suffix, d == 1, given, own)
            _walk(kind, rnn, done, weights, states)
            found.append(done)
            states_read = torch.stack(done.h[1:])
            outputs.append(states_read.flip(0) if d else states_read)
        x = torch.cat(outputs, 2) if directions > 1 else outputs[0]
    return x, found


def _weights(rnn: nn.RNNBase, suffix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"):
        weight = getattr(rnn, name + suffix, None)
        if weight is not None:
            yield name, weight.detach()


def _walk(
    kind: str,
    rnn: nn.RNNBase,
    done: Direction,
    weights: dict[str, torch.Tensor],
    start: list[torch.Tensor],
) -> None:
    """All steps of one direction."""
    h = start[0].detach().requires_grad_()
    c = start[1].detach().requires_grad_() if kind == "LSTM" else None
    done.h, done.c = [h], [] if c is None else [c]
    done.gates = {name: [] for name in GATES[kind]}
    for own in done.own.unbind(0):
        done.into.append([s.view_as(s) for s in (h, c) if s is not None])
        h, *more = done.into[-1]
        c = more[0] if more else None
        fed = F.linear(h, weights["weight_hh"], weights.get("bias_hh"))
        if kind == "LSTM":
            h, c, gates = _lstm(own + fed, c, weights.get("weight_hr"), done.out)
            done.c.append(c)
        elif kind == "GRU":
            h, gates = _gru(own, fed, h)
        else:
            h, gates = (own + fed).tanh() if rnn.nonlinearity == "tanh" else (own + fed).relu(), ()
        done.h.append(h)
        done.fed.append(fed)
        for name, gate in zip(done.gates, gates):
            done.gates[name].append(gate.detach())


def _lstm(sums: torch.Tensor, c: Any, projection: torch.Tensor | None, out: list[Any]) -> Any:
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t)."""
    i, f, g, o = sums.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    if projection is not None:
        out.append(h)
        h = F.linear(h, projection)
    return h, c, (i, f, g, o)


def _gru(own: torch.Tensor, fed: torch.Tensor, h: torch.Tensor) -> Any:
    """h_t = (1 - z) n + z h_{t-1}, n = tanh(W_in x + b_in + r (W_hn h + b_hn))."""
    (r, z, n), (more_r, more_z, more_n) = own.chunk(3, 1), fed.chunk(3, 1)
    r, z = (r + more_r).sigmoid(), (z + more_z).sigmoid()
    n = (n + r * more_n).tanh()
    return (1 - z) * n + z * h, (r, z, n)
