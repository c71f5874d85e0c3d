"""Sums and products of many numbers, each one node: dot, linear, softmax."""

from collections.abc import Iterable, Sequence
from math import inf

from .. import ops
from ..value import Operand, Value, compare, record, record_rows
from .vectors import Vector, not_empty, same_length, vector

__all__ = [
    "dot", "linear", "log_softmax", "logsumexp", "matmul", "mean", "one_hot", "settled", "shape",
    "softmax", "sum",
]  # fmt: skip


def dot(xs: Vector, ys: Vector) -> Value:
    """sum_i x_i y_i of two vectors of the same length, as one node (a product if n = 1).

    >>> dot([Value(2.0), Value(3.0)], [10.0, 100.0])
    Value(320.0, op=dot)
    """
    xs, ys = vector(xs, "dot"), vector(ys, "dot")
    same_length("dot: the two vectors", xs, ys)
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
        same_length("linear: a weight row and x", row, x)
    if bias is not None:
        same_length("linear: weight rows and bias", weight, bias)
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
    xs = vector(xs, "sum")
    if len(xs) == 1 and isinstance(xs[0], Value):
        return xs[0]
    return record(ops.SUM, xs) if xs else Value(0.0)


def mean(xs: Iterable[Operand]) -> Value:
    """The average of one or more numbers.

    >>> mean([Value(1.0), Value(4.0)])
    Value(2.5, op=div)
    """
    xs = not_empty("mean", vector(xs, "mean"))
    return sum(xs) / float(len(xs)) if len(xs) > 1 else sum(xs)


def logsumexp(zs: Iterable[Operand]) -> Value:
    """ln(e**z_1 + ... + e**z_n) as one node whose local derivatives are softmax(z).

    >>> logsumexp([1000.0, 1000.0]).data
    1000.6931471805599
    """
    zs, top = settled(not_empty("logsumexp", vector(zs, "logsumexp")))
    total = record(ops.LOGSUMEXP, zs)
    return total + top if top else total


_LARGE = 1e4  # a sum of exponentials is off by this times 1e-16 before it is settled


def settled(zs: list[Operand]) -> tuple[list[Operand], float]:
    """The logits less the largest, where that is huge, and what was taken off; else 0.0.

    ln 2 is lost in 1e16 + ln 2, so the differences have to be taken first. What is taken off
    is a number, not a Value: a Tape is told how far it holds, for x - top is exact between
    top / 2 and 2 top only (Sterbenz, 1974).
    """
    numbers = [z.data if isinstance(z, Value) else z for z in zs]
    top = max(numbers, default=0.0)
    if not _LARGE < abs(top) < inf:
        return zs, 0.0
    largest = zs[numbers.index(top)]
    if isinstance(largest, Value):
        low, high = sorted((0.5 * top, 2.0 * top))
        compare("greater_equal", largest, low)
        compare("less_equal", largest, high)
    return [z - top for z in zs], top


def log_softmax(zs: Iterable[Operand]) -> list[Value]:
    """z_i - logsumexp(z), the logarithm of softmax without its overflow.

    Differences between huge logits count: both shares of [1e16, 1e16] are a half.

    >>> [y.data for y in log_softmax([1000.0, 0.0])]
    [0.0, -1000.0]
    """
    zs, _ = settled(not_empty("log_softmax", vector(zs, "log_softmax")))
    normalizer = record(ops.LOGSUMEXP, zs)
    return [z - normalizer for z in zs]


def softmax(zs: Iterable[Operand]) -> list[Value]:
    """e**z_i / sum_j e**z_j (lecture row 001-10), stable for logits of any size.

    >>> [round(y.data, 12) for y in softmax([1000.0, 1000.0])]
    [0.5, 0.5]
    """
    return [y.exp() for y in log_softmax(vector(zs, "softmax"))]


def one_hot(index: int, num_classes: int) -> list[float]:
    """A vector of zeros with 1 at `index` (torch.nn.functional.one_hot, row 004-18).

    >>> one_hot(1, 4)
    [0.0, 1.0, 0.0, 0.0]
    """
    if not 0 <= index < num_classes:
        raise ValueError(f"one_hot: index must lie in 0..{num_classes - 1}, got {index}")
    return [float(i == index) for i in range(num_classes)]
