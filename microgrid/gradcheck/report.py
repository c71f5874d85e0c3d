"""What a gradient check found, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..graph import describe
from ..value import Value
from ..wording import aligned, clean
from .blame import LocalDerivative, Opinion

__all__ = ["GradcheckError", "Report", "Row", "oddities"]

_SHOWN = 20  # as many rows of the table stand in a message

_ODDITIES = {
    "kink": "the derivatives on both sides differ, and any between them is right",
    "edge": "the function ends here, and its derivative was not checked",
    "jump": "the value jumps here, and there is no derivative to check",
}


class GradcheckError(AssertionError):
    """A gradient is wrong; `report` has the details, a Report or a list of Comparisons."""

    def __init__(self, report: Any) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: the gradient towards one input, or along a line through `count`."""

    name: str
    opinion: Opinion
    count: int = 1

    def cells(self) -> list[str]:
        """The line as text, in the order of _HEADER."""
        opinion = self.opinion
        # The complex step sees what the sweep sees. Where both agree it is no second opinion.
        told = opinion.exact is not None and not opinion.agrees and not opinion.oddity
        exact = opinion.exact if told and opinion.exact == opinion.expected else None
        numbers = (opinion.found, opinion.numeric, exact)
        analytic, numeric, complex_step = ("" if x is None else f"{x:.10g}" for x in numbers)
        verdict = opinion.oddity if opinion.agrees else "wrong"
        return [self.name, analytic, numeric, complex_step, f"{opinion.error:.1e}", verdict]


_HEADER = ["name", "analytic", "numeric", "complex step", "rel. error", ""]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found: the table, the operation at fault, and the odd points met.

    >>> from microgrid.gradcheck.check import check
    >>> print(check(lambda a: a.relu(), [0.0]))
    gradcheck: 1 gradient agrees
      name  analytic  numeric  rel. error
      a     0         0.5      0.0e+00     kink
    kink at relu(a = 0.0): the derivatives on both sides differ, and any between them is right
    """

    root: Value
    rows: list[Row]
    fault: LocalDerivative | None = None
    problem: str = ""
    oddities: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

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
        if worst:
            lines += aligned(_filled([row.cells() for row in worst[:_SHOWN]]), indent="  ")
        lines += [f"  and {len(worst) - _SHOWN} more"] if len(worst) > _SHOWN else []
        lines += [f"the operation at fault: {self.fault}"] if self.fault else []
        lines += [self.problem] if self.problem else []
        return clean("\n".join([*lines, *self.oddities, *self.notes]))

    def _verdict(self) -> str:
        n = sum(row.count for row in self.rows)
        noun = "gradient" if n == 1 else "gradients"
        if not n:
            return "no finite number to check"
        if self.wrong:
            because = f", because of {describe(self.fault.node)}" if self.fault else ""
            return f"{sum(row.count for row in self.wrong)} of {n} {noun} wrong{because}"
        return f"{n} {noun} {'agrees' if n == 1 else 'agree'}"


def _filled(rows: list[list[str]]) -> list[list[str]]:
    """The rows below their heading, without columns in which nothing would stand."""
    kept = [i for i, heading in enumerate(_HEADER) if not heading or any(row[i] for row in rows)]
    return [[row[i] for i in kept] for row in [_HEADER, *rows]]


def oddities(rows: Iterable[Row], checked: Iterable[LocalDerivative]) -> list[str]:
    """One sentence for each point at which f is not smooth: the nodes to blame, or f itself."""
    odd = {local.node: local.opinion.oddity for local in checked if local.opinion.oddity}
    said = [f"{oddity} at {describe(node)}: {_ODDITIES[oddity]}" for node, oddity in odd.items()]
    kinds = {row.opinion.oddity: row.name for row in rows}
    return said or [
        f"{oddity} of f at {name}: {_ODDITIES[oddity]}" for oddity, name in kinds.items()
    ]
