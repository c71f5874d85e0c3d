"""Recurrent cells: one time step, (input, state) -> state."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from .. import functional as F
from ..value import Operand, Value
from .module import Module
from .parameters import (
    Matrix,
    Row,
    Seed,
    activation,
    check_length,
    is_scalar,
    matrix,
    named,
    size,
    uniform,
    vector,
)

__all__ = ["BlockRNNCell", "RNNCell", "RecurrentCell", "block_sums", "start"]


class RecurrentCell(Module):
    """What SequenceModel unrolls: a start state, one step, and the hidden part of a state.

    A cell of one's own sets input_size and hidden_size, and returns the next hidden vector
    from `forward(x, h)`, where x is None at a step without input; h_0 is a vector of zeros.
    The states are named h_1, h_2, ...

    >>> from microgrid import nn
    >>> class Leaky(nn.RecurrentCell):
    ...     def __init__(self, size):
    ...         self.input_size = self.hidden_size = size
    ...         self.keep = nn.Parameter(0.9)
    ...     def forward(self, x, h):
    ...         return [self.keep * old + (1.0 - self.keep) * new for old, new in zip(h, x)]
    >>> run = nn.SequenceModel(Leaky(1)).unroll([1.0, 2.0], loss=lambda h, _: h[0])
    >>> run.states[2][0].label, round(run.loss.data, 6)
    ('h_2', 0.39)
    """

    input_size: int
    hidden_size: int
    _mark = ""  # of what this cell is within others, see `mark_as`

    def initial_state(self, h0: Any = None) -> Any:
        """The state before step 1: leaves h_0, zero unless given."""
        return start(f"h{self._mark}_0", h0, self.hidden_size)

    def hidden(self, state: Any) -> Row:
        """The hidden vector h of a state."""
        hidden: Row = state
        return hidden

    def mark_as(self, mark: str) -> None:
        """Put a mark behind the names of weights and states: W_h²[0,1] and h²_3 of a second layer.

        >>> from microgrid import nn
        >>> cell = nn.RNNCell(1, 1)
        >>> cell.mark_as("→")
        >>> [w.label for w in cell.parameters()], cell.initial_state()[0].label
        (['W_x→', 'W_h→', 'b→'], 'h→_0')
        """
        self._mark = mark
        for parameter in self.parameters():
            name, bracket, place = parameter.label.partition("[")
            parameter.label = name + mark + bracket + place

    def _checked(self, x: Sequence[Operand] | None, h: Sequence[Operand]) -> None:
        kind = type(self).__name__
        check_length(f"{kind}: h", h, self.hidden_size)
        if x is not None:
            check_length(f"{kind}: x", x, self.input_size)

    def _named(self, values: Row, name: str) -> Row:
        return named(values, name + self._mark)


def start(label: str, given: Any, length: int) -> Row:
    """A start vector of leaves: zeros, or the numbers or Values given."""
    if given is None:
        given = [0.0] * length
    if is_scalar(given):
        given = [given]
    return vector(check_length(label, given, length), label)


def block_sums(
    x: Sequence[Operand] | None,
    h: Sequence[Operand],
    weight_ih: Matrix,
    weight_hh: Matrix,
    bias: Row | None,
) -> Row:
    """W_x x + W_h h + b as [W_x W_h b] times the column (x, h, 1): one `dot` node per row."""
    if x is None:
        return F.linear(h, weight_hh, bias)
    return F.linear([*x, *h], [wi + wh for wi, wh in zip(weight_ih, weight_hh)], bias)


class _ElmanCell(RecurrentCell):
    """A cell whose next state is a function f of weighted sums z, entry by entry."""

    nonlinearity: str
    _activation: Callable[[Value], Value]

    def _fired(self, sums: Row) -> Row:
        """h = f(z), both labelled; z is h itself where f is the identity."""
        if self.nonlinearity != "identity":
            self._named(sums, "z")
        return self._named([self._activation(z) for z in sums], "h")


class RNNCell(_ElmanCell):
    """h_t = f(W_x x_t + W_h h_{t-1} + b), Elman's cell (rows 001-2, 001-3; torch.nn.RNNCell).

    weight_ih is hidden_size rows of input_size, weight_hh hidden_size rows of
    hidden_size, bias has hidden_size entries; all start uniform in +-1/sqrt(hidden_size).
    f is tanh, relu, sigmoid, gelu, silu, softplus, elu, leaky_relu or identity. A unit's
    pre-activation is one `dot` node: its row of [W_x W_h b] times the column (x, h, 1), as in
    row 001-5.

    >>> cell = RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1.0]], "weight_hh": [[-5.0]]})
    >>> (h1,) = cell([5.0], [0.0])
    >>> (h2,) = cell([1.0], [h1])
    >>> h1.data, h2.data
    (5.0, -24.0)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: str = "tanh",
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        self.input_size = size(input_size, "RNNCell: input_size")
        self.hidden_size = size(hidden_size, "RNNCell: hidden_size")
        self.nonlinearity = nonlinearity
        self._activation = activation(nonlinearity)
        rng, bound = np.random.default_rng(seed), 1.0 / sqrt(hidden_size)
        self.weight_ih = matrix(uniform(rng, bound, hidden_size, input_size), "W_x")
        self.weight_hh = matrix(uniform(rng, bound, hidden_size, hidden_size), "W_h")
        self.bias = vector(uniform(rng, bound, hidden_size), "b") if bias else None

    def __call__(self, x: Sequence[Operand] | None, state: Sequence[Operand]) -> Row:
        self._checked(x, state)
        return self._fired(block_sums(x, state, self.weight_ih, self.weight_hh, self.bias))


class BlockRNNCell(_ElmanCell):
    """h_t = f([W U](h_{t-1}; x_t) + b): RNNCell with its two matrices written as one.

    Rows 001-4, 001-5 and 000-11. weight is hidden_size rows of hidden_size + input_size,
    the columns of h first. Numbers and gradients are those of the split form.

    >>> cell = BlockRNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight": [[-5.0, 1.0]]})
    >>> cell([1.0], [5.0])[0].data
    -24.0
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: str = "tanh",
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        split = RNNCell(input_size, hidden_size, nonlinearity, bias, seed)
        self.input_size, self.hidden_size = split.input_size, split.hidden_size
        self.nonlinearity, self._activation = nonlinearity, split._activation
        numbers = split.state_dict()
        self.weight = matrix(np.hstack([numbers["weight_hh"], numbers["weight_ih"]]), "W")
        self.bias = split.bias

    def __call__(self, x: Sequence[Operand] | None, state: Sequence[Operand]) -> Row:
        self._checked(x, state)
        given = x if x is not None else [0.0] * self.input_size
        return self._fired(F.linear([*state, *given], self.weight, self.bias))
