"""Drawing unrolled networks to SVG: `python -m benchmarks.bench_viz [--smoke] [--large]`.

Beside it stands what torchviz and micrograd's draw_dot do with the same graph: a box per
node, an edge per operand, and all positions left to `dot`.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import viz
from microgrid import Value, nn
from microgrid.graph import creation_order
from viz.formats import graphviz as engine
from viz.picture.build import picture_of

PATIENCE = 60.0  # seconds for plain dot


def unrolled(steps: int) -> nn.Unrolled:
    """A tanh network with one unit and a squared error at every step: six nodes a step."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), readout=nn.Linear(1, 1, seed=1))
    run = model.unroll([(0.3 * t) % 1.0 for t in range(steps)], targets=[0.5] * steps, loss="mse")
    assert run.loss is not None
    run.loss.backward()
    return run


def plain_dot(root: Value) -> float | None:
    """Seconds that `dot` needs for boxes and edges alone; None beyond PATIENCE."""
    order = creation_order(root)
    name = {node: f"n{i}" for i, node in enumerate(order)}
    lines = [
        f'{name[node]} [shape=record label="{{ {node.data:.4f} | grad {node.grad or 0.0:.4f} }}"]'
        for node in order
    ]
    lines += [f"{name[p]} -> {name[node]}" for node in order for p in node.parents]
    source = "digraph { rankdir=LR\n" + "\n".join(lines) + "}"
    start = perf_counter()
    command = [engine.find().program, "-q", "-Kdot", "-Tsvg"]
    try:
        subprocess.run(
            command, input=source.encode(), capture_output=True, timeout=PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        return None
    return perf_counter() - start


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_viz", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="the smallest picture only")
    parser.add_argument("--large", action="store_true", help="20,000 nodes as well")
    options, _ = parser.parse_known_args(arguments)
    sizes = [20] if options.smoke else [166, 832, *([3333] if options.large else [])]
    print(f"{engine.find().version()}; seconds, and of them in Python")
    print(f"{'nodes':>7}{'cards':>8}{'wires':>8}{'to SVG':>9}{'Python':>9}{'plain dot':>11}")
    for steps in sizes:
        run = unrolled(steps)
        assert run.loss is not None
        nodes = len(creation_order(run.loss))
        start, own = perf_counter(), process_time()
        with TemporaryDirectory() as folder:
            viz.render(run, Path(folder) / "run.svg", detail="scalar")
        own, took = process_time() - own, perf_counter() - start
        scene = picture_of(run, detail="scalar")
        plain = plain_dot(run.loss) if steps < 1000 else None
        beside = f"{plain:11.2f}" if plain is not None else f"{f'> {PATIENCE:.0f}':>11}"
        beside = f"{'not tried':>11}" if steps >= 1000 else beside
        row = f"{nodes:7,}{len(scene.cards):8,}{len(scene.wires):8,}{took:9.2f}{own:9.2f}"
        print(row + beside, flush=True)
    value = Value(1.0)
    for _ in range(60):
        value = value + value
    value.backward()
    start = perf_counter()
    with TemporaryDirectory() as folder:
        viz.render(value, Path(folder) / "doublings.svg")
    scene = picture_of(value)
    took = perf_counter() - start
    print(f"60 doublings (2**60 paths): {len(scene.cards)} cards in {took:.2f} s")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
