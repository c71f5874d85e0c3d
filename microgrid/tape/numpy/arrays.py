"""Array namespaces for the op table: NumPy or jax.numpy under the names the rows use."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np


class ArrayNamespace:
    """An array module's functions, and `each`, which applies a function to all operands at once.

    >>> from microgrid import ops
    >>> NUMPY = ArrayNamespace(np)
    >>> ops.LOGSUMEXP.forward(NUMPY, np.array([[0.0, 1000.0], [0.0, 1000.0]])).tolist()
    [0.6931471805599453, 1000.6931471805599]
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)
        setattr(self, name, function)
        return function

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Any) -> Any:
        return function(xs)

    def vecdot(self, xs: Any, ys: Any, axis: int = 0) -> Any:
        return self._module.einsum("i...,i...->...", xs, ys)


NUMPY = ArrayNamespace(np)
