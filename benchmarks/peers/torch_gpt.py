"""microgpt in PyTorch, on arrays."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from ..problems import MicroGPT
from . import Step

torch.set_num_threads(1)


def microgpt(problem: MicroGPT) -> Step:
    weights, letters, targets, loss = parts(problem)

    def step() -> object:
        found = loss(*weights, letters, targets)
        return found.item(), torch.autograd.grad(found, weights)

    return step


def parts(problem: MicroGPT) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor, Any]:
    """Weights, letters, targets, and the loss as a function of all of them."""
    n, heads, size = problem.tokens, problem.heads, problem.width // problem.heads
    mask = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
    weights = [torch.tensor(w, requires_grad=True) for w in problem.weights().values()]
    letters, targets = (torch.tensor(indices) for indices in problem.text())

    def norm(x: torch.Tensor) -> torch.Tensor:
        return x * ((x * x).mean(dim=1, keepdim=True) + problem.epsilon).rsqrt()

    def loss(*given: torch.Tensor) -> torch.Tensor:
        table, places, query, key, value, out, up, down, head, letters, targets = given
        x = norm(functional.embedding(letters, table) + places[:n])
        y = norm(x)
        q, k, v = ((y @ w.T).view(n, heads, size).transpose(0, 1) for w in (query, key, value))
        scores = (q @ k.transpose(1, 2) * size**-0.5).masked_fill(mask, float("-inf"))
        x = x + (scores.softmax(-1) @ v).transpose(0, 1).reshape(n, -1) @ out.T
        x = x + torch.relu(norm(x) @ up.T) @ down.T
        return functional.cross_entropy(x @ head.T, targets)

    return weights, letters, targets, loss
