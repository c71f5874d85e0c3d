"""One rung of the ladder: raced, weighed, held against the processor, kept as a small file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from microgrid.files import write_whole

from . import costs, kernels, limits
from .harness import Absent, Contender, Result, Standings, measure, race
from .machine import facts
from .peers import PEERS, make
from .problems import Moons
from .tables import Table, microseconds, ratio

FILL = 0.002  # seconds of one timing: short, so that some timings have the core alone
TAPES = (("one point recorded, a batch of all", "ours"), ("all points in + * relu", "ours_plain"))
SCALED = ("microgrid eager", "NumPy by hand", "torch.nn", "micrograd")


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds of turns, and the seconds that a contender has to get ready."""

    rounds: int = 100
    limit: float = 300.0
    smoke: bool = False
    packages: Sequence[str] | None = None  # race only what needs these


@dataclass(frozen=True)
class Time:
    """Seconds of one contender's step; `times` is the median of its ratios to ours."""

    name: str
    median: float
    times: float
    least: float


@dataclass(frozen=True)
class Rung:
    """All that was measured of one problem; `times` begins with ours."""

    key: str
    title: str
    date: str
    seconds: float
    machine: list[str]
    rounds: int
    times: list[Time]
    absent: list[Absent]
    need: limits.Need
    peaks: limits.Peaks
    cost: costs.Cost
    kernels: kernels.Kernels
    trainings: dict[str, float]

    @property
    def ours(self) -> Time:
        return self.times[0]

    def least_times(self, name: str) -> float | None:
        """How many times our least time a contender's is; None if it was not there."""
        return next((t.least / self.ours.least for t in self.times if t.name == name), None)

    def table(self, peaks: limits.Peaks) -> Table:
        """All contenders, beside ours and beside what the processor allows."""
        limit = self.need.seconds(peaks)
        rows = [
            [
                t.name,
                microseconds(t.median),
                ratio(t.times),
                microseconds(t.least),
                ratio(t.least / self.ours.least),
                ratio(t.least / limit),
            ]
            for t in self.times
        ]
        return Table(
            f"{self.title} ({self.rounds} alternating rounds)",
            ["", "median µs", "times ours", "min µs", "times ours", "times the limit"],
            rows,
            [f"The processor's limit is {microseconds(limit)} µs."] + list(map(str, self.absent)),
        )


def run(key: str, rung: str, problem: Any, effort: Effort, file: Path) -> None:
    """Measure a rung and keep it in the file."""
    start = time.perf_counter()
    standings = _raced(rung, problem, effort)
    trainings = _trainings(problem, standings) if isinstance(problem, Moons) else {}
    rounds = 1 if effort.smoke else 3
    found = Rung(
        key,
        str(problem),
        str(date.today()),
        0.0,
        facts(dict.fromkeys(["numpy", *(p.needs for p in PEERS if p.needs != "microgrid")])),
        len(standings.results[0].seconds),
        [_time(result, standings.results[0]) for result in standings.results],
        standings.absent,
        limits.need(problem),
        limits.peaks(),
        costs.measure(problem, rounds, 0.0 if effort.smoke else FILL),
        kernels.measure(problem, rounds),
        trainings,
    )
    kept = asdict(replace(found, seconds=time.perf_counter() - start))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(kept, indent=1) + "\n")


def run_growth(effort: Effort, file: Path) -> None:
    """Measure how the costs of a tape grow, and keep it in the file."""
    found = costs.growths(effort.smoke, 3, 0.0 if effort.smoke else FILL)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps([asdict(growth) for growth in found], indent=1) + "\n")


def read(file: Path) -> Rung:
    """A rung as it was kept. ValueError, naming the file, if it cannot be one."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        parts: dict[str, Any] = {
            "times": [Time(**entry) for entry in kept["times"]],
            "absent": [Absent(**entry) for entry in kept["absent"]],
            "need": limits.Need(**kept["need"]),
            "peaks": limits.Peaks(**kept["peaks"]),
            "cost": costs.Cost(**kept["cost"]),
            "kernels": kernels.Kernels(**kept["kernels"]),
        }
        return Rung(**{**kept, **parts})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} does not hold a rung, measure it anew: {error}") from None


def read_growth(file: Path) -> list[costs.Growth]:
    """The growths as they were kept. ValueError, naming the file, if it cannot be any."""
    try:
        return [costs.Growth(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file} does not hold growths, measure them anew: {error}") from None


def _raced(rung: str, problem: Any, effort: Effort) -> Standings:
    peers = [peer for peer in PEERS if rung in peer.rungs]
    wanted = [
        peer
        for peer in peers
        if not (effort.smoke and peer.slow)
        and (effort.packages is None or peer.needs in ("microgrid", *effort.packages))
    ]
    fill = 0.0 if effort.smoke else FILL
    contenders = [peer.contender(rung, problem, fill) for peer in wanted]
    standings = measure(str(problem), contenders, effort.rounds, limit=effort.limit)
    others = [Absent(peer.name, "was not asked for") for peer in peers if peer not in wanted]
    return replace(standings, absent=[*standings.absent, *others])


def _time(result: Result, ours: Result) -> Time:
    return Time(result.name, result.median, result.times(ours), result.least)


def training(module: str, problem: Moons) -> Any:
    """The moons from nothing: record, plan, all steps. It returns the last loss."""
    step = make(module, "moons", problem)
    for _ in range(problem.epochs - 1):
        step()
    return step()[0]


def _trainings(problem: Moons, rung: Standings) -> dict[str, float]:
    """Whole trainings in seconds; those that have nothing to prepare, scaled from one step."""
    tapes = [Contender(name, _whole, (module, problem)) for name, module in TAPES]
    found = {f"microgrid tape, {run.name}": run.median for run in race(tapes, 3)}
    for result in rung.results:
        if result.name in SCALED:
            found[f"{result.name}, scaled from one step"] = problem.epochs * result.median
    return found


def _whole(module: str, problem: Moons) -> Any:
    """A step that is a whole training."""

    def step() -> float:
        training(module, problem)
        return 0.0  # a hundred steps through kinks spread the last digits: nothing to compare

    return step
