"""What every demo shares: its command line, its tables, its pictures, its way to fail."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import viz
from microgrid.cli.ending import exit_code
from viz.plots.coloured_text import ColouredText
from viz.plots.svg import Plot

MOST = 10**9  # of whatever is counted
COMMAND = "python -m demos."  # how a demo is called; `microgrid demo` sets its own


def parser(
    name: str, docstring: str | None, default_out: str = ".", graphs: bool = True
) -> argparse.ArgumentParser:
    """An argument parser for `python -m demos.NAME` with --out and, if it draws graphs, --format.

    Plots are SVG in any case.
    """
    made = argparse.ArgumentParser(
        prog=f"{COMMAND}{name}",
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--out",
        type=as_folder,
        default=Path(default_out),
        metavar="DIR",
        help="folder for the pictures, made if missing (default: %(default)s)",
    )
    if graphs:
        made.add_argument(
            "--format",
            type=as_formats,
            default="svg,png",
            metavar="F,F",
            help=f"formats of the pictures: {', '.join(viz.FORMATS)} (default: %(default)s)",
        )
    return made


def as_formats(text: str) -> str:
    """Formats of pictures with commas between them, each of them one that there is.

    A demo that takes minutes says what is wrong with its options before it begins.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in viz.FORMATS:
            raise argparse.ArgumentTypeError(
                f"expected some of {', '.join(viz.FORMATS)}, with commas between, got {name!r}"
            )
    return ",".join(names)


def as_folder(text: str) -> Path:
    """A folder that is there and can be written to, or that can be made."""
    path = Path(text)
    there = next(part for part in (path, *path.absolute().parents) if part.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"{there} is a file, and no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"the folder {there} cannot be written to")
    return path


def as_file(text: str) -> Path:
    """A file that can be written: its folder is there."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, and no file")
    if not as_folder(str(path.parent)).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def at_least_one(made: argparse.ArgumentParser, args: argparse.Namespace, *names: str) -> None:
    """End with one sentence and exit code 2 if one of these options is less than 1, or huge."""
    for name in names:
        if not 1 <= getattr(args, name) <= MOST:
            expected = f"1 or more, at most {MOST:,}" if getattr(args, name) > MOST else "1 or more"
            made.error(f"argument --{name}: expected {expected}, got {getattr(args, name)}")


def not_negative(made: argparse.ArgumentParser, args: argparse.Namespace, *names: str) -> None:
    """End with one sentence and exit code 2 if one of these options is no number of 0 or more."""
    for name in names:
        if not 0.0 <= getattr(args, name) < math.inf:
            made.error(f"argument --{name}: expected 0 or more, got {getattr(args, name)}")


def run(main: Callable[[list[str] | None], None]) -> None:
    """Call `main` and leave with its exit code: 2 for bad input, one sentence; 130 for Ctrl-C."""
    sys.exit(exit_code(lambda: main(None)))


def number(x: float | None) -> str:
    """A number as a student writes it: -20, 0.5, never -20.0.

    >>> number(-20.0), number(0.1 + 0.2), number(-0.0), number(None)
    ('-20', '0.3', '0', '')
    """
    return "" if x is None else f"{x + 0.0:.12g}"  # + 0.0: no minus sign on a zero


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print an aligned table: text to the left, numbers to the right, no wrapping on a pipe."""
    rows = [[x if isinstance(x, str) else number(x) for x in row] for row in rows]
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, header in enumerate(headers):
        numeric = all(_is_number(row[position]) for row in rows)
        made.add_column(header, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(Text, row))
    console = _Console(highlight=False)
    if not console.is_terminal:
        console = _Console(highlight=False, width=200)
    if title:
        console.print(Text(title))
    console.print(made)


class _Console(Console):
    """A console that leaves it to `run` what happens when the reader has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def pictures(x: Any, args: argparse.Namespace, name: str, **options: Any) -> None:
    """Draw x to --out/NAME.FORMAT for every --format, and say where."""
    args.out.mkdir(parents=True, exist_ok=True)
    for kind in args.format.split(","):
        path = viz.render(x, args.out / f"{name}.{kind}", **options)
        print(f"wrote {path}")


def plot(made: Plot | ColouredText, args: argparse.Namespace, file: str) -> None:
    """Write a plot or a coloured text to --out/FILE, and say where."""
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"wrote {made.save(args.out / file)}")


def show(made: ColouredText) -> None:
    """Print a coloured text: in colour on a terminal, with a row of signs elsewhere."""
    console = _Console()
    print(made.ansi(colour=console.is_terminal and not console.no_color))
