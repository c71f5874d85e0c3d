"""What the processor itself allows: the peak of its products, and how fast it moves numbers.

The least that a step needs is its products at the speed of the fastest product of that kind that
this core was seen to make, and every number moved once, out of the cache and back. What a chain
of nodes costs because each waits for the one before is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .tables import Table, microseconds, ratio

GEMM = [(64, 64, 64), (128, 128, 128), (256, 64, 256)]  # sizes at which the peaks are found
GEMV = [(64, 1, 64), (128, 1, 128), (512, 1, 512)]
COPY, TIMES = 1 << 15, 20
MOVES = 6  # numbers and gradients of nodes and parameters, each written once and read twice


@dataclass(frozen=True)
class Peaks:
    """Floating point operations a second of both kinds of product, and bytes copied a second."""

    gemm: float
    gemv: float
    copy: float

    def sentence(self) -> str:
        return (
            f"Peaks of one core: {self.gemm / 1e9:.0f} Gflop/s for matrix times matrix, "
            f"{self.gemv / 1e9:.0f} for matrix times vector, {self.copy / 1e9:.0f} GB/s copied "
            f"in the cache; the better of NumPy's BLAS and our kernel, best of many runs."
        )


def peaks() -> Peaks:
    """Measured now, in half a second."""
    array, to = np.ones(COPY), np.ones(COPY)
    copied = 2 * array.nbytes / _fastest(lambda: np.copyto(to, array))
    gemm, gemv = (max(_product(*size) for size in sizes) for sizes in (GEMM, GEMV))
    return Peaks(gemm, gemv, copied)


def _product(rows: int, columns: int, terms: int) -> float:
    from microgrid.tape.compiled.build import CompileError, library
    from microgrid.tape.compiled.slots import buffer

    double = np.dtype(np.float64)
    a, b, c = (buffer(size, double) for size in (rows * terms, terms * columns, rows * columns))
    left, right = b.reshape(columns, terms), a.reshape(terms, rows)
    to = c.reshape(columns, rows)
    seconds = _fastest(lambda: np.dot(left, right, to))
    try:
        kernels = library("float64")
        kernels.load({"matmul"})
    except CompileError:
        return 2.0 * rows * columns * terms / seconds
    words = [kernels.address("matmul"), 13, c.ctypes.data, rows, a.ctypes.data, rows]
    words += [b.ctypes.data, terms, 1, rows, columns, terms, 0]
    code = np.array([*words * TIMES, 0, 0], np.int64)  # often, so that the call does not count
    seconds = min(seconds, _fastest(lambda: kernels.run(code.ctypes.data)) / TIMES)
    return 2.0 * rows * columns * terms / seconds


def _fastest(run: Callable[[], Any], seconds: float = 0.05) -> float:
    run()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            run()
        best = min(best, (time.perf_counter() - start) / 10)
    return best


@dataclass(frozen=True)
class Need:
    """What one step needs: operations one column after the other, of many at once, and bytes."""

    one_by_one: float
    at_once: float
    bytes: float

    def seconds(self, peaks: Peaks) -> float:
        products = self.one_by_one / peaks.gemv + self.at_once / peaks.gemm
        return products + self.bytes / peaks.copy


def need(problem: Any) -> Need:
    """Of a training step: forward, and the sweep for the parameters."""
    from microgrid.tape import Tape
    from microgrid.tape.blocks import MatrixBlock

    from .peers.ours_graphs import recording
    from .problems import Moons

    record, leaves, _ = recording(problem)
    examples = 1
    if isinstance(problem, Moons):
        record, leaves, examples = _one_point(problem)
    tape = Tape(record(), leaves, engine="numpy")
    plan, learning, op = tape.plan, tape.plan.graph.learning, tape.plan.graph.op
    one_by_one = at_once = 0.0
    for block in plan.blocks:
        if not isinstance(block, MatrixBlock):
            continue
        rows, width = block.matrix.shape
        varies = 1 if examples > 1 and not _is_constant(block, leaves, plan) else examples
        count = len(block.columns) * (examples if varies == 1 and examples > 1 else 1)
        wanted = sum(any(x in learning for x in column) for column in zip(*block.columns))
        # The product, what goes back through it, and the gradient of the matrix. What a column
        # has of leaves is known from the start, for all columns at once.
        waits = sum(
            any(x < len(op) and op[x] is not None for x in entry)
            for entry in zip(*block.matrix.columns)
        )
        late = 2.0 * rows * (waits + wanted) * count if count == 1 else 0.0
        one_by_one += late
        at_once += 2.0 * rows * (2 * width + wanted) * count - late
    numbers = plan.layout.size * examples + len(plan.graph.parameters)
    return Need(one_by_one, at_once, 8.0 * MOVES * numbers)


def _is_constant(block: Any, leaves: Sequence[Any], plan: Any) -> bool:
    """Whether no input reaches the block, so that a batch needs it once."""
    above = plan.graph.above(plan.inputs)
    return not any(x in above for column in block.columns for x in column)


def _one_point(problem: Any) -> Any:
    from microgrid import Value

    from .peers.ours_graphs import MoonsGraph

    graph, x, y = MoonsGraph(problem), [Value(0.0), Value(0.0)], Value(1.0)
    return lambda: graph.loss([x], [y]), [*x, y], problem.points


def best(found: Sequence[Peaks]) -> Peaks:
    """The highest of each kind: what the core can do it has shown once."""
    return Peaks(*(max(kind) for kind in zip(*((p.gemm, p.gemv, p.copy) for p in found))))


def table(found: Sequence[tuple[str, Need, float]], peaks: Peaks) -> Table:
    """Of (problem, what it needs, seconds of our fastest step): the limit, and how far we are."""
    rows = []
    for problem, needs, seconds in found:
        limit = needs.seconds(peaks)
        rows.append(
            [
                problem, f"{needs.one_by_one:,.0f}", f"{needs.at_once:,.0f}",
                f"{needs.bytes:,.0f}", microseconds(limit), microseconds(seconds),
                ratio(seconds / limit),
            ]
        )  # fmt: skip
    columns = [
        "", "flop, vector by vector", "flop, many at once", "bytes", "limit µs", "our min µs",
        "times the limit",
    ]  # fmt: skip
    return Table("How far from the processor's limit", columns, rows, [peaks.sentence()])
