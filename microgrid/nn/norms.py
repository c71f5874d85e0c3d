"""Normalisation, dropout and residual connections. Names and defaults are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import ref

import numpy as np

from .. import functional as F
from ..beside import follow, mark_frozen
from ..value import Operand, Value
from .module import Module
from .parameters import Row, Seed, check_length, named, size, vector

__all__ = ["BatchNorm1d", "Dropout", "LayerNorm", "RMSNorm", "Residual"]


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) of a vector's entries, times weight, plus bias.

    weight (γ, ones at first) and bias (β, zeros) have `normalized_shape` entries.
    Ba, Kiros and Hinton (2016); torch.nn.LayerNorm.

    >>> [round(y.data, 4) for y in LayerNorm(2)([1.0, 3.0])]
    [-1.0, 1.0]
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5, bias: bool = True) -> None:
        self.normalized_shape = size(normalized_shape, "LayerNorm: normalized_shape")
        self.eps = eps
        self.weight = vector([1.0] * normalized_shape, "γ")
        self.bias = vector([0.0] * normalized_shape, "β") if bias else None

    def __call__(self, x: Sequence[Operand], name: str = "n") -> Row:
        check_length("LayerNorm: x", x, self.normalized_shape)
        return named(F.layer_norm(x, self.weight, self.bias, self.eps), name)


class RMSNorm(Module):
    """x / sqrt(mean of x**2 + eps), times weight (γ, ones at first).

    Zhang and Sennrich (2019); torch.nn.RMSNorm, whose eps is the smallest step of a float.

    >>> [round(y.data, 4) for y in RMSNorm(2)([3.0, 4.0])]
    [0.8485, 1.1314]
    """

    def __init__(self, normalized_shape: int, eps: float = 2.0**-52) -> None:
        self.normalized_shape = size(normalized_shape, "RMSNorm: normalized_shape")
        self.eps = eps
        self.weight = vector([1.0] * normalized_shape, "γ")

    def __call__(self, x: Sequence[Operand], name: str = "n") -> Row:
        check_length("RMSNorm: x", x, self.normalized_shape)
        return named(F.rms_norm(x, self.weight, self.eps), name)


class BatchNorm1d(Module):
    """Each feature of a batch with its mean taken away, over its deviation within the batch.

    A call takes a batch: n rows of num_features; n is 2 or more while training. The mean and
    the variance seen so far are kept in running_mean and running_var (by n - 1, as in PyTorch),
    and after `eval()` they stand in for the batch's own. Every forward of a Tape counts as a
    call; of a batch of examples, each with its own rows, the average is taken.
    Ioffe and Szegedy (2015); torch.nn.BatchNorm1d.

    >>> norm = BatchNorm1d(1)
    >>> [round(y.data, 4) for (y,) in norm([[1.0], [3.0]])], norm.running_mean
    ([-1.0, 1.0], [0.2])
    >>> _ = norm.eval(); round(norm([[0.2]])[0][0].data, 4)
    0.0
    """

    _buffers: ClassVar[tuple[str, ...]] = ("running_mean", "running_var")

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.num_features = size(num_features, "BatchNorm1d: num_features")
        self.eps, self.momentum = eps, momentum
        self.weight = vector([1.0] * num_features, "γ")
        self.bias = vector([0.0] * num_features, "β")
        self.running_mean, self.running_var = [0.0] * num_features, [1.0] * num_features

    def __call__(self, batch: Sequence[Sequence[Operand]]) -> list[Row]:
        for row in batch:
            check_length("BatchNorm1d: a row", row, self.num_features)
        if self.training and len(batch) < 2:
            raise ValueError(f"BatchNorm1d needs 2 rows or more to train on, got {len(batch)}")
        columns = [self._normalized(k, column) for k, column in enumerate(zip(*batch))]
        return [list(row) for row in zip(*columns)]

    def _normalized(self, k: int, xs: Sequence[Operand]) -> Row:
        """Feature k of every row."""
        if self.training:
            centre, n = F.mean(xs), float(len(xs))
            centred = [x - centre for x in xs]
            variance = F.dot(centred, centred) / n
            self.remember(k, centre.data, variance.data * n / (n - 1.0))
            follow(variance, _Statistics(self, k, n, ref(centre), ref(variance)))
            scale = F.rsqrt(variance + self.eps)
        else:
            centred = [x - Value(self.running_mean[k], f"μ[{k}]") for x in xs]
            scale = F.rsqrt(self.running_var[k] + self.eps)
        return [c * scale * self.weight[k] + self.bias[k] for c in centred]

    def remember(self, k: int, mean: float, variance: float) -> None:
        """Let feature k of another batch count, by `momentum`, in what was seen so far."""
        for running, new in ((self.running_mean, mean), (self.running_var, variance)):
            running[k] += self.momentum * (new - running[k])


@dataclass(frozen=True, slots=True)
class _Statistics:
    """Feature k of a recorded batch: each replay computes another mean and another variance."""

    norm: BatchNorm1d
    k: int
    n: float
    mean: ref[Value]
    variance: ref[Value]

    def __call__(self, number: Callable[[Value], Any]) -> None:
        mean, variance = self.mean(), self.variance()
        if self.norm.training and mean is not None and variance is not None:
            share = self.n / (self.n - 1.0)
            found = np.mean(number(mean)), share * np.mean(number(variance))
            self.norm.remember(self.k, *map(float, found))


class Dropout(Module):
    """Each entry 0 with probability p, otherwise times 1 / (1 - p); as it is after `eval()`.

    The mask is drawn at every call. A Tape replays the one mask that was recorded, and warns:
    draw it yourself with `draw(n)` and hand it in as an input of the tape.
    Srivastava et al. (2014); torch.nn.Dropout.

    >>> drop = Dropout(0.5, seed=0)
    >>> [y.data for y in drop([Value(1.0), Value(2.0), Value(3.0)])]
    [2.0, 0.0, 0.0]
    >>> _ = drop.eval(); [y.data for y in drop([Value(1.0), Value(2.0)])]
    [1.0, 2.0]
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        if not 0.0 <= p < 1.0:
            raise ValueError(f"Dropout: p must lie in 0..1 and below 1, got {p!r}")
        self.p = p
        self._rng = np.random.default_rng(seed)

    def draw(self, n: int) -> list[float]:
        """A mask for n entries: 0 where one is dropped, 1 / (1 - p) elsewhere."""
        kept = self._rng.random(n) >= self.p
        return [1.0 / (1.0 - self.p) if keep else 0.0 for keep in kept]

    def __call__(
        self, x: Sequence[Operand], mask: Sequence[Operand] | None = None
    ) -> list[Operand]:
        """x times the mask: the one given, or while training a new one."""
        if mask is None and not (self.training and self.p):
            return list(x)
        given = self.draw(len(x)) if mask is None else check_length("Dropout: mask", mask, len(x))
        dropped = [value * factor for value, factor in zip(x, given)]
        if mask is None:
            mark_frozen(y for y in dropped if isinstance(y, Value))
        return dropped


class Residual(Module):
    """x + inner(x): the gradient has a way around `inner` on which it is multiplied by 1.

    He et al. (2016). ValueError where `inner` returns another number of entries than x has.

    >>> from microgrid import nn
    >>> layer = Residual(nn.Linear(2, 2, bias=False))
    >>> layer.inner.load_state_dict({"weight": [[0.0, 1.0], [0.0, 0.0]]})
    >>> [y.data for y in layer([3.0, 4.0])]
    [7.0, 4.0]
    """

    def __init__(self, inner: Callable[[Sequence[Operand]], Row]) -> None:
        self.inner = inner

    def __call__(self, x: Sequence[Operand], name: str = "r") -> Row:
        change = check_length("Residual: what inner returns", self.inner(x), len(x))
        return named([F.sum([a, b]) for a, b in zip(x, change)], name)
