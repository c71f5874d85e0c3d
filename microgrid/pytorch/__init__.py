"""Bring your own PyTorch: record it as it runs, check its gradients, see where they fade.

    record     any PyTorch code as a graph of Values
    gradcheck  every backward of a module or a function, exact, without an epsilon
    flow       the gradient at every time step of nn.RNN, LSTM and GRU, at any size

PyTorch is needed (`pip install "microgrid-autograd[torch]"`); nothing else of microgrid
imports it.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    raise ImportError(
        "microgrid.pytorch needs PyTorch, which is not installed: "
        'pip install "microgrid-autograd[torch]"'
    ) from None

from .flow import Flow, flow
from .gradcheck import GradcheckError, gradcheck
from .history import FlowHistory
from .record import Recording, record

__all__ = [
    "Flow",
    "FlowHistory",
    "GradcheckError",
    "Recording",
    "flow",
    "gradcheck",
    "record",
]
