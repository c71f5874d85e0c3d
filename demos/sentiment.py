"""Many to one: a sentence in, one number between 0 and 1 out.

First the three sentences of the lecture, over the words cat, mat, rat, by gradient descent
on the mean loss. Then a small set of reviews of our own, where `not` turns the word after
it around, so that a bag of words cannot do it; sentences held out are judged too.
A tape is replayed for all sentences of a length; --eager records each anew.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid import functional as F
from microgrid.train import Step, Training, Vocabulary, words
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

GALLERY = ("sentiment.svg", [])

TOY = [("cat mat rat", 1), ("rat rat mat", 1), ("mat mat cat", 0)]
TOY_WORDS = Vocabulary(["cat", "mat", "rat"])
SHOWN = (0, 1, 10, 100, 300)
TOY_WEIGHTS = {  # columns are the words, rows the hidden units
    "cell.weight_ih": [[-0.629, 0.361, 0.881], [0.114, -0.656, -0.752], [0.255, 0.531, -0.568]],
    "cell.weight_hh": [[-0.751, -0.362, 0.325], [0.223, -0.701, -0.801], [0.836, -0.336, 0.746]],
    "readout.weight": [[0.238, -0.47, 0.048]],
}

GOOD, BAD = ("good", "great", "lovely", "funny"), ("bad", "poor", "boring", "sad")
THINGS = ("film", "story", "cast")


def reviews() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """(sentences to learn from, sentences held out): "the story was not boring" is 1."""
    made = [
        (f"the {thing} was {turn}{word}", int((word in GOOD) != bool(turn)))
        for thing in THINGS
        for turn in ("", "not ")
        for word in (*GOOD, *BAD)
    ]
    made += [
        (f"{first} and not {second}", int(first in GOOD))
        for first, second in [*zip(GOOD, BAD), *zip(BAD, GOOD)]
    ]
    order = np.random.default_rng(0).permutation(len(made))
    shuffled = [made[i] for i in order]
    return shuffled[12:], shuffled[:12]


def toy_model() -> nn.SequenceModel:
    """tanh state of three units, sigmoid output, no bias: the lecture's network."""
    cell = nn.RNNCell(3, 3, bias=False)
    model = nn.SequenceModel(cell, nn.Linear(3, 1, bias=False, nonlinearity="sigmoid"))
    model.load_state_dict(TOY_WEIGHTS)
    return model


def judge(model: nn.SequenceModel, given: list[Any], label: Any) -> nn.Unrolled:
    """The model over the words of a text; the loss is the binary cross entropy at the end.

    given: a vector for each word, one-hot over the vocabulary, or its index.
    """
    if model.embedding is not None:
        given = [x if isinstance(x, int) else model.embedding.mixed(x) for x in given]
    return model.unroll(given, [label], loss="binary_cross_entropy", topology="many-to-one")


def one_hot(vocabulary: Vocabulary, text: str) -> list[list[float]]:
    """The words of a text as vectors."""
    return [vocabulary.one_hot(word) for word in words(text)]


EXAMPLE = tuple(one_hot(TOY_WORDS, text) for text, _ in TOY)


def train_toy(eager: bool = False, eta: float = 0.5) -> tuple[Run, dict[int, list[float]]]:
    """(run, epoch -> [mean loss, y_hat of each sentence] before some epochs, after the last)."""

    def make(eager: bool) -> tuple[Training, Step]:
        model = toy_model()

        def loss_of(*sentences: list) -> tuple[Value, list[Value]]:
            runs = [judge(model, given, label) for given, (_, label) in zip(sentences, TOY)]
            losses = [unrolled.loss for unrolled in runs]
            return F.mean(losses), [unrolled.outputs[-1][0] for unrolled in runs]

        step = steps(eager)(model, loss_of, [EXAMPLE])
        return Training(model, optim.SGD(step.parameters(), eta)), step

    made, log = Run(make, eager), {}
    for epoch in SHOWN:
        made.to(epoch)
        log[epoch] = made.step.look(*EXAMPLE)
    return made, log


