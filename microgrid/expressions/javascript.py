"""Expressions in JavaScript, and rows of the op table as a table of functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..ops import OPS, Op
from .printing import ATOM, CFamily, Printed, literal
from .rewrite import steps
from .trace import Row, trace
from .tree import REDUCTIONS, Expression

__all__ = ["javascript_table", "to_javascript"]

_PURE = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "abs", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

# Where JavaScript's own function answers otherwise than IEEE 754, or where there is none.
_HELPERS = """\
const power = (a, b) =>
  a === 1 || b === 0 || (a === -1 && (b === Infinity || b === -Infinity)) ? 1 : Math.pow(a, b);
const sign = (x) => (x !== x ? x : x > 0 ? 1 : x < 0 ? -1 : 0);
const maximum = (a, b) => (a >= b || a !== a ? a : b);
const minimum = (a, b) => (a <= b || a !== a ? a : b);
const erf = (x) => {
  if (!(Math.abs(x) < 6)) return sign(x);
  let term = x, sum = x;  // erf x = 2 / sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...)
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (2 * x * x) / n;
    sum += term;
  }
  return ((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)) * sum;
};
"""


class _JavaScript(CFamily):
    language = "JavaScript"
    operators: ClassVar[Mapping[str, tuple[str, int]]] = {
        **CFamily.operators,
        "equal": (" === ", 3),
    }
    functions: ClassVar[Mapping[str, str]] = {
        **{name: f"Math.{name}" for name in _PURE}, "isfinite": "Number.isFinite",
        **{name: name for name in ("power", "sign", "maximum", "minimum", "erf")},
    }  # fmt: skip

    def print_number(self, x: Expression) -> Printed:
        text = literal(x.args[0], "Infinity", "NaN")
        return text.removesuffix(".0"), 5 if text.startswith("-") else ATOM


def to_javascript(expression: Expression, names: Mapping[str, str] | None = None) -> str:
    """The expression in JavaScript. It must hold no reduction.

    names: what symbols and elements are called there. UntraceableError names a function that has no
    JavaScript. `power`, `sign`, `maximum`, `minimum` and `erf` come with `javascript_table`.

    >>> from microgrid import ops
    >>> to_javascript(trace(ops.SIGMOID).value)
    '1 / (1 + Math.exp(-a))'
    """
    return _JavaScript(names).text(expression)


def javascript_table(ops: Sequence[Op] = OPS) -> str:
    """Helpers and `const OPS = {name: {forward, partials}}`, for a graph that lies in arrays.

    forward(v, from, e, n) returns the value of a node whose n operands are v[from[e]],
    v[from[e + 1]] ...; partials(p, out, v, from, e, n) writes its local derivatives to p[e],
    p[e + 1] ...

    >>> from microgrid import ops
    >>> print(javascript_table([ops.EXP]).partition("const OPS")[2])
     = {
      exp: {
        forward(v, from, e, n) {
          const a = v[from[e]];
          return Math.exp(a);
        },
        partials(p, out, v, from, e, n) {
          p[e] = out;
        },
      },
    };
    <BLANKLINE>
    """
    rows = "\n".join(f"  {op.name}: {{\n{_functions(trace(op))}\n  }}," for op in ops)
    return f"{_HELPERS}const OPS = {{\n{rows}\n}};\n"


def _functions(row: Row) -> str:
    body = _variadic if row.op.variadic else _fixed
    forward, partials = body(row)
    heads = ("forward(v, from, e, n)", "partials(p, out, v, from, e, n)")
    functions = [
        [f"    {head} {{", *(f"      {line}" for line in lines), "    },"]
        for head, lines in zip(heads, (forward, partials))
    ]
    return "\n".join(line for function in functions for line in function)


def _fixed(row: Row) -> tuple[list[str], list[str]]:
    def at(k: int) -> str:
        return f"e + {k}" if k else "e"

    def reads(*expressions: Expression) -> list[str]:
        used = set().union(*map(_symbols, expressions))
        return [f"const {o} = v[from[{at(k)}]];" for k, o in enumerate(row.operands) if o in used]

    def named(found: list[tuple[str, Expression]]) -> list[str]:
        return [f"const {name} = {to_javascript(x)};" for name, x in found]

    before, (value,) = steps(row.value)
    forward = [*reads(row.value), *named(before), f"return {to_javascript(value)};"]
    before, derivatives = steps(*row.derivatives)
    partials = [*reads(*row.derivatives), *named(before)]
    partials += [
        f"p[{at(k)}] = {to_javascript(derivative)};" for k, derivative in enumerate(derivatives)
    ]
    return forward, partials


def _variadic(row: Row) -> tuple[list[str], list[str]]:
    columns = len(row.operands)
    size = "n" if columns == 1 else f"n / {columns}"
    place = {o: "e + i" if k == 0 else f"e + {size} + i" for k, o in enumerate(row.operands)}
    loop = f"for (let i = 0; i < {size}; i++)"

    def elements(x: Expression) -> Mapping[str, str]:
        return {o: f"v[from[{place[o]}]]" for o in row.operands}

    named, (value,) = steps(row.value)
    forward = []
    for name, x in named:
        if x.kind not in REDUCTIONS:
            forward.append(f"const {name} = {to_javascript(x)};")
            continue
        term = to_javascript(x.args[0], elements(x))
        start, more = "0", f"{name} += {term}"
        if x.kind == "max":
            start, more = "-Infinity", f"{name} = maximum({name}, {term})"
        forward += [f"let {name} = {start};", f"{loop} {more};"]
    forward.append(f"return {to_javascript(value)};")
    partials = [
        f"{loop} p[{place[o]}] = {to_javascript(derivative, elements(derivative))};"
        for o, derivative in zip(row.operands, row.derivatives)
    ]
    return forward, partials


def _symbols(expression: Expression) -> set[str]:
    if expression.kind in ("symbol", "element"):
        return {expression.args[0]}
    if expression.kind == "number":
        return set()
    return set().union(*map(_symbols, expression.args))
