"""Eager steps beside another checkout of microgrid: `python -m benchmarks.eager [FOLDER]`.

A step records, sweeps and forgets a graph. The contenders take turns, and a ratio is the median
over rounds of processor time, so that what else the machine does hits both alike. Without FOLDER
only the GPT is raced, against the Value that such programs bring along and against micrograd's.

Two such programs in one process disturb each other, through Python's collector. It looks at the
newest objects whenever 700 more were made than freed, and now and then at all that are alive.
The program's own Value makes three objects a node (itself and two tuples) where ours makes one:
it sets off two and a half times as many collections and nearly all of the full ones, which walk
over what the other keeps as well. Whose turn it is when a full one is due decides who pays. So
every contender has a process of its own, with the collector as Python starts it: that is what a
user waits for. The GPT is raced in one process as well, and without the collector, which is the
cost of the code alone.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkout import Process

GPT = "GPT in plain operators"
SEQUENCES = {  # class and sizes, and whether written in plain operators
    "char-RNN 3, 4, 4": ("CharRNN", (3, 4, 4), False),
    "char-RNN 64, 27, 25": ("CharRNN", (64, 27, 25), False),
    "LSTM 32, 27, 20": ("CharLSTM", (32, 27, 20), False),
    "char-RNN 16, 27, 25 in plain operators": ("CharRNN", (16, 27, 25), True),
}
EXPRESSION = "expression, 40,000 nodes"
PROBLEMS = (*SEQUENCES, EXPRESSION, GPT)
_HEAD = """\
# Eager steps

Written by `python -m benchmarks.eager FOLDER --save FILE`. Processor time of a step that records,
sweeps and forgets its graph. Where no other Value is named, "theirs" is the FOLDER's{commit}.
`benchmarks/eager.py` tells why every contender has a process of its own, and what the collector
does to two in one.
"""
SHORT = 0.01  # seconds: a shorter step is made several times for one measurement


def _step(name: str, kind: str) -> Callable[[], None]:
    """One training step but for the update; `kind` says whose Value it is made of."""
    from benchmarks import problems
    from benchmarks.peers.ours_graphs import SequenceGraph
    from benchmarks.peers.scalar import PlainSequence
    from microgrid import Value
    from microgrid import functional as F

    class Functions:
        tanh, sigmoid = staticmethod(Value.tanh), staticmethod(Value.sigmoid)
        log_sum_exp = staticmethod(F.logsumexp)

    if name == GPT:
        program = import_module("scalar_gpt")  # beside this file: an older checkout has none
        sys.setrecursionlimit(100_000)
        values = {"ours": Value, "own": program.ListValue}
        gpt = program.Gpt(_micrograd() if kind == "micrograd" else values[kind])
        return _swept(gpt.loss, gpt.parameters)
    if name == EXPRESSION:
        problem = problems.Expression(40_000)
        leaves = [Value(x) for x in problem.leaves()]
        return _swept(lambda: problem.build(leaves, Value.tanh), leaves)
    of, sizes, plain = SEQUENCES[name]
    sequence: Any = getattr(problems, of)(*sizes)
    graph: Any = PlainSequence(sequence, Value, Functions) if plain else SequenceGraph(sequence)
    letters, targets = sequence.text()
    inputs = sequence.one_hot(letters).tolist()
    return _swept(lambda: graph.loss(inputs, targets), graph.parameters)


def _micrograd() -> Any:
    """micrograd's Value with the two functions that its release lacks."""
    added = import_module("micrograd_ops")
    added.Value.exp, added.Value.log = added.exp, added.log
    return added.Value


def _swept(build: Callable[[], Any], parameters: Sequence[Any]) -> Callable[[], None]:
    def step() -> None:
        for p in parameters:
            p.grad = 0.0
        build().backward()

    return step


def _timed(step: Callable[[], None], times: int = 1) -> float:
    start = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - start) / times


def _serve(name: str, kinds: Sequence[str], collector: bool) -> None:
    """Answer each line of stdin, which names a kind of Value, with the seconds of a step."""
    steps = {kind: _step(name, kind) for kind in kinds}
    if not collector:
        gc.disable()
    for step in steps.values():
        step()  # the first one is slow: methods are written out, memory is fetched
    times = {kind: max(1, int(SHORT / max(_timed(step), 1e-6))) for kind, step in steps.items()}
    for line in sys.stdin:
        kind = line.strip()
        print(_timed(steps[kind], times[kind]), flush=True)


def _process(folder: Path, name: str, *kinds: str, collector: bool = True) -> Process:
    """A process that makes steps of one or several kinds when asked to."""
    from .checkout import Process

    without = () if collector else ("--no-collector",)
    return Process(__file__, folder, "--serve", name, *kinds, *without)


def _raced(title: str, other: Process, kind: str, ours: Process, rounds: int) -> list[str]:
    """A row, and the end of both processes."""
    from .checkout import race

    try:
        return race(title, other, ours, (kind, "ours"), rounds)
    finally:
        for process in {other, ours}:
            process.close()


def races(folder: Path | None, rounds: int) -> list[list[str]]:
    """The rows of the GPT against other Values, then of all problems against the folder's."""
    from .checkout import HERE

    both = _process(HERE, GPT, "own", "ours")
    rows = [
        _raced("GPT, its own Value", _process(HERE, GPT, "own"), "own",
               _process(HERE, GPT, "ours"), rounds),
        _raced("the same without the collector", _process(HERE, GPT, "own", collector=False), "own",
               _process(HERE, GPT, "ours", collector=False), rounds),
        _raced("the same in one process", both, "own", both, rounds),
    ]  # fmt: skip
    if find_spec("micrograd"):
        micrograd = _process(HERE, GPT, "micrograd")
        rows.append(
            _raced("GPT, micrograd's Value", micrograd, "micrograd",
                   _process(HERE, GPT, "ours"), rounds)
        )  # fmt: skip
    for name in PROBLEMS if folder else ():
        assert folder is not None
        before = _process(folder, name, "ours")
        rows.append(_raced(name, before, "ours", _process(HERE, name, "ours"), rounds))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--smoke", action="store_true", help="three rounds of the GPT alone")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table in Markdown")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--no-collector", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        name, *kinds = options.serve
        _serve(name, kinds, not options.no_collector)
        return
    _report(options)


def _report(options: argparse.Namespace) -> None:
    from microgrid.files import write_whole

    from .checkout import COLUMNS, commit
    from .machine import facts
    from .tables import Table

    folder = options.folder.resolve() if options.folder and not options.smoke else None
    rows = races(folder, 3 if options.smoke else options.rounds)
    table = Table("Eager steps: theirs divided by ours", ["an eager step", *COLUMNS], rows)
    print("\n".join(table.lines()), flush=True)
    if options.save:
        made_on = "\n".join(f"- {fact}" for fact in facts(["numpy", "micrograd"]))
        head = _HEAD.format(commit=commit(folder))
        write_whole(options.save, f"{head}\n{made_on}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()
