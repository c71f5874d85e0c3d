"""Optimizers: how gradients change parameters. Names and update rules are PyTorch's."""

import math
from collections.abc import Iterable

from .value import Value


class SGD:
    """p <- p - lr v, v being the gradient, or with momentum: v <- momentum v + gradient.

    Rows 003-4 and 004-16; torch.optim.SGD. Parameters whose grad is None are left alone.

    >>> w = Value(1.0)
    >>> (w * 3.0).backward()
    >>> SGD([w], lr=0.1).step()
    >>> w.data
    0.7
    """

    def __init__(self, params: Iterable[Value], lr: float, momentum: float = 0.0) -> None:
        self.params = list(params)
        if not self.params:
            raise ValueError("SGD needs at least one parameter, got none")
        self.lr = _rate("SGD: lr", lr)
        self.momentum = _rate("SGD: momentum", momentum)
        self.velocity: dict[Value, float] = {}

    def step(self) -> None:
        """Change every parameter by its gradient."""
        for p in self.params:
            if p.grad is None:
                continue
            v = p.grad
            if self.momentum:
                v = self.velocity[p] = self.momentum * self.velocity.get(p, 0.0) + v
            p.data = p.data - self.lr * v

    def zero_grad(self) -> None:
        """Forget the gradients: `grad` becomes None."""
        for p in self.params:
            p.grad = None


def _rate(what: str, number: float) -> float:
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{what} must be a number of 0 or more, got {number!r}")
    return float(number)
