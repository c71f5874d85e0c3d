"""What a tape costs to make, when it has paid, what it weighs, and how all that grows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .harness import Contender, Result, held_bytes, race
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
    """Seconds per phase, one entry a round, for a graph of so many nodes and edges."""

    problem: Problem
    nodes: int
    edges: int
    seconds: dict[str, Result]

    def median(self, name: str) -> float:
        return self.seconds[name].median

    @property
    def planning(self) -> float:
        """In eager forward-and-backward passes of the same graph; without the first replay."""
        plan, replay, eager = (self.seconds[name].seconds for name in ("plan", "replay", "eager"))
        return statistics.median((p - r) / e for p, r, e in zip(plan, replay, eager))

    @property
    def break_even(self) -> float:
        """After so many steps, recording, planning and replaying take less than eager steps."""
        saved = self.median("eager") - self.median("replay")
        return math.ceil(self.spent / saved) if saved > 0 else math.inf

    @property
    def spent(self) -> float:
        return self.median("record") + self.median("plan")


def measure(problems: Sequence[Problem], rounds: int, fill: float) -> list[Cost]:
    """Race the phases of each problem with each other."""
    found = []
    for problem in problems:
        phases = [Contender(name, phase, (name, problem), fill=fill) for name in PHASES]
        nodes, edges = _size(problem)
        results = race(phases, rounds)
        found.append(Cost(problem, nodes, edges, dict(zip(PHASES, results))))
    return found


def _size(problem: Problem) -> tuple[int, int]:
    from microgrid.graph import creation_order

    from .peers.ours_graphs import recording

    nodes = creation_order(recording(problem)[0]())
    return len(nodes), sum(len(node.parents) for node in nodes)


def making(costs: Sequence[Cost]) -> Table:
    """Record and plan in time and in eager passes, and the break-even."""
    rows = [
        [
            str(cost.problem),
            f"{cost.nodes:,}",
            f"{cost.edges:,}",
            *(milliseconds(cost.median(name)) for name in PHASES),
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


def memory(problems: Sequence[Problem]) -> Table:
    """Bytes per node of graphs, and of tapes beside their graphs."""
    from microgrid.tape import Tape

    from .peers.ours_graphs import recording

    rows = []
    for problem in problems:
        record, leaves, numbers = recording(problem)
        loss = record()

        def used(loss: Any = loss, leaves: Any = leaves, numbers: Any = numbers) -> Any:
            tape = Tape(loss, leaves, engine="compiled")
            tape.forward(numbers if len(numbers) else None)
            tape.backward()
            return tape

        nodes, edges = _size(problem)
        bytes_ = (
            held_bytes(lambda problem=problem: (r := recording(problem), r[0]())),
            held_bytes(used),
        )
        rows.append(
            [
                str(problem),
                f"{nodes:,}",
                ratio(edges / nodes),
                *(f"{b / nodes:,.0f}" for b in bytes_),
            ]
        )
    return Table(
        "Memory in bytes per node",
        ["", "nodes", "edges per node", "graph", "tape beside it"],
        rows,
        ["Traced by tracemalloc, leaves included, after one forward and backward."],
    )


@dataclass(frozen=True)
class Growth:
    """Costs along one size."""

    axis: str
    sizes: Sequence[int]
    costs: Sequence[Cost]

    def slope(self, name: str, edges: bool = False) -> float:
        """d log(time) / d log(size), or against the number of edges."""
        against = [cost.edges for cost in self.costs] if edges else self.sizes
        times = [cost.median(name) for cost in self.costs]
        return float(np.polyfit(np.log(against), np.log(times), 1)[0])


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
        Growth(axis, sizes, measure([of(n) for n in sizes], rounds, fill))
        for axis, sizes, of in axes
    ]


def growing(growths: Sequence[Growth]) -> Table:
    """The slopes."""
    rows = [
        [
            f"{growth.axis}, {growth.sizes[0]:,} to {growth.sizes[-1]:,}",
            *(f"{growth.slope(name):.2f}" for name in PHASES),
            f"{growth.slope('plan', edges=True):.2f}",
        ]
        for growth in growths
    ]
    return Table(
        "Growth",
        ["", "record", "plan", "eager", "replay", "plan by edges"],
        rows,
        ["Slopes of log(time) over log(size): 1 is in proportion."],
    )
