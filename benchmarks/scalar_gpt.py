"""A small GPT written in single numbers, for any class with Value's operators.

One layer, width 16, four heads, 27 letters: each product of the forward pass is a node of its
own, as a plain program writes it. `ListValue` is the Value that such programs bring along.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

WIDTH, HEADS, LETTERS, PLACES = 16, 4, 27, 16
NAME = (26, 4, 12, 12, 0, 11, 24, 26)  # a name of six letters between two marks


class ListValue:
    """A node with its children and local derivatives in tuples, and a recursive sort."""

    __slots__ = ("children", "data", "grad", "local")

    def __init__(self, data: float, children: tuple[Any, ...] = (), local: Any = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.children = children
        self.local = local

    def __add__(self, other: Any) -> ListValue:
        other = other if isinstance(other, ListValue) else ListValue(other)
        return ListValue(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> ListValue:
        other = other if isinstance(other, ListValue) else ListValue(other)
        return ListValue(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> ListValue:
        return ListValue(self.data**power, (self,), (power * self.data ** (power - 1.0),))

    def log(self) -> ListValue:
        return ListValue(math.log(self.data), (self,), (1.0 / self.data,))

    def exp(self) -> ListValue:
        out = math.exp(self.data)
        return ListValue(out, (self,), (out,))

    def relu(self) -> ListValue:
        return ListValue(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def __neg__(self) -> ListValue:
        return self * -1.0

    def __sub__(self, other: Any) -> ListValue:
        return self + -other

    def __truediv__(self, other: Any) -> ListValue:
        return self * other**-1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[ListValue] = []
        seen = set()

        def visit(node: ListValue) -> None:
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node.children, node.local):
                child.grad += local * node.grad


class Gpt:
    """The weights as lists of `kind`, and the loss of one name."""

    def __init__(self, kind: Any) -> None:
        draw = random.Random(42)

        def matrix(rows: int, columns: int) -> list[list[Any]]:
            return [[kind(draw.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.letters, self.places = matrix(LETTERS, WIDTH), matrix(PLACES, WIDTH)
        self.query, self.key, self.value = (matrix(WIDTH, WIDTH) for _ in range(3))
        self.out, self.readout = matrix(WIDTH, WIDTH), matrix(LETTERS, WIDTH)
        self.wide, self.narrow = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)
        self.parameters = [x for part in vars(self).values() for row in part for x in row]

    def loss(self, name: Sequence[int] = NAME) -> Any:
        """The mean cross entropy of each letter after those before it."""
        keys: list[Any] = []
        values: list[Any] = []
        losses = []
        for place, (letter, following) in enumerate(pairwise(name)):
            x = [a + b for a, b in zip(self.letters[letter], self.places[place])]
            x = self._attended(_normed(x), keys, values)
            hidden = [h.relu() for h in _linear(_normed(x), self.wide)]
            x = [a + b for a, b in zip(_linear(hidden, self.narrow), x)]
            losses.append(-_softmax(_linear(x, self.readout))[following].log())
        return sum(losses) / len(losses)

    def _attended(self, x: list[Any], keys: list[Any], values: list[Any]) -> list[Any]:
        normed = _normed(x)
        query = _linear(normed, self.query)
        keys.append(_linear(normed, self.key))
        values.append(_linear(normed, self.value))
        size = WIDTH // HEADS
        heads = []
        for start in range(0, WIDTH, size):
            part = range(start, start + size)
            scores = [sum(query[j] * key[j] for j in part) / size**0.5 for key in keys]
            shares = _softmax(scores)
            heads += [sum(s * value[j] for s, value in zip(shares, values)) for j in part]
        return [a + b for a, b in zip(_linear(heads, self.out), x)]


def _linear(x: list[Any], weight: list[list[Any]]) -> list[Any]:
    return [sum(w * xi for w, xi in zip(row, x)) for row in weight]


def _softmax(zs: list[Any]) -> list[Any]:
    top = max(z.data for z in zs)
    powers = [(z - top).exp() for z in zs]
    total = sum(powers)
    return [power / total for power in powers]


def _normed(x: list[Any]) -> list[Any]:
    scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]
