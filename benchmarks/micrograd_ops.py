"""The operations that micrograd's PyPI release lacks, in its own manner: a closure per node."""

from __future__ import annotations

import math
from collections.abc import Sequence

from micrograd.engine import Value


def tanh(x: Value) -> Value:
    out = Value(math.tanh(x.data), (x,), "tanh")

    def _backward() -> None:
        x.grad += (1.0 - out.data**2) * out.grad

    out._backward = _backward
    return out


def exp(x: Value) -> Value:
    out = Value(math.exp(x.data), (x,), "exp")

    def _backward() -> None:
        x.grad += out.data * out.grad

    out._backward = _backward
    return out


def log(x: Value) -> Value:
    out = Value(math.log(x.data), (x,), "log")

    def _backward() -> None:
        x.grad += out.grad / x.data

    out._backward = _backward
    return out


def log_sum_exp(xs: Sequence[Value]) -> Value:
    return log(sum(map(exp, xs[1:]), exp(xs[0])))


def sigmoid(x: Value) -> Value:
    out = Value(1.0 / (1.0 + math.exp(-x.data)), (x,), "sigmoid")

    def _backward() -> None:
        x.grad += out.data * (1.0 - out.data) * out.grad

    out._backward = _backward
    return out
