"""Names as the pictures show them, and numbers, cards and tables as the prompt prints them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..graph import formula, graph_of, name_of
from ..nested import flatten
from ..nn.names import fitting, names
from ..nn.parameters import shape_of
from ..stepper import Stepper
from ..value import Value
from ..wording import aligned, bracketed, shown
from .expression import on_the_line

__all__ = ["Known", "Names", "Vector", "card", "vector_card", "whole_number"]

_MOST_PARENTS = 8  # a card lists no more
_MOST_ENTRIES = 24  # of a vector's card

Vector: TypeAlias = tuple[Value, ...]  # the entries of h_3, in the order of their index


class Known(Mapping[str, Value | Vector]):
    """What may be typed: `W_h[0,1]`, and for it also `W_h[0][1]` and `W_h[0, 1]`; `h₂` for h_2.

    >>> a = Value(2.0, label="W_h[0,1]")
    >>> known = Known({"W_h[0,1]": a})
    >>> known["W_h[0][1]"] is a, known.get("W_h[1]")
    (True, None)
    """

    def __init__(self, found: Mapping[str, Value | Vector]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Value | Vector:
        if name in self._found:  # as it stands: the index of a letter may be a space
            return self._found[name]
        return self._found[on_the_line(name).replace(" ", "").replace("][", ",")]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Names:
    """A name for every node of a graph: its label, or n1, n2, ... in order of creation.

    Attributes
    ----------
    nodes : the names that the prompt prints
    known : what may be typed: those, a whole vector (`h_3` for h_3[0], h_3[1], ...), of an
        unrolled run the inputs by time step (`x_2`) and the weights by all their names (`W_hh`
        for W_h), and all of these without the underscore (`h3`)

    >>> a = Value(2.0, label="a_1")
    >>> square = a * a
    >>> names = Names(Stepper(square))
    >>> names[a], names[square], names.called(square), names.known["a1"] is a
    ('a_1', 'n1', 'n1 (mul)', True)
    """

    def __init__(self, stepper: Stepper, run: Any = None) -> None:
        self.nodes: dict[str, Value] = {}
        for node in stepper.nodes:  # of nodes that share a label the youngest bears it
            if node.label:
                self.nodes.setdefault(node.label, node)
        self._names = {node: label for label, node in self.nodes.items()}
        for i, node in enumerate(reversed(stepper.nodes)):
            if node not in self._names:
                self._names[node] = f"n{i}"
                self.nodes.setdefault(f"n{i}", node)
        known: dict[str, Value | Vector] = dict(self.nodes)
        found = _weights(run, self._names) | _inputs(run) | _vectors(self.nodes)
        for name, entries in (found | _rows(known | found)).items():
            known.setdefault(name, entries[0] if len(entries) == 1 else entries)
        for name, meant in list(known.items()):
            known.setdefault(re.sub(r"_(\d+)", r"\1", name, count=1), meant)
        self.known = Known(known)

    def __getitem__(self, node: Value) -> str:
        return self._names[node]

    def called(self, node: Value) -> str:
        """The name, with the op, label or number of a node that has none of its own."""
        name = self._names[node]
        return name if name == node.label else f"{name} ({name_of(node)})"


def _weights(run: Any, nodes: Container[Value]) -> dict[str, Vector]:
    """The weights of a run's model by their other names: W_hh and its entry W_hh[0,1] for W_h.

    Entries that the loss does not reach are not among `nodes`, and are left out.
    """
    run = graph_of(run)
    weights = dict(run.model.named_weights()) if hasattr(run, "model") else {}
    found: dict[str, Vector] = {}
    for path, weight in weights.items():
        places = list(np.ndindex(*(shape_of(weight) or ())))
        for name in names(path, weight):
            if name and len(fitting(name, weights)) == 1:
                entries = {
                    f"{name}[{','.join(map(str, place))}]" if place else name: (leaf,)
                    for place, leaf in zip(places, flatten(weight))
                    if leaf in nodes
                }
                found |= {**entries, name: sum(entries.values(), ())}
    return {name: leaves for name, leaves in found.items() if leaves}


def _inputs(run: Any) -> dict[str, Vector]:
    """x_1, x_2, ... of an unrolled run, and their entries x_1[0]."""
    found: dict[str, Vector] = {}
    for t, row in enumerate(getattr(run, "inputs", ()), start=1):
        found[f"x_{t}"] = tuple(row)
        found.update({f"x_{t}[{i}]": (x,) for i, x in enumerate(row) if len(row) > 1})
    return found


def _vectors(nodes: dict[str, Value]) -> dict[str, Vector]:
    """Labels such as h_3[0] and h_3[1] under their common name, each list in order."""
    entries: dict[str, dict[tuple[int, ...], Value]] = {}
    for label, node in nodes.items():
        base, bracket, index = label.partition("[")
        numbers = index.removesuffix("]").split(",")
        if bracket and all(number.isdecimal() for number in numbers):
            entries.setdefault(base, {})[tuple(map(int, numbers))] = node
    return {base: tuple(found[i] for i in sorted(found)) for base, found in entries.items()}


def _rows(entries: Mapping[str, Value | Vector]) -> dict[str, Vector]:
    """The rows of matrices: W_h[1] for W_h[1,0] and W_h[1,1], E[o] for the entries of a letter."""
    rows: dict[str, dict[int, Value]] = {}
    for name, entry in entries.items():
        row, comma, last = name.removesuffix("]").rpartition(",")
        (leaf,) = entry if isinstance(entry, tuple) and len(entry) == 1 else (entry,)
        if comma and "[" in row and last.isdecimal() and isinstance(leaf, Value):
            rows.setdefault(f"{row}]", {})[int(last)] = leaf
    return {row: tuple(found[i] for i in sorted(found)) for row, found in rows.items()}


def card(node: Value, stepper: Stepper, names: Names) -> list[str]:
    """The lines of a node's card: how it was made, value, gradient, derivatives, messages."""
    made = formula(node, names.__getitem__, shown, 2 * _MOST_PARENTS) or "a leaf"
    lines = [f"{names.called(node)} = {made}{f'   in {node.scope}' if node.scope else ''}"]
    value = shown(node.data) if stepper.is_computed(node) else "not computed yet"
    lines.append(f"  value     {value}")
    lines.append(f"  gradient  {_progress(node, stepper)}")
    if not stepper.is_computed(node):
        return lines[:2]
    for parent, local in list(zip(node.parents, node.partials))[:_MOST_PARENTS]:
        sent = ""
        if stepper.is_finished(node) and (upstream := stepper.gradient(node)) is not None:
            sent = f", message {bracketed(upstream)} × {bracketed(local)} = "
            sent += shown(upstream * local)
        lines.append(f"  → {names[parent]:<8} local derivative {shown(local)}{sent}")
    if len(node.parents) > _MOST_PARENTS:
        lines.append(f"  … and {len(node.parents) - _MOST_PARENTS} more")
    return lines


