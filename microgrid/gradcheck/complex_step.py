"""Derivatives by complex steps: exact to rounding, and they owe nothing to those of the op table.

Only a row's `forward` is used here, so that its `partials` can be held against the
result (`gradcheck`).
"""

import cmath
import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, TypeAlias

from ..graph import select_parents
from ..ops import FLOAT, Op
from ..sweep import gradients
from ..value import Value

__all__ = [
    "COMPLEX",
    "IMAGINARY_STEP",
    "complex_derivative",
    "complex_gradients",
    "complex_second_derivative",
]

_Complex: TypeAlias = Any  # a complex number, where FLOAT has a float

# Its square is 0 beside 1, so that no error is made. It is as much smaller than a small operand.
IMAGINARY_STEP = 1e-100
_UNDEFINED = (ArithmeticError, ValueError, TypeError, AttributeError)


class COMPLEX(FLOAT):
    """Functions on x + ih under NumPy's names, with h far below the rounding of x.

    What compares or selects looks at the real part, so that every branch taken is the
    one of the real number. Raises ValueError or ArithmeticError off the real domain.

    >>> round(COMPLEX.tanh(0.5 + 1e-150j).imag / 1e-150, 12)  # 1 - tanh(0.5)**2
    0.786447732966
    """

    exp: _Complex = staticmethod(cmath.exp)
    tanh: _Complex = staticmethod(cmath.tanh)
    sin: _Complex = staticmethod(cmath.sin)
    cos: _Complex = staticmethod(cmath.cos)
    tan: _Complex = staticmethod(cmath.tan)
    sinh: _Complex = staticmethod(cmath.sinh)
    cosh: _Complex = staticmethod(cmath.cosh)
    atan: _Complex = staticmethod(cmath.atan)
    asinh: _Complex = staticmethod(cmath.asinh)
    isfinite: _Complex = staticmethod(cmath.isfinite)

    @staticmethod
    def expm1(z: _Complex) -> _Complex:
        return complex(math.expm1(z.real), cmath.exp(z).imag)

    @staticmethod
    def log(z: _Complex) -> _Complex:
        return cmath.log(_right_half(z))

    @staticmethod
    def log2(z: _Complex) -> _Complex:
        return cmath.log(_right_half(z)) / math.log(2.0)

    @staticmethod
    def log10(z: _Complex) -> _Complex:
        return cmath.log10(_right_half(z))

    @staticmethod
    def asin(z: _Complex) -> _Complex:
        return cmath.asin(_within(z, -1.0, 1.0))

    @staticmethod
    def acos(z: _Complex) -> _Complex:
        return cmath.acos(_within(z, -1.0, 1.0))

    @staticmethod
    def acosh(z: _Complex) -> _Complex:
        return cmath.acosh(_within(z, 1.0, math.inf))

    @staticmethod
    def atanh(z: _Complex) -> _Complex:
        return cmath.atanh(_within(z, -1.0, 1.0))

    @staticmethod
    def erf(z: _Complex) -> _Complex:
        """2 / sqrt(pi) exp(-z**2) (z + 2 z**3 / 3 + 4 z**5 / 15 + ...), which never cancels."""
        if abs(z.real) > 26.0:  # the derivative is 0 beside any number
            return complex(math.erf(z.real))
        term = total = z
        n = 1
        while abs(term) > 1e-17 * abs(total):
            n += 2
            term *= 2.0 * z * z / n
            total += term
        return complex(
            math.erf(z.real), (2.0 / math.sqrt(math.pi) * cmath.exp(-z * z) * total).imag
        )

    @staticmethod
    def log1p(z: _Complex) -> _Complex:
        return complex(math.log1p(z.real), math.atan2(z.imag, 1.0 + z.real))

    @staticmethod
    def sqrt(z: _Complex) -> _Complex:
        return cmath.sqrt(_right_half(z))

    @staticmethod
    def divide(a: _Complex, b: _Complex) -> _Complex:
        return a / b

    @staticmethod
    def power(a: _Complex, b: _Complex) -> _Complex:
        whole = b.imag == 0.0 and b.real.is_integer()
        if whole and abs(b.real) <= 100.0:
            return complex(a) ** int(b.real)
        # The logarithm of a negative base has the imaginary part pi, in which h would be lost.
        if a.real < 0.0 and whole:
            sign = -1.0 if b.real % 2.0 else 1.0
            return sign * cmath.exp(b * cmath.log(-a))
        return cmath.exp(b * cmath.log(_right_half(a)))

    @staticmethod
    def abs(z: _Complex) -> _Complex:
        return z if z.real >= 0.0 else -z

    @staticmethod
    def sign(z: _Complex) -> _Complex:
        return complex(FLOAT.sign(z.real))

    @staticmethod
    def maximum(a: _Complex, b: _Complex) -> _Complex:
        return a if a.real >= b.real else b

    @staticmethod
    def minimum(a: _Complex, b: _Complex) -> _Complex:
        return a if a.real <= b.real else b

    @staticmethod
    def max(zs: Sequence[_Complex], axis: int = 0) -> _Complex:
        return reduce(COMPLEX.maximum, zs)

    @staticmethod
    def equal(a: _Complex, b: _Complex) -> bool:
        return bool(a.real == b.real)

    @staticmethod
    def less(a: _Complex, b: _Complex) -> bool:
        return bool(a.real < b.real)

    @staticmethod
    def less_equal(a: _Complex, b: _Complex) -> bool:
        return bool(a.real <= b.real)

    @staticmethod
    def greater_equal(a: _Complex, b: _Complex) -> bool:
        return bool(a.real >= b.real)


