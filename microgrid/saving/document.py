"""JSON files, read with suspicion: what a file says is checked before anybody uses it.

Nothing in a file is run. Whatever is wrong with one is a ValueError of one sentence that
begins with the file's name; the functions here name the place, `reading` adds the file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ..wording import clean, short

__all__ = [
    "MAX_BYTES",
    "PathLike",
    "check_fields",
    "finite_number",
    "json_number",
    "numbers_in_rows",
    "read_object",
    "reading",
    "whole_number",
]

MAX_BYTES = 1 << 28  # 256 MB, a graph of about four million nodes
_MAX_AXES = 8  # no parameter has more of them

PathLike: TypeAlias = str | os.PathLike[str]


@contextmanager
def reading(path: PathLike) -> Iterator[None]:
    """Let every ValueError inside begin with the name of the file.

    >>> with reading("run.json"):
    ...     json_number("lr", True)
    Traceback (most recent call last):
    ...
    ValueError: run.json: lr must be a number, got True
    """
    try:
        yield
    except RecursionError:
        raise ValueError(clean(f"{os.fspath(path)}: is nested too deeply")) from None
    except ValueError as error:
        raise ValueError(clean(f"{os.fspath(path)}: {error}")) from None


def read_object(
    path: PathLike, kind: str, version: int, max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """The JSON object in a file, which must be of this format and version."""
    with open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"is larger than {max_bytes} bytes, which is the limit")
    try:
        content = json.loads(
            data.decode(), parse_constant=_no_constant, object_pairs_hook=_unique_names
        )
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ValueError(f"is not a {kind}, or was cut short: {error}") from None
    if not isinstance(content, dict) or content.get("format") != kind:
        found = content.get("format") if isinstance(content, dict) else content
        raise ValueError(f"is not a {kind}: its format is {short(found)}")
    if content.get("version") != version or content["version"] is True:
        found = short(content.get("version"))
        raise ValueError(f"has version {found}, this microgrid reads version {version}")
    return content


def check_fields(what: str, found: Any, required: set[str], optional: set[str]) -> None:
    """ValueError unless `found` is an object with the required fields and no unknown one."""
    if not isinstance(found, dict):
        raise ValueError(f"{what} must be an object, got {short(found)}")
    if missing := sorted(required - found.keys()):
        raise ValueError(f"{what} has no {missing[0]!r}")
    if unknown := sorted(found.keys() - required - optional):
        raise ValueError(f"{what} has an unknown field {short(unknown[0])}")


def json_number(what: str, x: Any) -> float:
    """x as a float; ValueError unless it is a finite number.

    >>> json_number("data of node 3", 2)
    2.0
    """
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise ValueError(f"{what} must be a number, got {short(x)}")
    try:
        if math.isfinite(x):
            return float(x)
    except OverflowError:  # an integer of hundreds of digits
        pass
    raise ValueError(f"{what} does not fit a float")


def whole_number(what: str, x: Any) -> int:
    """x if it is a whole number of 0 or more; ValueError otherwise."""
    if isinstance(x, bool) or not isinstance(x, int) or x < 0:
        raise ValueError(f"{what} must be a whole number of 0 or more, got {short(x)}")
    return x


def numbers_in_rows(what: str, numbers: Any, depth: int = 0) -> None:
    """ValueError unless `numbers` is a finite number, or a list of such lists or numbers."""
    if depth > _MAX_AXES:
        raise ValueError(f"{what} is nested too deeply for a parameter")
    if isinstance(numbers, list):
        for item in numbers:
            numbers_in_rows(what, item, depth + 1)
    else:
        json_number(what, numbers)


def finite_number(what: str, number: float) -> float:
    """A number on its way into a file; ValueError for nan and infinity."""
    if not math.isfinite(number):
        raise ValueError(f"{what} cannot be saved: JSON has no {float(number)!r}")
    return float(number)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
