"""What kernels cost: compiled into an empty cache, and loaded from it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .tables import Table


def _seconds(kernels: Any) -> tuple[float, float, float]:
    """Into an empty cache, CPU time of that, and out of the cache as for a new process."""
    from microgrid.tape.compiled import build

    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MICROGRID_CACHE"] = os.path.join(folder, "kernels")
        for _ in range(2):
            build._name.cache_clear()
            before = os.times().children_user + os.times().children_system
            library = build.Library("float64")
            start = time.perf_counter()
            library.load(kernels)
            found.append(time.perf_counter() - start)
            found.append(os.times().children_user + os.times().children_system - before)
        del os.environ["MICROGRID_CACHE"]
    cold, cpu, warm, _ = found
    return cold, cpu, warm


@dataclass(frozen=True)
class Kernels:
    """How many a graph needs; seconds from plan to words, to compile, of CPU for that, to load."""

    problem: str
    count: int
    words: float
    compile: float
    cpu: float
    load: float


def measure(problem: Any, rounds: int) -> Kernels:
    """The least of some rounds."""
    from microgrid.tape import Tape
    from microgrid.tape.compiled.replay import Replay

    from .peers.ours_graphs import recording

    record, leaves, _ = recording(problem)
    tape = Tape(record(), leaves, engine="numpy")
    words = []
    for _ in range(rounds):
        start = time.perf_counter()
        kernels = Replay(tape.plan, tape._store, ()).kernels()
        words.append(time.perf_counter() - start)
    compiled = (min(found) for found in zip(*(_seconds(kernels) for _ in range(rounds))))
    return Kernels(str(problem), len(kernels), min(words), *compiled)


def table(found: Sequence[Kernels]) -> Table:
    """Per rung, and whether the slowest is as fast as was wanted."""
    rows = [
        [
            k.problem,
            str(k.count),
            f"{1e3 * k.words:.1f}",
            f"{k.compile:.2f}",
            f"{k.cpu:.2f}",
            f"{1e3 * k.load:.1f}",
        ]
        for k in found
    ]
    cold, warm = max(k.compile for k in found), max(k.load for k in found)
    verdict = "holds" if cold <= 1.0 and warm <= 0.02 else "FALLS SHORT"
    note = (
        f"The longest took {cold:.2f} s to compile on two cores, and {1e3 * warm:.1f} ms "
        f"to load (wanted: at most 1 s and 20 ms): {verdict}"
    )
    columns = ["", "kernels", "plan to words ms", "compile s", "of CPU s", "load ms"]
    return Table("Kernels, into an empty cache and out of it", columns, rows, [note])
