"""PyTorch with a Python loop over the steps or nodes, as one writes a cell of one's own."""

from __future__ import annotations

import torch
from torch.nn import functional

from ..problems import CharLSTM, CharRNN, Expression
from . import Step
from .torch_nn import text

torch.set_num_threads(1)


def char_rnn(problem: CharRNN) -> Step:
    w_ih, w_hh, b, w_out, b_out = parameters = _parameters(problem)
    x, targets = text(problem)

    def step() -> object:
        h = torch.zeros(problem.hidden, dtype=torch.float64)
        states = []
        for z in functional.linear(x, w_ih, b).unbind():
            h = torch.tanh(functional.linear(h, w_hh, z))
            states.append(h)
        logits = functional.linear(torch.stack(states), w_out, b_out)
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        return loss.item(), torch.autograd.grad(loss, parameters)

    return step


def lstm(problem: CharLSTM) -> Step:
    w_ih, w_hh, b, w_out, b_out = parameters = _parameters(problem)
    x, targets = text(problem)

    def step() -> object:
        h = c = torch.zeros(problem.hidden, dtype=torch.float64)
        states = []
        for z in functional.linear(x, w_ih, b).unbind():
            i, f, g, o = functional.linear(h, w_hh, z).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        logits = functional.linear(torch.stack(states), w_out, b_out)
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        return loss.item(), torch.autograd.grad(loss, parameters)

    return step


def expression(problem: Expression) -> Step:
    """A tensor without axes per node."""
    leaves = [torch.tensor(x, requires_grad=True, dtype=torch.float64) for x in problem.leaves()]

    def step() -> object:
        root = problem.build(leaves, torch.tanh)
        found = torch.autograd.grad(root, leaves, allow_unused=True)
        return root.item(), [0.0 if gradient is None else gradient for gradient in found]

    return step


def _parameters(problem: CharRNN) -> list[torch.Tensor]:
    return [torch.tensor(w, requires_grad=True) for w in problem.weights().values()]
