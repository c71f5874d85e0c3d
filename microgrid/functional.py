"""Functions of Values: sums, softmax and the losses. Names and defaults are PyTorch's.

Arguments may mix Values and plain numbers; results are Values.
"""

import numbers
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from . import ops
from .value import Operand, Value, as_float, record, record_rows

Vector: TypeAlias = Sequence[Operand]
Reduction: TypeAlias = Literal["mean", "sum", "half_sum"]


def dot(xs: Vector, ys: Vector) -> Value:
    """sum_i x_i y_i of two vectors of the same length, as one node (a product if n = 1).

    >>> dot([Value(2.0), Value(3.0)], [10.0, 100.0])
    Value(320.0, op=dot)
    """
    xs, ys = _vector(xs, "dot"), _vector(ys, "dot")
    _same_length("dot: the two vectors", xs, ys)
    if len(xs) == 1:
        return record(ops.MUL, (xs[0], ys[0]))
    return record(ops.DOT, (*xs, *ys))


def linear(x: Vector, weight: Sequence[Vector], bias: Vector | None = None) -> list[Value]:
    """weight x + bias, one `dot` node per row (torch.nn.functional.linear).

    x has n entries, weight is m rows of n, bias m entries. The bias is one more column
    that meets the number 1. ValueError where the sizes do not fit.

    >>> [y.data for y in linear([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]], bias=[0.5, 0.0])]
    [11.5, 17.0]
    """
    for row in weight:
        _same_length("linear: a weight row and x", row, x)
    if bias is not None:
        _same_length("linear: weight rows and bias", weight, bias)
        weight = [(*row, b) for row, b in zip(weight, bias)]
        x = (*x, 1.0)
    if len(x) < 2:
        return [dot(row, x) for row in weight]
    return record_rows(ops.DOT, weight, x)


def matmul(a: Sequence[Vector], b: Sequence[Vector]) -> list[list[Value]]:
    """The matrix product a b, one `dot` node per entry (torch.matmul, rows 002-2 and 002-3).

    a is n rows of d, b is d rows of m, the result n rows of m. ValueError names both
    shapes where they do not fit.

    >>> matmul([[1.0, 2.0]], [[Value(3.0)], [Value(4.0)]])
    [[Value(11.0, op=dot)]]
    >>> matmul([[1.0, 2.0]], [[3.0, 4.0]])
    Traceback (most recent call last):
    ...
    ValueError: matmul: a is 1 x 2 and b is 1 x 2, but a needs as many columns as b has rows
    """
    (n, d), (rows, m) = shape(a, "matmul: a"), shape(b, "matmul: b")
    if d != rows:
        raise ValueError(
            f"matmul: a is {n} x {d} and b is {rows} x {m}, "
            f"but a needs as many columns as b has rows"
        )
    columns = list(zip(*b))
    return [linear(row, columns) for row in a]


def shape(matrix: Sequence[Vector], what: str = "a matrix") -> tuple[int, int]:
    """(rows, columns) of a matrix; ValueError where its rows differ in length.

    >>> shape([[1.0, 2.0, 3.0]])
    (1, 3)
    """
    if isinstance(matrix, str) or not all(hasattr(row, "__len__") for row in matrix):
        raise TypeError(f"{what} must be a list of rows, got {matrix!r}")
    widths = {len(row) for row in matrix}
    if len(widths) != 1:
        raise ValueError(f"{what} needs rows of one length, got {sorted(widths) or 'no row'}")
    return len(matrix), widths.pop()


def sum(xs: Iterable[Operand]) -> Value:
    """x_1 + ... + x_n as one node; the sum of nothing is 0.

    >>> sum([Value(1.0), 2.0, Value(3.0)])
    Value(6.0, op=sum)
    """
    xs = _vector(xs, "sum")
    if len(xs) == 1 and isinstance(xs[0], Value):
        return xs[0]
    return record(ops.SUM, xs) if xs else Value(0.0)


