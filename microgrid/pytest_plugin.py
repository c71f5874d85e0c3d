"""The pytest plugin: a `gradcheck` fixture, its options, and readable comparisons of Values.

Installed with microgrid. In a run that has no use for it nothing of microgrid is imported
but this file, and nothing is printed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .gradcheck.blame import LocalDerivative
    from .gradcheck.report import GradcheckError, Report, Row
    from .value import Value

__all__ = [
    "Checker", "check_answers", "gradcheck", "pytest_addoption", "pytest_assertrepr_compare",
    "pytest_configure", "pytest_runtest_makereport", "pytest_terminal_summary",
]  # fmt: skip

_NOTE = "gradcheck"  # the user property under which a test says what it noticed


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradcheck", "gradient checks (microgrid)")
    group.addoption(
        "--gradcheck-eps", type=float, metavar="EPS", help="step of the differences (1e-6)"
    )
    group.addoption(
        "--gradcheck-rtol", type=float, metavar="RTOL", help="relative tolerance (1e-5)"
    )
    group.addoption(
        "--gradcheck-subtests",
        action="store_true",
        help="report every gradient of a check as a subtest",
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

    `second=True` checks gradients of gradients as well, `subtests=True` reports every
    gradient as a subtest. `gradcheck.against(f, inputs, gradients)` holds gradients of your
    own against the right ones.
    A PyTorch module, or a function of tensors, is checked as by microgrid.pytorch.gradcheck.
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
        atol: float | None = None,
        rtol: float | None = None,
        second: bool = False,
        subtests: bool = False,
    ) -> bool:
        if _is_pytorchs(f, inputs):
            from .pytorch import gradcheck as exact

            __tracebackhide__ = True
            return exact(f, inputs)
        from .gradcheck import GradcheckError
        from .gradcheck import check as room
        from .gradcheck.blame import Tolerance

        __tracebackhide__ = True
        option = self.request.config.getoption
        asked = {
            "eps": option("gradcheck_eps") if eps is None else eps,
            "atol": atol,
            "rtol": option("gradcheck_rtol") if rtol is None else rtol,
        }
        tolerance = Tolerance(**{name: x for name, x in asked.items() if x is not None})
        for check in (room.check, room.check_second) if second else (room.check,):
            report = check(f, inputs, tolerance)
            if subtests or option("gradcheck_subtests"):
                self._subtests(report.rows)
            self._note(report)
            if not report.ok:
                error = GradcheckError(report)
                if option("gradcheck_picture"):
                    self._draw(error)
                raise error
        return True

    def against(self, f: Any, inputs: Any, gradients: Any, rtol: float = 1e-5) -> bool:
        """Hold gradients computed by hand against the right ones (microgrid.gradcheck.against)."""
        from .gradcheck import against

        __tracebackhide__ = True
        return against(f, inputs, gradients, rtol=rtol)

    def _subtests(self, rows: Sequence[Row]) -> None:
        subtests = self.request.getfixturevalue("subtests")
        for row in rows:
            with subtests.test(msg=row.name):
                if not row.opinion.agrees:
                    pytest.fail(
                        f"gradient of {row.name}: expected {row.opinion.expected:.10g}, "
                        f"found {row.opinion.found:.10g}",
                        pytrace=False,
                    )

    def _note(self, report: Report) -> None:
        """Give what was noticed to the test's report, which also travels between processes."""
        from .wording import clean

        for note in (*report.oddities, *report.notes):
            self.request.node.user_properties.append((_NOTE, clean(note)))

    def _draw(self, error: GradcheckError) -> None:
        """Save a picture beside the tests' root and name it in the report of the failure."""
        root, fault = error.report.root, error.report.fault
        name = re.sub(r"[^\w.-]+", "_", self.request.node.nodeid).strip("_")
        folder = self.request.config.rootpath / self.request.config.getoption(
            "gradcheck_picture_dir"
        )
        try:
            error.add_note(f"picture: {_picture(root, fault, folder, name)}")
        except (OSError, ValueError) as problem:  # no Graphviz, a folder that cannot be written
            error.add_note(f"no picture: {problem}")


def _is_pytorchs(f: Any, inputs: Any) -> bool:
    """Whether f is a torch.nn.Module, or a function of tensors: these are checked exactly."""
    if "torch" not in sys.modules:
        return False
    given = inputs if isinstance(inputs, list | tuple) else [inputs]
    kinds = {base.__module__.partition(".")[0] for x in (f, *given) for base in type(x).__mro__}
    return "torch" in kinds


def _picture(root: Value, fault: LocalDerivative | None, folder: Path, name: str) -> Path:
    import viz

    root.backward()
    folder.mkdir(parents=True, exist_ok=True)
    marked = [fault.node] if fault is not None else []
    title = f"gradcheck: {fault.verdict()}" if fault is not None else "gradcheck"
    return viz.render(root, folder / f"{name}.svg", title=title, marked=marked)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave one line of a failed check to the summary of the run.

    pytest shortens messages there, but not on a CI server or with -vv, where the table of
    gradients would be printed a second time.
    """
    report = yield
    room = sys.modules.get("microgrid.gradcheck.report")
    if room and call.excinfo and isinstance(call.excinfo.value, room.GradcheckError):
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = crash.message.partition("\n")[0]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what the checks noticed. With pytest-xdist the reports come from other processes."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    notes = [
        f"{report.nodeid}: {note}"
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, note in getattr(report, "user_properties", [])
        if name == _NOTE
    ]
    if notes:
        terminalreporter.section("gradcheck: noticed")
        for line in dict.fromkeys(notes):
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
    from .wording import clean

    yield clean(f"{left!r} {op} {right!r}")
    for side, x in (("left", left), ("right", right)):
        if isinstance(x, Value):
            yield clean(f"{side}: {describe(x)}" + (f" = {x.data!r}" if x.op else ""))
    if op in ("==", "!="):
        yield "== asks whether two Values are the same node; compare their .data"
    numbers = [x.data if isinstance(x, Value) else x for x in (left, right)]
    try:
        yield f"left - right = {float(numbers[0]) - float(numbers[1])!r}"
    except (TypeError, ValueError):
        return
