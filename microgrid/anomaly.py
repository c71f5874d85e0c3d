"""Anomaly detection: the first nan or inf raises an error that says where it came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .graph import name_of
from .ops import Op
from .recording import watching
from .stepper import Event, Stepper
from .value import Operand, Value
from .wording import clean, shortened

__all__ = ["AnomalyError", "detect_anomaly"]


class AnomalyError(ArithmeticError):
    """A nan or inf turned up.

    Attributes
    ----------
    node : the node whose value, or whose message, is not finite
    stepper : the sweep, stopped at the bad message; None if it was the forward pass
    path : the nodes that lead to it: from a leaf in the forward pass, from the root in
        the backward pass, along the largest numbers
    """

    def __init__(
        self, message: str, node: Value, stepper: Stepper | None, path: Sequence[Value]
    ) -> None:
        super().__init__(message)
        self.node = node
        self.stepper = stepper
        self.path = tuple(path)


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Check every number made and every message sent inside (as torch.autograd.detect_anomaly).

    The first nan or inf raises AnomalyError, which names the node, its scope, its op and
    operands, and the path to it. A backward pass that fails leaves the gradients as they
    were at that moment, for a look with `microgrid.debugger.pm()`. Costs nothing when off.

    >>> from microgrid import scope
    >>> with detect_anomaly(), scope("t=2"):
    ...     (Value(2.0, label="a") - 3.0).log()
    Traceback (most recent call last):
    ...
    microgrid.anomaly.AnomalyError: nan in the forward pass: log(sub = -1) in t=2
      path: a = 2 → sub = -1 → log = nan
    """
    with watching(_Detector()):
        yield


class _Detector:
    def made(self, node: Value, op: Op, operands: Sequence[Operand]) -> None:
        """Raise AnomalyError if the node is not finite."""
        if math.isfinite(node.data):
            return
        path = [*_origins(operands), node]
        names = [f"{name_of(x)} = {x.data:.6g}" for x in path[:-1]] + [f"{op.name} = {node.data}"]
        raise AnomalyError(
            f"{node.data} in the forward pass: {_call(op, operands)}{_place(node)}\n"
            f"  path: {' → '.join(shortened(names))}",
            node,
            None,
            path,
        )

    def sweep(self, root: Value, gradient: float) -> None:
        """The backward pass, one message at a time; AnomalyError at the first bad one."""
        stepper = Stepper(root, gradient)
        for event in stepper:
            for number in (event.message, event.after):
                if number is not None and not math.isfinite(number):
                    raise _backward_error(stepper, event, number)


def _backward_error(stepper: Stepper, event: Event, number: float) -> AnomalyError:
    from .bptt import paths  # costs NumPy, so only where it is needed

    node = event.node
    made = f"{_call(node.op, node.operands)}{_place(node)}" if node.op else name_of(node)
    path = next(paths(stepper.root, node).largest())
    steps = [f"—×{d:.6g}→ {name_of(x)}" for d, x in zip(path.factors, path.nodes[1:])]
    text = f"{number} in the backward pass: {made}"
    if event.parent is not None:
        text += (
            f" sends {event.upstream:.6g} × {event.local:.6g} = {event.message:.6g} "
            f"to {name_of(event.parent)}, whose gradient becomes {event.after:.6g}"
        )
    text += f"\n  path: {' '.join(shortened([name_of(stepper.root), *steps]))}"
    return AnomalyError(text, node, stepper, path.nodes)


def _origins(operands: Sequence[Operand]) -> list[Value]:
    """From a leaf to an operand, always along what is not finite or else largest."""
    path: list[Value] = []
    values = [x for x in operands if isinstance(x, Value)]
    while values:
        path.append(max(values, key=_weight))
        values = list(path[-1].parents)
    return path[::-1]


def _weight(x: Value) -> float:
    return abs(x.data) if math.isfinite(x.data) else math.inf


def _call(op: Op, operands: Sequence[Operand]) -> str:
    shown = [
        f"{name_of(x)} = {x.data:.6g}" if isinstance(x, Value) else f"{x:.6g}" for x in operands
    ]
    return f"{op.name}({', '.join(shortened(shown))})"


def _place(node: Value) -> str:
    return f" in {clean(node.scope)}" if node.scope else ""
