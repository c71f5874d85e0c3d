"""Many to one: a sentence in, one number between 0 and 1 out.

First the three sentences of the lecture, over the words cat, mat, rat, by gradient descent
on the mean loss. Then a small set of reviews of our own, where `not` turns the word after
it around, so that a bag of words cannot do it; sentences held out are judged too.
"""

import numpy as np

from microgrid import Value, nn, no_grad, optim
from microgrid import functional as F
from microgrid.text import Vocabulary, words
from viz import plots

from ._common import parser, pictures, plot, run, table

GALLERY = ("sentiment.svg", [])

TOY = [("cat mat rat", 1), ("rat rat mat", 1), ("mat mat cat", 0)]
TOY_WORDS = Vocabulary(["cat", "mat", "rat"])
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


def judge(model: nn.SequenceModel, vocabulary: Vocabulary, text: str, label: int) -> nn.Unrolled:
    """The model over the words of a text; the loss is the binary cross entropy at the end."""
    given = vocabulary.encode(words(text))
    if model.embedding is None:
        given = [F.one_hot(i, len(vocabulary)) for i in given]
    return model.unroll(given, [label], loss="binary_cross_entropy", topology="many-to-one")


def train_toy(epochs: int = 300, eta: float = 0.5) -> tuple[nn.SequenceModel, list[list[float]]]:
    """(model, [mean loss, y_hat of each sentence] before each epoch and after the last)."""
    model = toy_model()
    optimizer = optim.SGD(model.parameters(), eta)
    log = []
    for _ in range(epochs + 1):
        optimizer.zero_grad()
        runs = [judge(model, TOY_WORDS, text, label) for text, label in TOY]
        loss = F.mean([unrolled.loss for unrolled in runs])
        log.append([loss.data, *[unrolled.outputs[-1][0].data for unrolled in runs]])
        if len(log) <= epochs:
            loss.backward()
            optimizer.step()
    return model, log


def train_reviews(epochs: int = 20) -> tuple[nn.SequenceModel, Vocabulary, list[float]]:
    """(model, vocabulary, mean loss per epoch): an update after every sentence, by Adam."""
    known, held_out = reviews()
    vocabulary = Vocabulary.of(words(text) for text, _ in known + held_out)
    rng = np.random.default_rng(1)
    model = nn.SequenceModel(
        nn.RNNCell(4, 6, seed=rng),
        nn.Linear(6, 1, nonlinearity="sigmoid", seed=rng),
        nn.Embedding(len(vocabulary), 4, vocab=vocabulary.items, seed=rng),
    )
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(epochs):
        losses.append(0.0)
        for i in rng.permutation(len(known)):
            optimizer.zero_grad()
            loss = judge(model, vocabulary, *known[i]).loss
            loss.backward()
            optim.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses[-1] += loss.data / len(known)
    return model, vocabulary, losses


def running(model: nn.SequenceModel, vocabulary: Vocabulary, text: str) -> list[float]:
    """The output after each word, as it would be if the sentence ended there."""
    with no_grad():
        return [y[0].data for y in judge(model, vocabulary, text, 0).outputs]


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
    args = parser("sentiment", __doc__).parse_args(argv)
    _, log = train_toy()
    rows = [[n, *[f"{x:.4f}" for x in log[n]]] for n in (0, 1, 10, 100, 300)]
    headers = ["epoch", "mean loss", *[f"{text} = {label}" for text, label in TOY]]
    table(headers, rows, title="The lecture's three sentences: y_hat")

    model, vocabulary, losses = train_reviews()
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
