"""Truncated backpropagation through time against the full gradient.

A network learns to repeat its input one step later. Two ways to cut its gradient short:
a window, in which each loss looks back over at most K steps, and chunks of K steps, between
which the state is carried over but detached. Prints, for every K, the relative error and
the angle to the full gradient, then both per step for one K, and draws that K's chunks.
"""

import argparse

import numpy as np

from microgrid import Value, bptt, nn

from ._common import parser, pictures, run, table


class Detaching(nn.RecurrentCell):
    """A cell whose state is detached after every `every` steps: chunks in one graph."""

    def __init__(self, cell: nn.RNNCell, every: int) -> None:
        self.inner = cell
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self._every, self._steps = every, 0

    def __call__(self, x, state):
        if self._steps and self._steps % self._every == 0:
            state = [h.detach() for h in state]
        self._steps += 1
        return self.inner(x, state)


def echo(steps: int, hidden: int, seed: int) -> tuple[nn.SequenceModel, list, list]:
    """A model, random inputs, and as targets the same one step later.

    W_hh is 0.9 times a random rotation, so that gradients reach far back.
    """
    rng = np.random.default_rng(seed)
    cell = nn.RNNCell(1, hidden, bias=False, seed=rng)
    model = nn.SequenceModel(cell, nn.Linear(hidden, 1, bias=False, seed=rng))
    rotation, _ = np.linalg.qr(rng.standard_normal((hidden, hidden)))
    model.load_state_dict({**model.state_dict(), "cell.weight_hh": 0.9 * rotation})
    xs = [round(float(x), 2) for x in rng.uniform(-1.0, 1.0, steps)]
    return model, xs, [0.0, *xs[:-1]]


def square(y: list[Value], target: float) -> Value:
    """The loss of a step: (y - target)^2."""
    return (y[0] - target) ** 2


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("truncated", __doc__)
    made.add_argument("--steps", type=int, default=4, help="length T (default: 4)")
    made.add_argument("--hidden", type=int, default=1, help="hidden units (default: 1)")
    made.add_argument("--seed", type=int, default=0, help="of weights and inputs (default: 0)")
    made.add_argument("-k", type=int, default=2, help="the K shown per step (default: 2)")
    args = made.parse_args(argv)
    for name in ("steps", "hidden", "k"):
        if getattr(args, name) < 1:
            made.error(f"--{name} must be 1 or more, got {getattr(args, name)}")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    model, xs, targets = echo(args.steps, args.hidden, args.seed)
    unrolled = model.unroll(xs, targets, loss=square)
    rows = []
    for k in range(1, args.steps + 1):
        by = [bptt.truncated(unrolled, **{kind: k}).distance for kind in ("window", "chunk")]
        rows.append([str(k), *(f"{x:.4f}" for d in by for x in (d.error, d.angle))])
    print(f"T = {args.steps}, one gradient for every K; K = T is the full one")
    table(["K", "window: error", "angle °", "chunks: error", "angle °"], rows)

    window, chunk = (bptt.truncated(unrolled, **{kind: args.k}) for kind in ("window", "chunk"))
    print(f"K = {args.k}, the loss of each step on its own")
    table(
        ["t", "window: error", "angle °", "chunks: error", "angle °"],
        [
            [
                str(t),
                *(
                    f"{x:.4f}"
                    for d in (window.steps[t], chunk.steps[t])
                    for x in (d.error, d.angle)
                ),
            ]
            for t in window.steps
        ],
    )
    cut = nn.SequenceModel(Detaching(model.cell, args.k), model.readout)
    detached = cut.unroll(xs, targets, loss=square)
    detached.loss.backward()
    left = np.array([[w.grad for w in row] for row in model.cell.weight_hh])
    gap = float(np.abs(left - chunk.gradient["cell.weight_hh"]).max())
    print(f"dL/dW_hh of the detached graph differs from the chunks' by at most {gap:.1e}\n")
    title = f"Chunks of {args.k}: the state is carried over, the gradient is not"
    pictures(detached, args, "truncated", title=title)


if __name__ == "__main__":
    run(main)
