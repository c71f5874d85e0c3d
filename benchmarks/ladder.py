"""Our tape beside its peers, rung by rung, and what a tape costs: `python -m benchmarks.ladder`.

Every rung is one step, forward and backward, in float64 from the same numbers; peers take
turns, each in a process of its own with one thread. A peer that computes another loss or
another gradient ends its rung. Peers that are not installed, fail or take too long to compile
are left out and named. With --save each rung is kept when it is measured, and the document is
written anew from all that were kept, so that a rung can be measured again alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from microgrid.files import write_whole

from . import report, rung
from .costs import Growth
from .peers import PEERS
from .problems import CharLSTM, CharRNN, Expression, MicroGPT, Moons
from .rung import Effort, Rung
from .tables import Table

RESULTS = Path("benchmarks/RESULTS.md")
README = Path("README.md")
GROWTH = "growth"
RUNGS: dict[str, tuple[str, Any]] = {
    "char-rnn-3": ("char_rnn", CharRNN(3, 4, 4)),
    "char-rnn-16": ("char_rnn", CharRNN(16, 27, 8)),
    "char-rnn-64": ("char_rnn", CharRNN(64, 27, 25)),
    "lstm": ("lstm", CharLSTM(32, 27, 20)),
    "moons": ("moons", Moons()),
    "expression": ("expression", Expression(4000)),
    "microgpt": ("microgpt", MicroGPT()),
}
SMOKE: dict[str, tuple[str, Any]] = {
    "char-rnn-3": ("char_rnn", CharRNN(3, 4, 4)),
    "moons": ("moons", Moons(points=4, hidden=3, epochs=3)),
    "expression": ("expression", Expression(40)),
    "microgpt": ("microgpt", MicroGPT(tokens=3, letters=5, width=4, heads=2, places=3)),
}


def climb(
    keys: Sequence[str], effort: Effort, folder: Path, after: Callable[[str], None]
) -> list[str]:
    """Measure these rungs, each in a process of its own, into `folder`; those that failed.

    `after` is called with the key of each that is done.
    """
    rungs, failed = SMOKE if effort.smoke else RUNGS, []
    for key in keys:
        file = folder / f"{key}.json"
        work = (rung.run_growth, (effort, file))
        if key != GROWTH:
            work = (rung.run, (key, *rungs[key], effort, file))
        process = multiprocessing.get_context("spawn").Process(target=work[0], args=work[1])
        process.start()
        process.join()
        if process.exitcode:
            failed.append(key)
        else:
            after(key)
    return failed


def kept(folder: Path, rungs: dict[str, tuple[str, Any]]) -> tuple[list[Rung], list[Growth]]:
    """What was measured until now, in the order of the ladder; a file of no use is named."""
    found: list[Any] = []
    for key in (*rungs, GROWTH):
        file = folder / f"{key}.json"
        if not file.exists():
            continue
        try:
            found.append(rung.read_growth(file) if key == GROWTH else rung.read(file))
        except ValueError as error:
            print(error, file=sys.stderr)
    return (
        [x for x in found if isinstance(x, Rung)],
        [x for xs in found if isinstance(xs, list) for x in xs],
    )


def show(tables: Sequence[Table]) -> None:
    """On the terminal."""
    for table in tables:
        print("\n" + "\n".join(table.lines()), flush=True)


def titles(rungs: dict[str, tuple[str, Any]]) -> list[str]:
    """What the tables call the rungs."""
    return [str(problem) for _, problem in rungs.values()]


def save(file: Path, folder: Path, rungs: dict[str, tuple[str, Any]]) -> None:
    """Write the document from what is kept, and the README's table where the document is ours."""
    found, growths = kept(folder, rungs)
    if not found:
        return
    write_whole(file, report.document(found, growths, titles(rungs)))
    if file == RESULTS:
        text = README.read_text(encoding="utf-8")
        write_whole(README, report.in_readme(text, report.best_ways(found)))


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parsed(arguments)
    effort = Effort(
        options.rounds or (3 if options.smoke else 100), options.limit, options.smoke, options.peers
    )
    rungs = SMOKE if options.smoke else RUNGS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.save:
            folder = options.save.parent / "results"

        def after(key: str) -> None:
            if key != GROWTH:
                done = rung.read(folder / f"{key}.json")
                show(report.single(done, done.peaks))
            if options.save:
                save(options.save, folder, rungs)

        failed = climb(
            [*rungs, GROWTH] if options.only is None else options.only, effort, folder, after
        )
        found = kept(folder, rungs)
        if options.save:
            save(options.save, folder, rungs)
    if found[0]:
        show([*report.common(*found), report.overview(found[0])])
        if not options.smoke:
            show([report.wanted(found[0])])
    if options.save and found[0]:
        print(f"\nwritten: {options.save}")
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ladder", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, in seconds")
    parser.add_argument(
        "--only",
        nargs="*",
        choices=[*RUNGS, GROWTH],
        metavar="RUNG",
        help=f"measure only these, of {', '.join([*RUNGS, GROWTH])}; "
        "none, to write the document anew",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="turns of each contender (default: 100)"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="leave out who has not compiled and made its first steps by then (default: 300)",
    )
    parser.add_argument(
        "--peers",
        nargs="*",
        metavar="PACKAGE",
        help="race only these packages, e.g. numpy torch (default: all that are installed)",
    )
    parser.add_argument(
        "--save",
        nargs="?",
        type=Path,
        const=RESULTS,
        metavar="FILE",
        help="keep each rung in results/ beside FILE, and write all that are kept into FILE in "
        f"Markdown, with machine and versions (to {RESULTS}, and the table of {README})",
    )
    return parser


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    known = {peer.needs for peer in PEERS}
    for package in options.peers or []:
        if package not in known:
            parser.error(f"{package!r} is no peer; there are {', '.join(sorted(known))}")
    for key in options.only or [] if options.smoke else []:
        if key not in (*SMOKE, GROWTH):
            parser.error(f"{key!r} has no smoke test; there are {', '.join([*SMOKE, GROWTH])}")
    if options.limit <= 0 or (options.rounds is not None and options.rounds < 1):
        parser.error("--limit and --rounds want a number above 0")
    return options


if __name__ == "__main__":
    main()
