"""Expressions as trees: numbers, symbols, and functions of other expressions."""

from __future__ import annotations

from typing import Any, NoReturn
from weakref import WeakValueDictionary

__all__ = [
    "LEAVES", "REDUCTIONS", "Expression", "UntraceableError", "element", "lifted", "make",
    "number", "symbol",
]  # fmt: skip

LEAVES = ("number", "symbol", "element")
REDUCTIONS = ("sum", "max")  # over the operands of a variadic op


class UntraceableError(TypeError):
    """A row does something that cannot be written down as an expression."""


class Expression:
    """What a row computes: a number, a symbol, an element, or a function of other expressions.

    Attributes
    ----------
    kind : "number", "symbol", "element" (one operand of a variadic op, a different one for
        each), a reduction ("sum", "max", over all elements), or the name of a function in
        the namespace `xp` of ops.py
    args : the number, the name, or the expressions that the function takes

    Equal expressions are one object. A row that asks for the truth or the number of an
    expression raises UntraceableError.

    >>> a = symbol("a")
    >>> 1.0 - a * a is 1.0 - a * a
    True
    >>> 1.0 - a * a
    1 − a²
    """

    __slots__ = ("__weakref__", "args", "is_elementwise", "kind")
    kind: str
    args: tuple[Any, ...]
    is_elementwise: bool  # whether it differs from one element to the next

    def __add__(self, other: Any) -> Expression:
        return make("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return make("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return make("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return make("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return make("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return make("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return make("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return make("divide", other, self)

    def __neg__(self) -> Expression:
        return make("negative", self)

    def __pos__(self) -> Expression:
        return self

    def _branches(self, *_: Any) -> NoReturn:
        raise UntraceableError("the row branches on an operand: write xp.where and xp.less instead")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _branches

    def _is_taken_for_a_number(self, *_: Any) -> NoReturn:
        raise UntraceableError(
            "the row takes an operand for a plain number: call functions of xp on it"
        )

    __float__ = __int__ = __index__ = __abs__ = __pow__ = __rpow__ = _is_taken_for_a_number

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        from .latex import to_text  # which stands on this file

        return to_text(self)


_known: WeakValueDictionary[tuple[Any, ...], Expression] = WeakValueDictionary()


def _expression(kind: str, args: tuple[Any, ...]) -> Expression:
    is_leaf = kind in LEAVES
    key = (kind, *(args if is_leaf else map(id, args)))
    if kind == "number":
        key = kind, args[0].hex()  # tells 0.0 from -0.0, and nan is nan
    found = _known.get(key)
    if found is None:
        found = _known[key] = Expression()
        found.kind, found.args = kind, args
        found.is_elementwise = kind == "element" or (
            not is_leaf and kind not in REDUCTIONS and any(x.is_elementwise for x in args)
        )
    return found


def number(x: float) -> Expression:
    """A plain number."""
    return _expression("number", (float(x),))


def symbol(name: str) -> Expression:
    """A name that stands for a number."""
    return _expression("symbol", (name,))


def element(name: str) -> Expression:
    """A name that stands for one operand of a variadic op after the other."""
    return _expression("element", (name,))


def make(kind: str, *args: Any) -> Expression:
    """An expression of this kind; plain numbers among its arguments become constants."""
    return _expression(kind, tuple(map(lifted, args)))


def lifted(x: Any) -> Expression:
    """An expression as it is, a number as a constant; UntraceableError for anything else."""
    if isinstance(x, Expression):
        return x
    if isinstance(x, (int, float)):
        return number(x)
    raise UntraceableError(f"the row computes with {x!r}, which is neither a number nor an operand")
