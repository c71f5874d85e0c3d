"""Calls that make one entry out of many: sums, extremes, norms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ... import ops
from ...arrays import (
    Array,
    apply,
    by_line,
    data,
    dot,
    extreme,
    filled,
    logsumexp,
    mean,
    product,
    reduced,
    softmax,
    total,
)  # fmt: skip
from ...value import Operand
from .marks import chooses

__all__ = ["RULES", "norm"]


def _over(f: Callable[[list[Any]], Any]) -> Callable[..., Array]:
    """A rule (array, axes, keepdim) from what is done to the entries of one place."""

    def rule(a: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Array:
        return reduced(a, dim, keepdim, f)

    return rule


def _variance_of(xs: Sequence[Operand], correction: float = 1.0) -> Operand:
    """The sum of squared deviations from the mean / (n - correction)."""
    _middle = mean(xs)
    away = [apply(ops.SUB, [x, _middle]) for x in xs]
    return apply(ops.DIV, [dot(away, away), float(len(xs) - correction)])


def _variance(a: Any, dim: Any = None, correction: Any = None, keepdim: bool = False) -> Array:
    less = 1.0 if correction is None else float(correction)
    return reduced(a, dim, keepdim, lambda xs: _variance_of(xs, less))


def _root(a: Array) -> Array:
    return filled(a.shape, [apply(ops.SQRT, [x]) for x in a.ravel().tolist()])


def norm(xs: Sequence[Operand], p: float = 2.0) -> Operand:
    """The p-norm of entries. Where all are 0 it has no gradient, as in PyTorch."""
    if p == 0.0:
        return float(sum(data(x) != 0.0 for x in xs))
    if p == 2.0 and all(data(x) == 0.0 for x in xs):
        return 0.0
    if p == math.inf or p == -math.inf:
        return extreme([apply(ops.ABS, [x]) for x in xs], p > 0)
    if p == 1.0:
        return total([apply(ops.ABS, [x]) for x in xs])
    if p == 2.0:
        return apply(ops.SQRT, [dot(xs, xs)])
    powers = [apply(ops.POW, [apply(ops.ABS, [x]), p]) for x in xs if data(x) != 0.0]
    return apply(ops.POW, [total(powers), 1.0 / p]) if powers else 0.0


def _norm(
    a: Any, ord: Any = 2.0, dim: Any = None, keepdim: bool = False, **_: Any
) -> Array:  # torch's names
    p = 2.0 if ord is None else float(ord)
    return reduced(a, dim, keepdim, lambda xs: norm(xs, p))


@chooses
def _pick(made: list[np.ndarray], a: Any, *args: Any, **named: Any) -> list[Any]:
    """Values at the places that PyTorch chose along an axis: max, min, median, sort, topk."""
    places = made[1].astype(int)
    axis, keep = _axis_of(args, named), places.ndim == np.ndim(a)
    given = np.asarray(a)
    if given.ndim == 0:
        return [given, None]
    if not keep:
        places = np.expand_dims(places, axis)
    chosen = np.take_along_axis(given, places, axis)
    return [chosen if keep else np.squeeze(chosen, axis), None]


def _axis_of(args: Sequence[Any], named: dict[str, Any]) -> int:
    """The axis among the arguments: `dim`, which topk and kthvalue have after their k."""
    return int(named["dim"]) if "dim" in named else int(args[0]) if args else -1


@chooses
def _running_pick(made: list[np.ndarray], a: Any, dim: int, *_: Any) -> list[Any]:
    """cummax and cummin: each entry is one of those up to it."""
    return _pick(made, a, dim=dim)


def _middle(a: Any) -> Array:
    """The lower median of all entries; those that share its number share the gradient."""
    flat = np.asarray(a).ravel().tolist()
    known = sorted(data(x) for x in flat)
    found = known[(len(known) - 1) // 2]
    return filled((), [mean([x for x in flat if data(x) == found])])


def _running_logsumexp(xs: Sequence[Operand]) -> list[Operand]:
    return list(accumulate(xs, lambda x, y: logsumexp([x, y])))


def _finite_only(a: Any) -> Array:
    """The entries, with 0 in the place of nan."""
    given = np.asarray(a, dtype=object)
    return filled(given.shape, [0.0 if math.isnan(data(x)) else x for x in given.ravel().tolist()])


@chooses
def _topk(made: list[np.ndarray], a: Any, k: int, dim: int = -1, *_: Any, **named: Any) -> Any:
    return _pick(made, a, dim=named.get("dim", dim))


@chooses
def _sort(made: list[np.ndarray], a: Any, dim: int = -1, *_: Any, **named: Any) -> Any:
    return _pick(made, a, dim=named.get("dim", dim))


@chooses
def _stable_sort(made: list[np.ndarray], a: Any, **named: Any) -> Any:
    return _pick(made, a, dim=named.get("dim", -1))


def _running(op: ops.Op) -> Callable[..., Array]:
    def rule(a: Any, dim: int, **_: Any) -> Array:
        return by_line(a, dim, lambda xs: list(accumulate(xs, lambda x, y: apply(op, [x, y]))))

    return rule


def _softmax(log: bool) -> Callable[..., Array]:
    return lambda a, dim, *_, **__: by_line(a, dim, lambda xs: softmax(xs, log))


def _safe_softmax(a: Any, dim: int, **_: Any) -> Array:
    """softmax, and zeros where every entry is masked."""

    def line(xs: list[Any]) -> Sequence[Any]:
        masked = all(data(x) == -math.inf for x in xs)
        return [0.0] * len(xs) if masked else softmax(xs)

    return by_line(a, dim, line)


def _var_mean(a: Any, dim: Any = None, correction: Any = None, keepdim: bool = False) -> list[Any]:
    return [_variance(a, dim, correction, keepdim), reduced(a, dim, keepdim, mean)]


def _std_mean(*args: Any, **named: Any) -> list[Any]:
    spread, _middle = _var_mean(*args, **named)
    return [_root(spread), _middle]


RULES: dict[str, Callable[..., Any]] = {
    "sum": _over(total),
    "mean": _over(mean),
    "prod": _over(product),
    "var.correction": _variance,
    "std.correction": lambda *args, **named: _root(_variance(*args, **named)),
    "var_mean.correction": _var_mean,
    "logsumexp": _over(logsumexp),
    "amax": _over(extreme),
    "amin": _over(lambda xs: extreme(xs, largest=False)),
    "max": _over(extreme),
    "min": _over(lambda xs: extreme(xs, largest=False)),
    "max.dim": _pick,
    "min.dim": _pick,
    "median.dim": _pick,
    "mode": _pick,
    "kthvalue": _topk,
    "topk": _topk,
    "sort": _sort,
    "sort.stable": _stable_sort,
    "cumsum": _running(ops.ADD),
    "cumprod": _running(ops.MUL),
    "cummax": _running_pick,
    "cummin": _running_pick,
    "median": _middle,
    "logcumsumexp": lambda a, dim: by_line(a, dim, _running_logsumexp),
    "nansum": lambda a, *args, **named: _over(total)(_finite_only(a), *args, **named),
    "std_mean.correction": _std_mean,
    "aminmax": lambda a, dim=None, keepdim=False: [
        reduced(a, dim, keepdim, lambda xs: extreme(xs, largest=False)),
        reduced(a, dim, keepdim, extreme),
    ],
    "trace": lambda a: filled((), [total(np.diagonal(np.asarray(a)).tolist())]),
    "linalg_vector_norm": _norm,
    "norm.ScalarOpt_dim": lambda a, p, dim, keepdim=False: _norm(a, p, dim, keepdim),
    "norm.Scalar": lambda a, p=2.0: _norm(a, p),
    "_softmax": _softmax(False),
    "_log_softmax": _softmax(True),
    "_safe_softmax": _safe_softmax,
}
