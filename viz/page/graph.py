"""A recorded graph as the page computes it: plain arrays, and the op table in JavaScript.

The page holds no number that Python has computed but those of the leaves. Values, local
derivatives and gradients come from `assets/engine.js` and from the rows of ops.py, which
`microgrid.expressions` prints as JavaScript: no derivative is written a second time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from microgrid.expressions import javascript_table
from microgrid.graph import name_of
from microgrid.ops import OPS, Op
from microgrid.quantity import Source, source_of
from microgrid.sweep import Sweep
from microgrid.tape.guards import Guard
from microgrid.value import Value, creation_order

__all__ = ["Graph", "number_data"]


class Graph:
    """The nodes below some roots, as the page reads them.

    Attributes
    ----------
    order : the nodes in order of creation; their places are what the page calls them by
    edge : for every (node, position among its parents) the place of that edge in the arrays
    """

    def __init__(self, roots: Sequence[Value], sweep: Sweep | None) -> None:
        self.order = order = creation_order(*roots)
        self.sweep = sweep
        self.index = {node: i for i, node in enumerate(order)}
        self.edge: dict[tuple[Value, int], int] = {}
        self._ops = list(dict.fromkeys(node.op for node in order if node.op is not None))
        self._first, self._from = [0], list[int]()
        self._constants: list[float] = []
        for node in order:
            self._read(node)

    def _read(self, node: Value) -> None:
        position = 0
        for x in node.operands:
            if isinstance(x, Value):
                self.edge[node, position] = len(self._from)
                position += 1
                self._from.append(self.index[x])
            else:
                self._from.append(len(self.order) + len(self._constants))
                self._constants.append(float(x))
        self._first.append(len(self._from))

    def data(self) -> dict[str, Any]:
        """The graph as JSON: op codes, edges, constants, leaves, and what the sweep starts from."""
        code = {op: i + 1 for i, op in enumerate(self._ops)}
        held = {} if self.sweep is None else self.sweep.held
        return {
            "ops": [op.name for op in self._ops],
            "code": [code[node.op] if node.op is not None else 0 for node in self.order],
            "first": self._first,
            "from": self._from,
            "constants": [number_data(x) for x in self._constants],
            "leaves": [number_data(node.data) for node in self.order if node.op is None],
            "root": None if self.sweep is None else self.index[self.sweep.root],
            "seed": 1.0 if self.sweep is None else number_data(self.sweep.seed),
            "held": [[self.index[x], number_data(g)] for x, g in held.items() if x in self.index],
        }

    def guards(self, guards: Sequence[Guard]) -> list[list[Any]]:
        """Comparisons that the recording hung on: [name, left, right, outcome, in words]."""
        return [
            [g.name, self._side(g.left), self._side(g.right), g.outcome, _words(g)] for g in guards
        ]

    def _side(self, x: Value | float) -> list[Any]:
        """["v", place] for a node, ["c", number] for a plain number."""
        return ["v", self.index[x]] if isinstance(x, Value) else ["c", number_data(x)]

    def source(self, x: float) -> Any:
        """A number as the page computes it: a Quantity by its source, a plain one as it is."""
        return self._translated(source_of(x))

    def _translated(self, source: Source) -> Any:
        kind, *arguments = source
        if kind == "number":
            return number_data(arguments[0])
        if kind in ("value", "gradient"):
            return [kind[0], self.index[arguments[0]]]
        if kind in ("local", "message"):
            return ["p" if kind == "local" else "m", self.edge[arguments[0], arguments[1]]]
        if kind == "through":  # d(above)/d(below) along paths through these nodes alone
            nodes, above, below = arguments
            return [
                "through",
                [self.index[x] for x in nodes],
                self.index[above],
                self.index[below],
            ]
        if kind == "from":  # d(root)/d(node) of a sweep of its own
            root, node, seed = arguments
            return ["from", self.index[root], self.index[node], self._translated(seed)]
        return [kind, *map(self._translated, arguments)]

    def script(self) -> str:
        """The rows of the op table that this graph uses, in JavaScript."""
        known: list[Op] = [op for op in OPS if op in self._ops]
        own = [op for op in self._ops if op not in known]
        return javascript_table([*known, *own])


_SIGNS = {
    "less": "<", "less_equal": "≤", "greater": ">", "greater_equal": "≥", "equal": "=",
    "not_equal": "≠",
}  # fmt: skip


def _words(guard: Guard) -> str:
    left, right = (
        name_of(x) if isinstance(x, Value) else f"{x:.6g}" for x in (guard.left, guard.right)
    )
    return f"{left} {_SIGNS[guard.name]} {right}"


def number_data(x: float) -> float | str:
    """A float as JSON holds it: JSON has no inf and no nan, so these are words.

    >>> number_data(0.1), number_data(float("-inf")), number_data(float("nan"))
    (0.1, '-inf', 'nan')
    """
    return float(x) if math.isfinite(x) else repr(float(x))
