"""Programs as people write them: (module or None, inputs, loss of the inputs), each small."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["PROGRAMS", "seq2seq_with_attention"]

Program = tuple[nn.Module, list[torch.Tensor], Callable[..., torch.Tensor]]
parametrizations = nn.utils.parametrizations


def tutorial_char_rnn() -> Program:
    model = nn.ModuleDict({"i2h": nn.Linear(9, 4), "i2o": nn.Linear(9, 5), "o2o": nn.Linear(9, 5)})
    letters = F.one_hot(torch.tensor([[1], [3], [0]]), 5)

    def loss(x: torch.Tensor) -> torch.Tensor:
        h, total = x.new_zeros(1, 4), x.new_zeros(1)
        for t, target in enumerate([3, 0, 2]):
            both = torch.cat((letters[t].to(x) + x, h), 1)
            h = model["i2h"](both)
            out = F.dropout(model["o2o"](torch.cat((h, model["i2o"](both)), 1)), 0.1)
            total += F.nll_loss(out.log_softmax(1), torch.tensor([target]))
        return total

    return model, [torch.randn(1, 5)], loss


def seq2seq_with_attention() -> Program:
    model = nn.ModuleDict({
        "words": nn.Embedding(6, 4), "encoder": nn.GRU(4, 4, batch_first=True),
        "decoder": nn.GRU(8, 4, batch_first=True), "query": nn.Linear(4, 4),
        "key": nn.Linear(4, 4), "energy": nn.Linear(4, 1), "out": nn.Linear(4, 6),
    })  # fmt: skip
    given, wanted = torch.tensor([[1, 2, 3], [3, 4, 5]]), torch.tensor([[2, 1, 0], [1, 1, 4]])

    def loss() -> torch.Tensor:
        states, h = model["encoder"](model["words"](given))
        word, found = torch.zeros(2, 1, dtype=torch.long), []
        for _ in range(3):
            scores = model["energy"](
                torch.tanh(model["query"](h[0])[:, None] + model["key"](states))
            )
            context = torch.bmm(scores.softmax(1).mT, states)
            out, h = model["decoder"](torch.cat((model["words"](word), context), 2), h)
            found.append(model["out"](out))
            word = found[-1].topk(1).indices.squeeze(-1).detach()
        return F.cross_entropy(torch.cat(found, 1).view(-1, 6), wanted.view(-1))

    return model, [], loss


class Block(nn.Module):
    """A transformer's, causal; the attention by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.project = nn.Linear(8, 24), nn.Linear(8, 8)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8), nn.Dropout(0.1))
        self.register_buffer("mask", torch.tril(torch.ones(4, 4)).view(1, 1, 4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.qkv(self.first(x)).split(8, dim=2)
        q, k, v = (part.view(2, 4, 2, 4).transpose(1, 2) for part in parts)
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(4)
        scores = scores.masked_fill(self.mask == 0, float("-inf"))
        y = (F.dropout(scores.softmax(-1), 0.1) @ v).transpose(1, 2).contiguous().view(2, 4, 8)
        x = x + self.project(y)
        return x + self.mlp(self.second(x))


def gpt_with_tied_weights() -> Program:
    model = nn.ModuleDict({
        "words": nn.Embedding(7, 8), "places": nn.Embedding(4, 8), "block": Block(),
        "norm": nn.LayerNorm(8), "head": nn.Linear(8, 7, bias=False),
    })  # fmt: skip
    model["words"].weight = model["head"].weight
    words = torch.tensor([[1, 2, 3, 4], [0, 6, 5, 2]])

    def loss() -> torch.Tensor:
        x = model["block"](model["words"](words) + model["places"](torch.arange(4)))
        logits = model["head"](model["norm"](x))
        return F.cross_entropy(logits.view(-1, 7), words.roll(1).view(-1), ignore_index=0)

    return model, [], loss


def residual_block() -> Program:
    model = nn.ModuleDict({
        "one": nn.Conv2d(2, 3, 3, 2, 1, bias=False), "norm": nn.BatchNorm2d(3),
        "two": nn.Conv2d(3, 3, 3, padding=1, bias=False), "down": nn.Conv2d(2, 3, 1, 2),
        "head": nn.Linear(3, 4),
    })  # fmt: skip

    def loss(x: torch.Tensor) -> torch.Tensor:
        y = model["two"](F.relu(model["norm"](model["one"](x)), inplace=True))
        y += model["down"](x)
        y = torch.flatten(F.adaptive_avg_pool2d(F.relu(y, inplace=True), (1, 1)), 1)
        return F.cross_entropy(model["head"](y), torch.tensor([1, 3]))

    return model, [torch.randn(2, 2, 6, 6)], loss


def u_net() -> Program:
    model = nn.ModuleDict({
        "down": nn.Conv2d(1, 2, 3, padding=1), "middle": nn.Conv2d(2, 4, 3, padding=1),
        "up": nn.ConvTranspose2d(4, 2, 2, stride=2), "last": nn.Conv2d(8, 1, 3, padding=1),
    })  # fmt: skip

    def loss(x: torch.Tensor) -> torch.Tensor:
        a = F.relu(model["down"](x))
        b = F.relu(model["middle"](F.max_pool2d(a, 2)))
        wide = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=True)
        p = model["last"](torch.cat([a, model["up"](b), wide], 1))
        t = (x > 0).to(x)
        dice = 1 - (2 * (p.sigmoid() * t).sum() + 1) / (p.sigmoid().sum() + t.sum() + 1)
        return F.binary_cross_entropy_with_logits(p, t) + dice

    return model, [torch.randn(1, 1, 4, 4)], loss


def autoencoder_with_a_latent_draw() -> Program:
    model = nn.ModuleDict({"enc": nn.Linear(6, 4), "dec": nn.Linear(2, 6)})

    def loss(x: torch.Tensor) -> torch.Tensor:
        mu, logvar = model["enc"](x).chunk(2, -1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        rebuilt = F.binary_cross_entropy(model["dec"](z).sigmoid(), x.sigmoid(), reduction="sum")
        return rebuilt - 0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()

    return model, [torch.randn(3, 6)], loss


def adversarial_pair() -> Program:
    maker = nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3), nn.Tanh())
    judge = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2, inplace=True), nn.Linear(4, 1))

    def loss(real: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        yes, no = torch.ones(2, 1).to(z), torch.zeros(2, 1).to(z)
        f, made = F.binary_cross_entropy_with_logits, maker(z)
        return f(judge(real), yes) + f(judge(made.detach()), no) + f(judge(made), yes)

    return nn.ModuleList([maker, judge]), [torch.randn(2, 3), torch.randn(2, 2)], loss


def graph_attention() -> Program:
    model = nn.ModuleDict({"own": nn.Linear(3, 4), "score": nn.Linear(8, 1)})
    source, target = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])

    def loss(x: torch.Tensor) -> torch.Tensor:
        h = model["own"](x)
        e = F.leaky_relu(model["score"](torch.cat([h[source], h[target]], 1)).squeeze(1), 0.2)
        top = torch.full((4,), -1e9, dtype=x.dtype).scatter_reduce(0, target, e, "amax")
        weight = (e - top[target]).exp()
        weight = weight / x.new_zeros(4).scatter_add(0, target, weight)[target]
        out = torch.zeros_like(h).index_add_(0, target, weight[:, None] * h[source])
        return F.cross_entropy(out, torch.tensor([0, 1, 2, 3]))

    return model, [torch.randn(4, 3)], loss


