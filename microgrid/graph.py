"""Reading a recorded graph: who uses whom, what a node is called, and recomputing it."""

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any

from .ops import FLOAT
from .recording import current_watch
from .value import Operand, Value, creation_order
from .wording import bracketed, clean, shortened, shown

__all__ = [
    "assigned",
    "creation_order",
    "describe",
    "find",
    "formula",
    "formula_in_numbers",
    "gradient_of",
    "graph_of",
    "messages",
    "name_of",
    "put_gradient",
    "recompute",
    "root_of",
    "select_parents",
    "time_step",
    "uses",
]


def uses(root: Value) -> dict[Value, list[tuple[Value, int]]]:
    """For every node below `root`, its uses: (child, position among the child's parents).

    >>> a = Value(3.0)
    >>> square = a * a
    >>> [(child is square, position) for child, position in uses(square)[a]]
    [(True, 0), (True, 1)]
    """
    found: dict[Value, list[tuple[Value, int]]] = {}
    for node in creation_order(root):
        found[node] = []
        for position, parent in enumerate(node.parents):
            found[parent].append((node, position))
    return found


def messages(node: Value) -> list[float]:
    """What the last sweep sent back along each of the node's edges: grad x local derivative.

    >>> a, b = Value(2.0), Value(5.0)
    >>> product = a * b
    >>> product.backward(gradient=10.0)
    >>> messages(product)
    [50.0, 20.0]
    """
    upstream = node._grad
    if upstream is None:
        return []
    return [upstream * local for local in node.partials]


def find(root: Value, where: Value | str) -> Value:
    """The node of root's graph that `where` is, or that bears this label (the youngest such).

    ValueError where there is none.

    >>> a = Value(2.0, label="W_h[0,1]")
    >>> find(a.tanh(), "W_h[0,1]") is a
    True
    >>> find(a.tanh(), "W_h[1,1]")
    Traceback (most recent call last):
    ...
    ValueError: no node of this graph is called 'W_h[1,1]'; near it: W_h[0,1]
    """
    nodes = creation_order(root)
    if isinstance(where, Value):
        if where not in nodes:
            raise ValueError(f"{where!r} is not in the graph of {root!r}")
        return where
    named = {node.label: node for node in nodes if node.label}
    if where in named:
        return named[where]
    near = ", ".join(map(clean, difflib.get_close_matches(str(where), named, cutoff=0.4))) or "none"
    raise ValueError(f"no node of this graph is called {where!r}; near it: {near}")


def name_of(node: Value) -> str:
    """What a node is called in a sentence: its label, else its op, else its number.

    Labels may come from a file: characters that a terminal would obey are written out.

    >>> [name_of(x) for x in (Value(2.0, label="a"), Value(2.0).exp(), Value(2.0))]
    ['a', 'exp', '2']
    """
    return clean(node.label) or (node.op.name if node.op else f"{node.data:.6g}")


def describe(node: Value) -> str:
    """A node as the call that made it, with its name, its operands' numbers and its scope.

    >>> describe(Value(0.5, label="a") * 2.0)
    'mul(a = 0.5, 2.0)'
    """
    operands = ", ".join(shortened([assigned(x) for x in node.operands]))
    call = f"{node.op}({operands})" if node.op else repr(node.data)
    name = f"{clean(node.label)} = " if node.label else ""
    return f"{name}{call}" + (f" in {clean(node.scope)}" if node.scope else "")


def assigned(x: Operand) -> str:
    """An operand's number, and its label if it has one.

    >>> assigned(Value(0.5, label="a")), assigned(2.0)
    ('a = 0.5', '2.0')
    """
    label = x.label if isinstance(x, Value) else ""
    return f"{clean(label)} = {float(x)!r}" if label else repr(float(x))


_INFIX = {"add": " + ", "sub": " − ", "mul": " × ", "div": " ÷ ", "sum": " + "}


def formula(
    node: Value,
    called: Callable[[Value], str] = name_of,
    number: Callable[[float], str] = "{:.6g}".format,
    most: int = 8,
) -> str:
    """How a node was computed, in one line: a dot product keeps its pairs together.

    called, number : functions that name an operand and write a plain number
    most : how many terms are written before an ellipsis

    A leaf has no formula: "".

    >>> w, x, v, h = (Value(2.0, label=name) for name in ("w", "x", "v", "h"))
    >>> from microgrid import functional as F
    >>> formula(F.dot([w, v], [x, h])), formula(w * x), formula(w.tanh()), formula(w**2)
    ('w·x + v·h', 'w × x', 'tanh(w)', 'w^2')
    """
    if node.op is None:
        return ""
    operands = node.operands
    names = [called(x) if isinstance(x, Value) else number(x) for x in operands]
    by = _INFIX.get(node.op.name, ", ")
    if node.op.name == "dot":
        half = len(names) // 2
        names, by = [f"{a}·{b}" for a, b in zip(names[:half], names[half:])], " + "
    joined = by.join([*names[:most], "…"] if len(names) > most else names)
    if node.op.name in _INFIX or node.op.name == "dot":
        return joined
    return "^".join(names) if node.op.name == "pow" else f"{node.op.name}({joined})"


