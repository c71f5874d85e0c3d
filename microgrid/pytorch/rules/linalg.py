"""Determinants, inverses, factors and solutions of small matrices; distances."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import (
    Array,
    apply,
    dot,
    filled,
    guard,
    matmul,
    numbers,
    pointwise,
    product,
    total,
)  # fmt: skip
from ...linear_algebra import (
    Rows,
    cholesky,
    down,
    each_matrix,
    less_products,
    lu,
    of_columns,
    over,
    solution,
    up,
)  # fmt: skip
from ...value import Operand
from .marks import chooses
from .reductions import norm

__all__ = ["RULES"]

_TERMS = 18  # of a Taylor series whose argument is below 1: the next one is below 1e-17


def _determinant(a: Array) -> Operand:
    """By its definition up to 3 x 3, so that a singular matrix has its gradient; then by L U."""
    if len(a) == 0:
        return 1.0
    if len(a) == 1:
        return a[0, 0]
    if len(a) == 2:
        return less_products(apply(ops.MUL, [a[0, 0], a[1, 1]]), [a[0, 1]], [a[1, 0]])
    if len(a) == 3:
        first = a[0].tolist()
        minors = [_determinant(np.delete(a[1:], j, axis=1)) for j in range(3)]
        minors[1] = apply(ops.NEG, [minors[1]])
        return dot(first, minors)
    _, upper, _, sign = lu(a)
    found = product([row[i] for i, row in enumerate(upper)])
    return found if sign > 0 else apply(ops.NEG, [found])


def _log_determinant(a: Array) -> Operand:
    """ln |det a|, a sum of logarithms, so that it does not overflow."""
    _, upper, _, _ = lu(a)
    sizes = [apply(ops.ABS, [row[i]]) for i, row in enumerate(upper)]
    return total([apply(ops.LOG, [x]) for x in sizes])


def _inverse(a: Any, **_: Any) -> list[Any]:
    eye = np.eye(np.shape(a)[-1])
    return [*each_matrix(lambda one: solution(one, eye), a), None]


def _solve(a: Any, b: Any, *, left: bool = True, **_: Any) -> list[Any]:
    """X with A X = B, or X A = B; a B with one axis less than A holds vectors."""
    given, right = np.asarray(a), np.asarray(b)
    vectors = right.ndim == 1 or right.shape == given.shape[:-1]
    right = right[..., None] if vectors else right
    if not left:
        given, right = given.swapaxes(-1, -2), right.swapaxes(-1, -2)
    (made,) = each_matrix(solution, given, right)
    made = made if left else made.swapaxes(-1, -2)
    return [made[..., 0] if vectors else made, None, None, None]


def _solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Array:
    given, right = np.asarray(a), np.asarray(b)
    if not left:
        given, right, upper = given.swapaxes(-1, -2), right.swapaxes(-1, -2), not upper
    walk = up if upper else down

    def one(rows: Array, columns: Array) -> Array:
        found = [walk(rows.tolist(), column, unitriangular) for column in columns.T.tolist()]
        return of_columns(found, columns.shape)

    (made,) = each_matrix(one, given, right)
    return made if left else made.swapaxes(-1, -2)


def _cholesky(a: Any, *, upper: bool = False, **_: Any) -> list[Any]:
    (made,) = each_matrix(cholesky, a)
    return [made.swapaxes(-1, -2) if upper else made, None]


@chooses
def _qr(made: list[np.ndarray], a: Any, mode: str = "reduced") -> list[Any]:
    """Gram and Schmidt's columns; the signs of R's diagonal are PyTorch's."""
    given = np.asarray(a)
    if mode != "reduced" or given.shape[-2] < given.shape[-1]:
        raise NotImplementedError("a QR decomposition that is not of a tall matrix and reduced")
    return each_matrix(_gram_schmidt, given, made[1])