def differential_equation() -> Program:
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))

    def loss(y: torch.Tensor) -> torch.Tensor:
        for _ in range(3):  # Heun's rule
            k = model(y)
            y = y + 0.05 * (k + model(y + 0.1 * k))
        return y.square().sum()

    return model, [torch.randn(2)], loss


def selective_scan() -> Program:
    model = nn.ModuleDict({"parts": nn.Linear(3, 5, bias=False), "dt": nn.Linear(1, 3)})
    model.register_parameter("log_a", nn.Parameter(torch.arange(1.0, 3).log().repeat(3, 1)))

    def loss(x: torch.Tensor) -> torch.Tensor:
        dt, b, c = model["parts"](x).split([1, 2, 2], -1)
        dt = F.softplus(model["dt"](dt))
        decay = torch.exp(torch.einsum("bld,dn->bldn", dt, -model.log_a.exp()))
        given = torch.einsum("bld,bln,bld->bldn", dt, b, x)
        h, ys = x.new_zeros(1, 3, 2), []
        for t in range(x.shape[1]):
            h = decay[:, t] * h + given[:, t]
            ys.append(torch.einsum("bdn,bn->bd", h, c[:, t]))
        return torch.stack(ys, 1).square().mean()

    return model, [torch.randn(1, 4, 3)], loss


def mixture_of_experts() -> Program:
    experts = nn.ModuleList(
        nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 4)) for _ in "123"
    )
    model = nn.ModuleDict({"router": nn.Linear(4, 3, bias=False), "experts": experts})

    def loss(x: torch.Tensor) -> torch.Tensor:
        logits = model["router"](x)
        top, chosen = torch.topk(logits, 2)
        weights, out = top.softmax(1), torch.zeros_like(x)
        for i, expert in enumerate(experts):
            row, nth = torch.where(chosen == i)
            out[row] += weights[row, nth, None] * expert(x[row])
        load = F.one_hot(chosen, 3).to(x).mean((0, 1))
        return out.square().mean() + 0.01 * (load * logits.softmax(-1).mean(0)).sum()

    return model, [torch.randn(4, 4)], loss


def conditional_random_field() -> Program:
    model = nn.ParameterDict({"moves": nn.Parameter(torch.randn(4, 4))})

    def loss(scores: torch.Tensor) -> torch.Tensor:
        moves, tags = model["moves"], [0, 1, 3]
        forward = scores[0]
        for row in scores[1:]:
            forward = torch.logsumexp(forward[:, None] + moves + row[None], 0)
        path = sum(scores[t, tag] for t, tag in enumerate(tags))
        return forward.logsumexp(0) - path - sum(moves[a, b] for a, b in pairwise(tags))

    return model, [torch.randn(3, 4)], loss


