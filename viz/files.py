"""Writing files: into a folder that exists, under a name that says the format, whole."""

from __future__ import annotations

import os
import tempfile
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


def write(target: Path, content: bytes) -> Path:
    """Write a file whole or not at all: a temporary file takes the name at the end."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise type(error)(f"cannot write into {str(target.parent)!r}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except OSError as error:
        os.unlink(name)
        raise type(error)(f"cannot write {str(target)!r}: {error.strerror}") from None
    return target
