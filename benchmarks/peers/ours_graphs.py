"""Our graphs, as they are recorded eagerly and replayed by a tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgrid import Value
from microgrid import functional as F
from microgrid.graph import creation_order

from ..problems import CharRNN, Moons


def values(array: Any) -> Any:
    """Value leaves, nested like the array."""
    return Value(array) if isinstance(array, float) else [values(x) for x in array]


def flat(nested: Any) -> list[Any]:
    return [x for item in nested for x in flat(item)] if isinstance(nested, list) else [nested]


class SequenceGraph:
    """A recurrent network over a text."""

    def __init__(self, problem: CharRNN) -> None:
        self.problem = problem
        self.weights = {name: values(w.tolist()) for name, w in problem.weights().items()}
        self.parameters: list[Value] = flat(list(self.weights.values()))
        self.cell = [
            ih + hh for ih, hh in zip(self.weights["weight_ih"], self.weights["weight_hh"])
        ]

    def loss(self, inputs: Sequence[Any], targets: Sequence[Any]) -> Value:
        """From one-hot rows, and the letters that follow, as numbers or one-hot rows."""
        weights, size = self.weights, self.problem.hidden
        h: Sequence[Any] = [0.0] * size
        c: Sequence[Any] = [0.0] * size
        losses = []
        for x, target in zip(inputs, targets):
            sums = F.linear([*x, *h], self.cell, weights["bias"])
            if self.problem.gates == 1:
                h = [z.tanh() for z in sums]
            else:
                i, f, o = ([z.sigmoid() for z in sums[k * size : (k + 1) * size]] for k in (0, 1, 3))
                g = [z.tanh() for z in sums[2 * size : 3 * size]]
                c = [F.dot([f, i], [c, g]) for f, i, c, g in zip(f, i, c, g)]
                h = [o * c.tanh() for o, c in zip(o, c)]
            logits = F.linear(h, weights["weight_out"], weights["bias_out"])
            losses.append(F.cross_entropy(logits, target))
        return F.sum(losses)

    def leaves(self) -> list[Any]:
        """Inputs and targets as leaves that a tape feeds: steps x vocabulary, twice."""
        letters, targets = self.problem.text()
        return [values(self.problem.one_hot(x).tolist()) for x in (letters, targets)]


class MoonsGraph:
    """The moons network in dot nodes."""

    def __init__(self, problem: Moons) -> None:
        self.problem = problem
        self.layers = [(values(w.tolist()), values(b.tolist())) for w, b in problem.layers()]
        self.parameters: list[Value] = flat([[w, b] for w, b in self.layers])

    def score(self, x: Sequence[Any]) -> Value:
        *hidden, (weight, bias) = self.layers
        for w, b in hidden:
            x = [z.relu() for z in F.linear(x, w, b)]
        return F.linear(x, weight, bias)[0]

    def loss(self, points: Sequence[Any], labels: Sequence[Any]) -> Value:
        margins = [F.relu(1.0 - y * self.score(x)) for x, y in zip(points, labels)]
        decay = F.dot(self.parameters, self.parameters)
        return F.mean(margins) + self.problem.alpha * decay


def edges(loss: Value) -> int:
    """Operands of all nodes."""
    return sum(len(node.parents) for node in creation_order(loss))
