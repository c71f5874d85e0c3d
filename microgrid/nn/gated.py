"""LSTM and GRU cells. Every gate is a row of named nodes in a scope of its name."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, TypeAlias

import numpy as np

from .. import functional as F
from ..recording import scope
from ..value import Operand, Value
from .parameters import Matrix, Row, Seed, matrix, size, uniform, vector
from .recurrent import RecurrentCell, block_sums, start

__all__ = ["GRUCell", "LSTMCell"]

_Pair: TypeAlias = tuple[Row, Row]


class _GatedCell(RecurrentCell):
    """A cell whose weights are stacked gate by gate, in PyTorch's order."""

    _gates: dict[str, str]  # letter -> scope

    def __init__(self, input_size: int, hidden_size: int, bias: bool, seed: Seed) -> None:
        kind = type(self).__name__
        self.input_size = size(input_size, f"{kind}: input_size")
        self.hidden_size = size(hidden_size, f"{kind}: hidden_size")
        rng, bound = np.random.default_rng(seed), 1.0 / sqrt(hidden_size)
        rows = len(self._gates) * hidden_size
        self.weight_ih = self._stacked(uniform(rng, bound, rows, input_size), "W_x")
        self.weight_hh = self._stacked(uniform(rng, bound, rows, hidden_size), "W_h")
        numbers = np.split(uniform(rng, bound, rows), len(self._gates))
        labelled = [vector(b, f"b_{gate}") for b, gate in zip(numbers, self._gates)]
        self.bias = [value for row in labelled for value in row] if bias else None

    def _stacked(self, numbers: np.ndarray, label: str) -> Matrix:
        parts = np.split(numbers, len(self._gates))
        return [row for part, gate in zip(parts, self._gates) for row in matrix(part, label + gate)]

    def _rows(self, gate: str) -> tuple[Matrix, Matrix, Row | None]:
        """The gate's share of weight_ih, weight_hh and bias."""
        first = list(self._gates).index(gate) * self.hidden_size
        part = slice(first, first + self.hidden_size)
        return self.weight_ih[part], self.weight_hh[part], self.bias[part] if self.bias else None

    def _gate(
        self,
        gate: str,
        squash: Callable[[Operand], Value],
        x: Sequence[Operand] | None,
        h: Sequence[Operand],
    ) -> Row:
        """squash(W_x x + W_h h + b) with the gate's rows."""
        with scope(self._gates[gate]):
            sums = block_sums(x, h, *self._rows(gate))
            return self._named([squash(s) for s in sums], gate)


