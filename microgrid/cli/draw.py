"""`microgrid draw` and `microgrid frames`: pictures without any Python."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path
from typing import Any

import viz
from viz.formats import suffixes
from viz.picture.build import DETAILS, EXPAND
from viz.picture.model import SHOWN
from viz.style.theme import THEMES

from ..patience import patience
from .target import add_target, target

__all__ = ["add_draw_command", "add_frames_command"]

_PAGE_OPTIONS = ("title", "captions", "theme")  # a page holds every level and the whole sweep


def add_draw_command(subparsers: Any) -> None:
    """Add `draw` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "draw",
        help="draw a graph to a file, or in the terminal",
        description="Draw what FUNCTION() returns (a Value, a list of Values, or an unrolled "
        "run), or, with the word rnn, lstm or gru, an unrolled cell with random weights.",
    )
    add_target(parser)
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
    add_target(parser)
    parser.add_argument("-o", "--output", metavar="DIR", default="frames",
                        help="the folder, made if missing (default: %(default)s)")  # fmt: skip
    parser.add_argument(
        "--sweep", choices=viz.SWEEPS, help="both: values first, then messages (default: backward)"
    )
    _add_options(parser)
    parser.set_defaults(run=_frames)


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
    x, given = target(args), _given(args)
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
    x = target(args)
    with patience(f"drawing into {args.output}"):
        made = viz.frames(x, args.output, **_given(args))
    print(f"wrote {len(made)} pictures, {made[0]} to {made[-1].name}")


def _refuse(given: dict[str, Any], names: tuple[str, ...] | list[str], why: str) -> None:
    for name in names:
        if name in given:
            raise ValueError(f"--{name} has no effect here: {why}")
