"""`microgrid step`: pdb for backpropagation."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from ..debugger import debug
from ..graph import root_of
from .target import add_target, target

__all__ = ["add_step_command"]


def add_step_command(subparsers: Any) -> None:
    """Add `step` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "step",
        help="step through the backward sweep of a graph at a prompt",
        description="Step through the backward sweep of what FUNCTION() returns: a Value, or an "
        "unrolled run, or, with the word rnn, lstm or gru, of an unrolled cell with random "
        "weights. Commands may also come from a file or a pipe; h lists them.",
    )
    add_target(parser)
    parser.add_argument(
        "-c", "--commands", type=Path, metavar="FILE", help="read the commands from a file"
    )
    parser.add_argument(
        "--forward", action="store_true", help="begin with the forward pass, value by value"
    )
    parser.set_defaults(run=_step)


def _step(args: argparse.Namespace) -> None:
    x = target(args)
    root_of(x)
    if args.commands is None:
        debug(x, forward=args.forward)
        return
    try:
        commands = args.commands.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"cannot read the commands in {args.commands}: {error.strerror}") from None
    debug(x, io.StringIO(commands), forward=args.forward)
