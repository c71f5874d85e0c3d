"""Linear algebra of small matrices, by the textbook's eliminations; distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, dot, filled, numbers, product, total
from ...value import Operand
from .marks import chooses
from .reductions import norm

__all__ = ["RULES"]

_Rows = list[list[Any]]


def _less(a: Operand, xs: Sequence[Operand], ys: Sequence[Operand]) -> Operand:
    """a - sum_k x_k y_k."""
    return apply(ops.SUB, [a, dot(xs, ys)]) if len(xs) else a


def _over(a: Operand, b: Operand) -> Operand:
    return apply(ops.DIV, [a, b])


def _matrices(f: Callable[..., Any], *arrays: Any) -> list[Any]:
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


def _lu(a: Array) -> tuple[_Rows, _Rows, list[int], float]:
    """L (below its diagonal of ones) and U with L U = a[order], row by row (Crout, Doolittle)."""
    order, sign = _pivots(a)
    rows = [a[i].tolist() for i in order]
    n = len(rows)
    lower: _Rows = [[] for _ in rows]
    upper: _Rows = []
    for i, row in enumerate(rows):
        for j in range(i):
            above = [upper[k][j] for k in range(j)]
            lower[i].append(_over(_less(row[j], lower[i], above), upper[j][j]))
        upper.append([0.0] * i + [
            _less(row[j], lower[i], [upper[k][j] for k in range(i)]) for j in range(i, n)
        ])  # fmt: skip
    return lower, upper, order, sign


def _determinant(a: Array) -> Operand:
    """By its definition up to 3 x 3, so that a singular matrix has its gradient; then by L U."""
    if len(a) == 0:
        return 1.0
    if len(a) == 1:
        return a[0, 0]
    if len(a) == 2:
        return _less(apply(ops.MUL, [a[0, 0], a[1, 1]]), [a[0, 1]], [a[1, 0]])
    if len(a) == 3:
        first = a[0].tolist()
        minors = [_determinant(np.delete(a[1:], j, axis=1)) for j in range(3)]
        minors[1] = apply(ops.NEG, [minors[1]])
        return dot(first, minors)
    _, upper, _, sign = _lu(a)
    found = product([row[i] for i, row in enumerate(upper)])
    return found if sign > 0 else apply(ops.NEG, [found])


def _log_determinant(a: Array) -> Operand:
    """ln |det a|, a sum of logarithms, so that it does not overflow."""
    _, upper, _, _ = _lu(a)
    sizes = [apply(ops.ABS, [row[i]]) for i, row in enumerate(upper)]
    return total([apply(ops.LOG, [x]) for x in sizes])


def _down(lower: _Rows, b: list[Any], unit: bool) -> list[Any]:
    """x with L x = b, from the first entry on."""
    found: list[Any] = []
    for i, entry in enumerate(b):
        left = _less(entry, lower[i][:i], found)
        found.append(left if unit else _over(left, lower[i][i]))
    return found


def _up(upper: _Rows, b: list[Any], unit: bool) -> list[Any]:
    """x with U x = b, from the last entry on."""
    turned = [row[::-1] for row in upper[::-1]]
    return _down(turned, b[::-1], unit)[::-1]


def _solution(a: Array, b: Array) -> Array:
    lower, upper, order, _ = _lu(a)
    columns = [_up(upper, _down(lower, [column[i] for i in order], True), False)
               for column in b.T.tolist()]  # fmt: skip
    return _of_columns(columns, b.shape)


def _of_columns(columns: _Rows, shape: Sequence[int]) -> Array:
    return filled(tuple(shape)[::-1], [x for column in columns for x in column]).T


def _inverse(a: Any, **_: Any) -> list[Any]:
    eye = np.eye(np.shape(a)[-1])
    return [*_matrices(lambda one: _solution(one, eye), a), None]


def _solve(a: Any, b: Any, *, left: bool = True, **_: Any) -> list[Any]:
    """X with A X = B, or X A = B; a B with one axis less than A holds vectors."""
    given, right = np.asarray(a), np.asarray(b)
    vectors = right.ndim == 1 or right.shape == given.shape[:-1]
    right = right[..., None] if vectors else right
    if not left:
        given, right = given.swapaxes(-1, -2), right.swapaxes(-1, -2)
    (made,) = _matrices(_solution, given, right)
    made = made if left else made.swapaxes(-1, -2)
    return [made[..., 0] if vectors else made, None, None, None]


def _solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Array:
    given, right = np.asarray(a), np.asarray(b)
    if not left:
        given, right, upper = given.swapaxes(-1, -2), right.swapaxes(-1, -2), not upper
    walk = _up if upper else _down

    def one(rows: Array, columns: Array) -> Array:
        found = [walk(rows.tolist(), column, unitriangular) for column in columns.T.tolist()]
        return _of_columns(found, columns.shape)

    (made,) = _matrices(one, given, right)
    return made if left else made.swapaxes(-1, -2)


def _factor(a: Array) -> Array:
    """L with L L^T = a. As PyTorch's gradient does, it takes a for (a + a^T) / 2."""
    n = len(a)
    out = np.full((n, n), 0.0, dtype=object)
    for i in range(n):
        for j in range(i + 1):
            entry = a[i, i] if i == j else apply(ops.MUL, [apply(ops.ADD, [a[i, j], a[j, i]]), 0.5])
            left = _less(entry, out[i, :j].tolist(), out[j, :j].tolist())
            out[i, j] = apply(ops.SQRT, [left]) if i == j else _over(left, out[j, j])
    return out


