"""A number that knows how it follows from a graph: h_2's gradient, a norm, a ratio of norms.

Whatever is shown of a graph (on a card, an edge, in a table, in a question) is a Quantity: a
float that also carries its `source`, an expression over the values, gradients, local derivatives
and messages of nodes. So the same number can be computed again, in Python or in a page, when a
leaf has moved, and nobody writes down twice what a number means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from .floats import FLOAT
from .graph import gradient_of
from .sweep import Sweep, gradients
from .value import Value

__all__ = [
    "Quantity", "Source", "evaluate", "gradient", "gradient_from", "largest", "local", "message",
    "messages", "norm", "product", "smallest", "source_of", "through", "total", "value",
]  # fmt: skip

Source: TypeAlias = tuple[Any, ...]  # (kind, *arguments)

_NEW = float.__new__  # looked up once: a picture makes thousands


class Quantity(float):
    """A float with the `source` it follows from. Sums, products and the like keep track of it.

    >>> h, w = Value(5.0, label="h"), Value(-5.0, label="w")
    >>> product = value(h) * value(w)
    >>> product, product.source[0]
    (-25.0, 'product')
    >>> w.data = 2.0
    >>> evaluate(product.source)
    10.0
    """

    __slots__ = ("source",)
    source: Source

    def __new__(cls, number: float, *source: Any) -> Quantity:
        made = _NEW(cls, number)
        made.source = source
        return made

    def __add__(self, other: float) -> Quantity:
        return total([self, other])

    def __radd__(self, other: float) -> Quantity:
        return total([other, self])

    def __mul__(self, other: float) -> Quantity:
        return product([self, other])

    def __rmul__(self, other: float) -> Quantity:
        return product([other, self])

    def __truediv__(self, other: float) -> Quantity:
        return _made("ratio", [self, other])

    def __rtruediv__(self, other: float) -> Quantity:
        return _made("ratio", [other, self])

    def __neg__(self) -> Quantity:
        return product([-1.0, self])

    def __abs__(self) -> Quantity:
        return _made("size", [self])

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)  # a copy is a plain number: it belongs to no graph


def value(node: Value) -> Quantity:
    """A node's value."""
    return Quantity(node.data, "value", node)


def local(node: Value, position: int) -> Quantity:
    """The local derivative of a node towards its parent at `position`."""
    return Quantity(node.partials[position], "local", node, position)


def gradient(sweep: Sweep, node: Value, after: int | None = None) -> Quantity | None:
    """A node's gradient after so many messages of a sweep; None where none has arrived."""
    found = sweep.gradient(node, after)
    return None if found is None else Quantity(found, "gradient", node)


def message(sweep: Sweep, node: Value, position: int, after: int | None = None) -> Quantity | None:
    """What a node has sent back along one of its edges; None before it has."""
    found = sweep.message(node, position, after)
    return None if found is None else Quantity(found, "message", node, position)


def messages(
    node: Value, sweep: Sweep | None = None, after: int | None = None
) -> list[Quantity | None]:
    """What a node has sent back along each of its edges: in a sweep, or by the gradient it holds.

    Reads the node's operands once, of which a sum may have thousands.
    """
    if sweep is not None:
        found = sweep.messages_of(node, after)
    else:
        upstream = gradient_of(node)
        found = [None if upstream is None else upstream * x for x in node.partials]
    return [None if x is None else Quantity(x, "message", node, i) for i, x in enumerate(found)]


def gradient_from(
    root: Value, node: Value, found: Mapping[Value, float], seed: float = 1.0
) -> Quantity:
    """seed x d(root)/d(node), looked up in what `sweep.gradients` found; 0 if unreached.

    >>> from microgrid.sweep import gradients
    >>> a = Value(3.0)
    >>> square = a * a
    >>> gradient_from(square, a, gradients(square))
    6.0
    """
    return Quantity(found.get(node, 0.0), "from", root, node, source_of(seed))


