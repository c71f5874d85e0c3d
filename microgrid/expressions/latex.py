"""Expressions for people: LaTeX, and plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..ops import LARGEST
from .printing import ATOM, Printed, Printer
from .tree import Expression

__all__ = ["to_latex", "to_text"]

_SUM, _PRODUCT, _POWER = 5, 6, 8  # how strongly they bind
_NAMED = (
    *("sin", "cos", "tan", "asin", "acos", "atan", "erf"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)


def to_latex(expression: Expression, names: Mapping[str, str] | None = None) -> str:
    r"""The expression in LaTeX, to stand within $...$.

    names: the LaTeX of symbols and elements, such as {"out": "h_1"}.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> print(to_latex(trace(ops.SIGMOID).value), to_latex(trace(ops.DOT).value))
    \frac{1}{1 + e^{-a}} \sum_i x_i \, y_i
    """
    return _Latex({"x": "x_i", "y": "y_i", "out": r"\mathit{out}", **(names or {})}).text(
        expression
    )


def to_text(expression: Expression, names: Mapping[str, str] | None = None) -> str:
    """The expression in plain text.

    names: what symbols and elements are called, such as {"out": "h₁"}.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> to_text(trace(ops.SIGMOID).derivatives[0], {"out": "h₁"})
    'h₁·(1 − h₁)'
    """
    return _Text(names).text(expression)


class _ForPeople(Printer):
    """What is common to both: x * x is a square, and a + (−b) is a − b.

    A bound at the largest float, which keeps inf − inf from becoming nan, is no part of a formula.
    """

    square: ClassVar[str]

    def printed(self, x: Expression) -> Printed:
        if x.kind in ("maximum", "minimum"):
            bound = x.args[1]
            if bound.kind == "number" and abs(bound.args[0]) == LARGEST:
                return self.printed(x.args[0])
        return super().printed(x)

    def print_add(self, x: Expression) -> Printed:
        a, b = x.args
        if b.kind == "negative":
            return self.printed(a - b.args[0])
        return self.infix(x, " + ", _SUM)

    def print_multiply(self, x: Expression) -> Printed:
        a, b = x.args
        if a is b:
            return f"{self.within(a, ATOM)}{self.square}", _POWER
        return self.infix(x, *self.times)

    times: ClassVar[tuple[str, int]]

    def print_number(self, x: Expression) -> Printed:
        value = x.args[0]
        text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
        text = text.replace("inf", self.infinity)
        mantissa, has_exponent, exponent = text.partition("e")
        if has_exponent:
            text = self.scientific(mantissa, int(exponent))
        return text.replace("-", self.minus), _SUM if value < 0 else ATOM

    infinity: ClassVar[str]

    def scientific(self, mantissa: str, exponent: int) -> str:
        return f"{mantissa}e{exponent}"


class _Text(_ForPeople):
    language = "text"
    minus = "−"
    square = "²"
    times = ("·", _PRODUCT)
    infinity = "∞"
    operators: ClassVar[Mapping[str, tuple[str, int]]] = {
        "subtract": (" − ", _SUM), "divide": ("/", _PRODUCT),
        "less": (" < ", 4), "less_equal": (" ≤ ", 4), "greater_equal": (" ≥ ", 4),
        "equal": (" = ", 3), "logical_and": (" and ", 2), "power": ("^", _POWER),
    }  # fmt: skip
    functions: ClassVar[Mapping[str, str]] = {
        **{name: name for name in (*_NAMED, "exp", "sign", "isfinite")},
        "log": "ln", "log2": "log₂", "log10": "log₁₀", "maximum": "max", "minimum": "min",
        "sqrt": "√",
    }  # fmt: skip

    def print_abs(self, x: Expression) -> Printed:
        return f"|{self.text(x.args[0])}|", ATOM

    def print_expm1(self, x: Expression) -> Printed:
        return f"exp({self.text(x.args[0])}) − 1", _SUM

    def print_log1p(self, x: Expression) -> Printed:
        return f"ln({self.text(1.0 + x.args[0])})", ATOM

    def print_where(self, x: Expression) -> Printed:
        condition, a, b = x.args
        return f"{self.within(a, 2)} if {self.text(condition)} else {self.within(b, 1)}", 1

    def print_sum(self, x: Expression) -> Printed:
        return f"Σ {self.within(x.args[0], _PRODUCT)}", _PRODUCT

    def print_max(self, x: Expression) -> Printed:
        return f"max({self.text(x.args[0])})", ATOM


class _Latex(_ForPeople):
    language = "LaTeX"
    square = "^2"
    times = (r" \, ", _PRODUCT)
    infinity = r"\infty"
    operators: ClassVar[Mapping[str, tuple[str, int]]] = {
        "subtract": (" - ", _SUM),
        "less": (" < ", 4), "less_equal": (r" \le ", 4), "greater_equal": (r" \ge ", 4),
        "equal": (" = ", 3), "logical_and": (r" \wedge ", 2),
    }  # fmt: skip

    def printed(self, x: Expression) -> Printed:
        if x.kind in _FUNCTIONS:
            arguments = ", ".join(self.text(arg) for arg in x.args)
            return f"{_FUNCTIONS[x.kind]}{self.bracketed(arguments)}", ATOM
        return super().printed(x)

    def bracketed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def scientific(self, mantissa: str, exponent: int) -> str:
        return rf"{mantissa} \cdot 10^{{{exponent}}}" if mantissa != "1" else f"10^{{{exponent}}}"

    def print_divide(self, x: Expression) -> Printed:
        return rf"\frac{{{self.text(x.args[0])}}}{{{self.text(x.args[1])}}}", ATOM

    def print_power(self, x: Expression) -> Printed:
        base = self.within(x.args[0], ATOM)
        return f"{base}^{{{self.text(x.args[1])}}}", _POWER

    def print_exp(self, x: Expression) -> Printed:
        return f"e^{{{self.text(x.args[0])}}}", _POWER

    def print_expm1(self, x: Expression) -> Printed:
        return f"e^{{{self.text(x.args[0])}}} - 1", _SUM

    def print_log1p(self, x: Expression) -> Printed:
        return rf"\ln\left({self.text(1.0 + x.args[0])}\right)", ATOM

    def print_sqrt(self, x: Expression) -> Printed:
        return rf"\sqrt{{{self.text(x.args[0])}}}", ATOM

    def print_abs(self, x: Expression) -> Printed:
        return rf"\left|{self.text(x.args[0])}\right|", ATOM

    def print_where(self, x: Expression) -> Printed:
        condition, a, b = map(self.text, x.args)
        cases = rf"{a} & \text{{if }} {condition} \\ {b} & \text{{else}}"
        return rf"\begin{{cases}} {cases} \end{{cases}}", ATOM

    def print_sum(self, x: Expression) -> Printed:
        return rf"\sum_i {self.within(x.args[0], _PRODUCT)}", _PRODUCT

    def print_max(self, x: Expression) -> Printed:
        return rf"\max_i {self.within(x.args[0], _PRODUCT)}", _PRODUCT


_FUNCTIONS = {
    **{name: rf"\operatorname{{{name}}}" for name in (*_NAMED, "sign", "isfinite")},
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{name}": rf"\arc{name}" for name in ("sin", "cos", "tan")},
    "log": r"\ln", "log2": r"\log_2", "log10": r"\log_{10}", "maximum": r"\max", "minimum": r"\min",
}  # fmt: skip