def mean(xs: Iterable[Operand]) -> Value:
    """The average of one or more numbers.

    >>> mean([Value(1.0), Value(4.0)])
    Value(2.5, op=div)
    """
    xs = _not_empty("mean", _vector(xs, "mean"))
    return sum(xs) / float(len(xs)) if len(xs) > 1 else sum(xs)


def maximum(a: Operand, b: Operand) -> Value:
    """The larger; a tie shares the gradient half and half (torch.maximum).

    >>> maximum(Value(2.0), 3.0)
    Value(3.0, op=maximum)
    """
    return record(ops.MAXIMUM, (a, b))


def minimum(a: Operand, b: Operand) -> Value:
    """The smaller; a tie shares the gradient half and half (torch.minimum).

    >>> minimum(Value(2.0), 3.0)
    Value(2.0, op=minimum)
    """
    return record(ops.MINIMUM, (a, b))


def exp(x: Operand) -> Value:
    """e**x.

    >>> exp(0.0).data
    1.0
    """
    return record(ops.EXP, (x,))


def log(x: Operand) -> Value:
    """The natural logarithm; -inf at 0, nan below.

    >>> log(1.0).data
    0.0
    """
    return record(ops.LOG, (x,))


def sqrt(x: Operand) -> Value:
    """The square root; nan below 0.

    >>> sqrt(9.0).data
    3.0
    """
    return record(ops.SQRT, (x,))


def sin(x: Operand) -> Value:
    """The sine of x radians.

    >>> sin(0.0).data
    0.0
    """
    return record(ops.SIN, (x,))


def cos(x: Operand) -> Value:
    """The cosine of x radians.

    >>> cos(0.0).data
    1.0
    """
    return record(ops.COS, (x,))


def tanh(x: Operand) -> Value:
    """The hyperbolic tangent.

    >>> tanh(0.0).data
    0.0
    """
    return record(ops.TANH, (x,))


def sigmoid(x: Operand) -> Value:
    """1 / (1 + e**-x).

    >>> sigmoid(0.0).data
    0.5
    """
    return record(ops.SIGMOID, (x,))


def relu(x: Operand) -> Value:
    """max(0, x); its slope at 0 is 0.

    >>> relu(-2.0).data
    0.0
    """
    return record(ops.RELU, (x,))


def softplus(x: Operand) -> Value:
    """ln(1 + e**x).

    >>> softplus(-800.0).data
    0.0
    """
    return record(ops.SOFTPLUS, (x,))


def abs(x: Operand) -> Value:
    """|x|; its slope at 0 is 0.

    >>> abs(-2.0).data
    2.0
    """
    return record(ops.ABS, (x,))


def logsumexp(zs: Iterable[Operand]) -> Value:
    """ln(e**z_1 + ... + e**z_n) as one node whose local derivatives are softmax(z).

    >>> logsumexp([1000.0, 1000.0]).data
    1000.6931471805599
    """
    return record(ops.LOGSUMEXP, _not_empty("logsumexp", _vector(zs, "logsumexp")))


def log_softmax(zs: Iterable[Operand]) -> list[Value]:
    """z_i - logsumexp(z), the logarithm of softmax without its overflow.

    >>> [y.data for y in log_softmax([1000.0, 0.0])]
    [0.0, -1000.0]
    """
    zs = _vector(zs, "log_softmax")
    normalizer = logsumexp(zs)
    return [z - normalizer for z in zs]


def softmax(zs: Iterable[Operand]) -> list[Value]:
    """e**z_i / sum_j e**z_j (lecture row 001-10), stable for logits of any size.

    >>> [round(y.data, 12) for y in softmax([1000.0, 1000.0])]
    [0.5, 0.5]
    """
    return [y.exp() for y in log_softmax(zs)]


