"""Expressions in which some operands are plain numbers: what can be worked out is."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .rewrite import evaluate
from .tree import Expression, make, number

__all__ = ["simplified"]


def simplified(expression: Expression, numbers: Mapping[str, float]) -> Expression:
    """The expression with numbers in the place of some symbols, and worked out as far as it goes.

    What is all numbers becomes one; a factor or an exponent of 1 and an addend of 0 go; a branch
    whose condition is known is taken. For people to read: 0 times an infinity is gone as well.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> simplified(trace(ops.POW).derivatives[0], {"b": 2.0})
    2·a
    """
    kind = expression.kind
    if kind in ("symbol", "element"):
        known = numbers.get(expression.args[0])
        return expression if known is None else number(known)
    if kind == "number":
        return expression
    args = [simplified(x, numbers) for x in expression.args]
    constants = [x.args[0] if x.kind == "number" else math.nan for x in args]
    if kind == "where" and constants[0] == constants[0]:
        return args[1] if constants[0] else args[2]
    made = make(kind, *args)
    if all(x == x for x in constants) and not made.is_elementwise:
        return number(evaluate(made, {}))
    if kind == "multiply" and 1.0 in constants:
        return args[1 - constants.index(1.0)]
    if kind == "power" and constants[1] == 1.0:
        return args[0]
    if kind in ("add", "subtract") and constants[1] == 0.0:
        return args[0]
    return args[1] if kind == "add" and constants[0] == 0.0 else made
