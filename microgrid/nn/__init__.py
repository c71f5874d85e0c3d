"""Networks whose every weight is a Value: layers, cells, and a cell unrolled over time."""

from .feedforward import MLP, Embedding, Linear
from .gated import GRUCell, LSTMCell
from .module import Module
from .pytorch import load_torch
from .recurrent import BlockRNNCell, RecurrentCell, RNNCell
from .row_batch import RowLinear, RowRNNCell
from .sequence import SequenceModel, Unrolled, sampler
from .stacked import GRU, LSTM, RNN, Stacked

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
