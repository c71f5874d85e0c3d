"""Graphs and parameters as JSON files: written whole, read with suspicion.

A file holds what cannot be computed: the numbers of the leaves, and how every other
node was made. Values and local derivatives are computed again on loading, so no file
can claim a wrong one; gradients come back with `backward()`. Nothing in a file is run.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any, TypeAlias

from .files import write_whole
from .ops import DOT, Op, by_name
from .value import Operand, Value, creation_order, record

__all__ = ["load_graph", "load_parameters", "save_graph", "save_parameters"]

VERSION = 1
GRAPH, PARAMETERS = "microgrid graph", "microgrid parameters"
MAX_BYTES = 1 << 28  # 256 MB, a graph of about four million nodes
MAX_AXES = 8  # of a parameter

PathLike: TypeAlias = str | os.PathLike[str]


def save_graph(roots: Value | Sequence[Value], path: PathLike) -> Path:
    """Write a Value, or a list of Values, and all they depend on. One line per node.

    ValueError for nan and infinity, which JSON does not have, and for an op that is not
    in the table; OSError where the file cannot be written. The file is written whole.

    >>> import tempfile
    >>> a = Value(3.0, label="a")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copy = load_graph(save_graph(a * a, Path(folder) / "square.json"))
    >>> copy
    Value(9.0, op=mul)
    """
    several = not isinstance(roots, Value)
    nodes = creation_order(*_values(roots))
    index = {node: i for i, node in enumerate(nodes)}
    lines = ",\n".join(json.dumps(_encode(node, index)) for node in nodes)
    found = [index[root] for root in _values(roots)]
    head = json.dumps(
        {"format": GRAPH, "version": VERSION, "roots": found if several else found[0]}
    )
    return write_whole(path, f'{head[:-1]}, "nodes": [\n{lines}\n]}}\n')


def load_graph(path: PathLike, max_bytes: int = MAX_BYTES) -> Any:
    """Read what `save_graph` wrote: a Value for a Value, a list for a list.

    ValueError, in one sentence, for anything else: another format or version, a file cut
    short or larger than `max_bytes`, an unknown op, a wrong number of operands, an operand
    that is not an earlier node (so there are no cycles), nan, numbers that are none.
    """
    content = _read(path, GRAPH, {"roots", "nodes"}, max_bytes)
    encoded, roots = content["nodes"], content["roots"]
    if not isinstance(encoded, list):
        raise _refusal(path, f"nodes must be a list, got {_short(encoded)}")
    # An empty context: no scope and no no_grad of the caller takes part.
    nodes: list[Value] = Context().run(_decode_all, path, encoded)
    if isinstance(roots, list):
        return [nodes[_position(path, "roots", i, len(nodes))] for i in roots]
    return nodes[_position(path, "roots", roots, len(nodes))]


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
    text = {"format": PARAMETERS, "version": VERSION, "parameters": content}
    return write_whole(path, json.dumps(text, indent=1) + "\n")


def load_parameters(path: PathLike, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read what `save_parameters` wrote, for `module.load_state_dict`.

    ValueError, in one sentence, for anything else (see `load_graph`).
    """
    content = _read(path, PARAMETERS, {"parameters"}, max_bytes)["parameters"]
    if not isinstance(content, dict):
        raise _refusal(path, f"parameters must be an object, got {_short(content)}")
    for name, numbers in content.items():
        _check_rows(path, name, numbers)
    return content


# Writing


def _values(roots: Value | Sequence[Value]) -> Sequence[Value]:
    found = [roots] if isinstance(roots, Value) else list(roots)
    for root in found:
        if not isinstance(root, Value):
            raise TypeError(f"save_graph takes a Value or a list of Values, got {root!r}")
    return found


def _encode(node: Value, index: Mapping[Value, int]) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    if node.op is None:
        encoded["data"] = _finite(node.data, repr(node))
    else:
        if by_name(node.op.name) is not node.op:
            raise ValueError(f"{node!r} cannot be saved: its op is not the {node.op} of the table")
        encoded["op"] = node.op.name
        encoded["operands"] = [
            index[x] if isinstance(x, Value) else {"number": _finite(x, repr(node))}
            for x in node.operands
        ]
    for name in ("label", "scope"):
        if text := getattr(node, name):
            encoded[name] = text
    return encoded


def _plain(name: str, numbers: Any) -> Any:
    if hasattr(numbers, "tolist"):
        numbers = numbers.tolist()
    if isinstance(numbers, list | tuple):
        return [_plain(name, x) for x in numbers]
    return _finite(numbers, name)