def _cholesky(a: Any, *, upper: bool = False, **_: Any) -> list[Any]:
    (made,) = _matrices(_factor, a)
    return [made.swapaxes(-1, -2) if upper else made, None]


@chooses
def _qr(made: list[np.ndarray], a: Any, mode: str = "reduced") -> list[Any]:
    """Gram and Schmidt's columns; the signs of R's diagonal are PyTorch's."""
    given = np.asarray(a)
    if mode != "reduced" or given.shape[-2] < given.shape[-1]:
        raise NotImplementedError("a QR decomposition that is not of a tall matrix and reduced")
    return _matrices(_gram_schmidt, given, made[1])


def _gram_schmidt(a: Array, signs: np.ndarray) -> tuple[Array, Array]:
    n = a.shape[1]
    columns: _Rows = []
    r = np.full((n, n), 0.0, dtype=object)
    for j, column in enumerate(a.T.tolist()):
        rest = column
        for k, before in enumerate(columns):
            r[k, j] = dot(before, rest)
            rest = [_less(x, [r[k, j]], [q]) for x, q in zip(rest, before)]
        length = norm(rest)
        r[j, j] = length if signs[j, j] >= 0 else apply(ops.NEG, [length])
        columns.append([_over(x, r[j, j]) for x in rest])
    return _of_columns(columns, a.shape), r


# Distances


def _apart(a: Sequence[Operand], b: Sequence[Operand], p: float) -> Operand:
    return norm([apply(ops.SUB, [x, y]) for x, y in zip(a, b)], p)


def _cdist(a: Any, b: Any, p: float = 2.0, *_: Any) -> Array:
    """|a_i - b_j|_p for the rows of two matrices."""

    def one(left: Array, right: Array) -> Array:
        pairs = [_apart(x, y, p) for x in left.tolist() for y in right.tolist()]
        return filled((len(left), len(right)), pairs)

    return _matrices(one, a, b)[0]


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
    return [made[0], *_matrices(_log_determinant, a), None, None]


RULES: dict[str, Callable[..., Any]] = {
    "_linalg_det": lambda a: [*_matrices(_determinant, a), None, None],
    "_linalg_slogdet": _slogdet,
    "linalg_inv_ex": _inverse,
    "_linalg_solve_ex": _solve,
    "linalg_solve_triangular": _solve_triangular,
    "linalg_cholesky_ex": _cholesky,
    "cholesky": lambda a, upper=False: _cholesky(a, upper=upper)[0],
    "linalg_qr": _qr,
    "_cdist_forward": _cdist,
    "_euclidean_dist": _cdist,
    "_pdist_forward": _pdist,
    "dist": _dist,
}
