"""Sequence to sequence with attention: a network learns to write a word backwards.

An encoder reads the letters, a decoder writes as many. Without attention all it knows of the word
is the encoder's last state. With attention it asks, for every letter that it writes, all the
encoder's states: scores h . W_a m_j, shares by softmax (Luong, Pham and Manning, 2015), and the
letters read are mixed by them; the states say where, the letters what. The heat map of the shares
shows what was learnt: the word, read from its end. Words of one length are one graph, replayed
from a tape; --eager records each anew.

Exercise: have it write the word forwards (--copy). Which of the two networks finds that easier
than backwards, and why? Look at the heat map and at how far a gradient has to go.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from microgrid import Value, nn, no_grad, optim, scope
from microgrid import functional as F
from microgrid.train import Step, Training, Vocabulary
from viz.plots import charts as plots

from ._common import at_least_one, parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

GALLERY = ("seq2seq_attention.svg", [])

LETTERS = Vocabulary("abcdef")
LENGTHS, WORDS, HELD_OUT = (5, 6, 7), 2000, 40
Rows = Sequence[Sequence[Value | float]]


class Seq2Seq(nn.Module):
    """GRU encoder, GRU decoder, and between them attention or the last state alone."""

    def __init__(self, hidden: int, attends: bool, seed: int = 0) -> None:
        rng, letters = np.random.default_rng(seed), len(LETTERS)
        self.attends = attends
        self.encoder = nn.GRUCell(letters, hidden, seed=rng)
        self.decoder = nn.GRUCell(letters, hidden, seed=rng)
        if attends:
            self.score = nn.Linear(hidden, hidden, bias=False, seed=rng, label="W_a")
        known = hidden + letters if attends else hidden
        self.combine = nn.Linear(
            known, hidden, nonlinearity="tanh", seed=rng, label="W_c", bias_label="b_c"
        )
        self.readout = nn.Linear(hidden, letters, seed=rng, label="W_y", bias_label="b_y")
        self.shares: list[list[Value]] = []  # of the latest run: a row per letter written

    def read(self, word: Rows) -> list[list[Value]]:
        """The encoder's states m_1 .. m_n."""
        h, states = self.encoder.initial_state(), []
        for t, letter in enumerate(word, start=1):
            with scope(f"t={t}"), scope("encoder"):
                h = self.encoder(letter, h)
            states.append(h)
        return states

    def write(
        self, letter: Sequence[Value | float], h: list[Value], word: Rows, states: Rows
    ) -> tuple[list[Value], list[Value]]:
        """(logits of the next letter, the decoder's state) after the last letter written."""
        with scope("decoder"):
            h = self.decoder(letter, h)
        known = list(h)
        if self.attends:
            with scope("attention"):
                (shares,) = F.attention_weights([self.score(h, "q")], states, scale=1.0)
                self.shares.append(shares)
                known = F.linear(shares, list(zip(*word))) + known
        with scope("readout"):
            return self.readout(self.combine(known, "k")), h

    def loss(self, word: Rows, target: Rows) -> Value:
        """The mean cross entropy, each letter written after the right one before it."""
        states = self.read(word)
        h, before, losses = states[-1], [0.0] * len(LETTERS), []
        self.shares = []
        for t, wanted in enumerate(target, start=len(word) + 1):
            with scope(f"t={t}"):
                logits, h = self.write(before, h, word, states)
                losses.append(F.logsumexp(logits) - F.dot(wanted, logits))
                before = wanted
        return F.mean(losses)

    def answer(self, word: str) -> str:
        """What it writes by itself, the likeliest letter each time."""
        self.shares, written, before = [], "", [0.0] * len(LETTERS)
        with no_grad():
            letters = one_hot(word)
            states = self.read(letters)
            h = states[-1]
            for _ in word:
                logits, h = self.write(before, h, letters, states)
                letter = LETTERS.items[logits.index(max(logits))]
                written, before = written + letter, LETTERS.one_hot(letter)
        return written


