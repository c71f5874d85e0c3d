"""The pytest plugin: a `gradcheck` fixture, its options, and readable comparisons of Values.

Installed with microgrid. Nothing of it is imported or printed in a run that has no use
for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .gradcheck.report import GradcheckError, Report, Row
    from .value import Value

ODDITIES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradcheck", "gradient checks (microgrid)")
    group.addoption(
        "--gradcheck-eps", type=float, metavar="EPS", help="step of the differences (1e-6)"
    )
    group.addoption(
        "--gradcheck-rtol", type=float, metavar="RTOL", help="relative tolerance (1e-5)"
    )
    group.addoption(
        "--gradcheck-picture",
        action="store_true",
        help="draw the graph of a failed gradient check, the operation at fault marked",
    )
    group.addoption(
        "--gradcheck-picture-dir",
        default="gradcheck-pictures",
        metavar="DIR",
        help="folder of these pictures (gradcheck-pictures)",
    )


def pytest_configure(config: pytest.Config) -> None:
    given = {name: config.getoption(f"gradcheck_{name}") for name in ("eps", "rtol")}
    given = {name: x for name, x in given.items() if x is not None}
    if given:
        from .gradcheck.blame import Tolerance

        try:
            Tolerance(**given)
        except ValueError as error:
            raise pytest.UsageError(f"--{str(error).replace(': ', '-', 1)}") from None


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Checker:
    """Check gradients: `gradcheck(f, inputs)`, as microgrid.gradcheck.gradcheck.

    One subtest per parameter; `second=True` checks gradients of gradients as well.
    """
    return Checker(request)


@pytest.fixture
def check_answers() -> Callable[[Any], None]:
    """Check a student's answers: `check_answers("answers.json")` fails with what went wrong.

    The file is the one that `microgrid exercise` writes, filled in.
    """

    def check(answers: Any) -> None:
        from .exercise import check_answers as hold

        __tracebackhide__ = True
        report = hold(answers)
        if not report.ok:
            pytest.fail(str(report), pytrace=False)

    return check


@dataclass(frozen=True)
class Checker:
    """What the fixture hands out: a gradcheck that knows the options of the run."""

    request: pytest.FixtureRequest

    def __call__(
        self,
        f: Callable[..., Value],
        inputs: Any,
        *,
        eps: float | None = None,
        atol: float = 1e-7,
        rtol: float | None = None,
        second: bool = False,
    ) -> bool:
        from .gradcheck import GradcheckError
        from .gradcheck import check as room

        __tracebackhide__ = True
        option = self.request.config.getoption
        eps = next(x for x in (eps, option("gradcheck_eps"), 1e-6) if x is not None)
        rtol = next(x for x in (rtol, option("gradcheck_rtol"), 1e-5) if x is not None)
        for check in (room.check, room.check_second) if second else (room.check,):
            report = check(f, inputs, eps, atol, rtol)
            self._subtests(report.rows)
            self._say(report)
            if not report.ok:
                error = GradcheckError(report)
                if option("gradcheck_picture"):
                    self._draw(error)
                raise error
        return True

    def _subtests(self, rows: Sequence[Row]) -> None:
        try:
            subtests = self.request.getfixturevalue("subtests")
        except pytest.FixtureLookupError:  # pytest 8 without pytest-subtests
            return
        for row in rows:
            with subtests.test(msg=row.name):
                if not row.opinion.agrees:
                    pytest.fail(
                        f"gradient of {row.name}: expected {row.opinion.expected:.10g}, "
                        f"found {row.opinion.found:.10g}",
                        pytrace=False,
                    )

    def _say(self, report: Report) -> None:
        said = self.request.config.stash.setdefault(ODDITIES, [])
        said += [f"{self.request.node.nodeid}: {oddity}" for oddity in report.oddities]

    def _draw(self, error: GradcheckError) -> None:
        """Save a picture beside the tests' root and name it in the report of the failure."""
        root, fault = error.report.root, error.report.fault
        name = re.sub(r"[^\w.-]+", "_", self.request.node.nodeid).strip("_")
        folder = self.request.config.rootpath / self.request.config.getoption(
            "gradcheck_picture_dir"
        )
        try:
            error.add_note(
                f"picture: {_picture(root, fault.node if fault else None, folder, name)}"
            )
        except (OSError, ValueError) as problem:  # no Graphviz, a folder that cannot be written
            error.add_note(f"no picture: {problem}")


def _picture(root: Value, guilty: Value | None, folder: Path, name: str) -> Path:
    import viz

    root.backward()
    folder.mkdir(parents=True, exist_ok=True)
    marked = [guilty] if guilty is not None else []
    title = f"gradcheck: {guilty.op} is wrong" if guilty is not None else "gradcheck"
    return viz.render(root, folder / f"{name}.svg", title=title, marked=marked)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    said = config.stash.get(ODDITIES, [])
    if said:
        terminalreporter.section("gradcheck: not smooth here")
        for line in dict.fromkeys(said):
            terminalreporter.line(line)


# Comparisons


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """For an assertion that compares Values: their numbers, and where they come from."""
    if "microgrid.value" not in sys.modules:
        return None
    from .value import Value

    if isinstance(left, Value) or isinstance(right, Value):
        return list(_compared(op, left, right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and op == "==":
        for i, (x, y) in enumerate(zip(left, right)):
            if x is not y and x != y and (isinstance(x, Value) or isinstance(y, Value)):
                inner = list(_compared(op, x, y))
                return [
                    f"{len(left)} and {len(right)} entries, at index {i}: {inner[0]}",
                    *inner[1:],
                ]
    return None


def _compared(op: str, left: Any, right: Any) -> Iterator[str]:
    from .graph import describe
    from .value import Value

    yield f"{left!r} {op} {right!r}"
    for side, x in (("left", left), ("right", right)):
        if isinstance(x, Value):
            yield f"{side}: {describe(x)}" + (f" = {x.data!r}" if x.op else "")
    if op in ("==", "!="):
        yield "== asks whether two Values are the same node; compare their .data"
    numbers = [x.data if isinstance(x, Value) else x for x in (left, right)]
    try:
        yield f"left - right = {float(numbers[0]) - float(numbers[1])!r}"
    except (TypeError, ValueError):
        return
