"""record: any PyTorch code as a graph of Values, while it runs."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import nn

from ..patience import patience
from ..sweep import gradients
from ..value import Value
from .calls import Call
from .columns import Columns, columns_of, recording_runs
from .modes import Aten, Functions
from .names import scopes_of
from .recorder import TorchRecorder
from .shadows import numbers_of
from .unrolled import settle, unrolled_of

__all__ = ["Recording", "record"]


def record(
    model: Any = None, inputs: Any = (), *, names: Mapping[str, torch.Tensor] | None = None
) -> Recording:
    """Record what PyTorch computes within a `with` block, as it stands, in scalars.

    Parameters
    ----------
    model : a torch.nn.Module, whose parameters and submodules give names; or a function, or
        None: tensors that need a gradient are then called what the program calls them
    inputs : tensors that are to be leaves of the graph although they need no gradient; what
        is not given here is a constant, unless it needs one
    names : more such tensors, by name

    Every call is held against PyTorch's own numbers while it is recorded. A call without a
    rule raises NotImplementedError with its name and the line of the program. nn.RNN, LSTM and
    GRU, and their cells, become columns t = 1, 2, ...; a loop written by hand has them from
    `microgrid.scope`. ValueError for half precision, complex and sparse tensors, and for tensors
    on several devices. `backward()` comes after the block, and sweeps the graph of
    Values as well.

    >>> model = nn.Linear(2, 1).double()
    >>> x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> with record(model, inputs=[x]) as recording:
    ...     loss = model(x).square().sum()
    >>> loss.backward()
    >>> np.allclose(recording.gradient(model.weight), model.weight.grad)
    True
    """
    return Recording(model, inputs, names)


class Recording:
    """PyTorch code seen as a graph of Values. Whatever takes a Value or a run takes it.

    Attributes
    ----------
    loss : the Value of the last one-element result that nothing else was computed from; set it
        to a tensor of the recording to choose another
    calls : every call that was recorded, in order: aten name, the user's line, scope
    notes : what a reader of the graph has to know, in sentences: where the program looked at a
        number and may have branched on it
    error : the largest difference between a number of the graph and PyTorch's, relative to the
        largest of its tensor
    """

    def __init__(
        self, model: Any, inputs: Any, names: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        module = model if isinstance(model, nn.Module) else None
        if isinstance(model, type) or not (model is None or callable(model)):
            raise TypeError(f"record needs a torch.nn.Module or a function, got {model!r}")
        self._model = module
        self.columns = Columns()
        self._recorder = TorchRecorder(module, _inputs(inputs, names), self.columns)
        self._stack: ExitStack | None = None
        self._chosen: torch.Tensor | None = None
        self._gradients: dict[Value, float] = {}
        self._view: Any = None
        self._hook: Any = None
        self._outputs: dict[int, list[Value]] = {}

    def __enter__(self) -> Recording:
        if self._stack is not None:
            raise RuntimeError("a recording is made once: call record() for another")
        if recording_runs():
            raise RuntimeError("a recording is running already: end its with block first")
        self._stack = ExitStack()
        if sys.stderr.isatty():  # a log has no use for it
            self._stack.enter_context(patience(f"recording {_called(self._model)}"))
        for part in (
            columns_of(self.columns),
            scopes_of(self._model),
            Functions(self._recorder),
            Aten(self._recorder),
        ):
            self._stack.enter_context(part)
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        assert self._stack is not None
        self._stack.__exit__(kind, error, traceback)
        if kind is not None:
            return
        if self.columns.used:
            known = self._recorder
            self._outputs = settle(self.roots(), self.columns, known.unrollings, known.readout)
        scalar = self._recorder.last_scalar()
        if scalar is not None:
            self.loss.label = self.loss.label or "L"
        self._follow(scalar)

    def _follow(self, loss: torch.Tensor | None) -> None:
        """Sweep whenever PyTorch does: its loss.backward() is ours as well."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if loss is None or not loss.requires_grad:
            return
        known = weakref.ref(self)

        def sweep(gradient: torch.Tensor) -> None:
            recording = known()
            if recording is not None:
                recording.loss.backward(float(gradient))

        self._hook = loss.register_hook(sweep)

    @property
    def calls(self) -> list[Call]:
        return self._recorder.calls

    @property
    def notes(self) -> list[str]:
        return list(self._recorder.notes)

    @property
    def error(self) -> float:
        return self._recorder.worst

    @property
    def loss(self) -> Value:
        """The Value of the loss. ValueError where the recording ended in no single number."""
        tensor = self._chosen if self._chosen is not None else self._recorder.last_scalar()
        if tensor is None:
            last = self._recorder.last_result()
            if last is None:
                raise ValueError(
                    "nothing that needs a gradient was recorded (does the code run under "
                    "torch.no_grad(), in a thread or outside the with block? a module whose "
                    "parameters are frozen needs record(module, inputs=[x]))"
                )
            raise ValueError(
                f"the recording ends with a tensor of shape {tuple(last.shape)}, but a loss is one "
                f"number: reduce it with .sum() or .mean(), or set recording.loss"
            )
        entry = self._recorder.shadows.array(tensor).ravel()[0]
        return entry if isinstance(entry, Value) else Value(entry)

    @loss.setter
    def loss(self, tensor: torch.Tensor) -> None:
        self._known(tensor)
        if tensor.numel() != 1:
            raise ValueError(
                f"a loss is one number, got a tensor of shape {tuple(tensor.shape)}: "
                f"reduce it with .sum() or .mean() within the block"
            )
        self._chosen, self._view, self._gradients = tensor, None, {}
        self._follow(tensor)

    def roots(self) -> list[Value]:
        """The Value of the loss, or, where there is none, those of the last result."""
        if self._chosen is not None or self._recorder.last_scalar() is not None:
            return [self.loss]
        last = self._recorder.last_result()
        if last is None:
            return [self.loss]  # says why there is nothing
        return [x for x in self._recorder.shadows.array(last).ravel() if isinstance(x, Value)]

    def value(self, tensor: torch.Tensor) -> Any:
        """What stands behind a tensor: a Value, or nested lists of them; constants are floats."""
        self._known(tensor)
        array = self._recorder.shadows.array(tensor)
        return array[()] if array.ndim == 0 else array.tolist()

    def gradient(self, tensor: torch.Tensor) -> np.ndarray:
        """d(loss)/d(tensor), an array of its shape; no `.grad` is read or touched.

        ValueError for a tensor that took no part, or was changed since.
        """
        self._known(tensor)
        if not self._gradients:
            self._gradients = gradients(self.loss)
        array = self._recorder.shadows.array(tensor)
        found = [self._gradients.get(x, 0.0) if isinstance(x, Value) else 0.0
                 for x in array.ravel().tolist()]  # fmt: skip
        return np.array(found).reshape(array.shape)

    def backward(self) -> None:
        """Sweep from the loss, so that every Value has its `grad`."""
        self.loss.backward()

    def named_values(self) -> dict[str, np.ndarray]:
        """Arrays of Values by name: the parameters that were used, then the inputs."""
        shadows = self._recorder.shadows
        return {name: shadows.array(leaf.tensor).copy() for name, leaf in self._leaves()}

    def __graph__(self) -> Any:
        """The door of everything that takes a Value: an Unrolled, a Value or a list of Values."""
        if self._view is None:
            self._view = self._look()
        return self._view

    def _look(self) -> Any:
        roots = self.roots()
        weights = self.named_values()
        unrollings = self._recorder.unrollings
        run = unrolled_of(roots, self.columns, unrollings, self._outputs, weights)
        if run is not None:
            return run
        return roots[0] if len(roots) == 1 else roots

    def _leaves(self) -> Iterable[tuple[str, Any]]:
        for leaf in self._recorder.leaves.values():
            yield leaf.name, leaf

    def _known(self, tensor: torch.Tensor) -> None:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"a recording is asked for a torch.Tensor, got {tensor!r}")
        leaf = self._recorder.leaves.get(id(tensor))
        if leaf is not None and not np.array_equal(
            leaf.numbers, numbers_of(tensor), equal_nan=True
        ):
            raise ValueError(
                f"{leaf.name} was changed after it was recorded (an optimizer's step?): the "
                f"recording has the numbers of before; record again"
            )
        if tensor not in self._recorder.shadows:
            raise ValueError(
                f"a tensor of shape {tuple(tensor.shape)} took no part in the recording"
            )

    def __repr__(self) -> str:
        count = len(self.calls)
        leaves = ", ".join(name for name, _ in self._leaves())
        return f"Recording({count} calls, leaves: {leaves or 'none'})"


def _called(model: nn.Module | None) -> str:
    return type(model).__name__ if model is not None else "PyTorch's calls"


def _inputs(
    inputs: Any, names: Mapping[str, torch.Tensor] | None
) -> list[tuple[str, torch.Tensor]]:
    """(name, tensor) for each input: x, or x1, x2, ..."""
    if isinstance(inputs, torch.Tensor):
        inputs = [inputs]
    if isinstance(inputs, Mapping):
        given = list(inputs.items())
    elif isinstance(inputs, Sequence) and not isinstance(inputs, str):
        tensors = list(inputs)
        floats = [x for x in tensors if isinstance(x, torch.Tensor) and x.is_floating_point()]
        labels = iter(["x"] if len(floats) == 1 else [f"x{i}" for i in range(1, len(floats) + 1)])
        given = [
            (next(labels) if isinstance(x, torch.Tensor) and x.is_floating_point() else "", x)
            for x in tensors
        ]
    else:
        raise TypeError(f"record: inputs must be a list of tensors, got {inputs!r}")
    given += list((names or {}).items())
    for name, tensor in given:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"record: inputs must be tensors, got {tensor!r} as {name or 'one'}")
    return given
