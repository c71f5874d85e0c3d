"""What all printers share: operators, how strongly they bind, and where brackets must stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

from .tree import Expression, UntraceableError

__all__ = ["ATOM", "CFamily", "Printed", "Printer", "literal"]

ATOM = 9  # binds more strongly than any operator
Printed = tuple[str, int]  # the text, and how strongly its outermost operator binds


class Printer:
    """Prints expressions; a language is a subclass of tables.

    A kind that is in neither table has a method of its own, `print_where` for where. It gets the
    expression and returns its Printed.

    operators : kind -> (text between two operands, how strongly it binds); the second operand
        has to bind more strongly, so that a − (b − c) keeps its brackets
    functions : kind -> name, for functions that are written name(a, b)
    """

    operators: ClassVar[Mapping[str, tuple[str, int]]] = {}
    functions: ClassVar[Mapping[str, str]] = {}
    minus: ClassVar[str] = "-"
    language: ClassVar[str]

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.names = names or {}

    def text(self, expression: Expression) -> str:
        """The expression as text."""
        return self.printed(expression)[0]

    def printed(self, x: Expression) -> Printed:
        """The text, and how strongly its outermost operator binds."""
        special: Callable[[Expression], Printed] | None = getattr(self, f"print_{x.kind}", None)
        if special is not None:
            return special(x)
        if x.kind in self.operators:
            return self.infix(x, *self.operators[x.kind])
        if x.kind in self.functions:
            arguments = ", ".join(self.text(arg) for arg in x.args)
            return f"{self.functions[x.kind]}({arguments})", ATOM
        raise UntraceableError(f"xp.{x.kind} has no {self.language} yet")

    def infix(self, x: Expression, operator: str, strength: int) -> Printed:
        """Two operands around an operator; the second has to bind more strongly."""
        left, right = x.args
        text = f"{self.within(left, strength)}{operator}{self.within(right, strength + 1)}"
        return text, strength

    def within(self, x: Expression, strength: int) -> str:
        """The text, in brackets if it binds less strongly than what stands around it."""
        text, own = self.printed(x)
        return text if own >= strength else self.bracketed(text)

    def bracketed(self, text: str) -> str:
        """A text in brackets."""
        return f"({text})"

    def print_symbol(self, x: Expression) -> Printed:
        """A name, as the reader is to see it."""
        return self.names.get(x.args[0], x.args[0]), ATOM

    def print_element(self, x: Expression) -> Printed:
        """The name of an operand of a variadic op."""
        return self.print_symbol(x)

    def print_negative(self, x: Expression) -> Printed:
        """Minus and what follows, which keeps its brackets if it is a sum."""
        return f"{self.minus}{self.within(x.args[0], 7)}", 5


class CFamily(Printer):
    """What C and the languages that took over its operators write alike."""

    operators: ClassVar[Mapping[str, tuple[str, int]]] = {
        "add": (" + ", 5), "subtract": (" - ", 5), "multiply": (" * ", 6), "divide": (" / ", 6),
        "less": (" < ", 4), "less_equal": (" <= ", 4), "greater_equal": (" >= ", 4),
        "equal": (" == ", 3), "logical_and": (" && ", 2),
    }  # fmt: skip

    def print_where(self, x: Expression) -> Printed:
        """The conditional operator, always in brackets, for it binds less than all others."""
        condition, a, b = x.args
        return f"({self.text(condition)} ? {self.text(a)} : {self.text(b)})", ATOM


def literal(x: float, infinity: str, nan: str) -> str:
    """A float as it is written in C and in JavaScript, exact to the last bit."""
    if math.isnan(x):
        return nan
    if math.isinf(x):
        return infinity if x > 0 else f"-{infinity}"
    return repr(x)
