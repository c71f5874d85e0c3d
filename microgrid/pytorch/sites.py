"""Where in the user's program a call was made, and within which autograd.Function."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch

__all__ = ["FunctionCall", "Site", "function_around", "user_site", "variable_name"]

_OURS = str(Path(__file__).resolve().parent)
_TORCH = str(Path(torch.__file__).resolve().parent)
_APPLY = torch.autograd.Function.apply.__func__.__code__


@dataclass(frozen=True, slots=True)
class Site:
    """A line of a program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}" if self.file else "an unknown line"


@cache
def _foreign(code: CodeType) -> bool:
    """Whether a frame is PyTorch's or ours, and so not the user's."""
    file = os.path.abspath(code.co_filename)
    inside = file.startswith((_TORCH + os.sep, _OURS + os.sep)) or code.co_filename.startswith(
        "<frozen"
    )
    return inside or f"{os.sep}contextlib.py" in file


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def user_site() -> Site:
    """The line of the innermost frame that is neither PyTorch's nor ours."""
    for frame in _frames():
        if not _foreign(frame.f_code):
            return Site(frame.f_code.co_filename, frame.f_lineno)
    return Site("", 0)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """An autograd.Function whose forward is running: its name, its arguments, the caller's line.

    `frame` is Python's, which tells one application from the next; `torchs_own` says that the
    Function is a part of PyTorch, as that of checkpoint() is.
    """

    name: str
    arguments: tuple[Any, ...]
    site: Site
    frame: FrameType
    torchs_own: bool


def function_around() -> FunctionCall | None:
    """The outermost autograd.Function that is being applied, None where there is none."""
    apply = caller = None
    for frame in _frames():
        if frame.f_code is _APPLY:
            apply, caller = frame, None
        elif apply is not None and caller is None and not _foreign(frame.f_code):
            caller = Site(frame.f_code.co_filename, frame.f_lineno)
    if apply is None:
        return None
    names = apply.f_locals
    kind, site = names["cls"], caller or Site("", 0)
    own = kind.__module__.partition(".")[0] == "torch"
    return FunctionCall(kind.__name__, names["args"], site, apply, own)


def variable_name(tensor: Any) -> str:
    """What the user's program calls an object: the name of a variable that is it, or ""."""
    for frame in _frames():
        if not _foreign(frame.f_code):
            for names in (frame.f_locals, frame.f_globals):
                for name, thing in names.items():
                    if thing is tensor and not name.startswith("_"):
                        return name
    return ""
