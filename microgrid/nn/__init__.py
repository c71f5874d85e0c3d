"""Networks whose every weight is a Value: layers, cells, and a cell unrolled over time."""

from .feedforward import MLP, Embedding, Linear
from .gated import GRUCell, LSTMCell
from .interchange import load_torch
from .layers import GRU, LSTM, RNN, Stacked
from .module import Module
from .recurrent import BlockRNNCell, RecurrentCell, RNNCell
from .rows import RowLinear, RowRNNCell
from .sequence import SequenceModel, Unrolled, sampler

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "BlockRNNCell",
    "Embedding",
    "GRUCell",
    "LSTMCell",
    "Linear",
    "Module",
    "RNNCell",
    "RecurrentCell",
    "RowLinear",
    "RowRNNCell",
    "SequenceModel",
    "Stacked",
    "Unrolled",
    "load_torch",
    "sampler",
]