def one_hot(word: str) -> list[list[float]]:
    """A row per letter."""
    return [LETTERS.one_hot(letter) for letter in word]


def words(seed: int = 0) -> tuple[list[str], list[str]]:
    """(words to learn from, words held out): letters at random, no word twice."""
    rng, found = np.random.default_rng(seed), {}
    while len(found) < WORDS + HELD_OUT:
        length = rng.choice(LENGTHS)
        found["".join(LETTERS.items[i] for i in rng.integers(len(LETTERS), size=length))] = None
    made = list(found)
    return made[HELD_OUT:], made[:HELD_OUT]


def train(args: argparse.Namespace, attends: bool) -> Run:
    """Adam, one word after the other."""
    order = -1 if not args.copy else 1
    examples = [(one_hot(word), one_hot(word[::order])) for word in words()[0]]

    def make(eager: bool) -> tuple[Training, Step]:
        model = Seq2Seq(args.hidden, attends, args.seed)
        step = steps(eager)(model, lambda xs, ys: (model.loss(xs, ys), []), examples)
        adam = optim.Adam(step.parameters(), 0.02)
        falling = optim.LambdaLR(adam, lambda n: 1.0 - n / args.updates)
        return Training(model, adam, falling, max_norm=1.0), step

    made = Run(make, args.eager)
    made.to(args.updates)
    return made


def right(model: Seq2Seq, backwards: bool) -> float:
    """The share of the words held out that it writes without a mistake."""
    held_out = words()[1]
    return sum(model.answer(w) == (w[::-1] if backwards else w) for w in held_out) / len(held_out)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("seq2seq", __doc__)
    made.add_argument("--updates", type=int, default=2000, help="words to learn (default: 2000)")
    made.add_argument("--hidden", type=int, default=8, help="units (default: 8)")
    made.add_argument("--seed", type=int, default=0, help="(default: 0)")
    made.add_argument("--word", default="fadec", help="whose shares are shown (default: fadec)")
    made.add_argument("--copy", action="store_true", help="write the word forwards")
    eager_option(made)
    args = made.parse_args(argv)
    at_least_one(made, args, "updates", "hidden")
    if not LETTERS.encode(args.word):
        made.error("argument --word: expected at least one letter, got none")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    runs = {"with attention": train(args, True), "last state only": train(args, False)}
    curves = {}
    for name, made in runs.items():
        losses = made.training.losses
        curves[name] = [float(np.mean(losses[max(0, i - 49) : i + 1])) for i in range(len(losses))]
    shown = sorted({round(i * (args.updates - 1) / 6) for i in range(7)})
    table(["update", *runs], [[i + 1, *(f"{c[i]:.4f}" for c in curves.values())] for i in shown],
          title="Loss per letter, mean of 50 words")  # fmt: skip
    for name, made in runs.items():
        model = made.training.model
        print(f"{name}: {right(model, not args.copy):.0%} of {HELD_OUT} words held out are right; "
              f"{args.word} -> {model.answer(args.word)}")  # fmt: skip
    print(f"\n{speeds(*runs.values())}\n")
    plot(
        plots.lines(curves, title="Writing a word backwards", x="update", y="loss per letter"),
        args, "seq2seq_training.svg",
    )  # fmt: skip
    model = runs["with attention"].training.model
    answer = model.answer(args.word)
    heat = plots.heat(
        [[share.data for share in row] for row in model.shares],
        rows_named=[f"{i} writes {c}" for i, c in enumerate(answer, start=1)],
        columns_named=[f"{i} {c}" for i, c in enumerate(args.word, start=1)],
        title="Where the decoder looks: a row per letter that it writes", limit=1.0,
    )  # fmt: skip
    plot(heat, args, "seq2seq_attention.svg")
    small = Seq2Seq(2, True, args.seed)
    loss = small.loss(one_hot("ad"), one_hot("da"))
    loss.label = "L"
    loss.backward()
    captions = ["reads a", "reads d", "writes d", "writes a"]
    pictures(loss, args, "seq2seq", captions=captions)


if __name__ == "__main__":
    run(main)
