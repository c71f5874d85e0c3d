"""Rows of the op table called with symbols: what they do becomes a tree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..ops import FLOAT, Op
from .tree import Expression, UntraceableError, element, lifted, make, symbol

__all__ = ["COLUMNS", "Columns", "Row", "Symbolic", "arity", "trace"]

COLUMNS = ("x", "y")  # an operand of a variadic op; of a dot a first factor and a second one


class Columns:
    """The operands of a variadic row: one column of them or, for a dot, two.

    A row that takes its operands in halves is traced with two columns, and its derivatives are
    then two as well.
    """

    def __init__(self, *parts: Expression) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Any]:
        raise UntraceableError("the row takes its operands one by one: write xp.each")

    def __getitem__(self, key: Any) -> Columns:
        if isinstance(key, slice):
            return Columns(*self.parts[key])
        raise UntraceableError("the row takes a single operand out of its sequence: write xp.each")

    def only(self) -> Expression:
        """The element of the one column."""
        if len(self.parts) != 1:
            raise UntraceableError("the row reduces its operands and a half of them together")
        return self.parts[0]


class Symbolic:
    """The namespace `xp` whose functions write down what they are asked.

    The reductions, which take a whole column of operands, have methods of their own.
    """

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        if name.startswith("_") or not hasattr(FLOAT, name):
            raise UntraceableError(
                f"the row calls xp.{name}, which FLOAT (microgrid/floats.py) does not have"
            )
        takes = arity(name)

        def write(*args: Any) -> Expression:
            if len(args) != takes:
                raise UntraceableError(
                    f"xp.{name} takes {takes} operands, the row gives {len(args)}"
                )
            return make(name, *args)

        return write

    @staticmethod
    def sum(xs: Columns, axis: int = 0) -> Expression:
        return make("sum", xs.only())

    @staticmethod
    def max(xs: Columns, axis: int = 0) -> Expression:
        return make("max", xs.only())

    @staticmethod
    def vecdot(xs: Columns, ys: Columns, axis: int = 0) -> Expression:
        return make("sum", xs.only() * ys.only())

    @staticmethod
    def concatenate(parts: tuple[Columns, Columns]) -> Columns:
        return Columns(*(x for part in parts for x in part.parts))

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Columns) -> Columns:
        return Columns(*(lifted(function(x)) for x in xs.parts))


@cache
def arity(name: str) -> int:
    """How many operands a function of the namespace `xp` takes."""
    try:
        return len(inspect.signature(getattr(FLOAT, name)).parameters)
    except ValueError:  # some of math's functions have no signature
        return 1


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the op table as expressions.

    Attributes
    ----------
    operands : the names of the operands, ("a",) or ("a", "b"); of a variadic op the
        names of an element, ("x",), or of a pair of factors, ("x", "y")
    value : of the operands
    derivatives : one local derivative per name in `operands`; the symbol `out` is the value

    >>> from microgrid import ops
    >>> trace(ops.TANH).derivatives
    (1 − out²,)
    >>> trace(ops.DOT).value, trace(ops.DOT).derivatives
    (Σ x·y, (y, x))
    """

    op: Op
    operands: tuple[str, ...]
    value: Expression
    derivatives: tuple[Expression, ...]


@cache
def trace(op: Op) -> Row:
    """The row of `op` as expressions. UntraceableError says what is in the way.

    >>> from microgrid import ops
    >>> trace(ops.SIGMOID).value
    1/(1 + exp(−a))
    """
    try:
        return _variadic(op) if op.variadic else _fixed(op)
    except UntraceableError as error:
        raise UntraceableError(f"{op.name} cannot be traced: {error}") from None


def _fixed(op: Op) -> Row:
    names = "abcdefgh"[: op.arity]
    operands = [symbol(name) for name in names]
    value = lifted(op.forward(Symbolic(), *operands))
    derivatives = op.partials(Symbolic(), symbol("out"), *operands)
    return Row(op, tuple(names), value, tuple(map(lifted, derivatives)))


def _variadic(op: Op) -> Row:
    for names in (COLUMNS[:1], COLUMNS):
        operands = Columns(*map(element, names))
        try:
            value = op.forward(Symbolic(), operands)
            derivatives = op.partials(Symbolic(), symbol("out"), operands)
        except UntraceableError:
            if names == COLUMNS:
                raise
            continue
        found = derivatives.parts if isinstance(derivatives, Columns) else derivatives
        return Row(op, names, lifted(value), tuple(map(lifted, found)))
    raise AssertionError("the last trace returns or raises")
