"""The eager engine beside micrograd: `python -m benchmarks.engine [--smoke]`.

1. Forward and backward of a character RNN.
2. A graph of plain binary expressions, also beside the smallest node one could write.
3. Bytes per binary node, its floats included.
4. `import microgrid` beside `import numpy`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from .harness import Contender, held_bytes, report
from .peers import PEERS, contenders
from .problems import CharRNN, Expression

SCALAR = [p for p in PEERS if p.module in ("ours_eager", "micrograd_graph", "minimal_graph")]


def microgrid_binary_graph(nodes: int) -> Any:
    from microgrid import Value

    return _binary_graph(Value(0.5), Value(0.25), nodes)


def micrograd_binary_graph(nodes: int) -> Any:
    from micrograd.engine import Value

    return _binary_graph(Value(0.5), Value(0.25), nodes)


def _binary_graph(a: Any, b: Any, nodes: int) -> Any:
    total = a
    for _ in range(nodes // 2):
        total = total * a + b
    total.grad = 0.0
    return total


def import_seconds(package: str) -> float:
    """Seconds of one import in a fresh interpreter."""
    program = f"import time; t = time.perf_counter(); import {package}; "
    program += "print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return float(done.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a tiny version, in seconds")
    smoke = parser.parse_args(arguments).smoke
    problem = CharRNN(4, 5, 3) if smoke else CharRNN(64, 27, 25)
    nodes, rounds = (400, 3) if smoke else (40_000, 9)

    report(str(problem), contenders("char_rnn", problem, 0.0, SCALAR), rounds)
    expression = Expression(nodes)
    report(str(expression), contenders("expression", expression, 0.0, SCALAR), 3 * rounds)

    print("\nbytes per binary node (tracemalloc)")
    print(f"  {'microgrid':<24}{held_bytes(lambda: microgrid_binary_graph(nodes)) / nodes:10.0f}")
    if Contender("", micrograd_binary_graph, needs="micrograd").installed:
        print(
            f"  {'micrograd':<24}{held_bytes(lambda: micrograd_binary_graph(nodes)) / nodes:10.0f}"
        )
    else:
        print(f"  {'micrograd':<24}skipped: micrograd is not installed")

    pairs = [(import_seconds("microgrid"), import_seconds("numpy")) for _ in range(rounds)]
    print("\nimport, fresh interpreter")
    print(f"  {'microgrid':<24}{1e3 * statistics.median(ours for ours, _ in pairs):10.2f} ms")
    print(
        f"  {'numpy':<24}{1e3 * statistics.median(numpy for _, numpy in pairs):10.2f} ms   "
        f"{statistics.median(numpy / ours for ours, numpy in pairs):8.2f} times ours"
    )


if __name__ == "__main__":
    main()
