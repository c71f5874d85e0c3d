"""The tables below a picture: one gradient summed over time, which loss reached which state."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from microgrid.nn import Unrolled
from microgrid.quantity import Quantity, gradient_from, norm, value
from microgrid.sweep import gradients
from microgrid.value import Value

from .model import Cell, Name, Panel, PanelKind
from .naming import label_of, name_of, twins
from .reading import Scene, total
from .reading import total as added
from .sentence import Case, How, Said, Sentence

__all__ = ["Itemised", "shared_panel", "told_apart", "uses_panel"]

_MOST_ROWS = 12  # more shared parameters than these are shown by vector and matrix
_MOST_LOOKED_UP = 6  # rows of a table, each on a line of its own
_MOST_STEPS = 12  # more time steps than these are shown as heat without numbers
_MOST_STATES = 40  # a longer sequence has no itemised matrix
_MOST_WORK = 6_000_000  # edges that the itemised matrix may walk


def shared_panel(scene: Scene, steps: Sequence[int]) -> Panel:
    """What each step adds to each shared weight; by norm where a matrix has many."""
    title = "Shared parameters: one gradient, summed over time"
    heads = [f"t = {t}" for t in steps]
    parts = {leaf: [scene.contribution(leaf, t) for t in steps] for leaf in scene.shared}
    together: dict[str, list[Value]] = defaultdict(list)
    apart = told_apart(scene)
    for leaf, name in _in_tables(scene).items():
        together[f"{name}{apart[leaf]}"].append(leaf)
    if len(parts) <= max(_MOST_ROWS, len(together)):  # norms would say no more in fewer rows
        return _sum_panel("shared", title, heads, parts, scene)
    rows = [_heads(["value", *heads, "dL/dw = Σ"])]
    for whole, leaves in together.items():
        size = norm(map(value, leaves))
        cells = [Cell("name", whole, bold=True), Cell("value", number=size)]
        for i in range(len(steps)):
            sent = [part for leaf in leaves if (part := parts[leaf][i]) is not None]
            cells.append(_grad_cell(norm(sent) if sent else None))
        found = [g for leaf in leaves if (g := scene.grad(leaf)) is not None]
        rows.append((*cells, _grad_cell(norm(found) if found else None, bold=True)))
    note = "Euclidean norms, the last one of the sum"
    return Panel("shared", title, tuple(rows), note)


def told_apart(scene: Scene) -> dict[Value, str]:
    """What tells shared weights of one name apart: where each is used, or which it is."""
    twin = twins(scene.shared)
    used: dict[Name, dict[int, str]] = defaultdict(dict)
    for leaf, which in twin.items():
        scope = scene.local_scope(scene.uses[leaf][0]).partition("/")[0]
        used[label_of(leaf.label).whole].setdefault(which, scope)
    found = dict.fromkeys(scene.shared, "")
    for leaf, which in twin.items():
        scopes = used[label_of(leaf.label).whole]
        if len(scopes) > 1:
            differ = all(scopes.values()) and len({*scopes.values()}) == len(scopes)
            found[leaf] = f" ({scopes[which]})" if differ else f" ({which + 1})"
    return found


def _in_tables(scene: Scene) -> dict[Value, Name]:
    """The vector or matrix of each shared leaf; of a table only the rows that were looked up.

    A row has a line of its own, as E[a], where these are few, and all are "E[·]" where not.
    """
    names = {leaf: label_of(leaf.label) for leaf in scene.shared}
    rows = {
        leaf: Name(name.base, name.step, name.index[:-1])
        for leaf, name in names.items()
        if leaf in scene.embedded
    }
    if len(set(rows.values())) > _MOST_LOOKED_UP:
        rows = {leaf: Name(name.base, name.step, ("·",)) for leaf, name in rows.items()}
    return {leaf: rows.get(leaf, name.whole) for leaf, name in names.items()}


def uses_panel(scene: Scene) -> list[Panel]:
    """What each use adds to the leaves that are used more than once, where these are few."""
    parts = {
        leaf: [
            scene.message(child, position)
            for child in dict.fromkeys(uses)
            for position, parent in enumerate(child.parents)
            if parent is leaf
        ]
        for leaf, uses in scene.uses.items()
        if leaf.label and not leaf.parents and len(uses) > 1
    }
    most = max(map(len, parts.values()), default=0)
    if not 0 < len(parts) <= _MOST_ROWS or most > 8:
        return []
    heads = [f"use {i}" for i in range(1, most + 1)]
    padded = {leaf: found + [None] * (most - len(found)) for leaf, found in parts.items()}
    return [_sum_panel("uses", "One gradient, summed over its uses", heads, padded, scene)]


def _sum_panel(
    kind: PanelKind,
    title: str,
    heads: Sequence[str],
    parts: Mapping[Value, Sequence[float | None]],
    scene: Scene,
) -> Panel:
    """A heat cell for each part of a leaf's gradient, and the sum, which is `.grad`.

    Where earlier sweeps have left their share in it, a column says so.
    """
    apart = told_apart(scene) if kind == "shared" else {}
    rests = {leaf: _left_over(scene.grad(leaf), found) for leaf, found in parts.items()}
    earlier = any(rest is not None for rest in rests.values())
    rows = [_heads(["value", *heads, *(["earlier sweeps"] if earlier else []), "dL/dw = Σ"])]
    for leaf, found in parts.items():
        name = name_of(leaf) + apart.get(leaf, "")
        cells = [Cell("name", name, bold=True), Cell("value", number=value(leaf))]
        cells += [_grad_cell(part) for part in found]
        cells += [_grad_cell(rests[leaf])] if earlier else []
        rows.append((*cells, _grad_cell(scene.grad(leaf), bold=True)))
    return Panel(kind, title, tuple(rows))


def _left_over(grad: float | None, parts: Sequence[float | None]) -> float | None:
    """What a gradient holds beyond the messages of the latest sweep, rounding apart."""
    if grad is None:
        return None
    found = total(parts) or 0.0
    rest = float(grad) - float(found)  # what is left from earlier does not change any more
    return rest if abs(rest) > 1e-9 * max(1.0, abs(grad), abs(found)) else None


def _heads(texts: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(Cell("head", text) for text in ("", *texts))


def _grad_cell(x: float | None, bold: bool = False) -> Cell:
    """A heat cell of a panel, empty for None."""
    return Cell("empty") if x is None else Cell("grad", number=x, bold=bold)


class Itemised:
    """dL_k/dh_t for every loss and every state: which loss reached which state.

    `rows[k]` are the norms of the gradients that loss k sends to h_0 ... h_T, each loss
    counted as it counts in the total; a scalar keeps its sign. Long sequences have the last
    loss only. `others` are the norms that the last loss sends to what starts beside h: c_0.
    """

    def __init__(self, run: Unrolled, scene: Scene) -> None:
        self.run, self.scene = run, scene
        self.losses = [(t, x) for t, x in enumerate(run.losses, 1) if x is not None]
        self.rows: dict[int, list[Quantity | None]] = {}
        self.others: dict[str, Quantity] = {}
        if run.root is None or scene.grad(run.root) is None:
            return
        edges = sum(map(len, scene.parents.values()))
        whole = len(run) <= _MOST_STATES and edges * len(self.losses) <= _MOST_WORK
        for t, loss in self.losses if whole else self.losses[-1:]:
            share = self._share(loss)
            sent = gradients(loss, seed=share)
            self.rows[t] = [
                norm([gradient_from(loss, h, sent, share) for h in state]) if k <= t else None
                for k, state in enumerate(run.states)
            ]
        self.others = self._beside(loss, sent, share)

    def _beside(
        self, loss: Value, sent: Mapping[Value, float], share: float
    ) -> dict[str, Quantity]:
        """The gradients at what the run starts from beside h, such as an LSTM's c, by name."""
        parts: dict[str, list[Quantity]] = defaultdict(list)
        for node, name in self.scene.carried.items():
            start = not node.parents and node not in self.run.states[0]
            if start and node in self.scene.initial and name:
                whole = str(label_of(node.label).whole)
                parts[whole].append(gradient_from(loss, node, sent, share))
        return {name: abs(norm(gradients)) for name, gradients in parts.items()}

    def _share(self, loss: Value) -> float:
        """The part of the loss's gradient that the total sends it, which has no other source."""
        total = self.run.loss
        if total is None or loss is total or loss not in total.parents:
            return self.scene.grad(loss) or 0.0
        edges = enumerate(total.parents)
        return added(self.scene.message(total, i) for i, x in edges if x is loss) or 0.0

    def panel(self) -> Panel | None:
        """The table; the last row is the gradient of each state itself."""
        states, steps = self.run.states, len(self.run)
        if len(self.rows) < 2:
            return None
        full = steps <= _MOST_STEPS
        names = [str(self._state(t)) for t in range(steps + 1)]
        heads = [name if full or t in (0, steps) else "" for t, name in enumerate(names)]
        rows = [_heads(heads)]
        for t, loss in reversed(self.losses):
            cells = [_grad_cell(x) for x in self.rows[t]]
            rows.append((Cell("name", f"from {name_of(loss)}"), *cells))
        found = [[self.scene.grad(h) for h in state] for state in states]
        grads = [[g for g in state if g is not None] for state in found]
        cells = [_grad_cell(norm(g) if g else None, bold=True) for g in grads]
        rows.append((Cell("name", "dL/dh = Σ", bold=True), *cells))
        note = "" if len(states[0]) == 1 else "Euclidean norms of vectors, the last row of the sum"
        title = "Where each gradient comes from: which loss reached which state"
        return Panel("origin", title, tuple(rows), note, compact=not full)

    def _state(self, t: int) -> Name:
        """What the hidden state after t steps is called."""
        label = self.run.states[t][0].label
        return label_of(label).whole if label else Name("h", t)

    def finding(self) -> str:
        """How much of the last loss's gradient reaches the start, as a sentence."""
        if not self.rows:
            return ""
        t, loss = self.losses[-1]
        here, start = self.rows[t][t], self.rows[t][0]
        if here is None or start is None or not here or not math.isfinite(start / here):
            return ""
        share = abs(start / here)
        h, first, sent = self._state(t), self._state(0), name_of(loss)
        at = f"of the gradient of {sent} at {h}"
        if self.others:
            also = [
                words for name, size in self.others.items() for words in (
                    " and ", Said(abs(size / here), "share"), f" {name}")
            ]  # fmt: skip
            return Sentence([f"O{at[1:]}, ", Said(share, "share"), f" reaches {first}", *also, "."])
        grown = f"The gradient of {sent} at {h} has grown "
        when = f" times when it reaches {first}."
        cases = [Case(0.0, 5e-324, (f"Nothing {at} reaches {first}.",))]
        for low, high, how in _SHARES:
            cases.append(Case(low, high, (f"O{at[1:]}, ", Said(share, how), f" reaches {first}.")))
        cases.append(Case(2.0, 1000.0, (grown, Said(share, "times"), when)))
        cases.append(Case(1000.0, math.inf, (grown, Said(share, "power"), when)))
        return Sentence.of(share, cases)


# How a share is written that lies from the first number up to the second.
_SHARES: tuple[tuple[float, float, How], ...] = (
    (5e-324, 0.0005, "power"),
    (0.0005, 0.995, "percent"),
    (0.995, 2.0, "number"),
)
