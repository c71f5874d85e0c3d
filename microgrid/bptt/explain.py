"""A gradient written out as a teacher writes it on the board: as text and as LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from ..expressions import (
    Expression,
    UntraceableError,
    evaluate,
    simplified,
    symbol,
    to_latex,
    to_text,
    trace,
)
from ..graph import formula
from ..value import Operand, Value
from ..wording import bracketed
from ..wording import shown as written
from .paths import Path, Paths, paths

__all__ = ["Explanation", "explain"]

_DEFINED = 12  # formulas written out below a gradient


@dataclass(frozen=True)
class Explanation:
    """d(root)/d(leaf) as a sum over paths. str() is the text; a notebook shows the LaTeX.

    Attributes
    ----------
    ways : all the paths
    shown : those written out, the largest first
    text, latex : the two forms; `latex` is an `aligned` block for math mode
    """

    ways: Paths
    shown: tuple[Path, ...]
    text: str
    latex: str

    def __str__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


def explain(x: Any, leaf: Value | str, most: int = 8) -> Explanation:
    """Where d(root)/d(leaf) comes from: each path's chain of derivatives, with numbers.

    x is a Value or a run with a loss, the leaf a Value or its label. For each path there stand
    the functions within one another, E(f(g(w))), the chain of derivatives, the local derivatives
    in symbols, and in numbers; then what each name stands for. Of many paths the `most` largest
    are written out and the rest are given as one number. A node without a label is called u_1,
    u_2, ... Rows 001-16, 003-9, 004-6, 004-7, 004-27.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> y = w * x
    >>> y.label = "y"
    >>> print(explain(y.tanh() + w, "w"))
    du_1/dw is the sum over 2 paths:
    <BLANKLINE>
      1. u_1(w)
         du_1/dw
         = 1
      2. u_1(u_2(y(w)))
         du_1/du_2 · du_2/dy · dy/dw
         = 1 · (1 − u_2²) · x
         = 1 · 2.45765e-05 · 3 = 7.37296e-05
    <BLANKLINE>
      du_1/dw = 1 + 7.37296e-05 = 1.00007
    <BLANKLINE>
      where u_1 = u_2 + w
            u_2 = tanh(y)
            y = w × x
    """
    if most < 1:
        raise ValueError(f"explain: most must be 1 or more, got {most!r}")
    ways = paths(x, leaf)
    shown = tuple(islice(ways.largest(), most))
    names = _names(ways, shown)
    return Explanation(ways, shown, _text(ways, shown, names), _latex(ways, shown, names))


def _names(ways: Paths, shown: Sequence[Path]) -> dict[Value, str]:
    """A name for every node written out: its label, or u_1, u_2 ... in order of appearance."""
    nodes = dict.fromkeys([ways.root, *(node for path in shown for node in path.nodes)])
    nameless = [node for node in nodes if not node.label]
    numbered = {node: f"u_{i}" for i, node in enumerate(nameless, start=1)}
    return {node: numbered.get(node, node.label) for node in nodes}


def _text(ways: Paths, shown: Sequence[Path], names: dict[Value, str]) -> str:
    gradient = f"d{names[ways.root]}/d{names[ways.leaf]}"
    noun = "1 path" if ways.count == 1 else f"the sum over {ways.count} paths"
    lines = [f"{gradient} is {noun}:", ""]
    for i, path in enumerate(shown, start=1):
        called = [names[node] for node in path.nodes]
        lines.append(f"  {i}. {'('.join(called)}{')' * (len(called) - 1)}")
        if len(called) == 1:
            lines.append(f"     {gradient} = 1")
            continue
        lines.append("     " + " · ".join(f"d{a}/d{b}" for a, b in pairwise(called)))
        symbols, numbers = _factors(path, names), [bracketed(x) for x in path.factors]
        if symbols != numbers:
            lines.append(f"     = {' · '.join(symbols)}")
        product = [written(path.product)] if len(numbers) > 1 else []
        lines.append(f"     = {' = '.join([' · '.join(numbers), *product])}")
    lines += ["", f"  {gradient} = {_sum(ways, shown)}"]
    made = [f"{name} = {_formula(node, names)}" for node, name in names.items() if node.op]
    if len(made) > _DEFINED:
        made[_DEFINED:] = [f"… ({len(made) - _DEFINED} more)"]
    for i, definition in enumerate(made):
        lines += ([""] if i == 0 else []) + [f"  {'where' if i == 0 else '     '} {definition}"]
    return "\n".join(lines)


def _latex(ways: Paths, shown: Sequence[Path], names: dict[Value, str]) -> str:
    gradient = _fraction(names[ways.root], names[ways.leaf])
    rows = []
    for path in shown:
        called = [names[node] for node in path.nodes]
        parts = [r"\,".join(_fraction(a, b) for a, b in pairwise(called))]
        numbers = [bracketed(x) for x in path.factors]
        symbols = _factors(path, names, latex=True)
        parts += [r" \cdot ".join(symbols)] if symbols != numbers else []
        parts += [r" \cdot ".join(numbers)] if len(numbers) > 1 else []
        rows.append(" = ".join([part for part in parts if part] + [written(path.product)]))
    if ways.count > len(shown):
        rows.append(rf"\cdots \quad ({ways.count - len(shown)}\text{{ more}})")
    body = r" \\ &\quad + ".join(rows)
    return rf"\begin{{aligned}} {gradient} &= {body} \\ &= {_sum(ways, shown)} \end{{aligned}}"


def _factors(path: Path, names: dict[Value, str], latex: bool = False) -> list[str]:
    """The local derivative on each edge of a path, in symbols; in numbers where it is one."""
    edges = zip(pairwise(path.nodes), path.factors)
    return [_local(node, parent, factor, names, latex) for (node, parent), factor in edges]


def _local(node: Value, parent: Value, factor: float, names: dict[Value, str], latex: bool) -> str:
    """d(node)/d(parent) as the row of the op table has it: "1 − h_1²", "a_1[0]"."""
    assert node.op is not None
    places = [i for i, x in enumerate(node.operands) if isinstance(x, Value)]
    edges = zip(places, node.parents, node.partials)
    place = next(i for i, p, d in edges if p is parent and (d == factor or d != d))
    try:
        row = trace(node.op)
    except UntraceableError:  # an op of the user's own
        return bracketed(factor)
    size = len(node.operands) // len(row.operands) if node.op.variadic else 1
    column, i = divmod(place, size)
    operands = node.operands[i::size]
    derivative = _taken(row.derivatives[column], row.operands, operands, node.data)
    if derivative.kind == "number":
        return bracketed(factor)
    called = {name: _called(x, names) for name, x in zip(row.operands, operands)}
    called["out"] = names[node]
    if latex:
        called = {name: _symbol(text) for name, text in called.items()}  # numbers are gone
    # Printed as a factor of a product, so that it gets brackets where it needs them.
    product, mark = symbol("mark") * derivative, {"mark": "¤"}
    if latex:
        return to_latex(product, called | mark).removeprefix(r"¤ \, ")
    return to_text(product, called | mark).removeprefix("¤·")


def _taken(
    derivative: Expression, places: Sequence[str], operands: Sequence[Operand], out: float
) -> Expression:
    """A derivative with the branch that these numbers take, and constants put in."""
    numbers = {place: float(x) for place, x in zip(places, operands)} | {"out": out}
    while derivative.kind == "where":
        derivative = derivative.args[1 if evaluate(derivative.args[0], numbers) else 2]
    constants = {place: x for place, x in zip(places, operands) if not isinstance(x, Value)}
    return simplified(derivative, constants)


def _called(x: Operand, names: dict[Value, str]) -> str:
    if isinstance(x, Value):
        return names.get(x) or x.label or bracketed(x.data)
    return bracketed(x)


def _formula(node: Value, names: dict[Value, str]) -> str:
    return formula(node, lambda x: _called(x, names), written)


def _sum(ways: Paths, shown: Sequence[Path]) -> str:
    products = [path.product for path in shown]
    if ways.count == 1:
        return written(ways.total)
    rest = ways.count - len(shown)
    if rest:
        products.append(ways.total - sum(products))
    addends = " + ".join([written(products[0]), *map(bracketed, products[1:])])
    note = f" (the last is the sum of the {rest} paths not shown)" if rest else ""
    return f"{addends} = {written(ways.total)}{note}"


def _fraction(above: str, below: str) -> str:
    if above == below:
        return "1"
    return rf"\frac{{\partial {_symbol(above)}}}{{\partial {_symbol(below)}}}"


def _symbol(name: str) -> str:
    """A label in math mode: h_12 becomes h_{12}, a word upright, special characters safe."""
    base, bracket, index = name.partition("[")
    stem, underscore, subscript = base.partition("_")
    stem = _escaped(stem) if len(stem) == 1 else rf"\mathrm{{{_escaped(stem)}}}"
    if underscore:
        stem += f"_{{{_escaped(subscript)}}}"
    return stem + (rf"[\mathrm{{{_escaped(index[:-1])}}}]" if bracket else "")


def _escaped(text: str) -> str:
    return text.translate(_MATH)


_MATH = str.maketrans(
    {c: rf"\{c}" for c in "#$%&_{} "} | {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}
)
