"""One step of training on a text, chunk by chunk: recorded anew each time, or replayed."""

from __future__ import annotations

from typing import Any

from .nn import SequenceModel
from .text import TextStream
from .value import Value


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

    def __call__(self) -> Value:
        chunk = next(self.stream)
        run = self.model.unroll(
            chunk.inputs,
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
