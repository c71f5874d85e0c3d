"""CasADi: the loss and its reverse-mode gradient as one Function, called through buffers.

Sequences are matrices (MX); scalar expressions (SX) where there are no matrices, and where
the whole network is small enough to write out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import casadi as ca
import numpy as np

from ..problems import Array, CharRNN, Expression, Moons
from . import Step


def char_rnn(problem: CharRNN, **options: Any) -> Step:
    """Columns are steps. `options` are those of the Function."""
    weights = list(problem.weights().values())
    letters, targets = (problem.one_hot(indices).T for indices in problem.text())
    w_ih, w_hh, b, w_out, b_out = symbols = [ca.MX.sym("w", *_shape(w)) for w in weights]
    x, y = ca.MX.sym("x", *letters.shape), ca.MX.sym("y", *targets.shape)
    h = c = ca.MX.zeros(problem.hidden)
    states = []
    for z in ca.horzsplit(w_ih @ x + ca.repmat(b, 1, problem.steps)):
        h, c = _cell(problem, w_hh @ h + z, c)
        states.append(h)
    logits = w_out @ ca.horzcat(*states) + ca.repmat(b_out, 1, problem.steps)
    loss = ca.sum(ca.log(ca.sum1(ca.exp(logits)))) - ca.dot(y, logits)
    call = _differentiated(loss, symbols, [x, y], options)
    return lambda: call([*weights, letters, targets])


lstm = char_rnn


def moons(problem: Moons, **options: Any) -> Step:
    parameters = [p for layer in problem.layers() for p in layer]
    points, labels = problem.data()
    symbols = [ca.MX.sym("w", *_shape(p)) for p in parameters]
    x, y = ca.MX.sym("x", 2, problem.points), ca.MX.sym("y", 1, problem.points)
    h: Any = x
    for weight, bias in zip(symbols[:4:2], symbols[1:4:2]):
        h = _relu(weight @ h + ca.repmat(bias, 1, problem.points))
    scores = symbols[4] @ h + ca.repmat(symbols[5], 1, problem.points)
    margins = _relu(1.0 - y * scores)
    decay = sum(ca.sumsqr(p) for p in symbols)
    loss = ca.sum(margins) / problem.points + problem.alpha * decay
    call = _differentiated(loss, symbols, [x, y], options)
    steps = itertools.count()

    def step() -> object:
        value, gradients = call([*parameters, points.T, labels])
        rate = problem.rate(next(steps))
        for p, g in zip(parameters, gradients):
            p -= rate * g.reshape(p.shape, order="F")
        return value, gradients

    return step


def expression(problem: Expression, **options: Any) -> Step:
    numbers = np.array(problem.leaves())
    leaves = ca.SX.sym("x", len(numbers))
    loss = problem.build(ca.vertsplit(leaves), ca.tanh)
    call = _differentiated(loss, [leaves], [], options)
    return lambda: call([numbers])


def _cell(problem: CharRNN, a: Any, c: Any) -> tuple[Any, Any]:
    """The state (h, c) that follows."""
    if problem.gates == 1:
        return ca.tanh(a), c
    i, f, g, o = ca.vertsplit(a, problem.hidden)
    c = _sigmoid(f) * c + _sigmoid(i) * ca.tanh(g)
    return _sigmoid(o) * ca.tanh(c), c


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + ca.exp(-x))


def _relu(x: Any) -> Any:
    return x * (x > 0.0)  # fmax(x, 0) has slope 1/2 at 0


def _shape(array: Array) -> tuple[int, int]:
    return (array.shape[0], array.shape[1] if array.ndim > 1 else 1)


def _differentiated(
    loss: Any, parameters: Sequence[Any], inputs: Sequence[Any], options: dict[str, Any]
) -> Callable[[Sequence[Array]], tuple[float, list[Array]]]:
    """A call from arrays to (loss, gradients); matrices lie column by column."""
    gradients = [ca.densify(ca.gradient(loss, p)) for p in parameters]
    outputs = [loss, *gradients]
    function = ca.Function("step", [*parameters, *inputs], outputs, options)
    buffer, run = function.buffer()
    given = [np.zeros(symbol.numel()) for symbol in (*parameters, *inputs)]
    places = [g.reshape(symbol.shape, order="F") for g, symbol in zip(given, function.sx_in())]
    found = [np.zeros(function.numel_out(i)) for i in range(function.n_out())]
    for i, array in enumerate(given):
        buffer.set_arg(i, memoryview(array))
    for i, array in enumerate(found):
        buffer.set_res(i, memoryview(array))

    def call(arrays: Sequence[Array]) -> tuple[float, list[Array]]:
        for place, array in zip(places, arrays):
            place[...] = array.reshape(place.shape)
        run()
        return found[0].item(), found[1:]

    call.buffer = buffer  # `run` alone does not keep it alive
    return call
