"""Our graphs, as they are recorded eagerly and replayed by a tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from microgrid import Value
from microgrid import functional as F

from ..problems import CharRNN, Expression, MicroGPT, Moons
from .scalar import PlainMoons, flat, leaves


def values(array: Any) -> Any:
    """Value leaves, nested like the array."""
    return leaves(array, Value)


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
                i, f, o = (
                    [z.sigmoid() for z in sums[k * size : (k + 1) * size]] for k in (0, 1, 3)
                )
                g = [z.tanh() for z in sums[2 * size : 3 * size]]
                c = [F.dot([f, i], [c, g]) for f, i, c, g in zip(f, i, c, g)]
                h = [o * c.tanh() for o, c in zip(o, c)]
            logits = F.linear(h, weights["weight_out"], weights["bias_out"])
            losses.append(F.cross_entropy(logits, target))
        return F.sum(losses)


class GPTGraph:
    """microgpt in dot nodes; letters and targets are one-hot rows."""

    def __init__(self, problem: MicroGPT) -> None:
        self.problem = problem
        self.weights = {name: values(w.tolist()) for name, w in problem.weights().items()}
        self.parameters: list[Value] = flat(list(self.weights.values()))

    def loss(self, letters: Sequence[Any], targets: Sequence[Any]) -> Value:
        """The mean cross entropy."""
        weights, past, losses = self.weights, [], []
        table = list(zip(*weights["letters"]))
        for place, (letter, target) in enumerate(zip(letters, targets)):
            x = F.linear(letter, table)
            x = self.norm([a + b for a, b in zip(x, weights["places"][place])])
            mixed = self.attention(self.norm(x), past)
            x = [a + b for a, b in zip(x, F.linear(mixed, weights["out"]))]
            hidden = [z.relu() for z in F.linear(self.norm(x), weights["up"])]
            x = [a + b for a, b in zip(x, F.linear(hidden, weights["down"]))]
            logits = F.linear(x, weights["head"])
            losses.append(F.logsumexp(logits) - F.dot(target, logits))
        return F.mean(losses)

    def norm(self, x: Sequence[Value]) -> list[Value]:
        scale = (F.dot(x, x) * (1.0 / len(x)) + self.problem.epsilon) ** -0.5
        return [v * scale for v in x]

    def attention(self, x: Sequence[Value], past: list[Any]) -> list[Value]:
        query, key, value = (F.linear(x, self.weights[w]) for w in ("query", "key", "value"))
        past.append((key, value))
        size, mixed = len(x) // self.problem.heads, []
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            scores = [F.dot(query[part], key[part]) * size**-0.5 for key, _ in past]
            shares = F.softmax(scores)
            mixed += F.linear(shares, list(zip(*[value[part] for _, value in past])))
        return mixed


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


Recording = tuple[Callable[[], Value], list[Any], Any]


def recording(problem: CharRNN | Moons | MicroGPT | Expression) -> Recording:
    """A function that records the loss, the leaves that a tape is to feed, numbers for them.

    All points of the moons are one graph, written in + * relu.
    """
    if isinstance(problem, Expression):
        variables = [Value(x) for x in problem.leaves()]
        return lambda: problem.build(variables, Value.tanh), [], []
    if isinstance(problem, Moons):
        plain = PlainMoons(problem, Value)
        points, labels = problem.data()
        given = values(points.tolist())
        return lambda: plain.loss(given, labels.tolist()), given, points
    graph = GPTGraph(problem) if isinstance(problem, MicroGPT) else SequenceGraph(problem)
    numbers = np.stack([problem.one_hot(letters) for letters in problem.text()])
    fed = values(numbers.tolist())
    return lambda: graph.loss(*fed), fed, numbers
