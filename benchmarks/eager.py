"""Eager steps beside another checkout of microgrid: `python -m benchmarks.eager [FOLDER]`.

A step records, sweeps and forgets a graph. Every contender has a process of its own, with warm
memory; they take turns, and the ratios are medians over rounds of processor time, so that what
else the machine does hits all of them alike. Without FOLDER only the GPT is raced, against the
Value that such programs bring along.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent.parent
PROBLEMS = ("char-RNN 64,27,25", "LSTM 32,27,20", "char-RNN in plain operators", "expression")
GPT = "GPT in plain operators"


def _step(name: str, own: bool) -> Callable[[], None]:
    """One training step but for the update; `own`: with the program's own Value."""
    from benchmarks.peers.ours_graphs import SequenceGraph
    from benchmarks.peers.scalar import PlainSequence
    from benchmarks.problems import CharLSTM, CharRNN, Expression
    from microgrid import Value
    from microgrid import functional as F

    class Functions:
        tanh, sigmoid = staticmethod(Value.tanh), staticmethod(Value.sigmoid)
        log_sum_exp = staticmethod(F.logsumexp)

    if name == GPT:
        program = import_module("scalar_gpt")  # beside this file: an older checkout has none
        sys.setrecursionlimit(100_000)
        gpt = program.Gpt(program.ListValue if own else Value)
        return _swept(gpt.loss, gpt.parameters)
    if name == "expression":
        problem = Expression(40_000)
        leaves = [Value(x) for x in problem.leaves()]
        return _swept(lambda: problem.build(leaves, Value.tanh), leaves)
    sequence: Any = CharLSTM(32, 27, 20) if name.startswith("LSTM") else CharRNN(64, 27, 25)
    plain = name.endswith("operators")
    sequence = CharRNN(16, 27, 25) if plain else sequence
    graph: Any = PlainSequence(sequence, Value, Functions) if plain else SequenceGraph(sequence)
    letters, targets = sequence.text()
    inputs = sequence.one_hot(letters).tolist()
    return _swept(lambda: graph.loss(inputs, targets), graph.parameters)


def _swept(build: Callable[[], Any], parameters: Sequence[Any]) -> Callable[[], None]:
    def step() -> None:
        for p in parameters:
            p.grad = 0.0
        build().backward()

    return step


def _serve(name: str, own: bool) -> None:
    """Answer each line of stdin with the seconds of a step."""
    step = _step(name, own)
    for _ in sys.stdin:
        start = time.process_time()
        step()
        print(time.process_time() - start, flush=True)


class _Contender:
    """A process that makes steps when asked to."""

    def __init__(self, folder: Path, name: str, own: bool = False) -> None:
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", name]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [*command, *(["--own"] if own else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            cwd=folder, env=environment,
        )  # fmt: skip

    def step(self) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def race(name: str, other: _Contender, ours: _Contender, rounds: int) -> str:
    """A line with the median step of both, and the median of the rounds' ratios."""
    try:
        times = [(other.step(), ours.step()) for _ in range(rounds + 2)][2:]
    finally:
        other.close()
        ours.close()
    theirs, here = (1e3 * median(side) for side in zip(*times))
    ratio = median(a / b for a, b in times)
    return f"  {name:<32}{theirs:9.1f} ms{here:9.1f} ms{ratio:9.2f} times faster"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--smoke", action="store_true", help="three rounds of the GPT alone")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        _serve(options.serve, options.own)
        return
    rounds = 3 if options.smoke else options.rounds
    print(f"  {'an eager step':<32}{'theirs':>12}{'ours':>12}")
    own = _Contender(HERE, GPT, own=True)
    print(race("GPT, its own Value", own, _Contender(HERE, GPT), rounds), flush=True)
    if options.folder is not None and not options.smoke:
        folder = options.folder.resolve()
        for name in (*PROBLEMS, GPT):
            contenders = _Contender(folder, name), _Contender(HERE, name)
            print(race(name, *contenders, rounds), flush=True)


if __name__ == "__main__":
    main()
