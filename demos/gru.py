"""A GRU with its gates open to view, in both variants, and its gradient over ten words.

PyTorch's variant resets after the recurrent product, that of Cho et al. (2014) before it.
One cell of one unit is drawn; then the gradient that reaches each of ten words is set
beside that of a plain RNN of the same size.
"""

from microgrid import functional as F
from microgrid import nn
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table
from .lstm import HIDDEN, SEED, SIZE, WORDS, gates, norms, over_words

GALLERY = ("gru.svg", [])

KEEP = 2.0  # the update gates' bias: sigmoid(2) = 0.88 of the state is kept at each step


def gru_cell(reset_after: bool = True) -> nn.GRUCell:
    """A GRU that starts by keeping most of its state."""
    cell = nn.GRUCell(SIZE, HIDDEN, reset_after=reset_after, seed=SEED)
    for value in cell.bias[HIDDEN : 2 * HIDDEN]:
        value.data = KEEP
    return cell


def drawn() -> nn.Unrolled:
    """One unit over one step, with a loss."""
    model = nn.SequenceModel(nn.GRUCell(1, 1, seed=3))
    unrolled = model.unroll([0.5], [0.5], h0=0.4, loss=lambda h, y: F.mse_loss(h, [y]))
    unrolled.loss.backward()
    return unrolled


def main(argv: list[str] | None = None) -> None:
    args = parser("gru", __doc__).parse_args(argv)
    after, before = over_words(gru_cell()), over_words(gru_cell(reset_after=False))
    rnn = over_words(nn.RNNCell(SIZE, HIDDEN, seed=SEED))
    gru_norms, rnn_norms = norms(after.states[1:]), norms(rnn.states[1:])
    means = gates(after, "rzn")
    table(
        ["t", "word", "|dL/dh| GRU", "reset before", "RNN", "reset r", "update z"],
        [
            [t + 1, WORDS[t], f"{gru:.2e}", f"{other:.2e}", f"{plain:.2e}"]
            + [f"{means[g][t]:.3f}" for g in "rz"]
            for t, (gru, other, plain) in enumerate(
                zip(gru_norms, norms(before.states[1:]), rnn_norms)
            )
        ],
    )
    left, plain = gru_norms[0] / gru_norms[-1], rnn_norms[0] / rnn_norms[-1]
    print(f"first word / last word: GRU {left:.4f}, RNN {plain:.4f}\n")

    bars = plots.bars(
        {"GRU": gru_norms, "RNN": rnn_norms},
        WORDS,
        title="What of the last word's loss reaches each word, along h",
        y="length of the gradient",
        log=True,
    )
    plot(bars, args, "gru_highway.svg")
    names = {"r": "reset gate r", "z": "update gate z", "n": "candidate n"}
    shown = plots.heat(
        [means[letter] for letter in names],
        rows_named=list(names.values()),
        columns_named=WORDS,
        title="Gates over ten words, mean of 8 units",
        limit=1.0,
    )
    plot(shown, args, "gru_gates.svg")
    pictures(drawn(), args, "gru")


if __name__ == "__main__":
    run(main)
