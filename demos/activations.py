"""Sigmoid, tanh and ReLU with their derivatives: a table and a sheet of plots.

The derivatives come out of the sweep: each is the gradient of f(z) with respect to z.
"""

import argparse
from collections.abc import Sequence

from microgrid import Value
from microgrid import functional as F
from viz.plots import charts as plots

from ._common import parser, plot, run, table

ACTIVATIONS = {
    "sigmoid": (F.sigmoid, "Sigmoid: s(1 − s), at most 1/4"),
    "tanh": (F.tanh, "Tanh: 1 − tanh², at most 1"),
    "relu": (F.relu, "ReLU: 0 or 1, and 0 at 0"),
}
LISTED = (-5.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 5.0)


def curve(name: str, zs: Sequence[float]) -> tuple[list[float], list[float]]:
    """(values, derivatives) of an activation at some places.

    >>> curve("sigmoid", [0.0])
    ([0.5], [0.25])
    """
    function, _ = ACTIVATIONS[name]
    leaves = [Value(z) for z in zs]
    values = [function(leaf) for leaf in leaves]
    F.sum(values).backward()
    return [value.data for value in values], [leaf.grad or 0.0 for leaf in leaves]


def sheet(low: float = -6.0, high: float = 6.0, points: int = 241) -> plots.Plot:
    """One plot per activation: the function and its derivative."""
    zs = [low + (high - low) * i / (points - 1) for i in range(points)]
    made = []
    for name, (_, title) in ACTIVATIONS.items():
        values, derivatives = curve(name, zs)
        series = {f"{name}(z)": values, "its derivative": derivatives}
        made.append(plots.lines(series, xs=zs, title=title, x="z", size=(430.0, 330.0)))
    return plots.beside(made, columns=3)


def main(argv: list[str] | None = None) -> None:
    args: argparse.Namespace = parser("activations", __doc__, graphs=False).parse_args(argv)
    columns = [curve(name, LISTED) for name in ACTIVATIONS]
    headers = [text for name in ACTIVATIONS for text in (name, f"{name}'")]
    rows = [
        [z, *[f"{part[i]:.6f}" for both in columns for part in both]] for i, z in enumerate(LISTED)
    ]
    table(["z", *headers], rows)
    plot(sheet(), args, "activations.svg")


if __name__ == "__main__":
    run(main)
