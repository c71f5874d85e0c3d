"""`microgrid exercise` and `microgrid check`: worksheets, and answers to them."""

from __future__ import annotations

import argparse
from typing import Any

from ..exercise import check_answers

__all__ = ["add_check_command"]


def add_check_command(subparsers: Any) -> None:
    """Add `check` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "check",
        help="check the answers to an exercise",
        description="Hold the answers in a JSON file, which `microgrid exercise` has written and a "
        "student has filled in, against the right ones. The exit code is 1 if one is wrong.",
    )
    parser.add_argument("answers", metavar="ANSWERS.json")
    parser.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    report = check_answers(args.answers)
    print(report)
    return 0 if report.ok else 1
