"""Parameters as JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..wording import short
from .document import (
    MAX_BYTES,
    PathLike,
    check_fields,
    finite_number,
    numbers_in_rows,
    read_object,
    reading,
)

__all__ = ["load_parameters", "save_parameters"]

_VERSION = 1
_PARAMETERS = "microgrid parameters"


def save_parameters(parameters: Any, path: PathLike) -> Path:
    """Write a Module's parameters, or a state_dict: numbers or nested lists by name.

    >>> import tempfile
    >>> from microgrid import nn
    >>> layer = nn.Linear(2, 1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state = load_parameters(save_parameters(layer, Path(folder) / "layer.json"))
    >>> state == layer.state_dict()
    True
    """
    state = parameters.state_dict() if hasattr(parameters, "state_dict") else parameters
    if not isinstance(state, Mapping):
        raise TypeError(f"save_parameters takes a Module or a state_dict, got {parameters!r}")
    content = {name: _plain(str(name), numbers) for name, numbers in state.items()}
    text = {"format": _PARAMETERS, "version": _VERSION, "parameters": content}
    return write_whole(path, json.dumps(text, indent=1) + "\n")


def load_parameters(path: PathLike, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read what `save_parameters` wrote, for `module.load_state_dict`.

    ValueError, in one sentence, for anything else (see `load_graph`).
    """
    with reading(path):
        content = read_object(path, _PARAMETERS, _VERSION, max_bytes)
        check_fields("the file", content, {"format", "version", "parameters"}, set())
        parameters: Any = content["parameters"]
        if not isinstance(parameters, dict):
            raise ValueError(f"parameters must be an object, got {short(parameters)}")
        for name, numbers in parameters.items():
            numbers_in_rows(short(name), numbers)
    return parameters


def _plain(name: str, numbers: Any) -> Any:
    if hasattr(numbers, "tolist"):
        numbers = numbers.tolist()
    if isinstance(numbers, list | tuple):
        return [_plain(name, x) for x in numbers]
    return finite_number(name, numbers)
