"""Losses: how far outputs are from their targets."""

import numbers
from typing import Literal, TypeAlias

from .. import ops
from ..value import Operand, Value, record
from .activations import relu, softplus
from .sums import dot, log_softmax, mean, settled, sum
from .vectors import Vector, column, same_length, vector

__all__ = [
    "Reduction",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge_loss",
    "mse_loss",
]

Reduction: TypeAlias = Literal["mean", "sum", "half_sum"]


def cross_entropy(logits: Vector, target: int | Vector) -> Value:
    """-sum_i p_i ln softmax(logits)_i (lecture row 001-11, torch.nn.functional.cross_entropy).

    target: the index of the right class, or one probability per class.
    ValueError for an index that is no class or a wrong number of probabilities.

    >>> cross_entropy([1000.0, 0.0], 1).data
    1000.0
    >>> round(cross_entropy([0.0, 0.0], [0.5, 0.5]).data, 6)
    0.693147
    """
    logits = vector(logits, "cross_entropy")
    if isinstance(target, int | numbers.Integral):
        target = int(target)
        if not 0 <= target < len(logits):
            raise ValueError(
                f"cross_entropy: target {target} is not one of the {len(logits)} classes, "
                f"which count from 0"
            )
        logits, _ = settled(logits)
        return record(ops.LOGSUMEXP, logits) - logits[target]
    if isinstance(target, numbers.Real | Value):
        raise TypeError(
            f"cross_entropy: target must be a class index (int) or a list of probabilities; "
            f'for a number write loss="mse", got {target!r}'
        )
    same_length("cross_entropy: logits and target probabilities", logits, target)
    return -dot(target, log_softmax(logits))


def mse_loss(
    ys: Operand | Vector, targets: Operand | Vector, reduction: Reduction = "mean"
) -> Value:
    """Squared error of a number or a vector (torch.nn.functional.mse_loss).

    reduction: "mean", "sum", or "half_sum", the lecture's 1/2 sum (y - t)**2 (row 004-5).

    >>> mse_loss([Value(1.0), Value(3.0)], [0.0, 1.0], reduction="half_sum").data
    2.5
    """
    ys, targets = column(ys, "mse_loss"), column(targets, "mse_loss")
    same_length("mse_loss: outputs and targets", ys, targets)
    squares = [record(ops.SUB, pair) ** 2 for pair in zip(ys, targets)]
    if reduction == "mean":
        return mean(squares)
    if reduction == "sum":
        return sum(squares)
    if reduction == "half_sum":
        return 0.5 * sum(squares)
    raise ValueError(f'mse_loss: reduction must be "mean", "sum" or "half_sum", got {reduction!r}')


def binary_cross_entropy(p: Operand | Vector, y: Operand | Vector) -> Value:
    """-(y ln p + (1-y) ln(1-p)), averaged if p is a vector; each ln is at least -100.

    p: probabilities, the output of a sigmoid; y: 0, 1 or between.
    As torch.nn.functional.binary_cross_entropy; ValueError for p outside 0..1.

    >>> binary_cross_entropy(Value(0.5), 1.0).data
    0.6931471805599453
    """
    ps, ys = column(p, "binary_cross_entropy"), column(y, "binary_cross_entropy")
    same_length("binary_cross_entropy: probabilities and targets", ps, ys)
    for probability in ps:
        if not 0.0 <= float(probability) <= 1.0:
            raise ValueError(
                f"binary_cross_entropy: a probability lies in 0..1, got {float(probability)!r}; "
                f"for logits use binary_cross_entropy_with_logits"
            )
    return mean([record(ops.BINARY_CROSS_ENTROPY, pair) for pair in zip(ps, ys)])


def binary_cross_entropy_with_logits(z: Operand | Vector, y: Operand | Vector) -> Value:
    """y softplus(-z) + (1-y) softplus(z): binary_cross_entropy(sigmoid(z), y) without overflow.

    >>> binary_cross_entropy_with_logits(Value(-800.0), 1.0).data
    800.0
    """
    zs = column(z, "binary_cross_entropy_with_logits")
    ys = column(y, "binary_cross_entropy_with_logits")
    same_length("binary_cross_entropy_with_logits: logits and targets", zs, ys)
    # Both addends are at least 0, so nothing cancels however sure the logit is.
    return mean([dot([y, 1.0 - y], [softplus(-z), softplus(z)]) for z, y in zip(zs, ys)])


def hinge_loss(score: Operand | Vector, y: Operand | Vector) -> Value:
    """max(0, 1 - y score), y being -1 or 1 (the margin loss of a support vector machine).

    Of vectors of the same length it is the mean.

    >>> hinge_loss(Value(0.25), 1.0).data, hinge_loss([0.25, 2.0], [1.0, 1.0]).data
    (0.75, 0.375)
    """
    scores, ys = column(score, "hinge_loss"), column(y, "hinge_loss")
    same_length("hinge_loss: scores and targets", scores, ys)
    return mean([relu(1.0 - dot([t], [s])) for s, t in zip(scores, ys)])
