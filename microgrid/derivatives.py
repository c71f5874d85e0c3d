"""Gradients as Values, which can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isclose, isnan

from . import ops
from .graph import describe, select_parents
from .ops import FLOAT, Op
from .recording import no_grad, watched
from .sweep import gradients
from .value import Operand, Value, compare, creation_order, record

__all__ = ["VALUES", "grad", "recorded_gradients"]


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
    if not isinstance(inputs, Iterable):
        raise TypeError(f"grad takes a list of inputs, grad(output, [input]), got {inputs!r}")
    inputs = list(inputs)
    for x in inputs:
        if not isinstance(x, Value):
            raise TypeError(f"grad differentiates by Values, got {x!r} among its inputs")
    if create_graph:
        return _as_values(recorded_gradients({output: 1.0}, inputs))
    if watched():  # looks at numbers as they are made
        with no_grad():
            return _as_values(recorded_gradients({output: 1.0}, inputs))
    found = gradients(output)
    return [Value(found.get(x, 0.0)) for x in inputs]


def _as_values(found: Sequence[Operand]) -> list[Value]:
    return [x if isinstance(x, Value) else Value(x) for x in found]


def recorded_gradients(
    upstream: Mapping[Value, Operand], inputs: Sequence[Operand]
) -> list[Operand]:
    """What the outputs, each with the gradient that comes from above it, send to the inputs.

    The sweep with Values for messages. They come from the op table, not from what is stored.
    ValueError if the two differ: then a leaf's number was changed after the recording.

    >>> a, seed = Value(3.0), Value(2.0)
    >>> recorded_gradients({a * a: seed}, [a, 5.0])
    [Value(12.0, op=add), 0.0]
    """
    gradient: dict[Value, Operand] = dict(upstream)
    for node in reversed(creation_order(*upstream)):
        if node.op is None or node not in gradient:
            continue
        above = gradient[node]
        derivatives = node.op.local_derivatives(VALUES, node, node.operands)
        for parent, local, stored in zip(
            node.parents, select_parents(node, derivatives), node.partials
        ):
            if float(local) != stored and not isclose(float(local), stored, rel_tol=1e-9):
                _check_unchanged(node, float(local), stored)
            message = above if local.__class__ is float and local == 1.0 else above * local
            gradient[parent] = gradient[parent] + message if parent in gradient else message
    return [gradient.get(x, 0.0) if isinstance(x, Value) else 0.0 for x in inputs]


def _check_unchanged(node: Value, now: float, stored: float) -> None:
    """ValueError if an operand of the node holds another number than when it was recorded."""
    if isnan(now) and isnan(stored):
        return
    numbers = [float(x) for x in node.operands]
    assert node.op is not None
    if not isclose(node.op.evaluate(FLOAT, numbers), node.data, rel_tol=1e-9, abs_tol=1e-300):
        raise ValueError(
            f"grad: {describe(node)} was recorded with other numbers than its operands hold now; "
            f"call recompute(output) after a change of data"
        )


def _lift(op: Op) -> Callable[..., Operand]:
    """`op` as a function of Values and numbers: recorded, unless only numbers came in."""

    def function(*operands: Operand) -> Operand:
        if any(isinstance(x, Value) for x in operands):
            return record(op, operands)
        number: float = op.evaluate(FLOAT, operands)
        return number

    return function


class VALUES:
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
        number = float(x)  # but x itself is compared, so that a Tape asks again
        return number if number != number else float((x > 0.0) - (x < 0.0))
