"""What a program does behind autograd's back: under no_grad, and by looking at numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from .. import ops
from ..arrays import Array, apply, filled
from ..value import Value
from .shadows import Shadows, numbers_of
from .sites import FunctionCall, user_site

__all__ = ["Unrecorded", "tensors_of"]


class Unrecorded:
    """The part of a recorder that handles what is no part of the graph.

    Attributes
    ----------
    looked_at : numbers computed from recorded ones, such as masks
    """

    shadows: Shadows
    looked_at: Shadows
    leaves: dict[int, Any]
    notes: dict[str, None]

    def behind(self, func: Any, args: Sequence[Any], tensors: Sequence[torch.Tensor]) -> bool:
        """Whether a call writes through a detached alias of a tensor that a gradient reaches."""
        if any(tensor.requires_grad for tensor in tensors):
            return False
        return any(self.shadows.is_live(tensor) for tensor in _written(func, args))

    def unrecorded(self, func: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Make a call under no_grad. What it changes in place is a constant from then on, or, where
        a gradient reaches it, the old entry and a constant: so autograd goes on as well."""
        known = [tensor for tensor in _written(func, args) if tensor in self.shadows]
        written = [(tensor, numbers_of(tensor).copy()) for tensor in known]
        out = func(*args, **named)
        for tensor, before in written:
            leaf = self.leaves.get(id(tensor))
            if leaf is not None:
                raise RuntimeError(
                    f"record: {leaf.name} is changed at {user_site()} while it is being "
                    f"recorded; step the optimizer after the with block"
                )
            array = numbers_of(tensor)
            if self.shadows.is_live(tensor):
                array = _moved(self.shadows.array(tensor), before, array)
            self.shadows.put(tensor, array, live=False)
        return out

    def follow_looks(self, tensors: Sequence[torch.Tensor], out: Any) -> None:
        """Numbers that were computed from recorded ones, and are no Values."""
        if any(x in self.shadows or x in self.looked_at for x in tensors):
            for tensor in tensors_of(out):
                if tensor is not None and tensor.numel():
                    self.looked_at.put(tensor, 0, live=False)

    def note_a_backward(self, function: FunctionCall) -> None:
        """PyTorch will run what an autograd.Function's author wrote, and no derivative of it."""
        if function.torchs_own:
            if function.name == "BackwardHookFunction":
                self.note_a_hook()
            return
        self.notes[
            f"{function.site}: {function.name} is an autograd.Function; the graph has the "
            f"derivative of its forward, PyTorch runs its backward (gradcheck compares them)"
        ] = None

    def note_a_hook(self) -> None:
        self.notes[
            f"{user_site()}: a hook sees the gradient on its way; the graph has the gradient as "
            f"it is without the hook"
        ] = None

    def note_a_look(self, tensors: Sequence[torch.Tensor]) -> None:
        if any(x.requires_grad or x in self.looked_at or x in self.shadows for x in tensors):
            self.notes[
                f"{user_site()}: the program looks at a number of the graph; if it takes a branch "
                f"there, the graph is that of the branch taken"
            ] = None


def _written(func: Any, args: Sequence[Any]) -> list[torch.Tensor]:
    """The tensors that a call changes in place."""
    return [
        tensor
        for argument, x in zip(func._schema.arguments, args)
        if argument.alias_info is not None and argument.alias_info.is_write
        for tensor in tree_leaves(x)
        if isinstance(tensor, torch.Tensor)
    ]


def _moved(array: Array, before: np.ndarray, after: np.ndarray) -> Array:
    """Entries whose numbers went from `before` to `after`: the difference is added to them."""
    found = []
    for x, old, new in zip(array.ravel().tolist(), before.ravel().tolist(), after.ravel().tolist()):
        if old == new or not isinstance(x, Value):
            found.append(x if old == new else new)
        else:
            found.append(apply(ops.ADD, [x, new - old]) if np.isfinite(new - old) else new)
    return filled(after.shape, found)


def tensors_of(out: Any) -> list[torch.Tensor | None]:
    """The results of a call, None for what is no tensor."""
    parts = out if isinstance(out, tuple | list) else [out]
    return [x if isinstance(x, torch.Tensor) else None for x in parts]