def gradient_of(node: Any) -> float | None:
    """The gradient of a node (or of a tape's Parameter); None where no sweep has reached it.

    >>> a = Value(3.0)
    >>> gradient_of(a) is None, a.grad
    (True, 0.0)
    """
    return node._grad if isinstance(node, Value) else node.grad


def put_gradient(node: Any, gradient: Any) -> None:
    """Set a gradient as a sweep does: 0.0 counts as reached by it, and only None resets it."""
    if isinstance(node, Value):
        node._grad = gradient
    else:
        node.grad = gradient


def graph_of(x: Any) -> Any:
    """What there is to read of x: x itself, or what its method `__graph__()` returns.

    An object that is no graph but has recorded one (a recording of PyTorch code) can so be
    given wherever a graph is: its `__graph__()` returns an unrolled run, a Value or a list.

    >>> class Square:
    ...     def __graph__(self):
    ...         return Value(3.0) ** 2
    >>> graph_of(Square()), graph_of(2.0)
    (Value(9.0, op=pow), 2.0)
    """
    door = getattr(type(x), "__graph__", None)
    return x if door is None else door(x)


def root_of(x: Any) -> Value:
    """The Value a sweep starts from: x itself, or the loss of an unrolled run.

    >>> root_of(Value(2.0))
    Value(2.0)
    >>> root_of("loss")
    Traceback (most recent call last):
    ...
    TypeError: a sweep starts from a Value or an unrolled run with a loss, got 'loss'
    """
    root = x.root if hasattr(x, "losses") else getattr(x, "loss", x)
    if root is None and x is not None:
        raise ValueError(
            f"the run has no loss to start from: {x!r}; give unroll its targets: "
            f"model.unroll(inputs, targets)"
        )
    if not isinstance(root, Value):
        raise TypeError(f"a sweep starts from a Value or an unrolled run with a loss, got {x!r}")
    return root


def formula_in_numbers(node: Value) -> str:
    """`formula` with numbers in the places of names; negative ones stand in brackets.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> formula_in_numbers(a * b), formula_in_numbers(b.tanh())
    ('2 × (-3)', 'tanh(-3)')
    """
    infix = node.op is not None and (node.op.name in _INFIX or node.op.name in ("dot", "pow"))
    write = bracketed if infix else shown
    return formula(node, lambda operand: write(operand.data), write)


def time_step(scope: str) -> int | None:
    """The time step of a scope: 2 for "t=2/cell"; None where it has none.

    >>> time_step("encoder/t=12/cell"), time_step("layer=1")
    (12, None)
    """
    found = _TIME_STEP.search(scope)
    return int(found[1]) if found else None


_TIME_STEP = re.compile(r"(?:^|/)t=(\d+)(?=/|$)")


def recompute(root: Value, *others: Value) -> float:
    """Evaluate the graph again after leaf data was changed; returns the root's new data.

    Values and local derivatives are computed again in place, under `root` and under `others`.
    Gradients of the operations belonged to the old numbers and become None; leaves keep theirs.

    >>> a = Value(3.0)
    >>> square = a * a
    >>> a.data = 5.0
    >>> recompute(square)
    25.0
    """
    if not isinstance(root, Value):
        raise TypeError(f"recompute needs the Value to evaluate again, got {root!r}")
    watch = current_watch()
    for node in creation_order(root, *others):
        if node.op is not None:
            numbers = [float(x) for x in node.operands]
            node._data = node.op.evaluate(FLOAT, numbers)
            derivatives = node.op.local_derivatives(FLOAT, node.data, numbers)
            node.partials = select_parents(node, derivatives)
            node._grad = None
            if watch is not None:
                watch.made(node, node.op, node.operands)
    return root.data


def select_parents(node: Value, per_operand: Sequence[Any]) -> Sequence[Any]:
    """Given one item for each operand, the items of those that are parents, not plain numbers.

    >>> select_parents(3.0 * Value(2.0), ["of 3", "of the Value"])
    ('of the Value',)
    """
    if node.consts is None:
        return per_operand
    return tuple([x for x, const in zip(per_operand, node.consts) if const is None])
