"""Dropout: a network that may not rely on any one of its units learns less by heart.

Two moons of 40 noisy points, and a network with far more weights than points. Trained plainly it
bends its border around every stray point; with dropout a new mask is drawn at every update, half
of the hidden units are 0, and the others count twice. Both losses are followed on the points learnt
from and on 200 others. The masks are inputs of the tape: a recorded graph replays with new ones.

Exercise: what does --p 0.8 do, and what 0.1? Then leave the factor 1 / (1 - p) out of
`nn.Dropout.draw` and find out at which moment the network goes wrong.
"""

import argparse
from dataclasses import dataclass, field

import numpy as np

from microgrid import Value, nn, optim
from microgrid import functional as F
from microgrid.nested import flatten
from microgrid.tape import Tapes
from viz.plots import charts as plots

from ._common import at_least_one, parser, pictures, plot, run, table

LEARNT, HELD_OUT, HIDDEN, NOISE = 40, 200, 24, 0.3


def moons(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(points, labels): two half circles that reach into one another, with noise."""
    rng = np.random.default_rng(seed)
    angle, label = rng.uniform(0.0, np.pi, count), rng.integers(2, size=count)
    x = np.where(label == 0, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(label == 0, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + rng.normal(0.0, NOISE, (count, 2)), label


class Net(nn.Module):
    """Two hidden layers, each with its dropout."""

    def __init__(self, p: float, hidden: int = HIDDEN, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.first = nn.Linear(
            2, hidden, nonlinearity="tanh", seed=rng, label="W_1", bias_label="b_1"
        )
        self.second = nn.Linear(
            hidden, hidden, nonlinearity="tanh", seed=rng, label="W_2", bias_label="b_2"
        )
        self.last = nn.Linear(hidden, 1, seed=rng, label="W_3", bias_label="b_3")
        self.drop = nn.Dropout(p, seed=rng)

    def __call__(self, x, masks=(None, None)) -> Value:
        """The logit of label 1; two masks, drawn or none as `drop` has it if they are not given."""
        a = self.drop(self.first(x, "a_1"), masks[0])
        a = self.drop(self.second(a, "a_2"), masks[1])
        return self.last(a)[0]

    def loss(self, points, labels, masks=None) -> Value:
        """The mean cross entropy; a pair of masks per point."""
        masks = masks or [(None, None)] * len(points)
        logits = [self(x, pair) for x, pair in zip(points, masks)]
        return F.binary_cross_entropy_with_logits(logits, labels)


@dataclass
class History:
    """The losses on the way, each `EVERY` updates."""

    updates: list[int] = field(default_factory=list)
    learnt: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)


def train(p: float, updates: int, every: int = 20) -> tuple[Net, History]:
    """Adam on all points at once, with new masks at every update."""
    net = Net(p).eval()
    sets = {"learnt": moons(LEARNT, seed=1), "held_out": moons(HELD_OUT, seed=2)}

    def build(name: str) -> tuple[Value, list[Value]]:
        points, labels = (array.tolist() for array in sets.get(name, sets["learnt"]))
        if name != "dropping":
            return net.loss(points, labels), []
        masks = [[[Value(1.0) for _ in range(HIDDEN)] for _ in "12"] for _ in points]
        return net.loss(points, labels, masks), list(flatten(masks))

    tapes, history = Tapes(build, net.parameters()), History()
    dropping = tapes["dropping"]
    adam = optim.Adam(tapes.parameters(), 0.01)
    for n in range(updates + 1):
        if n % every == 0:
            history.updates.append(n)
            for name in sets:
                getattr(history, name).append(tapes[name].forward())
        dropping.forward(net.drop.draw(2 * HIDDEN * LEARNT))
        dropping.backward(inputs=False)
        adam.step()
    dropping.sync_parameters()
    return net, history


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("dropout", __doc__)
    made.add_argument("--p", type=float, default=0.5, help="share dropped (default: 0.5)")
    made.add_argument("--updates", type=int, default=1500, help="of each (default: 1500)")
    args = made.parse_args(argv)
    at_least_one(made, args, "updates")
    nn.Dropout(args.p)  # a bad share is told before the training
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    curves, rows = {}, []
    for name, p in {"plain": 0.0, f"dropout {args.p:g}": args.p}.items():
        _, history = train(p, args.updates)
        curves[f"{name}, learnt from"] = history.learnt
        curves[f"{name}, held out"] = history.held_out
        best = min(range(len(history.updates)), key=history.held_out.__getitem__)
        rows.append([name, f"{history.learnt[-1]:.4f}", f"{history.held_out[-1]:.4f}",
                     f"{history.held_out[best]:.4f}", history.updates[best]])  # fmt: skip
    table(["trained", "loss on its points", "on others", "best on others", "at update"], rows,
          title=f"{LEARNT} points to learn from, {HELD_OUT} others")  # fmt: skip
    made = plots.lines(
        curves, xs=history.updates, title="Learnt by heart, or learnt", x="update",
        y="cross entropy", log=True,
    )  # fmt: skip
    plot(made, args, "dropout.svg")
    small = Net(args.p, hidden=3, seed=1)
    loss = small.loss([[Value(0.5, "x[0]"), Value(-0.2, "x[1]")]], [1.0])
    loss.label = "L"
    loss.backward()
    pictures(loss, args, "dropout_graph")


if __name__ == "__main__":
    run(main)