def shuffled(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Indices in an order of their own for every epoch, without end."""
    while True:
        yield from rng.permutation(count)


def train_reviews(epochs: int = 20, eager: bool = False) -> tuple[Run, Vocabulary, list[float]]:
    """(run, vocabulary, mean loss per epoch): an update after every sentence, by Adam."""
    known, held_out = reviews()
    vocabulary = Vocabulary.of(words(text) for text, _ in known + held_out)

    def make(eager: bool) -> tuple[Training, Step]:
        rng = np.random.default_rng(1)
        model = nn.SequenceModel(
            nn.RNNCell(4, 6, seed=rng),
            nn.Linear(6, 1, nonlinearity="sigmoid", seed=rng),
            nn.Embedding(len(vocabulary), 4, vocab=vocabulary.items, seed=rng),
        )

        def loss_of(given: list, label: Value | float) -> tuple[Value, list[Value]]:
            unrolled = judge(model, given, label)
            return unrolled.loss, unrolled.outputs[-1]

        # A tape takes numbers: a word's index would be part of its graph.
        examples = [
            (vocabulary.encode(words(text)) if eager else one_hot(vocabulary, text), label)
            for text, label in known
        ]
        step = steps(eager)(model, loss_of, examples, shuffled(len(known), rng))
        optimizer = optim.Adam(step.parameters(), lr=0.02)
        return Training(model, optimizer, max_norm=1.0), step

    made = Run(make, eager)
    losses = made.to(epochs * len(known))
    return made, vocabulary, np.reshape(losses, (epochs, -1)).mean(axis=1).tolist()


def running(model: nn.SequenceModel, vocabulary: Vocabulary, text: str) -> list[float]:
    """The output after each word, as it would be if the sentence ended there."""
    with no_grad():
        return [y[0].data for y in judge(model, vocabulary.encode(words(text)), 0).outputs]


def drawn() -> nn.Unrolled:
    """The lecture's scalar network on the first sentence: w_i, w_h and w_o."""
    model = nn.SequenceModel(
        nn.RNNCell(1, 1, bias=False),
        nn.Linear(1, 1, bias=False, nonlinearity="sigmoid"),
    )
    weights = {"cell.weight_ih": [[0.768]], "cell.weight_hh": [[0.692]], "readout.weight": [[0.42]]}
    model.load_state_dict(weights)
    numbers = [
        Value(x, f"x[{word}]") for word, x in zip(words(TOY[0][0]), (-0.397, -1.199, -0.609))
    ]
    unrolled = model.unroll(numbers, [1], loss="binary_cross_entropy", topology="many-to-one")
    unrolled.loss.backward()
    return unrolled


def main(argv: list[str] | None = None) -> None:
    options = parser("sentiment", __doc__)
    eager_option(options)
    args = options.parse_args(argv)
    toy, log = train_toy(args.eager)
    rows = [[n, *[f"{x:.4f}" for x in row]] for n, row in log.items()]
    headers = ["epoch", "mean loss", *[f"{text} = {label}" for text, label in TOY]]
    table(headers, rows, title="The lecture's three sentences: y_hat")

    trained, vocabulary, losses = train_reviews(eager=args.eager)
    model = trained.training.model
    known, held_out = reviews()
    right = {
        name: sum((running(model, vocabulary, text)[-1] > 0.5) == label for text, label in part)
        for name, part in (("learnt", known), ("held out", held_out))
    }
    print(f"Reviews: loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} epochs")
    print(f"right: {right['learnt']} of {len(known)} learnt, "
          f"{right['held out']} of {len(held_out)} held out\n")  # fmt: skip
    rows = []
    for text, label in held_out[:6]:
        steps = running(model, vocabulary, text)
        rows.append([text, label, f"{steps[-1]:.3f}", " ".join(f"{y:.2f}" for y in steps)])
    table(["held out", "label", "y_hat", "after each word"], rows)
    print(f"{speeds(toy, trained)}\n")

    texts = ["the film was good", "the film was not good", "the film was not boring"]
    sheets = [
        plots.heat(
            [[2.0 * y - 1.0 for y in running(model, vocabulary, text)]],
            rows_named=["2 ŷ − 1"],
            columns_named=text.split(),
            title=text,
            limit=1.0,
        )
        for text in texts
    ]
    plot(plots.beside(sheets, columns=1), args, "sentiment_words.svg")
    captions = words(TOY[0][0])
    pictures(drawn(), args, "sentiment", captions=captions)


if __name__ == "__main__":
    run(main)
