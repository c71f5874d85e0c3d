"""autograd.Functions with a right backward and wrong ones, and models to hide them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from microgrid import scope


@dataclass(frozen=True)
class Case:
    """A Function's name, what it saves and computes, its right backward and the wrong ones."""

    name: str
    forward: Callable[..., Any]
    right: Callable[..., Any]
    wrong: dict[str, Callable[..., Any]]


def made(case: Case, backward: Callable[..., Any]) -> type[torch.autograd.Function]:
    """An autograd.Function of this name with that backward."""

    def forward(ctx: Any, *inputs: Any) -> Any:
        out = case.forward(*inputs)
        ctx.save_for_backward(*inputs, out)
        return out

    def apply_backward(ctx: Any, g: Any) -> Any:
        return backward(g, *ctx.saved_tensors)

    members = {"forward": staticmethod(forward), "backward": staticmethod(apply_backward)}
    return type(case.name, (torch.autograd.Function,), members)


def _norm_backward(g: Any, x: Any, y: Any) -> Any:
    return (g - y * (g * y).sum(-1, keepdim=True)) / x.norm(dim=-1, keepdim=True)


# Each is called as f(h, w, b): h of n x H entries, a square weight H x H, a bias of H.
CASES = [
    Case(
        "Cube",
        lambda h, w, b: h**3,
        lambda g, h, w, b, y: (g * 3 * h**2, None, None),
        {
            "factor": lambda g, h, w, b, y: (g * 2 * h**2, None, None),
            "sign": lambda g, h, w, b, y: (-g * 3 * h**2, None, None),
            "wrong power": lambda g, h, w, b, y: (g * 3 * h, None, None),
            "wrong saved tensor": lambda g, h, w, b, y: (g * 3 * y**2, None, None),
            "detached": lambda g, h, w, b, y: (None, None, None),
        },
    ),
    Case(
        "Squash",
        lambda h, w, b: h.tanh(),
        lambda g, h, w, b, y: (g * (1 - y**2), None, None),
        {
            "of the input": lambda g, h, w, b, y: (g * (1 - h**2), None, None),
            "no square": lambda g, h, w, b, y: (g * (1 - y), None, None),
            "sign": lambda g, h, w, b, y: (g * (1 + y**2), None, None),
            "missing term": lambda g, h, w, b, y: (g, None, None),
            "almost": lambda g, h, w, b, y: (g * (1 - y**2) * 1.001, None, None),
        },
    ),
    Case(
        "Affine",
        lambda h, w, b: h @ w.T + b,
        lambda g, h, w, b, y: (g @ w, g.T @ h, g.sum(0)),
        {
            "transposed input": lambda g, h, w, b, y: (g @ w.T, g.T @ h, g.sum(0)),
            "transposed weight": lambda g, h, w, b, y: (g @ w, h.T @ g, g.sum(0)),
            "mean for sum": lambda g, h, w, b, y: (g @ w, g.T @ h, 0.5 * g.sum(0)),
            "bias forgotten": lambda g, h, w, b, y: (g @ w, g.T @ h, None),
            "weight detached": lambda g, h, w, b, y: (g @ w, torch.zeros_like(w), g.sum(0)),
            "wrong saved tensor": lambda g, h, w, b, y: (g @ w, g.T @ y, g.sum(0)),
            "one row lost": lambda g, h, w, b, y: (g @ w, g[:1].T @ h[:1] * 1.5, g.sum(0)),
        },
    ),
    Case(
        "Gate",
        lambda h, w, b: torch.sigmoid(b) * h,
        lambda g, h, w, b, y: (
            g * b.sigmoid(), None, (g * h * b.sigmoid() * (1 - b.sigmoid())).sum(0),
        ),
        {
            "gate's slope forgotten": lambda g, h, w, b, y: (
                g * b.sigmoid(), None, (g * h).sum(0),
            ),
            "half of the slope": lambda g, h, w, b, y: (
                g * b.sigmoid(), None, (g * h * b.sigmoid()).sum(0),
            ),
            "open gate": lambda g, h, w, b, y: (
                g, None, (g * h * b.sigmoid() * (1 - b.sigmoid())).sum(0),
            ),
            "swapped": lambda g, h, w, b, y: (
                g * (1 - b.sigmoid()), None, (g * h * b.sigmoid() * (1 - b.sigmoid())).sum(0),
            ),
        },
    ),
    Case(
        "Softmax",
        lambda h, w, b: h.softmax(-1),
        lambda g, h, w, b, y: (y * (g - (g * y).sum(-1, keepdim=True)), None, None),
        {
            "diagonal only": lambda g, h, w, b, y: (y * (1 - y) * g, None, None),
            "missing term": lambda g, h, w, b, y: (y * g, None, None),
            "sign": lambda g, h, w, b, y: (y * (g + (g * y).sum(-1, keepdim=True)), None, None),
            "summed over the batch": lambda g, h, w, b, y: (
                y * (g - (g * y).sum()), None, None,
            ),
        },
    ),
    Case(
        "Unit",
        lambda h, w, b: h / h.norm(dim=-1, keepdim=True),
        lambda g, h, w, b, y: (_norm_backward(g, h, y), None, None),
        {
            "norm held fixed": lambda g, h, w, b, y: (
                g / h.norm(dim=-1, keepdim=True), None, None,
            ),
            "norm forgotten": lambda g, h, w, b, y: (
                g - y * (g * y).sum(-1, keepdim=True), None, None,
            ),
            "sign": lambda g, h, w, b, y: (-_norm_backward(g, h, y), None, None),
        },
    ),
    Case(
        "Weighted",
        lambda h, w, b: h * w.diagonal() + b**2,
        lambda g, h, w, b, y: (g * w.diagonal(), ((g * h).sum(0)).diag(), (2 * b * g).sum(0)),
        {
            "factor": lambda g, h, w, b, y: (
                g * w.diagonal(), ((g * h).sum(0)).diag(), (b * g).sum(0),
            ),
            "wrong saved tensor": lambda g, h, w, b, y: (
                g * w.diagonal(), ((g * h).sum(0)).diag(), (2 * h * g).sum(0),
            ),
        },
    ),
]  # fmt: skip

