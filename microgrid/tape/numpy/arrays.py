"""Array namespaces for the op table: NumPy or jax.numpy under the names the rows use."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ...namespaces import lack

__all__ = ["NUMPY", "ArrayNamespace", "erf"]


def erf(x: Any, out: Any = None) -> Any:
    """math.erf of every number: NumPy has none, and the recording's own numbers are wanted.

    >>> erf(np.array([0.0, 1.0])).tolist()
    [0.0, 0.8427007929497149]
    """
    out = np.empty(np.shape(x)) if out is None else out
    out.flat = [math.erf(number) for number in np.ravel(x).tolist()]
    return out


class ArrayNamespace:
    """An array module's functions, and `each`, which applies a function to all operands at once.

    more: functions that stand elsewhere than in the module, by name.

    >>> from microgrid import ops
    >>> NUMPY = ArrayNamespace(np, erf=erf)
    >>> ops.LOGSUMEXP.forward(NUMPY, np.array([[0.0, 1000.0], [0.0, 1000.0]])).tolist()
    [0.6931471805599453, 1000.6931471805599]
    """

    def __init__(self, module: ModuleType, **more: Callable[..., Any]) -> None:
        self._module = module
        vars(self).update(more)

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name, None)
        if function is None and not name.startswith("_"):
            home = (
                "microgrid/tape/numpy/arrays.py" if self._module is np else "microgrid/tape/jax.py"
            )
            raise lack(f"the namespace of {self._module.__name__}", home, name)
        setattr(self, name, function)
        return function

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Any) -> Any:
        return function(xs)

    def vecdot(self, xs: Any, ys: Any, axis: int = 0) -> Any:
        return self._module.einsum("i...,i...->...", xs, ys)


NUMPY = ArrayNamespace(np, erf=erf)
