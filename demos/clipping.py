"""The exploding gradient seen, and clipped: one step down a cliff throws away what was learnt.

A linear network of one unit, h_t = W_h h_{t-1} + W_x x_t, reads 20 numbers and is to end where one
with W_h = 0.8 and W_x = 1 does. It starts at W_h = 1.3. Above 1 the gradient grows by W_h at every
step back, so that over W_h the loss is a plain with a cliff. Plain descent takes one step as long
as the cliff is steep, and the next one overflows; with the norm of the gradient clipped each step
has its direction and a length that does no harm (Pascanu, Mikolov and Bengio, 2013). The curve of
loss and gradient over W_h is 241 replays of one recorded graph.

Exercise: find the largest --clip that still arrives within 60 steps, and the largest --lr that
needs no clipping (--clip 1e9). What does each cost?
"""

import argparse
import math
from dataclasses import dataclass, field

import numpy as np

from microgrid import bptt, nn, optim
from microgrid.tape import Tape
from viz.plots import charts as plots

from ._common import at_least_one, not_negative, parser, pictures, plot, run, table

STEPS, GOAL, START = 20, (0.8, 1.0), (1.3, 1.0)  # (W_h, W_x)
NUMBERS = np.random.default_rng(1).normal(size=STEPS).tolist()


def network(w_h: float, w_x: float) -> nn.SequenceModel:
    """One linear unit."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, nonlinearity="identity", bias=False))
    model.load_state_dict({"cell.weight_hh": [[w_h]], "cell.weight_ih": [[w_x]]})
    return model


def read(model: nn.SequenceModel, goal: float, steps: int = STEPS) -> nn.Unrolled:
    """The network over the numbers; its loss is the squared distance of h_T to `goal`."""
    return model.unroll(NUMBERS[:steps], [goal], loss="mse", topology="many-to-one")


def goal(steps: int = STEPS) -> float:
    """Where the network with the right weights ends."""
    return network(*GOAL).unroll(NUMBERS[:steps], loss=lambda h, _: h[0], at="last").loss.data


@dataclass
class Walk:
    """A descent: weights, loss and length of the gradient before each step."""

    weights: list[tuple[float, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)


def walk(updates: int, lr: float, clip: float | None) -> Walk:
    """Plain gradient descent from START, clipped to `clip` if given, until a number overflows."""
    model, wanted, made = network(*START), goal(), Walk()
    descent = optim.SGD(model.parameters(), lr)
    (w_x,), (w_h,) = model.cell.weight_ih[0], model.cell.weight_hh[0]
    for _ in range(updates):
        descent.zero_grad()
        loss = read(model, wanted).loss
        loss.backward()
        made.weights.append((w_h.data, w_x.data))
        made.losses.append(loss.data)
        made.norms.append(optim.grad_norm(model.parameters()))
        if not math.isfinite(made.norms[-1]):  # an overflow: every weight would be nan
            break
        if clip is not None:
            optim.clip_grad_norm_(model.parameters(), clip)
        descent.step()
    return made


def over_w(places: list[float]) -> tuple[list[float], list[float]]:
    """(loss, |dL/dW_h|) where W_h is one of `places` and W_x = 1."""
    model = network(*START)
    w = model.cell.weight_hh[0][0]
    tape = Tape(read(model, goal()).loss, inputs=[w])
    losses, slopes = [], []
    for x in places:
        losses.append(tape.forward([x]))
        tape.backward()
        slopes.append(abs(tape.grad(w)))
    return losses, slopes


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("clipping", __doc__)
    made.add_argument("--lr", type=float, default=0.02, help="learning rate (default: 0.02)")
    made.add_argument("--clip", type=float, default=1.0, help="largest norm (default: 1)")
    made.add_argument("--updates", type=int, default=60, help="steps of descent (default: 60)")
    args = made.parse_args(argv)
    at_least_one(made, args, "updates")
    not_negative(made, args, "lr", "clip")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    start = read(network(*START), goal())
    print(f"{bptt.flow(start)}\n")
    ways = {
        "plain": walk(args.updates, args.lr, None),
        f"clipped to {args.clip:g}": walk(args.updates, args.lr, args.clip),
    }
    for name, found in ways.items():
        last = len(found.losses) - 1
        shown = sorted({n for n in (0, 1, 2, 3, 5, 10, 20, 30, 40, 50, last) if n <= last})
        rows = [
            [n, *(f"{w:.4g}" for w in found.weights[n]), f"{found.losses[n]:.4g}",
             f"{found.norms[n]:.4g}"]
            for n in shown
        ]  # fmt: skip
        table(["step", "W_h", "W_x", "loss", "|gradient|"], rows, title=f"Descent, {name}")
    places = np.linspace(-1.4, 1.4, 241).tolist()
    losses, slopes = over_w(places)
    cliff = plots.lines(
        {"loss": losses, "|dL/dW_h|": slopes},
        xs=places, title="The cliff: loss and gradient over W_h", x="W_h", log=True,
    )  # fmt: skip
    plain, clipped = ways.values()
    walks = plots.lines(
        {"loss": clipped.losses, "|gradient|": clipped.norms}, x="step", log=True,
        title=f"Down it, clipped (plain: {max(plain.losses):.0e})",
    )  # fmt: skip
    plot(plots.beside([cliff, walks]), args, "clipping.svg")
    short = read(network(*START), goal(4), steps=4)
    short.loss.backward()
    pictures(short, args, "clipping_graph")


if __name__ == "__main__":
    run(main)