class LSTMCell(_GatedCell):
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t) (row 004-32; torch.nn.LSTMCell).

    The gates i, f, o = sigmoid(W_x x + W_h h + b) and the candidate g = tanh(...) stand in
    the scopes input, forget, output and candidate. weight_ih is 4 hidden_size rows of
    input_size, weight_hh 4 hidden_size rows of hidden_size, bias 4 hidden_size entries,
    stacked i, f, g, o. A state is a pair (h, c). c_t is one `dot` node, so the local
    derivative on the edge from c_{t-1} to c_t is the forget gate itself: the highway of
    row 004-33.

    >>> cell = LSTMCell(1, 1, seed=0)
    >>> cell.load_state_dict({
    ...     "weight_ih": [[0]] * 4, "weight_hh": [[0]] * 4, "bias": [-40, 40, 0, 40]})
    >>> h, c = cell([5.0], ([0.0], [3.0]))  # writes nothing, keeps everything
    >>> c[0].data, round(h[0].data, 6)
    (3.0, 0.995055)
    """

    _gates = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}  # noqa: RUF012

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, seed: Seed = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, seed)

    def initial_state(self, h0: Any = None) -> _Pair:
        """Leaves (h_0, c_0), zero unless a pair is given."""
        h, c = (None, None) if h0 is None else _pair("LSTMCell: the start state", h0)
        names = f"h{self._mark}_0", f"c{self._mark}_0"
        return start(names[0], h, self.hidden_size), start(names[1], c, self.hidden_size)

    def hidden(self, state: Any) -> Row:
        """h of the pair (h, c)."""
        hidden: Row = state[0]
        return hidden

    def __call__(self, x: Sequence[Operand] | None, state: Any) -> _Pair:
        h, c = _pair("LSTMCell: the state", state)
        self._checked(x, h)
        self._checked(None, c)
        i = self._gate("i", F.sigmoid, x, h)
        f = self._gate("f", F.sigmoid, x, h)
        g = self._gate("g", F.tanh, x, h)
        o = self._gate("o", F.sigmoid, x, h)
        new = [F.dot([fk, ik], [ck, gk]) for fk, ik, ck, gk in zip(f, i, c, g)]
        c = self._named(new, "c")
        squashed = self._named([ck.tanh() for ck in c], "tanh_c")
        return self._named([ok * sk for ok, sk in zip(o, squashed)], "h"), c


class GRUCell(_GatedCell):
    """h_t = (1 - z) n + z h_{t-1}, the gated recurrent unit (row 004-34; torch.nn.GRUCell).

    r, z = sigmoid(W_x x + W_h h + b) in the scopes reset and update, the candidate n in
    the scope candidate. weight_ih is 3 hidden_size rows of input_size, weight_hh
    3 hidden_size rows of hidden_size, bias 3 hidden_size entries, stacked r, z, n.

    reset_after=True is PyTorch's variant: n = tanh(W_x x + b + r (W_h h + bias_hn)), with
    a bias of its own for what r scales. reset_after=False resets first, as Cho et al.
    (2014, arXiv:1406.1078): n = tanh(W_x x + W_h (r h) + b).

    >>> cell = GRUCell(1, 1, seed=0)
    >>> cell.load_state_dict({"weight_ih": [[0]] * 3, "weight_hh": [[0]] * 3,
    ...                       "bias": [0, 40, 0], "bias_hn": [0]})
    >>> cell([5.0], [0.25])[0].data  # z = 1 keeps the state
    0.25
    """

    _gates = {"r": "reset", "z": "update", "n": "candidate"}  # noqa: RUF012

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        reset_after: bool = True,
        seed: Seed = None,
    ) -> None:
        rng = np.random.default_rng(seed)
        super().__init__(input_size, hidden_size, bias, rng)
        self.reset_after = reset_after
        numbers = uniform(rng, 1.0 / sqrt(hidden_size), hidden_size)
        self.bias_hn = vector(numbers, "b_hn") if bias and reset_after else None

    def __call__(self, x: Sequence[Operand] | None, state: Sequence[Operand]) -> Row:
        h = state
        self._checked(x, h)
        r = self._gate("r", F.sigmoid, x, h)
        z = self._gate("z", F.sigmoid, x, h)
        n = self._candidate(x, h, r)
        mixed = [F.dot([1.0 - zk, zk], [nk, hk]) for zk, nk, hk in zip(z, n, h)]
        return self._named(mixed, "h")

    def _candidate(self, x: Sequence[Operand] | None, h: Sequence[Operand], r: Row) -> Row:
        if not self.reset_after:
            with scope("reset"):
                kept = self._named([F.dot([rk], [hk]) for rk, hk in zip(r, h)], "rh")
            return self._gate("n", F.tanh, x, kept)
        weight_ih, weight_hh, bias = self._rows("n")
        with scope("candidate"):
            old = F.linear(h, weight_hh, self.bias_hn)
            given = list(x) if x is not None else []
            rows = weight_ih if x is not None else [[] for _ in r]
            # One row of [W_x b r] meets the column (x, 1, W_h h + bias_hn).
            sums = [
                F.dot([*row, *b, rk], [*given, *[1.0] * len(b), s])
                for row, b, rk, s in zip(rows, _singles(bias, len(r)), r, old)
            ]
            return self._named([F.tanh(s) for s in sums], "n")


def _singles(bias: Row | None, length: int) -> list[Row]:
    return [[b] for b in bias] if bias else [[] for _ in range(length)]


def _pair(what: str, state: Any) -> tuple[Any, Any]:
    try:
        h, c = state
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a pair (h, c), got {state!r}") from None
    return h, c
