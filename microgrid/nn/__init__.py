"""Networks whose every weight is a Value: layers, cells, and a cell unrolled over time."""

from . import init
from .attention import MultiheadAttention
from .bidirectional import Bidirectional
from .feedforward import MLP, Embedding, Linear
from .gated import GRUCell, LSTMCell
from .module import Module
from .norms import BatchNorm1d, Dropout, LayerNorm, Residual, RMSNorm
from .parameters import Parameter
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
    "BatchNorm1d",
    "Bidirectional",
    "BlockRNNCell",
    "Dropout",
    "Embedding",
    "GRUCell",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "Module",
    "MultiheadAttention",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "RecurrentCell",
    "Residual",
    "RowLinear",
    "RowRNNCell",
    "SequenceModel",
    "Stacked",
    "Unrolled",
    "init",
    "load_torch",
    "sampler",
]
