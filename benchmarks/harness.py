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
import signal
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .progress import progress
from .tables import Table, duration, microseconds, ratio

WARM = 20  # steps before the first that counts, unless they take long
LEAST_ROUNDS = 2  # for a contender that takes long, such as micrograd with its 20 s a step
LEAVE = 5.0  # seconds that a contender has to end by itself

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
class Absent:
    """A contender that did not run, and why: a clause that goes after its name."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} {self.reason}"


@dataclass(frozen=True)
class Standings:
    """A race that was run; ours is the first contender."""

    title: str
    results: list[Result]
    absent: list[Absent]

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

    def table(self) -> Table:
        ours = self.results[0]
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
            [str(absent) for absent in self.absent],
        )


def measure(
    title: str,
    contenders: Sequence[Contender],
    rounds: int,
    seconds: float = 60.0,
    limit: float = math.inf,
) -> Standings:
    """Race the contenders that are installed; SystemExit if one computes something else.

    Who fails, or is not ready within `limit` seconds, is left out and named; but ours, the first,
    has to run: RuntimeError.
    """
    missing = [
        Absent(contender.name, f"skipped: {contender.needs} is not installed")
        for contender in contenders
        if not contender.installed
    ]
    here = [contender for contender in contenders if contender.installed]
    results, absent = heat(title, here, rounds, seconds, limit)
    if absent and absent[0].name == contenders[0].name:
        raise RuntimeError(str(absent[0]))
    return Standings(title, results, [*missing, *absent])


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
    """Time contenders that all have to run: RuntimeError if one does not."""
    results, absent = heat("timing", contenders, rounds, seconds)
    if absent:
        raise RuntimeError(str(absent[0]))
    return results


def heat(
    title: str,
    contenders: Sequence[Contender],
    rounds: int,
    seconds: float = 60.0,
    limit: float = math.inf,
) -> tuple[list[Result], list[Absent]]:
    """Time the contenders in turns, `rounds` times or until `seconds` are over.

    They get ready beside each other, as many at once as there are cores, in `limit` seconds each.
    """
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    runners = [Runner(contender) for contender in contenders]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with progress(title, len(runners) + rounds) as advance:

            def ready(runner: Runner) -> Result | Absent:
                found = runner.ready(limit)
                advance()
                return found

            found = list(pool.map(ready, runners))
            running = [(x, r) for x, r in zip(found, runners) if isinstance(x, Result)]
            _rounds(running, rounds, seconds, advance)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for runner in runners:
            runner.stop()
    return [result for result, _ in running], [x for x in found if isinstance(x, Absent)]


def _rounds(
    running: Sequence[tuple[Result, Runner]],
    rounds: int,
    seconds: float,
    advance: Callable[[], None],
) -> None:
    """The first rounds are everybody's; `seconds` count from there on, for those that are quick."""
    deadline = math.inf
    for done in range(rounds):
        if done == LEAST_ROUNDS:
            deadline = time.perf_counter() + seconds
        if time.perf_counter() > deadline:
            break
        for result, runner in running:
            if done >= LEAST_ROUNDS and sum(result.seconds) > seconds / 10:
                continue  # so that one that takes seconds does not cost the others their rounds
            result.seconds.append(runner.time())
        advance()


class Runner:
    """A contender in a process of its own, and in a group of its own with what it starts."""

    def __init__(self, contender: Contender) -> None:
        context = multiprocessing.get_context("spawn")
        self.contender = contender
        self._connection, self._there = context.Pipe()
        self._listens = False
        self._process = context.Process(target=_serve, args=(self._there, contender), daemon=True)

    def ready(self, limit: float) -> Result | Absent:
        """Start it; its first answer, or why there is none so many seconds after it has come up."""
        name = self.contender.name
        self._process.start()
        self._there.close()
        try:
            self._connection.recv()
            if not self._connection.poll(None if math.isinf(limit) else limit):
                self.stop()
                late = f"had not compiled and made its first steps in {duration(limit)}"
                return Absent(name, late)
            kind, answer = self._connection.recv()
        except EOFError:
            return Absent(name, "ended before its first answer")
        if kind != "answer":
            return Absent(name, f"failed: {answer}")
        self._listens = True
        return Result(name, [], answer)

    def time(self) -> float:
        """Seconds of a step, now."""
        self._connection.send("go")
        seconds: float = self._connection.recv()
        return seconds

    def stop(self) -> None:
        """End it, with a compiler that it may have started."""
        if self._process.pid is None:
            return
        if self._listens:
            with suppress(OSError):  # it has ended already
                self._connection.send("stop")  # so that it can tidy up
            self._process.join(LEAVE)
        if self._process.is_alive():
            with suppress(OSError):  # it may not have come to making its group
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
        self._process.join()


def _serve(connection: Connection, contender: Contender) -> None:
    os.setpgrp()
    sys.setrecursionlimit(1_000_000)  # micrograd sorts its graph by recursion
    connection.send("up")
    try:
        step = contender.make(*contender.args)
        answer = contender.summary(step())
        repeats = max(1, math.ceil(contender.fill / _once(step)))
    except Exception as error:
        connection.send(("error", f"{type(error).__name__}: {error}".split("\n")[0][:200]))
        return
    connection.send(("answer", answer))
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
