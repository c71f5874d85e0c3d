"""Which operation is at fault: every node checked alone, at its own operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ..derivatives import VALUES, grad
from ..graph import assigned, describe, select_parents
from ..ops import FLOAT, Op
from ..value import Value, record
from .numeric import complex_slope, differences, judge

# The complex step rounds but does not approximate: it is held to this share of the tolerances.
_EXACT = 1e-4


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a slope may lie from its estimates.

    eps is the step of the differences, atol + rtol |slope| what they are allowed;
    scale, the largest gradient on the way, tells how much rounding was summed up.
    """

    eps: float = 1e-6
    atol: float = 1e-7
    rtol: float = 1e-5
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 1e-12 <= self.eps <= 0.1:
            raise ValueError(f"gradcheck: eps must lie in 1e-12..0.1, got {self.eps!r}")
        for name, tolerance in (("atol", self.atol), ("rtol", self.rtol)):
            if not 0.0 <= tolerance < math.inf:
                raise ValueError(f"gradcheck: {name} must be 0 or more, got {tolerance!r}")

    def near(self, a: float, b: float, share: float = 1.0, noise: float = 0.0) -> bool:
        """Whether a and b agree within this share of what is allowed; nan agrees with nan."""
        allowed = self.atol * max(1.0, self.scale) + self.rtol * max(abs(a), abs(b))
        return a == b or abs(a - b) <= share * allowed + noise or (a != a and b != b)


@dataclass(frozen=True, slots=True)
class Opinion:
    """One slope as the engine found it, its numeric estimates, and whether they agree.

    numeric: by central differences; exact: by a complex step, or None; expected: the
    sharper of the two that can be trusted; oddity: "kink", "edge", "jump" or "".
    """

    found: float
    numeric: float
    exact: float | None
    expected: float
    agrees: bool
    oddity: str = ""

    @property
    def error(self) -> float:
        """|found - expected| as a share of the larger; 0 at an odd point that agrees."""
        if self.found == self.expected or (self.oddity and self.agrees):
            return 0.0
        error = abs(self.found - self.expected) / max(abs(self.found), abs(self.expected))
        return math.inf if math.isnan(error) else error


def opinion(
    found: float,
    f: Callable[[float], float],
    x: float,
    exact: float | None,
    tolerance: Tolerance,
) -> Opinion:
    """Hold `found` against differences of f at x, and against the exact slope where there is one.

    >>> from microgrid.ops import TANH
    >>> opinion(0.7, lambda x: x * x, 0.5, 1.0, Tolerance()).agrees
    False
    """
    verdict = judge(found, differences(f, x, tolerance.eps), tolerance.atol, tolerance.rtol)
    numeric, noise, agrees = verdict.estimate.central, verdict.estimate.noise, verdict.agrees
    expected = numeric
    # Differences must bear the complex step out: it knows the recorded graph only.
    if exact is not None and not verdict.oddity and tolerance.near(exact, numeric, noise=noise):
        expected = exact
        agrees = agrees and tolerance.near(found, exact, share=_EXACT)
    return Opinion(found, numeric, exact, expected, agrees, verdict.oddity)


@dataclass(frozen=True, slots=True)
class LocalSlope:
    """The local derivative of one node towards one operand, and what is to be said of it."""

    node: Value
    position: int
    opinion: Opinion
    what: str = "local derivative"

    def __str__(self) -> str:
        operands = self.node.operands
        return (
            f"{describe(self.node)}\n  {self.what} towards operand {self.position + 1} of "
            f"{len(operands)}, {assigned(operands[self.position])}: "
            f"expected {self.opinion.expected:.10g}, found {self.opinion.found:.10g}"
        )


def first_slopes(node: Value, tolerance: Tolerance) -> Iterator[LocalSlope]:
    """Each local derivative stored at the node, checked.

    >>> product = Value(3.0) * Value(4.0)
    >>> [slope.opinion.expected for slope in first_slopes(product, Tolerance())]
    [4.0, 3.0]
    """
    op, numbers = _op(node), [float(x) for x in node.operands]
    for position, found in zip(select_parents(node, range(len(numbers))), node.partials):
        f = _along(lambda moved: float(op.evaluate(FLOAT, moved)), numbers, position)
        exact = complex_slope(op, numbers, position)
        yield LocalSlope(node, position, opinion(found, f, numbers[position], exact, tolerance))


def second_slopes(node: Value, tolerance: Tolerance) -> Iterator[LocalSlope]:
    """Each local derivative as it is recorded for higher orders: its value and its slopes.

    >>> (own, slope) = second_slopes(Value(3.0).sin(), Tolerance())
    >>> slope.what
    'derivative by operand 1 of the local derivative'
    """
    op, numbers = _op(node), [float(x) for x in node.operands]
    leaves = [Value(x) for x in numbers]
    recorded = op.slopes(VALUES, record(op, leaves), leaves)

    def slope_at(moved: Sequence[float], position: int) -> float:
        return float(op.slopes(FLOAT, op.evaluate(FLOAT, moved), moved)[position])

    parents = select_parents(node, range(len(numbers)))
    for position in parents:
        slope, here = recorded[position], slope_at(numbers, position)
        agrees = tolerance.near(float(slope), here)
        own = Opinion(float(slope), here, None, here, agrees)
        yield LocalSlope(node, position, own, "recorded local derivative")
        seconds = grad(slope, leaves) if isinstance(slope, Value) else None
        for other in parents:
            f = _along(partial(slope_at, position=position), numbers, other)
            found = seconds[other].data if seconds else 0.0
            second = opinion(found, f, numbers[other], None, tolerance)
            what = f"derivative by operand {other + 1} of the local derivative"
            yield LocalSlope(node, position, second, what)


def _along(
    f: Callable[[Sequence[float]], float], numbers: list[float], position: int
) -> Callable[[float], float]:
    return lambda x: f([*numbers[:position], x, *numbers[position + 1 :]])


def _op(node: Value) -> Op:
    if node.op is None:
        raise ValueError(f"{node!r} is a leaf: it has no local derivatives")
    return node.op
