"""Recurrent layers and their cells, recorded as one call each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from ..arrays import Array, filled
from ..graph import time_step
from ..recording import current_scope, scope
from ..value import Value
from .calls import Call
from .rules.recurrent import Layer, Unrolling, run_layers, superscript
from .shadows import Shadows, numbers_of
from .sites import user_site

__all__ = ["WholeCalls"]


class WholeCalls:
    """The part of a recorder that handles calls which PyTorch runs as one kernel."""

    paused: bool
    columns: Any
    shadows: Shadows
    unrollings: list[Unrolling]
    calls: list[Call]
    _cells: dict[int, Any]
    _labels: dict[int, tuple[str, str]]
    _matters: Callable[[torch.Tensor], bool]
    _will_be_live: Callable[[Sequence[torch.Tensor]], bool]
    _array: Callable[[torch.Tensor, Sequence[Any]], Array]
    _finish: Callable[..., None]
    _call: Callable[[str], Call]
    seen: Callable[[Sequence[torch.Tensor]], None]

    def whole(self, name: str, func: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Make one of the calls and record it."""
        tensors = [x for x in tree_leaves((args, named)) if isinstance(x, torch.Tensor)]
        if not torch.is_grad_enabled() or not any(map(self._matters, tensors)):
            return func(*args, **named)
        cell = name.endswith("_cell")
        if not cell and isinstance(args[3], list | tuple):
            raise ValueError(
                f"record: a packed sequence at {user_site()} is not recorded; give the layer a "
                f"padded tensor, or sequences of one length"
            )
        if not cell:
            count, rate, training = args[4:7]
            if rate and training and count > 1:
                return self._with_dropout(name, func, list(args))
        self.paused = True  # what happens within is the kernel's own business
        try:
            if cell:
                return self._cell(name.removesuffix("_cell"), func, args, tensors)
            return self._layers(name, func, list(args), tensors)
        finally:
            self.paused = False

    def _run(
        self, name: str, func: Any, args: Sequence[Any], named: dict[str, Any], tensors: Any
    ) -> tuple[Call, Any]:
        call = self._call(name)
        self.seen(tensors)
        out = func(*args, **named)
        self.calls.append(call)
        return call, out

    # Layers

    def _layers(
        self, kind: str, func: Any, args: list[Any], tensors: Any, number: int | None = None
    ) -> Any:
        """x, states, weights, has_biases, layers, dropout, training, bidirectional, batch_first.

        number: which layer this one is, where layers are run one by one.
        """
        x, states, weights, biases, count, _, _, both, batch_first = args
        live = self._will_be_live(tensors)
        given = self._array(x, ())
        marks = [number] if number else range(1, count + 1) if count > 1 else [0]
        layers = self._made(kind, weights, biases, marks, both)
        ends = [layer.mark for pair in layers for layer in pair]
        starts = self._starts(states if kind == "lstm" else [states], ends, self._owner(weights[0]))
        call, out = self._run(kind, func, args, {}, tensors)
        self._unroll(call, out, layers, given, starts, batch_first, live, tensors)
        return out

    def _starts(
        self, states: Sequence[torch.Tensor], marks: Sequence[str], owner: str = ""
    ) -> list[Array]:
        """Start states. Those that are mere numbers, such as PyTorch's zeros, become leaves h_0."""
        for name, state in zip("hc", states):
            if not self._matters(state):
                array = _start(owner + name, numbers_of(state), marks)
                self.shadows.put(state, array, live=False)
        return [self._array(state, ()) for state in states]

    def _made(
        self, kind: str, weights: Sequence[torch.Tensor], biases: bool, marks: Any, both: bool
    ) -> list[list[Layer]]:
        directions = 2 if both else 1
        each = len(weights) // (len(marks) * directions)
        arrays = [self._array(w, ()) for w in weights]
        made = []
        for i, n in enumerate(marks):
            pair = []
            for d in range(directions):
                first = (i * directions + d) * each
                mark = (superscript(n) if n else "") + ("′" if d else "")
                own = arrays[first : first + each]
                pair.append(Layer(kind, own, mark, biases, self._owner(weights[first])))
            made.append(pair)
        return made

    def _owner(self, weight: torch.Tensor) -> str:
        """What stands before a weight's name, "enc." of "enc.W_ih"; "" for a lone layer's."""
        path, dot, _ = self._labels.get(id(weight), ("", ""))[1].rpartition(".")
        return path + dot

    def _first(self, given: Array) -> int:
        """The column of a layer's first step.

        A layer that reads what another gives step by step stands in the same columns, and so does
        one that reads the same inputs; any other one comes after those there are, as the decoder
        comes after the encoder.
        """
        rows = [_flat(row) for row in given]
        if not self.unrollings or time_step(current_scope()) is not None:
            return 1
        for run in self.unrollings:
            if len(run.inputs) == len(rows) and all(map(_same, run.inputs, rows)):
                return run.first
        found = [{self.columns.of(x) for x in row if isinstance(x, Value)} - {None} for row in rows]
        begin = found[0].copy().pop() if len(found[0]) == 1 else None
        if begin is not None and found == [{begin + t} for t in range(len(rows))]:
            return begin
        return max(run.first + len(run.inputs) for run in self.unrollings)

    def _unroll(
        self,
        call: Call,
        out: Any,
        layers: list[list[Layer]],
        given: Array,
        starts: list[Array],
        batch_first: bool,
        live: bool,
        tensors: Any,
    ) -> None:
        self.columns.used = True
        if given.ndim == 2:  # one sequence without a batch
            given, starts = given[:, None], [s[:, None] for s in starts]
            squeeze: Any = lambda a: a[:, 0]  # noqa: E731
        elif batch_first:
            given = given.swapaxes(0, 1)
            squeeze = None
        else:
            squeeze = None
        outputs, ends, done = run_layers(layers, given, starts, self._first(given))
        self.unrollings.append(done)
        made = [outputs, *ends]
        if squeeze is not None:
            made = [squeeze(a) for a in made]
        elif batch_first:
            made[0] = outputs.swapaxes(0, 1)
        self._finish(call, list(tree_leaves(out)), made, live, tensors)

    def _with_dropout(self, kind: str, func: Any, args: list[Any]) -> Any:
        """Layer by layer, so that the masks between them are seen; PyTorch draws the same ones."""
        x, states, weights, biases, count, rate, training, both, batch_first = args
        directions = 2 if both else 1
        each = len(weights) // count
        ends: list[Any] = []
        for n in range(count):
            part = slice(n * directions, (n + 1) * directions)
            own = tuple(s[part] for s in states) if kind == "lstm" else states[part]
            w = weights[n * each : (n + 1) * each]
            inner = [x, own, w, biases, 1, 0.0, training, both, batch_first]
            with ExitStack() as stack:
                stack.enter_context(scope(f"layer={n + 1}"))
                tensors = [t for t in tree_leaves(inner) if isinstance(t, torch.Tensor)]
                self.paused = True
                try:
                    x, *end = self._layers(kind, func, inner, tensors, number=n + 1)
                finally:
                    self.paused = False
            ends.append(end)
            if n < count - 1:
                x = torch.dropout(x, rate, True)
        return (x, *[torch.cat([end[i] for end in ends]) for i in range(len(ends[0]))])

    # Cells

    def _cell(self, kind: str, func: Any, args: Sequence[Any], tensors: Any) -> Any:
        """x, state, weight_ih, weight_hh, bias_ih, bias_hh. Each call is the next time step."""
        x, state, w_ih, w_hh, b_ih, b_hh = [*args, None, None][:6]
        live = self._will_be_live(tensors)
        weights = [self._array(w, ()) for w in (w_ih, w_hh, b_ih, b_hh) if w is not None]
        given = self._array(x, ())
        starts = self._starts(state if kind == "lstm" else [state], [""])
        layer = Layer(kind, weights, "", b_ih is not None)
        call, out = self._run(f"{kind}_cell", func, args, {}, tensors)
        self.columns.used = True
        done = self._cells.setdefault(id(w_ih), Unrolling(kind, [layer.named]))
        if not done.states:
            self.unrollings.append(done)
            done.states, done.carries = [_flat(starts[0])], [[_flat(s) for s in starts]]
        step = time_step(current_scope())
        with ExitStack() as stack:
            if step is None:
                step = len(done.inputs) + 1
                stack.enter_context(scope(f"t={step}"))
            stack.enter_context(scope("cell"))
            batch = given.shape[0]
            new = []
            for b in range(batch):
                place = f"_{step}" if batch == 1 else f"_{step}[{b},{{}}]"
                new.append(layer.step(given[b].tolist(), [s[b].tolist() for s in starts], place))
        done.inputs.append(_flat(given))
        made = [filled(starts[i].shape, (v for one in new for v in one[i]))
                for i in range(len(starts))]  # fmt: skip
        done.states.append(_flat(made[0]))
        done.carries.append([_flat(a) for a in made])
        self._finish(call, tree_leaves(out), made, live, tensors)
        return out


def _same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b))


def _start(name: str, numbers: np.ndarray, marks: Sequence[str]) -> Array:
    """Leaves for (layers x directions) x batch x hidden numbers, or batch x hidden of a cell."""
    layered = numbers.reshape(len(marks), -1, numbers.shape[-1])
    batch, width = layered.shape[1:]
    leaves = []
    for place in np.ndindex(layered.shape):
        layer, b, i = place
        where = f"[{b},{i}]" if batch > 1 else f"[{i}]" if width > 1 else ""
        leaves.append(Value(float(layered[place]), f"{name}{marks[layer]}_0{where}"))
    return filled(numbers.shape, leaves)


def _flat(array: Array) -> list[Any]:
    return list(np.asarray(array).ravel().tolist())
