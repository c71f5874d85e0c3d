"""Loss functions. A mean or sum over many entries is made time step by time step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, data, dot, filled, total
from ...value import Operand
from ..columns import by_step
from .pointwise import mul

__all__ = ["RULES"]

_NONE, _MEAN, _SUM = 0, 1, 2  # aten's numbers for the three reductions


def _reduction(terms: Array, kind: int, weight: float | None = None) -> Array:
    """The terms as they are, their mean (over `weight`, if that is not their number), their sum."""
    if kind == _NONE:
        return terms
    added = by_step(terms.ravel().tolist(), total)
    if kind == _MEAN:
        added = apply(ops.DIV, [added, float(terms.size) if weight is None else weight])
    return filled((), [added])


def _nll(
    logs: Any, target: Any, weight: Any, kind: int, ignore: int
) -> list[Any]:  # aten: (output, total_weight)
    """-log p of the right class; axis 1 holds the classes (axis 0 where there is no batch)."""
    given, right = np.asarray(logs), np.asarray(target)
    axis = 1 if given.ndim > 1 else 0
    lines = np.moveaxis(given, axis, -1).reshape(-1, given.shape[axis])
    scale = np.ones(given.shape[axis]) if weight is None else np.asarray(weight, dtype=float)
    picked: list[Operand] = []
    counted = 0.0
    for line, chosen in zip(lines, right.ravel().tolist()):
        if chosen == ignore:
            picked.append(0.0)
            continue
        counted += scale[chosen]
        loss = apply(ops.NEG, [line[chosen]])
        picked.append(loss if scale[chosen] == 1.0 else apply(ops.MUL, [loss, scale[chosen]]))
    terms = filled(right.shape, picked)
    if kind != _NONE:  # what is ignored is no term of the sum
        kept = [x for x in picked if x.__class__ is not float]
        terms = filled((len(kept),), kept)
    return [_reduction(terms, kind, counted), None]


def _kind(reduction: Any) -> int:
    names = {"none": _NONE, "mean": _MEAN, "sum": _SUM}
    return names[reduction] if isinstance(reduction, str) else int(reduction)


def _loss(term: Callable[..., Operand]) -> Callable[..., Array]:
    """A rule (prediction, target, reduction) from the loss of one entry."""

    def rule(a: Any, b: Any, kind: Any = _MEAN, *options: float, **named: float) -> Array:
        kind = _kind(named.pop("reduction", kind))
        a, b = np.broadcast_arrays(a, b)
        pairs = zip(a.ravel().tolist(), b.ravel().tolist())
        return _reduction(filled(a.shape, [term(x, y, *options, **named) for x, y in pairs]), kind)

    return rule


def _squared(x: Operand, y: Operand) -> Operand:
    return apply(ops.POW, [apply(ops.SUB, [x, y]), 2.0])


def _huber(x: Operand, y: Operand, delta: float = 1.0) -> Operand:
    """d**2 / 2 near 0, delta (|d| - delta / 2) beyond."""
    d = apply(ops.SUB, [x, y])
    if abs(data(d)) <= delta:
        return apply(ops.MUL, [apply(ops.POW, [d, 2.0]), 0.5])
    return apply(ops.MUL, [apply(ops.SUB, [apply(ops.ABS, [d]), 0.5 * delta]), float(delta)])


def _smooth_l1(x: Operand, y: Operand, beta: float = 1.0) -> Operand:
    if beta == 0.0:
        return apply(ops.ABS, [apply(ops.SUB, [x, y])])
    return apply(ops.DIV, [_huber(x, y, beta), float(beta)])


def _soft_margin(x: Operand, y: Operand) -> Operand:
    return apply(ops.SOFTPLUS, [apply(ops.NEG, [apply(ops.MUL, [x, y])])])


def _binary_cross_entropy(p: Any, y: Any, weight: Any = None, kind: Any = _MEAN) -> Array:
    p, y = np.broadcast_arrays(p, y)
    pairs = zip(p.ravel().tolist(), y.ravel().tolist())
    terms = filled(p.shape, [apply(ops.BINARY_CROSS_ENTROPY, pair) for pair in pairs])
    return _reduction(terms if weight is None else mul(terms, weight), _kind(kind))


def _binary_cross_entropy_with_logits(
    z: Any, y: Any, weight: Any = None, pos_weight: Any = None, kind: Any = _MEAN
) -> Array:
    """w y softplus(-z) + (1 - y) softplus(z): both addends are at least 0, nothing cancels."""
    ones = np.ones(np.shape(z)) if pos_weight is None else np.asarray(pos_weight)
    z, y, w = np.broadcast_arrays(z, y, ones)
    found = []
    for logit, label, more in zip(z.ravel().tolist(), y.ravel().tolist(), w.ravel().tolist()):
        yes = label if data(more) == 1.0 else apply(ops.MUL, [label, more])
        costs = [apply(ops.SOFTPLUS, [x]) for x in (apply(ops.NEG, [logit]), logit)]
        found.append(dot([yes, apply(ops.SUB, [1.0, label])], costs))
    terms = filled(z.shape, found)
    return _reduction(terms if weight is None else mul(terms, weight), _kind(kind))


def _multi_margin(
    a: Any, target: Any, p: float = 1, margin: float = 1.0, weight: Any = None, kind: int = _MEAN
) -> Array:
    """The hinge loss of several classes: sum_j max(0, margin - x_y + x_j)**p / classes."""
    given = np.asarray(a)
    rows = given.reshape(-1, given.shape[-1] if given.ndim else 1).tolist()
    found = []
    for row, right in zip(rows, np.asarray(target).ravel().tolist()):
        parts = []
        for j, x in enumerate(row):
            if j != right:
                away = apply(ops.ADD, [apply(ops.SUB, [x, row[right]]), float(margin)])
                cost = apply(ops.RELU, [away])
                parts.append(cost if p == 1 else apply(ops.POW, [cost, 2.0]))
        scale = 1.0 if weight is None else float(np.asarray(weight)[right])
        found.append(apply(ops.MUL, [total(parts), scale / len(row)]))
    return _reduction(filled(np.shape(target), found), kind)


def _multilabel_margin(a: Any, target: Any, kind: int = _MEAN) -> list[Any]:
    """sum over right j and wrong i of max(0, 1 - (x_j - x_i)) / classes; -1 ends the right ones."""
    given = np.atleast_1d(np.asarray(a))
    rows = given.reshape(-1, given.shape[-1]).tolist()
    labels = np.asarray(target).reshape(len(rows), -1).tolist()
    found = []
    for row, listed in zip(rows, labels):
        right = listed[: listed.index(-1)] if -1 in listed else listed
        wrong = [x for i, x in enumerate(row) if i not in right]
        costs = [
            apply(ops.RELU, [apply(ops.SUB, [1.0, apply(ops.SUB, [row[j], x])])])
            for j in right
            for x in wrong
        ]
        found.append(apply(ops.DIV, [total(costs), float(len(row))]))
    return [_reduction(filled(given.shape[:-1], found), kind), None]


def _ctc(*_: Any) -> Any:
    raise NotImplementedError("the CTC loss, a sum over all alignments within one kernel,")


RULES: dict[str, Callable[..., Any]] = {
    "nll_loss_forward": _nll,
    "nll_loss2d_forward": _nll,
    "mse_loss": _loss(_squared),
    "l1_loss": _loss(lambda x, y: apply(ops.ABS, [apply(ops.SUB, [x, y])])),
    "smooth_l1_loss": _loss(_smooth_l1),
    "huber_loss": _loss(_huber),
    "soft_margin_loss": _loss(_soft_margin),
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
    "multi_margin_loss": _multi_margin,
    "multilabel_margin_loss_forward": _multilabel_margin,
    "_ctc_loss": _ctc,
}
