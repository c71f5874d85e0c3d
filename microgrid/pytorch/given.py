"""What flow is given: an input and a start state, checked and brought into one shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["Given"]

# How far an output computed step by step may lie from the layer's own.
_ALLOWED = {torch.float64: 1e-10, torch.float32: 1e-3}


class Given:
    """The input and the start state, T x B x I and layers x B x H whatever came in."""

    def __init__(self, rnn: nn.RNNBase, x: torch.Tensor, h0: Any) -> None:
        if not isinstance(rnn, nn.RNN | nn.LSTM | nn.GRU):
            raise TypeError(f"flow needs an nn.RNN, LSTM or GRU, got {rnn!r}")
        if not isinstance(x, torch.Tensor):
            hint = "; give it a padded tensor" if hasattr(x, "batch_sizes") else ""
            raise ValueError(f"flow needs a tensor of inputs, got a {type(x).__name__}{hint}")
        weight = rnn.weight_ih_l0
        if x.dtype not in _ALLOWED or weight.dtype != x.dtype or weight.device != x.device:
            raise ValueError(
                f"flow takes float32 and float64, layer and input alike and on one device; the "
                f"layer is {weight.dtype} on {weight.device}, the input {x.dtype} on {x.device}"
            )
        if x.dim() not in (2, 3) or x.shape[-1] != rnn.input_size:
            raise ValueError(
                f"flow: the input must be steps x batch x {rnn.input_size}, got {tuple(x.shape)}"
            )
        if rnn.dropout and rnn.training and rnn.num_layers > 1:
            raise ValueError(
                "flow: the dropout between the layers draws new masks; call rnn.eval() first"
            )
        self.rnn, self._asked, self._h0 = rnn, x.detach(), h0
        self._alone = x.dim() == 2
        x = x.detach()
        x = x[:, None] if self._alone else x.transpose(0, 1) if rnn.batch_first else x
        if not len(x):
            raise ValueError("flow: the sequence is empty")
        self.x = x
        self.start = self._states(h0)

    def _states(self, h0: Any) -> list[torch.Tensor]:
        rnn, batch = self.rnn, self.x.shape[1]
        count = rnn.num_layers * (2 if rnn.bidirectional else 1)
        sizes = [rnn.proj_size or rnn.hidden_size]
        sizes += [rnn.hidden_size] if isinstance(rnn, nn.LSTM) else []
        if h0 is None:
            return [self.x.new_zeros(count, batch, size) for size in sizes]
        given = list(h0) if isinstance(h0, tuple | list) else [h0]
        given = [s[:, None] if s.dim() == 2 else s for s in given]
        shapes = [(count, batch, size) for size in sizes]
        if [tuple(s.shape) for s in given] != shapes:
            raise ValueError(
                f"flow: the start state must have the shapes {shapes}, got "
                f"{[tuple(s.shape) for s in given]}"
            )
        return given

    def as_output(self, out: torch.Tensor) -> torch.Tensor:
        """T x B x H as the layer would give it."""
        if self._alone:
            return out[:, 0]
        return out.transpose(0, 1) if self.rnn.batch_first else out

    def confirm(self, out: torch.Tensor) -> None:
        """Hold the steps against the layer itself."""
        with torch.no_grad():
            right = self.rnn(self._asked, self._h0)[0]
        away = float((self.as_output(out.detach()) - right).abs().nan_to_num(0.0, 0.0, 0.0).max())
        if away > _ALLOWED[right.dtype] * max(1.0, float(right.abs().nan_to_num(0.0).max())):
            raise RuntimeError(
                f"flow: step by step the layer gives another output, off by {away:.1e}; was it "
                f"changed by hooks or parametrizations?"
            )
