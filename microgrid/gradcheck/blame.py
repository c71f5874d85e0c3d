"""Which operation is at fault: every node checked alone, at its own operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ..derivatives import VALUES, grad
from ..graph import assigned, describe, select_parents
from ..ops import FLOAT, OPS, Op
from ..value import Value, record
from .complex_step import complex_derivative, complex_second_derivative
from .numeric import Estimate, differences, judge

__all__ = ["LocalDerivative", "Opinion", "Tolerance", "first_order", "opinion", "second_order"]

# The complex step rounds but does not approximate: it is held to this share of the tolerances.
_EXACT = 1e-4


@dataclass(frozen=True)
class Tolerance:
    """How far a derivative may lie from its estimates; the defaults of all checks stand here.

    eps is the step of the differences, atol + rtol |derivative| what they are allowed;
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
    """One derivative as the engine found it, its numeric estimates, and whether they agree.

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
    estimates: Iterable[Estimate],
    exact: float | None,
    tolerance: Tolerance,
    is_recorded: Callable[[], bool] = lambda: False,
) -> Opinion:
    """Hold `found` against differences, and against the exact derivative where there is one.

    The exact derivative is that of what was recorded, or of a row of the op table. It counts
    where the differences bear it out. They fail where a function is too steep or rounds too
    much, so it counts as well where `is_recorded` says that nothing was left out of it.

    >>> from microgrid.gradcheck.numeric import differences
    >>> opinion(0.7, differences(lambda x: x * x, 0.5, 1e-6), 1.0, Tolerance()).agrees
    False
    """
    verdict = judge(found, estimates, tolerance.atol, tolerance.rtol)
    numeric, noise = verdict.estimate.central, verdict.estimate.noise
    if exact is not None:
        right = tolerance.near(found, exact, share=_EXACT)
        if verdict.oddity == "jump" and is_recorded():
            return Opinion(found, numeric, exact, exact, right)  # it was rounding that jumped
        if verdict.oddity:
            # At a kink the complex step sees the branch taken, which is as good as any other.
            if not verdict.agrees and right and is_recorded():
                return Opinion(found, numeric, exact, exact, True)
        elif tolerance.near(exact, numeric, noise=noise) or (not verdict.agrees and is_recorded()):
            return Opinion(found, numeric, exact, exact, right)
    return Opinion(found, numeric, exact, numeric, verdict.agrees, verdict.oddity)


@dataclass(frozen=True, slots=True)
class LocalDerivative:
    """The local derivative of one node towards one operand, and what is to be said of it."""

    node: Value
    position: int
    opinion: Opinion
    what: str = "local derivative"

    def verdict(self) -> str:
        """In one line, for the title of a picture that rings the node."""
        expected, found = self.opinion.expected, self.opinion.found
        to = assigned(self.node.operands[self.position])
        return (
            f"{self.node.op} is wrong: its {self.what} towards {to} is {found:.4g}, "
            f"expected {expected:.4g}"
        )

    def __str__(self) -> str:
        operands = self.node.operands
        return (
            f"{describe(self.node)}\n  {self.what} towards operand {self.position + 1} of "
            f"{len(operands)}, {assigned(operands[self.position])}: "
            f"expected {self.opinion.expected:.10g}, found {self.opinion.found:.10g}"
        )


def first_order(node: Value, tolerance: Tolerance) -> Iterator[LocalDerivative]:
    """Each local derivative stored at the node, checked.

    >>> product = Value(3.0) * Value(4.0)
    >>> [local.opinion.expected for local in first_order(product, Tolerance())]
    [4.0, 3.0]
    """
    op, numbers = _op(node), [float(x) for x in node.operands]
    for position, found in zip(select_parents(node, range(len(numbers))), node.partials):
        f = _along(lambda moved: float(op.evaluate(FLOAT, moved)), numbers, position)
        estimates = differences(f, numbers[position], tolerance.eps)
        exact = complex_derivative(op, numbers, position)
        checked = opinion(found, estimates, exact, tolerance, lambda: op in OPS)
        yield LocalDerivative(node, position, checked)


def second_order(
    node: Value, tolerance: Tolerance, thorough: bool = True
) -> Iterator[LocalDerivative]:
    """Each local derivative as it is recorded for higher orders: its value and its derivatives.

    thorough: whether to check its derivatives as well, which takes most of the time.

    >>> (own, second) = second_order(Value(3.0).sin(), Tolerance())
    >>> second.what
    'derivative by operand 1 of the local derivative'
    """
    op, numbers = _op(node), [float(x) for x in node.operands]
    leaves = [Value(x) for x in numbers]
    recorded = op.local_derivatives(VALUES, record(op, leaves), leaves)

    def local_at(moved: Sequence[float], position: int) -> float:
        return float(op.local_derivatives(FLOAT, op.evaluate(FLOAT, moved), moved)[position])

    parents = select_parents(node, range(len(numbers)))
    for position in parents:
        local, here = recorded[position], local_at(numbers, position)
        agrees = tolerance.near(float(local), here)
        own = Opinion(float(local), here, None, here, agrees)
        yield LocalDerivative(node, position, own, "recorded local derivative")
        if not thorough:
            continue
        seconds = grad(local, leaves) if isinstance(local, Value) else None
        for other in parents:
            f = _along(partial(local_at, position=position), numbers, other)
            found = seconds[other].data if seconds else 0.0
            estimates = differences(f, numbers[other], tolerance.eps)
            exact = complex_second_derivative(op, numbers, position, other)
            second = opinion(found, estimates, exact, tolerance, lambda: op in OPS)
            what = f"derivative by operand {other + 1} of the local derivative"
            yield LocalDerivative(node, position, second, what)


def _along(
    f: Callable[[Sequence[float]], float], numbers: list[float], position: int
) -> Callable[[float], float]:
    return lambda x: f([*numbers[:position], x, *numbers[position + 1 :]])


def _op(node: Value) -> Op:
    if node.op is None:
        raise ValueError(f"{node!r} is a leaf: it has no local derivatives")
    return node.op
