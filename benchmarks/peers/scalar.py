"""Programs in plain + and *, as one writes them for micrograd; any scalar node will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..problems import CharRNN, Expression, MicroGPT, Moons
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


class PlainGPT:
    """microgpt as it is written in + * ** exp log relu; `constant` makes a node of a number."""

    def __init__(self, problem: MicroGPT, node: Callable[[float], Any], exp: Any, log: Any) -> None:
        self.problem, self.node, self.exp, self.log = problem, node, exp, log
        self.weights = {name: leaves(w.tolist(), node) for name, w in problem.weights().items()}
        self.parameters = flat(list(self.weights.values()))

    def loss(self, letters: Sequence[int], targets: Sequence[int]) -> Any:
        weights, past, losses = self.weights, [], []
        for place, (letter, target) in enumerate(zip(letters, targets)):
            x = [a + b for a, b in zip(weights["letters"][letter], weights["places"][place])]
            x = self.norm(x)
            mixed = self.attention(self.norm(x), past)
            x = [a + b for a, b in zip(x, self.linear(mixed, "out"))]
            hidden = [z.relu() for z in self.linear(self.norm(x), "up")]
            x = [a + b for a, b in zip(x, self.linear(hidden, "down"))]
            logits = self.linear(x, "head")
            total = self.sum([self.exp(z) for z in logits])
            losses.append(self.log(total) + logits[target] * self.node(-1.0))
        return self.sum(losses) * self.node(1.0 / len(losses))

    def sum(self, terms: Sequence[Any]) -> Any:
        return sum(terms[1:], terms[0])

    def linear(self, x: Sequence[Any], name: str) -> list[Any]:
        return [self.sum([w * v for w, v in zip(row, x)]) for row in self.weights[name]]

    def norm(self, x: Sequence[Any]) -> list[Any]:
        square = self.sum([v * v for v in x]) * self.node(1.0 / len(x))
        scale = (square + self.node(self.problem.epsilon)) ** -0.5
        return [v * scale for v in x]

    def attention(self, x: Sequence[Any], past: list[Any]) -> list[Any]:
        query, key, value = (self.linear(x, name) for name in ("query", "key", "value"))
        past.append((key, value))
        size, mixed = len(x) // self.problem.heads, []
        for start in range(0, len(x), size):
            part = range(start, start + size)
            scores = [
                self.sum([query[j] * key[j] for j in part]) * self.node(size**-0.5)
                for key, _ in past
            ]
            powers = [self.exp(score) for score in scores]
            inverse = self.sum(powers) ** -1.0
            shares = [power * inverse for power in powers]
            mixed += [self.sum([s * v[j] for s, (_, v) in zip(shares, past)]) for j in part]
        return mixed


def gpt_step(problem: MicroGPT, node: Callable[[float], Any], exp: Any, log: Any) -> Step:
    """The plain graph, rebuilt at every step."""
    graph = PlainGPT(problem, node, exp, log)
    letters, targets = problem.text()

    def step() -> object:
        for p in graph.parameters:
            p.grad = 0.0
        loss = graph.loss(letters, targets)
        loss.backward()
        return loss.data, (p.grad for p in graph.parameters)

    return step


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
