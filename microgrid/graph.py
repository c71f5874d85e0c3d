"""Reading a recorded graph: who uses whom, replaying it, and gradients as Values."""

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any

from . import ops
from .namespaces import Functions
from .ops import FLOAT, Op
from .recording import current_watch, no_grad
from .value import (
    Operand,
    Value,
    compare,
    creation_order,
    record,
)
from .wording import bracketed, shown

__all__ = [
    "creation_order",
    "find",
    "formula",
    "formula_in_numbers",
    "grad",
    "gradient_of",
    "graph_of",
    "messages",
    "name_of",
    "put_gradient",
    "recompute",
    "root_of",
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
    return [upstream * partial for partial in node.partials]


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
    near = ", ".join(difflib.get_close_matches(str(where), named, cutoff=0.4)) or "none"
    raise ValueError(f"no node of this graph is called {where!r}; near it: {near}")


def name_of(node: Value) -> str:
    """What a node is called in a sentence: its label, else its op, else its number.

    >>> [name_of(x) for x in (Value(2.0, label="a"), Value(2.0).exp(), Value(2.0))]
    ['a', 'exp', '2']
    """
    return node.label or (node.op.name if node.op else f"{node.data:.6g}")


_INFIX = {"add": " + ", "sub": " − ", "mul": " × ", "div": " ÷ ", "sum": " + "}


def formula(
    node: Value,
    called: Callable[[Value], str] = name_of,
    number: Callable[[float], str] = "{:.6g}".format,
    most: int = 8,
) -> str:
    """How a node was computed, in one line: a dot product keeps its pairs together.

    called, number : how its operands are named and plain numbers written; of more than `most`
        terms the rest is an ellipsis. "" for a leaf.

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
    """Leave a gradient as a sweep does: here 0.0 is a gradient, and only None resets it."""
    if isinstance(node, Value):
        node._grad = gradient
    else:
        node.grad = gradient


def graph_of(x: Any) -> Any:
    """What there is to read of x: x itself, or what its `__graph__()` hands out.

    The one door for what is no graph itself but knows one: a recording of PyTorch code hands
    out an unrolled run, a Value or a list of Values.

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
    root = getattr(x, "loss", x)
    if root is None:
        raise ValueError(f"the run has no loss to start from: {x!r}")
    if not isinstance(root, Value):
        raise TypeError(f"a sweep starts from a Value or an unrolled run with a loss, got {x!r}")
    return root


def formula_in_numbers(node: Value) -> str:
    """The same with numbers in the places of names, negative factors and addends in brackets.

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

    Values and local derivatives are refreshed in place, those under `others` as well. The
    gradients of the nodes in between no longer belong to them and become None; leaves keep
    theirs.

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
            slopes = node.op.slopes(FLOAT, node.data, numbers)
            node.partials = select_parents(node, slopes)
            node._grad = None
            if watch is not None:
                watch.made(node, node.op, node.operands)
    return root.data


def select_parents(node: Value, per_operand: Sequence[Any]) -> Sequence[Any]:
    """Of one item per operand, those whose operand is a parent and no plain number.

    >>> select_parents(3.0 * Value(2.0), ["of 3", "of the Value"])
    ('of the Value',)
    """
    if node.consts is None:
        return per_operand
    return tuple([x for x, const in zip(per_operand, node.consts) if const is None])


def grad(output: Value, inputs: Sequence[Value], create_graph: bool = False) -> list[Value]:
    """d(output)/d(input) for each input, as Values; no `.grad` is touched.

    With `create_graph=True` the gradients are recorded too, so that they can be
    differentiated again (as in `torch.autograd.grad`). An input that the output does
    not depend on has gradient 0.

    >>> a = Value(2.0)
    >>> (first,) = grad(a**3, [a], create_graph=True)
    >>> (second,) = grad(first, [a], create_graph=True)
    >>> (third,) = grad(second, [a])
    >>> first.data, second.data, third.data
    (12.0, 12.0, 6.0)
    """
    if not isinstance(output, Value):
        raise TypeError(f"grad needs a Value to differentiate, got {output!r}")
    if isinstance(inputs, Value):
        raise TypeError("grad takes a list of inputs: write grad(output, [input])")
    inputs = list(inputs)
    for x in inputs:
        if not isinstance(x, Value):
            raise TypeError(f"grad differentiates by Values, got {x!r} among its inputs")
    if create_graph:
        return _recorded_gradients(output, inputs)
    with no_grad():
        return _recorded_gradients(output, inputs)


def _recorded_gradients(output: Value, inputs: Sequence[Value]) -> list[Value]:
    gradient: dict[Value, Operand] = {output: 1.0}
    for node in reversed(creation_order(output)):
        if node.op is None or node not in gradient:
            continue
        upstream = gradient[node]
        slopes = node.op.slopes(VALUES, node, node.operands)
        for parent, slope in zip(node.parents, select_parents(node, slopes)):
            message = upstream if slope.__class__ is float and slope == 1.0 else upstream * slope
            gradient[parent] = gradient[parent] + message if parent in gradient else message
    found = [gradient.get(x, 0.0) for x in inputs]
    return [x if isinstance(x, Value) else Value(x) for x in found]


def _lift(op: Op) -> Callable[..., Operand]:
    """`op` as a function of Values and numbers: recorded, unless only numbers came in."""

    def function(*operands: Operand) -> Operand:
        if any(isinstance(x, Value) for x in operands):
            return record(op, operands)
        number: float = op.evaluate(FLOAT, operands)
        return number

    return function


class VALUES(metaclass=Functions):
    """Functions on Values under NumPy's names: derivatives through them are recorded.

    What only compares or selects looks at the data, and so counts as constant; its
    comparisons are remembered, as those of a program are.
    """

    exp, expm1, log, log1p = (_lift(op) for op in (ops.EXP, ops.EXPM1, ops.LOG, ops.LOG1P))
    sqrt, tanh, sin, cos = (_lift(op) for op in (ops.SQRT, ops.TANH, ops.SIN, ops.COS))
    log2, log10, tan, erf = (_lift(op) for op in (ops.LOG2, ops.LOG10, ops.TAN, ops.ERF))
    sinh, cosh = _lift(ops.SINH), _lift(ops.COSH)
    asin, acos, atan = (_lift(op) for op in (ops.ASIN, ops.ACOS, ops.ATAN))
    asinh, acosh, atanh = (_lift(op) for op in (ops.ASINH, ops.ACOSH, ops.ATANH))
    divide, power, abs = (_lift(op) for op in (ops.DIV, ops.POW, ops.ABS))
    maximum, minimum = (_lift(op) for op in (ops.MAXIMUM, ops.MINIMUM))

    less, less_equal, greater_equal = FLOAT.less, FLOAT.less_equal, FLOAT.greater_equal
    logical_and, where = FLOAT.logical_and, FLOAT.where
    concatenate, each = FLOAT.concatenate, FLOAT.each

    @staticmethod
    def equal(a: Operand, b: Operand) -> bool:
        if isinstance(a, Value):
            return compare("equal", a, b)
        return compare("equal", b, a) if isinstance(b, Value) else a == b

    @staticmethod
    def sign(x: Operand) -> float:
        number = float(x)
        return number if number != number else float((x > 0.0) - (x < 0.0))
