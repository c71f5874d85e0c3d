"""torch.compile of the whole loss: Inductor's own kernels, forward and backward."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from ..problems import CharRNN, Expression, MicroGPT, Moons
from . import Step, torch_gpt

torch.set_num_threads(1)


def _step(loss: Callable[..., Any], weights: list[torch.Tensor], *data: torch.Tensor) -> Step:
    compiled: Callable[..., Any] = torch.compile(loss, fullgraph=True, dynamic=False)

    def step() -> object:
        found = compiled(*weights, *data)
        return found.item(), torch.autograd.grad(found, weights)

    return step


def char_rnn(problem: CharRNN) -> Step:
    size = problem.hidden

    def loss(w_ih: Any, w_hh: Any, b: Any, w_out: Any, b_out: Any, x: Any, targets: Any) -> Any:
        h = c = torch.zeros(size, dtype=torch.float64)
        states = []
        for z in functional.linear(x, w_ih, b).unbind():
            a = functional.linear(h, w_hh, z)
            if problem.gates == 1:
                h = torch.tanh(a)
            else:
                i, f, g, o = a.chunk(4)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        logits = functional.linear(torch.stack(states), w_out, b_out)
        return functional.cross_entropy(logits, targets, reduction="sum")

    weights = [torch.tensor(w, requires_grad=True) for w in problem.weights().values()]
    letters, targets = problem.text()
    return _step(loss, weights, torch.tensor(problem.one_hot(letters)), torch.tensor(targets))


lstm = char_rnn


def moons(problem: Moons) -> Step:
    parameters = [torch.tensor(p, requires_grad=True) for layer in problem.layers() for p in layer]
    points, labels = (torch.tensor(array) for array in problem.data())

    def loss(*given: Any) -> Any:
        w1, b1, w2, b2, w3, b3, points, labels = given
        x = torch.relu(functional.linear(points, w1, b1))
        scores = functional.linear(torch.relu(functional.linear(x, w2, b2)), w3, b3).squeeze(1)
        decay = sum((p * p).sum() for p in given[:6])
        return torch.relu(1.0 - labels * scores).mean() + problem.alpha * decay

    forward = _step(loss, parameters, points, labels)
    steps = itertools.count()

    def step() -> object:
        value, gradients = forward()
        rate = problem.rate(next(steps))
        with torch.no_grad():
            for p, g in zip(parameters, gradients):
                p -= rate * g
        return value, gradients

    return step


def microgpt(problem: MicroGPT) -> Step:
    weights, letters, targets, loss = torch_gpt.parts(problem)
    return _step(loss, weights, letters, targets)


def expression(problem: Expression) -> Step:
    """All leaves are one array, so that Inductor has one input and one gradient."""
    leaves = torch.tensor(problem.leaves(), requires_grad=True, dtype=torch.float64)
    return _step(lambda given: problem.build(given.unbind(), torch.tanh), [leaves])
