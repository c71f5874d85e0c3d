"""Derivatives by differences, and how they are judged where a function bends, ends or jumps.

Differences are coarse, but see the whole function; `replayed` is what was recorded of it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..ops import FLOAT
from ..value import Value

__all__ = ["Estimate", "Verdict", "differences", "judge", "replayed"]

_ROUNDING = 2.0**-51  # of a difference of two floats, each good to half a last place
_BESIDE_A_JUMP = 1000.0  # times atol: the rounding that is borne where the value jumps


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
