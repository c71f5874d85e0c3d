"""Linear algebra of small matrices, by the textbook's eliminations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import ops
from .arrays import Array, apply, dot, filled, numbers
from .value import Operand

__all__ = [
    "Rows", "cholesky", "down", "each_matrix", "less_products", "lu", "of_columns", "over",
    "solution", "up",
]  # fmt: skip

Rows = list[list[Any]]


def less_products(a: Operand, xs: Sequence[Operand], ys: Sequence[Operand]) -> Operand:
    """a - sum_k x_k y_k."""
    return apply(ops.SUB, [a, dot(xs, ys)]) if len(xs) else a


def over(a: Operand, b: Operand) -> Operand:
    """a / b."""
    return apply(ops.DIV, [a, b])


def each_matrix(f: Callable[..., Any], *arrays: Any) -> list[Any]:
    """f of every matrix of a batch, broadcast: a list with what f gives for each place."""
    given = [np.asarray(a) for a in arrays]
    lead = np.broadcast_shapes(*[a.shape[:-2] for a in given])
    wide = [np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in given]
    found = [f(*[a[place] for a in wide]) for place in np.ndindex(*lead)]
    parts = found[0] if isinstance(found[0], tuple) else (found[0],)
    rows = [one if isinstance(one, tuple) else (one,) for one in found]
    made = []
    for i, part in enumerate(parts):
        shape = np.shape(part)
        entries = [x for row in rows for x in np.asarray(row[i], dtype=object).ravel().tolist()]
        made.append(filled((*lead, *shape), entries))
    return made


def _pivots(a: Array) -> tuple[list[int], float]:
    """The order of rows that puts the largest number of each column first, and its sign."""
    left, order, sign = numbers(a).astype(float).copy(), list(range(len(a))), 1.0
    for k in range(len(a)):
        best = k + int(np.abs(left[k:, k]).argmax())
        if best != k:
            left[[k, best]], sign = left[[best, k]], -sign
            order[k], order[best] = order[best], order[k]
        if left[k, k]:
            left[k + 1 :] -= np.outer(left[k + 1 :, k] / left[k, k], left[k])
    return order, sign


def lu(a: Array, order: Sequence[int] = ()) -> tuple[Rows, Rows, Sequence[int], float]:
    """L (below its diagonal of ones) and U with L U = a[order], row by row (Crout, Doolittle)."""
    order, sign = (order, 1.0) if len(order) else _pivots(a)
    rows = [a[i].tolist() for i in order]
    n = len(rows)
    lower: Rows = [[] for _ in rows]
    upper: Rows = []
    for i, row in enumerate(rows):
        for j in range(i):
            above = [upper[k][j] for k in range(j)]
            lower[i].append(over(less_products(row[j], lower[i], above), upper[j][j]))
        upper.append([0.0] * i + [
            less_products(row[j], lower[i], [upper[k][j] for k in range(i)]) for j in range(i, n)
        ])  # fmt: skip
    return lower, upper, order, sign


def down(lower: Rows, b: list[Any], unit: bool) -> list[Any]:
    """x with L x = b, from the first entry on."""
    found: list[Any] = []
    for i, entry in enumerate(b):
        left = less_products(entry, lower[i][:i], found)
        found.append(left if unit else over(left, lower[i][i]))
    return found


def up(upper: Rows, b: list[Any], unit: bool) -> list[Any]:
    """x with U x = b, from the last entry on."""
    turned = [row[::-1] for row in upper[::-1]]
    return down(turned, b[::-1], unit)[::-1]


def solution(a: Array, b: Array) -> Array:
    """X with A X = B, for a matrix B.

    >>> solution(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[2.0], [4.0]])).tolist()
    [[1.0], [3.0]]
    """
    lower, upper, order, _ = lu(a)
    columns = [up(upper, down(lower, [column[i] for i in order], True), False)
               for column in b.T.tolist()]  # fmt: skip
    return of_columns(columns, b.shape)


def of_columns(columns: Rows, shape: Sequence[int]) -> Array:
    """A matrix of this shape from the lists of its columns."""
    return filled(tuple(shape)[::-1], [x for column in columns for x in column]).T


def cholesky(a: Array) -> Array:
    """L with L L^T = a. As PyTorch and jnp.linalg do, it takes a for (a + a^T) / 2.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]])).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    n = len(a)
    out = np.full((n, n), 0.0, dtype=object)
    for i in range(n):
        for j in range(i + 1):
            entry = a[i, i] if i == j else apply(ops.MUL, [apply(ops.ADD, [a[i, j], a[j, i]]), 0.5])
            left = less_products(entry, out[i, :j].tolist(), out[j, :j].tolist())
            out[i, j] = apply(ops.SQRT, [left]) if i == j else over(left, out[j, j])
    return out
