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

from . import (
    indexing,
    linalg,
    losses,
    matrices,
    normalisation,
    pointwise,
    pooling,
    reductions,
    shapes,
    special,
)

__all__ = ["DECOMPOSED", "RULES", "Rule", "rule_for"]

Rule: TypeAlias = Callable[..., Any]

RULES: dict[str, Rule] = {
    **pointwise.RULES,
    **reductions.RULES,
    **shapes.RULES,
    **indexing.RULES,
    **matrices.RULES,
    **normalisation.RULES,
    **losses.RULES,
    **pooling.RULES,
    **linalg.RULES,
    **special.RULES,
}

# Calls without a rule that are recorded as the calls which PyTorch takes them apart into.
DECOMPOSED = frozenset([
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
    "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d",
    "grid_sampler_2d", "im2col", "col2im", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
    "rot90", "slice_scatter", "select_scatter", "diagonal_scatter", "block_diag", "linalg_cross",
    "_weight_norm_interface", "_unsafe_masked_index", "_unsafe_masked_index_put_accumulate",
    "renorm", "affine_grid_generator",
])  # fmt: skip


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