def _right_half(z: complex) -> complex:
    if z.real < 0.0:
        raise ValueError(f"{z.real!r} is not in the domain")
    return z


def _within(z: complex, low: float, high: float) -> complex:
    if not low <= z.real <= high:
        raise ValueError(f"{z.real!r} is not in the domain")
    return z


def complex_derivative(op: Op, operands: Sequence[float], position: int) -> float | None:
    """d(op)/d(operand), exact to rounding; None where the op knows no complex numbers.

    f(x + ih) = f(x) + ih f'(x) for tiny h: nothing is subtracted, so nothing cancels
    (Squire and Trapp, 1998).

    >>> from microgrid.ops import MUL
    >>> complex_derivative(MUL, [3.0, 4.0], 0)
    4.0
    """
    stepped, step = _stepped(operands, position)
    try:
        return _finite(op.evaluate(COMPLEX, stepped).imag / step)
    except _UNDEFINED:
        return None


def complex_second_derivative(
    op: Op, operands: Sequence[float], position: int, other: int
) -> float | None:
    """The derivative by operand `other` of the local derivative towards operand `position`.

    A complex step through the local derivative as the table has it.

    >>> from microgrid.ops import MUL
    >>> complex_second_derivative(MUL, [3.0, 4.0], 0, 1)
    1.0
    """
    stepped, step = _stepped(operands, other)
    try:
        value = op.evaluate(COMPLEX, stepped)
        local: _Complex = op.local_derivatives(COMPLEX, value, stepped)[position]
        return _finite(complex(local).imag / step)
    except _UNDEFINED:
        return None


def _stepped(operands: Sequence[float], position: int) -> tuple[list[_Complex], float]:
    """The operands with ih added to one of them, and h."""
    step = IMAGINARY_STEP * (min(1.0, abs(operands[position])) or 1.0)
    moved: list[_Complex] = list(map(complex, operands))
    moved[position] += complex(0.0, step)
    return moved, step


def complex_gradients(order: Sequence[Value]) -> dict[Value, float | None]:
    """d(last of `order`)/d(node) for every node, from the complex steps of single operations.

    None where a node's way to the end leads through an operation that knows no complex
    numbers. Only the values of the graph are read, none of its local derivatives.

    >>> from microgrid.value import creation_order
    >>> a = Value(3.0)
    >>> complex_gradients(creation_order(a * a))[a]
    6.0
    """
    steps = ((node, _complex_edges(node, node.op)) for node in reversed(order) if node.op)
    found = gradients(order[-1], steps)
    return {node: _finite(found.get(node, 0.0)) for node in order}


def _complex_edges(node: Value, op: Op) -> Iterator[tuple[Value, float]]:
    """Each parent, and the local derivative towards it by a complex step; nan without one."""
    numbers = [float(x) for x in node.operands]
    positions = select_parents(node, range(len(numbers)))
    for parent, position in zip(node.parents, positions):
        derivative = complex_derivative(op, numbers, position)
        yield parent, math.nan if derivative is None else derivative


def _finite(derivative: float) -> float | None:
    return derivative if math.isfinite(derivative) else None
