"""Our engine without a tape: every step records its graph anew."""

from __future__ import annotations

import itertools

from microgrid import Value

from ..problems import CharRNN, Expression, MicroGPT, Moons
from . import Step
from .ours_graphs import GPTGraph, MoonsGraph, SequenceGraph


def char_rnn(problem: CharRNN) -> Step:
    return _sequence(problem, SequenceGraph(problem))


lstm = char_rnn


def microgpt(problem: MicroGPT) -> Step:
    return _sequence(problem, GPTGraph(problem))


def _sequence(problem: CharRNN | MicroGPT, graph: SequenceGraph | GPTGraph) -> Step:
    letters, targets = (problem.one_hot(indices).tolist() for indices in problem.text())

    def step() -> object:
        for p in graph.parameters:
            p.grad = None
        loss = graph.loss(letters, targets)
        loss.backward()
        return loss, (p.grad or 0.0 for p in graph.parameters)

    return step


def moons(problem: Moons) -> Step:
    graph = MoonsGraph(problem)
    points, labels = (array.tolist() for array in problem.data())
    steps = itertools.count()

    def step() -> object:
        for p in graph.parameters:
            p.grad = None
        loss = graph.loss(points, labels)
        loss.backward()
        rate = problem.rate(next(steps))
        for p in graph.parameters:
            p.data -= rate * (p.grad or 0.0)
        return loss, (p.grad for p in graph.parameters)

    return step


def expression(problem: Expression) -> Step:
    leaves = [Value(x) for x in problem.leaves()]

    def step() -> object:
        for leaf in leaves:
            leaf.grad = None
        root = problem.build(leaves, Value.tanh)
        root.backward()
        return root, (leaf.grad or 0.0 for leaf in leaves)

    return step
