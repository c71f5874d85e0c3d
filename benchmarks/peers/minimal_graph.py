"""The smallest scalar node, rebuilt at every step."""

from __future__ import annotations

from ..minimal import Node
from ..problems import Expression
from . import Step


def expression(problem: Expression) -> Step:
    leaves = [Node(x) for x in problem.leaves()]

    def step() -> object:
        for leaf in leaves:
            leaf.grad = 0.0
        root = problem.build(leaves, Node.tanh)
        root.backward()
        return root.data, (leaf.grad for leaf in leaves)

    return step
