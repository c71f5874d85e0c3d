"""Making a tape beside another checkout: `python -m benchmarks.planning --before FOLDER`.

Two things are timed for each recording, in processor time: `Tape(loss)`, which plans, and the same
with a first forward and backward, for which the NumPy engine writes its calls down. A planner that
only put work off would win the first race and not the second. Both checkouts replay on NumPy (the
compiled engine's kernels have a table of their own, `benchmarks.kernels`), each in a process of its
own, and they take turns. A ratio of 2 says that ours takes half of theirs.

Without a folder our own code is raced against itself, to see how far the machine lets one trust.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PROBLEMS = {
    "char-RNN 3, 4, 4": ("CharRNN", (3, 4, 4)),
    "char-RNN 16, 27, 8": ("CharRNN", (16, 27, 8)),
    "char-RNN 64, 27, 25": ("CharRNN", (64, 27, 25)),
    "LSTM 32, 27, 20": ("CharLSTM", (32, 27, 20)),
    "moons, one point": ("Moons", ()),
    "moons, 100 points in one graph": ("Moons", ()),
    "expression, 4,000 nodes": ("Expression", (4000,)),
}
STEPS = {"plan": "Tape(loss)", "step": "and a first step"}
_LONG = 0.05  # seconds of tapes for one measurement, of which the least counts
_HEAD = """\
# Making a tape

Written by `python -m benchmarks.planning --before FOLDER --save FILE`. Processor time of
`Tape(loss)` on a fresh recording, and of the same with a first forward and backward on NumPy.
"Theirs" is the FOLDER's{commit}.
"""


def _recorded(name: str) -> tuple[Callable[[], Any], list[Any], Any]:
    """What records the loss, the leaves that a tape is fed, and numbers for them or None."""
    import numpy as np

    from benchmarks import problems
    from benchmarks.peers.ours_graphs import MoonsGraph, recording
    from microgrid import Value

    of, sizes = PROBLEMS[name]
    problem: Any = getattr(problems, of)(*sizes)
    if name == "moons, one point":
        graph, x, y = MoonsGraph(problem), [Value(0.0), Value(0.0)], Value(1.0)
        points, labels = problem.data()
        return lambda: graph.loss([x], [y]), [*x, y], np.column_stack([points, labels])
    record, leaves, numbers = recording(problem)
    return record, leaves, numbers if len(numbers) else None


def _measured(name: str, step: bool) -> float:
    """The least seconds of making a tape of fresh recordings."""
    from microgrid.tape import Tape

    record, leaves, numbers = _recorded(name)
    found: list[float] = []
    while not found or (sum(found) < _LONG and len(found) < 50):
        loss = record()
        start = time.process_time()
        tape = Tape(loss, leaves)
        if step:
            tape.forward(numbers)
            tape.backward(inputs=False)
        found.append(time.process_time() - start)
        del tape, loss  # what it takes to free them is not counted
    return min(found)


def _serve(name: str) -> None:
    """Answer each line of stdin, "plan" or "step", with seconds."""
    for line in sys.stdin:
        print(_measured(name, line.strip() == "step"), flush=True)


def races(before: Path, names: Sequence[str], rounds: int) -> list[list[str]]:
    """Two rows for every problem."""
    from .checkout import HERE, Process, race

    rows = []
    for name in names:
        arguments = "--serve", name
        theirs, ours = (
            Process(__file__, folder, *arguments, MICROGRID_ENGINE="numpy")
            for folder in (before, HERE)
        )
        try:
            for asked, what in STEPS.items():
                title = f"{name}: {what}"
                rows.append(race(title, theirs, ours, (asked, asked), rounds))
        finally:
            theirs.close()
            ours.close()
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--smoke", action="store_true", help="three rounds of the smallest problem")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table in Markdown")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        _serve(options.serve)
        return
    if options.before and not (options.before / "benchmarks" / "problems.py").is_file():
        parser.error(f"--before must be a checkout of microgrid, got {options.before}")
    _report(options)


def _report(options: argparse.Namespace) -> None:
    from microgrid.files import write_whole

    from .checkout import COLUMNS, HERE, commit
    from .machine import facts
    from .tables import Table

    before = options.before.resolve() if options.before else None
    names = list(PROBLEMS)[:1] if options.smoke else list(PROBLEMS)
    rows = races(before or HERE, names, 3 if options.smoke else options.rounds)
    table = Table("Making a tape: theirs divided by ours", ["", *COLUMNS], rows)
    print("\n".join(table.lines()), flush=True)
    if options.save:
        made_on = "\n".join(f"- {fact}" for fact in facts(["numpy"]))
        head = _HEAD.format(commit=commit(before))
        write_whole(options.save, f"{head}\n{made_on}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()
