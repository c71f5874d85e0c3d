"""Our tape of a program written for micrograd, unchanged: + * relu, all points in one graph."""

from __future__ import annotations

import numpy as np

from microgrid import Value
from microgrid.tape import Tape

from ..problems import Moons
from . import Step
from .ours import descent
from .scalar import PlainMoons


def moons(problem: Moons) -> Step:
    graph = PlainMoons(problem, Value)
    points, labels = problem.data()
    leaves = [[Value(x) for x in point] for point in points.tolist()]
    tape = Tape(graph.loss(leaves, labels.tolist()), leaves)
    return descent(tape, np.array(points), problem)
