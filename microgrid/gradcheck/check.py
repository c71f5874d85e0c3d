"""Gradient checks that name the wrong operation.

Three opinions are held against the sweep: central differences of the function itself,
one complex step through the recorded graph (exact to rounding), and tangents pushed
forward along the stored local derivatives. Where they disagree, every operation on the
way is checked alone, at its own operands, and the first wrong one is named.
"""

from __future__ import annotations

import functools
import inspect
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

from .. import functional as F
from ..graph import grad
from ..value import Value, creation_order
from .blame import LocalSlope, Opinion, Tolerance, describe, first_slopes, opinion, second_slopes
from .numeric import complex_gradient

__all__ = ["GradcheckError", "Report", "check", "check_second", "gradcheck", "gradgradcheck"]

logger = logging.getLogger(__name__)

SHOWN = 20  # rows of the table in a message

ODDITIES = {
    "kink": "the slopes on both sides differ, and any between them is right",
    "edge": "the function ends here, and its slope was not checked",
    "jump": "the value jumps here, and there is no slope to check",
}


class GradcheckError(AssertionError):
    """A gradient disagrees with its numeric estimates; `report` has the details."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: the gradient towards one input, and the same in forward mode."""

    name: str
    opinion: Opinion
    forward: float

    def cells(self) -> list[str]:
        """The line as text, in the order of HEADER."""
        opinion = self.opinion
        exactly = None if opinion.oddity else opinion.exact
        numbers = (opinion.found, opinion.numeric, exactly, self.forward)
        analytic, numeric, exact, forward = ("" if x is None else f"{x:.10g}" for x in numbers)
        verdict = opinion.oddity if opinion.agrees else "wrong"
        return [self.name, analytic, numeric, f"{opinion.error:.1e}", exact, forward, verdict]


