"""Activations: what stands between two layers. Names and defaults are PyTorch's."""

import math
from typing import Literal

from .. import ops
from ..value import Operand, Value, record
from .elementwise import abs

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
]


def sigmoid(x: Operand) -> Value:
    """1 / (1 + e**-x).

    >>> sigmoid(0.0).data
    0.5
    """
    return record(ops.SIGMOID, (x,))


def logsigmoid(x: Operand) -> Value:
    """ln sigmoid(x) as -softplus(-x), which does not overflow (torch...logsigmoid).

    >>> logsigmoid(Value(-800.0)).data
    -800.0
    """
    return -softplus(record(ops.NEG, (x,)))


def relu(x: Operand) -> Value:
    """max(0, x); its derivative at 0 is 0.

    >>> relu(-2.0).data
    0.0
    """
    return record(ops.RELU, (x,))


def leaky_relu(x: Operand, negative_slope: Operand = 0.01) -> Value:
    """x above 0 and negative_slope x below, as at 0 (torch...leaky_relu; with a Value, prelu).

    >>> leaky_relu(-2.0, negative_slope=0.5).data
    -1.0
    """
    return record(ops.LEAKY_RELU, (x, negative_slope))


def elu(x: Operand, alpha: Operand = 1.0) -> Value:
    """x above 0 and alpha (e**x - 1) below (Clevert et al., 2016; torch...elu).

    >>> round(elu(-1.0).data, 6)
    -0.632121
    """
    return record(ops.ELU, (x, alpha))


def selu(x: Operand) -> Value:
    """elu scaled so that layers keep mean 0 and width 1 (Klambauer et al., 2017; torch...selu).

    >>> round(selu(1.0).data, 6), round(selu(-1.0).data, 6)
    (1.050701, -1.111331)
    """
    return elu(x, 1.6732632423543772) * 1.0507009873554805


def gelu(x: Operand, approximate: Literal["none", "tanh"] = "none") -> Value:
    """x times the share of a standard normal number below x (Hendrycks and Gimpel, 2016).

    approximate="tanh": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))), as GPT-2 has it.

    >>> round(gelu(1.0).data, 6), round(gelu(1.0, approximate="tanh").data, 6)
    (0.841345, 0.841192)
    """
    if approximate == "none":
        return record(ops.GELU, (x,))
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate must be "none" or "tanh", got {approximate!r}')
    inner = record(ops.MUL, (x, record(ops.MUL, (x, x)) * 0.044715 + 1.0)) * math.sqrt(
        2.0 / math.pi
    )
    return record(ops.MUL, (x, inner.tanh() * 0.5 + 0.5))


def silu(x: Operand) -> Value:
    """x sigmoid(x), also called swish (torch...silu).

    >>> silu(0.0).data
    0.0
    """
    return record(ops.SILU, (x,))


def softplus(x: Operand) -> Value:
    """ln(1 + e**x).

    >>> softplus(-800.0).data
    0.0
    """
    return record(ops.SOFTPLUS, (x,))


def mish(x: Operand) -> Value:
    """x tanh(softplus(x)) (Misra, 2019; torch...mish).

    >>> round(mish(1.0).data, 6)
    0.865098
    """
    return record(ops.MUL, (x, softplus(x).tanh()))


def softsign(x: Operand) -> Value:
    """x / (1 + |x|) (torch...softsign).

    >>> softsign(-3.0).data
    -0.75
    """
    return record(ops.DIV, (x, abs(x) + 1.0))
