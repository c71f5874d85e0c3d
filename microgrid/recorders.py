"""Value's methods, written out from the op table: no call stands between `a * b` and its node.

A row of ops.py is called once with symbols, and what it does becomes the text of a function:
the same formulas, on the same floats, as in `value.record`. Whatever is out of the ordinary
(a watcher, no_grad, a subclass of Value, a NumPy number) goes through `record` itself.
A loop that ends at once takes the next item of an iterator without the time of a call.

>>> from microgrid import ops
>>> print(source(ops.TANH))
def tanh(self):
    a = self._data
    out = FLOAT_tanh(a)
    mode = current_mode()
    if mode.plain:
        for node in new_nodes:
            break
        for node.serial in serials:
            break
        node._data = out
        node._grad = None
        node._a, node._da = self, 1.0 - out * out
        node._b, node._db = None, None
        node.op = OP
        node.label = ""
        node.scope = mode.scope
        return node
    return record(OP, (self,))
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import cache
from itertools import repeat, starmap
from textwrap import indent
from typing import Any

from .expressions import to_python, trace
from .expressions.python import FLOAT_NAMES
from .ops import Op
from .reals import as_float
from .recording import MODE
from .value import Value, record, record_pair, serials

__all__ = ["recorder", "source"]

_NODE = """\
out = {value}
mode = current_mode()
if mode.plain:
    for node in new_nodes:
        break
    for node.serial in serials:
        break
    node._data = out
    node._grad = None
    node._a, node._da = {a}, {to_a}
    node._b, node._db = {b}, {to_b}
    node.op = OP
    node.label = ""
    node.scope = mode.scope
    return node
"""
_UNARY = """\
def {name}(self):
    a = self._data
{node}    return record(OP, (self,))
"""
_BINARY = """\
def {name}(self, other):
    a = self._data
    kind = other.__class__
    if kind is Value:
        b = other._data
{two}    elif kind is float or kind is int:
        b = other if kind is float else as_float(other, OP.name)
{one}    return record_pair(OP, self, other)
"""
_REFLECTED = """\
def {name}(self, other):
    kind = other.__class__
    if kind is float or kind is int:
        a = other if kind is float else as_float(other, OP.name)
        b = self._data
{one}    return record_pair(OP, other, self)
"""


def source(op: Op, reflected: bool = False) -> str:
    """The text of Value's method for a row with one or two operands.

    A plain number stands in the slot of the local derivative that it does not have.
    """
    row = trace(op)
    names = dict(zip(row.operands, "ab"))
    value, *derivatives = (to_python(x, names) for x in (row.value, *row.derivatives))

    def node(depth: int, **slots: str) -> str:
        return indent(_NODE.format(value=value, **slots), "    " * depth)

    if len(derivatives) == 1:
        text = node(1, a="self", to_a=derivatives[0], b="None", to_b="None")
        return _UNARY.format(name=op.name, node=text).rstrip()
    if reflected:
        one = node(2, a="None", to_a="a", b="self", to_b=derivatives[1])
        return _REFLECTED.format(name=f"r{op.name}", one=one).rstrip()
    two = node(2, a="self", to_a=derivatives[0], b="other", to_b=derivatives[1])
    one = node(2, a="self", to_a=derivatives[0], b="None", to_b="b")
    return _BINARY.format(name=op.name, two=two, one=one).rstrip()


@cache
def recorder(op: Op, reflected: bool = False) -> Callable[..., Value]:
    """Value's method that records `op`; reflected: for a plain number on the left."""
    text = source(op, reflected)
    file = f"<recorder of {op.name}{', reflected' if reflected else ''}>"
    linecache.cache[file] = len(text), None, text.splitlines(True), file  # for tracebacks
    space: dict[str, Any] = {
        **FLOAT_NAMES,
        "OP": op,
        "Value": Value,
        "new_nodes": starmap(object.__new__, repeat((Value,))),
        "as_float": as_float,
        "current_mode": MODE.get,
        "serials": serials,
        "record": record,
        "record_pair": record_pair,
    }
    exec(compile(text, file, "exec"), space)
    method: Callable[..., Value] = space[f"r{op.name}" if reflected else op.name]
    method.__qualname__ = f"Value.{method.__name__}"
    method.__module__ = "microgrid.value"
    return method
