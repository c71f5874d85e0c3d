"""micrograd: the graph is built anew at every step, as its demo does."""

from __future__ import annotations

import itertools

from micrograd.engine import Value

from .. import micrograd_ops
from ..problems import CharRNN, Expression, MicroGPT, Moons
from . import Step
from .scalar import PlainMoons, PlainSequence, expression_step, gpt_step


def char_rnn(problem: CharRNN) -> Step:
    graph = PlainSequence(problem, Value, micrograd_ops)
    letters, targets = problem.text()
    inputs = problem.one_hot(letters).tolist()

    def step() -> object:
        for p in graph.parameters:
            p.grad = 0
        loss = graph.loss(inputs, targets)
        loss.backward()
        return loss.data, (p.grad for p in graph.parameters)

    return step


lstm = char_rnn


def moons(problem: Moons) -> Step:
    graph = PlainMoons(problem, Value)
    points, labels = (array.tolist() for array in problem.data())
    steps = itertools.count()

    def step() -> object:
        for p in graph.parameters:
            p.grad = 0
        loss = graph.loss([[Value(x) for x in point] for point in points], labels)
        loss.backward()
        rate = problem.rate(next(steps))
        for p in graph.parameters:
            p.data -= rate * p.grad
        return loss.data, (p.grad for p in graph.parameters)

    return step


def expression(problem: Expression) -> Step:
    return expression_step(problem, Value, micrograd_ops.tanh)


def microgpt(problem: MicroGPT) -> Step:
    return gpt_step(problem, Value, micrograd_ops.exp, micrograd_ops.log)
