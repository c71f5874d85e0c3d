"""Networks whose every weight is a Value: layers, cells, and a cell unrolled over time."""

from .feedforward import MLP, Embedding, Linear
from .module import Module
from .recurrent import RecurrentCell, RNNCell
from .rows import RowLinear, RowRNNCell
from .sequence import SequenceModel, Unrolled

__all__ = [
    "MLP",
    "Embedding",
    "Linear",
    "Module",
    "RNNCell",
    "RecurrentCell",
    "RowLinear",
    "RowRNNCell",
    "SequenceModel",
    "Unrolled",
]
