"""Our code beside another checkout of it: processes that take turns at one measurement."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent.parent
COLUMNS = ("theirs", "ours", "ratio of the least", "median ratio")


class Process:
    """One of our scripts, run on the packages of a checkout; it answers each line with seconds."""

    def __init__(self, script: str, folder: Path, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), **environment},
        )  # fmt: skip

    def seconds(self, question: str) -> float:
        """The processor time of what the line asks for."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n")
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def race(
    title: str, other: Process, ours: Process, asked: tuple[str, str], rounds: int
) -> list[str]:
    """A row: the least of both, and the ratios of the least ones and of the rounds' median.

    asked: the line for the other process, and the one for ours
    """
    first, second = asked
    turns = [(other.seconds(first), ours.seconds(second)) for _ in range(rounds + 2)][2:]
    theirs, here = (min(side) for side in zip(*turns))
    return [
        title,
        *(f"{1e3 * least:.2f} ms" for least in (theirs, here)),
        *(f"{times:.2f}" for times in (theirs / here, median(a / b for a, b in turns))),
    ]


def commit(folder: Path | None) -> str:
    """For a sentence about the folder: which commit is checked out there, if git knows."""
    if folder is None:
        return ""
    command: Sequence[str] = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found and f", a checkout of {found}"
