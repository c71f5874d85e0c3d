"""`microgrid doctor`: what is installed, and what can be drawn with it."""

from __future__ import annotations

import argparse
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from microgrid.tape.engines import report
from viz.drawing.drawing import Drawing, Group, Rect
from viz.formats import FORMATS
from viz.formats import graphviz as engine

__all__ = ["add_doctor_command"]


def add_doctor_command(subparsers: Any) -> None:
    """Add `doctor` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor",
        help="say what can be written, by which Graphviz, and which engine replays tapes",
        description="Write a small picture in every format and say how that went, by which "
        "Graphviz PNG is made, and which engine replays tapes. The exit code is 1 where a "
        "format cannot be written.",
    )
    parser.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    print(f"microgrid      {_version('microgrid-autograd')}, Python {platform.python_version()}")
    for package in ("graphviz", "graphviz-pure", "numpy", "rich"):
        print(f"{package:<14} {_version(package)}")
    print(f"dot on PATH    {shutil.which('dot') or 'none'}")
    tried = {format: _try(format) for format in FORMATS}
    for format, (_, found) in tried.items():
        print(f"{format:<14} {found}")
    print("html, terminal yes")
    print(f"tapes          {report()}")
    return 0 if all(works for works, _ in tried.values()) else 1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _try(format: str) -> tuple[bool, str]:
    """Whether a small picture can be written in a format, and how, or why not."""
    card = Group(
        "card", "card", "a card", (Rect("box", 4.0, 4.0, 32.0, 22.0, "#ffffff", "#000000"),)
    )
    drawing = Drawing("doctor", 40.0, 30.0, "#ffffff", (card,))
    try:
        painted = FORMATS[format](drawing)
        how = engine.find() if format == "png" else None
    except OSError as error:
        return False, f"no: {error}"
    by = f" by {how.version()} ({how.origin}, {how.program})" if how else ", no Graphviz needed"
    return True, f"yes, {len(painted)} bytes{by}"
