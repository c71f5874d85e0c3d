"""The lecture's quiz: what is the gradient of the loss on h_0?

The quiz of the slides "RNN and their computational graph". An Elman RNN without bias or
activation, W_h = -5, W_x = 1, W_y = -1, reads a word over the letters i, o, c, a, embedded as
-2, 5, 1, 9. The loss is made of its outputs y_t.
Prints every step, the gradient on every edge and a check by nudging h_0, and draws it.
"""

import argparse
import math

import viz
from microgrid import Value, nn, recompute
from microgrid.debugger import debug
from microgrid.graph import creation_order, messages

from ._common import as_folder, number, parser, pictures, run, table

GALLERY = ("quiz_sweep.svg", ["--animate"])
VOCAB = "ioca"
EMBEDDINGS = [[-2], [5], [1], [9]]

# name -> (loss of a step from its output, at which steps, how the steps are joined)
LOSSES = {
    "sum": (lambda y, _: y[0], "all", "sum"),
    "mean": (lambda y, _: y[0], "all", "mean"),
    "last": (lambda y, _: y[0], "last", "sum"),
    "sum_squares": (lambda y, _: y[0] ** 2, "all", "sum"),
    "half_sum_squares": (lambda y, _: 0.5 * y[0] ** 2, "all", "sum"),
    "last_square": (lambda y, _: y[0] ** 2, "last", "sum"),
}


def letters(word: str) -> list[int]:
    """The word as indices into the vocabulary; ValueError names an unknown letter."""
    if not word:
        raise ValueError(f"the word is empty: give letters of the vocabulary {', '.join(VOCAB)}")
    for letter in word:
        if letter not in VOCAB:
            raise ValueError(f"{letter!r} is not in the vocabulary {', '.join(VOCAB)}")
    return [VOCAB.index(letter) for letter in word]


def quiz(word: str = "oc", h0: float = 0.0, loss: str = "sum") -> nn.Unrolled:
    """The quiz's network run over `word`.

    >>> run = quiz("oc")
    >>> run.loss.backward()
    >>> run.loss.data, run.states[0][0].grad
    (19.0, -20.0)
    """
    model = nn.SequenceModel(
        cell=nn.RNNCell(1, 1, nonlinearity="identity", bias=False),
        readout=nn.Linear(1, 1, bias=False),
        embedding=nn.Embedding(len(VOCAB), 1, vocab=VOCAB),
    )
    model.load_state_dict(
        {
            "embedding.weight": EMBEDDINGS,
            "cell.weight_ih": [[1]],
            "cell.weight_hh": [[-5]],
            "readout.weight": [[-1]],
        }
    )
    step_loss, at, reduction = LOSSES[loss]
    return model.unroll(letters(word), h0=h0, loss=step_loss, at=at, reduction=reduction)


def loss_with_h0_nudged(unrolled: nn.Unrolled, by: float = 1.0) -> float:
    """The loss if h_0 were larger by `by`; the graph is left as it was."""
    h0, root = unrolled.states[0][0], unrolled.loss
    before = h0.data
    h0.data = before + by
    nudged = recompute(root)
    h0.data = before
    recompute(root)
    return nudged


def edges(root: Value) -> list[tuple[str, str, float, float, float]]:
    """Every edge from the loss down: (child, parent, upstream, local derivative, message)."""
    return [
        (child.label or child.op.symbol, parent.label or parent.op.symbol, child.grad, local, sent)
        for child in reversed(creation_order(root))
        for parent, local, sent in zip(child.parents, child.partials, messages(child))
    ]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("quiz", __doc__)
    made.add_argument("--word", default="oc", help="letters of i, o, c, a (default: oc)")
    made.add_argument("--h0", type=float, default=0.0, help="start state (default: 0)")
    made.add_argument(
        "--loss",
        choices=LOSSES,
        default="sum",
        help="sum, mean or last of y_t, or of their squares (default: sum)",
    )
    made.add_argument(
        "--step", action="store_true", help="step through the sweep at a prompt instead"
    )
    made.add_argument(
        "--forward", action="store_true", help="with --step: begin before the first value"
    )
    made.add_argument(
        "--frames",
        type=as_folder,
        metavar="DIR",
        help="write forward pass and sweep there, one number more per picture",
    )
    made.add_argument(
        "--animate", action="store_true", help="also write quiz_sweep.svg, which plays both"
    )
    args = made.parse_args(argv)
    if not math.isfinite(args.h0):
        made.error(f"argument --h0: expected a finite number, got {args.h0}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    unrolled = quiz(args.word, args.h0, args.loss)
    if args.step:
        debug(unrolled, forward=args.forward)
        return
    nudged = loss_with_h0_nudged(unrolled)
    unrolled.loss.backward()
    (h0,), loss = unrolled.states[0], unrolled.loss

    print(f"Elman RNN, W_h = -5, W_x = 1, W_y = -1, f(x) = x, word {args.word!r}\n")
    steps = zip(args.word, unrolled.inputs, unrolled.states[1:], unrolled.outputs)
    table(
        ["t", "letter", "x", "h", "y", "dL/dh"],
        [[0, "", None, h0.data, None, h0.grad]]
        + [
            [t, letter, x.data, h.data, y.data, h.grad]
            for t, (letter, (x,), (h,), (y,)) in enumerate(steps, start=1)
        ],
    )
    print(f"loss ({args.loss} of y) = {number(loss.data)}\n")
    print("The sweep, edge by edge: what a node sends back is upstream x local derivative.")
    table(["from", "to", "upstream", "local", "message"], edges(loss))
    print(f"Check: h_0 + 1 = {number(h0.data + 1)} -> loss {number(nudged)},", end=" ")
    print(f"difference {number(nudged - loss.data)}", end="")
    straight = args.loss in ("sum", "mean", "last")
    print("\n" if straight else " (a square bends: the gradient is the derivative at h_0)\n")
    pictures(unrolled, args, "quiz")
    if args.animate:
        print(f"wrote {viz.animate(unrolled, args.out / 'quiz_sweep.svg')}")
    if args.frames:
        made = viz.frames(unrolled, args.frames, sweep="both")
        print(f"wrote {len(made)} pictures, one number more on each, to {args.frames}")
    print(f"dL/dh_0 = {number(h0.grad)}")


if __name__ == "__main__":
    run(main)
