"""Which Values stand behind which tensor.

Every storage of PyTorch's that takes part in a recording has a flat array of Values beside it,
and a tensor's array is a view of that, with the tensor's own shape, strides and offset. So
views need no rules, and what is done to one of them in place is seen by all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided

from ..arrays import Array

__all__ = ["Shadows", "numbers_of", "refuse"]


@dataclass(slots=True)
class _Storage:
    """The entries of one storage. `alive` keeps it, and with it its key, from being reused."""

    flat: Array
    alive: Any
    live: bool  # whether a gradient can reach it


class Shadows:
    """A dictionary from tensors to arrays of Values.

    >>> shadows = Shadows()
    >>> a = torch.zeros(2, 3)
    >>> shadows.put(a, np.full((2, 3), 7.0, dtype=object), live=True)
    >>> shadows.array(a.T[1]).tolist(), a in shadows, torch.zeros(1) in shadows
    ([7.0, 7.0], True, False)
    """

    def __init__(self) -> None:
        self._storages: dict[int, _Storage] = {}
        self._apart: dict[int, torch.Tensor] = {}

    def __contains__(self, tensor: torch.Tensor) -> bool:
        dense = tensor.layout is torch.strided and not tensor.is_nested
        return dense and self._key(tensor) in self._storages

    def is_live(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor was computed from something that needs a gradient."""
        return tensor in self and self._storages[self._key(tensor)].live

    def array(self, tensor: torch.Tensor) -> Array:
        """The entries of a tensor that is known: a view, to be written through."""
        flat = self._storages[self._key(tensor)].flat
        start, shape = tensor.storage_offset(), tuple(tensor.shape)
        if tensor.is_contiguous():
            return flat[start : start + tensor.numel()].reshape(shape)
        strides = [stride * flat.itemsize for stride in tensor.stride()]
        return as_strided(flat[start:], shape, strides)

    def put(self, tensor: torch.Tensor, array: Any, live: bool) -> None:
        """Let `array` stand behind a tensor, which may be part of a storage known before."""
        key = self._key(tensor)
        if key not in self._storages:
            self._storages[key] = _Storage(_constants(tensor), tensor, live)
        found = self._storages[key]
        found.live = found.live or live
        self.array(tensor)[...] = array

    def forget(self, tensor: torch.Tensor) -> None:
        """Nothing stands behind the tensor's storage any more: its numbers are constants."""
        self._storages.pop(self._key(tensor), None)

    def separate(self, tensor: torch.Tensor) -> None:
        """Let a tensor and its views have entries of their own, whose storage they may be.

        For a leaf that shares the storage of what it was detached from: the numbers are the same
        ones, what a gradient reaches through them is not.
        """
        self._apart[id(tensor)] = tensor

    def _key(self, tensor: torch.Tensor) -> int:
        if self._apart:
            base = tensor if tensor._base is None else tensor._base
            if id(base) in self._apart:
                return -id(base)
        key: int = tensor.untyped_storage()._cdata
        return key


def _constants(tensor: torch.Tensor) -> Array:
    """A flat array with room for the whole storage, filled with its numbers."""
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    flat = np.empty(size, dtype=object)
    if tensor.numel() < size:
        whole = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        whole.set_(tensor.untyped_storage(), 0, (size,), (1,))
        flat[:] = numbers_of(whole).tolist()
    return flat


def numbers_of(tensor: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor: floats as float64, others as they are."""
    given = tensor.detach().resolve_conj().cpu()
    numbers: np.ndarray = (given.double() if given.is_floating_point() else given).numpy(force=True)
    return numbers


def refuse(tensor: torch.Tensor, name: str) -> None:
    """ValueError for a tensor that cannot be recorded, in one sentence.

    No TypeError: PyTorch's operators would take that for "not my operand" and hide it.
    """
    if tensor.layout is not torch.strided or tensor.is_nested:
        kind = "nested" if tensor.is_nested else str(tensor.layout).removeprefix("torch.")
        raise ValueError(f"record: {name} is {kind}; only dense tensors are recorded (.to_dense())")
    if tensor.is_complex():
        raise ValueError(f"record: {name} is {_kind(tensor)}; only real numbers are recorded")
    if tensor.is_quantized:
        raise ValueError(
            f"record: {name} is quantised; float32 and float64 are recorded: quantise after the "
            f"block, or take part in it by .dequantize()"
        )
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"record: {name} is {_kind(tensor)}; float32 and float64 are recorded: call .float() "
            f"or .double() on the module and its inputs, outside torch.autocast"
        )
    if tensor.device.type == "meta":
        raise ValueError(f"record: {name} is on the meta device and has no numbers")


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
