"""What a tape costs to make, when it has paid, what it weighs, and how all that grows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .harness import Contender, held_bytes, race
from .problems import CharLSTM, CharRNN, Expression, MicroGPT, Moons
from .tables import Table, milliseconds, ratio

PHASES = ("record", "plan", "eager", "replay")
Problem = CharRNN | Moons | Expression | MicroGPT


def phase(name: str, problem: Problem) -> Callable[[], Any]:
    """A step that does one thing: it records, plans, passes eagerly or replays, and no more.

    An eager pass records the graph and sweeps it. A plan is done when the tape has made its
    first forward and backward, since the sweep is written down when it is first needed.
    """
    from microgrid.tape import Tape

    from .peers.ours_graphs import recording

    record, leaves, numbers = recording(problem)
    if name == "record":
        return record
    loss = record()
    given = numbers if len(numbers) else None

    def replay(tape: Tape) -> float:
        found = tape.forward(given)
        tape.backward(inputs=False)
        return found

    if name == "plan":
        return lambda: replay(Tape(loss, leaves, engine="compiled"))
    if name == "eager":

        def eager() -> Any:
            loss = record()
            loss.backward()
            return loss

        return eager
    return partial(replay, Tape(loss, leaves, engine="compiled"))


@dataclass(frozen=True)
class Cost:
    """Median seconds of each phase for a graph of so many nodes and edges, and its bytes.

    `planning` is counted in eager forward-and-backward passes of the same graph, without the
    first replay. The bytes are the graph's with its leaves, and those of a tape beside it.
    """

    problem: str
    nodes: int
    edges: int
    record: float
    plan: float
    eager: float
    replay: float
    planning: float
    graph_bytes: int = 0
    tape_bytes: int = 0

    @property
    def break_even(self) -> float:
        """After so many steps, recording, planning and replaying take less than eager steps."""
        saved = self.eager - self.replay
        return math.ceil((self.record + self.plan) / saved) if saved > 0 else math.inf


def measure(problem: Problem, rounds: int, fill: float, weigh: bool = True) -> Cost:
    """Race the phases of a problem with each other, and weigh its graph and its tape."""
    phases = [Contender(name, phase, (name, problem), fill=fill) for name in PHASES]
    results = race(phases, rounds)
    seconds = {name: result.seconds for name, result in zip(PHASES, results)}
    medians = {name: result.median for name, result in zip(PHASES, results)}
    turns = zip(seconds["plan"], seconds["replay"], seconds["eager"])
    planning = statistics.median((plan - replay) / eager for plan, replay, eager in turns)
    held = _held(problem) if weigh else (0, 0)
    return Cost(str(problem), *_size(problem), **medians, planning=planning,
                graph_bytes=held[0], tape_bytes=held[1])  # fmt: skip


def _held(problem: Problem) -> tuple[int, int]:
    from microgrid.tape import Tape

    from .peers.ours_graphs import recording

    record, leaves, numbers = recording(problem)
    loss = record()

    def used() -> Any:
        tape = Tape(loss, leaves, engine="compiled")
        tape.forward(numbers if len(numbers) else None)
        tape.backward()
        return tape

    return held_bytes(lambda: (r := recording(problem), r[0]())), held_bytes(used)


def _size(problem: Problem) -> tuple[int, int]:
    from microgrid.graph import creation_order

    from .peers.ours_graphs import recording

    nodes = creation_order(recording(problem)[0]())
    return len(nodes), sum(len(node.parents) for node in nodes)


def making(costs: Sequence[Cost]) -> Table:
    """Record and plan in time and in eager passes, and the break-even."""
    rows = [
        [
            cost.problem,
            f"{cost.nodes:,}",
            f"{cost.edges:,}",
            *(milliseconds(getattr(cost, name)) for name in PHASES),
            ratio(cost.planning),
            "never" if math.isinf(cost.break_even) else f"{cost.break_even:,}",
        ]
        for cost in costs
    ]
    columns = ["", "nodes", "edges", "record ms", "plan ms", "eager ms", "replay ms"]
    return Table(
        "Making a tape",
        [*columns, "plan / eager", "break-even"],
        rows,
        [
            "Eager is one recording with its backward, of the same graph. The break-even is the "
            "number of steps after which recording, planning and replaying is the faster way."
        ],
    )


def memory(costs: Sequence[Cost]) -> Table:
    """Bytes per node of graphs, and of tapes beside their graphs."""
    rows = [
        [
            cost.problem,
            f"{cost.nodes:,}",
            ratio(cost.edges / cost.nodes),
            f"{cost.graph_bytes / cost.nodes:,.0f}",
            f"{cost.tape_bytes / cost.nodes:,.0f}",
        ]
        for cost in costs
    ]
    return Table(
        "Memory in bytes per node",
        ["", "nodes", "edges per node", "graph", "tape beside it"],
        rows,
        ["Traced by tracemalloc, leaves included, after one forward and backward."],
    )


@dataclass(frozen=True)
class Growth:
    """Slopes d log(time) / d log(size) along one axis, by phase, and of the plan by edges."""

    axis: str
    slopes: dict[str, float]


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Of log(seconds) over log(sizes): 1 is in proportion."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(axis: str, sizes: Sequence[int], costs: Sequence[Cost]) -> Growth:
    """Of the costs at these sizes."""
    slopes = {name: slope(sizes, [getattr(cost, name) for cost in costs]) for name in PHASES}
    slopes["plan by edges"] = slope([cost.edges for cost in costs], [cost.plan for cost in costs])
    return Growth(f"{axis}, {sizes[0]:,} to {sizes[-1]:,}", slopes)


def growths(smoke: bool, rounds: int, fill: float) -> list[Growth]:
    """Over hidden size, steps, cells of an LSTM, and the size of a plain graph."""
    base, expression = CharRNN(16, 27, 8), Expression(1000)
    lstm = CharLSTM(8, 27, 5)
    axes: list[tuple[str, Sequence[int], Callable[[int], Problem]]] = [
        ("hidden size", [8, 16, 32, 64], lambda n: replace(base, hidden=n)),
        ("steps", [5, 10, 20, 40], lambda n: replace(base, steps=n)),
        ("steps of an LSTM", [5, 10, 20, 40], lambda n: replace(lstm, steps=n)),
        ("nodes of + - * tanh", [500, 1000, 2000, 4000], lambda n: replace(expression, nodes=n)),
    ]
    if smoke:
        axes = [("steps", [1, 2], lambda n: CharRNN(2, 3, n))]
    return [
        growth(axis, sizes, [measure(of(n), rounds, fill, weigh=False) for n in sizes])
        for axis, sizes, of in axes
    ]


def growing(growths: Sequence[Growth]) -> Table:
    """The slopes."""
    columns = [*PHASES, "plan by edges"]
    rows = [[found.axis, *(f"{found.slopes[name]:.2f}" for name in columns)] for found in growths]
    return Table(
        "Growth", ["", *columns], rows, ["Slopes of log(time) over log(size): 1 is in proportion."]
    )
