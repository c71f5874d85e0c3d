"""Functions of one or two numbers, each a row of the op table. Names are PyTorch's."""

from .. import ops
from ..value import Operand, Value, record

__all__ = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "reciprocal",
    "rsqrt",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
]


def exp(x: Operand) -> Value:
    """e**x.

    >>> exp(0.0).data
    1.0
    """
    return record(ops.EXP, (x,))


def square(x: Operand) -> Value:
    """x times itself (torch.square).

    >>> square(3.0).data
    9.0
    """
    return record(ops.MUL, (x, x))


def reciprocal(x: Operand) -> Value:
    """1 / x (torch.reciprocal).

    >>> reciprocal(4.0).data
    0.25
    """
    return record(ops.DIV, (1.0, x))


def exp2(x: Operand) -> Value:
    """2**x.

    >>> exp2(3.0).data
    8.0
    """
    return record(ops.EXP2, (x,))


def expm1(x: Operand) -> Value:
    """e**x - 1, exact near 0.

    >>> expm1(1e-20).data
    1e-20
    """
    return record(ops.EXPM1, (x,))


def log(x: Operand) -> Value:
    """The natural logarithm; -inf at 0, nan below.

    >>> log(1.0).data
    0.0
    """
    return record(ops.LOG, (x,))


def log2(x: Operand) -> Value:
    """The logarithm to base 2; -inf at 0, nan below.

    >>> log2(8.0).data
    3.0
    """
    return record(ops.LOG2, (x,))


def log10(x: Operand) -> Value:
    """The logarithm to base 10; -inf at 0, nan below.

    >>> log10(1000.0).data
    3.0
    """
    return record(ops.LOG10, (x,))


def log1p(x: Operand) -> Value:
    """ln(1 + x), exact near 0.

    >>> log1p(1e-20).data
    1e-20
    """
    return record(ops.LOG1P, (x,))


def sqrt(x: Operand) -> Value:
    """The square root; nan below 0.

    >>> sqrt(9.0).data
    3.0
    """
    return record(ops.SQRT, (x,))


def rsqrt(x: Operand) -> Value:
    """1 / sqrt(x) (torch.rsqrt); inf at 0, nan below.

    >>> rsqrt(4.0).data
    0.5
    """
    return record(ops.POW, (x, -0.5))


def abs(x: Operand) -> Value:
    """|x|; its derivative at 0 is 0.

    >>> abs(-2.0).data
    2.0
    """
    return record(ops.ABS, (x,))


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


def tan(x: Operand) -> Value:
    """The tangent of x radians.

    >>> tan(0.0).data
    0.0
    """
    return record(ops.TAN, (x,))


def asin(x: Operand) -> Value:
    """The angle whose sine is x, in radians; nan outside -1..1.

    >>> round(asin(1.0).data, 6)
    1.570796
    """
    return record(ops.ASIN, (x,))


def acos(x: Operand) -> Value:
    """The angle whose cosine is x, in radians; nan outside -1..1.

    >>> acos(1.0).data
    0.0
    """
    return record(ops.ACOS, (x,))


def atan(x: Operand) -> Value:
    """The angle whose tangent is x, in radians.

    >>> round(atan(1.0).data, 6)
    0.785398
    """
    return record(ops.ATAN, (x,))


def sinh(x: Operand) -> Value:
    """The hyperbolic sine.

    >>> sinh(0.0).data
    0.0
    """
    return record(ops.SINH, (x,))


def cosh(x: Operand) -> Value:
    """The hyperbolic cosine.

    >>> cosh(0.0).data
    1.0
    """
    return record(ops.COSH, (x,))


def tanh(x: Operand) -> Value:
    """The hyperbolic tangent.

    >>> tanh(0.0).data
    0.0
    """
    return record(ops.TANH, (x,))


def asinh(x: Operand) -> Value:
    """What sinh takes to x.

    >>> asinh(0.0).data
    0.0
    """
    return record(ops.ASINH, (x,))


def acosh(x: Operand) -> Value:
    """What cosh takes to x, from 0 up; nan below 1.

    >>> acosh(1.0).data
    0.0
    """
    return record(ops.ACOSH, (x,))


def atanh(x: Operand) -> Value:
    """What tanh takes to x; an infinity at -1 and 1, nan beyond.

    >>> atanh(0.0).data
    0.0
    """
    return record(ops.ATANH, (x,))


def erf(x: Operand) -> Value:
    """2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x (torch.erf).

    >>> erf(1.0).data
    0.8427007929497149
    """
    return record(ops.ERF, (x,))


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