MUTATIONS = [(case, name, backward) for case in CASES for name, backward in case.wrong.items()]
HIDDEN = 4


class Loop(nn.Module):
    """A recurrence by hand; the function stands in step 3."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.w, self.u = nn.Linear(3, HIDDEN), nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.weight = nn.Parameter(torch.randn(HIDDEN, HIDDEN))
        self.bias = nn.Parameter(torch.randn(HIDDEN))

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        h = xs.new_zeros(xs.shape[1], HIDDEN)
        for t, x in enumerate(xs, start=1):
            with scope(f"t={t}"):
                h = torch.tanh(self.w(x) + self.u(h)) + 0.25
                if t == 3:
                    h = self.function.apply(h, self.weight, self.bias)
        return h.square().sum()


class Layers(nn.Module):
    """A perceptron; the function stands between its layers, where others use h as well."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(3, HIDDEN), nn.Linear(2 * HIDDEN, 2)
        self.weight = nn.Parameter(torch.randn(HIDDEN, HIDDEN))
        self.bias = nn.Parameter(torch.randn(HIDDEN))

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        h = F.silu(self.first(xs.flatten(0, 1))) + 0.1
        both = torch.cat([h, self.function.apply(h, self.weight, self.bias)], 1)
        return F.cross_entropy(self.last(both), torch.arange(len(both)) % 2)


class AfterLSTM(nn.Module):
    """The function works on all steps of an nn.LSTM at once; a layer norm follows."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.rnn, self.norm = nn.LSTM(3, HIDDEN), nn.LayerNorm(HIDDEN)
        self.weight = nn.Parameter(torch.randn(HIDDEN, HIDDEN))
        self.bias = nn.Parameter(torch.randn(HIDDEN))

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        h = self.rnn(xs)[0].reshape(-1, HIDDEN)
        y = self.function.apply(h, self.weight, self.bias)
        return (self.norm(y + h) * torch.arange(HIDDEN)).tanh().sum()


HOSTS = [Loop, Layers, AfterLSTM]
