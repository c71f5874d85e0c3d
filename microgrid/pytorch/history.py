"""FlowHistory: the flow of a gradient over a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from .flow import flow

__all__ = ["FlowHistory"]


class FlowHistory:
    """A callback for a training loop: `flow` every so many steps.

    rnn, x, loss are those of `flow`; x is the sequence that is looked at again and again. Call
    the object once per training step. `viz.plots.flow.strips(history)` draws it.

    Attributes
    ----------
    steps : the training steps at which it looked
    flows : what it saw, without the tensors: the T + 1 norms `Flow.last`
    sentences : the verdict of each in words

    >>> _ = torch.manual_seed(0)
    >>> layer = nn.GRU(2, 3)
    >>> watch = FlowHistory(layer, torch.randn(5, 1, 2), lambda out: out.sum((1, 2)), every=10)
    >>> for step in range(25):
    ...     watch(step)
    >>> watch.steps, len(watch.flows[0])
    ([0, 10, 20], 6)
    """

    def __init__(
        self,
        rnn: nn.RNNBase,
        x: torch.Tensor,
        loss: Callable[[torch.Tensor], torch.Tensor],
        every: int = 100,
        h0: Any = None,
    ) -> None:
        if every < 1:
            raise ValueError(f"FlowHistory: every must be 1 or more, got {every!r}")
        self._arguments = rnn, x, loss, h0
        self.every = every
        self.steps: list[int] = []
        self.flows: list[np.ndarray] = []
        self.sentences: list[str] = []

    def __call__(self, step: int) -> None:
        """Look at the flow if the step is a multiple of `every`."""
        if step % self.every == 0:
            found = flow(*self._arguments)
            self.steps.append(step)
            self.flows.append(found.last)
            self.sentences.append(str(found))
