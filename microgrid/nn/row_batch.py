"""Row batches: n samples at once as the rows of a matrix, X W where the cells have W x.

A weight here is the transpose of the cells': W_xh has a row per input and a column per
hidden unit, and a bias is a matrix of one row.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from .. import functional as F
from ..nested import flatten
from ..value import Operand
from .module import Module
from .parameters import Matrix, Seed, activation, at_step, labels, matrix, size, uniform

__all__ = ["RowLinear", "RowRNNCell"]

_Rows = Sequence[Sequence[Operand]]


class RowLinear(Module):
    """O = f(X W + b): n rows of in_features in, n rows of out_features out (row 002-4).

    weight is in_features x out_features, bias 1 x out_features, added to every row.

    >>> layer = RowLinear(2, 1)
    >>> layer.load_state_dict({"weight": [[2.0], [-1.0]], "bias": [[0.5]]})
    >>> [row[0].data for row in layer([[3.0, 4.0], [1.0, 1.0]])]
    [2.5, 1.5]
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        nonlinearity: str = "identity",
        seed: Seed = None,
    ) -> None:
        self.in_features = size(in_features, "RowLinear: in_features")
        self.out_features = size(out_features, "RowLinear: out_features")
        self._activation = activation(nonlinearity)
        rng, bound = np.random.default_rng(seed), 1.0 / sqrt(in_features)
        self.weight = matrix(uniform(rng, bound, in_features, out_features), "W_hq")
        self.bias = matrix(uniform(rng, bound, 1, out_features), "b_q") if bias else None

    def __call__(self, x: _Rows, name: str = "O") -> Matrix:
        """One row of outputs for each row of x."""
        n = _fits("RowLinear: X", x, "W", self.weight)
        ones, bias = ([[1.0]] * n, self.bias) if self.bias else ([[]] * n, [])
        sums = F.matmul(_beside(x, ones), [*self.weight, *bias])
        return _named([[self._activation(s) for s in row] for row in sums], name)


class RowRNNCell(Module):
    """H_t = f(X_t W_xh + H_{t-1} W_hh + b_h) for n samples at once (rows 002-2 and 002-3).

    X_t is n x input_size, H n x hidden_size, weight_xh input_size x hidden_size,
    weight_hh hidden_size x hidden_size, bias 1 x hidden_size, added to every row.
    ValueError names both shapes where they do not fit.

    >>> cell = RowRNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_xh": [[1.0]], "weight_hh": [[-5.0]]})
    >>> [row[0].data for row in cell([[5.0], [1.0]], [[0.0], [1.0]])]
    [5.0, -4.0]
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: str = "tanh",
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        self.input_size = size(input_size, "RowRNNCell: input_size")
        self.hidden_size = size(hidden_size, "RowRNNCell: hidden_size")
        self._activation = activation(nonlinearity)
        rng, bound = np.random.default_rng(seed), 1.0 / sqrt(hidden_size)
        self.weight_xh = matrix(uniform(rng, bound, input_size, hidden_size), "W_xh")
        self.weight_hh = matrix(uniform(rng, bound, hidden_size, hidden_size), "W_hh")
        self.bias = matrix(uniform(rng, bound, 1, hidden_size), "b_h") if bias else None

    def initial_state(self, n: int) -> Matrix:
        """H_0: n rows of zeros, as leaves."""
        zeros = np.zeros((size(n, "RowRNNCell: n"), self.hidden_size))
        return matrix(zeros, "H_0")

    def __call__(self, x: _Rows, state: _Rows) -> Matrix:
        """H_t from X_t and H_{t-1}."""
        n = _fits("RowRNNCell: X_t", x, "W_xh", self.weight_xh)
        samples = _fits("RowRNNCell: H_{t-1}", state, "W_hh", self.weight_hh)
        if n != samples:
            raise ValueError(
                f"RowRNNCell: X_t is {_size(x)} and H_{{t-1}} is {_size(state)}, "
                f"but both need a row per sample"
            )
        ones, bias = ([[1.0]] * n, self.bias) if self.bias else ([[]] * n, [])
        block = [*self.weight_xh, *self.weight_hh, *bias]
        sums = F.matmul(_beside(x, state, ones), block)
        return _named([[self._activation(s) for s in row] for row in sums], "H")


def _beside(*blocks: _Rows) -> list[list[Operand]]:
    """[A B C]: matrices of as many rows each, joined row by row."""
    return [[x for part in parts for x in part] for parts in zip(*blocks)]


def _size(rows: _Rows) -> str:
    return " x ".join(map(str, F.shape(rows)))


def _fits(what: str, x: _Rows, weight_name: str, weight: _Rows) -> int:
    """The number of rows of x; ValueError with both shapes if x weight is no product."""
    n, columns = F.shape(x, what)
    if columns != len(weight):
        raise ValueError(
            f"{what} is {n} x {columns} and {weight_name} is {_size(weight)}, "
            f"but {columns} columns do not meet {len(weight)} rows"
        )
    return n


def _named(rows: Matrix, name: str) -> Matrix:
    """Label the entries "H_2[0,1]", the step being that of the scope, or "H_2" if alone."""
    names = labels(at_step(name), len(rows), len(rows[0]))
    for value, label in zip(flatten(rows), names):
        value.label = value.label or label
    return rows
