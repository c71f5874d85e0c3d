"""A gradient written out as a teacher writes it on the board: as text and as LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..value import Value
from .paths import Path, Paths, paths


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

    x is a Value or a run with a loss, the leaf a Value or its label. Of many paths the
    `most` largest are written out and the rest are given as one number. A node without a
    label is called u_1, u_2, ... and defined below. Rows 001-16, 003-9, 004-27.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> y = w * x
    >>> y.label = "y"
    >>> print(explain(y + w, "w"))
    du_1/dw is the sum over 2 paths:
    <BLANKLINE>
      1. u_1 → y → w
         du_1/dy · dy/dw = 1 · 3 = 3
      2. u_1 → w
         du_1/dw = 1
    <BLANKLINE>
      du_1/dw = 3 + 1 = 4
    <BLANKLINE>
      where u_1 = add(y, w)
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
        lines.append(f"  {i}. {' → '.join(names[node] for node in path.nodes)}")
        chain = [f"d{names[a]}/d{names[b]}" for a, b in zip(path.nodes, path.nodes[1:])]
        lines.append(f"     {_chain(path, ' · '.join(chain), ' · ')}")
    lines += ["", f"  {gradient} = {_sum(ways, shown)}"]
    made = [f"{name} = {_formula(node, names)}" for node, name in names.items() if not node.label]
    return "\n".join([*lines, "", f"  where {', '.join(made)}"] if made else lines)


def _latex(ways: Paths, shown: Sequence[Path], names: dict[Value, str]) -> str:
    gradient = _fraction(names[ways.root], names[ways.leaf])
    rows = []
    for path in shown:
        chain = [_fraction(names[a], names[b]) for a, b in zip(path.nodes, path.nodes[1:])]
        rows.append(_chain(path, r"\,".join(chain), r" \cdot "))
    if ways.count > len(shown):
        rows.append(rf"\cdots \quad ({ways.count - len(shown)}\text{{ more}})")
    body = r" \\ &\quad + ".join(rows)
    return rf"\begin{{aligned}} {gradient} &= {body} \\ &= {_sum(ways, shown)} \end{{aligned}}"


def _chain(path: Path, symbols: str, times: str) -> str:
    """symbols = numbers = product; shorter where there is only one factor."""
    numbers = [_bracketed(x) for x in path.factors]
    parts = [symbols] if symbols else []
    parts += [times.join(numbers)] if len(numbers) > 1 else []
    return " = ".join([*parts, _number(path.product)])


def _sum(ways: Paths, shown: Sequence[Path]) -> str:
    products = [path.product for path in shown]
    if ways.count == 1:
        return _number(ways.total)
    rest = ways.count - len(shown)
    if rest:
        products.append(ways.total - sum(products))
    written = " + ".join([_number(products[0]), *map(_bracketed, products[1:])])
    note = f" (the last is the sum of the {rest} paths not shown)" if rest else ""
    return f"{written} = {_number(ways.total)}{note}"


def _formula(node: Value, names: dict[Value, str]) -> str:
    if node.op is None:
        return _number(node.data)
    operands = [
        (names.get(x) or x.label or _number(x.data)) if isinstance(x, Value) else _number(x)
        for x in node.operands
    ]
    return f"{node.op.name}({', '.join(operands)})"


def _number(x: float) -> str:
    return f"{x + 0.0:.6g}"  # + 0.0: no -0 on a board


def _bracketed(x: float) -> str:
    return f"({_number(x)})" if x < 0.0 else _number(x)


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