def _finite(number: float, what: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{what} cannot be saved: JSON has no {float(number)!r}")
    return float(number)


# Reading


def _refusal(path: PathLike, reason: str) -> ValueError:
    return ValueError(f"{os.fspath(path)}: {reason}")


def _short(x: Any) -> str:
    text = repr(x) if not isinstance(x, list | dict) else f"a {type(x).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read(path: PathLike, format: str, fields: set[str], max_bytes: int) -> dict[str, Any]:
    """The JSON object in the file, if it is of this format and version and has these fields."""
    with open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise _refusal(path, f"is larger than {max_bytes} bytes, which is the limit")
    try:
        content = json.loads(
            data.decode(), parse_constant=_no_constant, object_pairs_hook=_unique_names
        )
    except RecursionError:
        raise _refusal(path, "is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise _refusal(path, f"is not a {format}, or was cut short: {error}") from None
    if not isinstance(content, dict) or content.get("format") != format:
        found = content.get("format") if isinstance(content, dict) else content
        raise _refusal(path, f"is not a {format}: its format is {_short(found)}")
    if content.get("version") != VERSION or content["version"] is True:
        version = _short(content.get("version"))
        raise _refusal(path, f"has version {version}, this microgrid reads version {VERSION}")
    _check_fields(path, "the file", content, fields | {"format", "version"}, set())
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _check_fields(
    path: PathLike, what: str, found: Any, required: set[str], optional: set[str]
) -> None:
    if not isinstance(found, dict):
        raise _refusal(path, f"{what} must be an object, got {_short(found)}")
    if missing := sorted(required - found.keys()):
        raise _refusal(path, f"{what} has no {missing[0]!r}")
    if unknown := sorted(found.keys() - required - optional):
        raise _refusal(path, f"{what} has an unknown field {_short(unknown[0])}")


def _decode_all(path: PathLike, encoded: Sequence[Any]) -> list[Value]:
    nodes: list[Value] = []
    for i, fields in enumerate(encoded):
        nodes.append(_decode(path, f"node {i}", fields, nodes))
    return nodes


def _decode(path: PathLike, what: str, fields: Any, earlier: Sequence[Value]) -> Value:
    is_leaf = isinstance(fields, dict) and "data" in fields
    required = {"data"} if is_leaf else {"op", "operands"}
    _check_fields(path, what, fields, required, {"label", "scope"})
    if is_leaf:
        node = Value(_number(path, f"data of {what}", fields["data"]))
    else:
        op = _op(path, what, fields["op"])
        node = record(op, _operands(path, what, op, fields["operands"], earlier))
    for name in ("label", "scope"):
        text = fields.get(name, "")
        if not isinstance(text, str):
            raise _refusal(path, f"{name} of {what} must be a string, got {_short(text)}")
        setattr(node, name, text)
    return node


def _op(path: PathLike, what: str, name: Any) -> Op:
    try:
        return by_name(name)
    except ValueError:
        raise _refusal(path, f"{what} has the unknown operation {_short(name)}") from None


def _operands(
    path: PathLike, what: str, op: Op, encoded: Any, earlier: Sequence[Value]
) -> list[Operand]:
    if not isinstance(encoded, list):
        raise _refusal(path, f"operands of {what} must be a list, got {_short(encoded)}")
    n = len(encoded)
    takes = n == op.arity if op.arity else n > 0 and (op is not DOT or n % 2 == 0)
    if not takes:
        raise _refusal(path, f"{what} has {n} operands, which {op} does not take")
    operands: list[Operand] = []
    for x in encoded:
        if isinstance(x, dict):
            _check_fields(path, f"an operand of {what}", x, {"number"}, set())
            operands.append(_number(path, f"an operand of {what}", x["number"]))
        else:
            operands.append(earlier[_position(path, f"an operand of {what}", x, len(earlier))])
    if not any(isinstance(x, Value) for x in operands):
        raise _refusal(path, f"{what} has no node among its operands")
    return operands


def _position(path: PathLike, what: str, i: Any, n: int) -> int:
    if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < n:
        raise _refusal(
            path, f"{what} must be the number of a node before it, 0..{n - 1}, got {_short(i)}"
        )
    return i


def _number(path: PathLike, what: str, x: Any) -> float:
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise _refusal(path, f"{what} must be a number, got {_short(x)}")
    try:
        if math.isfinite(x):
            return float(x)
    except OverflowError:
        pass
    raise _refusal(path, f"{what} does not fit a float")


def _check_rows(path: PathLike, name: str, numbers: Any, depth: int = 0) -> None:
    if depth > MAX_AXES:
        raise _refusal(path, f"{_short(name)} is nested too deeply for a parameter")
    if isinstance(numbers, list):
        for item in numbers:
            _check_rows(path, name, item, depth + 1)
    else:
        _number(path, _short(name), numbers)
