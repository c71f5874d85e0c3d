"""hello, letter by letter: what a network without memory cannot learn, and an RNN can.

In h -> e, e -> l, l -> l, l -> o the letter l has two successors, so an MLP that sees one
letter stays at 2 ln 2 = 1.386. The RNN goes on to almost 0 and generates `ello` from h.
Then prefixes of different length: hel -> p, hell -> o, heliu -> m.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid import functional as F
from microgrid.text import Vocabulary
from viz import plots

from ._common import parser, pictures, plot, run, table

GALLERY = ("hello_training.svg", [])

WORD, LETTERS = "hello", Vocabulary("helo")
PREFIXES, PREFIX_LETTERS = {"hel": "p", "hell": "o", "heliu": "m"}, Vocabulary("heliumpo")
FLOOR = 2.0 * math.log(2.0)


def memoryless() -> tuple[nn.Module, Callable[[], Value]]:
    """An MLP from one letter to the next, and its loss over the word's four pairs."""
    model = nn.MLP(len(LETTERS), [4, len(LETTERS)], nonlinearity="tanh", seed=0)

    def loss() -> Value:
        return F.sum(
            [F.cross_entropy(model(LETTERS.one_hot(a)), LETTERS.index(b))
             for a, b in pairwise(WORD)]
        )  # fmt: skip

    return model, loss


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


def train(model: nn.Module, loss_of: Callable[[], Value], steps: int, lr: float) -> list[float]:
    """Plain SGD on the summed loss; the losses before each update and after the last."""
    optimizer = optim.SGD(model.parameters(), lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    with no_grad():
        return [*losses, loss_of().data]


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
    args = parser("hello", __doc__).parse_args(argv)
    mlp, mlp_loss = memoryless()
    mlp_losses = train(mlp, mlp_loss, 400, lr=0.5)
    rnn = recurrent()
    rnn_losses = train(rnn, lambda: unroll(rnn).loss, 400, lr=0.2)
    shown = (0, 1, 2, 5, 10, 50, 100, 200, 400)
    table(
        ["update", "MLP, one letter", "RNN"],
        [[n, f"{mlp_losses[n]:.4f}", f"{rnn_losses[n]:.4f}"] for n in shown],
        title="Loss over h -> e, e -> l, l -> l, l -> o",
    )
    print(f"floor without memory: 2 ln 2 = {FLOOR:.4f}; the MLP ends at {mlp_losses[-1]:.4f}")
    print(f"the RNN ends at {rnn_losses[-1]:.4f} and generates h -> {generate(rnn)}\n")

    prefixes = recurrent(4, PREFIX_LETTERS, seed=1)

    def total() -> Value:
        return F.sum([after(prefixes, prefix).loss for prefix in PREFIXES])

    before, *_, end = train(prefixes, total, 150, lr=0.3)
    rows = []
    for prefix in PREFIXES:
        y = after(prefixes, prefix).outputs[-1]
        p = F.softmax(y)[likeliest(y)]
        rows.append([prefix, PREFIX_LETTERS.items[likeliest(y)], f"{p:.4f}"])
    table(["prefix", "next", "probability"], rows, title="Prefixes of any length through one RNN")
    print(f"loss {before:.4f} -> {end:.4f}")
    print(f"An MLP for three letters, given hell: {refusal()}\n")

    curves = {"MLP, one letter": mlp_losses, "RNN": rnn_losses, "2 ln 2": [FLOOR] * len(rnn_losses)}
    made = plots.lines(curves, title="hello", x="update", y="summed cross entropy", log=True)
    plot(made, args, "hello_training.svg")
    drawn = unroll(recurrent())  # before training, when every gradient can be seen
    drawn.loss.backward()
    pictures(drawn, args, "hello", captions=[f"{a} → {b}" for a, b in pairwise(WORD)])


if __name__ == "__main__":
    run(main)
