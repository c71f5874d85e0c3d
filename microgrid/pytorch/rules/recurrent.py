"""torch.nn.RNN, LSTM, GRU and their cells by the textbook's equations, a column per time step.

PyTorch runs a whole recurrent layer as one kernel. It is recorded as one call as well, with its
gates, states and time steps named; what PyTorch computed is held against what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import ops
from ...arrays import Array, apply, dot, filled, linear
from ...ops import Op
from ...recording import scope
from ...value import Operand, Value

__all__ = ["GATES", "Layer", "Unrolling", "run_layers", "superscript"]

GATES = {
    "lstm": {"i": "input", "f": "forget", "g": "candidate", "o": "output"},
    "gru": {"r": "reset", "z": "update", "n": "candidate"},
    "rnn_tanh": {},
    "rnn_relu": {},
}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_Row = list[Any]
_State = list[_Row]  # h, or h and c


def superscript(n: int) -> str:
    """The number of a layer as it stands at a name: h²."""
    return str(n).translate(_SUPERSCRIPTS)


@dataclass
class Unrolling:
    """What a recurrent layer did: per time step its input and its states, batches in a row.

    Attributes
    ----------
    kind : "lstm", "gru", "rnn_tanh" or "rnn_relu"
    weights : the layers' arrays of Values, by PyTorch's names without the layer
    inputs : T rows x_t
    states : T + 1 rows of the last layer's h_t, h_0 first
    carries : T + 1 lists of all the layers' states
    first : the column of its first step; 1 unless another layer ran before
    """

    kind: str
    weights: list[dict[str, Array]]
    inputs: list[_Row] = field(default_factory=list)
    states: list[_Row] = field(default_factory=list)
    carries: list[list[_Row]] = field(default_factory=list)
    first: int = 1


class Layer:
    """One layer in one direction: its weights as rows, and a step in time.

    weights: weight_ih, weight_hh, then bias_ih and bias_hh, then weight_hr, as far as there.
    owner: what stands before its names where several layers have some, as in "enc.h_1".
    """

    def __init__(
        self, kind: str, weights: Sequence[Array], mark: str, has_biases: bool, owner: str = ""
    ) -> None:
        self.kind, self.mark, self.owner = kind, mark, owner
        self.w_ih, self.w_hh = weights[0].tolist(), weights[1].tolist()
        rest = list(weights[2:])
        self.biases = [rest.pop(0).tolist(), rest.pop(0).tolist()] if has_biases else []
        self.projection = rest[0].tolist() if rest else None
        self.hidden = len(self.w_ih) // max(1, len(GATES[kind]))
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"][: 4 if has_biases else 2]
        self.named = dict(zip([*names, "weight_hr"], weights))
        self.rows = [[*a, *b, *bias] for a, b, *bias in zip(self.w_ih, self.w_hh, *self.biases)]

    def step(self, x: _Row, state: _State, place: str) -> _State:
        """The next state; `place` is the time step and, in a batch, the example: "_2[0,{}]"."""
        if self.kind == "lstm":
            return self._lstm(x, state, place)
        if self.kind == "gru":
            return [self._gru(x, state[0], place)]
        sums = self._named(self._sums(slice(None), x, state[0]), "z", place)
        row = ops.TANH if self.kind == "rnn_tanh" else ops.RELU
        return [self._named([apply(row, [z]) for z in sums], "h", place)]

    def _sums(self, part: slice, x: _Row, h: _Row) -> _Row:
        """W_ih x + b_ih + W_hh h + b_hh for some rows, one dot each."""
        return linear(self.rows[part], [*x, *h, *[1.0] * len(self.biases)])

    def _part(self, gate: str) -> slice:
        first = list(GATES[self.kind]).index(gate) * self.hidden
        return slice(first, first + self.hidden)

    def _gate(self, gate: str, row: Op, x: _Row, h: _Row, place: str) -> _Row:
        with scope(GATES[self.kind][gate]):
            sums = self._sums(self._part(gate), x, h)
            return self._named([apply(row, [s]) for s in sums], gate, place)

    def _lstm(self, x: _Row, state: _State, place: str) -> _State:
        h, c = state
        i = self._gate("i", ops.SIGMOID, x, h, place)
        f = self._gate("f", ops.SIGMOID, x, h, place)
        g = self._gate("g", ops.TANH, x, h, place)
        o = self._gate("o", ops.SIGMOID, x, h, place)
        new = [dot([fk, ik], [ck, gk]) for fk, ik, ck, gk in zip(f, i, c, g)]
        c = self._named(new, "c", place)
        squashed = self._named([apply(ops.TANH, [ck]) for ck in c], "tanh_c", place)
        out = [apply(ops.MUL, pair) for pair in zip(o, squashed)]
        if self.projection is not None:
            out = linear(self.projection, out)
        return [self._named(out, "h", place), c]

    def _gru(self, x: _Row, h: _Row, place: str) -> _Row:
        r = self._gate("r", ops.SIGMOID, x, h, place)
        z = self._gate("z", ops.SIGMOID, x, h, place)
        part = self._part("n")
        with scope("candidate"):
            own, theirs = ([b[part] for b in pair] for pair in (self.biases[:1], self.biases[1:]))
            rows = [[*w, *b] for w, *b in zip(self.w_hh[part], *theirs)]
            old = linear(rows, [*h, *[1.0] * len(theirs)])
            # One row of [W_in b_in r] meets the column (x, 1, W_hn h + b_hn).
            sums = [
                dot([*w, *b, rk], [*x, *[1.0] * len(b), s])
                for w, rk, s, *b in zip(self.w_ih[part], r, old, *own)
            ]
            n = self._named([apply(ops.TANH, [s]) for s in sums], "n", place)
        keep = [apply(ops.SUB, [1.0, zk]) for zk in z]
        mixed = [dot([kk, zk], [nk, hk]) for kk, zk, nk, hk in zip(keep, z, n, h)]
        return self._named(mixed, "h", place)

    def _named(self, values: _Row, name: str, place: str) -> _Row:
        lone = len(values) == 1
        for i, value in enumerate(values):
            if isinstance(value, Value) and not value.label:
                value.label = f"{self.owner}{name}{self.mark}{_label_at(place, i, lone)}"
        return values


def _label_at(place: str, i: int, lone: bool) -> str:
    """ "_2[0,1]" from "_2[0,{}]" and 1; the index is left out where a lone one stands there."""
    if "{}" in place:
        return place.format(i)
    return place if lone else f"{place}[{i}]"


def run_layers(
    layers: Sequence[Sequence[Layer]], x: Array, states: Sequence[Array], first: int = 1
) -> tuple[Array, list[Array], Unrolling]:
    """Layers (of one or two directions each) over x, time first: T x B x features.

    states: h_0 (and c_0) of all layers and directions, (layers * directions) x B x hidden.
    first: the column of the first step.
    Returns the outputs T x B x (directions * hidden), the last states, and what happened.
    """
    steps, batch = x.shape[:2]
    kind = layers[0][0].kind
    done = Unrolling(kind, [layer.named for pair in layers for layer in pair], first=first)
    done.inputs = [_flat(x[t]) for t in range(steps)]
    last: list[list[_State]] = []
    by_layer: list[list[list[_Row]]] = []
    given = [[x[t, b].tolist() for b in range(batch)] for t in range(steps)]
    for n, directions in enumerate(layers):
        found: list[list[list[_State]]] = []
        for d, layer in enumerate(directions):
            start = [[s[n * len(directions) + d, b].tolist() for s in states] for b in range(batch)]
            within = ["cell", *([f"layer={n + 1}"] if len(layers) > 1 else [])]
            within += ["backward"] if d else []
            trace = _direction(layer, given, start, within, first, backward=d == 1)
            found.append(trace)
            last.append(trace[0] if d else trace[steps])
        by_layer.append([[_joined(found[0][t], s) for s in range(len(states))]
                         for t in range(steps + 1)])  # fmt: skip
        given = [
            [[h for d, trace in enumerate(found) for h in trace[t + (0 if d else 1)][b][0]]
             for b in range(batch)]
            for t in range(steps)
        ]  # fmt: skip
    done.states = [by_layer[-1][t][0] for t in range(steps + 1)]
    done.carries = [[row for layer in by_layer for row in layer[t]] for t in range(steps + 1)]
    width = len(given[0][0]) if steps else 0
    out = filled((steps, batch, width), (h for row in given for line in row for h in line))
    ends = [
        np.stack([filled((batch, len(end[0][s])), (v for b in end for v in b[s])) for end in last])
        for s in range(len(states))
    ]
    return out, ends, done


def _direction(
    layer: Layer,
    given: Sequence[Sequence[_Row]],
    start: list[_State],
    within: Sequence[str],
    first: int,
    backward: bool,
) -> list[list[_State]]:
    """The states at steps 0..T of each example. Backward, entry t is the state before step t+1
    seen from the end: entry T is the start and entry 0 the last."""
    steps, batch = len(given), len(start)
    trace = [start] * (steps + 1)
    for t in range(steps, 0, -1) if backward else range(1, steps + 1):
        before, after = (t, t - 1) if backward else (t - 1, t)
        with ExitStack() as stack:
            column = t + first - 1
            for name in (f"t={column}", *within):
                stack.enter_context(scope(name))
            new = []
            for b in range(batch):
                place = f"_{column}" if batch == 1 else f"_{column}[{b},{{}}]"
                new.append(layer.step(given[t - 1][b], trace[before][b], place))
        trace[after] = new
    return trace


def _joined(examples: Sequence[_State], part: int) -> _Row:
    """h (or c) of all examples in a row."""
    return [value for state in examples for value in state[part]]


def _flat(array: Iterable[Any]) -> list[Operand]:
    return list(np.asarray(array).ravel().tolist())
