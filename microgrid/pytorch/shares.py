"""Shares: what each time step adds to the gradient of a weight, made when read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
import torch

__all__ = ["Shares", "array_of"]


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor, wherever it is, as float64."""
    return tensor.detach().double().cpu().numpy()


class Shares(Sequence[np.ndarray]):
    """What each time step adds to the gradient of one weight: T arrays of the weight's shape.

    They are made when read: of a weight of 1536 x 512 over 200 steps all would be 1.2 GB.
    `sum()` is the whole gradient, `norms` how large each step's share is, `numpy.asarray` gives
    (T, *shape). Entry 0 is step 1.
    """

    def __init__(self, deltas: torch.Tensor, met: torch.Tensor | None) -> None:
        self._deltas = deltas  # T x B x rows: the gradient at the pre-activation
        self._met = met  # T x B x columns: what the weight was multiplied by; None for a bias

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, *shape of the weight)."""
        rows = self._deltas.shape[2:]
        columns = () if self._met is None else self._met.shape[2:]
        return (len(self._deltas), *rows, *columns)

    def __len__(self) -> int:
        return len(self._deltas)

    @overload
    def __getitem__(self, step: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, step: slice) -> list[np.ndarray]: ...
    def __getitem__(self, step: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(step, slice):
            return [self[t] for t in range(*step.indices(len(self)))]
        delta = self._deltas[step]
        share = delta.sum(0) if self._met is None else delta.T @ self._met[step]
        return array_of(share)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.stack(list(self)).astype(dtype or float)

    def sum(self) -> np.ndarray:
        """The gradient of the weight."""
        deltas = self._deltas.flatten(0, 1)
        return array_of(deltas.sum(0) if self._met is None else deltas.T @ self._met.flatten(0, 1))

    @cached_property
    def norms(self) -> np.ndarray:
        """The Euclidean norm of each step's share, T numbers, without the shares themselves."""
        if self._met is None:
            return array_of(self._deltas.sum(1).norm(dim=1))
        # |sum_b d_b x_b^T|^2 is the sum over b, c of (d_b . d_c)(x_b . x_c).
        grams = [a @ a.transpose(1, 2) for a in (self._deltas, self._met)]
        return array_of((grams[0] * grams[1]).sum((1, 2)).clamp(min=0.0).sqrt())
