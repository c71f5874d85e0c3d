"""Expressions in Python, on floats: the functions are those of floats.FLOAT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..ops import FLOAT
from .printing import ATOM, Printed, Printer
from .tree import Expression

__all__ = ["FLOAT_NAMES", "to_python"]

FLOAT_NAMES: dict[str, Any] = {  # what the printed names stand for
    f"FLOAT_{name}": getattr(FLOAT, name) for name in vars(FLOAT) if not name.startswith("_")
}


class _Python(Printer):
    language = "Python"
    operators: ClassVar[Mapping[str, tuple[str, int]]] = {
        "add": (" + ", 5), "subtract": (" - ", 5), "multiply": (" * ", 6),
        "less": (" < ", 4), "less_equal": (" <= ", 4), "greater_equal": (" >= ", 4),
        "equal": (" == ", 4), "logical_and": (" and ", 2),
    }  # fmt: skip
    functions: ClassVar[Mapping[str, str]] = {
        name.removeprefix("FLOAT_"): name for name in FLOAT_NAMES
    }

    def print_number(self, x: Expression) -> Printed:
        return f"({x.args[0]!r})" if x.args[0] < 0.0 else repr(x.args[0]), ATOM

    def print_where(self, x: Expression) -> Printed:
        condition, a, b = x.args
        return f"({self.text(a)} if {self.text(condition)} else {self.text(b)})", ATOM


def to_python(expression: Expression, names: Mapping[str, str] | None = None) -> str:
    """The expression in Python, where FLOAT_tanh is FLOAT.tanh. It must hold no reduction.

    names: what symbols are called in the Python.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> to_python(trace(ops.TANH).derivatives[0]), to_python(trace(ops.EXP).value)
    ('1.0 - out * out', 'FLOAT_exp(a)')
    """
    return _Python(names).text(expression)
