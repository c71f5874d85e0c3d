"""Ways around the vanishing gradient: a cell state, residual connections, layer norm.

Five cells of the same size read the same 30 inputs and have one loss, at the end. How much of
its gradient is left at each earlier step? In the plain RNN it is multiplied by W_h and by f' at
every step back. Layer norm divides by the width of the sums, and so takes less away. A residual
connection, h_t = h_{t-1} + f(...), adds a way on which the factor is 1, as a forget gate near 1
does along the LSTM's c; what goes through f comes on top and may grow. Each new cell is a few
lines on top of RNNCell, as you would write your own.

Exercise: give `Residual` a gate, h_t = (1 - z) h_{t-1} + z f(...) with one trained z per unit.
Where between the plain RNN and the residual does its curve lie, for z = 0.9, 0.5, 0.1?
"""

import math
from collections.abc import Sequence

import numpy as np

from microgrid import Value, bptt, nn
from microgrid import functional as F
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table

STEPS, HIDDEN, SEED = 30, 8, 5
KEEP = 4.0  # bias of the LSTM's forget gates: sigmoid(4) = 0.98 of c is kept


class Normed(nn.RNNCell):
    """h_t = tanh(LN(W_x x_t + W_h h_{t-1})): the sums are normed before they are squashed."""

    def __init__(self, input_size: int, hidden_size: int, seed: int) -> None:
        super().__init__(input_size, hidden_size, bias=False, seed=seed)
        self.norm = nn.LayerNorm(hidden_size)

    def __call__(self, x: Sequence[Value], state: Sequence[Value]) -> list[Value]:
        rows = [wx + wh for wx, wh in zip(self.weight_ih, self.weight_hh)]
        sums = self.norm(F.linear([*x, *state], rows), "z")
        return nn.parameters.named([z.tanh() for z in sums], "h")


class Residual(nn.RNNCell):
    """h_t = h_{t-1} + tanh(W_x x_t + W_h h_{t-1} + b)."""

    def __call__(self, x: Sequence[Value], state: Sequence[Value]) -> list[Value]:
        changes = super().__call__(x, state)
        return nn.parameters.named([F.sum([h, c]) for h, c in zip(state, changes)], "r")


class NormedResidual(Residual):
    """h_t = h_{t-1} + tanh(W_x x_t + W_h LN(h_{t-1}) + b): the norm stands before the change."""

    def __init__(self, input_size: int, hidden_size: int, seed: int) -> None:
        super().__init__(input_size, hidden_size, seed=seed)
        self.norm = nn.LayerNorm(hidden_size)

    def __call__(self, x: Sequence[Value], state: Sequence[Value]) -> list[Value]:
        changes = nn.RNNCell.__call__(self, x, self.norm(state))
        return nn.parameters.named([F.sum([h, c]) for h, c in zip(state, changes)], "r")


def lstm(input_size: int, hidden_size: int, seed: int) -> nn.LSTMCell:
    """An LSTM whose forget gates start open."""
    cell = nn.LSTMCell(input_size, hidden_size, seed=seed)
    nn.init.constant_(cell.bias[hidden_size : 2 * hidden_size], KEEP)
    return cell


CELLS = {
    "RNN": nn.RNNCell,
    "RNN, layer norm": Normed,
    "residual": Residual,
    "residual, layer norm": NormedResidual,
    "LSTM, along c": lstm,
}


def inputs(steps: int = STEPS) -> list[list[float]]:
    """The numbers that every cell reads."""
    return np.random.default_rng(SEED).normal(size=(steps, 2)).tolist()


def read(name: str, steps: int = STEPS, hidden: int = HIDDEN) -> nn.Unrolled:
    """The cell of that name over the numbers, swept; the loss is half the squared end state."""
    model = nn.SequenceModel(CELLS[name](2, hidden, seed=SEED))
    made = model.unroll(inputs(steps), loss=lambda h, _: 0.5 * F.dot(h, h), at="last")
    made.loss.backward()
    return made


def sizes(unrolled: nn.Unrolled) -> list[float]:
    """|dL/dh_t| for t = 1 .. T, or |dL/dc_t| of an LSTM."""
    pairs = isinstance(unrolled.model.cell, nn.LSTMCell)
    rows = [carry[1] if pairs else carry for carry in unrolled.carries[1:]]
    return [math.hypot(*[value.grad or 0.0 for value in row]) for row in rows]


def main(argv: list[str] | None = None) -> None:
    args = parser("highways", __doc__).parse_args(argv)
    runs = {name: read(name) for name in CELLS}
    found = {name: sizes(unrolled) for name, unrolled in runs.items()}
    shown = [STEPS, 25, 20, 15, 10, 5, 1]
    table(
        ["t", *found],
        [[t, *(f"{row[t - 1] / row[-1]:.2e}" for row in found.values())] for t in shown]
        + [["per step", *(f"{(r[0] / r[-1]) ** (1 / (STEPS - 1)):.3f}" for r in found.values())]],
        title=f"What is left of the gradient at t = {STEPS}, going back",
    )
    for name in ("RNN", "residual"):
        print(f"{name}: {bptt.flow(runs[name])}")
    print()
    curves = {name: [size / row[-1] for size in row] for name, row in found.items()}
    made = plots.lines(
        curves, xs=range(1, STEPS + 1), title="Ways around the vanishing gradient", x="t", log=True,
        y="share of the last step's gradient",
    )  # fmt: skip
    plot(made, args, "highways.svg")
    pictures(read("residual", steps=3, hidden=1), args, "highways_residual")


if __name__ == "__main__":
    run(main)
