"""Debugger: the prompt with all its commands. Each kind of command has a file of its own:

shell (reading and answering) <- moving <- looking <- changing <- asking <- Debugger
"""

from __future__ import annotations

from typing import ClassVar

from .asking import Asking

__all__ = ["Debugger"]


class Debugger(Asking):
    """A prompt over the sweep of a Value or an unrolled run. `help` lists the commands."""

    commands: ClassVar[list[str]] = [
        "step", "next", "vector", "gate", "return", "continue", "until", "back", "restart",
        "break", "tbreak", "clear", "history",
        "p", "where", "up", "down", "terms", "list", "display", "undisplay", "draw",
        "set", "nudge", "undo", "quiz", "help", "quit",
    ]  # fmt: skip
