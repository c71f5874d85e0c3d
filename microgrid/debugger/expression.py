"""A small safe evaluator for expressions such as `abs(grad) > 10`, in place of eval.

What is not listed here does not exist: an expression is translated into closures of the
functions below when it is read, and anything else is refused then. Arithmetic follows
IEEE-754 (`1/0` is inf), so no number can raise or run away.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

from ..graph import gradient_of
from ..ops import FLOAT
from ..value import Value
from ..wording import cut

__all__ = ["ATTRIBUTES", "CONSTANTS", "Expression", "on_the_line"]

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
# The marks of a layer and a direction (h²_3, W_h¹′, h→_3) are no letters to Python's parser: it
# is given others in their place, which nobody types.
_MARKS, _LETTERS = "⁰¹²³⁴⁵⁶⁷⁸⁹′→←", "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿ꞌꞏꟷ"
_PARSED, _WRITTEN = str.maketrans(_MARKS, _LETTERS), str.maketrans(_LETTERS, _MARKS)
_LONGEST = 500  # characters

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "sqrt": FLOAT.sqrt,
    "exp": FLOAT.exp,
    "log": FLOAT.log,
    "tanh": FLOAT.tanh,
}
ATTRIBUTES: dict[str, Callable[[Value], Any]] = {
    "data": lambda node: node.data,
    "grad": gradient_of,
    "op": lambda node: node.op.name if node.op else "leaf",
    "label": lambda node: node.label,
    "scope": lambda node: node.scope,
}
CONSTANTS = {"nan": math.nan, "inf": math.inf, "pi": math.pi, "e": math.e}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: FLOAT.divide,
    ast.Pow: FLOAT.power,
    ast.USub: lambda a: -a,
    ast.UAdd: lambda a: +a,
}
_COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}

_EQUALITY = (_COMPARISONS[ast.Eq], _COMPARISONS[ast.NotEq])  # these may ask about None

_Lookup: TypeAlias = Callable[[str], Any]  # the value of a name; KeyError for an unknown one
_Term: TypeAlias = Callable[[_Lookup], Any]


def on_the_line(text: str) -> str:
    """Names as pictures write them, as they are typed.

    >>> on_the_line("h₃[0] > h_₁₂")
    'h_3[0] > h_12'
    """
    return re.sub("_?([₀-₉]+)", r"_\1", text).translate(_SUBSCRIPTS)


class Expression:
    """An expression that is read once and evaluated often; `names` are those it mentions.

    It may hold numbers, strings, names, comparisons, and/or/not, arithmetic, the functions below
    and the ATTRIBUTES of a node; ValueError names anything else. A name, also one with parts
    and an index (`W_h²[0,1]`, `cell.weight_hh[0][1]`), is what `lookup` gives for it. A node
    counts as its number. A gradient that is not there yet (None) makes arithmetic None and
    < > false, so that a breakpoint may mention it.

    >>> big = Expression("abs(grad) > 10 and op != 'add'")
    >>> big.evaluate({"grad": -20.0, "op": "mul"}.__getitem__)
    True
    >>> Expression("__import__('os')")
    Traceback (most recent call last):
    ...
    ValueError: '__import__' is no function here; there are abs, min, max, isnan, isinf, \
