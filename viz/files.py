"""Where a file goes: into a folder that exists, under a name that says the format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def target(path: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """`path` if its suffix is one of `suffixes` and its folder exists.

    >>> target("quiz.txt", (".svg", ".png"))
    Traceback (most recent call last):
    ...
    ValueError: the file name must end in .svg or .png, got 'quiz.txt'
    """
    place = Path(path)
    if place.suffix.lower() not in suffixes:
        known = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
        raise ValueError(f"the file name must end in {known}, got {place.name!r}")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(place.parent)!r} to write into")
    return place
