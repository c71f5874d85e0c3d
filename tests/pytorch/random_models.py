"""Random models whose backward is right, with kinks and ties, to look for false alarms.

    python -m tests.pytorch.random_models 200

prints what microgrid.pytorch.gradcheck says of each, and torch.autograd.gradcheck beside it.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.pytorch.functions import CASES, made


class Apply(nn.Module):
    def __init__(self, name: str, f: Any) -> None:
        super().__init__()
        self.name, self.f = name, f

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.f(x)

    def extra_repr(self) -> str:
        return self.name


class Right(nn.Module):
    """One of the autograd.Functions with its right backward."""

    def __init__(self, case: Any, width: int) -> None:
        super().__init__()
        self.function = made(case, case.right)
        self.weight = nn.Parameter(torch.randn(width, width))
        self.bias = nn.Parameter(torch.randn(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function.apply(x + 0.1, self.weight, self.bias)


class Recurrent(nn.Module):
    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x[:, None])[0][:, 0]


def _ties(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, x, torch.zeros_like(x)], 1).sort(1).values[:, : x.shape[1]]


ACTIVATIONS = [nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Hardtanh]
POINTWISE = {
    "relu": lambda x: F.relu(x) + x,
    "abs": lambda x: x.abs() + x,
    "maximum, tied": lambda x: torch.maximum(x, x.clone()),
    "amax, tied": lambda x: x + torch.cat([x, x], 1).amax(1, keepdim=True),
    "max of a sort with ties": _ties,
    "clamp": lambda x: torch.clamp(x, max=0.5) + x,
    "where": lambda x: torch.where(x > 0, x * 2, x.exp()),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: (0.5 * x + 1).cumprod(1),
    "in place": lambda x: x.clone().mul_(2).add_(1),
    "large": lambda x: 1e3 * x,
    "softmax": lambda x: (5 * x).softmax(1),
    "views": lambda x: x.T.contiguous().T[:, torch.arange(x.shape[1] - 1, -1, -1)],
    "median": lambda x: x + x.median(1, keepdim=True).values,
}


def random_model(seed: int) -> tuple[nn.Module, torch.Tensor]:
    """A model of 2 to 5 parts on a few rows, in float32 or float64."""
    torch.manual_seed(seed)
    choose = random.Random(seed)
    width = choose.randint(2, 5)
    kinds = ["linear", "activation", "pointwise", "norm", "recurrent", "dropout", "right"]
    parts: list[nn.Module] = []
    for kind in choose.choices(kinds, k=choose.randint(2, 5)):
        if kind == "linear":
            parts.append(nn.Linear(width, width, bias=choose.random() < 0.7))
        elif kind == "activation":
            parts.append(choose.choice(ACTIVATIONS)())
        elif kind == "pointwise":
            parts.append(Apply(*choose.choice(list(POINTWISE.items()))))
        elif kind == "norm":
            parts.append(choose.choice([nn.LayerNorm, nn.BatchNorm1d])(width))
        elif kind == "recurrent":
            parts.append(Recurrent(choose.choice(["RNN", "LSTM", "GRU"]), width))
        elif kind == "dropout":
            parts.append(nn.Dropout(0.3))
        else:
            parts.append(Right(choose.choice(CASES), width))
    dtype = choose.choice([torch.float32, torch.float64])
    rows = choose.randint(3, 4)
    x = torch.randn(rows, width, dtype=dtype)
    # Multiples of 1/2 meet the kinks at 0 and the bound of the clamp.
    return nn.Sequential(*parts).to(dtype), (2 * x).round() / 2 if seed % 2 else x


def torchs_verdict(model: nn.Module, x: torch.Tensor) -> str:
    """What torch.autograd.gradcheck says: "right", or the first line of what it raises."""
    torch.manual_seed(0)
    try:
        torch.autograd.gradcheck(model, [x.detach().clone().requires_grad_()])
    except Exception as error:
        return str(error).splitlines()[0][:70]
    return "right"


def main() -> None:
    from microgrid.pytorch.gradcheck import check

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    ours = theirs = 0
    for seed in range(count):
        model, x = random_model(seed)
        report, verdict = check(model, [x]), torchs_verdict(model, x)
        ours, theirs = ours + (not report.ok), theirs + (verdict != "right")
        kind = str(x.dtype).removeprefix("torch.")
        print(f"{seed:4} {kind}  ours: {'right' if report.ok else report}  torch's: {verdict}")
    print(f"{count} right models: {ours} false alarms here, {theirs} by torch.autograd.gradcheck")


if __name__ == "__main__":
    main()
