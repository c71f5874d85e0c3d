"""The smallest scalar node that stores its local derivatives: a floor to measure against.

No labels, scopes, constants, IEEE rules or op table. What it lacks is the price of those.
"""

from __future__ import annotations

import math
from operator import attrgetter


class Node:
    __slots__ = ("data", "grad", "local", "parents", "serial")

    made = 0

    def __init__(
        self,
        data: float,
        parents: tuple[Node, ...] = (),
        local: tuple[float, ...] = (),
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.local = local
        self.serial = Node.made = Node.made + 1

    def __add__(self, other: Node) -> Node:
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other: Node) -> Node:
        return Node(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other: Node) -> Node:
        return Node(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self) -> Node:
        out = math.tanh(self.data)
        return Node(out, (self,), (1.0 - out * out,))

    def relu(self) -> Node:
        return Node(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def exp(self) -> Node:
        out = math.exp(self.data)
        return Node(out, (self,), (out,))

    def log(self) -> Node:
        return Node(math.log(self.data), (self,), (1.0 / self.data,))

    def __pow__(self, power: float) -> Node:
        slope = power * self.data ** (power - 1.0)
        return Node(self.data**power, (self,), (slope,))

    def backward(self) -> None:
        seen = {self}
        order = [self]
        for node in order:
            for parent in node.parents:
                if parent not in seen:
                    seen.add(parent)
                    order.append(parent)
        order.sort(key=attrgetter("serial"))
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.local):
                parent.grad += slope * node.grad
