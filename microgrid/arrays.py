"""Arrays of Values: what NumPy does to numbers, recorded entry by entry.

An array is an `ndarray` of objects whose entries are Values and plain floats, or an ordinary
array of numbers, which then are constants. What other libraries compute on tensors is recorded
through these functions: PyTorch's calls and JAX's primitives are a line each in a table of
theirs. An entry without a Value among its operands stays a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from . import ops
from .ops import FLOAT, Op
from .value import Operand, Value, compare, record, record_rows

__all__ = [
    "Array", "apply", "atan2", "by_line", "data", "dot", "extreme", "filled", "guard", "linear",
    "logsumexp", "matmul", "mean", "numbers", "pointwise", "product", "reduced", "softmax", "total",
    "windows",
]  # fmt: skip

Array: TypeAlias = np.ndarray


def filled(shape: Sequence[int], entries: Iterable[Any]) -> Array:
    """An array of objects of this shape with these entries in row order.

    >>> filled((1, 2), [Value(1.0), 2.0]).tolist()
    [[Value(1.0), 2.0]]
    """
    found = list(entries)
    flat = np.empty(len(found), dtype=object)
    flat[:] = found
    return flat.reshape(shape)


def numbers(array: Any) -> np.ndarray:
    """The numbers behind an array of Values, as floats.

    >>> numbers(filled((2,), [Value(1.0), 2.0])).tolist()
    [1.0, 2.0]
    """
    given = np.asarray(array)
    if given.dtype != object:
        return given
    flat = [x.data if x.__class__ is Value else x for x in given.ravel().tolist()]
    return np.array(flat, dtype=float).reshape(given.shape)


def data(x: Operand) -> float:
    """The number of an entry."""
    return x.data if isinstance(x, Value) else float(x)


def apply(op: Op, operands: Sequence[Operand]) -> Operand:
    """The row `op` applied to entries: a node where a Value is among them, else a number.

    >>> apply(ops.ADD, [1.0, 2.0]), apply(ops.ADD, [Value(1.0), 2.0])
    (3.0, Value(3.0, op=add))
    """
    for x in operands:
        if x.__class__ is Value:
            return record(op, operands)
    number: float = op.evaluate(FLOAT, [float(x) for x in operands])
    return number


def pointwise(op: Op, *arrays: Any) -> Array:
    """The row `op` at every place of arrays that are broadcast against each other.

    >>> pointwise(ops.MUL, filled((2,), [Value(2.0), Value(3.0)]), 10.0).tolist()
    [Value(20.0, op=mul), Value(30.0, op=mul)]
    """
    together = np.broadcast_arrays(*arrays)
    columns = [array.ravel().tolist() for array in together]
    return filled(together[0].shape, [apply(op, operands) for operands in zip(*columns)])


def total(xs: Sequence[Operand]) -> Operand:
    """The sum of entries as one node.

    >>> total([Value(1.0), 2.0, 3.0])
    Value(6.0, op=sum)
    """
    return xs[0] if len(xs) == 1 else apply(ops.SUM, xs) if len(xs) else 0.0


def product(xs: Sequence[Operand]) -> Operand:
    """x_1 x_2 ... x_n, a chain of products.

    >>> product([Value(2.0), 3.0, 4.0])
    Value(24.0, op=mul)
    """
    out = xs[0] if len(xs) else 1.0
    for x in xs[1:]:
        out = apply(ops.MUL, [out, x])
    return out


def atan2(a: Any, b: Any) -> Array:
    """The angle of the points (b, a): atan of the smaller over the larger, and a constant.

    >>> float(atan2(filled((), [Value(1.0)]), -1.0)[()]) == math.atan2(1.0, -1.0)
    True
    """
    a, b = np.broadcast_arrays(np.asarray(a), np.asarray(b))
    found = []
    for p, q in zip(a.ravel().tolist(), b.ravel().tolist()):
        y, x = data(p), data(q)
        flat = abs(y) <= abs(x)
        angle = apply(ops.ATAN, [apply(ops.DIV, [p, q] if flat else [q, p])])
        if flat:
            found.append(apply(ops.ADD, [angle, math.copysign(math.pi, y)]) if x < 0 else angle)
        else:
            found.append(apply(ops.SUB, [math.copysign(math.pi / 2, y), angle]))
    return filled(a.shape, found)


def guard(name: str, left: Any, right: Any) -> None:
    """Remember comparisons, "less" or "equal", so that a Tape of them takes the same branch."""
    lefts, rights = np.broadcast_arrays(left, right)
    for a, b in zip(lefts.ravel().tolist(), rights.ravel().tolist()):
        if isinstance(a, Value):
            compare(name, a, b)
        elif isinstance(b, Value):
            compare(_TURNED.get(name, name), b, a)


_TURNED = {
    "less": "greater", "greater": "less", "less_equal": "greater_equal",
    "greater_equal": "less_equal",
}  # fmt: skip


def mean(xs: Sequence[Operand]) -> Operand:
    """The average of entries; nan for none, as in NumPy."""
    return apply(ops.DIV, [total(xs), float(len(xs))]) if len(xs) != 1 else xs[0]


def logsumexp(xs: Sequence[Operand]) -> Operand:
    """ln of the sum of exponentials as one node."""
    return apply(ops.LOGSUMEXP, xs)


def softmax(xs: Sequence[Operand], log: bool = False) -> list[Operand]:
    """softmax of entries, or its logarithm, stable for entries of any size."""
    normalizer = logsumexp(xs)
    logs = [apply(ops.SUB, [x, normalizer]) for x in xs]
    return logs if log else [apply(ops.EXP, [x]) for x in logs]


def extreme(xs: Sequence[Operand], largest: bool = True) -> Operand:
    """The largest (or smallest) entry; those that share the place share the gradient evenly.

    >>> extreme([Value(1.0), Value(4.0), 2.0])
    Value(4.0)
    """
    known = [data(x) for x in xs]
    if any(math.isnan(x) for x in known):
        return math.nan
    best = max(known) if largest else min(known)
    return mean([x for x, number in zip(xs, known) if number == best])


def dot(xs: Sequence[Operand], ys: Sequence[Operand]) -> Operand:
    """sum_i x_i y_i as one node, a product where there is one term.

    >>> dot([Value(2.0), 3.0], [10.0, 100.0])
    Value(320.0, op=dot)
    """
    if len(xs) == 1:
        return apply(ops.MUL, [xs[0], ys[0]])
    return apply(ops.DOT, [*xs, *ys]) if len(xs) else 0.0


def linear(rows: Sequence[Sequence[Operand]], column: Sequence[Operand]) -> list[Operand]:
    """The dot products of every row with one column: a matrix times a vector."""
    if len(column) < 2 or (not _has_value(column) and not any(map(_has_value, rows))):
        return [dot(row, column) for row in rows]
    return list(record_rows(ops.DOT, rows, column))


def _has_value(xs: Iterable[Operand]) -> bool:
    return any(x.__class__ is Value for x in xs)


def matmul(a: Any, b: Any, bias: Any = None) -> Array:
    """a b + bias for matrices n x d and d x m and a bias of m entries: n x m, a dot per entry.

    The bias is one more column of b that meets the number 1.

    >>> matmul(filled((1, 2), [Value(2.0), Value(3.0)]), np.array([[10.0], [1.0]])).tolist()
    [[Value(23.0, op=dot)]]
    """
    rows, columns = np.asarray(a).tolist(), np.asarray(b).T.tolist()
    if bias is not None:
        rows = [[*row, 1.0] for row in rows]
        columns = [[*column, x] for column, x in zip(columns, np.asarray(bias).tolist())]
    shape = len(rows), len(columns)
    if len(columns) < len(rows) and bias is None:  # the longer side is walked by `record_rows`
        turned = [linear(rows, column) for column in columns]
        return filled(shape[::-1], [x for row in turned for x in row]).T
    return filled(shape, [x for row in rows for x in linear(columns, row)])


# Along axes


def reduced(
    array: Any, axes: int | Sequence[int] | None, keep: bool, f: Callable[[list[Any]], Any]
) -> Array:
    """f of the entries along `axes` (all of them for None or none), as NumPy's reductions.

    >>> reduced(filled((2, 2), [Value(1.0), 2.0, 3.0, 4.0]), 1, False, total).tolist()
    [Value(3.0, op=sum), 7.0]
    """
    given = np.asarray(array)
    wanted = range(given.ndim) if axes is None else [axes] if isinstance(axes, int) else axes
    gone = {axis % max(given.ndim, 1) for axis in wanted} or set(range(given.ndim))
    rest = [axis for axis in range(given.ndim) if axis not in gone]
    kept = [given.shape[axis] for axis in rest]
    size = math.prod(given.shape[axis] for axis in gone if given.ndim)
    lines = given.transpose(*rest, *sorted(gone)).reshape(math.prod(kept), size) \
        if given.ndim else given.reshape(1, 1)  # fmt: skip
    shape = [1 if axis in gone else given.shape[axis] for axis in range(given.ndim)]
    return filled(shape if keep else kept, [f(line) for line in lines.tolist()])


def by_line(array: Any, axis: int, f: Callable[[list[Any]], Sequence[Any]]) -> Array:
    """f of every line of entries along `axis`, which gives a line of the same length back."""
    given = np.asarray(array)
    if given.ndim == 0:
        return filled((), f([given[()]]))
    moved = np.moveaxis(given, axis, -1)
    lines = moved.reshape(-1, moved.shape[-1]).tolist()
    out = filled(moved.shape, [x for line in lines for x in f(line)])
    return np.moveaxis(out, -1, axis)


def windows(
    array: Any,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    fill: float = 0.0,
) -> Array:
    """The windows over the last axes: (..., places per axis, entries per axis).

    >>> windows(np.arange(4.0), [2], [1], [0], [1]).tolist()
    [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    given, n = np.asarray(array), len(size)
    widths = [(0, 0)] * (given.ndim - n) + [(p, p) for p in padding]
    if any(padding):
        given = np.pad(given, widths, constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation)]
    axes = tuple(range(given.ndim - n, given.ndim))
    views = np.lib.stride_tricks.sliding_window_view(given, reach, axis=axes)
    places = tuple(slice(None, None, s) for s in stride)
    entries = tuple(slice(None, None, d) for d in dilation)
    chosen: Any = (..., *places, *entries)
    found: Array = views[chosen]
    return found
