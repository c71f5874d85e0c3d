"""PyTorch's calls as they are made, handed to a recorder.

Two of PyTorch's own hooks are used. The dispatch mode sees every aten call with its tensors,
below autograd; the function mode sees the few calls that PyTorch runs as one kernel and the
textbook as several formulas (recurrent layers), which are recorded as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Aten", "Functions", "Recorder"]


class Recorder(Protocol):
    """Who is told of every call, and makes it."""

    paused: bool

    def aten(self, func: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """An aten call; returns what it returns."""

    def gradient(self, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """A call of torch.autograd.grad; returns what it returns."""

    def note_a_hook(self) -> None:
        """The program has registered a hook on a tensor."""

    def whole(self, name: str, func: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """A call that is recorded as a whole."""


_WHOLE = {
    torch._VF.lstm: "lstm",
    torch._VF.gru: "gru",
    torch._VF.rnn_tanh: "rnn_tanh",
    torch._VF.rnn_relu: "rnn_relu",
    torch._VF.lstm_cell: "lstm_cell",
    torch._VF.gru_cell: "gru_cell",
    torch._VF.rnn_tanh_cell: "rnn_tanh_cell",
    torch._VF.rnn_relu_cell: "rnn_relu_cell",
}


class Aten(TorchDispatchMode):
    """Every aten call."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self._refusal: Exception | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if self.recorder.paused:
            return func(*args, **(kwargs or {}))
        try:
            return self.recorder.aten(func, args, kwargs or {})
        except Exception as refusal:
            self._refusal = refusal
            raise

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        super().__exit__(kind, error, traceback)
        if self._refusal is not None and "TorchScript interpreter" in str(error):
            raise self._refusal from None  # whose words the interpreter drops


class Functions(TorchFunctionMode):
    """The calls that are recorded as a whole; all others pass."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        if func is F.scaled_dot_product_attention and _drops(*args, **(kwargs or {})):
            # A fused kernel keeps its mask to itself; the plain path draws it as a tensor.
            with sdpa_kernel(SDPBackend.MATH):
                return func(*args, **(kwargs or {}))
        if func is torch.autograd.grad and not self.recorder.paused:
            return self.recorder.gradient(args, kwargs or {})
        if func is torch.Tensor.register_hook and not self.recorder.paused:
            self.recorder.note_a_hook()
        name = _WHOLE.get(func)
        if name is None or self.recorder.paused:
            return func(*args, **(kwargs or {}))
        return self.recorder.whole(name, func, args, kwargs or {})


def _drops(q: Any, k: Any, v: Any, mask: Any = None, dropout_p: float = 0.0, **_: Any) -> bool:
    return dropout_p > 0.0
