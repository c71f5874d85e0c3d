"""The smallest scalar node, rebuilt at every step."""

from __future__ import annotations

from ..minimal import Node
from ..problems import Expression
from . import Step
from .scalar import expression_step


def expression(problem: Expression) -> Step:
    return expression_step(problem, Node, Node.tanh)
