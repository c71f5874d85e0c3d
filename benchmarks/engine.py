"""The eager engine beside micrograd: `python -m benchmarks.engine [--smoke]`.

1. One training step (forward, backward, SGD) of a character RNN.
2. A graph of plain binary expressions, also beside the smallest node one could write.
3. Bytes per binary node, its floats included.
4. `import microgrid` beside `import numpy`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

from . import minimal
from .harness import Contender, Result, race, split_installed
from .problems import CharRNN, expression_leaves

RATE = 0.01


def microgrid_char_rnn(problem: CharRNN) -> Callable[[], float]:
    from microgrid import Value
    from microgrid import functional as F

    def values(array: Any) -> list[Any]:
        return [[Value(x) for x in row] if array.ndim > 1 else Value(row) for row in array.tolist()]

    weights = {name: values(array) for name, array in problem.weights().items()}
    parameters = _flat(weights.values())
    letters, targets = problem.text()
    inputs = problem.one_hot(letters).tolist()
    cell = [ih + hh for ih, hh in zip(weights["weight_ih"], weights["weight_hh"])]

    def step() -> float:
        for p in parameters:
            p.grad = None
        h: Sequence[Any] = [0.0] * problem.hidden
        losses = []
        for x, target in zip(inputs, targets):
            h = [z.tanh() for z in F.linear([*x, *h], cell, weights["bias"])]
            logits = F.linear(h, weights["weight_out"], weights["bias_out"])
            losses.append(F.cross_entropy(logits, target))
        loss = F.sum(losses)
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
        return float(loss)

    return step


def micrograd_char_rnn(problem: CharRNN) -> Callable[[], float]:
    from micrograd.engine import Value

    from .micrograd_ops import log_sum_exp, tanh

    def values(array: Any) -> list[Any]:
        return [[Value(x) for x in row] if array.ndim > 1 else Value(row) for row in array.tolist()]

    weights = {name: values(array) for name, array in problem.weights().items()}
    parameters = _flat(weights.values())
    letters, targets = problem.text()
    inputs = problem.one_hot(letters).tolist()
    cell = [ih + hh for ih, hh in zip(weights["weight_ih"], weights["weight_hh"])]

    def linear(x: Sequence[Any], weight: Any, bias: Any) -> list[Any]:  # as micrograd's Neuron
        return [sum((w * v for w, v in zip(row, x)), b) for row, b in zip(weight, bias)]

    def step() -> float:
        for p in parameters:
            p.grad = 0
        h: Sequence[Any] = [0.0] * problem.hidden
        loss: Any = 0.0
        for x, target in zip(inputs, targets):
            h = [tanh(z) for z in linear([*x, *h], cell, weights["bias"])]
            logits = linear(h, weights["weight_out"], weights["bias_out"])
            loss = loss + (log_sum_exp(logits) - logits[target])
        loss.backward()
        for p in parameters:
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


def expression(leaves: Sequence[Any], nodes: int, tanh: Callable[[Any], Any]) -> Any:
    """A graph of `nodes` + - * tanh nodes, a quarter each, every leaf used many times."""
    n, previous = len(leaves), leaves[0]
    for i in range(nodes // 4):
        a, b = leaves[i % n], leaves[(7 * i + 3) % n]
        previous = tanh((previous + a) * b - a)
    return previous


def microgrid_expression(nodes: int) -> Callable[[], float]:
    from microgrid import Value

    leaves = [Value(x) for x in expression_leaves()]

    def step() -> float:
        for leaf in leaves:
            leaf.grad = None
        root = expression(leaves, nodes, Value.tanh)
        root.backward()
        return _gradient_sum(leaves)

    return step


def micrograd_expression(nodes: int) -> Callable[[], float]:
    from micrograd.engine import Value

    from .micrograd_ops import tanh

    leaves = [Value(x) for x in expression_leaves()]

    def step() -> float:
        for leaf in leaves:
            leaf.grad = 0
        root = expression(leaves, nodes, tanh)
        root.backward()
        return _gradient_sum(leaves)

    return step


def minimal_expression(nodes: int) -> Callable[[], float]:
    leaves = [minimal.Node(x) for x in expression_leaves()]

    def step() -> float:
        for leaf in leaves:
            leaf.grad = 0.0
        root = expression(leaves, nodes, minimal.Node.tanh)
        root.backward()
        return _gradient_sum(leaves)

    return step


def bytes_per_node(build: Callable[[int], Any], nodes: int) -> float:
    """Traced memory of a graph of binary nodes that is still held, per node."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        graph = build(nodes)
        after = tracemalloc.get_traced_memory()[0]
        del graph
        return (after - before) / nodes
    finally:
        tracemalloc.stop()


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


def _flat(nested: Any) -> list[Any]:
    return [x for item in nested for x in (_flat(item) if isinstance(item, list) else [item])]


def _gradient_sum(leaves: Sequence[Any]) -> float:
    return float(sum(leaf.grad or 0.0 for leaf in leaves))


def report(title: str, contenders: Sequence[Contender], rounds: int) -> None:
    """Race the contenders that are installed; print each beside ours, the first."""
    here, missing = split_installed(contenders)
    results = race(here, rounds)
    ours = results[0]
    print(f"\n{title}  (median of {len(ours.seconds)} alternating rounds)")
    for result in results:
        print(f"  {result.name:<24}{1e3 * result.median:10.2f} ms{_against(result, ours)}")
        _same_answer(result, ours)
    for contender in missing:
        print(f"  {contender.name:<24}skipped: {contender.needs} is not installed")


def _against(result: Result, ours: Result) -> str:
    return "" if result is ours else f"   {result.times(ours):8.2f} times ours"


def _same_answer(result: Result, ours: Result) -> None:
    if abs(result.answer - ours.answer) > 1e-9 * max(1.0, abs(ours.answer)):
        raise SystemExit(f"{result.name} computes {result.answer!r}, {ours.name} {ours.answer!r}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a tiny version, in seconds")
    smoke = parser.parse_args(arguments).smoke
    problem = CharRNN(4, 5, 3) if smoke else CharRNN(64, 27, 25)
    nodes, rounds = (400, 3) if smoke else (40_000, 9)

    report(
        f"training step, {problem}",
        [
            Contender("microgrid", microgrid_char_rnn, (problem,)),
            Contender("micrograd", micrograd_char_rnn, (problem,), needs="micrograd"),
        ],
        rounds,
    )
    report(
        f"{nodes} nodes of + - * tanh, forward and backward",
        [
            Contender("microgrid", microgrid_expression, (nodes,)),
            Contender("micrograd", micrograd_expression, (nodes,), needs="micrograd"),
            Contender("minimal slots node", minimal_expression, (nodes,)),
        ],
        3 * rounds,
    )

    print("\nbytes per binary node (tracemalloc)")
    print(f"  {'microgrid':<24}{bytes_per_node(microgrid_binary_graph, nodes):10.0f}")
    if Contender("", micrograd_binary_graph, needs="micrograd").installed:
        print(f"  {'micrograd':<24}{bytes_per_node(micrograd_binary_graph, nodes):10.0f}")
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
