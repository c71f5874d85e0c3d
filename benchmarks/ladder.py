"""Our tape beside its peers, rung by rung, and what a tape costs: `python -m benchmarks.ladder`.

Every rung is one step, forward and backward, in float64 from the same numbers; peers take
turns, each in a process of its own with one thread. A peer that computes another loss or
another gradient ends the race. Peers that are not installed are skipped and named.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from microgrid.files import write_whole

from . import costs, kernels, limits
from .harness import Contender, Standings, measure, race
from .machine import facts
from .peers import PEERS, contenders, make
from .problems import CharLSTM, CharRNN, Expression, MicroGPT, Moons
from .tables import Table, microseconds, ratio

RESULTS = "benchmarks/RESULTS.md"
SEQUENCES = [CharRNN(3, 4, 4), CharRNN(16, 27, 8), CharRNN(64, 27, 25)]
RUNGS: list[tuple[str, Any]] = [
    *(("char_rnn", problem) for problem in SEQUENCES),
    ("lstm", CharLSTM(32, 27, 20)),
    ("moons", Moons()),
    ("expression", Expression(4000)),
    ("microgpt", MicroGPT()),
]
SMOKE: list[tuple[str, Any]] = [
    ("char_rnn", CharRNN(3, 4, 4)),
    ("moons", Moons(points=4, hidden=3, epochs=3)),
    ("expression", Expression(40)),
    ("microgpt", MicroGPT(tokens=3, letters=5, width=4, heads=2, places=3)),
]
TAPES = (("one point recorded, a batch of all", "ours"), ("all points in + * relu", "ours_plain"))


def training(module: str, problem: Moons) -> Any:
    """The moons from nothing: record, plan, all steps. It returns the last loss."""
    step = make(module, "moons", problem)
    for _ in range(problem.epochs - 1):
        step()
    return step()[0]


def trainings(problem: Moons, rung: Standings, rounds: int) -> Table:
    """Whole trainings in seconds; those that have nothing to prepare, scaled from one step."""
    runs = [Contender(name, whole, (module, problem)) for name, module in TAPES]
    results = race(runs, rounds)
    rows = [[f"microgrid tape, {run.name}", f"{run.median:.3f}"] for run in results]
    scaled = ("microgrid eager", "NumPy by hand", "torch.nn", "micrograd")
    rows += [
        [f"{result.name}, scaled from one step", f"{problem.epochs * result.median:.3f}"]
        for result in rung.results
        if result.name in scaled
    ]
    slowest = max(result.median for result in results)
    verdict = f"Moons with the tape, {problem.epochs} steps: {slowest:.2f} s (wanted: under 1)"
    return Table(
        f"Whole training of the {problem}, {problem.epochs} steps, with recording and planning",
        ["", "seconds"],
        rows,
        [sentence(verdict, slowest < 1.0)],
    )


def whole(module: str, problem: Moons) -> Any:
    """A step that is a whole training."""

    def run() -> float:
        training(module, problem)
        return 0.0  # a hundred steps through kinks spread the last digits: nothing to compare

    return run


def sentence(fact: str, holds: bool) -> str:
    return f"{fact}: {'holds' if holds else 'FALLS SHORT'}"


def overview(rungs: Sequence[Standings]) -> Table:
    """All rungs in one table: our tape's least time, and how many times that the others take."""
    names = dict.fromkeys(result.name for rung in rungs for result in rung.results)
    ours = next(iter(names))
    rows = [[ours, *(f"{microseconds(rung.results[0].least)} µs" for rung in rungs)]]
    for name in list(names)[1:]:
        times = [rung.least_times(name) for rung in rungs]
        rows.append([name, *("" if t is None else ratio(t) for t in times)])
    return Table(
        "One step, forward and backward, the least of all rounds: times our tape's",
        ["", *(r.title for r in rungs)],
        rows,
    )


def best(rung: Standings, *names: str) -> float | None:
    """The fastest of some contenders, in times ours, least times both."""
    times = [rung.least_times(name) for name in names]
    return min([t for t in times if t is not None], default=None)


JAX = ("jax.jit", "jax.jit, one thread", "jax, unrolled, flat, ahead of time")
TORCH = ("torch, loop over cells", "torch.nn", "torch on arrays", "torch.compile")
CASADI = ("CasADi", "CasADi, its own C")
SCALAR = ("micrograd", "minimal slots node")