def through(
    nodes: Sequence[Value], above: Value, below: Value, found: float | None = None
) -> Quantity:
    """d(above)/d(below) along those paths alone that stay within these nodes, oldest first.

    found : that number, where it is known already

    >>> a = Value(3.0)
    >>> b = a * a
    >>> through([b], b, a)
    6.0
    """
    number = _through(nodes, above, below) if found is None else found
    return Quantity(number, "through", tuple(nodes), above, below)


def _through(nodes: Sequence[Value], above: Value, below: Value) -> float:
    plan = [(node, zip(node.parents, node.partials)) for node in reversed(nodes)]
    return gradients(above, plan).get(below, 0.0)


def total(numbers: Iterable[float]) -> Quantity:
    """The sum, from left to right; of one number the number itself."""
    return _made("sum", list(numbers))


def product(numbers: Iterable[float]) -> Quantity:
    """The product, from left to right; of one number the number itself."""
    return _made("product", list(numbers))


def norm(numbers: Iterable[float]) -> Quantity:
    """The Euclidean norm; of a single number the number itself, with its sign.

    >>> norm([3.0, 4.0]), norm([-2.0])
    (5.0, -2.0)
    """
    return _made("norm", list(numbers))


def largest(numbers: Iterable[float]) -> Quantity:
    """The number of the largest size, with its sign."""
    return _made("largest", list(numbers))


def smallest(numbers: Iterable[float]) -> Quantity:
    """The number of the smallest size, with its sign."""
    return _made("smallest", list(numbers))


def source_of(x: float) -> Source:
    """The source of a number; a plain one is its own."""
    return x.source if isinstance(x, Quantity) else ("number", float(x))


def evaluate(source: Source, sweep: Sweep | None = None, after: int | None = None) -> float | None:
    """The number that a source stands for now, read from the graph as it is.

    None where it needs a gradient or message that has not come yet; a sum leaves such terms
    out, because messages add up as they come. A source with gradients or messages in it is
    read from `sweep`.
    """
    kind, *arguments = source
    if kind == "number":
        return float(arguments[0])
    if kind == "value":
        return float(arguments[0].data)
    if kind == "local":
        node, position = arguments
        return float(node.partials[position])
    if kind == "gradient":
        return _needed(sweep, kind).gradient(arguments[0], after)
    if kind == "through":
        return _through(*arguments)
    if kind == "from":
        root, node, seed = arguments
        start = evaluate(seed, sweep, after)
        return None if start is None else gradients(root, seed=start).get(node, 0.0)
    if kind == "message":
        return _needed(sweep, kind).message(arguments[0], arguments[1], after)
    numbers = [evaluate(argument, sweep, after) for argument in arguments]
    known = [x for x in numbers if x is not None]
    arrived = any(x is not None for x, a in zip(numbers, arguments) if a[0] != "number")
    if len(known) < len(numbers) and not (kind == "sum" and arrived):
        return None
    return _COMBINED[kind](known)


def _needed(sweep: Sweep | None, kind: str) -> Sweep:
    if sweep is None:
        raise ValueError(f"a {kind} needs a sweep to be read from")
    return sweep


def _made(kind: str, numbers: Sequence[float]) -> Quantity:
    if len(numbers) == 1 and kind != "size":
        return Quantity(float(numbers[0]), *source_of(numbers[0]))
    found = _COMBINED[kind]([float(x) for x in numbers])
    return Quantity(found, kind, *map(source_of, numbers))


def _norm(numbers: Sequence[float]) -> float:
    return math.sqrt(sum(x * x for x in numbers))


_COMBINED: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": lambda numbers: sum(numbers, start=0.0),
    "product": lambda numbers: math.prod(numbers, start=1.0),
    "ratio": lambda numbers: FLOAT.divide(*numbers),
    "norm": _norm,
    "size": lambda numbers: abs(numbers[0]),
    "largest": lambda numbers: max(numbers, key=abs),
    "smallest": lambda numbers: min(numbers, key=abs),
}
