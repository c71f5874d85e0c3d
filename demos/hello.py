"""hello, letter by letter: what a network without memory cannot learn, and an RNN can.

The example of Grady Kurpasi's slides "Recurrent Neural Networks"
(https://github.com/GradyKurpasi/RNN-Tutorial). In h -> e, e -> l, l -> l, l -> o the letter l has
two successors, so an MLP that sees one letter stays at 2 ln 2 = 1.386. The RNN goes on to almost
0 and generates `ello` from h. Then prefixes of different length: hel -> p, hell -> o, heliu -> m.
Each of the three losses is one graph, replayed from a tape; --eager records it anew each time.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid import functional as F
from microgrid.train import Step, Training, Vocabulary
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

GALLERY = ("hello_training.svg", [])

WORD, LETTERS = "hello", Vocabulary("helo")
PREFIXES, PREFIX_LETTERS = {"hel": "p", "hell": "o", "heliu": "m"}, Vocabulary("heliumpo")
FLOOR = 2.0 * math.log(2.0)

LossOf = Callable[[Any], Value]


def memoryless(hidden: int = 4) -> nn.MLP:
    """An MLP from one letter to the next."""
    return nn.MLP(len(LETTERS), [hidden, len(LETTERS)], nonlinearity="tanh", seed=0)


def pairs_loss(model: nn.Module) -> Value:
    """The MLP's loss, summed over the word's four pairs."""
    return F.sum(
        [F.cross_entropy(model(LETTERS.one_hot(a)), LETTERS.index(b)) for a, b in pairwise(WORD)]
    )


def recurrent(hidden: int = 4, letters: Vocabulary = LETTERS, seed: int = 0) -> nn.SequenceModel:
    """One-hot letters in, logits of the next letter out."""
    rng = np.random.default_rng(seed)
    cell = nn.RNNCell(len(letters), hidden, seed=rng)
    return nn.SequenceModel(cell, nn.Linear(hidden, len(letters), seed=rng))


def unroll(model: nn.SequenceModel) -> nn.Unrolled:
    """The RNN over h, e, l, l with the targets e, l, l, o; losses are summed."""
    return model.unroll([LETTERS.one_hot(c) for c in WORD[:-1]], LETTERS.encode(WORD[1:]))


def after(model: nn.SequenceModel, prefix: str) -> nn.Unrolled:
    """The RNN over a prefix of any length, with the loss at its end."""
    letters = [PREFIX_LETTERS.one_hot(c) for c in prefix]
    return model.unroll(letters, [PREFIX_LETTERS.index(PREFIXES[prefix])], topology="many-to-one")


def word_loss(model: nn.SequenceModel) -> Value:
    """The RNN's loss over the same four pairs, in a row."""
    return unroll(model).loss


def prefixes_loss(model: nn.SequenceModel) -> Value:
    """The RNN's loss, summed over the prefixes."""
    return F.sum([after(model, prefix).loss for prefix in PREFIXES])


def train(
    model: nn.Module, loss_of: LossOf, updates: int, lr: float, eager: bool = False
) -> tuple[Run, list[float]]:
    """Plain SGD on a loss; the run, and the losses before each update and after the last."""

    def make(eager: bool) -> tuple[Training, Step]:
        learner = deepcopy(model)
        step = steps(eager)(learner, lambda: (loss_of(learner), []))
        return Training(learner, optim.SGD(step.parameters(), lr)), step

    made = Run(make, eager)
    losses = made.to(updates)
    with no_grad():
        return made, [*losses, loss_of(made.training.model).data]


def generate(model: nn.SequenceModel, first: str = "h", length: int = 4) -> str:
    """The letters that follow `first`, each the likeliest one and fed back as the next input."""
    with no_grad():
        start = [LETTERS.one_hot(first)] + [None] * (length - 1)
        outputs = model.unroll(start, topology="generation").outputs
    return LETTERS.decode(likeliest(y) for y in outputs)


def likeliest(output: list[Value]) -> int:
    """The index of the largest entry."""
    return output.index(max(output))


def refusal() -> str:
    """What an MLP made for three letters says to four."""
    three = nn.MLP(3 * len(LETTERS), [4, len(LETTERS)], seed=0)
    try:
        three([x for letter in "hell" for x in LETTERS.one_hot(letter)])
    except ValueError as error:
        return str(error)
    raise AssertionError("an MLP of fixed width took another width")


def main(argv: list[str] | None = None) -> None:
    options = parser("hello", __doc__)
    eager_option(options)
    args = options.parse_args(argv)
    mlp_run, mlp_losses = train(memoryless(), pairs_loss, 400, 0.5, args.eager)
    rnn_run, rnn_losses = train(recurrent(), word_loss, 400, 0.2, args.eager)
    shown = (0, 1, 2, 5, 10, 50, 100, 200, 400)
    table(
        ["update", "MLP, one letter", "RNN"],
        [[n, f"{mlp_losses[n]:.4f}", f"{rnn_losses[n]:.4f}"] for n in shown],
        title="Loss over h -> e, e -> l, l -> l, l -> o",
    )
    generated = generate(rnn_run.training.model)
    print(f"floor without memory: 2 ln 2 = {FLOOR:.4f}; the MLP ends at {mlp_losses[-1]:.4f}")
    print(f"the RNN ends at {rnn_losses[-1]:.4f} and generates h -> {generated}\n")

    start = recurrent(4, PREFIX_LETTERS, seed=1)
    prefixes_run, (before, *_, end) = train(start, prefixes_loss, 150, 0.3, args.eager)
    rows = []
    for prefix in PREFIXES:
        y = after(prefixes_run.training.model, prefix).outputs[-1]
        p = F.softmax(y)[likeliest(y)]
        rows.append([prefix, PREFIX_LETTERS.items[likeliest(y)], f"{p:.4f}"])
    table(["prefix", "next", "probability"], rows, title="Prefixes of any length through one RNN")
    print(f"loss {before:.4f} -> {end:.4f}")
    print(f"An MLP for three letters, given hell: {refusal()}\n")
    print(f"{speeds(mlp_run, rnn_run, prefixes_run)}\n")

    curves = {"MLP, one letter": mlp_losses, "RNN": rnn_losses, "2 ln 2": [FLOOR] * len(rnn_losses)}
    made = plots.lines(curves, title="hello", x="update", y="summed cross entropy", log=True)
    plot(made, args, "hello_training.svg")
    drawn = unroll(recurrent())  # before training, when every gradient can be seen
    drawn.loss.backward()
    pictures(drawn, args, "hello", captions=[f"{a} → {b}" for a, b in pairwise(WORD)])


if __name__ == "__main__":
    run(main)
