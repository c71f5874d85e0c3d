"""Names, numbers, cards and tables as the prompt shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import name_of
from ..stepper import Stepper
from ..value import Value

MOST_PARENTS = 8  # a card lists no more


class Names:
    """A name for every node of a graph: its label, or n1, n2, ... in order of creation.

    >>> a = Value(2.0, label="a")
    >>> square = a * a
    >>> names = Names(Stepper(square))
    >>> names[a], names[square], names.called(square), names.nodes["n1"] is square
    ('a', 'n1', 'n1 (mul)', True)
    """

    def __init__(self, stepper: Stepper) -> None:
        self.nodes: dict[str, Value] = {}
        for node in stepper.nodes:  # of nodes that share a label the youngest bears it
            if node.label:
                self.nodes.setdefault(node.label, node)
        self._names = {node: label for label, node in self.nodes.items()}
        for i, node in enumerate(reversed(stepper.nodes)):
            if node not in self._names:
                self._names[node] = f"n{i}"
                self.nodes.setdefault(f"n{i}", node)

    def __getitem__(self, node: Value) -> str:
        return self._names[node]

    def called(self, node: Value) -> str:
        """The name, with the op, label or number of a node that has none of its own."""
        name = self._names[node]
        return name if name == node.label else f"{name} ({name_of(node)})"


def card(node: Value, stepper: Stepper, names: Names) -> list[str]:
    """The lines of a node's card: how it was made, value, gradient, derivatives, messages."""
    made = "a leaf"
    if node.op is not None:
        operands = [names[x] if isinstance(x, Value) else shown(x) for x in node.operands]
        made = f"{node.op.name}({', '.join(_shortened(operands))})"
    lines = [f"{names.called(node)} = {made}{f' in {node.scope}' if node.scope else ''}"]
    lines.append(f"  value     {node.data!r}")
    lines.append(f"  gradient  {_progress(node, stepper)}")
    for parent, partial in list(zip(node.parents, node.partials))[:MOST_PARENTS]:
        sent = ""
        if stepper.is_finished(node) and node.grad is not None:
            sent = f", message {bracketed(node.grad)} × {bracketed(partial)} = "
            sent += shown(node.grad * partial)
        lines.append(f"  → {names[parent]:<8} local derivative {shown(partial)}{sent}")
    if len(node.parents) > MOST_PARENTS:
        lines.append(f"  … and {len(node.parents) - MOST_PARENTS} more")
    return lines


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned lines."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def shown(x: Any) -> str:
    """A value as the prompt prints it: 6 digits, · for a gradient that is not there yet."""
    if x is None:
        return "·"
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def bracketed(x: float | None) -> str:
    """A factor in a product: (-5)."""
    return f"({shown(x)})" if x is not None and x < 0.0 else shown(x)


def whole_number(text: str) -> int:
    """How often: 1 unless given. ValueError for what is no whole number of 1 or more."""
    if not text:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"a whole number of 1 or more is needed, got {text!r}")
    return int(text)


def _progress(node: Value, stepper: Stepper) -> str:
    if stepper.is_finished(node):
        return f"{node.grad!r}, complete"
    arrived = sum(event.parent is node for event in stepper.messages)
    wanted = sum(parent is node for child in stepper.nodes for parent in child.parents)
    if node.grad is None:
        return f"none yet, waits for {wanted} message{'' if wanted == 1 else 's'}"
    return f"{node.grad!r} so far, {arrived} of {wanted} messages"


def _shortened(parts: list[str]) -> list[str]:
    return parts if len(parts) <= 2 * MOST_PARENTS else [*parts[: 2 * MOST_PARENTS], "…"]
