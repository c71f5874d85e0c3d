"""One step of training on a text, chunk by chunk: recorded anew each time, or replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functional as F
from ..nn import SequenceModel
from ..tape import Parameter, Tape
from ..value import Value
from .text import TextStream


class TruncatedBPTT:
    """One step on a text: the next chunk, started from the state in which the last one ended.

    The state is handed on as numbers, so gradients reach back to the start of the chunk and
    no further (row 001-18). A call returns the loss, the mean over the chunk's characters;
    `state_dict` is for `Training(keep=...)`.
    """

    def __init__(self, model: SequenceModel, stream: TextStream) -> None:
        self.model = model
        self.stream = stream
        self.h0: Any = None

    def parameters(self) -> list[Any]:
        """What an optimizer is to change."""
        return self.model.parameters()

    def sync(self, when: str) -> None:
        """Bring Values and arrays together, as Training asks: here there are Values only."""

    def __call__(self) -> Value | float:
        chunk = next(self.stream)
        letters: list[Any] = chunk.inputs
        if self.model.embedding is None:
            letters = [F.one_hot(i, len(self.stream.vocabulary)) for i in chunk.inputs]
        run = self.model.unroll(
            letters,
            chunk.targets,
            h0=None if chunk.first else self.h0,
            reduction="mean",
        )
        self.h0 = run.carry()
        assert run.loss is not None
        return run.loss

    def state_dict(self) -> dict[str, Any]:
        """Where the text stands, and the state carried on from there."""
        return {"stream": self.stream.state_dict(), "h0": self.h0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`."""
        self.stream.load_state_dict(state["stream"])
        self.h0 = state["h0"]


class TapedBPTT(TruncatedBPTT):
    """TruncatedBPTT at matrix speed: one chunk is recorded, and replayed for all the others.

    The characters come in as one-hot vectors, so that they are numbers of the tape and not
    part of its shape; an embedding is the product with its table. Train `parameters()`, and
    give `sync` to Training: what is learnt lives in the tape's arrays until then.
    """

    def __init__(self, model: SequenceModel, stream: TextStream) -> None:
        super().__init__(model, stream)
        size, steps = len(stream.vocabulary), range(stream.length)
        letters = [[Value(0.0) for _ in range(size)] for _ in steps]
        targets = [[Value(0.0) for _ in range(size)] for _ in steps]
        start = model.cell.initial_state()
        table = model.embedding
        inputs = [table.mixed(x) for x in letters] if table else letters
        run = model.unroll(inputs, targets, h0=start, reduction="mean")
        assert run.loss is not None
        self.root = run.loss
        self._one_hot = np.eye(size)
        self._start, self._end = start, run.carries[-1]
        leaves = [value for row in (*letters, *targets) for value in row]
        self.tape = Tape(run.loss, [*leaves, *_flat(start)], parameters=model.parameters())
        self._replayed = False

    def parameters(self) -> list[Parameter]:
        return self.tape.parameters()

    def __call__(self) -> float:
        chunk = next(self.stream)
        state = np.zeros(len(_flat(self._start)))
        if self.h0 is not None and not chunk.first:
            state[:] = _flat(self.h0)
        letters, targets = self._one_hot[chunk.inputs], self._one_hot[chunk.targets]
        loss = self.tape.forward(np.concatenate([letters.ravel(), targets.ravel(), state]))
        self.tape.backward(inputs=False)
        self.h0 = _mapped(self.tape.value, self._end)
        self._replayed = True
        return loss

    def sync(self, when: str) -> None:
        if when == "loaded":
            self.tape.load()
        elif when == "read":
            self.tape.sync_parameters()
        elif self._replayed:
            self.tape.sync()


def _flat(state: Any) -> list[Any]:
    return (
        [x for part in state for x in _flat(part)] if isinstance(state, list | tuple) else [state]
    )


def _mapped(function: Callable[[Value], float], state: Any) -> Any:
    if isinstance(state, Value):
        return function(state)
    return [_mapped(function, part) for part in state]
