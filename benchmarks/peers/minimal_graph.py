"""The smallest scalar node, rebuilt at every step."""

from __future__ import annotations

from ..minimal import Node
from ..problems import Expression, MicroGPT
from . import Step
from .scalar import expression_step, gpt_step


def expression(problem: Expression) -> Step:
    return expression_step(problem, Node, Node.tanh)


def microgpt(problem: MicroGPT) -> Step:
    return gpt_step(problem, Node, Node.exp, Node.log)
