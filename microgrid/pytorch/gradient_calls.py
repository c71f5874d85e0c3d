"""Gradients that a program asks for while it is recorded: torch.autograd.grad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack as _outside

from ..arrays import Array, filled
from ..derivatives import recorded_gradients
from ..recording import scope
from ..value import Operand, Value
from .calls import Call
from .shadows import Shadows

__all__ = ["GradientCalls"]

_SIGNATURE = signature(torch.autograd.grad)


class GradientCalls:
    """The part of a recorder that handles a gradient which is a part of the program.

    With create_graph=True the gradient can be differentiated again, as a gradient penalty, an
    equation's residual or an inner training step are: its Values are microgrid's own derivatives
    of the graph so far, in the scope "gradient", held against PyTorch's numbers. Without it, it is
    a constant.
    """

    paused: bool
    shadows: Shadows
    calls: list[Call]
    _array: Callable[[torch.Tensor, Sequence[Any]], Array]
    _call: Callable[[str], Call]
    _finish: Callable[..., None]
    seen: Callable[[Sequence[torch.Tensor]], None]

    def gradient(self, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Make a call of torch.autograd.grad and record it."""
        given = _SIGNATURE.bind(*args, **named)
        given.apply_defaults()
        asked = given.arguments
        call = replace(self._call("grad"), name="torch.autograd.grad")
        outputs, inputs = _plain(asked["outputs"]), _plain(asked["inputs"])
        above = _plain(asked["grad_outputs"]) or [None] * len(outputs)
        if not all(isinstance(x, torch.Tensor) for x in (*outputs, *inputs)):
            raise NotImplementedError(f"record: {call} is asked about what is no tensor")
        if asked["is_grads_batched"] or any(map(_is_batched, (*outputs, *inputs, *above))):
            raise NotImplementedError(
                f"record: {call} asks for several gradients at once (as torch.func.jacrev and "
                f"hessian do), which is not recorded; ask for one after the other"
            )
        self.paused = True  # what PyTorch does on its way back is the gradient's own business
        try:
            if not asked["create_graph"]:
                return torch.autograd.grad(*args, **named)
            with _outside():
                self.seen([*outputs, *(x for x in above if x is not None)])
                arrays = [self._array(x, ()) for x in inputs]
                seeds = self._seeds(outputs, above)
            out = torch.autograd.grad(*args, **named)
            found = _plain(out)
            if any(x is not None and x.requires_grad for x in found):
                with scope("gradient"):
                    entries = [x for a in arrays for x in a.ravel().tolist()]
                    made = recorded_gradients(seeds, entries)
                with _outside():
                    self.put_gradients(call, found, _shaped(made, arrays), outputs)
            return out
        finally:
            self.paused = False

    def _seeds(self, outputs: Sequence[Any], above: Sequence[Any]) -> dict[Value, Operand]:
        """The gradient that comes from above each Value of the outputs."""
        seeds: dict[Value, Operand] = {}
        for tensor, gradient in zip(outputs, above):
            array = self._array(tensor, ())
            own = np.ones(array.shape) if gradient is None else self._array(gradient, ())
            for x, seed in zip(array.ravel().tolist(), np.asarray(own).ravel().tolist()):
                if isinstance(x, Value):
                    seeds[x] = seeds[x] + seed if x in seeds else seed
        return seeds

    def put_gradients(
        self, call: Call, found: Sequence[Any], made: Any, outputs: Sequence[Any]
    ) -> None:
        """The Values behind the gradients; one that is a tensor known before has its Values."""
        fresh = [None if x is None or x in self.shadows else x for x in found]
        self.calls.append(call)
        try:
            self._finish(call, fresh, made, True, outputs)
        except RuntimeError:
            raise RuntimeError(
                f"record: {call} gives another gradient than the derivative of what was computed; "
                f"is there an autograd.Function with a backward of its own or a hook on the way "
                f"(gradcheck tells), or is it asked for a copy, which has its original's Values?"
            ) from None


def _plain(given: Any) -> list[Any]:
    """Tensors as a list, without the wrappers that torch.func puts around them."""
    tensors = list(given) if isinstance(given, list | tuple) else [given]
    if tensors == [None]:
        return []
    return [_unwrapped(x) for x in tensors]


def _unwrapped(x: Any) -> Any:
    functorch = torch._C._functorch
    while isinstance(x, torch.Tensor) and functorch.is_gradtrackingtensor(x):
        x = functorch.get_unwrapped(x)
    return x


def _is_batched(x: Any) -> bool:
    return isinstance(x, torch.Tensor) and torch._C._functorch.is_batchedtensor(x)


def _shaped(entries: Sequence[Operand], arrays: Sequence[Array]) -> list[Array]:
    """The entries in arrays of these arrays' shapes."""
    rest = iter(entries)
    return [filled(a.shape, [next(rest) for _ in range(a.size)]) for a in arrays]
