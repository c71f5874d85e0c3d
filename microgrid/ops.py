"""Every primitive operation, once.

A row of this table serves the float engine, arrays, higher-order gradients, the
picture and the gradient check alike, because its two functions are written against a
namespace `xp` of mathematical functions that carry NumPy's names:

    forward(xp, *operands)         -> the value
    partials(xp, out, *operands)   -> one local derivative per operand

`FLOAT` (floats.py) is the namespace for Python floats; tests/test_namespaces.py lists the others.
"""

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .floats import FLOAT
from .namespaces import explained

__all__ = [
    "ABS", "ACOS", "ACOSH", "ADD", "ASIN", "ASINH", "ATAN", "ATANH", "BINARY_CROSS_ENTROPY",
    "BY_NAME", "COS", "COSH", "DIV", "DOT", "ELU", "ERF", "EXP", "EXP2", "EXPM1", "FLOAT", "GELU",
    "LARGEST", "LEAKY_RELU", "LOG", "LOG1P", "LOG2", "LOG10", "LOGSUMEXP", "MAXIMUM", "MINIMUM",
    "MUL", "NEG", "OPS", "POW", "RELU", "SIGMOID", "SILU", "SIN", "SINH", "SOFTPLUS", "SQRT", "SUB",
    "SUM", "TAN", "TANH", "Namespace", "Op", "by_name",
]  # fmt: skip

Namespace = Any  # FLOAT, numpy, jax.numpy, or functions on Values: whatever has the names


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A primitive operation: name, symbol drawn on a card, value and local derivatives.

    A variadic op (`sum`, `dot`, `logsumexp`) takes all its operands as *one* sequence,
    so that an array whose leading axis counts the operands can stand in for a list.

    >>> MUL.forward(FLOAT, 3.0, 4.0)
    12.0
    >>> MUL.partials(FLOAT, 12.0, 3.0, 4.0)
    (4.0, 3.0)
    >>> LOGSUMEXP.forward(FLOAT, [1000.0, 1000.0])
    1000.6931471805599
    """

    name: str
    symbol: str
    forward: Callable[..., Any]
    partials: Callable[..., Any]
    variadic: bool = False
    arity: int | None = field(init=False)  # how many operands it takes; None for any number

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name, (self.name,)

    def __deepcopy__(self, memo: Any) -> "Op":
        return self

    def __post_init__(self) -> None:
        takes = None if self.variadic else len(inspect.signature(self.forward).parameters) - 1
        object.__setattr__(self, "arity", takes)

    def evaluate(self, xp: Namespace, operands: Sequence[Any]) -> Any:
        """The op's value at `operands`."""
        try:
            return self.forward(xp, operands) if self.variadic else self.forward(xp, *operands)
        except AttributeError as error:
            raise explained(error, xp) from None

    def local_derivatives(self, xp: Namespace, out: Any, operands: Sequence[Any]) -> Sequence[Any]:
        """The local derivatives of the op at `operands`, where its value is `out`."""
        try:
            found: Sequence[Any] = (
                self.partials(xp, out, operands)
                if self.variadic
                else self.partials(xp, out, *operands)
            )
        except AttributeError as error:
            raise explained(error, xp) from None
        return found


