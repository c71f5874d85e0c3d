"""An LSTM with its gates open to view, and its gradient highway beside the RNN's fading one.

One cell of one unit is drawn over two words: on the edge from c_{t-1} to c_t the local
derivative is the forget gate. Then ten words: how much of the last word's loss reaches each
earlier word along c in an LSTM, and along h in a plain RNN of the same size.
"""

import math

import numpy as np

from microgrid import functional as F
from microgrid import nn
from microgrid.graph import creation_order
from microgrid.train import Vocabulary
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table

GALLERY = ("lstm.svg", [])

WORDS = ["The", "bird", "that", "I", "really", "really", "really", "liked", "was", "flying"]
VOCABULARY = Vocabulary(dict.fromkeys(WORDS))
SIZE, HIDDEN, SEED = 4, 8, 7
KEEP = 3.0  # the forget gates' bias: sigmoid(3) = 0.95 of the cell is kept at each step


def over_words(cell: nn.RecurrentCell) -> nn.Unrolled:
    """The cell over the ten words, with the loss at the last one."""
    table = nn.Embedding(len(VOCABULARY), SIZE, vocab=VOCABULARY.items, seed=SEED)
    readout = nn.Linear(HIDDEN, 2, seed=SEED)
    model = nn.SequenceModel(cell, readout, table)
    unrolled = model.unroll(VOCABULARY.encode(WORDS), [1], topology="many-to-one")
    unrolled.loss.backward()
    return unrolled


def lstm_cell() -> nn.LSTMCell:
    """An LSTM that starts by keeping what it has, as is usual (Jozefowicz et al. 2015)."""
    cell = nn.LSTMCell(SIZE, HIDDEN, seed=SEED)
    for value in cell.bias[HIDDEN : 2 * HIDDEN]:
        value.data = KEEP
    return cell


def norms(vectors: list[list]) -> list[float]:
    """The length of the gradient on each vector of Values."""
    return [math.hypot(*[value.grad or 0.0 for value in vector]) for vector in vectors]


def gates(unrolled: nn.Unrolled, letters: str) -> dict[str, list[float]]:
    """The mean of each gate at each step: {"f": [0.95, ...], ...}."""
    found: dict[str, list[list[float]]] = {letter: [[] for _ in WORDS] for letter in letters}
    for node in creation_order(unrolled.loss):
        letter, _, place = node.label.partition("_")
        if letter in found and node.op is not None:
            found[letter][int(place.partition("[")[0]) - 1].append(node.data)
    return {letter: [float(np.mean(xs)) for xs in steps] for letter, steps in found.items()}


def drawn() -> nn.Unrolled:
    """One unit over two steps, with a loss at the end."""
    model = nn.SequenceModel(nn.LSTMCell(1, 1, seed=3))
    unrolled = model.unroll(
        [0.5, -1.0], [0.5], loss=lambda h, y: F.mse_loss(h, [y]), topology="many-to-one"
    )
    unrolled.loss.backward()
    return unrolled


def main(argv: list[str] | None = None) -> None:
    args = parser("lstm", __doc__).parse_args(argv)
    lstm, rnn = over_words(lstm_cell()), over_words(nn.RNNCell(SIZE, HIDDEN, seed=SEED))
    along_c = norms([c for _, c in lstm.carries[1:]])
    along_h = norms(rnn.states[1:])
    means = gates(lstm, "ifgo")
    table(
        ["t", "word", "|dL/dc| LSTM", "|dL/dh| RNN", "input", "forget", "output"],
        [
            [t + 1, word, f"{c:.2e}", f"{h:.2e}"] + [f"{means[g][t]:.3f}" for g in "ifo"]
            for t, (word, c, h) in enumerate(zip(WORDS, along_c, along_h))
        ],
    )
    print("a gate is between 0 and 1; forget gate: 0 = forget, 1 = retain")
    left, plain = along_c[0] / along_c[-1], along_h[0] / along_h[-1]
    print(f"first word / last word: LSTM {left:.4f}, RNN {plain:.4f}\n")

    bars = plots.bars(
        {"LSTM, along c": along_c, "RNN, along h": along_h},
        WORDS,
        title="What of the last word's loss reaches each word",
        y="length of the gradient",
        log=True,
    )
    plot(bars, args, "lstm_highway.svg")
    names = {"i": "input gate i", "f": "forget gate f", "g": "candidate g", "o": "output gate o"}
    shown = plots.heat(
        [means[letter] for letter in names],
        rows_named=list(names.values()),
        columns_named=WORDS,
        title="Gates over ten words, mean of 8 units (forget gate: 0 = forget, 1 = retain)",
        limit=1.0,
    )
    plot(shown, args, "lstm_gates.svg")
    pictures(drawn(), args, "lstm")
    pictures(lstm, args, "lstm_words", captions=WORDS)


if __name__ == "__main__":
    run(main)
