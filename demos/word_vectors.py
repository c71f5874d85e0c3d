"""Word vectors: words that stand among the same words come to lie in the same direction.

Skip-gram with negative sampling (Mikolov et al., 2013). Each word has a vector v, and a second one
u as a neighbour. For a word and a neighbour found in the text, u . v is to be large, for words
drawn at random it is to be small: the loss is softplus(-u . v) for the one and softplus(u . v) for
the others. A small made-up text of kings, cats and fruit; the nearest words by cosine, before and
after. One update is a graph of some dozen nodes, and is drawn.

Exercise: what becomes of the vectors without the negative samples (--negatives 0)? Say first what
the loss then asks for.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from microgrid import Value, nn, optim
from microgrid import functional as F
from microgrid.train import Vocabulary
from viz.plots import charts as plots

from ._common import MOST, at_least_one, parser, pictures, plot, run, table

GALLERY = ("word_vectors_cosines.svg", [])

KINDS = {
    "people": ("king", "queen", "prince"),
    "animals": ("cat", "dog", "horse"),
    "fruit": ("apple", "pear", "plum"),
    "ruling": ("rules", "governs"),
    "eating": ("eats", "likes"),
    "places": ("land", "city"),
}
PATTERNS = [
    ("people", "ruling", "places"),
    ("people", "eating", "fruit"),
    ("animals", "eating", "fruit"),
    ("people", "likes", "animals"),
]
WINDOW = 2


def text(sentences: int = 400, seed: int = 0) -> list[list[str]]:
    """Sentences of the patterns, each word drawn from its kind."""
    rng = np.random.default_rng(seed)
    drawn = (PATTERNS[i] for i in rng.integers(len(PATTERNS), size=sentences))
    return [[str(rng.choice(KINDS.get(kind, (kind,)))) for kind in pattern] for pattern in drawn]


WORDS = Vocabulary([word for kind in KINDS.values() for word in kind])


def pairs(sentences: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """(a word, a word at most WINDOW away), as indices."""
    return [
        (WORDS.index(word), WORDS.index(sentence[j]))
        for sentence in sentences
        for i, word in enumerate(sentence)
        for j in range(max(0, i - WINDOW), min(len(sentence), i + WINDOW + 1))
        if i != j
    ]


class SkipGram(nn.Module):
    """A vector for each word, and one for it as a neighbour."""

    def __init__(self, size: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.word = nn.Embedding(len(WORDS), size, vocab=WORDS.items, seed=rng)
        self.neighbour = nn.Embedding(len(WORDS), size, vocab=[f"u {w}" for w in WORDS.items])
        for weight in (self.word.weight, self.neighbour.weight):
            nn.init.normal_(weight, std=0.3, seed=rng)

    def loss(self, word: int, neighbour: int, negatives: Sequence[int]) -> Value:
        """softplus(-u . v) for the neighbour, plus softplus(u . v) for each word drawn."""
        v = self.word(word)
        scores = [-F.dot(self.neighbour(neighbour), v)]
        scores += [F.dot(self.neighbour(other), v) for other in negatives]
        return F.sum([score.softplus() for score in scores])

    def vectors(self) -> np.ndarray:
        """The vectors of all words, each of length 1."""
        rows = np.array([[value.data for value in row] for row in self.word.weight])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def train(args: argparse.Namespace) -> tuple[SkipGram, list[float]]:
    """Plain descent, one pair at a time; words are drawn as often as count**0.75 says."""
    model, found = SkipGram(args.size, args.seed), pairs(text())
    rng = np.random.default_rng(args.seed + 1)
    often = np.bincount([word for word, _ in found], minlength=len(WORDS)) ** 0.75
    drawn = rng.choice(len(WORDS), (args.updates, args.negatives), p=often / often.sum())
    descent, losses = optim.SGD(model.parameters(), 0.15), []
    for i, negatives in zip(rng.integers(len(found), size=args.updates), drawn.tolist()):
        loss = model.loss(*found[i], negatives)
        loss.backward()
        descent.step()
        descent.zero_grad()
        losses.append(loss.data)
    return model, losses


def nearest(model: SkipGram, word: str, count: int = 2) -> list[tuple[str, float]]:
    """The words whose vectors point most nearly the same way, with the cosines."""
    rows = model.vectors()
    cosines = rows @ rows[WORDS.index(word)]
    best = [i for i in np.argsort(-cosines).tolist() if i != WORDS.index(word)][:count]
    return [(WORDS.items[i], float(cosines[i])) for i in best]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("word_vectors", __doc__)
    made.add_argument("--updates", type=int, default=8000, help="pairs (default: 8000)")
    made.add_argument("--size", type=int, default=6, help="entries of a vector (default: 6)")
    made.add_argument("--negatives", type=int, default=4, help="words drawn (default: 4)")
    made.add_argument("--seed", type=int, default=0, help="(default: 0)")
    args = made.parse_args(argv)
    at_least_one(made, args, "updates", "size")
    if not 0 <= args.negatives <= MOST:
        made.error(f"argument --negatives: expected 0 or more, got {args.negatives}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    before = SkipGram(args.size, args.seed)
    model, losses = train(args)

    def told(of: SkipGram, word: str) -> str:
        return ", ".join(f"{near} {cosine:.2f}" for near, cosine in nearest(of, word))

    table(
        ["word", "nearest at first", "nearest in the end"],
        [[word, told(before, word), told(model, word)] for kind in KINDS.values()
         for word in kind[:2]],
    )  # fmt: skip
    ends = [float(np.mean(part)) for part in (losses[:500], losses[-500:])]
    print(f"loss, mean of 500 pairs: {ends[0]:.4f} at first, {ends[1]:.4f} in the end\n")
    cosines = model.vectors() @ model.vectors().T
    made = plots.heat(
        cosines.tolist(), rows_named=WORDS.items, columns_named=WORDS.items,
        title="Cosines of the words' vectors", limit=1.0,
    )  # fmt: skip
    plot(made, args, "word_vectors_cosines.svg")
    small = SkipGram(2, args.seed)
    loss = small.loss(*map(WORDS.index, ("king", "rules")), WORDS.encode(["pear", "dog"]))
    loss.backward()
    pictures(loss, args, "word_vectors")


if __name__ == "__main__":
    run(main)
