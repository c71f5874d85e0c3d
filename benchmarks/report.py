"""The document of the ladder, written anew from whatever rungs were measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import costs, kernels, limits
from .peers import PEERS
from .rung import Rung
from .tables import Table, microseconds, ratio

JAX = tuple(peer.name for peer in PEERS if peer.needs == "jax")
TORCH = tuple(peer.name for peer in PEERS if peer.needs == "torch")
CASADI = tuple(peer.name for peer in PEERS if peer.needs == "casadi")
SCALAR = ("micrograd", "minimal slots node")
WAYS = {  # what the README calls a library, and the ways of writing its programs
    "microgrid eager": ("microgrid eager",),
    "microgrid tape, NumPy": ("microgrid tape, NumPy",),
    "NumPy by hand": ("NumPy step by step", "NumPy by hand"),
    "Numba by hand": ("Numba by hand",),
    "PyTorch": TORCH,
    "JAX": JAX,
    "HIPS autograd": ("HIPS autograd",),
    "CasADi": CASADI,
    "micrograd": ("micrograd",),
}
LEFT_OUT = "-"
BEGIN, END = "<!-- written by benchmarks.ladder -->", "<!-- end -->"


def single(rung: Rung, peaks: limits.Peaks) -> list[Table]:
    """The tables of one rung."""
    return [rung.table(peaks), *([_trainings(rung)] if rung.trainings else [])]


def common(rungs: Sequence[Rung], growths: Sequence[costs.Growth]) -> list[Table]:
    """The tables that have a row for each rung."""
    peaks = limits.best([rung.peaks for rung in rungs])
    found = [
        limits.table([(r.title, r.need, r.ours.least) for r in rungs], peaks),
        costs.making([rung.cost for rung in rungs]),
        costs.memory([rung.cost for rung in rungs]),
    ]
    if growths:
        found.append(costs.growing(growths))
    found.append(kernels.table([rung.kernels for rung in rungs]))
    return found


def wanted(rungs: Sequence[Rung]) -> Table:
    """The ratios asked for, in sentences."""
    sentences = [[sentence] for rung in rungs for sentence in _wanted(rung)]
    return Table("What was wanted", ["measured"], sentences)


def document(
    rungs: Sequence[Rung], growths: Sequence[costs.Growth], expected: Sequence[str]
) -> str:
    """The whole of RESULTS.md; `expected` are the titles of all rungs there should be."""
    days = sorted({rung.date for rung in rungs})
    newest = max(rungs, key=lambda rung: rung.date)
    minutes = math.ceil(sum(rung.seconds for rung in rungs) / 60)
    head = [
        "# Benchmark results",
        f"Written by `python -m benchmarks.ladder --save` from {len(rungs)} rungs, measured one by "
        f"one {'on' if len(days) == 1 else 'between'} {' and '.join(days[:: len(days) - 1 or 1])} "
        f"in {minutes} min. All contenders of a rung take turns in rounds, each in a process of "
        "its own; a ratio of medians is the median of the rounds' ratios, a ratio of least times "
        "is freer of whatever else the machine was doing. Below 1 the peer is faster. Where "
        f"nothing stands, nobody wrote that program; {LEFT_OUT} was left out.",
        missing(rungs, growths, expected),
        "\n".join(f"- {fact}" for fact in newest.machine),
        *(
            f"{rung.title} was measured on another machine: {'; '.join(rung.machine)}"
            for rung in rungs
            if rung.machine != newest.machine
        ),
    ]
    peaks = limits.best([rung.peaks for rung in rungs])
    found = [overview(rungs), *(table for rung in rungs for table in single(rung, peaks))]
    found += [*common(rungs, growths), wanted(rungs)]
    return "\n\n".join([*head, *(table.markdown() for table in found)]).rstrip() + "\n"


def missing(rungs: Sequence[Rung], growths: Sequence[costs.Growth], expected: Sequence[str]) -> str:
    """One sentence on what the tables lack."""
    there = {rung.title for rung in rungs}
    lacking = [f"the rung {title}" for title in expected if title not in there]
    lacking += [] if growths else ["how costs grow"]
    reasons: dict[str, list[str]] = {}
    for rung in rungs:
        for absent in rung.absent:
            reasons.setdefault(str(absent), []).append(rung.title)
    lacking += [f"{reason} ({', '.join(titles)})" for reason, titles in reasons.items()]
    return f"Missing: {'; '.join(lacking)}." if lacking else "Nothing is missing."


def in_readme(text: str, table: Table) -> str:
    """The README with its table written anew. ValueError if the marks around it are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no {BEGIN} and {END} around its table")
    return f"{before}{begin}\n\n{table.grid()}\n\n{end}{after}"


def overview(rungs: Sequence[Rung]) -> Table:
    """All rungs in one table: our tape's least time, and how many times that the others take."""
    present = {time.name for rung in rungs for time in rung.times}
    first, *others = [peer.name for peer in PEERS if peer.name in present]
    rows = [[first, *(f"{microseconds(rung.ours.least)} µs" for rung in rungs)]]
    rows += [[name, *(_cell(rung, name) for rung in rungs)] for name in others]
    return Table(
        "One step, forward and backward, the least of all rounds: times our tape's",
        ["", *(rung.title for rung in rungs)],
        rows,
    )


def best_ways(rungs: Sequence[Rung]) -> Table:
    """The README's table: every library once, in the way that was fastest on the rung."""
    rows = [["microgrid tape", *(f"{microseconds(rung.ours.least)} µs" for rung in rungs)]]
    for library, names in WAYS.items():
        fastest = [_least(rung, names) for rung in rungs]
        rows.append([library, *("" if times is None else ratio(times) for times in fastest)])
    return Table("Others' best way each", ["", *(rung.title for rung in rungs)], rows)


def _least(rung: Rung, names: Sequence[str]) -> float | None:
    times = [t for t in map(rung.least_times, names) if t is not None]
    return min(times, default=None)


def _cell(rung: Rung, name: str) -> str:
    times = rung.least_times(name)
    if times is not None:
        return ratio(times)
    return LEFT_OUT if any(absent.name == name for absent in rung.absent) else ""


def _trainings(rung: Rung) -> Table:
    rows = [[name, f"{seconds:.3f}"] for name, seconds in rung.trainings.items()]
    ours = [s for name, s in rung.trainings.items() if name.startswith("microgrid tape")]
    verdict = f"Moons with the tape: {max(ours):.2f} s (wanted: under 1)"
    return Table(
        f"Whole training of the {rung.title}, with recording and planning",
        ["", "seconds"],
        rows,
        [_sentence(verdict, max(ours) < 1.0)],
    )


def _wanted(rung: Rung) -> list[str]:
    """The ratios asked for, each in a sentence that says whether it holds."""
    asked = [("JAX, its best way", JAX, 1.3), ("torch, its best way", TORCH, 10.0)]
    if rung.title.startswith("expression"):
        asked.append(("CasADi, its best way", CASADI, 2.0))
    if rung.title.startswith("microgpt"):
        asked.append(("a micrograd-style Value", SCALAR, 1000.0))
    sentences = []
    for name, peers, limit in asked:
        times = _least(rung, peers)
        if times is not None:
            fact = f"{rung.title}: {name} takes {ratio(times)} times ours"
            sentences.append(_sentence(f"{fact} (wanted: {limit:g})", times >= limit))
    return sentences


def _sentence(fact: str, holds: bool) -> str:
    return f"{fact}: {'holds' if holds else 'FALLS SHORT'}"