def vector_card(name: str, entries: Vector, stepper: Stepper, names: Names) -> list[str]:
    """A line for each entry of a vector: value and gradient so far."""
    rows = [[name, "value", "gradient"]]
    for node in entries[:_MOST_ENTRIES]:
        gradient = shown(stepper.gradient(node))
        state = "" if stepper.is_finished(node) or gradient == "·" else " so far"
        value = shown(node.data) if stepper.is_computed(node) else "?"
        rows.append([names[node], value, gradient + state])
    more = len(entries) - _MOST_ENTRIES
    return aligned(rows) + ([f"… and {more} more"] if more > 0 else [])


def whole_number(text: str) -> int:
    """How often: 1 unless given. ValueError for what is no whole number of 1 or more."""
    if not text:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"a whole number of 1 or more is needed, got {text!r}")
    return int(text)


def _progress(node: Value, stepper: Stepper) -> str:
    gradient = stepper.gradient(node)
    if stepper.is_finished(node):
        return f"{shown(gradient)}, complete"
    arrived = sum(event.parent is node for event in stepper.messages)
    wanted = sum(parent is node for child in stepper.nodes for parent in child.parents)
    if node is stepper.root and gradient is None:
        return f"none yet, the sweep begins here with {shown(stepper.sweep.seed)}"
    if gradient is None:
        return f"none yet, waits for {wanted} message{'' if wanted == 1 else 's'}"
    return f"{shown(gradient)} so far, {arrived} of {wanted} messages"