def _gram_schmidt(a: Array, signs: np.ndarray) -> tuple[Array, Array]:
    n = a.shape[1]
    columns: Rows = []
    r = np.full((n, n), 0.0, dtype=object)
    for j, column in enumerate(a.T.tolist()):
        rest = column
        for k, before in enumerate(columns):
            r[k, j] = dot(before, rest)
            rest = [less_products(x, [r[k, j]], [q]) for x, q in zip(rest, before)]
        length = norm(rest)
        r[j, j] = length if signs[j, j] >= 0 else apply(ops.NEG, [length])
        columns.append([over(x, r[j, j]) for x in rest])
    return of_columns(columns, a.shape), r


def _unpacked(lu: Any, pivots: Any) -> tuple[Rows, Rows, list[int]]:
    """L, U and the order of rows, of what LAPACK leaves in one matrix and a list of swaps."""
    rows = np.asarray(lu).tolist()
    order = list(range(len(rows)))
    for i, swap in enumerate(np.asarray(pivots).astype(int).tolist()):
        order[i], order[swap - 1] = order[swap - 1], order[i]
    lower = [row[:i] for i, row in enumerate(rows)]
    return lower, [[0.0] * i + row[i:] for i, row in enumerate(rows)], order


@chooses
def _lu_factor(made: list[np.ndarray], a: Any, *, pivot: bool = True, **_: Any) -> list[Any]:
    """L below the diagonal and U in one matrix; the swaps are PyTorch's."""

    def one(matrix: Array, pivots: np.ndarray) -> Array:
        order = _unpacked(matrix, pivots[0])[2]
        lower, upper, *_ = lu(matrix, order)
        packed = [x for i in range(len(matrix)) for x in (*lower[i], *upper[i][i:])]
        return filled(matrix.shape, packed)

    _square(a)
    return [each_matrix(one, a, made[1][..., None, :])[0], None, None]


def _lu_solve(lu: Any, pivots: Any, b: Any, *, left: bool = True, adjoint: bool = False) -> Array:
    """X with A X = B, X A = B or A^T X = B, from A's factors."""

    def one(matrix: Array, swaps: np.ndarray, right: Array) -> Array:
        lower, upper, order = _unpacked(matrix, swaps[0])
        columns = right.T.tolist()
        if adjoint == left:
            turned = np.array(_full(upper), dtype=object).T.tolist()
            below = np.array(_full(lower), dtype=object).T.tolist()
            found = [up(below, down(turned, column, False), True) for column in columns]
            back = np.argsort(order)
            return of_columns([[x[i] for i in back] for x in found], right.shape)
        found = [up(upper, down(lower, [column[i] for i in order], True), False)
                 for column in columns]  # fmt: skip
        return of_columns(found, right.shape)

    right = np.asarray(b) if left else np.asarray(b).swapaxes(-1, -2)
    (made,) = each_matrix(one, lu, np.asarray(pivots)[..., None, :], right)
    return made if left else made.swapaxes(-1, -2)


def _full(rows: Rows) -> Rows:
    return [[*row, *[0.0] * (len(rows) - len(row))] for row in rows]


@chooses
def _lu_parts(made: list[np.ndarray], a: Any, *, pivot: bool = True) -> list[Any]:
    """P, L and U, apart."""

    def one(matrix: Array, places: np.ndarray) -> tuple[Array, Array]:
        lower, upper, *_ = lu(matrix, places.T.argmax(1).tolist())
        with_ones = [[*row, 1.0] for row in lower]
        shape = matrix.shape
        return (
            filled(shape, [x for row in _full(with_ones) for x in row]),
            filled(shape, [x for row in upper for x in row]),
        )

    _square(a)
    return [made[0], *each_matrix(one, a, made[0])]


def _square(a: Any) -> None:
    if np.shape(a)[-1] != np.shape(a)[-2]:
        raise NotImplementedError("the LU factors of a matrix that is not square")


