"""Coarser pictures of the same graph: a card per vector, a box per time step, the loop.

A level is a way to put nodes into groups. Everything else follows from the graph: a group
shows the nodes that others use, a wire between two groups carries the Jacobian of one with
respect to the other and the sum of the messages that cross, or their norms.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from microgrid.nn import Unrolled
from microgrid.sweep import gradients
from microgrid.value import Value

from ..style.theme import number, pretty
from .model import Card, Row, Wire
from .reading import Scene, base, name_of, norm, operation

Key: TypeAlias = tuple[object, ...]
MOST_ROWS = 6  # a longer vector is shown by its norm
MOST_WORK = 4_000_000  # steps that a picture may spend on Jacobians


@dataclass(eq=False)
class Group:
    """Nodes drawn as one card; `shown` are those that other groups use."""

    key: Key
    column: int
    nodes: list[Value] = field(default_factory=list)
    shown: list[Value] = field(default_factory=list)
    role: str = "op"


class Collapsed:
    """Cards and wires of a graph at the vector or the cell level."""

    def __init__(self, scene: Scene, run: Unrolled | None, level: str, gates: bool = False) -> None:
        self.scene, self.run, self.level = scene, run, level
        self.parts = 2 if gates else 1  # how much of a scope names a part: cell/forget, or cell
        self.wide = False
        self.depth = self._depths()
        self.subscoped = any("/" in node.scope for node in scene.order if scene.framed(node))
        self.group: dict[Value, Group] = {}
        groups: dict[Key, Group] = {}
        for node in scene.order:
            if self._left_out(node):
                continue
            key = self._key(node)
            if key not in groups:
                groups[key] = Group(key, scene.column[node])
            groups[key].nodes.append(node)
            self.group[node] = groups[key]
        self.groups = list(groups.values())
        self.number = {group: i for i, group in enumerate(self.groups)}
        self._settle()
        self.work = MOST_WORK
        self._local: dict[tuple[Group, tuple[Value, ...]], list[float]] = {}
        self.draw()

    def _depths(self) -> dict[Value, int]:
        """How many operations of its own column stand below a node."""
        depth: dict[Value, int] = {}
        column = self.scene.column
        for node in self.scene.order:
            below = [depth[p] for p in node.parents if column[p] == column[node] and p.parents]
            depth[node] = 1 + max(below, default=-1)
        return depth

    def _left_out(self, node: Value) -> bool:
        """Parameters are no part of the cell level, and the sum of all losses is understood."""
        scene = self.scene
        if self.level == "vector" or not scene.timed:
            return False
        if self.run is not None and node is self.run.loss and node not in self.run.losses:
            return all(p in self.run.losses for p in node.parents)
        return scene.is_shared_leaf(node)

    def _key(self, node: Value) -> Key:
        scene = self.scene
        column, scope = scene.column[node], scene.local_scope(node)
        if not node.parents:
            if scene.is_shared_leaf(node):
                return ("parameter", base(node.label) or node)
            place = 0 if node in scene.initial else column
            # An embedding's rows share a label; the steps that read a row tell them apart.
            read = tuple(sorted(scene.given.get(node, ())))
            name = base(node.label) or scene.roles.get(node) or node
            return ("leaf", (place, read), scope, name)
        if self.level == "cell" and scene.framed(node):
            part = "/".join(scope.split("/")[: self.parts])
            if part or not self.subscoped:
                return ("part", column, part)
        kind = base(node.label) or (node.op.name if node.op else "")
        return ("vector", column, scope, kind, self.depth[node])

    def _settle(self) -> None:
        """Which nodes of each group the others see, where it stands, and its part in the run."""
        scene = self.scene
        for group in self.groups:
            inside = set(group.nodes)
            group.shown = [
                node
                for node in group.nodes
                if node in scene.roots
                or not scene.uses[node]
                or any(child not in inside for child in scene.uses[node])
            ] or group.nodes
            if group.nodes[0] in scene.initial:
                group.column = 0
            roles = [scene.role(node) for node in group.shown]
            group.role = next(
                (r for r in ("total", "state", "output", "loss") if r in roles), roles[0]
            )
            if group.role == "loss" and "state" in roles:
                group.role = "state"

    def draw(self) -> None:
        """Make the cards and wires, with the numbers that the scene has now."""
        self.cards: list[Card] = []
        self.wires: list[Wire] = []
        crossing: dict[tuple[Group, Group], list[tuple[Value, int]]] = defaultdict(list)
        for node in self.scene.order:
            if node not in self.group:
                continue
            target = self.group[node]
            for position, parent in enumerate(node.parents):
                source = self.group.get(parent)
                if source is not None and source is not target:
                    crossing[source, target].append((node, position))
        users: dict[Group, list[Group]] = defaultdict(list)
        for source, target in crossing:
            users[source].append(target)
        made: dict[tuple[Group, Group], str] = {}
        for group in self.groups:
            made.update(self._cards(group, users[group], crossing))
        for (source, target), edges in crossing.items():
            self.wires.append(self._wire(source, target, edges, made[source, target]))

    def _cards(
        self,
        group: Group,
        users: Sequence[Group],
        crossing: dict[tuple[Group, Group], list[tuple[Value, int]]],
    ) -> dict[tuple[Group, Group], str]:
        """The card of a group, or one for each use of a parameter; returns which feeds whom."""
        if group.key[0] != "parameter":
            card = self._card(group)
            column_users = {user.column for user in users}
            given = group.role == "input" and column_users != {group.column}
            if not given:
                self.cards.append(card)
                return {(group, user): card.id for user in users}
        found = {}
        for i, user in enumerate(users):
            card = self._card(group)
            card.id, card.column = f"{card.id}_{i}", user.column
            card.alias = len(users) > 1
            card.framed = self.scene.framed(user.nodes[0])
            if group.key[0] == "parameter":
                card.role, card.beside = "parameter", self._id(user)
            elif not card.name.startswith("x"):  # an embedding: x₁, and where it comes from
                row = f"{group.nodes[0].label.split(',')[0].rstrip(']')}]"
                card.name, card.op = pretty(f"x_{user.column}"), pretty(row)
            sent = self._messages(crossing[group, user])
            size = norm(node.data for node in group.nodes)
            card.rows = (Row(size, _norm(sent.values()), "‖·‖" if len(group.nodes) > 1 else ""),)
            self.cards.append(card)
            found[group, user] = card.id
        return found

    def _card(self, group: Group) -> Card:
        scene, shown = self.scene, group.shown
        bases = list(dict.fromkeys(base(node.label) for node in shown))
        named = [pretty(text) for text in bases if text]
        ops = list(dict.fromkeys(operation(node) for node in group.nodes if node.op))
        op = ops[-1] if ops else _shape(group.nodes)
        hidden = len(group.nodes) - len(shown)
        if group.key[0] == "part" and hidden:
            op = self._part_name(group) or op
        name = ", ".join(named[:2]) or op or name_of(shown[0])
        return Card(
            id=self._id(group),
            role=group.role,
            name=name,
            op="" if op == name else op,
            rows=self._rows(group, bases),
            column=group.column,
            slot="|".join(
                re.sub(r"_\d+|^\d+$", "", str(part)) for part in (group.key[0], *group.key[2:])
            ),
            framed=scene.framed(group.nodes[0]) and group.column > 0,
            note=f"+ {hidden} nodes" if hidden > 1 else f"+ {hidden} node" if hidden else "",
            tooltip=self._describe(group, name),
            nodes=tuple(group.nodes),
        )

    def _rows(self, group: Group, bases: Sequence[str]) -> tuple[Row, ...]:
        shown = group.shown
        if len(shown) <= MOST_ROWS and group.key[0] != "parameter":
            return tuple(Row(node.data, self.scene.grad(node)) for node in shown)
        rows = []
        for text in bases:
            part = [node for node in shown if base(node.label) == text]
            name = "‖·‖" if len(part) > 1 else ""
            rows.append(
                Row(norm(n.data for n in part), _norm(self.scene.grad(n) for n in part), name)
            )
        return tuple(rows)

    def _part_name(self, group: Group) -> str:
        part = str(group.key[2])
        if part == "cell" and self.run is not None:
            cell = self.run.model.cell
            kind = getattr(cell, "nonlinearity", "")
            return f"{kind or type(cell).__name__.removesuffix('Cell')} cell"
        return part.rpartition("/")[2]

    def _describe(self, group: Group, name: str) -> str:
        lines = [f"{name}: {len(group.nodes)} nodes" if len(group.nodes) > 1 else name]
        lines += [
            f"{name_of(node)} = {node.data!r}, "
            + ("backward not run" if gradient is None else f"gradient {gradient!r}")
            for node, gradient in ((node, self.scene.grad(node)) for node in group.shown[:12])
        ]
        lines += ["…"] if len(group.shown) > 12 else []
        scope = group.nodes[-1].scope
        return "\n".join([*lines, f"made in {scope}"] if scope else lines)

    def _wire(
        self, source: Group, target: Group, edges: list[tuple[Value, int]], card: str
    ) -> Wire:
        sent = self._messages(edges)
        sources = list(sent)
        slopes = self._jacobian(target, sources)
        local = None if slopes is None else norm(slopes)
        total = _norm(sent.values())
        wide = len(sources) > 1 or len(target.shown) > 1
        self.wide |= wide
        what = "norm of the Jacobian" if wide else "derivative"
        lines = [f"{what}: {local!r}"] if local is not None else []
        lines += (
            [f"{'norm of the message' if wide else 'message'}: {total!r}"]
            if total is not None
            else []
        )
        scene = self.scene
        return Wire(
            id=f"w{self.number[target]}_{self.number[source]}",
            source=card,
            target=self._id(target),
            local=local,
            message=total,
            recurrent=source.column != target.column
            and source.key[0] != "parameter"
            and source.role != "input"
            and scene.framed(target.nodes[0]),
            tooltip="\n".join(lines),
        )

    def _messages(self, edges: Iterable[tuple[Value, int]]) -> dict[Value, float | None]:
        """What reaches each node of the source through these edges."""
        sent: dict[Value, float | None] = {}
        for node, position in edges:
            parent, part = node.parents[position], self.scene.message(node, position)
            before = sent.get(parent)
            sent[parent] = part if before is None else before + (part or 0.0)
        return sent

    def _jacobian(self, target: Group, sources: Sequence[Value]) -> list[float] | None:
        """d(shown)/d(source) for every pair, through the nodes of the target alone."""
        key = target, tuple(sources)
        if key not in self._local:
            self.work -= len(target.shown) * sum(len(node.parents) for node in target.nodes)
            if self.work < 0:
                return None
            plan = [(node, list(zip(node.parents, node.partials))) for node in target.nodes[::-1]]
            sweeps = [gradients(root, plan) for root in target.shown]
            self._local[key] = [found.get(x, 0.0) for found in sweeps for x in sources]
        return self._local[key]

    def _id(self, group: Group) -> str:
        return f"n{self.number[group]}"


def _norm(numbers: Iterable[float | None]) -> float | None:
    found = list(numbers)
    return None if None in found else norm(x for x in found if x is not None)


def _shape(nodes: Sequence[Value]) -> str:
    """ "3×2" for the entries of a matrix."""
    places = [re.search(r"\[(\d+)(?:,(\d+))?\]", node.label) for node in nodes]
    if len(nodes) == 1 or not all(places):
        return ""
    rows = 1 + max(int(place[1]) for place in places if place)
    columns = [int(place[2]) for place in places if place and place[2]]
    return f"{rows}×{1 + max(columns)}" if columns else ""


def rolled(collapsed: Collapsed, run: Unrolled) -> tuple[list[Card], list[Wire]]:
    """The loop of the textbook: the last step's parts, each once, and the state fed back.

    Weights show their whole gradient; the loop shows the range of |dh_t/dh_t-1|.
    """
    scene, last = collapsed.scene, len(run)
    full = Collapsed(scene, run, "cell")
    keep = {card.id: card for card in full.cards if card.column == last}
    cards = []
    for card in keep.values():
        card.name = re.sub("[₀-₉]+", "_t", card.name)
        card.column, card.framed, card.rows, card.note = 0, False, (), card.note
        cards.append(card)
    by_group = {full._id(g): g for g in full.groups}
    wires = []
    states = [w for w in full.wires if w.recurrent]
    for wire in full.wires:
        if wire.source in keep and wire.target in keep:
            wire.local = wire.message = None
            wires.append(wire)
    if states:
        sizes = [abs(w.local) for w in states if w.local is not None]
        low, high = (number(min(sizes)), number(max(sizes))) if sizes else ("", "")
        loop = states[-1]
        text = f"×{low}" if low == high else f"×{low}…{high}"
        wires.append(
            Wire(
                id="loop",
                source=loop.target,
                target=loop.target,
                local=None,
                message=None,
                recurrent=True,
                texts=(text if sizes else "", f"{last} steps"),
                tooltip="|dh_t/dh_t-1|, the smallest and the largest",
            )
        )
    for name, weight in run.model.named_weights():
        entries = [v for v in scene.shared if v in set(_flat(weight))]
        users = {
            full._id(full.group[child])
            for entry in entries
            for child in scene.uses[entry]
            if full.group.get(child) and full.group[child].column == last
        }
        for user in sorted(users):
            if user not in keep or by_group[user].key[0] != "part":
                continue
            identity = f"p_{re.sub('[^a-zA-Z0-9]', '_', name)}"
            grad = _norm(scene.grad(entry) for entry in entries)
            size = "‖·‖" if len(entries) > 1 else ""
            cards.append(
                Card(
                    id=identity,
                    role="parameter",
                    name=pretty(base(entries[0].label)),
                    op=_shape(entries),
                    rows=(Row(norm(e.data for e in entries), grad, size),),
                    beside=user,
                    nodes=tuple(entries),
                    tooltip=f"{name}, used in each of {last} steps",
                )
            )
            wires.append(Wire(f"{identity}_w", identity, user, None, grad))
    return cards, wires


def _flat(weight: object) -> list[Value]:
    if isinstance(weight, Value):
        return [weight]
    return [v for part in weight for v in _flat(part)]  # type: ignore[attr-defined]
