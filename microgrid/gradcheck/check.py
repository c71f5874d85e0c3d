"""Gradient checks that name the wrong operation.

The sweep is held against central differences of the function itself, against complex
steps through the recorded operations (exact to rounding), and against forward mode. Where
they disagree, every operation on the way is checked alone, at its own operands, and the
first wrong one is named. Differences see the whole function but are coarse, complex steps
are exact but see only what was recorded: so the graph is computed again with other numbers
where they disagree, which tells whether it is the whole function.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import functional as F
from ..derivatives import grad
from ..graph import describe, gradient_of, put_gradient
from ..value import Value, creation_order
from ..wording import shortened
from .arguments import Direction, call, golden_weight, prepare
from .blame import LocalDerivative, Tolerance, first_order, opinion, second_order
from .complex_step import complex_gradients
from .numeric import differences, replayed
from .report import GradcheckError, Report, Row, oddities

__all__ = ["check", "check_second", "gradcheck", "gradgradcheck"]

_logger = logging.getLogger("microgrid.gradcheck")

_USUAL = Tolerance()
_ONE_BY_ONE = 64  # up to as many leaves have a line of their own in any case
_GROUPS = 16  # more leaves than that are first checked in so many groups


def gradcheck(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = Tolerance.eps,
    atol: float = Tolerance.atol,
    rtol: float = Tolerance.rtol,
) -> bool:
    """Whether backward() gives the derivatives of f; GradcheckError names the wrong op.

    f: takes one argument per entry of `inputs`, or none at all, and returns a Value.
    inputs: numbers with a point, Values, nested lists of these, or objects whose Values are
        to be checked: Modules, and instances of any class of your own. Everything else is
        passed on as it is; an integer is an index or a size, unless it stands in a list
        beside numbers with a point.
    eps: the step, as a share of the input where that is larger than 1.
    A gradient passes if |analytic - numeric| <= atol + rtol |gradient| + rounding, and
    if it lies ten thousand times nearer to the complex step wherever there is one. At a
    kink (relu at 0, a tie of max) any derivative between those of both sides passes; the log
    "microgrid.gradcheck" says so, and names labelled Values that f uses unasked.

    >>> gradcheck(lambda a, b: (a * b).tanh(), [0.5, -2.0])
    True
    >>> def forgets(a):
    ...     return a * a.detach()
    >>> gradcheck(forgets, [3.0])
    Traceback (most recent call last):
    ...
    microgrid.gradcheck.GradcheckError: gradcheck: 1 of 1 gradient wrong
      name  analytic  numeric  rel. error
      a     3         6        5.0e-01     wrong
    Every operation on the way is right by itself. f depends on a in a way that was not
    recorded (float(), .data, detach(), math functions), or was recorded before f was called.
    """
    return _raise_or_log(check(f, inputs, Tolerance(eps, atol, rtol)))


def gradgradcheck(
    f: Callable[..., Value],
    inputs: Any,
    eps: float = Tolerance.eps,
    atol: float = Tolerance.atol,
    rtol: float = Tolerance.rtol,
) -> bool:
    """Whether gradients of gradients of f are right: gradcheck, one order higher.

    The recorded gradient (`grad(..., create_graph=True)`), weighted and summed, is
    itself checked.

    >>> gradgradcheck(lambda a, b: a**3 * b.sin(), [2.0, 0.7])
    True
    """
    tolerance = Tolerance(eps, atol, rtol)
    _raise_or_log(check(f, inputs, tolerance))
    return _raise_or_log(check_second(f, inputs, tolerance))


def _raise_or_log(report: Report) -> bool:
    if not report.ok:
        raise GradcheckError(report)
    for said in (*report.oddities, *report.notes):
        _logger.warning(said)
    return True


def check(f: Callable[..., Value], inputs: Any, tolerance: Tolerance = _USUAL) -> Report:
    """As gradcheck, but returns the Report whatever it says.

    >>> check(lambda a: a * a, [3.0]).rows[0].opinion.numeric
    6.0
    """
    arguments, leaves = prepare(f, inputs)
    root, again = call(f, arguments), call(f, arguments)
    if root.data != again.data and not (math.isnan(root.data) and math.isnan(again.data)):
        raise ValueError(
            f"gradcheck: f gave {root.data!r}, then {again.data!r} for the same inputs"
        )
    order = creation_order(root)
    if not math.isfinite(root.data):
        first = next(node for node in order if not math.isfinite(node.data))
        return Report(root, [], problem=f"f is {root.data!r}; it begins with {describe(first)}")
    found = _Gradients(f, arguments, leaves, order, tolerance)
    report = Report(root, list(found.rows()), notes=_unchecked(order, again, leaves))
    odd = [row for row in report.rows if row.opinion.oddity]
    if odd or report.wrong:
        on_the_way = _downstream(order, leaves)
        found_locally = [x for node in on_the_way for x in first_order(node, tolerance)]
        report = replace(report, oddities=oddities(odd, found_locally))
        report = _blame(report, found_locally, found) if report.wrong else report
    return report if report.wrong else replace(report, problem=found.sweep_problem())


def check_second(f: Callable[..., Value], inputs: Any, tolerance: Tolerance = _USUAL) -> Report:
    """As gradgradcheck, but returns the Report whatever it says.

    >>> report = check_second(lambda a: a**3, [2.0])
    >>> report.rows[0].opinion.found == 12.0 * golden_weight(0)
    True
    """
    arguments, leaves = prepare(f, inputs)

    @functools.wraps(f)
    def gradient(*arguments: Any) -> Value:
        gradients = grad(call(f, arguments), list(leaves), create_graph=True)
        return F.dot([golden_weight(i) for i in range(len(gradients))], gradients)

    report = check(gradient, arguments, tolerance)
    root = call(f, arguments)
    for node in _downstream(creation_order(root), leaves):
        for local in second_order(node, tolerance, thorough=not report.ok):
            if not local.opinion.agrees:
                return replace(report, root=root, fault=local, problem="")
    return report


# Gradients by every way there is


class _Gradients:
    """The gradients of f towards its leaves: swept, by differences, by complex steps."""

    def __init__(
        self,
        f: Callable[..., Value],
        arguments: Sequence[Any],
        leaves: Mapping[Value, str],
        order: Sequence[Value],
        tolerance: Tolerance,
    ) -> None:
        self.f, self.arguments, self.leaves, self.order = f, arguments, leaves, order
        self.root = order[-1]
        self.swept, scale = _swept(order, leaves)
        self.exact = complex_gradients(order)
        self.tolerance = replace(tolerance, scale=scale)

    def rows(self) -> Iterator[Row]:
        """A line for each leaf; where there are many, one for a group of them that agrees.

        A group is moved along one direction, in which no two leaves go equally far: that
        the derivative in it is right and one of its gradients wrong would be a coincidence.
        """
        leaves = list(self.leaves)
        size = 1 if len(leaves) <= _ONE_BY_ONE else math.ceil(len(leaves) / _GROUPS)
        for i in range(0, len(leaves), size):
            group = leaves[i : i + size]
            row = self._row(group)
            if len(group) > 1 and (row.opinion.oddity or not row.opinion.agrees):
                yield from (self._row([leaf]) for leaf in group)
            else:
                yield row

    def _row(self, group: Sequence[Value]) -> Row:
        moved = Direction(group)
        exact = moved.derivative([self.exact.get(leaf, 0.0) for leaf in group])
        first, last = self.leaves[group[0]], self.leaves[group[-1]]
        estimates = differences(
            lambda x: moved.value(self.f, self.arguments, x),
            moved.start,
            self.tolerance.eps,
            self.root.data,
        )
        found = opinion(
            moved.derivative([self.swept[leaf] for leaf in group]) or 0.0,
            estimates,
            exact,
            self.tolerance,
            lambda: self.is_recorded(moved),
        )
        name = first if len(group) == 1 else f"{first} .. {last}, along one line"
        return Row(name, found, len(group))

    def is_recorded(self, moved: Direction) -> bool:
        """Whether the graph, computed again nearby, gives what f gives: nothing was left out."""
        first = self.tolerance.eps * max(1.0, abs(moved.start))
        for factor in (1.0, 1e-3, 1e3, 1e6):  # far enough that f changes, near enough for a branch
            step, pairs = first * factor, []
            for x in (moved.start - step, moved.start + step):
                called = moved.value(self.f, self.arguments, x)
                pairs.append((called, replayed(self.order, moved.at(x))))
            changed = any(again != self.root.data for _, again in pairs)
            if changed and all(a == b or (a != a and b != b) for a, b in pairs):
                return True
        return False

    def jumps(self, moved: Direction) -> bool:
        """Whether f changes by as much over a tenth of the step, as no smooth function does."""
        step = self.tolerance.eps * max(1.0, abs(moved.start))
        changes = [
            abs(moved.value(self.f, self.arguments, moved.start + side * size) - self.root.data)
            for size in (step, step / 10.0)
            for side in (1.0, -1.0)
        ]
        return max(changes[2:]) > 0.5 * max(changes[:2])

    def sweep_problem(self) -> str:
        """What is wrong with the sweep itself, held against forward mode along one direction."""
        weights = {leaf: golden_weight(i) for i, leaf in enumerate(self.leaves)}
        expected, size = _tangent(self.order, weights)
        found = math.fsum(weight * self.swept[leaf] for leaf, weight in weights.items())
        if abs(found - expected) <= 1e-9 * max(size, abs(found), abs(expected)):
            return ""
        for leaf, name in self.leaves.items():
            forward, _ = _tangent(self.order, {leaf: 1.0})
            if not self.tolerance.near(self.swept[leaf], forward):
                return f"forward mode gives {forward:.10g} for {name}: the sweep is wrong."
        return ""


def _swept(order: Sequence[Value], leaves: Iterable[Value]) -> tuple[dict[Value, float], float]:
    """The gradients of the leaves by backward(), and the largest on the way.

    No `grad` is left changed: a sweep may have been there before.
    """
    kept = {node: gradient_of(node) for node in (*order, *leaves)}
    try:
        for node in kept:
            put_gradient(node, None)
        order[-1].backward()
        return {leaf: leaf.grad for leaf in leaves}, max(abs(node.grad) for node in order)
    finally:
        for node, gradient in kept.items():
            put_gradient(node, gradient)


def _tangent(order: Sequence[Value], seeds: Mapping[Value, float]) -> tuple[float, float]:
    """(derivative of the last of `order` along `seeds`, the size of its largest summand).

    Forward mode, along the stored local derivatives.
    """
    tangents, size = dict(seeds), 0.0
    for node in order:
        edges = zip(node.parents, node.partials)
        pushed = [local * tangents[parent] for parent, local in edges if parent in tangents]
        if pushed:
            tangents.setdefault(node, sum(pushed))
            size = max(size, *map(abs, pushed))
    return tangents.get(order[-1], 0.0), size


# What is said


def _downstream(order: Iterable[Value], leaves: Iterable[Value]) -> list[Value]:
    """The nodes between the leaves and the end, in order."""
    reached = set(leaves)
    for node in order:
        if not reached.isdisjoint(node.parents):
            reached.add(node)
    return [node for node in order if node in reached and node.op]


def _unchecked(order: Sequence[Value], again: Value, leaves: Mapping[Value, str]) -> list[str]:
    """A sentence about labelled leaves that f brought along itself, if there are any."""
    both = set(creation_order(again))
    missed = [x for x in order if x.op is None and x in both and x not in leaves and x.label]
    if not missed:
        return []
    names = ", ".join(shortened([x.label for x in missed], most=6))
    return [f"not checked, since they are not among the inputs: {names}"]


def _blame(report: Report, checked: Sequence[LocalDerivative], found: _Gradients) -> Report:
    for local in checked:
        if not local.opinion.agrees:
            return replace(report, fault=local)
    problem = "Every operation on the way is right by itself"
    if any(local.opinion.oddity for local in checked):
        problem += ",\nbut not all of them are smooth here, so that f may have no such gradient:"
        return replace(report, problem=problem)
    if sweep := found.sweep_problem():
        return replace(report, problem=f"{problem}, and {sweep}")
    wrong = report.wrong[0]
    leaf = next(leaf for leaf, name in found.leaves.items() if name == wrong.name)
    if found.is_recorded(Direction([leaf])):
        problem += (
            f", and they are all that f does with {wrong.name}.\nSo it is f that is too steep "
            f"here, or loses too many digits, to be checked with eps={found.tolerance.eps:g}."
        )
    elif found.jumps(Direction([leaf])):
        problem += (
            f". But f bends or jumps nearer to {wrong.name} than\neps={found.tolerance.eps:g}, and "
            f"differences step over that: check it at another place."
        )
    else:
        problem += (
            f". f depends on {wrong.name} in a way that was not\nrecorded (float(), .data, "
            f"detach(), math functions), or was recorded before f was called."
        )
    return replace(report, problem=problem)