def _cholesky_solve(b: Any, factor: Any, upper: bool = False) -> Array:
    """X with L L^T X = B."""
    below = np.asarray(factor).swapaxes(-1, -2) if upper else np.asarray(factor)

    def one(lower: Array, right: Array) -> Array:
        rows, turned = lower.tolist(), lower.T.tolist()
        found = [up(turned, down(rows, x, False), False) for x in right.T.tolist()]
        return of_columns(found, right.shape)

    return each_matrix(one, below, b)[0]


def _cholesky_inverse(factor: Any, upper: bool = False) -> Array:
    return _cholesky_solve(np.eye(np.shape(factor)[-1]), factor, upper)


def _exponential(a: Array) -> Array:
    """e^A: Taylor's series of A / 2^s, none of whose rows adds up to more than 1, squared s times.

    A Tape of the graph is held to matrices for which s is enough.
    """
    n = len(a)
    size = n * float(np.abs(numbers(a).astype(float)).max(initial=0.0))
    halvings = max(0, math.ceil(math.log2(max(size, 0.5))) + 1)
    guard("less_equal", a, 2.0**halvings / n)
    guard("greater_equal", a, -(2.0**halvings) / n)
    small = pointwise(ops.MUL, a, 0.5**halvings)
    found: Any = np.eye(n)
    for k in range(_TERMS, 0, -1):  # 1 + A/1 (1 + A/2 (1 + A/3 (...)))
        found = pointwise(ops.ADD, matmul(pointwise(ops.DIV, small, float(k)), found), np.eye(n))
    for _ in range(halvings):
        found = matmul(found, found)
    return np.asarray(found)


# Distances


def _apart(a: Sequence[Operand], b: Sequence[Operand], p: float) -> Operand:
    return norm([apply(ops.SUB, [x, y]) for x, y in zip(a, b)], p)


def _cdist(a: Any, b: Any, p: float = 2.0, *_: Any) -> Array:
    """|a_i - b_j|_p for the rows of two matrices."""

    def one(left: Array, right: Array) -> Array:
        pairs = [_apart(x, y, p) for x in left.tolist() for y in right.tolist()]
        return filled((len(left), len(right)), pairs)

    return each_matrix(one, a, b)[0]


def _pdist(a: Any, p: float = 2.0) -> Array:
    """|a_i - a_j|_p for i < j."""
    rows = np.asarray(a).tolist()
    found = [_apart(x, y, p) for i, x in enumerate(rows) for y in rows[i + 1 :]]
    return filled((len(found),), found)


def _dist(a: Any, b: Any, p: float = 2.0) -> Array:
    left, right = np.broadcast_arrays(a, b)
    return filled((), [_apart(left.ravel().tolist(), right.ravel().tolist(), float(p))])


@chooses
def _slogdet(made: list[np.ndarray], a: Any) -> list[Any]:
    return [made[0], *each_matrix(_log_determinant, a), None, None]


RULES: dict[str, Callable[..., Any]] = {
    "_linalg_det": lambda a: [*each_matrix(_determinant, a), None, None],
    "_linalg_slogdet": _slogdet,
    "linalg_inv_ex": _inverse,
    "_linalg_solve_ex": _solve,
    "linalg_solve_triangular": _solve_triangular,
    "linalg_cholesky_ex": _cholesky,
    "cholesky": lambda a, upper=False: _cholesky(a, upper=upper)[0],
    "linalg_qr": _qr,
    "linalg_lu_factor_ex": _lu_factor,
    "linalg_lu_solve": _lu_solve,
    "linalg_lu": _lu_parts,
    "cholesky_solve": _cholesky_solve,
    "cholesky_inverse": _cholesky_inverse,
    "linalg_matrix_exp": lambda a: each_matrix(_exponential, a)[0],
    "_cdist_forward": _cdist,
    "_euclidean_dist": _cdist,
    "_pdist_forward": _pdist,
    "dist": _dist,
}
