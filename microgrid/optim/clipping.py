"""Gradients made smaller before an optimizer uses them."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..graph import gradient_of, put_gradient
from .checks import distinct, rate

__all__ = ["clip_grad_norm_", "clip_grad_value_", "grad_norm"]


def grad_norm(params: Iterable[Any]) -> float:
    """The Euclidean norm of all gradients together; a missing one counts as 0.

    >>> from microgrid import Value
    >>> a, b = Value(0.0), Value(0.0); a.grad, b.grad = 3.0, -4.0
    >>> grad_norm([a, b, Value(1.0)])
    5.0
    """
    squares = 0.0
    for p in distinct(params):
        g = gradient_of(p)
        if g is not None:
            squares += g * g if g.__class__ is float else float(np.vdot(g, g))
    return math.sqrt(squares)


def clip_grad_norm_(params: Iterable[Any], max_norm: float) -> float:
    """Shrink all gradients by one factor so that their norm is at most `max_norm`.

    Returns the norm before; torch.nn.utils.clip_grad_norm_ (Pascanu, Mikolov and Bengio, 2013).

    >>> from microgrid import Value
    >>> a, b = Value(0.0), Value(0.0); a.grad, b.grad = 3.0, -4.0
    >>> clip_grad_norm_([a, b], 1.0), round(a.grad, 5), round(b.grad, 5)
    (5.0, 0.6, -0.8)
    """
    params = distinct(params)
    max_norm = rate("clip_grad_norm_: max_norm", max_norm)
    norm = grad_norm(params)
    factor = max_norm / (norm + 1e-6)
    if factor < 1.0:
        for p in params:
            gradient: Any = gradient_of(p)
            if gradient is not None:
                put_gradient(p, gradient * factor)
    return norm


def clip_grad_value_(params: Iterable[Any], clip_value: float) -> None:
    """Cut every single gradient to -clip_value..clip_value (torch.nn.utils.clip_grad_value_).

    >>> from microgrid import Value
    >>> a = Value(0.0); a.grad = -4.0
    >>> clip_grad_value_([a], 1.5); a.grad
    -1.5
    """
    top = rate("clip_grad_value_: clip_value", clip_value)
    for p in params:
        gradient: Any = gradient_of(p)
        if gradient.__class__ is float:
            if not math.isnan(gradient):
                put_gradient(p, max(-top, min(top, gradient)))
        elif gradient is not None:
            put_gradient(p, np.clip(gradient, -top, top))
