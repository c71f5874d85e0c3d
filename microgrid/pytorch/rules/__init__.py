"""How each call of PyTorch's aten library is recorded: one small entry per call.

A rule is called as the aten function is, with arrays of Values in the place of tensors, and
returns the array (or one array for each output) that PyTorch's tensor stands for. The name is
aten's, with the overload where overloads differ ("max.dim"); a call that works in place
("add_") is the rule of its name without the underscore, written back. Views need no rule: a
tensor's array is a view of its storage's array. `chooses` marks a rule that takes what only
PyTorch knows (the mask of a dropout, the places of a maximum) from PyTorch's own output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from . import indexing, losses, matrices, normalisation, pointwise, reductions, shapes

__all__ = ["RULES", "Rule", "rule_for"]

Rule: TypeAlias = Callable[..., Any]

RULES: dict[str, Rule] = {
    **pointwise.RULES,
    **reductions.RULES,
    **shapes.RULES,
    **indexing.RULES,
    **matrices.RULES,
    **normalisation.RULES,
    **losses.RULES,
}


def rule_for(name: str, overload: str = "") -> Rule | None:
    """The rule of an aten call, None where there is none.

    >>> rule_for("add_", "Tensor") is rule_for("add", "Tensor")
    True
    >>> rule_for("no_such_call") is None
    True
    """
    for key in (f"{name}.{overload}", name):
        if key in RULES:
            return RULES[key]
    if name.endswith("_") and not name.startswith("_"):
        return rule_for(name.removesuffix("_"), overload)
    return None
