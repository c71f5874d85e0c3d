"""Our tape on compiled kernels: recorded once, replayed with the numbers of every call."""

from __future__ import annotations

import itertools

import numpy as np

from microgrid import Value
from microgrid.tape import Tape

from ..problems import CharRNN, Expression, MicroGPT, Moons
from . import Step
from .ours_graphs import MoonsGraph, recording


def char_rnn(problem: CharRNN | MicroGPT, engine: str = "compiled") -> Step:
    record, leaves, numbers = recording(problem)
    tape = Tape(record(), leaves, engine=engine)
    parameters = tape.parameters()

    def step() -> object:
        loss = tape.forward(numbers)
        tape.backward(inputs=False)
        return loss, (p.grad for p in parameters)

    return step


lstm = microgpt = char_rnn


def moons(problem: Moons, engine: str = "compiled") -> Step:
    """One point is recorded; the points are a batch, whose mean the tape takes."""
    graph = MoonsGraph(problem)
    x, y = [Value(0.0), Value(0.0)], Value(1.0)
    tape = Tape(graph.loss([x], [y]), [*x, y], reduction="mean", engine=engine)
    points, labels = problem.data()
    return descent(tape, np.column_stack([points, labels]), problem)


def descent(tape: Tape, numbers: object, problem: Moons) -> Step:
    """Forward, backward, SGD."""
    parameters = tape.parameters()
    steps = itertools.count()

    def step() -> object:
        loss = tape.forward(numbers)
        tape.backward(inputs=False)
        rate = problem.rate(next(steps))
        for p in parameters:
            p.data -= rate * p.grad
        return loss, (p.grad for p in parameters)

    return step


def expression(problem: Expression, engine: str = "compiled") -> Step:
    leaves = [Value(x) for x in problem.leaves()]
    tape = Tape(problem.build(leaves, Value.tanh), engine=engine)
    (parameter,) = tape.parameters()
    numbers = np.array([leaf.data for leaf in parameter.values])

    def step() -> object:
        parameter.data = numbers
        loss = tape.forward()
        tape.backward()
        return loss, [parameter.grad]

    return step
