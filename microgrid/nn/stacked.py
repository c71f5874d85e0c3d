"""RNN, LSTM and GRU over whole sequences, and layers of cells stacked on one another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from ..recording import scope
from ..value import Operand
from .gated import GRUCell, LSTMCell
from .module import Module
from .parameters import Row, Seed, size
from .recurrent import RecurrentCell, RNNCell

__all__ = ["GRU", "LSTM", "RNN", "Layers", "Stacked"]

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Stacked(RecurrentCell):
    """Cells on top of one another: the hidden vector of one is the input of the next.

    It is a cell itself, so SequenceModel unrolls it. A state is the list of the layers'
    states, the hidden vector is the top layer's. The layers' scopes are cell/layer=1, ...
    and their labels carry the layer: W_h²[0,1], h²_3.

    >>> deep = Stacked([RNNCell(3, 2, seed=0), LSTMCell(2, 4, seed=1)])
    >>> state = deep([1.0, 0.0, 0.0], deep.initial_state())
    >>> [len(deep.hidden(state)), state[0][0].label]
    [4, 'h¹[0]']
    """

    def __init__(self, layers: Sequence[RecurrentCell]) -> None:
        if not layers:
            raise ValueError("Stacked needs at least one cell, got none")
        for below, above in pairwise(layers):
            if above.input_size != below.hidden_size:
                raise ValueError(
                    f"Stacked: a layer takes {above.input_size} entries, "
                    f"the one below has {below.hidden_size} hidden ones"
                )
        self.layers = list(layers)
        self.input_size = layers[0].input_size
        self.hidden_size = layers[-1].hidden_size
        for n, cell in enumerate(self.layers, start=1):
            if cell not in self.layers[: n - 1]:  # a tied layer keeps the names of its first place
                cell.mark_as(str(n).translate(_SUPERSCRIPTS))

    def initial_state(self, h0: Any = None) -> list[Any]:
        """The layers' start states, zero unless one per layer is given."""
        given = [None] * len(self.layers) if h0 is None else list(h0)
        if len(given) != len(self.layers):
            raise ValueError(
                f"Stacked: the start state must have one entry per layer, "
                f"{len(self.layers)}, got {len(given)}"
            )
        return [cell.initial_state(state) for cell, state in zip(self.layers, given)]

    def hidden(self, state: Any) -> Row:
        """The top layer's h."""
        return self.layers[-1].hidden(state[-1])

    def __call__(self, x: Sequence[Operand] | None, state: Sequence[Any]) -> list[Any]:
        new = []
        for n, (cell, old) in enumerate(zip(self.layers, state), start=1):
            with scope(f"layer={n}"):
                new.append(cell(x, old))
            x = cell.hidden(new[-1])
        return new


class Layers(Module):
    """What RNN, LSTM and GRU share: one cell or a stack of them, run over a sequence."""

    _cell: ClassVar[type[RecurrentCell]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        self.num_layers = size(num_layers, f"{type(self).__name__}: num_layers")
        rng = np.random.default_rng(seed)
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        make: Any = self._cell
        cells = [make(width, hidden_size, seed=rng, **options) for width in widths]
        self.cell: RecurrentCell = Stacked(cells) if num_layers > 1 else cells[0]

    def __call__(
        self, inputs: Sequence[Sequence[Operand] | None], h0: Any = None
    ) -> tuple[list[Row], Any]:
        """(the top layer's h_1..h_T, the last state), from T input vectors.

        States are those of `cell`: h, or a pair (h, c), or a list of one per layer.
        """
        state = self.cell.initial_state(h0)
        outputs = []
        for t, x in enumerate(inputs, start=1):
            with scope(f"t={t}"), scope("cell"):
                state = self.cell(x, state)
            outputs.append(self.cell.hidden(state))
        return outputs, state


class RNN(Layers):
    """Elman layers over a sequence (torch.nn.RNN); `cell` is an RNNCell or a stack of them.

    >>> outputs, last = RNN(2, 3, num_layers=2, seed=0)([[1.0, 0.0], [0.0, 1.0]])
    >>> len(outputs), outputs[-1] is last[-1]
    (2, True)
    """

    _cell = RNNCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, seed, nonlinearity=nonlinearity, bias=bias
        )


class LSTM(Layers):
    """LSTM layers over a sequence (torch.nn.LSTM); `cell` is an LSTMCell or a stack of them.

    >>> outputs, (h, c) = LSTM(2, 3, seed=0)([[1.0, 0.0], [0.0, 1.0]])
    >>> outputs[-1] is h, len(c)
    (True, 3)
    """

    _cell = LSTMCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, seed, bias=bias)


class GRU(Layers):
    """GRU layers over a sequence (torch.nn.GRU); `cell` is a GRUCell or a stack of them.

    >>> outputs, h = GRU(2, 3, seed=0)([[1.0, 0.0], [0.0, 1.0]])
    >>> outputs[-1] is h
    True
    """

    _cell = GRUCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        reset_after: bool = True,
        seed: Seed = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, seed, bias=bias, reset_after=reset_after
        )