def contrastive_and_focal() -> Program:
    model = nn.Linear(4, 3)

    def loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        z = F.normalize(torch.cat([model(a), model(b)]), dim=1)
        alike = (z @ z.T / 0.5).masked_fill(torch.eye(6, dtype=torch.bool), -9e15)
        pairs = F.cross_entropy(alike, torch.arange(6).roll(3))
        each = F.cross_entropy(model(a), torch.tensor([0, 2, 1]), reduction="none")
        return pairs + ((1 - (-each).exp()) ** 2 * each).mean()

    return model, [torch.randn(3, 4), torch.randn(3, 4)], loss


def reparametrised_weights() -> Program:
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(3, 3)),
        parametrizations.spectral_norm(nn.Linear(3, 3)),
        parametrizations.orthogonal(nn.Linear(3, 3), orthogonal_map="matrix_exp"),
    ).eval()
    return model, [torch.randn(2, 3)], lambda x: (model(x) * x).square().mean()


def many_models_at_once() -> Program:
    models = nn.ModuleList(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)) for _ in "12")

    def loss(x: torch.Tensor) -> torch.Tensor:
        own = [dict(model.named_parameters()) for model in models]
        stacked = {name: torch.stack([p[name] for p in own]) for name in own[0]}

        def one(parameters: Any, x: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(models[0], parameters, (x,))

        return torch.vmap(one, in_dims=(0, None))(stacked, x).square().mean()

    return models, [torch.randn(4, 2)], loss


def policy_gradient() -> Program:
    model = nn.Linear(3, 2)

    def loss(x: torch.Tensor) -> torch.Tensor:
        policy = torch.distributions.Categorical(logits=model(x))
        action, gain = policy.sample(), torch.tensor([1.0, -1.0]).to(x)
        return -(policy.log_prob(action) * gain).mean() - 0.01 * policy.entropy().mean()

    return model, [torch.randn(2, 3)], loss


def beta_and_dirichlet() -> Program:
    model = nn.Linear(3, 3)

    def loss(x: torch.Tensor) -> torch.Tensor:
        p, y = F.softplus(model(x)) + 0.5, torch.tensor([[0.2, 0.3, 0.5]]).to(x)
        d = torch.distributions
        found = (d.Beta(p, p + 1), d.Gamma(p, p), d.Dirichlet(p), d.StudentT(p + 1))
        return -sum(one.log_prob(y).sum() for one in found)

    return model, [torch.randn(2, 3)], loss


def gaussian_process() -> Program:
    model = nn.ParameterDict({"length": nn.Parameter(torch.tensor(0.3))})

    def loss(x: torch.Tensor) -> torch.Tensor:
        kernel = torch.exp(-0.5 * torch.cdist(x, x) ** 2 / model["length"].exp() ** 2)
        factor = torch.linalg.cholesky(kernel + 0.5 * torch.eye(4).to(x))
        y = x.sum(1, keepdim=True).sin()
        return (
            0.5 * y.mT @ torch.cholesky_solve(y, factor)
        ).squeeze() + factor.diagonal().log().sum()

    return model, [torch.randn(4, 2)], loss


def learned_start_state() -> Program:
    model = nn.ModuleDict({"cell": nn.GRUCell(2, 3), "out": nn.Linear(3, 1)})
    model.register_parameter("h0", nn.Parameter(torch.randn(3)))

    def loss(x: torch.Tensor) -> torch.Tensor:
        h, outs = model.h0.expand(2, -1), []
        for step in x:
            h = model["cell"](step, h)
            outs.append(model["out"](h))
        return torch.stack(outs).square().mean()

    return model, [torch.randn(3, 2, 2)], loss


def projected_lstm_in_chunks() -> Program:
    model = nn.LSTM(3, 4, proj_size=2, num_layers=2, batch_first=True)

    def loss(x: torch.Tensor) -> torch.Tensor:
        state, total = None, x.new_zeros(())
        for chunk in x.split(2, 1):  # truncated backpropagation through time
            state = None if state is None else tuple(s.detach() for s in state)
            out, state = model(chunk, state)
            total = total + out.square().mean()
        return total

    return model, [torch.randn(1, 4, 3)], loss


PROGRAMS = [
    tutorial_char_rnn, seq2seq_with_attention, gpt_with_tied_weights, residual_block, u_net,
    autoencoder_with_a_latent_draw, adversarial_pair, graph_attention, differential_equation,
    selective_scan, mixture_of_experts, conditional_random_field, contrastive_and_focal,
    reparametrised_weights, many_models_at_once, policy_gradient, beta_and_dirichlet,
    gaussian_process, learned_start_state, projected_lstm_in_chunks,
]  # fmt: skip
