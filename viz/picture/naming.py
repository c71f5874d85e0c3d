"""What nodes are called on a picture, and cards in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from microgrid.value import Value

from ..style.typography import number
from .model import Name, Operation

__all__ = ["describe", "label_of", "name_of", "operation", "timeless", "twins"]


@lru_cache(maxsize=8192)
def label_of(label: str) -> Name:
    """A label as a Name; the same labels come back in every picture of a run."""
    return Name.parse(label)


@lru_cache(maxsize=8192)
def timeless(label: str) -> Name:
    """A label as a Name without its time step: the same for h_1 and h_2."""
    return label_of(label).timeless


def twins(leaves: Iterable[Value]) -> dict[Value, int]:
    """Which of the matrices of its name each leaf is an entry of, counted from 0.

    An encoder and a decoder both have a W_h. The entries of a matrix are made one after the
    other, so an entry whose label has come already begins another one.

    >>> list(twins([Value(0.0, "W[0]"), Value(0.0, "W[1]"), Value(0.0, "W[0]")]).values())
    [0, 0, 1]
    """
    met: dict[Name, list[set[str]]] = {}
    found: dict[Value, int] = {}
    for leaf in sorted(leaves, key=lambda leaf: leaf.serial):
        if not leaf.label:
            continue
        of_name = met.setdefault(label_of(leaf.label).whole, [set()])
        if leaf.label in of_name[-1]:
            of_name.append(set())
        of_name[-1].add(leaf.label)
        found[leaf] = len(of_name) - 1
    return found


def name_of(node: Value) -> str:
    """What a node is called in print: its label, else its operation, else its number."""
    if node.label:
        return _printed(node.label)
    return str(operation(node) or number(node.data))


@lru_cache(maxsize=8192)
def _printed(label: str) -> str:
    return str(label_of(label))


def operation(node: Value) -> Operation | None:
    """The op of a node with its plain number; None for a leaf.

    >>> a = Value(3.0)
    >>> [str(operation(v)) for v in (a**2, 1.0 - a, a.tanh())]
    ['( )²', '1 −', 'tanh']
    """
    op = node.op
    if op is None:
        return None
    consts = None if op.variadic else node.consts  # a sum may have thousands of operands
    left, right = consts if consts is not None and len(consts) == 2 else (None, None)
    return Operation(op.name, op.symbol, left, right)


def describe(node: Value, gradient: float | None, called: Callable[[Value], str] = name_of) -> str:
    """A card in words: name, op, value, gradient, local derivatives, where it was made.

    called : what a node is called, where somebody knows that already

    >>> print(describe(Value(2.0, label="a"), 3.0))
    a: a leaf
    value 2.0
    gradient 3.0
    """
    kind = f"{node.op.name}({_operands(node, called)})" if node.op else "a leaf"
    lines = [f"{called(node)}: {kind}", f"value {node.data!r}"]
    lines.append("backward not run" if gradient is None else f"gradient {gradient!r}")
    lines += [
        f"local derivative to {called(parent)}: {partial!r}"
        for parent, partial in list(zip(node.parents, node.partials))[:12]
    ]
    if node.scope:
        lines.append(f"made in {node.scope}")
    return "\n".join(lines)


def _operands(node: Value, called: Callable[[Value], str]) -> str:
    operands = node.operands
    names = [called(x) if isinstance(x, Value) else number(x) for x in operands[:12]]
    return ", ".join(names + ["…"] * (len(operands) > 12))
