"""PyTorch with its own modules: nn.RNN, nn.LSTM, nn.Sequential."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

from ..problems import CharRNN, Moons
from . import Step

torch.set_num_threads(1)


def char_rnn(problem: CharRNN) -> Step:
    kind = nn.LSTM if problem.gates == 4 else nn.RNN
    net = kind(problem.vocabulary, problem.hidden, dtype=torch.float64)
    readout = nn.Linear(problem.hidden, problem.vocabulary, dtype=torch.float64)
    weights = [torch.tensor(w) for w in problem.weights().values()]
    second = net.bias_hh_l0  # torch adds two biases; the second one is not trained
    with torch.no_grad():
        own = [net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0, *readout.parameters()]
        for parameter, numbers in zip(own, weights):
            parameter.copy_(numbers)
        second.zero_().requires_grad_(False)
    x, targets = text(problem)

    def step() -> object:
        states, _ = net(x)
        loss = functional.cross_entropy(readout(states), targets, reduction="sum")
        return loss.item(), torch.autograd.grad(loss, own)

    return step


lstm = char_rnn


def moons(problem: Moons) -> Step:
    layers = [(torch.tensor(w), torch.tensor(b)) for w, b in problem.layers()]
    modules: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight, bias
        modules += [linear, nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    parameters = list(net.parameters())
    points, labels = (torch.tensor(array) for array in problem.data())
    steps = itertools.count()

    def step() -> object:
        optimizer.zero_grad()
        margins = torch.relu(1.0 - labels * net(points).squeeze(1))
        decay = torch.stack([(p * p).sum() for p in parameters]).sum()
        loss = margins.mean() + problem.alpha * decay
        loss.backward()
        optimizer.param_groups[0]["lr"] = problem.rate(next(steps))
        optimizer.step()
        return loss.item(), [p.grad for p in parameters]

    return step


def text(problem: CharRNN) -> tuple[torch.Tensor, torch.Tensor]:
    """One-hot inputs (steps, vocabulary) and target indices (steps,)."""
    letters, targets = problem.text()
    return torch.tensor(problem.one_hot(letters)), torch.tensor(targets)
