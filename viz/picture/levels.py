"""Coarser pictures of the same graph: a card per vector, or a box per time step.

A level is a way to put nodes into groups. Everything else follows from the graph: a group
shows the nodes that others use, and a wire between two groups carries the messages that
cross. Between single numbers it shows the local derivative. Between vectors it shows the
gain, norm of the message / norm of the upstream gradient, so that the numbers along a path
multiply to what happens to the gradient; the norm of a Jacobian would not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from microgrid import quantity
from microgrid.nn import Unrolled
from microgrid.quantity import Quantity, norm
from microgrid.sweep import gradients
from microgrid.value import Value

from .groups import Group, Groups
from .model import Card, Name, Operation, Row, Wire
from .naming import label_of, name_of, operation
from .reading import Scene, total

__all__ = ["Collapsed", "Group", "norm_of", "operation_of", "shape"]

_Edges: TypeAlias = list[tuple[Value, int]]
_Matrix: TypeAlias = list[list[float]]

_MOST_ROWS = 6  # a longer vector is shown by its norm
_MOST_WORK = 4_000_000  # steps that a picture may spend on Jacobians


@dataclass(eq=False)
class _Crossing:
    """The edges that lead from one group to another, of each state its own."""

    source: Group
    target: Group
    carries: Name | None
    cut: bool  # whether a detached copy of a state is read: no gradient comes back
    edges: _Edges = field(default_factory=list)


class _Receivers(NamedTuple):
    """The nodes of a group by whose gradient its wires are measured, its norm, and their names."""

    nodes: Sequence[Value]
    within: tuple[Value, ...]  # all of the group
    gradient: Quantity | None
    names: str


class Collapsed(Groups):
    """Cards and wires of a graph at the vector or the cell level.

    gates : whether a cell is opened into the named parts of its scope
    """

    def __init__(
        self,
        scene: Scene,
        run: Unrolled | None,
        level: Literal["vector", "cell"],
        gates: bool = False,
    ) -> None:
        super().__init__(scene, run, level, gates)
        self.wide = False  # whether a wire joins vectors, and so shows a gain
        self._work = _MOST_WORK
        self._steps: dict[Group, int] = {}  # of one sweep through a group
        self._latest: tuple[object, list[dict[Value, float]]] = None, []
        self._jacobians: dict[tuple[Group, Name | None, tuple[Value, ...]], _Matrix] = {}
        self.draw()

    # Cards

    def draw(self) -> None:
        """Make the cards and wires, with the numbers that the scene has now."""
        self.cards: list[Card] = []
        self.wires: list[Wire] = []
        self.state: dict[str, Name | None] = {}  # which state a wire carries
        self._receivers: dict[tuple[Group, Name | None], _Receivers] = {}
        self._given: Counter[int] = Counter()
        crossings = self._crossings()
        users: dict[Group, dict[Group, _Edges]] = defaultdict(dict)
        for crossing in crossings:
            users[crossing.source].setdefault(crossing.target, []).extend(crossing.edges)
        card_of: dict[tuple[Group, Group], str] = {}
        for group in self.groups:
            card_of.update(self._cards(group, users[group]))
        nth: Counter[tuple[Group, Group]] = Counter()
        several = Counter((crossing.source, crossing.target) for crossing in crossings)
        for crossing in crossings:
            ends = crossing.source, crossing.target
            wire = self._wire(crossing, card_of[ends], nth[ends])
            wire.name = crossing.carries if several[ends] > 1 else None
            self.state[wire.id] = crossing.carries
            self.wires.append(wire)
            nth[ends] += 1
        if self.level == "cell" and self.scene.both_ways:
            self._tell_directions_apart()

    def _tell_directions_apart(self) -> None:
        """Make a cell of every box that hands a state on, as each direction has its own."""
        states = {wire.source for wire in self.wires if wire.recurrent}
        slots = {card.slot for card in self.cards if card.framed and card.id in states}
        for card in self.cards:
            if card.framed and card.slot in slots:
                card.block = card.slot
                card.role = "state" if card.role == "op" else card.role

    def _crossings(self) -> list[_Crossing]:
        found: dict[tuple[Group, Group, Name | None, bool], _Crossing] = {}
        cut = self.scene.cut
        for node in self.scene.order:
            target = self.group.get(node)
            if target is None:
                continue
            for position, parent in enumerate(self.scene.parents[node]):
                original = cut.get(parent, parent)
                source = self.group.get(original)
                if source is None or source is target:
                    continue
                key = source, target, self.scene.carried.get(original), parent in cut
                if key not in found:
                    found[key] = _Crossing(*key)
                found[key].edges.append((node, position))
        return list(found.values())

    def _cards(self, group: Group, users: dict[Group, _Edges]) -> dict[tuple[Group, Group], str]:
        """The card of a group, or one for each use of a parameter; returns which feeds whom."""
        columns = {user.column for user in users}
        given = group.role == "input" and columns != {group.column}
        if group.kind != "parameter" and not given:
            card = self._card(group)
            self.cards.append(card)
            return {(group, user): card.id for user in users}
        uses: dict[object, list[Group]] = defaultdict(list)
        for user in users:  # an input stands once in a column, a weight beside each user
            uses[user.column if given else user].append(user)
        found: dict[tuple[Group, Group], str] = {}
        for i, together in enumerate(uses.values()):
            user, edges = together[0], [edge for user in together for edge in users[user]]
            card = self._card(group)
            if given:  # the same place in every column, whichever row of a table was read
                card.slot = f"given|{self._given[user.column]}"
                self._given[user.column] += 1
            card.id, card.column = f"{card.id}_{i}", user.column
            card.alias = len(uses) > 1
            card.framed = self.scene.framed(user.nodes[0])
            if group.kind == "parameter":
                card.role, card.beside = "parameter", user.id
            elif group.nodes[0] in self.scene.embedded:
                card.names, card.embedding = (Name("x", user.column),), _looked_up(group)
                card.shape = ()
            sent = norm_of(self._messages(edges).values())
            size = norm(map(quantity.value, group.nodes))
            card.rows = (Row(size, sent, norm=len(group.nodes) > 1),)
            self.cards.append(card)
            found |= {(group, user): card.id for user in together}
        return found

    def _card(self, group: Group) -> Card:
        scene, shown = self.scene, group.shown
        lone = group.nodes[0] if len(group.nodes) == 1 else None
        names = [label_of(lone.label)] if lone is not None and lone.label else group.wholes
        hidden = len(group.nodes) - len(shown)
        part = self._part(group) if group.kind == "part" and hidden else ""
        return Card(
            id=group.id,
            role=group.role,
            names=tuple(names),
            operation=None if part else operation_of(group.nodes),
            rows=self._rows(group),
            column=group.column,
            slot=group.slot,
            framed=scene.framed(group.nodes[0]) and group.column > 0,
            part=part,
            shape=shape(group.nodes),
            hidden=hidden,
            tooltip=self._describe(group, ", ".join(map(str, names))),
            nodes=tuple(scene.index[node] for node in group.nodes),
            scope=group.nodes[-1].scope if lone is not None else "",
            order=group.nodes[-1].serial,
        )

    def _rows(self, group: Group) -> tuple[Row, ...]:
        """A number for each entry; of a long vector its norm."""
        scene, shown = self.scene, group.shown
        several = len(group.wholes) > 1
        if len(shown) <= _MOST_ROWS and group.kind != "parameter":
            return tuple(
                Row(
                    quantity.value(node),
                    scene.grad(node),
                    label_of(node.label).timeless if several and node.label else None,
                    node=scene.index[node],
                )
                for node in shown
            )
        rows = []
        for whole in dict.fromkeys(label_of(node.label).whole for node in shown):
            part = [node for node in shown if label_of(node.label).whole == whole]
            size, grad = norm(map(quantity.value, part)), norm_of(map(scene.grad, part))
            lone = scene.index[part[0]] if len(part) == 1 else None
            name = whole.timeless if several and whole else None
            rows.append(Row(size, grad, name, norm=lone is None, node=lone))
        return tuple(rows)

    def _part(self, group: Group) -> str:
        """What a box is: the kind of the cell, or the last name of its scope."""
        part = self.part_of(group.scope)
        if part == "cell" and self.run is not None:
            if self.gates and group.role == "state" and len(group.wholes) == 1:
                return ""  # c or h of an opened cell: its operation says more
            cell = self.run.model.cell
            kind = getattr(cell, "nonlinearity", "")
            return f"{kind or type(cell).__name__.removesuffix('Cell')} cell"
        return part.rpartition("/")[2] or "step"

    def _describe(self, group: Group, name: str) -> str:
        name = name or str(operation_of(group.nodes) or name_of(group.shown[0]))
        lines = [f"{name}: {len(group.nodes)} nodes" if len(group.nodes) > 1 else name]
        lines += [
            f"{name_of(node)} = {node.data!r}, "
            + ("backward not run" if gradient is None else f"gradient {gradient!r}")
            for node, gradient in ((node, self.scene.grad(node)) for node in group.shown[:12])
        ]
        lines += ["…"] if len(group.shown) > 12 else []
        scope = group.nodes[-1].scope
        return "\n".join([*lines, f"made in {scope}"] if scope else lines)

    # Wires

    def _wire(self, crossing: _Crossing, card: str, nth: int) -> Wire:
        source, target, scene = crossing.source, crossing.target, self.scene
        id = f"w{target.place}_{source.place}{f'_{nth}' if nth else ''}"
        if crossing.cut:
            node, position = crossing.edges[0]
            return scene.cut_wire(id, card, target.id, node.parents[position])
        sent = self._messages(crossing.edges)
        receivers = self._above(crossing)
        above, message, upstream = receivers.nodes, norm_of(sent.values()), receivers.gradient
        jacobian = self._jacobian(crossing, above, list(sent))
        wide = len(sent) > 1 or len(target.shown) > 1
        self.wide |= wide
        if wide:
            sent_all = all(scene.message(node, i) is not None for node, i in crossing.edges)
            size = message
            if len(sent) > 1 or len(above) > 1:  # of single numbers the ratio has a sign
                size, upstream = _size(message), _size(upstream)
            message = size if len(sent) > 1 else message  # what reaches one number is no norm
            local = None
            if sent_all and size is not None and upstream is not None:
                local = size / upstream
        else:
            (below,), found = sent, None if jacobian is None else jacobian[0][0]
            nodes = receivers.within
            local = None if found is None else quantity.through(nodes, above[0], below, found)
        return Wire(
            id=id,
            source=card,
            target=target.id,
            local=local,
            message=message,
            kind="gain" if wide else "local",
            upstream=upstream,
            look="faded" if scene.upto is not None and message is None else "",
            recurrent=source.column != target.column
            and source.kind != "parameter"
            and source.role != "input"
            and scene.framed(target.nodes[0]),
            tooltip="\n".join(_sentences(receivers, message, upstream, jacobian)),
            edges=tuple((scene.index[node], position) for node, position in crossing.edges),
        )

    def _above(self, crossing: _Crossing) -> _Receivers:
        """The nodes of the target whose gradient a wire is measured by.

        For a state it is the same state one step later, so that the gains along c or along h
        multiply to what happens to the gradient on its way; else all that the others see.
        """
        target, state = crossing.target, crossing.carries
        if (target, state) not in self._receivers:
            carried = self.scene.carried
            same = [] if state is None else [x for x in target.shown if carried.get(x) == state]
            nodes = same or target.shown
            names = dict.fromkeys(str(label_of(node.label).whole) for node in nodes)
            gradient = norm_of(map(self.scene.grad, nodes))
            self._receivers[target, state] = _Receivers(
                nodes, tuple(target.nodes), gradient, ", ".join(names)
            )
        return self._receivers[target, state]

    def _messages(self, edges: Iterable[tuple[Value, int]]) -> dict[Value, Quantity | None]:
        """What reaches each node of the source through these edges."""
        parts: dict[Value, list[Quantity | None]] = defaultdict(list)
        for node, position in edges:
            parts[self.scene.parents[node][position]].append(self.scene.message(node, position))
        return {parent: total(part) for parent, part in parts.items()}

    def _jacobian(
        self, crossing: _Crossing, above: Sequence[Value], sources: Sequence[Value]
    ) -> _Matrix | None:
        """d(above)/d(source), a row for each of `above`, through the nodes of the target alone."""
        target = crossing.target
        key = target, crossing.carries, tuple(sources)
        if key not in self._jacobians:
            if target not in self._steps:
                self._steps[target] = sum(len(self.scene.parents[x]) for x in target.nodes)
            self._work -= len(above) * self._steps[target]
            if self._work < 0:
                return None
            sweeps = self._sweeps(crossing, above)
            self._jacobians[key] = [[found.get(x, 0.0) for x in sources] for found in sweeps]
        return self._jacobians[key]

    def _sweeps(self, crossing: _Crossing, above: Sequence[Value]) -> list[dict[Value, float]]:
        """d(above)/d(node) through the nodes of the target alone, for each node of `above`.

        Kept for the next wire, which often leads to the same target.
        """
        key = crossing.target, crossing.carries
        if self._latest[0] != key:
            nodes = crossing.target.nodes[::-1]
            plan = [(node, list(zip(node.parents, node.partials))) for node in nodes]
            self._latest = key, [gradients(root, plan) for root in above]
        return self._latest[1]


def _sentences(
    receivers: _Receivers,
    message: float | None,
    upstream: float | None,
    jacobian: _Matrix | None,
) -> Iterable[str]:
    """A wire between groups in words."""
    if jacobian is not None and len(jacobian) == len(jacobian[0]) == 1:
        yield f"derivative d({name_of(receivers.nodes[0])})/d(...) = {jacobian[0][0]!r}"
    if message is not None and upstream:
        whose = receivers.names or "the result"
        gain = message / upstream if len(receivers.nodes) == 1 else abs(message) / upstream
        yield f"gain {gain!r} = message / gradient of {whose}"
        yield f"message {message!r}, gradient {upstream!r} (Euclidean norms of vectors)"
    elif message is not None:
        yield f"message {message!r}"
    if jacobian is not None and len(jacobian) * len(jacobian[0]) > 1:
        matrix = np.array(jacobian)
        if np.isfinite(matrix).all():
            most = float(np.linalg.norm(matrix, 2))
            yield f"spectral norm of the Jacobian {most!r}: no gradient can grow more"


def _looked_up(group: Group) -> Name:
    """The row of an embedding's table: E[a] for the entries E[a,0], E[a,1]."""
    name = label_of(group.nodes[0].label)
    return name if len(group.nodes) == 1 else Name(name.base, name.step, name.index[:-1])


def operation_of(nodes: Sequence[Value]) -> Operation | None:
    """What made all of these nodes; without its plain number where that differs."""
    found = list(dict.fromkeys(op for node in nodes if (op := operation(node)) is not None))
    if len({op.name for op in found}) != 1:
        return None
    return found[0] if len(found) == 1 else found[0].bare


def _size(x: Quantity | None) -> Quantity | None:
    return None if x is None else abs(x)


def norm_of(numbers: Iterable[float | None]) -> Quantity | None:
    """The Euclidean norm, None where one of the numbers is not known yet."""
    found = list(numbers)
    return None if None in found else norm(x for x in found if x is not None)


def shape(nodes: Sequence[Value]) -> tuple[int, ...]:
    """(3, 2) for the entries of a matrix of 3 rows; () for a vector or a number."""
    places = [label_of(node.label).place for node in nodes]
    if len(nodes) == 1 or any(len(place) != 2 for place in places):
        return ()
    return 1 + max(row for row, _ in places), 1 + max(column for _, column in places)
