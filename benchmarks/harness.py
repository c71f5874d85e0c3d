"""Fair timing on a busy machine: contenders take turns, and only ratios within a turn count.

Every contender lives in a process of its own, so that it pays for its own garbage and for
nobody else's, nor for another's thread pool or import. A round times each of them once,
one after the other; a ratio is the median over the rounds of (their time / our time),
which a slow spell of the machine cannot bend because it slows both.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .tables import Table, microseconds, ratio

WARM = 20  # steps before the first that counts, unless they take long
LEAST_ROUNDS = 2  # for a contender that takes long

# BLAS threads cost more than they give on matrices of this size, and fight over two cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Contender:
    """`make(*args)` returns the step to be timed; `needs` is the package it is made of.

    A step far below a millisecond is repeated until one timing `fill`s that many seconds.
    `summary` makes a number, or a few, of what the first step returned, to be compared.
    """

    name: str
    make: Callable[..., Callable[[], Any]]
    args: tuple[Any, ...] = ()
    needs: str = "microgrid"
    fill: float = 0.0
    summary: Callable[[Any], Any] = float

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


@dataclass(frozen=True)
class Result:
    name: str
    seconds: list[float]  # per step, one entry a round
    answer: Any  # the summary of the first step, to compare with the others

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    def least_times(self, ours: Result) -> float:
        """How many times our least time its own least time is: what load adds is in neither."""
        return self.least / ours.least

    def times(self, ours: Result) -> float:
        """How many times our time this contender takes."""
        return statistics.median(t / o for t, o in zip(self.seconds, ours.seconds))

    def agrees(self, ours: Result) -> bool:
        """To nine digits: both computed the same thing."""
        return bool(np.allclose(self.answer, ours.answer, rtol=1e-9, atol=1e-9))


@dataclass(frozen=True)
class Standings:
    """A race that was run; ours is the first contender. `missing` are not installed."""

    title: str
    results: list[Result]
    missing: list[Contender]

    def __post_init__(self) -> None:
        ours = self.results[0]
        for result in self.results:
            if not result.agrees(ours):
                raise SystemExit(
                    f"{result.name} computes {result.answer!r}, {ours.name} {ours.answer!r}"
                )

    def times(self, name: str) -> float | None:
        """How many times our time a contender takes; None if it was not there."""
        ours = self.results[0]
        return next((r.times(ours) for r in self.results if r.name == name), None)

    def least_times(self, name: str) -> float | None:
        """The same of the least times."""
        ours = self.results[0]
        return next((r.least_times(ours) for r in self.results if r.name == name), None)

    def table(self) -> Table:
        ours = self.results[0]
        skipped = [
            f"{contender.name} skipped: {contender.needs} is not installed"
            for contender in self.missing
        ]
        return Table(
            f"{self.title} ({len(ours.seconds)} alternating rounds)",
            ["", "median µs", "times ours", "min µs", "times ours"],
            [
                [
                    r.name,
                    microseconds(r.median),
                    ratio(r.times(ours)),
                    microseconds(r.least),
                    ratio(r.least_times(ours)),
                ]
                for r in self.results
            ],
            skipped,
        )


def measure(
    title: str, contenders: Sequence[Contender], rounds: int, seconds: float = 60.0
) -> Standings:
    """Race the contenders that are installed; SystemExit if one computes something else."""
    here, missing = split_installed(contenders)
    return Standings(title, race(here, rounds, seconds), missing)


def report(title: str, contenders: Sequence[Contender], rounds: int) -> None:
    """Measure, and print each beside ours, the first."""
    print("\n" + "\n".join(measure(title, contenders, rounds).table().lines()), flush=True)


def held_bytes(build: Callable[[], Any]) -> int:
    """Traced memory of what `build` returns; a first call makes the imports."""
    build()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = build()
        after = tracemalloc.get_traced_memory()[0]
        del kept
        return after - before
    finally:
        tracemalloc.stop()


def race(contenders: Sequence[Contender], rounds: int, seconds: float = 60.0) -> list[Result]:
    """Time the contenders in turns, `rounds` times or until `seconds` are over."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    runners = []
    for contender in contenders:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, contender), daemon=True)
        process.start()
        there.close()
        runners.append((contender, process, here))
    results = [
        Result(contender.name, [], _answer(connection)) for contender, _, connection in runners
    ]
    deadline = time.perf_counter() + seconds
    for done in range(rounds):
        if done and time.perf_counter() > deadline:
            break
        for result, (_, _, connection) in zip(results, runners):
            if done >= LEAST_ROUNDS and sum(result.seconds) > seconds / 10:
                continue  # so that one that takes seconds does not cost the others their rounds
            connection.send("go")
            result.seconds.append(_answer(connection))
    for _, process, connection in runners:
        connection.send("stop")
        process.join()
    return results


def split_installed(contenders: Sequence[Contender]) -> tuple[list[Contender], list[Contender]]:
    """Those that can run here, and those whose package is missing."""
    here = [contender for contender in contenders if contender.installed]
    missing = [contender for contender in contenders if not contender.installed]
    return here, missing


def _answer(connection: Connection) -> Any:
    answer = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _serve(connection: Connection, contender: Contender) -> None:
    sys.setrecursionlimit(1_000_000)  # micrograd sorts its graph by recursion
    try:
        step = contender.make(*contender.args)
        connection.send(contender.summary(step()))
        repeats = max(1, math.ceil(contender.fill / _once(step)))
    except Exception as error:
        connection.send(error)
        return
    while connection.recv() == "go":
        start = time.perf_counter()
        for _ in range(repeats):
            step()
        connection.send((time.perf_counter() - start) / repeats)


def _once(step: Callable[[], Any]) -> float:
    """Seconds of a step that is warm: caches, allocator, compiled code."""
    found: list[float] = []
    while len(found) < WARM and sum(found) < 0.2:
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return min(found)
