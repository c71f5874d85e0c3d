"""One head of attention, taken apart: who looks at whom, and where the gradient goes.

Three words, each a vector of two numbers. Its query is held against every key, softmax makes
shares of the scores, and the values are mixed by them. All numbers of the last word are printed,
forward and back: a share's gradient is how much its value would help, and the gradients of the
scores add up to 0. Then the queries are multiplied by 1, 4, 16, 64: the softmax saturates and
the gradient of the scores vanishes, which is why they are divided by the square root of d.

Exercise: --causal hides the words that follow. Which gradients become 0? Find the two rows of
the second table that no longer change, and say why from the picture.
"""

import argparse
from dataclasses import dataclass

from microgrid import Value, nn, scope
from microgrid import functional as F
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table

WORDS = ("the", "bird", "flies")
VECTORS = [[0.2, -0.4], [1.0, 0.6], [-0.5, 1.2]]
WEIGHTS = {
    "query": [[0.9, -0.3], [0.4, 1.1]],
    "key": [[0.7, 0.5], [-0.2, 0.8]],
    "value": [[1.0, -0.6], [0.3, 0.9]],
}
TARGETS = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
STRETCHES = (1.0, 4.0, 16.0, 64.0)


@dataclass
class Head:
    """What one head made of the words; `shares[i][j]` is how much word i looks at word j."""

    words: list[list[Value]]
    weights: dict[str, list[list[Value]]]
    scores: list[list[Value]]
    shares: list[list[Value]]
    outputs: list[list[Value]]
    loss: Value


def look(
    is_causal: bool = False, stretch: float = 1.0, weights: dict[str, list[list[float]]] = WEIGHTS
) -> Head:
    """The three words through one head; half the squared error of its outputs, swept."""
    words = [[Value(x, f"{w}[{i}]") for i, x in enumerate(xs)] for w, xs in zip(WORDS, VECTORS)]
    layers = {}
    for name, rows in weights.items():
        layers[name] = nn.Linear(2, 2, bias=False, label=f"W_{name[0]}")
        layers[name].load_state_dict({"weight": rows})
    parts: dict[str, list[list[Value]]] = {name: [] for name in layers}
    for t, word in enumerate(words, start=1):
        with scope(f"t={t}"):
            for name, layer in layers.items():
                parts[name].append(layer(word, name[0]))
    scores, shares, outputs, losses = [], [], [], []
    for t, query in enumerate(parts["query"], start=1):
        seen = t if is_causal else len(words)
        with scope(f"t={t}"):
            raw = F.linear(query, parts["key"][:seen])
            scores.append(labelled([s * (stretch * 2**-0.5) for s in raw], f"s_{t}"))
            shares.append(labelled(F.softmax(scores[-1]), f"a_{t}"))
            mixed = F.linear(shares[-1], list(zip(*parts["value"][:seen])))
            outputs.append(labelled(mixed, f"o_{t}"))
            losses.append(F.mse_loss(outputs[-1], TARGETS[t - 1], reduction="half_sum"))
    loss = F.sum(losses)
    loss.label = "L"
    loss.backward()
    matrices = {name: layer.weight for name, layer in layers.items()}
    return Head(words, matrices, scores, shares, outputs, loss)


def labelled(values: list[Value], name: str) -> list[Value]:
    """The same Values, called name[0], name[1], ..."""
    for i, value in enumerate(values):
        value.label = f"{name}[{i}]"
    return values


def nudged(is_causal: bool, step: float = 1e-6) -> float:
    """dL/dW_k[0,0] from a difference, for the check that is printed."""
    (first, second), row = WEIGHTS["key"]
    above, below = (
        look(is_causal, weights=WEIGHTS | {"key": [[first + way, second], row]}).loss.data
        for way in (step, -step)
    )
    return (above - below) / (2.0 * step)


def size(values: list[list[Value]]) -> float:
    """The length of the gradient on all of them."""
    return float(sum(v.grad**2 for row in values for v in row) ** 0.5)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("attention", __doc__)
    made.add_argument("--causal", action="store_true", help="a word sees those before it only")
    return made.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    head = look(args.causal)
    scores, shares = head.scores[-1], head.shares[-1]
    table(
        ["looks at", "score s", "share a", "dL/da", "dL/ds"],
        [
            [word, *(f"{x:.6f}" for x in (s.data, a.data, a.grad, s.grad))]
            for word, s, a in zip(WORDS, scores, shares)
        ],
        title=f"The last word, {WORDS[-1]!r}",
    )
    print(f"the shares add up to {sum(a.data for a in shares):.6f}, "
          f"dL/ds to {sum(s.grad for s in scores) + 0.0:.6f}")  # fmt: skip
    found = head.weights["key"][0][0].grad
    print(f"dL/dW_k[0,0] = {found:.9f}; by nudging: {nudged(args.causal):.9f}\n")
    rows = []
    for stretch in STRETCHES:
        stretched = look(args.causal, stretch)
        largest = [max(a.data for a in row) for row in stretched.shares]
        rows.append([stretch, *(f"{a:.4f}" for a in largest), f"{size(stretched.scores):.2e}"])
    headers = [f"largest share, {word}" for word in WORDS]
    table(["queries times", *headers, "|dL/ds|"], rows, title="Why scores are divided by √d")
    names = list(WORDS)
    width = [len(WORDS) - len(row) for row in head.shares]
    maps = [
        plots.heat(
            [[getattr(a, what) for a in row] + [0.0] * n for row, n in zip(head.shares, width)],
            rows_named=names, columns_named=names, title=title,
        )
        for what, title in (("data", "share a: row looks at column"), ("grad", "dL/da"))
    ]  # fmt: skip
    plot(plots.beside(maps, title="One head of attention"), args, "attention_shares.svg")
    pictures(head.loss, args, "attention", captions=WORDS)


if __name__ == "__main__":
    run(main)
