"""The command line: `microgrid draw`, `microgrid step`, `microgrid doctor`."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import viz
from viz.picture.build import DETAILS
from viz.render import graphviz as engine
from viz.style.theme import THEMES

from . import nn
from .debugger import add_step_command
from .debugger.launch import load

CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
INPUTS = (1.0, 0.5, -1.0, 0.3, -0.6, 0.9)  # of `draw rnn`, over and over
TARGETS = (0.5, 0.2, -0.3, 0.1, 0.4, -0.2)


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code. Bad input is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="microgrid", description="Scalar autograd whose every gradient can be seen."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_draw_command(commands)
    add_step_command(commands)
    add_doctor_command(commands)
    args = parser.parse_args(argv)
    try:
        code = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # as in `microgrid draw rnn | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code or 0


def add_draw_command(subparsers: Any) -> None:
    """Add `draw` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "draw",
        help="draw a graph to a file, or in the terminal",
        description="Draw what FUNCTION() returns (a Value, a list of Values, or an unrolled "
        "run), or, with the word rnn, an unrolled cell with random weights.",
    )
    parser.add_argument("target", metavar="FILE.py:FUNCTION | rnn")
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help="a name that ends in .svg, .png, .pdf, .dot, or in .html for the player; "
        "without it the graph is written to the terminal",
    )  # fmt: skip
    parser.add_argument("--detail", metavar="LEVEL", help=", ".join(DETAILS))
    parser.add_argument("--theme", metavar="NAME", help=", ".join(THEMES))
    parser.add_argument("--title")
    sizes = parser.add_argument_group("with rnn")
    sizes.add_argument("--cell", choices=CELLS, default="rnn")
    sizes.add_argument("--steps", type=int, default=3)
    sizes.add_argument("--hidden", type=int, default=1)
    sizes.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=_draw)


def _draw(args: argparse.Namespace) -> None:
    x = _unrolled(args) if args.target == "rnn" else load(args.target)
    options = {name: getattr(args, name) for name in ("detail", "theme", "title")}
    given = {name: value for name, value in options.items() if value is not None}
    if args.output is None:
        given.pop("theme", None)
        print(viz.text(x, **given))
        return
    path = Path(args.output)
    format = path.suffix.removeprefix(".").lower()
    if format not in (*viz.FORMATS, "html"):
        raise ValueError(
            f"-o takes a name that ends in .svg, .png, .dot, .pdf or .html, got {args.output!r}"
        )
    if format == "html":
        given.pop("detail", None)  # the page has every level
        print(f"wrote {viz.player(x, path, **given)}")
    else:
        print(f"wrote {viz.render(x, path, **given)}")


def _unrolled(args: argparse.Namespace) -> nn.Unrolled:
    """A cell with one input and one output, run over some numbers and swept."""
    if args.steps < 1:
        raise ValueError(f"--steps must be 1 or more, got {args.steps}")
    cell = CELLS[args.cell](1, args.hidden, seed=args.seed)
    model = nn.SequenceModel(cell, readout=nn.Linear(args.hidden, 1, seed=args.seed + 1))
    rounds = range(args.steps)
    run = model.unroll(
        [INPUTS[t % len(INPUTS)] for t in rounds],
        [TARGETS[t % len(TARGETS)] for t in rounds],
        loss="mse",
    )
    assert run.loss is not None
    run.loss.backward()
    return run


def add_doctor_command(subparsers: Any) -> None:
    """Add `doctor` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor",
        help="say which Graphviz runs and what it can write",
        description="Say which Graphviz draws the pictures and try every format with it. "
        "The exit code is 1 where no SVG can be written.",
    )
    parser.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    print(f"microgrid      {_version('microgrid-autograd')}, Python {platform.python_version()}")
    for package in ("graphviz", "graphviz-pure", "numpy", "rich"):
        print(f"{package:<14} {_version(package)}")
    print(f"dot on PATH    {shutil.which('dot') or 'none'}")
    tried = {format: _try(format) for format in ("svg", "png", "pdf")}
    for format, (_, found) in tried.items():
        print(f"{format:<14} {found}")
    print("html, terminal need no Graphviz")
    return 0 if tried["svg"][0] else 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _try(format: str) -> tuple[bool, str]:
    """Whether a small picture can be made, and by which Graphviz, or why not."""
    try:
        found = engine.find(format)
        painted = found.run("digraph { a -> b }", format)
    except OSError as error:
        return False, f"no: {error}"
    return True, f"yes, {len(painted)} bytes by {found.version()} ({found.origin}, {found.program})"


if __name__ == "__main__":
    sys.exit(main())
