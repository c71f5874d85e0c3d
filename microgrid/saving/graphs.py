"""Graphs as JSON files.

A file holds what cannot be computed: the numbers of the leaves, and how every other
node was made. Values and local derivatives are computed again on loading, so no file
can claim a wrong one; gradients come back with `backward()`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..graph import graph_of, root_of
from ..ops import DOT, Op, by_name
from ..value import Operand, Value, creation_order, record
from ..wording import short
from .document import (
    MAX_BYTES,
    PathLike,
    check_fields,
    finite_number,
    json_number,
    read_object,
    reading,
)

__all__ = ["load_graph", "save_graph"]

_VERSION = 1
_GRAPH = "microgrid graph"


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
    roots = graph_of(roots)
    roots = root_of(roots) if hasattr(roots, "loss") else roots
    several = not isinstance(roots, Value)
    nodes = creation_order(*_values(roots))
    index = {node: i for i, node in enumerate(nodes)}
    lines = ",\n".join(json.dumps(_encode(node, index)) for node in nodes)
    found = [index[root] for root in _values(roots)]
    head = json.dumps(
        {"format": _GRAPH, "version": _VERSION, "roots": found if several else found[0]}
    )
    return write_whole(path, f'{head[:-1]}, "nodes": [\n{lines}\n]}}\n')


def load_graph(path: PathLike, max_bytes: int = MAX_BYTES) -> Any:
    """Read what `save_graph` wrote: a Value for a Value, a list for a list.

    ValueError, in one sentence, for anything else: another format or version, a file cut
    short or larger than `max_bytes`, an unknown op, a wrong number of operands, an operand
    that is not an earlier node (so there are no cycles), nan, numbers that are none.
    """
    with reading(path):
        content = read_object(path, _GRAPH, _VERSION, max_bytes)
        check_fields("the file", content, {"format", "version", "roots", "nodes"}, set())
        encoded, roots = content["nodes"], content["roots"]
        if not isinstance(encoded, list):
            raise ValueError(f"nodes must be a list, got {short(encoded)}")
        # In an empty context, so that no scope and no no_grad of the caller takes part.
        nodes: list[Value] = Context().run(_decode_all, encoded)
        if isinstance(roots, list):
            return [nodes[_position("roots", i, len(nodes))] for i in roots]
        return nodes[_position("roots", roots, len(nodes))]


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
        encoded["data"] = finite_number(repr(node), node.data)
    else:
        if by_name(node.op.name) is not node.op:
            raise ValueError(f"{node!r} cannot be saved: its op is not the {node.op} of the table")
        encoded["op"] = node.op.name
        encoded["operands"] = [
            index[x] if isinstance(x, Value) else {"number": finite_number(repr(node), x)}
            for x in node.operands
        ]
    for name in ("label", "scope"):
        if text := getattr(node, name):
            encoded[name] = text
    return encoded


# Reading


def _decode_all(encoded: Sequence[Any]) -> list[Value]:
    nodes: list[Value] = []
    for i, fields in enumerate(encoded):
        nodes.append(_decode(f"node {i}", fields, nodes))
    return nodes


def _decode(what: str, fields: Any, earlier: Sequence[Value]) -> Value:
    is_leaf = isinstance(fields, dict) and "data" in fields
    required = {"data"} if is_leaf else {"op", "operands"}
    check_fields(what, fields, required, {"label", "scope"})
    if is_leaf:
        node = Value(json_number(f"data of {what}", fields["data"]))
    else:
        op = _op(what, fields["op"])
        node = record(op, _operands(what, op, fields["operands"], earlier))
    for name in ("label", "scope"):
        text = fields.get(name, "")
        if not isinstance(text, str):
            raise ValueError(f"{name} of {what} must be a string, got {short(text)}")
        setattr(node, name, text)
    return node


def _op(what: str, name: Any) -> Op:
    try:
        return by_name(name)
    except ValueError:
        raise ValueError(f"{what} has the unknown operation {short(name)}") from None


def _operands(what: str, op: Op, encoded: Any, earlier: Sequence[Value]) -> list[Operand]:
    if not isinstance(encoded, list):
        raise ValueError(f"operands of {what} must be a list, got {short(encoded)}")
    n = len(encoded)
    takes = n == op.arity if op.arity else n > 0 and (op is not DOT or n % 2 == 0)
    if not takes:
        raise ValueError(f"{what} has {n} operands, which {op} does not take")
    operands: list[Operand] = []
    for x in encoded:
        if isinstance(x, dict):
            check_fields(f"an operand of {what}", x, {"number"}, set())
            operands.append(json_number(f"an operand of {what}", x["number"]))
        else:
            operands.append(earlier[_position(f"an operand of {what}", x, len(earlier))])
    if not any(isinstance(x, Value) for x in operands):
        raise ValueError(f"{what} has no node among its operands")
    return operands


def _position(what: str, i: Any, n: int) -> int:
    if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < n:
        raise ValueError(
            f"{what} must be the number of a node before it, 0..{n - 1}, got {short(i)}"
        )
    return i
