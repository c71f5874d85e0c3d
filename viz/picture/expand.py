"""Composite nodes opened: a dot product as its × and + gates, a sigmoid as its four gates.

The graph is copied, with the same numbers; what an opened node stands for is recorded gate
by gate, and the gradients of the new gates follow from the gradient of the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from microgrid import ops
from microgrid.graph import creation_order, gradient_of, put_gradient
from microgrid.nn import Unrolled
from microgrid.recording import scope
from microgrid.sweep import gradients
from microgrid.value import Operand, Value, record

__all__ = ["GATES", "expanded", "expanded_run"]


def _gates_of_dot(operands: Sequence[Operand]) -> list[Value]:
    half = len(operands) // 2
    pairs = list(zip(operands[:half], operands[half:]))
    terms = [_product(x, y) for x, y in pairs]
    made = [term for term, pair in zip(terms, pairs) if term not in pair]
    total = terms[0]
    for term in terms[1:]:
        total = record(ops.ADD, (total, term))
        made.append(total)
    return made  # type: ignore[return-value]


def _product(x: Operand, y: Operand) -> Operand:
    if not isinstance(y, Value) and y == 1.0:  # the bias meets the number 1: no gate
        return x
    return record(ops.MUL, (x, y))


def _gates_of_sigmoid(operands: Sequence[Operand]) -> list[Value]:
    """1 / (1 + e**-z), as on the slides: × −1, exp, + 1, 1 / x."""
    minus = record(ops.MUL, (operands[0], -1.0))
    exp = record(ops.EXP, (minus,))
    plus = record(ops.ADD, (exp, 1.0))
    return [minus, exp, plus, record(ops.DIV, (1.0, plus))]


GATES: dict[str, Callable[[Sequence[Operand]], list[Value]]] = {
    "dot": _gates_of_dot,
    "sigmoid": _gates_of_sigmoid,
}


def expanded(roots: Sequence[Value], names: Iterable[str]) -> dict[Value, Value]:
    """For every node its copy in a graph in which the ops named are opened.

    >>> a = Value(0.0); b = a.sigmoid(); b.backward()
    >>> copy = expanded([b], ["sigmoid"])[b]
    >>> str(copy.op), copy.data, copy.parents[0].grad
    ('div', 0.5, -0.25)
    """
    opened = {name: GATES[name] for name in names}
    copies: dict[Value, Value] = {}
    for node in creation_order(*roots):
        if node.op is None:
            copies[node] = node
            continue
        operands = [copies[x] if isinstance(x, Value) else x for x in node.operands]
        gates = opened.get(node.op.name)
        with _in_scope(node):
            made = gates(operands) if gates else [record(node.op, operands)]
        copy = made[-1]
        copy.data, copy.label = node.data, node.label
        put_gradient(copy, gradient_of(node))
        if not gates:
            copy.partials = node.partials
        for gate in made:
            gate.scope = node.scope
        _send_back(made)
        copies[node] = copy
    return copies


def _send_back(made: Sequence[Value]) -> None:
    """Give the gates inside an opened node their gradients, which follow from the last one's."""
    if (upstream := gradient_of(made[-1])) is None:
        return
    inside = set(made)
    plan = [
        (gate, [edge for edge in zip(gate.parents, gate.partials) if edge[0] in inside])
        for gate in reversed(made)
    ]
    for gate, gradient in gradients(made[-1], plan, upstream).items():
        put_gradient(gate, gradient)


def _in_scope(node: Value) -> Any:
    return scope(node.scope)


def expanded_run(run: Unrolled, copies: dict[Value, Value]) -> Unrolled:
    """The run with every Value replaced by its copy."""

    def row(values: Iterable[Value]) -> list[Value]:
        return [copies.get(value, value) for value in values]

    return replace(
        run,
        inputs=[row(x) for x in run.inputs],
        states=[row(h) for h in run.states],
        outputs=[row(y) for y in run.outputs],
        losses=[None if x is None else copies.get(x, x) for x in run.losses],
        root=None if run.root is None else copies.get(run.root, run.root),
    )
