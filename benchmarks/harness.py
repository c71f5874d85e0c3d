"""Fair timing on a busy machine: contenders take turns, and only ratios within a turn count.

Every contender lives in a process of its own, so that it pays for its own garbage and for
nobody else's, nor for another's thread pool or import. A round times each of them once,
one after the other; a ratio is the median over the rounds of (their time / our time),
which a slow spell of the machine cannot bend because it slows both.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

# BLAS threads cost more than they give on matrices of this size, and fight over two cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Contender:
    """`make(*args)` returns the step to be timed; `needs` is the package it is made of."""

    name: str
    make: Callable[..., Callable[[], Any]]
    args: tuple[Any, ...] = ()
    needs: str = "microgrid"
    repeats: int = 1  # steps in one timing; raise it for steps far below a millisecond

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


@dataclass(frozen=True)
class Result:
    name: str
    seconds: list[float]  # per step, one entry a round
    answer: Any  # what the first step returned, to compare with the others

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def times(self, ours: Result) -> float:
        """How many times our time this contender takes."""
        return statistics.median(t / o for t, o in zip(self.seconds, ours.seconds))


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
        connection.send(step())
        for _ in range(contender.repeats):  # warm up: caches, allocator, compiled code
            step()
    except Exception as error:
        connection.send(error)
        return
    while connection.recv() == "go":
        start = time.perf_counter()
        for _ in range(contender.repeats):
            step()
        connection.send((time.perf_counter() - start) / contender.repeats)
