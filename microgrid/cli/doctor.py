"""`microgrid doctor`: what is installed, and what can be drawn with it."""

from __future__ import annotations

import argparse
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from microgrid.tape.engines import report
from viz.formats import graphviz as engine

__all__ = ["add_doctor_command"]


def add_doctor_command(subparsers: Any) -> None:
    """Add `doctor` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor",
        help="say which Graphviz runs, what it can write, and which engine replays tapes",
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
    print(f"tapes          {report()}")
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
