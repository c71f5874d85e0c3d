"""Expressions in C, and rows of the op table as C functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..ops import LARGEST, OPS, Op
from .printing import ATOM, CFamily, Printed, literal
from .rewrite import steps
from .trace import Row, trace
from .tree import REDUCTIONS, Expression

__all__ = ["HELPERS", "c_functions", "to_c"]

_LIBRARY = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "erf", "isfinite", "sin", "cos"),
    *("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

# What C has no function for. The type `real` and LARGEST, its largest number, come before this.
HELPERS = """\
static inline real mg_sign(real x) { return x != x ? x : (real)((x > 0) - (x < 0)); }
static inline real mg_maximum(real a, real b) { return a >= b || a != a ? a : b; }
static inline real mg_minimum(real a, real b) { return a <= b || a != a ? a : b; }
"""
_PRELUDE = f"""\
#include <float.h>
#include <math.h>
typedef double real;
#define LARGEST DBL_MAX
{HELPERS}"""


class _C(CFamily):
    language = "C"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: name for name in _LIBRARY}, "abs": "fabs", "power": "pow",
        "sign": "mg_sign", "maximum": "mg_maximum", "minimum": "mg_minimum",
    }  # fmt: skip

    def print_number(self, x: Expression) -> Printed:
        if abs(x.args[0]) == LARGEST:
            return "LARGEST" if x.args[0] > 0 else "(-LARGEST)", ATOM
        text = literal(x.args[0], "INFINITY", "NAN")
        return f"(real){text}", ATOM


def to_c(
    expression: Expression,
    names: Mapping[str, str] | None = None,
    functions: Mapping[str, str] | None = None,
) -> str:
    """The expression in C, its numbers of the type `real`. It must hold no reduction.

    names: what symbols and elements are called in the C; functions: other names for functions
    of `xp` than those of <math.h>. UntraceableError names a function that has no C.

    >>> from microgrid import ops
    >>> to_c(trace(ops.TANH).derivatives[0], {"out": "o[i]"})
    '(real)1.0 - o[i] * o[i]'
    """
    printer = _C(names)
    if functions:
        printer.functions = {**_C.functions, **functions}  # type: ignore[misc]
    return printer.text(expression)


def c_functions(ops: Sequence[Op] = OPS) -> str:
    """The rows as C: `real NAME(...)` is the value, `real NAME_derivative_K(out, ...)` a local one.

    Variadic rows take `long n, const real *x` (and `y`) for the value; their derivative is that of
    one operand, from `out` and the operand (a pair of them).
    """
    return _PRELUDE + "\n".join(_functions(trace(op)) for op in ops)


def _functions(row: Row) -> str:
    name, is_variadic = row.op.name, row.op.variadic
    operands = [f"real {operand}" for operand in row.operands]
    given = ["long n", *(f"const real *x_{o}" for o in row.operands)] if is_variadic else operands
    lines = [_function(f"op_{name}", given, row.value, row.operands)]
    for k, derivative in enumerate(row.derivatives):
        lines.append(
            _function(f"op_{name}_derivative_{k}", ["real out", *operands], derivative, ())
        )
    return "\n".join(lines)


def _function(name: str, given: Sequence[str], value: Expression, elements: Sequence[str]) -> str:
    named, (result,) = steps(value)
    lines = [f"real {name}({', '.join(given)}) {{"]
    for temporary, x in named:
        lines += [f"  {line}" for line in _statements(temporary, x, elements)]
    return "\n".join([*lines, f"  return {to_c(result)};", "}"])


def _statements(name: str, x: Expression, elements: Sequence[str]) -> list[str]:
    if x.kind not in REDUCTIONS:
        return [f"const real {name} = {to_c(x)};"]
    term = to_c(x.args[0], {o: f"x_{o}[i]" for o in elements})
    start, more = ("0", f"{name} + {term}")
    if x.kind == "max":
        start, more = "-INFINITY", f"mg_maximum({name}, {term})"
    return [f"real {name} = {start};", f"for (long i = 0; i < n; i++) {name} = {more};"]
