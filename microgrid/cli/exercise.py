"""`microgrid exercise` and `microgrid check`: worksheets, and answers to them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..debugger.launch import load
from ..exercise import GRAPHS, KINDS, Exercise, check_answers, exercise
from ..files import write_whole
from ..wording import clean

__all__ = ["add_check_command", "add_exercise_command"]


def add_exercise_command(subparsers: Any) -> None:
    """Add `exercise` to the subparsers of a command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "exercise",
        help="write a worksheet with fresh numbers, its key, and a file for the answers",
        description="Write questions on a graph with fresh numbers: SHEET.pdf, SHEET-key.pdf, and "
        "SHEET.json, which a student fills in and `microgrid check` checks. The same seed always "
        "gives the same sheet. Without -o the graph and the questions are printed.",
    )
    parser.add_argument("graph", metavar=f"{' | '.join(GRAPHS)} | FILE.py:FUNCTION")
    parser.add_argument("--seed", type=int, default=0, help="of the numbers (default: %(default)s)")
    parser.add_argument("--count", type=int, default=8, help="questions (default: %(default)s)")
    parser.add_argument("--kinds", nargs="+", default=(), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("-o", "--output", metavar="SHEET.pdf", help="or .svg, .png, .tex")
    parser.set_defaults(run=_exercise)


def _exercise(args: argparse.Namespace) -> None:
    if args.seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {args.seed}")
    own = ":" in args.graph
    graph = load(args.graph) if own else args.graph
    made = exercise(graph, args.seed, args.count, args.kinds, name=args.graph if own else "")
    if len(made.questions) < args.count:
        asked = f"{args.count} were asked for"
        print(f"this graph gives {len(made.questions)} questions, {asked}", file=sys.stderr)
    if args.output is None:
        print("\n".join(clean(line) for line in made.given()), end="\n\n")
        for i, question in enumerate(made.questions, start=1):
            print(f"{i}. {question.text}")
            for letter, choice in zip("abcdefgh", question.choices):
                print(f"   ({letter}) {choice}")
        return
    from viz.worksheet import write_worksheet

    for file in write_worksheet(made, args.output):
        print(f"wrote {file}")
    if not own:  # answers are checked against an exercise that can be made again by its name
        print(f"wrote {_write_blank(made, Path(args.output).with_suffix('.json'))}")


def _write_blank(made: Exercise, path: Path) -> Path:
    return write_whole(path, json.dumps(made.blank(), indent=1) + "\n")


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
