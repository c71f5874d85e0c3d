"""How weights start decides how far a gradient gets: normal, orthogonal, identity.

A recurrent network of 24 units reads 40 numbers; the loss is at the end. W_h starts as normal
numbers of different widths (1.0 is 1 / sqrt(24)), as an orthogonal matrix, or as the identity.
The table sets its largest singular value beside what `bptt.flow` finds: the mean factor per step
and the verdict. With f linear an orthogonal matrix hands the gradient on as it is; tanh takes a
little away at each step.

Exercise: by how much must the orthogonal matrix be scaled (--gain) so that tanh's loss is made up
for? Is the same gain right for 10 steps and for 100 (--steps)?
"""

import argparse

import numpy as np

from microgrid import bptt, nn
from microgrid import functional as F
from viz.plots import charts as plots

from ._common import at_least_one, not_negative, parser, plot, run, table

HIDDEN, SEED = 24, 3


def prepared(name: str, nonlinearity: str, gain: float, hidden: int = HIDDEN) -> nn.RNNCell:
    """A cell whose W_h starts as `name` says."""
    cell = nn.RNNCell(1, hidden, nonlinearity=nonlinearity, bias=False, seed=SEED)
    if name.startswith("normal"):
        scale = float(name.split()[1])
        nn.init.normal_(cell.weight_hh, std=scale / hidden**0.5, seed=SEED)
    elif name == "orthogonal":
        nn.init.orthogonal_(cell.weight_hh, gain, seed=SEED)
    elif name == "identity":
        nn.init.eye_(cell.weight_hh)
    return cell


NAMES = ("PyTorch's own", "normal 0.5", "normal 1.0", "normal 1.5", "orthogonal", "identity")


def read(cell: nn.RNNCell, steps: int) -> nn.Unrolled:
    """The cell over small random numbers; the loss is half the squared end state."""
    numbers = 0.3 * np.random.default_rng(SEED).normal(size=steps)
    model = nn.SequenceModel(cell)
    return model.unroll(numbers.tolist(), loss=lambda h, _: 0.5 * F.dot(h, h), at="last")


def largest(cell: nn.RNNCell) -> float:
    """The largest singular value of W_h."""
    return float(np.linalg.norm([[w.data for w in row] for row in cell.weight_hh], 2))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("starts", __doc__, graphs=False)
    made.add_argument("--steps", type=int, default=40, help="numbers to read (default: 40)")
    made.add_argument("--gain", type=float, default=1.0, help="of the orthogonal (default: 1)")
    args = made.parse_args(argv)
    at_least_one(made, args, "steps")
    not_negative(made, args, "gain")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    charts = []
    for nonlinearity in ("identity", "tanh"):
        rows, curves = [], {}
        for name in NAMES:
            cell = prepared(name, nonlinearity, args.gain)
            flow = bptt.flow(read(cell, args.steps))
            total = [flow.total[t] for t in range(args.steps + 1)]
            curves[name] = [size / total[-1] for size in total]
            kept = f"{total[0] / total[-1]:.2e}"
            rows.append([name, f"{largest(cell):.3f}", f"{flow.factor:.3f}", kept, flow.verdict])
        headers = ["W_h starts", "largest σ", "factor per step", "kept at t = 0", "verdict"]
        kind = "linear" if nonlinearity == "identity" else nonlinearity
        table(headers, rows, title=f"f is {kind}, {args.steps} steps")
        charts.append(
            plots.lines(curves, title=f"f is {kind}", x="t", y="share of |dL/dh_T|", log=True)
        )
    plot(plots.beside(charts, title="How weights start"), args, "starts.svg")


if __name__ == "__main__":
    run(main)
