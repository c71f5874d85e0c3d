"""What kernels cost: compiled into an empty cache, and loaded from it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from .tables import Table

ROUNDS = 3


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


def table(problems: Sequence[Any]) -> Table:
    """Per rung: how many kernels, and how long until they are there."""
    from microgrid.tape import Tape
    from microgrid.tape.compiled.replay import Replay

    from .peers.ours_graphs import recording

    rows, worst = [], [0.0, 0.0]
    for problem in problems:
        record, leaves, _ = recording(problem)
        tape = Tape(record(), leaves, engine="numpy")
        start = time.perf_counter()
        kernels = Replay(tape.plan, tape._store, ()).kernels()
        lowering = time.perf_counter() - start
        times = [_seconds(kernels) for _ in range(ROUNDS)]
        cold, cpu, warm = map(min, zip(*times))
        worst = [max(worst[0], cold), max(worst[1], warm)]
        rows.append(
            [str(problem), str(len(kernels)), f"{1e3 * lowering:.1f}", f"{cold:.2f}",
                f"{cpu:.2f}",
             f"{1e3 * warm:.1f}"]
        )  # fmt: skip
    columns = ["", "kernels", "plan to words ms", "compile s", "of CPU s", "load ms"]
    verdict = "holds" if worst[0] <= 1.0 and worst[1] <= 0.02 else "FALLS SHORT"
    note = (
        f"The longest took {worst[0]:.2f} s to compile on two cores, and {1e3 * worst[1]:.1f} ms "
        f"to load (wanted: at most 1 s and 20 ms): {verdict}"
    )
    return Table("Kernels, into an empty cache and out of it", columns, rows, [note])
