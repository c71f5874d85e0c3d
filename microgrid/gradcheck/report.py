"""What a gradient check found, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..graph import describe
from ..value import Value
from ..wording import aligned, clean
from .blame import LocalSlope, Opinion

__all__ = ["GradcheckError", "Report", "Row", "oddities"]

SHOWN = 20  # as many rows of the table stand in a message

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

    >>> from microgrid.gradcheck.check import check
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
        if worst:
            lines += aligned([HEADER, *(row.cells() for row in worst[:SHOWN])], indent="  ")
        lines += [f"  and {len(worst) - SHOWN} more"] if len(worst) > SHOWN else []
        lines += [f"the operation at fault: {self.fault}"] if self.fault else []
        lines += [self.problem] if self.problem else []
        return clean("\n".join(lines + self.oddities))

    def _verdict(self) -> str:
        n, noun = len(self.rows), "gradient" if len(self.rows) == 1 else "gradients"
        if not n:
            return "no finite number to check"
        if self.wrong:
            return f"{len(self.wrong)} of {n} {noun} wrong"
        return f"{n} {noun} {'agrees' if n == 1 else 'agree'}"


def oddities(rows: Iterable[Row], slopes: Iterable[LocalSlope]) -> list[str]:
    """One sentence for each point at which f is not smooth: the nodes to blame, or f itself."""
    odd = {slope.node: slope.opinion.oddity for slope in slopes if slope.opinion.oddity}
    said = [f"{oddity} at {describe(node)}: {ODDITIES[oddity]}" for node, oddity in odd.items()]
    kinds = {row.opinion.oddity: row.name for row in rows}
    return said or [
        f"{oddity} of f at {name}: {ODDITIES[oddity]}" for oddity, name in kinds.items()
    ]
