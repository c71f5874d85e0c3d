"""Primitives of linear algebra: factors, and solutions of systems of equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import Array, filled
from ..linear_algebra import cholesky, down, each_matrix, lu, of_columns, solution, up

__all__ = ["LINEAR", "solved"]


def _lu(a: Any, **_: Any) -> list[Any]:
    """L and U in one matrix, LAPACK's list of swaps, and the order of rows they come to."""
    given = np.asarray(a)
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise NotImplementedError("from_jax: the LU factors of other than one square matrix")
    lower, upper, order, _sign = lu(given)
    packed = [x for i in range(len(given)) for x in (*lower[i], *upper[i][i:])]
    swaps, left = [], list(range(len(given)))
    for i, row in enumerate(order):
        at = left.index(row, i)
        left[i], left[at] = left[at], left[i]
        swaps.append(at)
    return [filled(given.shape, packed), np.array(swaps, "i4"), np.array(order, "i4")]


def _triangular(
    a: Any,
    b: Any,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    unit_diagonal: bool,
    **_: Any,
) -> Array:
    """X with A X = B, or X A = B, where A has zeros on one side of its diagonal."""
    given, right = np.asarray(a), np.asarray(b)
    if transpose_a:
        given, lower = given.swapaxes(-1, -2), not lower
    if not left_side:
        given, right, lower = given.swapaxes(-1, -2), right.swapaxes(-1, -2), not lower
    walk = down if lower else up

    def one(rows: Array, columns: Array) -> Array:
        found = [walk(rows.tolist(), column, unit_diagonal) for column in columns.T.tolist()]
        return of_columns(found, columns.shape)

    (made,) = each_matrix(one, given, right)
    return np.asarray(made if left_side else made.swapaxes(-1, -2))


# How a matrix meets the unknowns of custom_linear_solve: A x, x A^T row by row, and their mirrors.
_MEETINGS: list[tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = [
    (lambda a, x: a @ x, lambda a, b: solution(a, b)),
    (lambda a, x: x @ a.T, lambda a, b: solution(a, b.T).T),
    (lambda a, x: a.T @ x, lambda a, b: solution(a.T, b)),
    (lambda a, x: x @ a, lambda a, b: solution(a.T, b.T).T),
]


def solved(given: Sequence[Any], params: Mapping[str, Any]) -> list[Any]:
    """custom_linear_solve, as jnp.linalg.solve and inv use it.

    JAX hides the factors from its gradients, and gives the product with the matrix instead. So the
    matrix is taken from there, and what the product does with it is tried on other numbers.
    """
    import jax

    product = params["jaxprs"].matvec
    matrix, right = np.asarray(given[0]), np.asarray(given[-1])
    count = sum(params["const_lengths"])
    if params["const_lengths"].matvec == 1 and len(given) == count + 1 and matrix.ndim == 2:
        random = np.random.default_rng(0)
        a, x = random.normal(size=matrix.shape), random.normal(size=right.shape)
        (met,) = jax.core.eval_jaxpr(product.jaxpr, product.consts, a, x)
        columns = right[:, None] if right.ndim == 1 else right
        for meeting, solve in _MEETINGS:
            if right.ndim <= 2 and _same(meeting, a, x, met):
                return [np.asarray(solve(matrix, columns)).reshape(right.shape)]
    raise NotImplementedError(
        "from_jax: the primitive 'custom_linear_solve' is recorded for one matrix, as that of "
        "jnp.linalg.solve and inv"
    )


def _same(meeting: Callable[[Any, Any], Any], a: Any, x: Any, wanted: Any) -> bool:
    try:
        found = meeting(a, x)
    except ValueError:  # the shapes do not meet
        return False
    return found.shape == wanted.shape and bool(np.allclose(found, wanted, rtol=1e-4))


LINEAR: dict[str, Callable[..., Any]] = {
    "cholesky": lambda a, **_: each_matrix(cholesky, a)[0],
    "lu": _lu,
    "triangular_solve": _triangular,
}
