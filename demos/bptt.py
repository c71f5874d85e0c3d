"""Backpropagation through time, term by term: dL_3/dW = sum over k.

A recurrent network with one unit reads three numbers and has one loss, at the last step.
Each weight's gradient is split into the terms of the slides, one for every step k in which
the weight is used: dL_3/dy_3 . dy_3/dh_3 . dh_3/dh_k . dh_k/dW, the last factor with
h_{k-1} held fixed. Then the terms of the matrices of a network that reads "hel" and is to
say "l". Every sum is checked against backward(). Draws the first network, in red the path
of the term with k = --k.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from microgrid import Value, bptt, nn
from microgrid import functional as F

from ._common import parser, pictures, run, table

INPUTS = [0.5, -1.0, 0.8]
START = 0.4  # h_0; with 0 the term of W_hh for k = 1 would be 0
TARGET = 1.0
WEIGHTS = {"cell.weight_ih": 0.9, "cell.weight_hh": 0.7, "readout.weight": 1.2}
NAMES = {"cell.weight_hh": "W_hh", "cell.weight_ih": "W_xh", "readout.weight": "W_yh"}
VOCAB, WORD = "helo", "hell"


def one_unit(inputs: Sequence[float] = INPUTS) -> nn.Unrolled:
    """The network of one unit; its loss is (y - target)^2 at the last step.

    >>> one_unit().states[3][0].label
    'h_3'
    """
    model = nn.SequenceModel(nn.RNNCell(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    model.load_state_dict({name: [[weight]] for name, weight in WEIGHTS.items()})
    return model.unroll(inputs, [TARGET], h0=START, loss=lambda y, t: (y[0] - t) ** 2, at="last")


def letters(hidden: int, seed: int) -> nn.Unrolled:
    """The network that reads h, e, l, one-hot; its loss is the cross entropy of the last l."""
    model = nn.SequenceModel(
        nn.RNNCell(len(VOCAB), hidden, bias=False, seed=seed),
        nn.Linear(hidden, len(VOCAB), bias=False, seed=seed + 1),
    )
    indices = [VOCAB.index(letter) for letter in WORD]
    one_hot = [F.one_hot(i, len(VOCAB)) for i in indices[:-1]]
    return model.unroll(one_hot, indices[1:], at="last")


def chains(unrolled: nn.Unrolled, name: str) -> Iterator[tuple[int, str, list[float], float]]:
    """(k, the chain in symbols, its factors, the term) of a 1x1 weight, the latest step first."""
    last = len(unrolled)
    leaf = dict(unrolled.model.named_weights())[name][0][0]
    (y,), (h,) = unrolled.outputs[-1], unrolled.states[-1]
    dl_dy, dy_dh = bptt.paths(unrolled, y).total, bptt.paths(y, h).total
    terms = bptt.terms(unrolled, leaf)[last]
    if name.startswith("readout"):
        yield (
            last,
            f"dL{last}/dy{last} · dy{last}/dW",
            [dl_dy, bptt.paths(y, leaf).total],
            terms[last],
        )
        return
    for k in range(last, 0, -1):
        steps = [f"dh{t}/dh{t - 1}" for t in range(last, k, -1)]
        chain = [f"dL{last}/dy{last}", f"dy{last}/dh{last}", *steps, f"dh{k}/dW"]
        jacobian = [bptt.jacobian(unrolled, t, t - 1).item() for t in range(last, k, -1)]
        held = bptt.contributions(unrolled.states[k][0], leaf)[k]
        yield k, " · ".join(chain), [dl_dy, dy_dh, *jacobian, held], terms[k]


def path_of_term(unrolled: nn.Unrolled, k: int) -> tuple[Value, ...]:
    """The path of the chain rule from the loss to W_hh as step k uses it."""
    (leaf,), (used,) = unrolled.model.cell.weight_hh[0], unrolled.states[k]
    earlier = {h for (h,) in unrolled.states[:k]}
    for path in bptt.paths(unrolled, leaf):
        if used in path.nodes and earlier.isdisjoint(path.nodes):
            return path.nodes
    raise ValueError(f"no path leads through step {k}")


def gradient(unrolled: nn.Unrolled, name: str) -> np.ndarray:
    """What backward() left in a weight."""
    rows: Any = dict(unrolled.model.named_weights())[name]
    return np.array([[value.grad for value in row] for row in rows])


def show_one_unit(unrolled: nn.Unrolled) -> None:
    last = len(unrolled)
    for name, title in NAMES.items():
        found = list(chains(unrolled, name))
        rows = [
            [str(k), chain, " · ".join(f"{x:.4f}" for x in factors), f"{term + 0.0:.6f}"]
            for k, chain, factors, term in found
        ]
        rows.append(["", "sum", "", f"{sum(term for *_, term in found):.6f}"])
        rows.append(["", "backward()", "", f"{gradient(unrolled, name).item():.6f}"])
        table(["k", f"dL{last}/d{title}", "factors", "term"], rows)


def show_letters(unrolled: nn.Unrolled) -> None:
    last = len(unrolled)
    terms = {name: bptt.terms(unrolled, name)[last] for name in NAMES}
    rows = [
        [str(k), WORD[k - 1], *(f"{np.linalg.norm(terms[name][k]):.6f}" for name in NAMES)]
        for k in range(last, 0, -1)
    ]
    sums = {name: sum(terms[name].values()) for name in NAMES}
    rows.append(["", "sum", *(f"{np.linalg.norm(sums[name]):.6f}" for name in NAMES)])
    gaps = [float(np.abs(sums[name] - gradient(unrolled, name)).max()) for name in NAMES]
    rows.append(["", "largest difference to backward()", *(f"{gap:.1e}" for gap in gaps)])
    table(["k", "read", *(f"|dL{last}/d{title}|" for title in NAMES.values())], rows)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("bptt", __doc__)
    made.add_argument("--hidden", type=int, default=3, help="units of the second network")
    made.add_argument("--seed", type=int, default=0, help="of its weights (default: 0)")
    steps = range(1, len(INPUTS) + 1)
    made.add_argument(
        "--k", type=int, choices=steps, default=1, help="the term drawn in red (default: 1)"
    )
    return made.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    small, spelling = one_unit(), letters(args.hidden, args.seed)
    for unrolled in (small, spelling):
        unrolled.loss.backward()
    print("One unit: h_t = tanh(W_xh x_t + W_hh h_(t-1)), y_t = W_yh h_t, L3 = (y3 - 1)^2\n")
    show_one_unit(small)
    print(f'\n{args.hidden} units reading "{WORD[:-1]}", to say "{WORD[-1]}": size of each term')
    show_letters(spelling)
    print(bptt.explain(small, "W_h"), end="\n\n")
    title = f"dL₃/dW_hh has one term for every step k; in red k = {args.k}"
    pictures(small, args, "bptt", title=title, highlight=path_of_term(small, args.k))


if __name__ == "__main__":
    run(main)
