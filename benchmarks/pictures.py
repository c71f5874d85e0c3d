"""Pictures beside another checkout of microgrid: `python -m benchmarks.pictures [FOLDER]`.

A step draws a graph that nobody has drawn before. Processor time is measured, that of Graphviz
included where a checkout calls it for an SVG. The two take turns, so that what else the machine
does hits both alike.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

GRAPHS = {
    "RNN, 150 steps, 1,652 cards": 150,
    "quiz, 3 steps, 35 cards": 3,
    "expression, 68 cards": None,
}
KINDS = {"draw": "viz.draw", "dot": "viz.draw(x).source", "svg": "viz.render(x, .svg)"}
SHORT = 0.05  # seconds: a shorter step is made several times for one measurement
_HEAD = """\
# Pictures

Written by `python -m benchmarks.pictures FOLDER --save FILE`. Processor time of one picture of a
graph that was not drawn before; a ratio above 1 says that ours takes less. "theirs" is the
FOLDER's{commit}. Ours orders the cards of an expression so that few wires cross, and folds long
pictures into rows, which 4970cc3 did not. What `viz.draw` returns is painted when it is read.
"""


def recorded(steps: int | None, seed: int) -> Any:
    """A swept graph: a tanh network with one unit over so many steps, or an expression."""
    from microgrid import Value, nn

    if steps is not None:
        cell, readout = nn.RNNCell(1, 1, seed=seed), nn.Linear(1, 1, seed=seed + 1)
        inputs = [(0.3 * t + 0.0137 * seed) % 1.0 for t in range(steps)]
        run: Any = nn.SequenceModel(cell, readout=readout).unroll(
            inputs, targets=[0.5] * steps, loss="mse"
        )
        run.loss.backward()
        return run
    chosen = random.Random(0)
    nodes = [Value(0.1 * i + 0.05 + 0.0173 * seed, label=f"x_{i}") for i in range(8)]
    for _ in range(60):
        a, b = chosen.sample(nodes[-12:], 2)
        made = a * b if chosen.random() < 0.5 else a + b
        nodes.append(made.tanh() if chosen.random() < 0.2 else made)
    total = sum(nodes[-5:], nodes[-6])
    total.backward()
    return total


def _serve(name: str) -> None:
    """Answer each line of stdin, which names what to make, with the seconds that it took."""
    import viz

    with TemporaryDirectory() as folder:
        file = Path(folder) / "picture.svg"
        makers: dict[str, Callable[[Any], object]] = {
            "draw": lambda x: viz.draw(x, detail="scalar"),
            "dot": lambda x: viz.draw(x, detail="scalar").source,
            "svg": lambda x: viz.render(x, file, detail="scalar"),
        }
        seeds = count()
        times: dict[str, int] = {}
        for line in sys.stdin:
            make = makers[line.strip()]
            if line not in times:
                make(recorded(GRAPHS[name], next(seeds)))  # the first one is slow
                once = _timed(make, [recorded(GRAPHS[name], next(seeds))])
                times[line] = max(1, int(SHORT / once))
            graphs = [recorded(GRAPHS[name], next(seeds)) for _ in range(times[line])]
            print(_timed(make, graphs), flush=True)


def _timed(make: Callable[[Any], object], graphs: Sequence[Any]) -> float:
    start = _spent()
    for graph in graphs:
        make(graph)
    return (_spent() - start) / len(graphs)


def _spent() -> float:
    """Seconds of processor time, of this process and of those that it called."""
    import resource

    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def races(folder: Path, rounds: int, names: Sequence[str]) -> list[list[str]]:
    """A row for each graph and for each thing made of it."""
    from .checkout import HERE, Process, race

    rows = []
    for name in names:
        both = [Process(__file__, home, "--serve", name) for home in (folder, HERE)]
        try:
            for kind, title in KINDS.items():
                rows.append(race(f"{name}: {title}", *both, (kind, kind), rounds))
        finally:
            for process in both:
                process.close()
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", nargs="?", type=Path, help="another checkout; this one unless given"
    )
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--smoke", action="store_true", help="two rounds of the smallest")
    parser.add_argument("--only", choices=GRAPHS, help="one of the graphs")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table in Markdown")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        _serve(options.serve)
        return
    _report(options)


def _report(options: argparse.Namespace) -> None:
    from microgrid.files import write_whole

    from .checkout import COLUMNS, HERE, commit
    from .machine import facts
    from .tables import Table

    folder = options.folder.resolve() if options.folder else HERE
    names = [options.only] if options.only else list(GRAPHS)
    rows = races(
        folder, 2 if options.smoke else options.rounds, names[-1:] if options.smoke else names
    )
    table = Table("Pictures: theirs divided by ours", ["a picture", *COLUMNS], rows)
    print("\n".join(table.lines()), flush=True)
    if options.save:
        made_on = "\n".join(f"- {fact}" for fact in facts(["graphviz", "graphviz-pure"]))
        head = _HEAD.format(commit=commit(folder))
        write_whole(options.save, f"{head}\n{made_on}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()