def _pow_partials(xp: Namespace, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    # Limits where the product would be 0 * inf: a**0 is flat in a, 0**b in b for b >= 0.
    to_base = xp.where(xp.equal(b, 0.0), 0.0, b * xp.power(a, b - 1.0))
    flat = xp.logical_and(xp.equal(a, 0.0), xp.greater_equal(b, 0.0))
    return to_base, xp.where(flat, 0.0, out * xp.log(a))


def _binary_cross_entropy(xp: Namespace, p: Any, y: Any) -> Any:
    # PyTorch's: a logarithm is at least -100, so that a sure and wrong answer costs 100, not inf.
    log_p, log_q = xp.maximum(xp.log(p), -100.0), xp.maximum(xp.log1p(-p), -100.0)
    return -(y * log_p + (1.0 - y) * log_q)


def _binary_cross_entropy_partials(xp: Namespace, out: Any, p: Any, y: Any) -> tuple[Any, Any]:
    to_p = xp.divide(p - y, xp.maximum(p * (1.0 - p), 1e-12))
    return to_p, xp.log1p(-p) - xp.log(p)


def _gelu_partials(xp: Namespace, out: Any, a: Any) -> tuple[Any]:
    below = 0.5 * (1.0 + xp.erf(a * _SQRT_HALF))  # of a standard normal number, the share below a
    density = xp.exp(-0.5 * (a * a)) * (0.5 * _ERF_SLOPE * _SQRT_HALF)
    return (below + a * density,)


def _silu_partials(xp: Namespace, out: Any, a: Any) -> tuple[Any]:
    share = 1.0 / (1.0 + xp.exp(-a))
    return (share + out * (1.0 - share),)


def _leaky_relu_partials(xp: Namespace, out: Any, a: Any, slope: Any) -> tuple[Any, Any]:
    below = xp.less_equal(a, 0.0)
    return xp.where(below, slope, 1.0), xp.where(below, a, 0.0)


def _elu_partials(xp: Namespace, out: Any, a: Any, alpha: Any) -> tuple[Any, Any]:
    below = xp.less_equal(a, 0.0)
    bend = xp.expm1(xp.minimum(a, 0.0))
    return xp.where(below, alpha * (bend + 1.0), 1.0), xp.where(below, bend, 0.0)


def _share(xp: Namespace, tie: Any, loses: Any) -> Any:
    # A tie is shared half and half, and nan passes to both, as in PyTorch.
    return xp.where(tie, 0.5, xp.where(loses, 0.0, 1.0))


def _dot(xp: Namespace, operands: Sequence[Any]) -> Any:
    half = len(operands) // 2
    return xp.vecdot(operands[:half], operands[half:], axis=0)


def _dot_partials(xp: Namespace, out: Any, operands: Sequence[Any]) -> Any:
    half = len(operands) // 2
    return xp.concatenate((operands[half:], operands[:half]))


LARGEST = sys.float_info.max
_LN_2, _LN_10, _SQRT_HALF = math.log(2.0), math.log(10.0), math.sqrt(0.5)
_ERF_SLOPE = 2.0 / math.sqrt(math.pi)  # of erf at 0


def _logsumexp(xp: Namespace, operands: Sequence[Any]) -> Any:
    top = xp.max(operands, axis=0)
    top = xp.minimum(xp.maximum(top, -LARGEST), LARGEST)  # inf - inf would be nan
    return top + xp.log(xp.sum(xp.each(lambda x: xp.exp(x - top), operands), axis=0))


# The local derivatives below are the textbook's; where a kink or a limit leaves a choice
# (relu at 0, abs at 0, ties of maximum, 0**0) the choice is PyTorch's.
# fmt: off
ADD = Op("add", "+", lambda xp, a, b: a + b, lambda xp, out, a, b: (1.0, 1.0))
SUB = Op("sub", "−", lambda xp, a, b: a - b, lambda xp, out, a, b: (1.0, -1.0))
MUL = Op("mul", "×", lambda xp, a, b: a * b, lambda xp, out, a, b: (b, a))
DIV = Op("div", "÷", lambda xp, a, b: xp.divide(a, b),
         lambda xp, out, a, b: (xp.divide(1.0, b), -xp.divide(out, b)))
NEG = Op("neg", "−( )", lambda xp, a: -a, lambda xp, out, a: (-1.0,))
POW = Op("pow", "^", lambda xp, a, b: xp.power(a, b), _pow_partials)
EXP = Op("exp", "exp", lambda xp, a: xp.exp(a), lambda xp, out, a: (out,))
EXPM1 = Op("expm1", "exp−1", lambda xp, a: xp.expm1(a), lambda xp, out, a: (out + 1.0,))
LOG = Op("log", "ln", lambda xp, a: xp.log(a), lambda xp, out, a: (xp.divide(1.0, a),))
EXP2 = Op("exp2", "2^", lambda xp, a: xp.power(2.0, a), lambda xp, out, a: (out * _LN_2,))
LOG2 = Op("log2", "log₂", lambda xp, a: xp.log2(a), lambda xp, out, a: (xp.divide(1.0, a * _LN_2),))
LOG10 = Op("log10", "log₁₀", lambda xp, a: xp.log10(a),
           lambda xp, out, a: (xp.divide(1.0, a * _LN_10),))
LOG1P = Op("log1p", "ln(1+ )", lambda xp, a: xp.log1p(a),
           lambda xp, out, a: (xp.divide(1.0, 1.0 + a),))
SQRT = Op("sqrt", "√", lambda xp, a: xp.sqrt(a), lambda xp, out, a: (xp.divide(0.5, out),))
TANH = Op("tanh", "tanh", lambda xp, a: xp.tanh(a), lambda xp, out, a: (1.0 - out * out,))
SIGMOID = Op("sigmoid", "σ", lambda xp, a: 1.0 / (1.0 + xp.exp(-a)),
             lambda xp, out, a: (out * (1.0 - out),))
RELU = Op("relu", "relu", lambda xp, a: xp.maximum(a, 0.0),
          lambda xp, out, a: (xp.where(xp.less_equal(out, 0.0), 0.0, 1.0),))
SOFTPLUS = Op("softplus", "softplus",
              lambda xp, a: xp.maximum(a, 0.0) + xp.log1p(xp.exp(-xp.abs(a))),
              lambda xp, out, a: (-xp.expm1(-out),))
SIN = Op("sin", "sin", lambda xp, a: xp.sin(a), lambda xp, out, a: (xp.cos(a),))
COS = Op("cos", "cos", lambda xp, a: xp.cos(a), lambda xp, out, a: (-xp.sin(a),))
TAN = Op("tan", "tan", lambda xp, a: xp.tan(a), lambda xp, out, a: (1.0 + out * out,))
SINH = Op("sinh", "sinh", lambda xp, a: xp.sinh(a), lambda xp, out, a: (xp.cosh(a),))
COSH = Op("cosh", "cosh", lambda xp, a: xp.cosh(a), lambda xp, out, a: (xp.sinh(a),))
ASIN = Op("asin", "asin", lambda xp, a: xp.asin(a),
          lambda xp, out, a: (xp.divide(1.0, xp.sqrt((1.0 - a) * (1.0 + a))),))
ACOS = Op("acos", "acos", lambda xp, a: xp.acos(a),
          lambda xp, out, a: (xp.divide(-1.0, xp.sqrt((1.0 - a) * (1.0 + a))),))
ATAN = Op("atan", "atan", lambda xp, a: xp.atan(a),
          lambda xp, out, a: (xp.divide(1.0, 1.0 + a * a),))
ASINH = Op("asinh", "asinh", lambda xp, a: xp.asinh(a),
           lambda xp, out, a: (xp.divide(1.0, xp.sqrt(1.0 + a * a)),))
ACOSH = Op("acosh", "acosh", lambda xp, a: xp.acosh(a),
           lambda xp, out, a: (xp.divide(1.0, xp.sqrt(a - 1.0) * xp.sqrt(a + 1.0)),))
ATANH = Op("atanh", "atanh", lambda xp, a: xp.atanh(a),
           lambda xp, out, a: (xp.divide(1.0, (1.0 - a) * (1.0 + a)),))
ERF = Op("erf", "erf", lambda xp, a: xp.erf(a),
         lambda xp, out, a: (_ERF_SLOPE * xp.exp(-(a * a)),))
GELU = Op("gelu", "gelu", lambda xp, a: a * (0.5 * (1.0 + xp.erf(a * _SQRT_HALF))), _gelu_partials)
SILU = Op("silu", "silu", lambda xp, a: a / (1.0 + xp.exp(-a)), _silu_partials)
LEAKY_RELU = Op("leaky_relu", "leaky relu",
                lambda xp, a, slope: xp.where(xp.less_equal(a, 0.0), slope * a, a),
                _leaky_relu_partials)
ELU = Op("elu", "elu",
         lambda xp, a, alpha: xp.where(xp.less_equal(a, 0.0),
                                       alpha * xp.expm1(xp.minimum(a, 0.0)), a),
         _elu_partials)
ABS = Op("abs", "| |", lambda xp, a: xp.abs(a), lambda xp, out, a: (xp.sign(a),))
MAXIMUM = Op("maximum", "max", lambda xp, a, b: xp.maximum(a, b),
             lambda xp, out, a, b: (_share(xp, xp.equal(a, b), xp.less(a, b)),
                                    _share(xp, xp.equal(a, b), xp.less(b, a))))
MINIMUM = Op("minimum", "min", lambda xp, a, b: xp.minimum(a, b),
             lambda xp, out, a, b: (_share(xp, xp.equal(a, b), xp.less(b, a)),
                                    _share(xp, xp.equal(a, b), xp.less(a, b))))
SUM = Op("sum", "Σ", lambda xp, xs: xp.sum(xs, axis=0),
         lambda xp, out, xs: (1.0,) * len(xs), variadic=True)
DOT = Op("dot", "dot", _dot, _dot_partials, variadic=True)
LOGSUMEXP = Op("logsumexp", "ln Σ exp", _logsumexp,
               lambda xp, out, xs: xp.each(lambda x: xp.exp(x - out), xs), variadic=True)
BINARY_CROSS_ENTROPY = Op("binary_cross_entropy", "BCE",
                          _binary_cross_entropy, _binary_cross_entropy_partials)
# fmt: on

OPS = tuple(row for row in globals().values() if isinstance(row, Op))
BY_NAME = {op.name: op for op in OPS}


def by_name(name: str) -> Op:
    """The row of that name; ValueError lists the names there are.

    >>> by_name("tanh").symbol
    'tanh'
    """
    try:
        return BY_NAME[name]
    except (KeyError, TypeError):
        raise ValueError(f"unknown operation {name!r}; there are {', '.join(BY_NAME)}") from None
