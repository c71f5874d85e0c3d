"""Ctrl-C that waits for a good moment."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["CtrlC"]


class CtrlC:
    """While it is entered, Ctrl-C sets `pressed` instead of interrupting somewhere in a step.

    Parameters
    ----------
    insist : a second Ctrl-C raises KeyboardInterrupt at once: for steps that may last long

    In a thread other than the main one signals cannot be caught, and nothing is changed.

    >>> with CtrlC() as ctrl_c:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("the step is finished first")
    the step is finished first
    >>> ctrl_c.pressed
    True
    """

    def __init__(self, insist: bool = False) -> None:
        self.pressed = False
        self._insist = insist
        self._handler: Any = None

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed and self._insist:
            raise KeyboardInterrupt
        self.pressed = True
