"""The graph that a command is about: what a file makes, or a cell with random weights."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

from .. import nn
from ..debugger.launch import load

__all__ = ["add_target", "target"]

_CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
_INPUTS = (1.0, 0.5, -1.0, 0.3, -0.6, 0.9)  # what `draw rnn` feeds in, over and over
_TARGETS = (0.5, 0.2, -0.3, 0.1, 0.4, -0.2)
# Weights of a layer, or units over time: what a picture refuses would take minutes to make.
_MOST = 60_000


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the graph that a command is about, and the sizes of a cell."""
    parser.add_argument("target", metavar=f"FILE.py:FUNCTION | {' | '.join(_CELLS)}")
    sizes = parser.add_argument_group(f"with {', '.join(_CELLS)}")
    # `draw rnn --cell lstm` is understood, though not told of.
    sizes.add_argument("--cell", choices=_CELLS, help=argparse.SUPPRESS)
    sizes.add_argument("--steps", type=int, default=3, help="time steps (default: %(default)s)")
    sizes.add_argument("--hidden", type=int, default=1, help="units (default: %(default)s)")
    sizes.add_argument("--layers", type=int, default=1, help="stacked cells (default: %(default)s)")
    sizes.add_argument("--seed", type=int, default=0, help="of the weights (default: %(default)s)")
    sizes.add_argument(
        "--loss-only-last", action="store_true", help="many-to-one: a loss at the last step alone"
    )


def target(args: argparse.Namespace) -> Any:
    """The graph that a command is about: a cell by name, or what a function of a file returns."""
    if args.target in _CELLS:
        return _unrolled(args.cell or args.target, args)
    if ":" not in args.target:
        known, file = ", ".join(_CELLS), args.target
        said = f"expected FILE.py:FUNCTION or one of {known}, got {file!r}"
        hint = f"; name its function that returns the loss: {file}:FUNCTION"
        raise ValueError(said + (hint if Path(file).is_file() else ""))
    return load(args.target)


def _unrolled(kind: str, args: argparse.Namespace) -> nn.Unrolled:
    """A cell with one input and one output, run over some numbers and swept."""
    for name in ("steps", "hidden", "layers"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} must be 1 or more, got {getattr(args, name)}")
    if args.seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {args.seed}")
    if args.layers * args.hidden * max(args.hidden, args.steps) > _MOST:
        raise ValueError(
            f"{args.layers} x {args.hidden} units over {args.steps} steps are more than a picture "
            f"is made of: give smaller --hidden, --steps or --layers"
        )
    sizes = [1] + [args.hidden] * args.layers
    cells = [_CELLS[kind](*size, seed=args.seed + n) for n, size in enumerate(pairwise(sizes))]
    cell = cells[0] if args.layers == 1 else nn.Stacked(cells)
    model = nn.SequenceModel(cell, readout=nn.Linear(args.hidden, 1, seed=args.seed + args.layers))
    rounds = range(args.steps)
    run = model.unroll(
        [_INPUTS[t % len(_INPUTS)] for t in rounds],
        [_TARGETS[t % len(_TARGETS)] for t in rounds],
        loss="mse",
        at="last" if args.loss_only_last else "all",
    )
    run.loss.backward()
    return run