def wanted(rungs: Sequence[Standings], found: Sequence[costs.Cost]) -> list[str]:
    """The ratios asked for, each in a sentence that says whether it holds."""
    sentences = []
    for rung in rungs:
        asked = [("JAX, its best way", JAX, 1.3), ("torch, its best way", TORCH, 10.0)]
        if rung.title.startswith("expression"):
            asked.append(("CasADi, its best way", CASADI, 2.0))
        if rung.title.startswith("microgpt"):
            asked.append(("a micrograd-style Value", SCALAR, 1000.0))
        for name, peers, limit in asked:
            times = best(rung, *peers)
            if times is not None:
                fact = f"{rung.title}: {name} takes {ratio(times)} times ours"
                sentences.append(sentence(f"{fact} (wanted: {limit:g})", times >= limit))
    for cost in found:
        passes = cost.planning
        fact = f"{cost.problem}: planning takes {ratio(passes)} eager passes (wanted: at most 5)"
        sentences.append(sentence(fact, passes <= 5.0))
    return sentences


def show(table: Table) -> Table:
    print("\n" + "\n".join(table.lines()), flush=True)
    return table


def climb(smoke: bool, packages: Sequence[str] | None, slow: bool = False) -> list[Table]:
    """Run everything; the tables, as they are printed. `slow`: with torch.compile as well."""
    rounds, fill = (3, 0.0) if smoke else (100, 0.002)  # short, so that some have the core alone
    peers = [p for p in PEERS if packages is None or p.needs in ("microgrid", *packages)]
    peers = [p for p in peers if slow or not p.slow]
    tables: list[Table] = []
    rungs: list[Standings] = []
    for rung, problem in SMOKE if smoke else RUNGS:
        standings = measure(str(problem), contenders(rung, problem, fill, peers), rounds)
        tables.append(show(standings.table()))
        rungs.append(standings)
        if rung == "moons":
            tables.append(show(trainings(problem, standings, 3)))
    problems = [problem for _, problem in (SMOKE[:1] if smoke else RUNGS)]
    found = costs.measure(problems, 3, fill)
    tables.append(show(costs.making(found)))
    tables.append(show(costs.memory(problems)))
    tables.append(show(costs.growing(costs.growths(smoke, 3, fill))))
    tables.append(show(kernels.table(problems)))
    tables.append(show(limits.table(problems, [rung.results[0].least for rung in rungs])))
    sentences = [[line] for line in wanted([] if smoke else rungs, found)]
    tables.append(show(Table("What was wanted", ["measured"], sentences)))
    return [show(overview(rungs)), *tables]


def markdown(tables: Sequence[Table], seconds: float) -> str:
    """The whole of RESULTS.md."""
    packages = dict.fromkeys(["numpy", *(p.needs for p in PEERS if p.needs != "microgrid")])
    head = [
        "# Benchmark results",
        f"Written by `python -m benchmarks.ladder --save` on {date.today()}, in "
        f"{math.ceil(seconds / 60)} min. All take turns in rounds; a ratio of medians is the "
        "median of the rounds' ratios, a ratio of least times is free of whatever else the machine "
        "was doing. Below 1 the peer is faster.",
        "\n".join(f"- {fact}" for fact in facts(packages)),
    ]
    return "\n\n".join([*head, *(table.markdown() for table in tables)]).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ladder", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, in seconds")
    parser.add_argument(
        "--peers",
        nargs="*",
        metavar="PACKAGE",
        help="race only these packages, e.g. numpy torch (default: all that are installed)",
    )
    parser.add_argument(
        "--save",
        nargs="?",
        const=RESULTS,
        metavar="FILE",
        help=f"also write the tables in Markdown, with machine and versions (to {RESULTS})",
    )
    parser.add_argument(
        "--slow", action="store_true", help="also race torch.compile, which takes minutes a rung"
    )
    options = parser.parse_args(arguments)
    known = {peer.needs for peer in PEERS}
    for package in options.peers or []:
        if package not in known:
            parser.error(f"{package!r} is no peer; there are {', '.join(sorted(known))}")
    start = time.perf_counter()
    tables = climb(options.smoke, options.peers, options.slow)
    if options.save:
        print(
            f"\nwritten: {write_whole(options.save, markdown(tables, time.perf_counter() - start))}"
        )


if __name__ == "__main__":
    main()