isfinite, sqrt, exp, log, tanh
    """

    def __init__(self, text: str) -> None:
        self.text = on_the_line(text.strip())
        if not self.text:
            raise ValueError("an expression is needed, got nothing")
        if len(self.text) > _LONGEST:
            raise ValueError(f"an expression has at most {_LONGEST} characters, got {len(text)}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about odd spelling, such as "1if x else 2"
                tree = ast.parse(self.text.translate(_PARSED), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"not an expression: {self.text!r}") from None
        self.names: set[str] = set()
        try:
            self._term = self._translated(tree)
        except RecursionError:
            raise ValueError(f"{cut(self.text)!r} is nested too deeply") from None

    def evaluate(self, lookup: _Lookup) -> Any:
        """Its value: a number, bool, string, node or None. ValueError says what does not fit."""
        try:
            return self._term(lookup)
        except (TypeError, OverflowError):
            raise ValueError(f"{self.text!r} mixes what does not go together") from None
        except RecursionError:  # it was read where more of the stack was free
            raise ValueError(f"{cut(self.text)!r} is nested too deeply") from None

    def __str__(self) -> str:
        return self.text

    def _translated(self, tree: ast.expr) -> _Term:
        match tree:
            case ast.Constant(value=str() as words):
                written = words.translate(_WRITTEN)
                return lambda lookup: written
            case ast.Constant(value=bool() | None as constant):
                return lambda lookup: constant
            case ast.Constant(value=int() | float() as number):
                return _number_term(number)
            case ast.Attribute(value=inner, attr=attribute) if attribute in ATTRIBUTES:
                return _attribute_term(self._translated(inner), attribute)
            case ast.Name() | ast.Subscript() | ast.Attribute() if _is_path(tree):
                name = self._source(tree).replace(" ", "")
                self.names.add(name)
                return _name_term(name)
            case ast.Attribute(attr=attribute):
                raise ValueError(f"a node has {', '.join(ATTRIBUTES)}; no {attribute!r}")
            case ast.BoolOp(op=op, values=values):
                return _bool_term(any if isinstance(op, ast.Or) else all, self._all(values))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                term = self._translated(inner)
                return lambda lookup: not term(lookup)
            case ast.UnaryOp(op=op, operand=inner) if type(op) in _OPERATORS:
                return _call_term(_OPERATORS[type(op)], self._all([inner]))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _call_term(_OPERATORS[type(op)], self._all([left, right]))
            case ast.Compare(left=left, ops=ops, comparators=rest) if all(
                type(op) in _COMPARISONS for op in ops
            ):
                return _compare_term(
                    [_COMPARISONS[type(op)] for op in ops], self._all([left, *rest])
                )
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                if name not in _FUNCTIONS:
                    known = ", ".join(_FUNCTIONS)
                    raise ValueError(f"{name!r} is no function here; there are {known}")
                return _call_term(_FUNCTIONS[name], self._all(args))
        raise ValueError(f"{self._source(tree)!r} is not allowed in an expression")

    def _source(self, tree: ast.expr) -> str:
        """The part of the text that was read as `tree`."""
        part = ast.get_source_segment(self.text.translate(_PARSED), tree) or self.text
        return part.translate(_WRITTEN)

    def _all(self, trees: list[ast.expr]) -> list[_Term]:
        return [self._translated(tree) for tree in trees]


def _number_term(number: float) -> _Term:
    try:
        as_float = float(number)
    except OverflowError:
        as_float = math.inf
    return lambda lookup: as_float


def _name_term(name: str) -> _Term:
    def term(lookup: _Lookup) -> Any:
        try:
            return lookup(name)
        except KeyError:
            if name in CONSTANTS:
                return CONSTANTS[name]
            raise ValueError(f"there is no {name!r} here") from None

    return term


def _is_path(tree: ast.expr) -> bool:
    """Whether nothing but parts and indices follow a name: cell.weight_hh[0][1]."""
    while isinstance(tree, ast.Attribute | ast.Subscript):
        if isinstance(tree, ast.Attribute) and (tree.attr in ATTRIBUTES or tree.attr[0] == "_"):
            return False
        tree = tree.value
    return isinstance(tree, ast.Name)


def _attribute_term(inner: _Term, attribute: str) -> _Term:
    def term(lookup: _Lookup) -> Any:
        node = inner(lookup)
        if isinstance(node, tuple):
            raise ValueError(f"one node has .{attribute}; name an entry of the {len(node)}")
        if not isinstance(node, Value):
            raise ValueError(f"only a node has .{attribute}")
        return ATTRIBUTES[attribute](node)

    return term


def _bool_term(joined: Callable[[Any], bool], terms: list[_Term]) -> _Term:
    return lambda lookup: joined(bool(_plain(term(lookup))) for term in terms)


def _call_term(function: Callable[..., Any], terms: list[_Term]) -> _Term:
    def term(lookup: _Lookup) -> Any:
        values = [_plain(argument(lookup)) for argument in terms]
        return None if None in values else function(*values)

    return term


def _compare_term(comparisons: list[Callable[[Any, Any], bool]], terms: list[_Term]) -> _Term:
    def term(lookup: _Lookup) -> bool:
        values = [_plain(operand(lookup)) for operand in terms]
        pairs = zip(comparisons, values, values[1:])
        return all(
            (holds in _EQUALITY or None not in (a, b)) and holds(a, b) for holds, a, b in pairs
        )

    return term


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Value) else x
