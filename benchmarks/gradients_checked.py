"""How long gradient checks take: an LSTM step with 200 parameters, and deep graphs saved.

python -m benchmarks.gradients_checked [--smoke]
"""

from __future__ import annotations

import argparse
import copy
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.gradcheck.check import gradcheck, gradgradcheck
from microgrid.saving import load_graph, save_graph


def lstm_step(cell: nn.LSTMCell) -> Value:
    """A number that depends on every parameter of the cell."""
    x = [0.1 * (i + 1) for i in range(cell.input_size)]
    h = [0.05 * (i - 1) for i in range(cell.hidden_size)]
    hidden, state = cell(x, (h, h[::-1]))
    return F.sum([y * y for y in hidden]) + F.sum(state)


def chain(n: int) -> Value:
    """A graph n nodes deep."""
    y = a = Value(1.0)
    for _ in range(n):
        y = y * 0.999 if y.data > 2.0 else y + a
    return y


def timed(name: str, run: Callable[[], Any]) -> Any:
    """Run once and print the seconds."""
    start = time.perf_counter()
    result = run()
    print(f"  {name:<46}{time.perf_counter() - start:8.2f} s", flush=True)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a tiny version, in seconds")
    smoke = parser.parse_args(arguments).smoke

    cell = nn.LSTMCell(2, 1, seed=0) if smoke else nn.LSTMCell(4, 5, seed=0)
    print(f"an LSTM step with {len(cell.parameters())} parameters")
    timed("gradcheck", lambda: gradcheck(lstm_step, cell))
    timed("gradgradcheck", lambda: gradgradcheck(lstm_step, cell))

    n = 1_000 if smoke else 100_000
    print(f"a graph {n} nodes deep")
    root = timed("recorded", lambda: chain(n))
    timed("copy.deepcopy", lambda: copy.deepcopy(root))
    timed("pickled and back", lambda: pickle.loads(pickle.dumps(root)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.json"
        timed("saved as JSON", lambda: save_graph(root, path))
        timed(f"loaded, {path.stat().st_size / n:.0f} bytes a node", lambda: load_graph(path))


if __name__ == "__main__":
    main()
