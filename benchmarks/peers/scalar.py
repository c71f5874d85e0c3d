"""Programs in plain + and *, as one writes them for micrograd; any scalar node will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..problems import CharRNN, Expression, Moons
from . import Step


def linear(x: Sequence[Any], weight: Any, bias: Any) -> list[Any]:
    """As micrograd's Neuron."""
    return [sum((w * v for w, v in zip(row, x)), b) for row, b in zip(weight, bias)]


def leaves(array: Any, node: Callable[[float], Any]) -> Any:
    """Nodes nested like the array."""
    return node(array) if isinstance(array, float) else [leaves(x, node) for x in array]


def flat(nested: Any) -> list[Any]:
    return [x for item in nested for x in flat(item)] if isinstance(nested, list) else [nested]


class PlainSequence:
    """A recurrent network over a text; `functions` are tanh, sigmoid and log_sum_exp."""

    def __init__(self, problem: CharRNN, node: Callable[[float], Any], functions: Any) -> None:
        self.problem, self.functions = problem, functions
        self.weights = {name: leaves(w.tolist(), node) for name, w in problem.weights().items()}
        self.parameters = flat(list(self.weights.values()))
        self.cell = [
            ih + hh for ih, hh in zip(self.weights["weight_ih"], self.weights["weight_hh"])
        ]

    def loss(self, inputs: Sequence[Any], targets: Sequence[int]) -> Any:
        weights, size, f = self.weights, self.problem.hidden, self.functions
        h: Sequence[Any] = [0.0] * size
        c: Sequence[Any] = [0.0] * size
        loss: Any = 0.0
        for x, target in zip(inputs, targets):
            sums = linear([*x, *h], self.cell, weights["bias"])
            if self.problem.gates == 1:
                h = [f.tanh(z) for z in sums]
            else:
                parts = [sums[k * size : (k + 1) * size] for k in range(4)]
                i, forget, o = ([f.sigmoid(z) for z in parts[k]] for k in (0, 1, 3))
                g = [f.tanh(z) for z in parts[2]]
                c = [f * c + i * g for f, c, i, g in zip(forget, c, i, g)]
                h = [o * f.tanh(c) for o, c in zip(o, c)]
            logits = linear(h, weights["weight_out"], weights["bias_out"])
            loss = loss + (f.log_sum_exp(logits) - logits[target])
        return loss


class PlainMoons:
    """micrograd's demo of the two moons."""

    def __init__(self, problem: Moons, node: Callable[[float], Any]) -> None:
        self.problem = problem
        self.layers = [
            (leaves(w.tolist(), node), leaves(b.tolist(), node)) for w, b in problem.layers()
        ]
        self.parameters = flat([[w, b] for w, b in self.layers])

    def score(self, x: Sequence[Any]) -> Any:
        *hidden, (weight, bias) = self.layers
        for w, b in hidden:
            x = [z.relu() for z in linear(x, w, b)]
        return linear(x, weight, bias)[0]

    def loss(self, points: Sequence[Any], labels: Sequence[float]) -> Any:
        margins = [(1 + -y * self.score(x)).relu() for x, y in zip(points, labels)]
        mean = sum(margins) * (1.0 / len(margins))
        return mean + self.problem.alpha * sum(p * p for p in self.parameters)


def expression_step(problem: Expression, node: Callable[[float], Any], tanh: Any) -> Step:
    """The plain graph, rebuilt at every step from leaves whose gradients add up."""
    made = leaves(problem.leaves(), node)

    def step() -> object:
        for leaf in made:
            leaf.grad = 0.0
        root = problem.build(made, tanh)
        root.backward()
        return root.data, (leaf.grad for leaf in made)

    return step
