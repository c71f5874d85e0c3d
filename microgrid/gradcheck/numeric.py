"""Derivatives that owe nothing to those of the op table: differences and complex steps.

Only a row's `forward` is used here, so that its `partials` can be held against the
result (`gradcheck`).
"""

import cmath
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

from ..graph import select_parents
from ..ops import FLOAT, Op
from ..sweep import gradients
from ..value import Value

__all__ = [
    "COMPLEX",
    "IMAGINARY_STEP",
    "Estimate",
    "Verdict",
    "complex_derivative",
    "complex_gradients",
    "complex_second_derivative",
    "differences",
    "judge",
    "replayed",
]  # fmt: skip

_Complex: TypeAlias = Any  # a complex number, where FLOAT has a float

# Its square is 0 beside 1, so that no error is made. It is as much smaller than a small operand.
IMAGINARY_STEP = 1e-100
_ROUNDING = 2.0**-51  # of a difference of two floats, each good to half a last place
_BESIDE_A_JUMP = 1000.0  # times atol: the rounding that is borne where the value jumps
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


def replayed(order: Sequence[Value], moved: Mapping[Value, float]) -> float:
    """The last of `order`, computed again by the recorded operations from other leaves.

    nan where that leads out of an operation's domain.

    >>> from microgrid.value import creation_order
    >>> a = Value(3.0)
    >>> replayed(creation_order(a * a.detach()), {a: 5.0})
    15.0
    """
    at: dict[Value, float] = dict(moved)
    try:
        for node in order:
            if node.op is not None and any(parent in at for parent in node.parents):
                numbers = [at.get(x, x.data) if isinstance(x, Value) else x for x in node.operands]
                at.setdefault(node, float(node.op.evaluate(FLOAT, numbers)))
    except (ValueError, ArithmeticError):
        return math.nan
    return at.get(order[-1], order[-1].data)


def _finite(derivative: float) -> float | None:
    return derivative if math.isfinite(derivative) else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Derivatives by differences with one step: on both sides, below, above; their rounding."""

    central: float
    left: float
    right: float
    noise: float

    @property
    def jump(self) -> float:
        """By how much the derivative changes at the point: of the order of the step if smooth."""
        return self.right - self.left

    @property
    def is_finite(self) -> bool:
        """Whether f is defined on both sides."""
        return math.isfinite(self.left) and math.isfinite(self.right)

    def jumps(self, allowed: float) -> bool:
        """Whether that is more than errors of the size `allowed` explain."""
        return abs(self.jump) > 10.0 * (allowed + self.noise)


def differences(
    f: Callable[[float], float], x: float, eps: float, here: float | None = None
) -> Iterator[Estimate]:
    """Estimates of f'(x): steps of eps times the size of x, then ten times smaller each.

    here: f(x), if it is known already.

    >>> estimate = next(differences(lambda x: x * x, 3.0, eps=1e-6))
    >>> round(estimate.central, 6)
    6.0
    """
    here = f(x) if here is None else here
    step = eps * max(1.0, abs(x))
    for _ in range(16):
        above, below = x + step, x - step
        if not below < x < above:
            return
        f_above, f_below = f(above), f(below)
        yield Estimate(
            central=(f_above - f_below) / (above - below),
            left=(here - f_below) / (x - below),
            right=(f_above - here) / (above - x),
            noise=_ROUNDING * (abs(f_above) + abs(f_below) + abs(here)) / step,
        )
        step /= 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a derivative agrees with differences, the best estimate, and what is odd there.

    oddity: "" at a smooth point, "kink" where those on both sides differ (any derivative
    between them agrees), "edge" where the function is not defined on both sides, "jump"
    where its value is another on either side (every derivative agrees).
    """

    agrees: bool
    estimate: Estimate
    oddity: str = ""


def _grows(far: Estimate, near: Estimate, atol: float) -> bool:
    """Whether a step of a tenth saw as large a change: the value jumps within it."""
    return abs(near.central) > 5.0 * abs(far.central) + atol


def judge(derivative: float, estimates: Iterable[Estimate], atol: float, rtol: float) -> Verdict:
    """Hold d against differences: |d - difference| <= atol + rtol |d| + rounding.

    A step that is too long for the function (it crosses a kink, or the point is tiny)
    is followed by shorter ones until rounding drowns the difference. Where the value jumps
    within the steps, shorter ones still tell more than rounding hides of so steep a change.

    >>> judge(0.5, differences(lambda x: max(x, 0.0), 0.0, 1e-6), 1e-7, 1e-5).oddity
    'kink'
    """
    tried: list[Estimate] = []
    agreed, jumped = None, False
    for estimate in estimates:
        allowed = atol + rtol * max(abs(derivative), abs(estimate.central))
        borne = max(allowed, _BESIDE_A_JUMP * atol) if jumped else allowed
        if len(tried) > 2 and estimate.noise > borne:
            break
        close = abs(derivative - estimate.central) <= allowed + estimate.noise
        if not tried and not close and estimate.is_finite and not estimate.jumps(allowed):
            # Both sides agree with one another already. Shorter steps would only hide what
            # disappears below the rounding of f.
            return Verdict(False, estimate)
        tried.append(estimate)
        jumped = len(tried) > 1 and _grows(tried[0], tried[1], atol)
        agreed = agreed or (estimate if close else None)
        if agreed is not None and not estimate.jumps(allowed):
            return Verdict(True, agreed)
    before, last = tried[-2:]
    if not (tried[0].is_finite and last.is_finite):
        return Verdict(agreed is None or agreed.noise < math.inf, last, "edge")
    # What rounding leaves of a smooth function jumps in the end as well, but not from the start.
    pairs = ((tried[0], tried[1]), (before, last))
    if all(_grows(far, near, atol) for far, near in pairs):
        return Verdict(True, last, "jump")
    allowed = atol + rtol * max(abs(last.left), abs(last.right))
    if last.jumps(allowed) and abs(last.jump - before.jump) < 0.1 * abs(last.jump):
        low, high = sorted((last.left, last.right))
        margin = allowed + last.noise
        return Verdict(low - margin <= derivative <= high + margin, last, "kink")
    return Verdict(agreed is not None, agreed or tried[0])
