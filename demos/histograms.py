"""Histograms of activations and gradients: what a start does to a deep network.

40 rows go through six layers of 24 tanh units. The weights start as normal numbers of width
gain / sqrt(24). With a gain too small the activations die out from layer to layer, with one too
large they stick to -1 and 1, where tanh' is 0; 5/3 keeps their width. For each layer the table
gives the width of the activations, the share that is saturated, and the width of the gradient
that comes back. Batch norm, last, makes the start matter less.

Exercise: what happens to the gradients without tanh (--nonlinearity identity), and which gain
keeps their width then? And with relu?
"""

import argparse
from dataclasses import dataclass

import numpy as np

from microgrid import Value, nn, scope
from microgrid import functional as F
from viz.plots import charts as plots

from ._common import parser, pictures, plot, run, table

GALLERY = ("histograms_activations.svg", [])

LAYERS, WIDTH, ROWS, SEED = 6, 24, 40, 2
SATURATED = 0.97
KINDS = {  # gain, batch norm
    "gain 0.5": (0.5, False),
    "gain 5/3": (5 / 3, False),
    "gain 4": (4.0, False),
    "gain 4, batch norm": (4.0, True),
}


class Deep(nn.Module):
    """Layers in a row, with batch norm before each activation if asked for."""

    def __init__(self, gain: float, nonlinearity: str = "tanh", norm: bool = False,
                 layers: int = LAYERS, width: int = WIDTH) -> None:  # fmt: skip
        rng = np.random.default_rng(SEED)
        self.layers = [
            nn.Linear(width, width, bias=False, label=f"W_{n}") for n in range(1, layers + 1)
        ]
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=gain / width**0.5, seed=rng)
        self.norms = [nn.BatchNorm1d(width) for _ in self.layers] if norm else None
        self._activation = nn.parameters.activation(nonlinearity)

    def __call__(self, batch: list[list[float]]) -> list[list[list[Value]]]:
        """The activations of each layer: a row per row of the batch."""
        found, rows = [], batch
        for n, layer in enumerate(self.layers):
            with scope(f"layer={n + 1}"):
                sums = [layer(row, "z") for row in rows]
                sums = self.norms[n](sums) if self.norms else sums
                rows = [[self._activation(z) for z in row] for row in sums]
                for row in rows:
                    nn.parameters.named(row, f"a_{n + 1}")
            found.append(rows)
        return found


@dataclass(frozen=True)
class Layer:
    """The activations and gradients of a layer, flat."""

    activations: np.ndarray
    gradients: np.ndarray

    def row(self) -> list[str]:
        """Their widths as the table shows them."""
        stuck = float(np.mean(np.abs(self.activations) > SATURATED))
        widths = float(self.activations.std()), float(self.gradients.std())
        return [f"{widths[0]:.4f}", f"{stuck:.1%}", f"{widths[1]:.2e}"]


def inputs(rows: int = ROWS, width: int = WIDTH) -> list[list[float]]:
    """Normal numbers."""
    return np.random.default_rng(SEED + 1).normal(size=(rows, width)).tolist()


def swept(network: Deep) -> list[Layer]:
    """A batch through the network and back: the loss weighs the last activations at random."""
    layers = network(inputs())
    weights = np.random.default_rng(SEED + 2).normal(size=(ROWS, WIDTH)) / ROWS
    last = layers[-1]
    F.sum([F.dot(row, w) for row, w in zip(last, weights.tolist())]).backward()
    return [
        Layer(np.array([[a.data for a in row] for row in rows]).ravel(),
              np.array([[a.grad for a in row] for row in rows]).ravel())
        for rows in layers
    ]  # fmt: skip


def histogram(title: str, numbers: dict[str, np.ndarray], limit: float) -> plots.Plot:
    """How the numbers of each layer are spread over -limit .. limit, as curves."""
    edges = np.linspace(-limit, limit, 22)
    middles = ((edges[:-1] + edges[1:]) / 2.0).tolist()
    curves = {
        name: (np.histogram(np.clip(xs, -limit, limit), edges)[0] / xs.size).tolist()
        for name, xs in numbers.items()
    }
    return plots.lines(curves, xs=middles, title=title, y="share", size=(560.0, 320.0))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("histograms", __doc__)
    made.add_argument("--nonlinearity", choices=["tanh", "relu", "identity"], default="tanh",
                      help="(default: tanh)")  # fmt: skip
    return made.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    forward, back = [], []
    for name, (gain, norm) in KINDS.items():
        layers = swept(Deep(gain, args.nonlinearity, norm))
        table(
            ["layer", "width of a", "saturated", "width of dL/da"],
            [[str(n), *layer.row()] for n, layer in enumerate(layers, start=1)],
            title=f"{args.nonlinearity}, {name}",
        )
        shown = {f"layer {n}": layers[n - 1] for n in (1, 3, 5, 6)}
        limit = 1.0 if args.nonlinearity == "tanh" else 3.0
        forward.append(histogram(name, {k: x.activations for k, x in shown.items()}, limit))
        wide = max(float(np.abs(x.gradients).max()) for x in shown.values())
        back.append(histogram(name, {k: x.gradients for k, x in shown.items()}, wide))
    plot(plots.beside(forward, title="Activations, layer by layer"), args,
         "histograms_activations.svg")  # fmt: skip
    plot(plots.beside(back, title="Gradients, layer by layer"), args, "histograms_gradients.svg")
    (last,) = Deep(5 / 3, layers=2, width=2)(inputs(1, 2))[-1]
    loss = F.sum(last)
    loss.backward()
    pictures(loss, args, "histograms")


if __name__ == "__main__":
    run(main)
