"""HIPS autograd: NumPy in matrices, a Python loop over the steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import autograd.numpy as np
from autograd import value_and_grad

from ..problems import CharRNN, Moons
from . import Step


def char_rnn(problem: CharRNN) -> Step:
    def states(z: Any, w_hh: Any) -> list[Any]:
        h, found = np.zeros(problem.hidden), []
        for t in range(problem.steps):
            h = np.tanh(np.dot(w_hh, h) + z[t])
            found.append(h)
        return found

    return _sequence(problem, states)


def lstm(problem: CharRNN) -> Step:
    size = problem.hidden

    def sigmoid(x: Any) -> Any:
        return 0.5 + 0.5 * np.tanh(0.5 * x)

    def states(z: Any, w_hh: Any) -> list[Any]:
        h, c, found = np.zeros(size), np.zeros(size), []
        for t in range(problem.steps):
            a = np.dot(w_hh, h) + z[t]
            squashed = sigmoid(a)
            c = squashed[size : 2 * size] * c + squashed[:size] * np.tanh(a[2 * size : 3 * size])
            h = squashed[3 * size :] * np.tanh(c)
            found.append(h)
        return found

    return _sequence(problem, states)


def _sequence(problem: CharRNN, states: Callable[[Any, Any], list[Any]]) -> Step:
    weights = tuple(problem.weights().values())
    letters, targets = problem.text()
    x, every = problem.one_hot(letters), np.arange(problem.steps)

    def loss(weights: Any, x: Any, targets: Any) -> Any:
        w_ih, w_hh, b, w_out, b_out = weights
        h = np.stack(states(np.dot(x, w_ih.T) + b, w_hh))
        logits = np.dot(h, w_out.T) + b_out
        shifted = logits - logits.max(axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[every, targets])

    differentiated = value_and_grad(loss)
    return lambda: differentiated(weights, x, targets)


def moons(problem: Moons) -> Step:
    parameters = [p for layer in problem.layers() for p in layer]
    points, labels = problem.data()

    def relu(x: Any) -> Any:  # maximum(x, 0) has slope 1/2 at 0
        return x * (x > 0.0)

    def loss(parameters: Any, points: Any, labels: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        h = relu(np.dot(points, w1.T) + b1)
        h = relu(np.dot(h, w2.T) + b2)
        margins = relu(1.0 - labels * (np.dot(h, w3[0]) + b3))
        return np.mean(margins) + problem.alpha * sum(np.sum(p * p) for p in parameters)

    differentiated = value_and_grad(loss)
    steps = itertools.count()

    def step() -> object:
        value, gradients = differentiated(parameters, points, labels)
        rate = problem.rate(next(steps))
        for p, g in zip(parameters, gradients):
            p -= rate * g
        return value, gradients

    return step
