"""Our tape of a program written for micrograd, unchanged: + * relu, all points in one graph."""

from __future__ import annotations

from microgrid.tape import Tape

from ..problems import Moons
from . import Step
from .ours import descent
from .ours_graphs import recording


def moons(problem: Moons) -> Step:
    record, leaves, numbers = recording(problem)
    return descent(Tape(record(), leaves), numbers, problem)
