"""Calls that make a new array of the same entries, and those that make constants.

Views (transpose, select, expand, ...) are not here: they need no rule. A call that PyTorch
makes a copy of is: its entries are put where the copy has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays import Array
from .marks import chooses

__all__ = ["RULES"]


def _copy(a: Any, *_: Any, **__: Any) -> Array:
    return np.asarray(a).copy()


@chooses
def _reshaped(made: list[np.ndarray], a: Any, *_: Any, **__: Any) -> Array:
    """The entries in the same order, in the shape that PyTorch gave its copy."""
    return np.asarray(a).reshape(made[0].shape)


def _constant(*_: Any, **__: Any) -> None:
    """A new tensor that takes nothing but shape and kind from the ones given."""
    return


def _cat(arrays: Sequence[Any], dim: int = 0) -> Array:
    parts = [np.asarray(a) for a in arrays]
    parts = [a for a in parts if a.shape != (0,)]  # torch ignores empty vectors
    return np.concatenate([a.astype(object) for a in parts], axis=dim)


def _stack(arrays: Sequence[Any], dim: int = 0) -> Array:
    return np.stack([np.asarray(a, dtype=object) for a in arrays], axis=dim)


def _triangle(keep: Callable[..., Any]) -> Callable[..., Array]:
    def rule(a: Any, diagonal: int = 0) -> Array:
        given = np.asarray(a, dtype=object)
        kept = keep(np.ones(given.shape[-2:], dtype=bool), diagonal)
        return np.where(kept, given, 0.0)

    return rule


def _pad(a: Any, pads: Sequence[int], value: float = 0.0) -> Array:
    """Constants around the last axes, (before, after) from the last axis on; negative ones cut."""
    out = np.asarray(a, dtype=object)
    for i in range(len(pads) // 2):
        axis, before, after = out.ndim - 1 - i, pads[2 * i], pads[2 * i + 1]
        widths = [(0, 0)] * out.ndim
        widths[axis] = (max(before, 0), max(after, 0))
        out = np.pad(out, widths, constant_values=float(value or 0.0))
        cut = slice(max(-before, 0), out.shape[axis] - max(-after, 0))
        out = out[(slice(None),) * axis + (cut,)]
    return out


def _repeat(a: Any, times: Sequence[int]) -> Array:
    return np.tile(np.asarray(a, dtype=object), tuple(times))


def _roll(a: Any, shifts: Sequence[int], dims: Sequence[int] = ()) -> Array:
    given = np.asarray(a)
    if not dims:
        return np.roll(given, shifts[0])
    return np.roll(given, tuple(shifts), axis=tuple(dims))


def _flip(a: Any, dims: Sequence[int]) -> Array:
    return np.flip(np.asarray(a), axis=tuple(dims))


def _diag_embed(a: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Matrices with the lines of the last axis on a diagonal."""
    given = np.asarray(a, dtype=object)
    size = given.shape[-1] + abs(offset)
    out = np.full((*given.shape[:-1], size, size), 0.0, dtype=object)
    rows = np.arange(given.shape[-1])
    out[..., rows + max(-offset, 0), rows + max(offset, 0)] = given
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


def _bordered(mode: str, n: int) -> Callable[..., Array]:
    """A rule for a margin of the array's own entries around the last n axes; below 0 it cuts."""

    def rule(a: Any, pads: Sequence[int]) -> Array:
        given = np.asarray(a, dtype=object)
        sides = [(pads[2 * i], pads[2 * i + 1]) for i in range(n)][::-1]
        lead = [(0, 0)] * (given.ndim - n)
        wide = np.pad(given, [*lead, *((max(p, 0), max(q, 0)) for p, q in sides)], mode=mode)  # type: ignore[call-overload]
        cuts = [slice(max(-p, 0), wide.shape[i - n] - max(-q, 0)) for i, (p, q) in enumerate(sides)]
        out: Array = wide[(..., *cuts)]
        return out

    return rule


def _filled_with(a: Any, value: Any) -> Array:
    shape = np.shape(a)
    out = np.empty(shape, dtype=object)
    out[...] = np.asarray(value)[()] if np.ndim(value) == 0 else value
    return out


def _split_copies(a: Any, size: Any, dim: int = 0) -> list[Array]:
    """The parts of an array, each a copy of its own."""
    given = np.asarray(a)
    n = given.shape[dim]
    sizes = [size] * math.ceil(n / size) if isinstance(size, int) else list(size)
    return [part.copy() for part in np.split(given, np.cumsum(sizes)[:-1], axis=dim)]


def _packed(*_: Any) -> Any:
    raise NotImplementedError(
        "a packed sequence (give the layer a padded tensor, or sequences of one length)"
    )


RULES: dict[str, Callable[..., Any]] = {
    "_pack_padded_sequence": _packed,
    **dict.fromkeys(
        ["clone", "contiguous", "_to_copy", "detach_copy", "alias_copy", "lift_fresh_copy"], _copy
    ),
    **dict.fromkeys(
        ["_unsafe_view", "_reshape_copy", "view_copy", "_reshape_alias", "squeeze_copy",
         "unsqueeze_copy"],
        _reshaped,
    ),
    "permute_copy": lambda a, dims: np.transpose(np.asarray(a), dims).copy(),
    "transpose_copy": lambda a, i, j: np.swapaxes(np.asarray(a), i, j).copy(),
    "t_copy": lambda a: np.asarray(a).T.copy(),
    "diagonal_copy": lambda a, *args, **named: np.diagonal(
        np.asarray(a), *args, **{"axis" + k.removeprefix("dim"): v for k, v in named.items()}
    ).copy(),
    **dict.fromkeys(
        [
            "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like",
            "bernoulli_", "new_zeros", "new_ones", "new_full", "new_empty",
            "new_empty_strided", "normal_", "uniform_", "exponential_", "multinomial",
            "randint_like",
        ],
        _constant,
    ),
    "copy": lambda a, b, non_blocking=False: np.broadcast_to(np.asarray(b), np.shape(a)),
    "copy_to": lambda a, b: np.broadcast_to(np.asarray(b), np.shape(a)),
    "fill": _filled_with,
    "zero": lambda a: _filled_with(a, 0.0),
    "cat": _cat,
    "stack": _stack,
    "tril": _triangle(np.tril),
    "triu": _triangle(np.triu),
    "constant_pad_nd": _pad,
    "repeat": _repeat,
    "roll": _roll,
    "flip": _flip,
    "diag_embed": _diag_embed,
    **{f"reflection_pad{n}d": _bordered("reflect", n) for n in (1, 2, 3)},
    **{f"replication_pad{n}d": _bordered("edge", n) for n in (1, 2, 3)},
    "unsafe_split": _split_copies,
    "unsafe_split_with_sizes": _split_copies,
    "split_with_sizes_copy": _split_copies,
    "unsafe_chunk": lambda a, n, dim=0: _split_copies(a, -(-np.shape(a)[dim] // n), dim),
}  # fmt: skip