def one_hot(index: int, num_classes: int) -> list[float]:
    """A vector of zeros with 1 at `index` (torch.nn.functional.one_hot, row 004-18).

    >>> one_hot(1, 4)
    [0.0, 1.0, 0.0, 0.0]
    """
    if not 0 <= index < num_classes:
        raise ValueError(f"one_hot: index must lie in 0..{num_classes - 1}, got {index}")
    return [float(i == index) for i in range(num_classes)]


def cross_entropy(logits: Vector, target: int | Vector) -> Value:
    """-sum_i p_i ln softmax(logits)_i (lecture row 001-11, torch.nn.functional.cross_entropy).

    target: the index of the right class, or one probability per class.
    ValueError for an index that is no class or a wrong number of probabilities.

    >>> cross_entropy([1000.0, 0.0], 1).data
    1000.0
    >>> round(cross_entropy([0.0, 0.0], [0.5, 0.5]).data, 6)
    0.693147
    """
    logits = _vector(logits, "cross_entropy")
    if isinstance(target, int | numbers.Integral):
        target = int(target)
        if not 0 <= target < len(logits):
            raise ValueError(
                f"cross_entropy: target {target} is not one of the {len(logits)} classes, "
                f"which count from 0"
            )
        return logsumexp(logits) - logits[target]
    if isinstance(target, numbers.Real | Value):
        raise TypeError(
            f"cross_entropy: target must be a class index (int) or a list of probabilities, "
            f"got {target!r}"
        )
    _same_length("cross_entropy: logits and target probabilities", logits, target)
    return -dot(target, log_softmax(logits))


def mse_loss(
    ys: Operand | Vector, targets: Operand | Vector, reduction: Reduction = "mean"
) -> Value:
    """Squared error of a number or a vector (torch.nn.functional.mse_loss).

    reduction: "mean", "sum", or "half_sum", the lecture's 1/2 sum (y - t)**2 (row 004-5).

    >>> mse_loss([Value(1.0), Value(3.0)], [0.0, 1.0], reduction="half_sum").data
    2.5
    """
    ys, targets = _column(ys, "mse_loss"), _column(targets, "mse_loss")
    _same_length("mse_loss: outputs and targets", ys, targets)
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
    ps, ys = _column(p, "binary_cross_entropy"), _column(y, "binary_cross_entropy")
    _same_length("binary_cross_entropy: probabilities and targets", ps, ys)
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
    zs = _column(z, "binary_cross_entropy_with_logits")
    ys = _column(y, "binary_cross_entropy_with_logits")
    _same_length("binary_cross_entropy_with_logits: logits and targets", zs, ys)
    # Both addends are at least 0, so nothing cancels however sure the logit is.
    return mean([dot([y, 1.0 - y], [softplus(-z), softplus(z)]) for z, y in zip(zs, ys)])


def hinge_loss(score: Operand, y: Operand) -> Value:
    """max(0, 1 - y score), y being -1 or 1 (the margin loss of a support vector machine).

    >>> hinge_loss(Value(0.25), 1.0).data
    0.75
    """
    return relu(1.0 - dot([y], [score]))


def _vector(xs: Iterable[Operand], what: str) -> list[Operand]:
    if isinstance(xs, Value | numbers.Real | str) or not isinstance(xs, Iterable):
        raise TypeError(f"{what} takes a sequence of Values or numbers, got {xs!r}")
    return [x if isinstance(x, Value) else as_float(x, what) for x in xs]


def _column(x: Operand | Vector, what: str) -> list[Operand]:
    return _vector([x] if isinstance(x, Value | float | numbers.Real) else x, what)


def _not_empty(what: str, xs: list[Operand]) -> list[Operand]:
    if not xs:
        raise ValueError(f"{what} needs at least one number, got none")
    return xs


def _same_length(what: str, xs: Sequence[object], ys: Sequence[object]) -> None:
    for given in (xs, ys):
        if not hasattr(given, "__len__"):
            raise TypeError(f"{what} must be sequences, got {given!r}")
    if len(xs) != len(ys):
        raise ValueError(f"{what} must have the same length, got {len(xs)} and {len(ys)}")