HEADER = ["name", "analytic", "numeric", "rel. error", "complex step", "forward", ""]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found: the table, the operation at fault, and the odd points met.

    >>> print(check(lambda a: a.relu(), [0.0]))
    gradcheck: 1 gradient agrees
      name  analytic  numeric  rel. error  complex step  forward
      a     0         0.5      0.0e+00                   0        kink
    kink at relu(a = 0.0): the slopes on both sides differ, and any between them is right
    """

    root: Value
    rows: list[Row]
    fault: LocalSlope | None = None
    problem: str = ""
    oddities: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problem and not self.fault and not self.wrong

    @property
    def wrong(self) -> list[Row]:
        """The lines of the table that disagree."""
        return [row for row in self.rows if not row.opinion.agrees]

    def __str__(self) -> str:
        worst = sorted(self.rows, key=lambda row: (row.opinion.agrees, -row.opinion.error))
        lines = [f"gradcheck: {self._verdict()}"]
        lines += _table([HEADER, *(row.cells() for row in worst[:SHOWN])]) if worst else []
        lines += [f"  and {len(worst) - SHOWN} more"] if len(worst) > SHOWN else []
        lines += [f"the operation at fault: {self.fault}"] if self.fault else []
        lines += [self.problem] if self.problem else []
        return "\n".join(lines + self.oddities)

    def _verdict(self) -> str:
        n, noun = len(self.rows), "gradient" if len(self.rows) == 1 else "gradients"
        if not n:
            return "no finite number to check"
        if self.wrong:
            return f"{len(self.wrong)} of {n} {noun} wrong"
        return f"{n} {noun} {'agrees' if n == 1 else 'agree'}"


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
    arguments, leaves = _prepare(f, inputs)
    root = _call(f, arguments)
    again = _call(f, arguments).data
    if root.data != again and not (math.isnan(root.data) and math.isnan(again)):
        raise ValueError(f"gradcheck: f gave {root.data!r}, then {again!r} for the same inputs")
    order = creation_order(root)
    if not math.isfinite(root.data):
        first = next(node for node in order if not math.isfinite(node.data))
        return Report(root, [], problem=f"f is {root.data!r}; it begins with {describe(first)}")
    analytic, scale = _sweep(root, order, leaves)
    scaled = replace(tolerance, scale=scale)

    def row(leaf: Value, name: str) -> Row:
        f_of = _varying(f, arguments, leaf)
        exact = complex_gradient(order, leaf)
        found = opinion(analytic[leaf], f_of, leaf.data, exact, scaled)
        return Row(name, found, _tangent(order, leaf))

    report = Report(root, [row(leaf, name) for leaf, name in leaves.items()])
    odd = [row for row in report.rows if row.opinion.oddity]
    if not odd and not report.wrong:
        return report
    on_the_way = _downstream(order, leaves)
    slopes = [slope for node in on_the_way for slope in first_slopes(node, tolerance)]
    report = replace(report, oddities=_say(odd, slopes))
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
    arguments, leaves = _prepare(f, inputs)

    @functools.wraps(f)
    def slope(*arguments: Any) -> Value:
        slopes = grad(_call(f, arguments), list(leaves), create_graph=True)
        return F.dot([golden_weight(i) for i in range(len(slopes))], slopes)

    report = check(slope, arguments, eps, atol, rtol)
    root, tolerance = _call(f, arguments), Tolerance(eps, atol, rtol)
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


# What f is called with


def _prepare(f: Callable[..., Value], inputs: Any) -> tuple[list[Any], dict[Value, str]]:
    """The arguments of f, their numbers as Values, and every leaf among them with its name."""
    if isinstance(inputs, Value | Real) or hasattr(inputs, "named_parameters"):
        inputs = [inputs]
    if not _is_sequence(inputs):
        raise TypeError(f"gradcheck: inputs must be a list, one entry per argument, got {inputs!r}")
    leaves: dict[Value, str] = {}
    names = _names(f, len(inputs))
    arguments = [_enter(x, name, leaves) for x, name in zip(inputs, names)]
    if not leaves:
        raise ValueError("gradcheck: there is no number among the inputs")
    return arguments, leaves


def _parameters(f: Callable[..., Value]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # some callables written in C
        return None


def _names(f: Callable[..., Value], n: int) -> list[str]:
    names: list[str] = []
    for p in _parameters(f) or []:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(n - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return (names + [f"input {i + 1}" for i in range(len(names), n)])[:n]


def _enter(x: Any, name: str, leaves: dict[Value, str]) -> Any:
    if isinstance(x, Real):
        x = Value(x, label=name)
    if isinstance(x, Value):
        leaves.setdefault(x, x.label or name)
        return x
    if hasattr(x, "named_parameters"):
        for inner, value in x.named_parameters():
            leaves.setdefault(value, f"{name}.{inner}")
        return x
    if _is_sequence(x):
        return [_enter(item, f"{name}[{i}]", leaves) for i, item in enumerate(x)]
    raise TypeError(
        f"gradcheck: {name} must be a number, a Value, nested lists of these or a Module, got {x!r}"
    )


def _is_sequence(x: Any) -> bool:
    array = hasattr(x, "tolist")
    return array or (isinstance(x, Sequence) and not isinstance(x, str | bytes))


def _call(f: Callable[..., Value], arguments: Sequence[Any]) -> Value:
    root = f() if _parameters(f) == [] else f(*arguments)
    if not isinstance(root, Value):
        raise TypeError(
            f"gradcheck: f must return a Value, got {root!r}; float(), .data and math "
            f"functions lose the gradient"
        )
    return root


def _varying(f: Callable[..., Value], arguments: Any, leaf: Value) -> Callable[[float], float]:
    here = leaf.data

    def f_of(number: float) -> float:
        leaf.data = number
        try:
            return _call(f, arguments).data
        except (ValueError, ArithmeticError):  # beyond the edge of f's domain
            return math.nan
        finally:
            leaf.data = here

    return f_of


# Gradients, backward and forward


def _sweep(
    root: Value, order: Iterable[Value], leaves: Iterable[Value]
) -> tuple[dict[Value, float], float]:
    """The gradients of the leaves, and the largest on the way; no `grad` is left changed."""
    kept = {node: node.grad for node in (*order, *leaves)}
    try:
        for node in kept:
            node.grad = None
        root.backward()
        scale = max(abs(node.grad or 0.0) for node in order)
        return {leaf: leaf.grad or 0.0 for leaf in leaves}, scale
    finally:
        for node, gradient in kept.items():
            node.grad = gradient


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


def _say(rows: Iterable[Row], slopes: Iterable[LocalSlope]) -> list[str]:
    odd = {slope.node: slope.opinion.oddity for slope in slopes if slope.opinion.oddity}
    said = [f"{oddity} at {describe(node)}: {ODDITIES[oddity]}" for node, oddity in odd.items()]
    kinds = {row.opinion.oddity: row.name for row in rows}
    return said or [
        f"{oddity} of f at {name}: {ODDITIES[oddity]}" for oddity, name in kinds.items()
    ]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]
