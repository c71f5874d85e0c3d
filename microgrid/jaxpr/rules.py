"""How each primitive of JAX is recorded: its arrays, then its parameters by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .. import ops
from ..arrays import (
    Array,
    apply,
    atan2,
    by_line,
    extreme,
    filled,
    guard,
    logsumexp,
    matmul,
    numbers,
    pointwise,
    product,
    reduced,
    total,
)  # fmt: skip
from ..gamma import log_gamma, polygamma
from ..ops import Op, by_name
from .linear import LINEAR
from .windows import WINDOWS

__all__ = ["RULES", "Rule"]

Rule = Callable[..., Any]


def _op(op: Op) -> Rule:
    return lambda *arrays, **_: pointwise(op, *arrays)


def _compared(test: Callable[..., Any]) -> Rule:
    """A comparison. A Tape of the graph holds its own numbers against the outcome."""

    def rule(*arrays: Any, **_: Any) -> Any:
        if len(arrays) == 2:
            guard(test.__name__, *arrays)
        return test(*[numbers(a) for a in arrays])

    return rule


def _dot_general(a: Any, b: Any, dimension_numbers: Any, **_: Any) -> Array:
    """Products of matrices, batch axes first, as lax.dot_general."""
    (sum_a, sum_b), (batch_a, batch_b) = dimension_numbers
    rows_of = [i for i in range(np.ndim(a)) if i not in (*sum_a, *batch_a)]
    columns_of = [i for i in range(np.ndim(b)) if i not in (*sum_b, *batch_b)]
    left = np.transpose(a, (*batch_a, *rows_of, *sum_a))
    right = np.transpose(b, (*batch_b, *sum_b, *columns_of))
    batch = left.shape[: len(batch_a)]
    rows = left.shape[len(batch) : len(batch) + len(rows_of)]
    columns = right.shape[len(batch) + len(sum_b) :]
    inner = math.prod(left.shape[len(batch) + len(rows_of) :])
    left = left.reshape(math.prod(batch), math.prod(rows), inner)
    right = right.reshape(math.prod(batch), inner, math.prod(columns))
    products = [matmul(x, y) for x, y in zip(left, right)]
    return np.stack(products).reshape((*batch, *rows, *columns))


def _broadcast(a: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Any:
    given = np.asarray(a)
    wide = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, given.shape):
        wide[axis] = size
    return np.broadcast_to(given.reshape(wide), shape)


def _power(a: Any, b: Any = None, y: Any = None, **_: Any) -> Any:
    exponent = b if b is not None else y
    whole = np.asarray(exponent)
    return pointwise(ops.POW, a, whole.astype(float) if whole.dtype != object else whole)


def _reduction(f: Callable[[list[Any]], Any]) -> Rule:
    def rule(a: Any, axes: Sequence[int], **_: Any) -> Any:
        return reduced(a, list(axes), False, f) if axes else a

    return rule


def _select(which: Any, *cases: Any, **_: Any) -> Array:
    together = np.broadcast_arrays(which, *cases)
    columns = [array.ravel().tolist() for array in together]
    return filled(together[0].shape, [row[1 + int(row[0])] for row in zip(*columns)])


def _slice(a: Any, start_indices: Any, limit_indices: Any, strides: Any = None, **_: Any) -> Any:
    steps = strides or [1] * np.ndim(a)
    return np.asarray(a)[tuple(map(slice, start_indices, limit_indices, steps))]


def _constant(a: Any) -> Array:
    """The numbers alone: no gradient passes."""
    return numbers(a)


def _running(f: Callable[[list[Any]], Any]) -> Rule:
    """f of two entries, along an axis: of what was found so far and of the next one."""

    def rule(a: Any, axis: int, reverse: bool, **_: Any) -> Array:
        def line(xs: list[Any]) -> list[Any]:
            found = list(accumulate(xs[::-1] if reverse else xs, lambda x, y: f([x, y])))
            return found[::-1] if reverse else found

        return by_line(a, axis, line)

    return rule


def _argument(largest: bool) -> Rule:
    def rule(a: Any, axes: Sequence[int], **_: Any) -> Any:
        (axis,) = axes
        return (np.argmax if largest else np.argmin)(numbers(a), axis=axis)

    return rule


def _split(a: Any, sizes: Sequence[int], axis: int, **_: Any) -> list[Any]:
    return np.split(np.asarray(a), np.cumsum(sizes)[:-1], axis=axis)


def _sort(*arrays: Any, dimension: int, num_keys: int, **_: Any) -> list[Any]:
    """Entries in the order of their numbers: a choice that these numbers make."""
    keys = [numbers(a) for a in arrays[:num_keys]]
    order = np.lexsort(keys[::-1], axis=dimension)
    return [np.take_along_axis(np.asarray(a), order, dimension) for a in arrays]


def _top_k(a: Any, k: int, axis: int = -1, **_: Any) -> list[Any]:
    order = np.argsort(-numbers(a), axis=axis, kind="stable")
    chosen = np.take(order, np.arange(k), axis)
    return [np.take_along_axis(np.asarray(a), chosen, axis), chosen]


def _remainder(a: Any, b: Any, **_: Any) -> Array:
    """a - b trunc(a / b), the whole number a constant."""
    whole = np.trunc(numbers(a) / numbers(b))
    return pointwise(ops.SUB, a, pointwise(ops.MUL, b, whole))


def _converted(a: Any, new_dtype: Any, **_: Any) -> Any:
    """Floats stay what they are; an integer made of one has no gradient."""
    if np.issubdtype(new_dtype, np.complexfloating):
        raise NotImplementedError("from_jax: complex numbers are not recorded, only real ones")
    return a if np.issubdtype(new_dtype, np.floating) else numbers(a).astype(new_dtype)


def _each(f: Callable[[Any], Any], a: Any) -> Array:
    given = np.asarray(a)
    return filled(given.shape, map(f, given.ravel().tolist()))


RULES: dict[str, Rule] = {
    "add": _op(ops.ADD), "add_any": _op(ops.ADD), "sub": _op(ops.SUB), "mul": _op(ops.MUL),
    "div": _op(ops.DIV), "neg": _op(ops.NEG), "abs": _op(ops.ABS), "max": _op(ops.MAXIMUM),
    "min": _op(ops.MINIMUM), "exp": _op(ops.EXP), "exp2": _op(by_name("exp2")),
    "expm1": _op(ops.EXPM1), "log": _op(ops.LOG), "log1p": _op(ops.LOG1P), "sqrt": _op(ops.SQRT),
    "rsqrt": lambda a, **_: pointwise(ops.DIV, 1.0, pointwise(ops.SQRT, a)),
    "tanh": _op(ops.TANH), "logistic": _op(ops.SIGMOID), "sin": _op(ops.SIN), "cos": _op(ops.COS),
    "tan": _op(by_name("tan")), "erf": _op(by_name("erf")),
    "erfc": lambda a, **_: pointwise(ops.SUB, 1.0, pointwise(by_name("erf"), a)),
    "sinh": _op(by_name("sinh")),
    "cosh": _op(by_name("cosh")), "atan": _op(by_name("atan")),
    "square": lambda a, **_: _power(a, 2), "pow": _power, "integer_pow": _power,
    "sign": lambda a, **_: np.sign(numbers(a)), "floor": lambda a, **_: np.floor(numbers(a)),
    "round": lambda a, **_: np.round(numbers(a)),
    "clamp": lambda low, x, high, **_: pointwise(
        ops.MINIMUM, pointwise(ops.MAXIMUM, x, low), high
    ),
    "dot_general": _dot_general,
    "transpose": lambda a, permutation, **_: np.transpose(a, permutation),
    "reshape": lambda a, new_sizes, **_: np.reshape(a, new_sizes),
    "squeeze": lambda a, dimensions, **_: np.squeeze(a, tuple(dimensions)),
    "expand_dims": lambda a, dimensions, **_: np.expand_dims(a, tuple(dimensions)),
    "broadcast_in_dim": _broadcast,
    "rev": lambda a, dimensions, **_: np.flip(a, tuple(dimensions)),
    "concatenate": lambda *xs, dimension, **_: np.concatenate(xs, dimension),
    "slice": _slice, "split": _split, "sort": _sort, "top_k": _top_k, "rem": _remainder,
    "atan2": lambda a, b, **_: atan2(a, b), "reduce_prod": _reduction(product),
    "select_n": _select,
    "reduce_sum": _reduction(total), "reduce_max": _reduction(extreme),
    "reduce_min": _reduction(lambda xs: extreme(xs, largest=False)),
    "argmax": _argument(True), "argmin": _argument(False),
    "cumsum": _running(lambda xs: apply(ops.ADD, xs)),
    "cumprod": _running(lambda xs: apply(ops.MUL, xs)),
    "cummax": _running(lambda xs: apply(ops.MAXIMUM, xs)),
    "cummin": _running(lambda xs: apply(ops.MINIMUM, xs)),
    "cumlogsumexp": _running(logsumexp),
    "stop_gradient": lambda a, **_: _constant(a), "copy": lambda a, **_: a,
    "copy_p": lambda a, **_: a,
    "convert_element_type": _converted, "reduce_precision": lambda a, **_: a,
    "is_finite": _compared(np.isfinite), "gt": _compared(np.greater), "lt": _compared(np.less),
    "ge": _compared(np.greater_equal), "le": _compared(np.less_equal), "eq": _compared(np.equal),
    "ne": _compared(np.not_equal), "lt_to": _compared(np.less), "le_to": _compared(np.less_equal),
    "eq_to": _compared(np.equal),
    "asin": _op(by_name("asin")), "acos": _op(by_name("acos")), "asinh": _op(by_name("asinh")),
    "acosh": _op(by_name("acosh")), "atanh": _op(by_name("atanh")),
    "cbrt": lambda a, **_: pointwise(
        ops.MUL, np.sign(numbers(a)), _power(pointwise(ops.ABS, a), 1.0 / 3.0)
    ),
    **WINDOWS,
    **LINEAR,
    "lgamma": lambda a, **_: _each(log_gamma, a),
    "digamma": lambda a, **_: _each(lambda x: polygamma(0, x), a),
    "polygamma": lambda n, a, **_: _each(lambda x: polygamma(int(np.ravel(n)[0]), x), a),
}  # fmt: skip
