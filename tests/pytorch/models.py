"""PyTorch models of every kind that `record` knows, each with its inputs and its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH = 4, 2
Model = tuple[nn.Module, list[torch.Tensor], Callable[..., torch.Tensor]]


class Parts(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def squares(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x).square().mean()


def layers(*parts: nn.Module, given: tuple[int, ...] = (3, 4)) -> Model:
    return nn.Sequential(*parts), [torch.randn(given)], squares


def recurrent(kind: str, **options: Any) -> Model:
    width = 8 if options.get("bidirectional") else 4
    model = Parts(rnn=getattr(nn, kind)(3, 4, **options), head=nn.Linear(width, 3))
    shape = (BATCH, STEPS, 3) if options.get("batch_first") else (STEPS, BATCH, 3)

    def loss(model: Parts, x: torch.Tensor) -> torch.Tensor:
        logits = model.head(model.rnn(x)[0])
        return F.cross_entropy(logits.reshape(-1, 3), torch.arange(STEPS * BATCH) % 3)

    return model, [torch.randn(shape)], loss


def cell(kind: str) -> Model:
    def loss(model: Parts, x: torch.Tensor) -> torch.Tensor:
        zeros = x.new_zeros(BATCH, 4)
        state: Any = (zeros, zeros.clone()) if kind == "LSTMCell" else zeros
        total: Any = 0
        for t in range(3):
            state = model.cell(x[t], state)
            total = total + model.head(state[0] if kind == "LSTMCell" else state).square().mean()
        return total

    return Parts(cell=getattr(nn, kind)(3, 4), head=nn.Linear(4, 2)), [torch.randn(3, 2, 3)], loss


class Attending(nn.Module):
    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.attention, self.weights = nn.MultiheadAttention(4, 2, batch_first=True), weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=self.weights)[0]


class Causal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.project(x).view(2, 3, 3, 4).unbind(2)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def in_place_and_views(model: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    a = torch.einsum("ij,kj->ik", x, model.weight)
    buffer = x.new_zeros(5, 3)
    buffer[1] = a[1]
    buffer[2:4] += a[2:4] * 2
    buffer[:, 0].mul_(3)
    picked = torch.where(a > 0, a, a * 0.1)
    both = torch.cat([a, picked], 1)
    stacked = torch.stack([a, picked]).permute(1, 2, 0).reshape(5, -1)
    changed = a.clone()
    changed.mul_(3).tanh_()
    changed = changed + a
    changed[changed > 0] = 0.5
    changed.masked_fill_(a < 0, 2.0)
    parts = [buffer, both, stacked, changed, both[torch.tensor([0, 0, 3])]]
    parts += [a.gather(1, torch.tensor([[0], [1], [2], [0], [1]])), a.max(1).values]
    parts += [a.sort(1).values[:, 0], a.topk(2, 1).values[:, 1], a.amax(1), a.median(1).values]
    parts += [a.cumsum(0).std(0), a.var(1), a.norm(), a.prod(1), torch.logsumexp(a, 0)]
    parts += [a.t().contiguous().view(-1)[::2], F.normalize(a, dim=1), F.pad(a, (1, 2))]
    parts += [a.index_select(0, torch.tensor([1, 1])), a.repeat(2, 1).roll(1, 0).flip(0).tril()]
    where = torch.tensor([[0, 1, 0]] * 5)
    parts += [x.new_zeros(5, 3).scatter_add(0, where, a), a.unsqueeze(0).expand(2, 5, 3)]
    parts += [torch.outer(a[0], a[1]) + torch.diag(a[2]), a.split([1, 2], 1)[1]]
    parts += [a.unfold(0, 2, 1), torch.lerp(a, picked, 0.3), a.abs().pow(1.5)]
    return sum(part.square().sum() for part in parts)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cross_entropy": lambda z, y, i: F.cross_entropy(z, i),
    "cross_entropy, weighted, one ignored": lambda z, y, i: F.cross_entropy(
        z, i, weight=z.new_tensor([1.0, 2.0, 3.0]), ignore_index=0, reduction="sum"
    ),
    "cross_entropy, smoothed": lambda z, y, i: F.cross_entropy(z, i, label_smoothing=0.1),
    "cross_entropy, probabilities": lambda z, y, i: F.cross_entropy(z, y.softmax(1)),
    "mse_loss": lambda z, y, i: F.mse_loss(z, y),
    "mse_loss, sum": lambda z, y, i: F.mse_loss(z, y, reduction="sum"),
    "half the sum of squares": lambda z, y, i: 0.5 * (z - y).pow(2).sum(),
    "binary_cross_entropy": lambda z, y, i: F.binary_cross_entropy(z.sigmoid(), (y > 0).to(z)),
    "binary_cross_entropy_with_logits": lambda z, y, i: F.binary_cross_entropy_with_logits(
        z, (y > 0).to(z), pos_weight=z.new_tensor([1.0, 2.0, 3.0])
    ),
    "hinge": lambda z, y, i: torch.clamp(1 - z[:, 0] * y[:, 0].sign(), min=0).mean(),
    "multi_margin_loss": lambda z, y, i: F.multi_margin_loss(z, i),
    "huber_loss": lambda z, y, i: F.huber_loss(z, y),
    "kl_div": lambda z, y, i: F.kl_div(z.log_softmax(1), y.softmax(1), reduction="batchmean"),
    "l1_loss": lambda z, y, i: F.l1_loss(z, y),
}


def loss_of(name: str) -> Model:
    y, i = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    return (
        nn.Linear(4, 3),
        [torch.randn(5, 4)],
        lambda model, x: LOSSES[name](model(x), y.to(x.dtype), i),
    )


def _evaluated(model: Model) -> Model:
    model[0].eval()
    return model


def _every() -> dict[str, Callable[[], Model]]:
    found: dict[str, Callable[[], Model]] = {}
    for kind in ("RNN", "LSTM", "GRU"):
        for options in (
            {}, {"num_layers": 2}, {"bidirectional": True}, {"batch_first": True},
            {"num_layers": 2, "dropout": 0.3, "bidirectional": True}, {"bias": False},
        ):  # fmt: skip
            name = ", ".join([kind, *(f"{key}={value}" for key, value in options.items())])
            found[name] = lambda kind=kind, options=options: recurrent(kind, **options)
        found[f"{kind}Cell"] = lambda kind=kind: cell(f"{kind}Cell")
    for name in ("GELU", "SiLU", "LeakyReLU", "ReLU", "ELU", "Softplus", "Hardtanh", "PReLU"):
        found[name] = lambda name=name: layers(nn.Linear(4, 6), getattr(nn, name)())
    for name in LOSSES:
        found[name] = lambda name=name: loss_of(name)
    linear = lambda: nn.Linear(4, 5)  # noqa: E731
    found |= {
        "RNN relu": lambda: recurrent("RNN", nonlinearity="relu"),
        "GELU tanh": lambda: layers(nn.Linear(4, 6), nn.GELU("tanh")),
        "Embedding and LayerNorm": lambda: (
            nn.Sequential(nn.Embedding(7, 4), nn.LayerNorm(4), nn.Linear(4, 2)),
            [torch.tensor([1, 3, 3, 0])],
            squares,
        ),
        "BatchNorm": lambda: layers(linear(), nn.BatchNorm1d(5), nn.ReLU(), given=(6, 4)),
        "BatchNorm, eval": lambda: _evaluated(layers(linear(), nn.BatchNorm1d(5), given=(6, 4))),
        "RMSNorm": lambda: layers(linear(), nn.RMSNorm(5)),
        "Dropout": lambda: layers(linear(), nn.Dropout(0.4), nn.Linear(5, 2)),
        "Conv1d and max pooling": lambda: layers(
            nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(4, 4, 2, groups=2, stride=2), nn.AvgPool1d(2, ceil_mode=False),
            given=(2, 2, 9),
        ),
        "Conv2d": lambda: layers(
            nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(8, 3), given=(2, 1, 6, 6),
        ),
        "MultiheadAttention": lambda: (Attending(False), [torch.randn(2, 3, 4)], squares),
        "MultiheadAttention, weights": lambda: (Attending(True), [torch.randn(2, 3, 4)], squares),
        "scaled_dot_product_attention": lambda: (Causal(), [torch.randn(2, 3, 4)], squares),
        "TransformerEncoderLayer": lambda: (
            nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True),
            [torch.randn(2, 3, 4)], squares,
        ),
        "TransformerEncoderLayer, eval, gelu": lambda: _evaluated((
            nn.TransformerEncoderLayer(4, 2, 8, activation="gelu", norm_first=True),
            [torch.randn(3, 2, 4)], squares,
        )),
        "in place, views, indexing": lambda: (
            nn.Linear(4, 3), [torch.randn(5, 4)], in_place_and_views,
        ),
    }  # fmt: skip
    return found


MODELS = _every()
