"""How weights start: each function sets the numbers of a weight. Names are torch.nn.init's."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..nested import flatten
from ..value import Value
from .parameters import Matrix, Seed

__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "orthogonal_", "orthogonalized", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

_W = TypeVar("_W")  # a Value, a row or a matrix of them: what is given comes back

_GAINS = {"linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0)}


def calculate_gain(nonlinearity: str) -> float:
    """What a layer's weights are scaled by, so that its outputs are as wide as its inputs.

    1 for linear, identity and sigmoid, 5/3 for tanh, sqrt(2) for relu, as in PyTorch.

    >>> round(calculate_gain("relu"), 6)
    1.414214
    """
    if nonlinearity not in _GAINS:
        raise ValueError(f"nonlinearity must be one of {', '.join(_GAINS)}, got {nonlinearity!r}")
    return _GAINS[nonlinearity]


def uniform_(weight: _W, a: float = 0.0, b: float = 1.0, seed: Seed = None) -> _W:
    """Numbers spread evenly over a..b."""
    return _set(weight, np.random.default_rng(seed).uniform(a, b, _count(weight)))


def normal_(weight: _W, mean: float = 0.0, std: float = 1.0, seed: Seed = None) -> _W:
    """Normal numbers of this mean and standard deviation."""
    return _set(weight, np.random.default_rng(seed).normal(mean, std, _count(weight)))


def constant_(weight: _W, val: float) -> _W:
    """The same number everywhere.

    >>> from microgrid import nn
    >>> cell = nn.LSTMCell(1, 2)
    >>> _ = constant_(cell.bias[2:4], 1.0)  # the forget gates begin open
    >>> [b.data for b in cell.bias[2:4]]
    [1.0, 1.0]
    """
    return _set(weight, [val] * _count(weight))


def zeros_(weight: _W) -> _W:
    """0 everywhere."""
    return constant_(weight, 0.0)


def eye_(weight: Matrix) -> Matrix:
    """1 on the diagonal and 0 elsewhere: a state that is handed on as it is (Le et al., 2015).

    >>> from microgrid import nn
    >>> [[w.data for w in row] for row in eye_(nn.RNNCell(1, 2).weight_hh)]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _set(weight, np.eye(*_shape(weight)).ravel())


def orthogonal_(weight: Matrix, gain: float = 1.0, seed: Seed = None) -> Matrix:
    """A random matrix that turns vectors and keeps their length (Saxe et al., 2014), times gain.

    Rows or columns, whichever are fewer, have length `gain` and stand at right angles: all the
    matrix's singular values are `gain`, so that its powers neither vanish nor explode.

    >>> from microgrid import nn
    >>> rows = orthogonal_(nn.RNNCell(1, 3).weight_hh, seed=0)
    >>> w = np.array([[value.data for value in row] for row in rows])
    >>> np.allclose(w @ w.T, np.eye(3))
    True
    """
    normal = np.random.default_rng(seed).standard_normal(_shape(weight))
    return _set(weight, gain * orthogonalized(normal).ravel())


def orthogonalized(normal: np.ndarray) -> np.ndarray:
    """The orthogonal factor of a matrix, signs chosen so that its distribution is even."""
    tall = normal.T if normal.shape[0] < normal.shape[1] else normal
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))
    return q.T if normal.shape[0] < normal.shape[1] else q


def xavier_uniform_(weight: Matrix, gain: float = 1.0, seed: Seed = None) -> Matrix:
    """Spread over +-gain sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(6.0 / sum(_shape(weight)))
    return uniform_(weight, -bound, bound, seed)


def xavier_normal_(weight: Matrix, gain: float = 1.0, seed: Seed = None) -> Matrix:
    """Normal, of standard deviation gain sqrt(2 / (inputs + outputs)) (Glorot and Bengio, 2010)."""
    return normal_(weight, 0.0, gain * math.sqrt(2.0 / sum(_shape(weight))), seed)


def kaiming_uniform_(weight: Matrix, nonlinearity: str = "relu", seed: Seed = None) -> Matrix:
    """Spread over +-gain sqrt(3 / inputs), the gain being the nonlinearity's (He et al., 2015)."""
    bound = calculate_gain(nonlinearity) * math.sqrt(3.0 / _shape(weight)[1])
    return uniform_(weight, -bound, bound, seed)


def kaiming_normal_(weight: Matrix, nonlinearity: str = "relu", seed: Seed = None) -> Matrix:
    """Normal, of standard deviation gain / sqrt(inputs) (He et al., 2015)."""
    std = calculate_gain(nonlinearity) / math.sqrt(_shape(weight)[1])
    return normal_(weight, 0.0, std, seed)


def _shape(weight: Matrix) -> tuple[int, int]:
    """(rows, columns), which are a layer's outputs and inputs."""
    if isinstance(weight, Value) or not weight or isinstance(weight[0], Value):
        raise TypeError(f"this start needs a matrix, rows of Values, got {weight!r:.80}")
    return len(weight), len(weight[0])


def _count(weight: object) -> int:
    return len(list(flatten(weight)))


def _set(weight: _W, numbers: Sequence[float] | np.ndarray) -> _W:
    for value, number in zip(flatten(weight), numbers):
        value.data = float(number)
    return weight
