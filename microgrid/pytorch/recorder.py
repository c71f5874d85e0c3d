"""TorchRecorder: what is done about every call that PyTorch makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map

from ..arrays import Array, filled, guard, numbers
from ..recording import current_scope
from ..value import Value
from .calls import Call, Leaf
from .columns import Columns
from .decomposed import Decomposition, is_composite
from .gradient_calls import GradientCalls
from .modes import Aten
from .names import parameter_labels
from .recurrent_calls import WholeCalls
from .rules import rule_for
from .rules.recurrent import Unrolling
from .shadows import Shadows, numbers_of, refuse
from .sites import FunctionCall, function_around, user_site, variable_name
from .unrecorded import Unrecorded, tensors_of

__all__ = ["TorchRecorder"]

# How far a recorded number may lie from PyTorch's, as a share of the largest of its tensor
# (and of 1): rounding adds up over a long float32 program, a wrong rule is off by far more.
_ALLOWED = {torch.float64: 1e-9, torch.float32: 2e-3}
_FLOAT32 = float(torch.finfo(torch.float32).max)

_COMPARISONS = {
    "gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal",
    "eq": "equal", "ne": "not_equal",
}  # fmt: skip
_LOOKS = {"_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal"}
# Views that aten's schema does not call so, and calls that change a tensor's shape in place: its
# array is a view of its storage's, made anew each time.
_HIDDEN_VIEWS = {
    "_unsafe_view", "squeeze_", "unsqueeze_", "t_", "transpose_", "swapdims_", "swapaxes_",
    "as_strided_", "detach_",
}  # fmt: skip


class TorchRecorder(WholeCalls, GradientCalls, Decomposition, Unrecorded):
    """Runs every call, and records what it did to the arrays behind its tensors."""

    def __init__(
        self,
        model: nn.Module | None,
        inputs: Sequence[tuple[str, torch.Tensor]],
        columns: Columns,
    ) -> None:
        self.paused = False
        self.within = None
        self.columns = columns
        self.shadows = Shadows()
        self.calls: list[Call] = []
        self.notes: dict[str, None] = {}
        self.worst = 0.0
        self.leaves: dict[int, Leaf] = {}
        self.unrollings: list[Unrolling] = []
        self.readout: Array | None = None  # the latest matrix product after a recurrent layer
        self._labels = parameter_labels(model) if model is not None else {}
        self._models = model  # keeps the ids above from being reused
        self._results: dict[int, torch.Tensor] = {}
        self.looked_at = Shadows()  # numbers computed from recorded ones, such as masks
        self._gaps = Shadows()  # results that no rule gives, such as a saved deviation
        self._cells: dict[int, Any] = {}
        self.coarsest = torch.float64  # the coarsest type among the results
        self._doing = ""  # the call that is being made, for messages
        self._device: torch.device | None = None
        self._frame: Any = None  # of the autograd.Function applied last
        self._applications = 0
        with torch.enable_grad():
            self._begin = _age(torch.zeros((), requires_grad=True).neg().grad_fn)
        self._one_device(model, [tensor for _, tensor in inputs])
        for name, tensor in inputs:
            if tensor.is_floating_point() or tensor.is_complex():
                self._leaf(tensor, name)

    # The two things a mode may ask for

    def aten(self, func: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Make an aten call and record it."""
        if torch._C._current_graph_task_id() != -1:
            raise RuntimeError(
                f"backward() was called while recording, at {user_site()}; call it after the with "
                f"block (the gradients are in recording.gradient(tensor) without it)"
            )
        tensors = [x for x in tree_leaves((args, named)) if isinstance(x, torch.Tensor)]
        name = func._schema.name.partition("::")[2]
        if name.startswith("_nested"):  # an exception within would end the process
            return func(*args, **named)
        if name in _LOOKS:
            self.note_a_look(tensors)
        if not any(map(self._matters, tensors)):
            out = func(*args, **named)
            self.follow_looks(tensors, out)
            return out
        if is_composite(func):
            with Aten(self):
                return func.decompose(*args, **named)
        function = None
        if not torch.is_grad_enabled() and self.within is None:
            function = function_around()
            if function is None:
                return self.unrecorded(func, args, named)
            self.note_a_backward(function)
        elif self.within is None and self.behind(func, args, tensors):
            return self.unrecorded(func, args, named)
        self._doing = name
        self.seen(tensors)
        if _is_view(func._schema, name):
            for tensor in tensors:
                if tensor not in self._gaps:
                    self._array(tensor, ())
            return _of_floats(func(*args, **named), f"aten.{name}")
        if self.within is not None:
            return self._recorded(*self.within, func, args, named, tensors)
        given = function.arguments if function else ()
        return self._recorded(self._call(name, function), given, func, args, named, tensors)

    def _call(self, name: str, function: FunctionCall | None = None) -> Call:
        number, scope = len(self.calls), current_scope()
        if function is None:
            return Call(f"aten.{name}", user_site(), scope, number)
        if function.frame is not self._frame:
            self._frame, self._applications = function.frame, self._applications + 1
        return Call(f"aten.{name}", function.site, scope, number, function.name, self._applications)

    def _recorded(
        self,
        call: Call,
        given: Sequence[Any],
        func: Any,
        args: Sequence[Any],
        named: dict[str, Any],
        tensors: Sequence[torch.Tensor],
    ) -> Any:
        name = func._schema.name.partition("::")[2]
        if any(x in self._gaps for x in tensors):
            raise NotImplementedError(
                f"record: {call.name} at {call.site} uses a second result of a call whose first "
                f"one alone is recorded"
            )
        rule = rule_for(name, func._overloadname)
        live = self._will_be_live(tensors)
        arrays, named_arrays = tree_map(lambda x: self._entry(x, given), (tuple(args), dict(named)))
        if name in _COMPARISONS:
            guard(_COMPARISONS[name], *arrays[:2])
        own = given if call.function or self.within else tensors
        made: Any = self.decomposed(call, own, func, args, named) if rule is None else None
        out = func(*args, **named)
        outputs = tensors_of(out)
        if not any(x is not None and x.is_floating_point() for x in outputs):
            self.follow_looks(tensors, _of_floats(out, call.name))
            return out
        if hasattr(rule, "chooses"):
            arrays = ([None if x is None else numbers_of(x) for x in outputs], *arrays)
        try:
            if made is None and all(x is None or not x.numel() for x in outputs):
                made = [None if x is None else numbers_of(x) for x in outputs]  # empty ones
            elif made is None:
                made = (rule or _no_rule)(*arrays, **named_arrays)
        except NotImplementedError as missing:
            if self.within is not None:
                raise
            return self.unknown(call, out, f"{missing} ({call.name})" if rule else "")
        if self.within is None:
            self.calls.append(call)
        if name in ("addmm", "mm") and self.columns.used:
            self.readout = made
        inner = bool(call.function) or self.within is not None
        self._finish(call, outputs, made, live, tensors, inner)
        return out

    def unknown(self, call: Call, out: Any, what: str = "") -> Any:
        """A call without a rule."""
        raise NotImplementedError(
            f"record: {what or call.name} is not recorded yet, at {call.site}; a rule for it is "
            f"one entry in microgrid/pytorch/rules"
        )

    def seen(self, tensors: Sequence[torch.Tensor]) -> None:
        """What a call is given, before it is made. For who wants to know."""

    # Arrays behind tensors

    def _matters(self, tensor: torch.Tensor) -> bool:
        return tensor.requires_grad or tensor in self.shadows

    def _will_be_live(self, tensors: Sequence[torch.Tensor]) -> bool:
        inner = not torch.is_grad_enabled()
        return any(x.requires_grad or (inner and self.shadows.is_live(x)) for x in tensors)

    def _entry(self, x: Any, given: Sequence[Any] = ()) -> Any:
        return self._array(x, given) if isinstance(x, torch.Tensor) else x

    def _array(self, tensor: torch.Tensor, given: Sequence[Any]) -> Array:
        """The entries of a tensor. Where autograd was cut off (detach), they are numbers.

        Within the forward of an autograd.Function nothing needs a gradient, and yet all of it
        counts, but for the arguments that need none.
        """
        if tensor in self.shadows and self._begins_anew(tensor):
            self.shadows.separate(tensor)
            return self._leaf(tensor)
        if tensor in self.shadows:
            if not self.shadows.is_live(tensor) and _is_of_a_script(tensor):
                return self.made_unseen(tensor)
            outside = torch.is_grad_enabled() or any(tensor is x for x in given)
            cut = outside and not tensor.requires_grad and self.shadows.is_live(tensor)
            return numbers(self.shadows.array(tensor)) if cut else self.shadows.array(tensor)
        if tensor.requires_grad:
            within = tensor.grad_fn is not None and _age(tensor.grad_fn) > self._begin
            return self._made_within(tensor) if within else self._leaf(tensor)
        refuse(tensor, f"what aten.{self._doing} is given at {user_site()}")
        return numbers_of(tensor).copy()  # an in-place call is about to change them

    def _begins_anew(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor became a leaf while its numbers were known: x.detach().requires_grad_().

        Within an autograd.Function every alias of an argument looks like one.
        """
        leaf = tensor.requires_grad and tensor.grad_fn is None and torch.is_grad_enabled()
        return leaf and id(tensor) not in self.leaves

    def _made_within(self, tensor: torch.Tensor) -> Array:
        """A tensor with a history that began within the block, and nothing behind it."""
        if tensor in self.looked_at:  # a step, a rounding: no gradient passes
            return numbers_of(tensor).copy()
        return self.made_unseen(tensor)

    def made_unseen(self, tensor: torch.Tensor) -> Array:
        """A tensor that came about within the block, and not by a call that was seen."""
        maker = tensor.grad_fn.name() if tensor.grad_fn is not None else ""
        what = (
            f"a tensor comes from {maker}, whose forward was not seen; it has to be computed by "
            f"PyTorch's own calls, in the thread of the block"
        )
        if "DifferentiableGraph" in maker:
            what = (
                "a TorchScript module runs that PyTorch has optimised, and its gradient cannot be "
                "seen; record the module that it was scripted from"
            )
        raise NotImplementedError(f"record: at {user_site()} {what}")

    def _leaf(self, tensor: torch.Tensor, name: str = "") -> Array:
        """A tensor made outside: its entries become leaves."""
        full, label = self._labels.get(id(tensor), (name, name))
        full = full or variable_name(tensor) or f"leaf {len(self.leaves) + 1}"
        label = label or full
        refuse(tensor, full if name else f"{full}, used at {user_site()},")
        if self._device is not None and tensor.device != self._device:
            raise ValueError(
                f"record: {full} is on {tensor.device}, other tensors on {self._device}; "
                f"move the module and its inputs to one device with .to()"
            )
        self._device = self._device or tensor.device
        known = numbers_of(tensor)
        places = np.ndindex(known.shape)
        names = [f"{label}[{','.join(map(str, place))}]" for place in places]
        names = [label] if known.size == 1 else names
        array = filled(known.shape, map(Value, known.ravel().tolist(), names))
        self.shadows.put(tensor, array, live=tensor.requires_grad)
        self.leaves[id(tensor)] = Leaf(full, tensor, known.copy())
        return self.shadows.array(tensor)

    def _one_device(self, model: nn.Module | None, inputs: Sequence[torch.Tensor]) -> None:
        found: dict[torch.device, str] = {}
        for tensor, name in [
            *((p, name) for name, p in (model.named_parameters() if model is not None else ())),
            *((x, "an input") for x in inputs),
        ]:
            found.setdefault(tensor.device, name)
        if len(found) > 1:
            (one, first), (two, second), *_ = found.items()
            raise ValueError(
                f"record: {first} is on {one} and {second} on {two}; move the module and its "
                f"inputs to one device with .to()"
            )

    # After a call

    def _finish(
        self,
        call: Call,
        outputs: Sequence[torch.Tensor | None],
        made: Any,
        live: bool,
        tensors: Sequence[torch.Tensor],
        inner: bool = False,
    ) -> None:
        """Put what a rule made behind the outputs, each held against PyTorch's numbers."""
        for tensor in tensors:
            self._results.pop(id(tensor), None)
        parts = made if isinstance(made, list) else [made]
        for tensor, array in zip(outputs, parts):
            if tensor is None:
                continue
            if not tensor.is_floating_point():
                self.looked_at.put(tensor, 0, live=False)
                continue
            if array is None:
                if tensor in self.shadows:  # filled in place with what is no function of it
                    self.shadows.put(tensor, numbers_of(tensor), live=False)
                elif isinstance(made, list):
                    self._gaps.put(tensor, 0, live=False)
                continue
            refuse(tensor, f"the result of {call.name} at {call.site}")
            self._confirm(call, tensor, array)
            self.shadows.put(tensor, array, live)
            if not inner and (live or _holds_values(array)):
                self._results[id(tensor)] = tensor

    def _confirm(self, call: Call, tensor: torch.Tensor, array: Any) -> None:
        ours, theirs = numbers(array), numbers_of(tensor)
        if np.shape(ours) != theirs.shape:
            raise RuntimeError(
                f"record: the rule for {call.name} gives shape {np.shape(ours)}, PyTorch "
                f"{theirs.shape}, at {call.site}"
            )
        ours = ours.astype(float)
        if tensor.dtype == torch.float32:
            ours = np.where(np.abs(ours) > _FLOAT32, np.copysign(math.inf, ours), ours)
        finite = np.isfinite(ours) & np.isfinite(theirs)
        largest = np.abs(theirs[finite]).max(initial=1.0)
        apart = np.abs(ours[finite] - theirs[finite]).max(initial=0.0) / largest
        same = np.isnan(ours) == np.isnan(theirs)
        self.worst = max(self.worst, float(apart))
        if tensor.dtype == torch.float32:  # its rounding stays in what is made of it in float64
            self.coarsest = torch.float32
        if apart > _ALLOWED[self.coarsest] or not same.all():
            raise RuntimeError(
                f"record: {call.name} at {call.site} is recorded wrongly, off by {apart:.1e} of "
                f"the largest entry: please report it"
            )

    # The end

    def last_scalar(self) -> torch.Tensor | None:
        """The last one-element result that nothing else was computed from."""
        return next((x for x in self._endings() if x.numel() == 1), None)

    def last_result(self) -> torch.Tensor | None:
        """The last result that needs a gradient."""
        return next(iter(self._endings()), None)

    def _endings(self) -> list[torch.Tensor]:
        """Results that nothing else was computed from, the last one first.

        Those that need a gradient, or all of them where none does: a frozen module's.
        """
        found = list(reversed(self._results.values()))
        return [x for x in found if x.requires_grad] or found


def _holds_values(array: Any) -> bool:
    given = np.asarray(array)
    return given.dtype == object and any(isinstance(x, Value) for x in given.ravel().tolist())


def _no_rule(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


def _of_floats(out: Any, what: str) -> Any:
    """The result of a call. ValueError where it is complex."""
    for x in tensors_of(out):
        if x is not None and x.is_complex():
            refuse(x, f"the result of {what} at {user_site()}")
    return out


def _is_of_a_script(tensor: torch.Tensor) -> bool:
    node = tensor.grad_fn
    return node is not None and "DifferentiableGraph" in node.name()


def _age(node: Any) -> int:
    """The number of an autograd node: later ones of a thread have larger ones."""
    number: int = node._sequence_nr()
    return number


def _is_view(schema: Any, name: str) -> bool:
    returned = [x.alias_info for x in schema.returns]
    return name in _HIDDEN_VIEWS or any(x is not None and not x.is_write for x in returned)
