"""What is done with expressions: evaluated, written out, put into steps."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ops import FLOAT
from .trace import COLUMNS
from .tree import LEAVES, REDUCTIONS, Expression, make, symbol

__all__ = ["evaluate", "steps", "substitute", "unrolled"]

_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negative": operator.neg,
}


def evaluate(expression: Expression, numbers: Mapping[str, Any]) -> float:
    """The expression's value where symbols are numbers, and elements sequences of them.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> evaluate(trace(ops.DOT).value, {"x": [1.0, 2.0], "y": [3.0, 4.0]})
    11.0
    """

    def value(x: Expression, at: int | None) -> Any:
        kind, args = x.kind, x.args
        if kind == "number":
            return args[0]
        if kind in ("symbol", "element"):
            found = numbers[args[0]]
            return found if at is None or kind == "symbol" else found[at]
        if kind in REDUCTIONS:
            sizes = (len(column) for name, column in numbers.items() if name in COLUMNS)
            return getattr(FLOAT, kind)([value(args[0], i) for i in range(next(sizes))])
        function = _ARITHMETIC.get(kind) or getattr(FLOAT, kind)
        return function(*[value(arg, at) for arg in args])

    return float(value(expression, None))


def substitute(expression: Expression, by: Mapping[str, Expression]) -> Expression:
    """The expression with other expressions in the place of symbols and elements.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> substitute(trace(ops.TANH).derivatives[0], {"out": symbol("h")})
    1 − h²
    """
    if expression.kind in ("symbol", "element"):
        return by.get(expression.args[0], expression)
    if expression.kind == "number":
        return expression
    return make(expression.kind, *(substitute(x, by) for x in expression.args))


def unrolled(expression: Expression, columns: Mapping[str, Sequence[Expression]]) -> Expression:
    """The expression with each reduction written out over the operands in `columns`.

    >>> from microgrid import ops
    >>> from microgrid.expressions import trace
    >>> unrolled(trace(ops.SUM).value, {"x": [symbol("p"), symbol("q"), symbol("r")]})
    p + q + r
    """
    kind, args = expression.kind, expression.args
    if kind in LEAVES:
        return expression
    inner = [unrolled(x, columns) for x in args]
    if kind not in REDUCTIONS:
        return make(kind, *inner)
    terms = [substitute(inner[0], dict(zip(columns, each))) for each in zip(*columns.values())]
    found = terms[0]
    for term in terms[1:]:
        found = make("add" if kind == "sum" else "maximum", found, term)
    return found


def steps(*roots: Expression) -> tuple[list[tuple[str, Expression]], list[Expression]]:
    """What is computed once and named, in order, and the roots that read those names.

    Named are reductions, because they need a loop, and what is read more than once. What
    differs from one element to the next has no name: it stands within its loop.
    """
    uses: dict[Expression, int] = {}
    order: list[Expression] = []

    def visit(x: Expression) -> None:
        uses[x] = uses.get(x, 0) + 1
        if uses[x] == 1:
            if x.kind not in LEAVES:
                for arg in x.args:
                    visit(arg)
            order.append(x)

    for root in roots:
        visit(root)
    names: dict[Expression, Expression] = {}
    named: list[tuple[str, Expression]] = []

    def read(x: Expression, within: bool = True) -> Expression:
        if within and x in names:
            return names[x]
        if x.kind in LEAVES:
            return x
        return make(x.kind, *map(read, x.args))

    in_loops = {x for r in order if r.kind in REDUCTIONS for x in _under(r.args[0])}
    for x in order:
        if x.kind in LEAVES or x.is_elementwise:
            continue
        if x.kind in REDUCTIONS or uses[x] > 1 or x in in_loops:
            name = f"t{len(named)}"
            named.append((name, read(x, within=False)))
            names[x] = symbol(name)
    return named, [read(root) for root in roots]


def _under(expression: Expression) -> set[Expression]:
    if expression.kind in LEAVES:
        return {expression}
    return {expression}.union(*map(_under, expression.args))
