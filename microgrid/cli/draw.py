"""`microgrid draw` and `microgrid frames`: pictures without any Python."""

from __future__ import annotations

import argparse
import webbrowser
from itertools import pairwise
from pathlib import Path
from typing import Any

import viz
from viz.formats import suffixes
from viz.picture.build import DETAILS, EXPAND
from viz.picture.model import SHOWN
from viz.style.theme import THEMES

from .. import nn
from ..debugger.launch import load
from .patience import patience

__all__ = ["add_draw_command", "add_frames_command"]

_CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
_INPUTS = (1.0, 0.5, -1.0, 0.3, -0.6, 0.9)  # what `draw rnn` feeds in, over and over
_TARGETS = (0.5, 0.2, -0.3, 0.1, 0.4, -0.2)
# Weights of a layer, or units over time: what a picture refuses would take minutes to make.
_MOST = 60_000
_PAGE_OPTIONS = ("title", "captions", "theme")  # a page holds every level and the whole sweep


def add_draw_command(subparsers: Any) -> None:
    """Add `draw` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "draw",
        help="draw a graph to a file, or in the terminal",
        description="Draw what FUNCTION() returns (a Value, a list of Values, or an unrolled "
        "run), or, with the word rnn, lstm or gru, an unrolled cell with random weights.",
    )
    _add_target(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help=f"a name that ends in {suffixes()}, or in .html for the player; "
        "without it the graph is written to the terminal",
    )  # fmt: skip
    parser.add_argument("--open", action="store_true", help="show the file when it is written")
    _add_options(parser)
    parser.add_argument(
        "--upto", type=int, metavar="K", help="the backward sweep after K messages, the rest grey"
    )
    parser.set_defaults(run=_draw)


def add_frames_command(subparsers: Any) -> None:
    """Add `frames` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "frames",
        help="draw the sweep as a folder of pictures, one per message",
        description="Draw one picture for every message of the backward sweep, or for every "
        "value of the forward pass, all in the same place and colours: slides of "
        "backpropagation.",
    )
    _add_target(parser)
    parser.add_argument("-o", "--output", metavar="DIR", default="frames",
                        help="the folder, made if missing (default: %(default)s)")  # fmt: skip
    parser.add_argument(
        "--sweep", choices=viz.SWEEPS, help="both: values first, then messages (default: backward)"
    )
    _add_options(parser)
    parser.set_defaults(run=_frames)


def _add_target(parser: argparse.ArgumentParser) -> None:
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


def _add_options(parser: argparse.ArgumentParser) -> None:
    """The options of viz.draw, under the same names."""
    shown = ", ".join(sorted(SHOWN))
    several: dict[str, Any] = {"action": "extend", "nargs": "+", "metavar": "NAME"}
    parser.add_argument("--detail", metavar="LEVEL", help=", ".join(DETAILS))
    parser.add_argument("--theme", metavar="NAME", help=", ".join(THEMES))
    parser.add_argument("--title")
    parser.add_argument("--captions", nargs="+", metavar="TEXT", help="one for each time step")
    parser.add_argument("--expand", **several, help=f"open what is folded: {', '.join(EXPAND)}")
    parser.add_argument("--show", **several, help=f"print only these: {shown}")
    parser.add_argument("--hide", **several, help="leave these blank, for students to fill in")
    parser.add_argument("--highlight", metavar="LEAF", help="the strongest path to it, in red")


_OPTIONS = ("detail", "theme", "title", "captions", "expand", "show", "hide", "highlight", "upto",
           "sweep")  # fmt: skip


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were set on the command line."""
    return {name: x for name in _OPTIONS if (x := getattr(args, name, None)) is not None}


def _draw(args: argparse.Namespace) -> None:
    x, given = _target(args), _given(args)
    if args.output is None:
        _refuse(given, ("theme",), "the terminal has its own colours; give a file with -o")
        if args.open:
            raise ValueError("--open shows a file; name one with -o")
        with patience("reading the graph"):
            text = viz.text(x, **given)
        print(text)
        return
    path = Path(args.output)
    format = path.suffix.removeprefix(".").lower()
    if format == "html":
        others = [name for name in given if name not in _PAGE_OPTIONS]
        _refuse(given, others, "the page holds every level and the whole sweep")
    elif format not in viz.FORMATS:
        raise ValueError(f"-o takes a name that ends in {suffixes('html')}, got {path.name!r}")
    with patience(f"drawing {path.name}"):
        made = (viz.player if format == "html" else viz.render)(x, path, **given)
    print(f"wrote {made}")
    if args.open and not webbrowser.open(made.resolve().as_uri()):
        raise OSError(f"no program was found here that shows {path.name}")


def _frames(args: argparse.Namespace) -> None:
    x = _target(args)
    with patience(f"drawing into {args.output}"):
        made = viz.frames(x, args.output, **_given(args))
    print(f"wrote {len(made)} pictures, {made[0]} to {made[-1].name}")


def _refuse(given: dict[str, Any], names: tuple[str, ...] | list[str], why: str) -> None:
    for name in names:
        if name in given:
            raise ValueError(f"--{name} has no effect here: {why}")


def _target(args: argparse.Namespace) -> Any:
    """What is to be drawn: a cell by name, or what a function of a file returns."""
    if args.target in _CELLS:
        return _unrolled(args.cell or args.target, args)
    if ":" not in args.target:
        known = ", ".join(_CELLS)
        raise ValueError(f"expected FILE.py:FUNCTION or one of {known}, got {args.target!r}")
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
