"""Gradient checks that name the wrong operation.

Three opinions are held against the sweep: central differences of the function itself,
one complex step through the recorded graph (exact to rounding), and tangents pushed
forward along the stored local derivatives. Where they disagree, every operation on the
way is checked alone, at its own operands, and the first wrong one is named.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from .. import functional as F
from ..derivatives import grad
from ..graph import describe, gradient_of, put_gradient
from ..value import Value, creation_order
from .arguments import call, prepare, varying
from .blame import LocalSlope, Tolerance, first_slopes, opinion, second_slopes
from .numeric import complex_gradient
from .report import GradcheckError, Report, Row, oddities

__all__ = ["check", "check_second", "gradcheck", "gradgradcheck"]

logger = logging.getLogger(__name__)


def gradcheck(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> bool:
    """Whether backward() gives the derivatives of f; GradcheckError names the wrong op.

    f: takes one argument per entry of `inputs`, or none at all, and returns a Value.
    inputs: numbers, Values, nested lists of these, or Modules (their parameters).
    eps: the step, as a share of the input where that is larger than 1.
    A gradient passes if |analytic - numeric| <= atol + rtol |gradient| + rounding, and
    if it lies ten thousand times nearer to the complex step wherever there is one. At a
    kink (relu at 0, a tie of max) any slope between those of both sides passes; the log
    "microgrid.gradcheck" says so.

    >>> gradcheck(lambda a, b: (a * b).tanh(), [0.5, -2.0])
    True
    >>> def forgets(a):
    ...     return a * a.detach()
    >>> gradcheck(forgets, [3.0])
    Traceback (most recent call last):
    ...
    microgrid.gradcheck.GradcheckError: gradcheck: 1 of 1 gradient wrong
      name  analytic  numeric  rel. error  complex step  forward
      a     3         6        5.0e-01     3             3        wrong
    Every operation on the way is right by itself. f depends on a in a way that was not
    recorded (float(), .data, detach(), math functions), or was recorded before f was called.
    """
    return _raise_or_log(check(f, inputs, eps, atol, rtol))


def gradgradcheck(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> bool:
    """Whether gradients of gradients of f are right: gradcheck, one order higher.

    The recorded gradient (`grad(..., create_graph=True)`), weighted and summed, is
    itself checked; the column "forward" is then forward over reverse.

    >>> gradgradcheck(lambda a, b: a**3 * b.sin(), [2.0, 0.7])
    True
    """
    _raise_or_log(check(f, inputs, eps, atol, rtol))
    return _raise_or_log(check_second(f, inputs, eps, atol, rtol))


def _raise_or_log(report: Report) -> bool:
    if not report.ok:
        raise GradcheckError(report)
    for oddity in report.oddities:
        logger.warning(oddity)
    return True


def check(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> Report:
    """As gradcheck, but returns the Report whatever it says.

    >>> check(lambda a: a * a, [3.0]).rows[0].opinion.numeric
    6.0
    """
    tolerance = Tolerance(eps, atol, rtol)
    arguments, leaves = prepare(f, inputs)
    root = call(f, arguments)
    again = call(f, arguments).data
    if root.data != again and not (math.isnan(root.data) and math.isnan(again)):
        raise ValueError(f"gradcheck: f gave {root.data!r}, then {again!r} for the same inputs")
    order = creation_order(root)
    if not math.isfinite(root.data):
        first = next(node for node in order if not math.isfinite(node.data))
        return Report(root, [], problem=f"f is {root.data!r}; it begins with {describe(first)}")
    analytic, scale = _sweep(root, order, leaves)
    scaled = replace(tolerance, scale=scale)

    def row(leaf: Value, name: str) -> Row:
        f_of = varying(f, arguments, leaf)
        exact = complex_gradient(order, leaf)
        found = opinion(analytic[leaf], f_of, leaf.data, exact, scaled)
        return Row(name, found, _tangent(order, leaf))

    report = Report(root, [row(leaf, name) for leaf, name in leaves.items()])
    odd = [row for row in report.rows if row.opinion.oddity]
    if not odd and not report.wrong:
        return report
    on_the_way = _downstream(order, leaves)
    slopes = [slope for node in on_the_way for slope in first_slopes(node, tolerance)]
    report = replace(report, oddities=oddities(odd, slopes))
    return _blame(report, slopes, scaled) if report.wrong else report


def check_second(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> Report:
    """As gradgradcheck, but returns the Report whatever it says.

    >>> report = check_second(lambda a: a**3, [2.0])
    >>> report.rows[0].opinion.found == 12.0 * golden_weight(0)
    True
    """
    arguments, leaves = prepare(f, inputs)

    @functools.wraps(f)
    def slope(*arguments: Any) -> Value:
        slopes = grad(call(f, arguments), list(leaves), create_graph=True)
        return F.dot([golden_weight(i) for i in range(len(slopes))], slopes)

    report = check(slope, arguments, eps, atol, rtol)
    root, tolerance = call(f, arguments), Tolerance(eps, atol, rtol)
    for node in _downstream(creation_order(root), leaves):
        for local in second_slopes(node, tolerance):
            if not local.opinion.agrees:
                return replace(report, root=root, fault=local, problem="")
    return report


def golden_weight(i: int) -> float:
    """The i-th of weights 0.5..1.5, all different, under which gradients do not cancel.

    >>> golden_weight(0), round(golden_weight(1), 3)
    (0.5, 1.118)
    """
    return 0.5 + i * 0.6180339887498949 % 1.0


# Gradients, backward and forward


def _sweep(
    root: Value, order: Iterable[Value], leaves: Iterable[Value]
) -> tuple[dict[Value, float], float]:
    """The gradients of the leaves, and the largest on the way; no `grad` is left changed."""
    kept = {node: gradient_of(node) for node in (*order, *leaves)}
    try:
        for node in kept:
            node.grad = None
        root.backward()
        scale = max(abs(node.grad) for node in order)
        return {leaf: leaf.grad for leaf in leaves}, scale
    finally:
        for node, gradient in kept.items():
            put_gradient(node, gradient)


def _tangent(order: Sequence[Value], leaf: Value) -> float:
    """d(last of `order`)/d(leaf) in forward mode, along the stored local derivatives."""
    tangents = {leaf: 1.0}
    for node in order:
        edges = zip(node.parents, node.partials)
        pushed = [slope * tangents[parent] for parent, slope in edges if parent in tangents]
        if pushed:
            tangents.setdefault(node, sum(pushed))
    return tangents.get(order[-1], 0.0)


# What is said


def _downstream(order: Iterable[Value], leaves: Iterable[Value]) -> list[Value]:
    """The nodes between the leaves and the end, in order."""
    reached = set(leaves)
    for node in order:
        if not reached.isdisjoint(node.parents):
            reached.add(node)
    return [node for node in order if node in reached and node.op]


def _blame(report: Report, slopes: Iterable[LocalSlope], tolerance: Tolerance) -> Report:
    for slope in slopes:
        if not slope.opinion.agrees:
            return replace(report, fault=slope)
    problem = "Every operation on the way is right by itself"
    for row in report.rows:
        if not tolerance.near(row.opinion.found, row.forward):
            problem += (
                f", and forward mode gives {row.forward:.10g} for {row.name}: the sweep is wrong."
            )
            return replace(report, problem=problem)
    problem += (
        f". f depends on {report.wrong[0].name} in a way that was not\nrecorded (float(), .data, "
        f"detach(), math functions), or was recorded before f was called."
    )
    return replace(report, problem=problem)
