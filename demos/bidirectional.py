"""Reading from both ends: what a word means may be said only after it.

"he said teddy roosevelt was president", "he said teddy bears are on sale": is teddy a person?
Up to there both sentences are the same, so a network that reads from left to right cannot do
better than an even guess, a loss of ln 2, however long it learns. One that reads from both ends
can. The table shows how much of the loss at teddy reaches each word: on the left alone nothing
comes from what follows. Both sentences are one graph, replayed from a tape.

Exercise: put the word that decides in front ("the president, teddy ..."), and predict what each
of the two networks does before you run it.
"""

import math
from copy import deepcopy

import numpy as np

from microgrid import Value, nn, no_grad, optim, scope
from microgrid import functional as F
from microgrid.train import Step, Training, Vocabulary
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table
from ._speeds import Run, eager_option, speeds, steps

GALLERY = ("bidirectional_training.svg", [])

SENTENCES = {"he said teddy roosevelt was president": 1.0, "he said teddy bears are on sale": 0.0}
ASKED = 2  # the place of the word that is judged
WORDS = Vocabulary(dict.fromkeys(word for s in SENTENCES for word in s.split()))
HIDDEN, FLOOR = 4, math.log(2.0)


class Tagger(nn.Module):
    """A logit for the word asked about, from a network that reads one way or both."""

    def __init__(self, both: bool, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.table = nn.Embedding(len(WORDS), 3, vocab=WORDS.items, seed=rng)
        if both:
            cells = [nn.RNNCell(3, HIDDEN, seed=rng) for _ in "→←"]
            self.reader = nn.Bidirectional(*cells)
        else:
            self.reader = nn.RNN(3, HIDDEN, seed=rng)
        known = 2 * HIDDEN if both else HIDDEN
        self.readout = nn.Linear(known, 1, seed=rng, label="W_y", bias_label="b_y")

    def __call__(self, sentence: str) -> Value:
        outputs, _ = self.reader([self.table(WORDS.index(word)) for word in sentence.split()])
        with scope(f"t={ASKED + 1}"):
            return self.readout(outputs[ASKED])[0]


def loss_of(tagger: Tagger, sentences: dict[str, float] = SENTENCES) -> Value:
    """The mean cross entropy over the sentences."""
    return F.mean([F.binary_cross_entropy_with_logits(tagger(s), y) for s, y in sentences.items()])


def train(both: bool, updates: int = 200, eager: bool = False) -> tuple[Run, list[float]]:
    """Adam on both sentences; the run, and the losses before each update and after the last."""
    start = Tagger(both)

    def make(eager: bool) -> tuple[Training, Step]:
        learner = deepcopy(start)
        step = steps(eager)(learner, lambda: (loss_of(learner), []))
        return Training(learner, optim.Adam(step.parameters(), 0.05)), step

    made = Run(make, eager)
    losses = made.to(updates)
    with no_grad():
        return made, [*losses, loss_of(made.training.model).data]


def reach(tagger: Tagger, sentence: str) -> list[float]:
    """How long dL/dx_t is for each word of one sentence."""
    tagger.zero_grad()
    loss_of(tagger, {sentence: SENTENCES[sentence]}).backward()
    rows = [tagger.table.weight[WORDS.index(word)] for word in sentence.split()]
    return [math.hypot(*[value.grad or 0.0 for value in row]) for row in rows]


def main(argv: list[str] | None = None) -> None:
    options = parser("bidirectional", __doc__)
    eager_option(options)
    args = options.parse_args(argv)
    one, one_losses = train(False, eager=args.eager)
    two, two_losses = train(True, eager=args.eager)
    shown = (0, 10, 25, 50, 100, 200)
    table(
        ["update", "left to right", "from both ends"],
        [[n, f"{one_losses[n]:.4f}", f"{two_losses[n]:.4f}"] for n in shown],
        title="Loss at 'teddy', mean of both sentences",
    )
    print(f"an even guess: ln 2 = {FLOOR:.4f}\n")
    for sentence in SENTENCES:
        sizes = [reach(Tagger(both), sentence) for both in (False, True)]
        table(
            ["word", "left to right", "from both ends"],
            [[word, *(f"{x:.4f}" for x in row)] for word, *row in zip(sentence.split(), *sizes)],
            title="How much of the loss at 'teddy' reaches each word, before training",
        )
    print(f"{speeds(one, two)}\n")
    curves = {"left to right": one_losses, "from both ends": two_losses}
    curves["ln 2"] = [FLOOR] * len(one_losses)
    made = plots.lines(curves, title="Is teddy a person?", x="update", y="loss", log=True)
    plot(made, args, "bidirectional_training.svg")
    words = next(iter(SENTENCES)).split()[: ASKED + 2]
    small = Tagger(True)
    loss = loss_of(small, {" ".join(words): 1.0})
    loss.backward()
    pictures(loss, args, "bidirectional", captions=words)


if __name__ == "__main__":
    run(main)
