"""A recorder that also knows where each tensor stands in PyTorch's own graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from ..arrays import Array, filled
from ..value import Value
from .calls import Call
from .recorder import TorchRecorder
from .shadows import numbers_of

__all__ = ["Key", "Point", "PointRecorder"]

Key: TypeAlias = tuple[Any, int]  # an autograd node and the number of its output


@dataclass(frozen=True, slots=True)
class Point:
    """A tensor at a moment: the Values behind it, PyTorch's numbers, and the call that made it."""

    array: Array
    numbers: np.ndarray
    call: Call | None


class PointRecorder(TorchRecorder):
    """Remembers every tensor that needs a gradient as it was when a call used it.

    Attributes
    ----------
    points : (autograd node, number of its output) -> Point. A leaf's key is (its id, -1)
    opaque : calls without a rule, with what they raised: their results are new leaves
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.points: dict[Key, Point] = {}
        self.opaque: dict[Call, str] = {}
        self._made_by: dict[int, Call] = {}

    def seen(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor in tensors:
            if tensor.requires_grad and tensor not in self._gaps:
                self.mark(tensor)

    def mark(self, tensor: torch.Tensor) -> None:
        """Make a Point of a tensor, unless there is one."""
        node = tensor.grad_fn
        key = (id(tensor), -1) if node is None else (node, tensor.output_nr)
        if key not in self.points:
            array = np.array(self._array(tensor, ()), dtype=object)
            call = self._made_by.get(self._storage(tensor))
            self.points[key] = Point(array, numbers_of(tensor).copy(), call)

    def unknown(self, call: Call, out: Any, what: str = "") -> Any:
        """A call that cannot be seen through: what it gives starts anew, and it is said."""
        what = f"{what or call.name} has no rule, so its backward is not seen"
        self._begin_anew(call, [out] if isinstance(out, torch.Tensor) else out, what)
        return out

    def _begin_anew(self, call: Call, out: Sequence[Any], what: str) -> None:
        """Let the results of a call be leaves, and say why."""
        self.calls.append(call)
        self.opaque[call] = what
        for tensor in out:
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                known = numbers_of(tensor)
                array = filled(known.shape, map(Value, known.ravel().tolist()))
                self.shadows.put(tensor, array, live=True)
                self._made_by[self._storage(tensor)] = call

    def made_unseen(self, tensor: torch.Tensor) -> Array:
        call = self._call(tensor.grad_fn.name() if tensor.grad_fn is not None else "a call")
        call = replace(call, name=call.name.removeprefix("aten."))
        self._begin_anew(call, [tensor], f"{call.name} has a forward that was not seen")
        return self.shadows.array(tensor)

    def put_gradients(self, call: Call, found: Sequence[Any], *rest: Any) -> None:
        """The derivative of a gradient runs through many nodes at once, none of which is known."""
        what = f"{call.name} has a derivative that is made of many parts, so it is not seen"
        self._begin_anew(call, found, what)

    def _finish(self, call: Call, outputs: Sequence[Any], *rest: Any) -> None:
        super()._finish(call, outputs, *rest)
        for tensor in outputs:
            if tensor is not None:
                self._made_by[self._storage(tensor)] = call

    @staticmethod
    def _storage(tensor: torch.Tensor) -> int:
        key: int = tensor.untyped_storage()._cdata
        return key
