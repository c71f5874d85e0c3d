"""The number and the gradient of any Value of a tape, of one that was fused away as well."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..value import Value
from .guards import describe
from .ir import FIRST_CONSTANT
from .numpy.arrays import NUMPY
from .numpy.program import Array
from .parameters import Store
from .plan import Plan
from .session import Session

__all__ = ["Reader"]


class Reader:
    """Finds numbers in the arrays of a tape."""

    def __init__(self, plan: Plan, store: Store, session: Session) -> None:
        self._graph, self._slot = plan.graph, plan.layout.slot
        self._store, self._session = store, session

    def value(self, value: Value) -> Any:
        """The number of a node; one per example of a batch but for parameters."""
        values = self._session.current("value").values
        if value in self._store.slot:
            return float(self._store.data[self._store.slot[value]])
        return _plain(self._number(self._node(value), values))

    def gradient(self, value: Value) -> Any:
        """The gradient of a node; one per example of a batch but for parameters."""
        gradients = self._session.swept("grad").gradients
        if value in self._store.slot:
            return float(self._store.gradient[self._store.slot[value]])
        node = self._node(value)
        if self._session.is_left_out(node):
            raise RuntimeError(
                f"Tape: backward(inputs=False) left out the gradient of {describe(value)}"
            )
        return _plain(gradients[self.place(node)])

    def place(self, node: int) -> int:
        """The slot of a node's gradient: of one that was fused away it is its heir's."""
        return self._slot[self._graph.heir.get(node, node)]

    def _node(self, value: Value) -> int:
        """The node of a Value; ValueError if the tape has none."""
        if value not in self._graph.index:
            raise ValueError(f"Tape: {value!r} is not in the tape's graph")
        return self._graph.index[value]

    def _number(self, node: int, values: Array) -> Array:
        """The number of a node; of one that was fused away it is computed now."""
        graph = self._graph
        found: dict[int, Array] = {}

        def number(x: int) -> Array:
            if x in found:
                return found[x]
            if x in graph.parameters:
                return np.asarray(self._store.data[self._store.slot[graph.values[x]]])
            if x >= FIRST_CONSTANT:
                return np.asarray(graph.constants.number(x))
            return np.asarray(values[self._slot[x]])

        with np.errstate(all="ignore"):
            for x in graph.fused_under(node):
                op = graph.values[x].op
                assert op is not None
                operands = map(number, graph.operands[x])
                found[x] = np.asarray(op.evaluate(NUMPY, [*np.broadcast_arrays(*operands)]))
        return number(node)


def _plain(found: Array) -> Any:
    return float(found) if found.ndim == 0 else found.copy()
