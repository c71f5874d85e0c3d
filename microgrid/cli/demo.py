"""`microgrid demo`: the lectures' systems, runnable wherever microgrid is installed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ..wording import aligned

__all__ = ["add_demo_command"]


def add_demo_command(subparsers: Any) -> None:
    """Add `demo` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="run a demo: the quiz, an LSTM, a character-level network, ...",
        description="Run the demo NAME with its own options, `microgrid demo NAME --help` tells "
        "which. Without a name, say what there is.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="OPTION ...")
    parser.set_defaults(run=_demo)


def _demo(args: argparse.Namespace) -> None:
    package = _package()
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    if args.name is None:
        print("\n".join(aligned([[name, _title(package, name)] for name in names])))
        return
    if args.name not in names:
        raise ValueError(f"there is no demo {args.name!r}, only {', '.join(names)}")
    common: Any = importlib.import_module(f"{package.__name__}._common")
    before, common.COMMAND = common.COMMAND, "microgrid demo "
    try:
        importlib.import_module(f"{package.__name__}.{args.name}").main(args.options)
    finally:
        common.COMMAND = before


def _package() -> ModuleType:
    """The demos: microgrid.demos where it is installed, the folder demos of a checkout."""
    if importlib.util.find_spec("microgrid.demos") is not None:
        return importlib.import_module("microgrid.demos")
    checkout = Path(__file__).parents[2]
    if not (checkout / "demos" / "quiz.py").is_file():
        raise ValueError("this installation of microgrid came without its demos")
    sys.path.insert(0, str(checkout))
    return importlib.import_module("demos")


def _title(package: ModuleType, name: str) -> str:
    module = importlib.import_module(f"{package.__name__}.{name}")
    return (inspect.getdoc(module) or "").partition("\n")[0]
