"""Rows of the op table called with symbols: what they do becomes a tree."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from ..ops import FLOAT, Op

REDUCTIONS = ("sum", "max")  # over the operands of a variadic op
COLUMNS = ("x", "y")  # an operand of a variadic op; of a dot a first factor and a second one


_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negative": operator.neg,
}


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
        return _make("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return _make("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return _make("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return _make("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return _make("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return _make("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return _make("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return _make("divide", other, self)

    def __neg__(self) -> Expression:
        return _make("negative", self)

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
        from .latex import to_text

        return to_text(self)


_known: WeakValueDictionary[tuple[Any, ...], Expression] = WeakValueDictionary()


def _expression(kind: str, args: tuple[Any, ...]) -> Expression:
    is_leaf = kind in ("number", "symbol", "element")
    key = (
        (kind, args[0].hex() if kind == "number" else args[0])
        if is_leaf
        else (kind, *map(id, args))
    )
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


def _make(kind: str, *args: Any) -> Expression:
    return _expression(kind, tuple(map(_lifted, args)))


def _lifted(x: Any) -> Expression:
    if isinstance(x, Expression):
        return x
    if isinstance(x, (int, float)):
        return number(x)
    raise UntraceableError(f"the row computes with {x!r}, which is neither a number nor an operand")


class Columns:
    """The operands of a variadic row: one column of them or, for a dot, two.

    A row that takes its operands in halves is traced with two columns, and its slopes are
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
    """The namespace `xp` whose functions write down what they are asked."""

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        if name.startswith("_") or not hasattr(FLOAT, name):
            raise UntraceableError(f"the row calls xp.{name}, which ops.FLOAT does not have")
        takes = arity(name)

        def write(*args: Any) -> Expression:
            if len(args) != takes:
                raise UntraceableError(
                    f"xp.{name} takes {takes} operands, the row gives {len(args)}"
                )
            return _make(name, *args)

        return write

    @staticmethod
    def sum(xs: Columns, axis: int = 0) -> Expression:
        return _make("sum", xs.only())

    @staticmethod
    def max(xs: Columns, axis: int = 0) -> Expression:
        return _make("max", xs.only())

    @staticmethod
    def vecdot(xs: Columns, ys: Columns, axis: int = 0) -> Expression:
        return _make("sum", xs.only() * ys.only())

    @staticmethod
    def concatenate(parts: tuple[Columns, Columns]) -> Columns:
        return Columns(*(x for part in parts for x in part.parts))

    @staticmethod
    def each(function: Callable[[Any], Any], xs: Columns) -> Columns:
        return Columns(*(_lifted(function(x)) for x in xs.parts))


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
    slopes : one local derivative per name in `operands`; the symbol `out` is the value

    >>> from microgrid import ops
    >>> trace(ops.TANH).slopes
    (1 − out²,)
    >>> trace(ops.DOT).value, trace(ops.DOT).slopes
    (Σ x·y, (y, x))
    """

    op: Op
    operands: tuple[str, ...]
    value: Expression
    slopes: tuple[Expression, ...]


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
    value = _lifted(op.forward(Symbolic(), *operands))
    slopes = op.partials(Symbolic(), symbol("out"), *operands)
    return Row(op, tuple(names), value, tuple(map(_lifted, slopes)))


def _variadic(op: Op) -> Row:
    for names in (COLUMNS[:1], COLUMNS):
        operands = Columns(*map(element, names))
        try:
            value = op.forward(Symbolic(), operands)
            slopes = op.partials(Symbolic(), symbol("out"), operands)
        except UntraceableError:
            if names == COLUMNS:
                raise
            continue
        found = slopes.parts if isinstance(slopes, Columns) else slopes
        return Row(op, names, _lifted(value), tuple(map(_lifted, found)))
    raise AssertionError("the last trace returns or raises")


def evaluate(expression: Expression, numbers: Mapping[str, Any]) -> float:
    """The expression's value where symbols are numbers, and elements sequences of them.

    >>> from microgrid import ops
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
    >>> substitute(trace(ops.TANH).slopes[0], {"out": symbol("h")})
    1 − h²
    """
    if expression.kind in ("symbol", "element"):
        return by.get(expression.args[0], expression)
    if expression.kind == "number":
        return expression
    return _make(expression.kind, *(substitute(x, by) for x in expression.args))


def unrolled(expression: Expression, columns: Mapping[str, Sequence[Expression]]) -> Expression:
    """The expression with each reduction written out over the operands in `columns`.

    >>> from microgrid import ops
    >>> unrolled(trace(ops.SUM).value, {"x": [symbol("p"), symbol("q"), symbol("r")]})
    p + q + r
    """
    kind, args = expression.kind, expression.args
    if kind in ("symbol", "element", "number"):
        return expression
    inner = [unrolled(x, columns) for x in args]
    if kind not in REDUCTIONS:
        return _make(kind, *inner)
    terms = [substitute(inner[0], dict(zip(columns, each))) for each in zip(*columns.values())]
    found = terms[0]
    for term in terms[1:]:
        found = _make("add" if kind == "sum" else "maximum", found, term)
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
            if x.kind not in ("number", "symbol", "element"):
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
        if x.kind in ("number", "symbol", "element"):
            return x
        return _make(x.kind, *map(read, x.args))

    in_loops = {x for r in order if r.kind in REDUCTIONS for x in _under(r.args[0])}
    for x in order:
        if x.kind in ("number", "symbol", "element") or x.is_elementwise:
            continue
        if x.kind in REDUCTIONS or uses[x] > 1 or x in in_loops:
            name = f"t{len(named)}"
            named.append((name, read(x, within=False)))
            names[x] = symbol(name)
    return named, [read(root) for root in roots]


def _under(expression: Expression) -> set[Expression]:
    if expression.kind in ("number", "symbol", "element"):
        return {expression}
    return {expression}.union(*map(_under, expression.args))


def literal(x: float, infinity: str, nan: str) -> str:
    """A float as it is written in C and in JavaScript, exact to the last bit."""
    if math.isnan(x):
        return nan
    if math.isinf(x):
        return infinity if x > 0 else f"-{infinity}"
    return repr(x)
