"""Which nodes stand on one card at a coarser level: a vector, a part of a cell, a time step."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from microgrid.nn import Unrolled
from microgrid.value import Value

from .model import Name
from .naming import label_of, twins
from .reading import Scene

__all__ = ["Group", "Groups"]

_Kind: TypeAlias = Literal["parameter", "leaf", "part", "vector"]

_MOST_ADDENDS = 6  # at the cell level, a total of more losses is said in words


@dataclass(eq=False)
class Group:
    """Nodes drawn as one card; `shown` are those that other groups use."""

    kind: _Kind
    column: int
    scope: str
    place: int  # in the order of creation of the groups
    slot: str = ""
    nodes: list[Value] = field(default_factory=list)
    shown: list[Value] = field(default_factory=list)
    role: str = "op"

    @property
    def id(self) -> str:
        """The name of its card."""
        return f"n{self.place}"

    @property
    def wholes(self) -> list[Name]:
        """The vectors and matrices that it shows."""
        named = (label_of(node.label).whole for node in self.shown if node.label)
        return list(dict.fromkeys(named))


class Groups:
    """The groups of a graph at the vector or the cell level.

    Attributes
    ----------
    groups : in the order of creation
    group : the group of every node that is drawn
    without_total : whether the sum of all losses was left out
    """

    def __init__(
        self,
        scene: Scene,
        run: Unrolled | None,
        level: Literal["vector", "cell"],
        gates: bool,
    ) -> None:
        self.scene, self.run, self.level, self.gates = scene, run, level, gates
        self.without_total = False
        self.group: dict[Value, Group] = {}
        self.groups: list[Group] = []
        self._depth = self._depths()
        self._twins = twins(scene.shared)
        self._subscoped = any("/" in node.scope for node in scene.order if scene.framed(node))
        self._cells = sorted(scene.cells, key=len, reverse=True) if scene.both_ways else []
        self._states: dict[str, list[Value]] = defaultdict(list)
        for value in sorted(scene.carried, key=lambda value: value.serial):
            self._states[value.scope].append(value)
        self._gather()
        for group in self.groups:
            self._settle(group)

    def _depths(self) -> dict[Value, int]:
        """How many operations of its own column stand below a node."""
        depth: dict[Value, int] = {}
        column = self.scene.column
        for node in self.scene.order:
            below = [depth[p] for p in node.parents if column[p] == column[node] and p.parents]
            depth[node] = 1 + max(below, default=-1)
        return depth

    def part_of(self, scope: str) -> str:
        """The part of a step that a scope belongs to at the cell level.

        Of a sequence that is read from both ends each direction is one, else the outermost scope.
        """
        for cell in () if self.gates else self._cells:  # the innermost first
            if f"{scope}/".startswith(f"{cell}/"):
                return cell
        return "/".join(scope.split("/")[: 2 if self.gates else 1])

    def _gather(self) -> None:
        """Put every node into its group."""
        self._assign({})
        circles = self._circles()
        if circles:
            self._assign(self._turns(circles))

    def _assign(self, turns: Mapping[Value, int]) -> None:
        """A group for each key, and where nodes have `turns` for each number of them."""
        scene = self.scene
        self.group = {}
        groups: dict[tuple[object, ...], Group] = {}
        seen: Counter[tuple[int, str]] = Counter()
        for node in scene.order:
            if node in scene.cut or self._left_out(node):
                continue
            kind, name, *_ = key = self._key(node)
            if node in turns:
                key = (*key, turns[node])
            if key not in groups:
                column = scene.column[node]
                timeless = name.timeless if isinstance(name, Name) else name
                slot = f"{kind}|{scene.local_scope(node)}|{timeless}"
                group = Group(kind, column, scene.local_scope(node), len(groups))  # type: ignore[arg-type]
                group.slot = f"{slot}|{seen[column, slot]}"
                seen[column, slot] += 1
                groups[key] = group
            groups[key].nodes.append(node)
            self.group[node] = groups[key]
        self.groups = list(groups.values())

    def _operands(self, node: Value) -> Iterator[Value]:
        """The operands that a wire to the node's card may come from."""
        cut, group = self.scene.cut, self.group
        for parent in self.scene.parents[node]:
            original = cut.get(parent, parent)
            if original in group:
                yield original

    def _circles(self) -> set[Group]:
        """The groups whose wires run in circles: what they compute is left and come back to."""
        edges = {
            (source, target)
            for node, target in self.group.items()
            for operand in self._operands(node)
            if (source := self.group[operand]) is not target
        }
        after = _waiting(edges)
        return _waiting([(b, a) for a, b in edges if a in after and b in after])

    def _turns(self, circles: Collection[Group]) -> dict[Value, int]:
        """How often the longest way to a node in these groups goes from one of them to another.

        No wire between nodes of different groups leads to as many turns, so that there are no
        circles where nodes with as many of them stand together.
        """
        found: dict[Value, int] = {}
        for node, group in self.group.items():
            if group in circles:
                found[node] = max(
                    (
                        found[operand] + (self.group[operand] is not group)
                        for operand in self._operands(node)
                        if operand in found
                    ),
                    default=0,
                )
        return found

    def _left_out(self, node: Value) -> bool:
        """Parameters are no part of the cell level, nor is the total of a long sequence."""
        scene, run = self.scene, self.run
        if self.level == "vector" or not scene.timed:
            return False
        if run is not None and node is run.root and node not in run.losses:
            addends = set(node.parents)
            if len(addends) > _MOST_ADDENDS and all(p in run.losses for p in addends):
                self.without_total = True
                return True
        return scene.is_shared_leaf(node)

    def _key(self, node: Value) -> tuple[object, ...]:
        """(kind, what it is called, ...): nodes with the same key stand on one card."""
        scene = self.scene
        column, scope = scene.column[node], scene.local_scope(node)
        name: object = label_of(node.label).whole if node.label else None
        if not node.parents:
            if scene.is_shared_leaf(node):
                return ("parameter", name or node, self._twins.get(node))
            # An embedding's rows share a label; the steps that read a row tell them apart.
            read = tuple(sorted(scene.given.get(node, ())))
            return ("leaf", name or scene.roles.get(node) or node, scope, column, read)
        if self.level == "cell" and scene.framed(node):
            part = self.part_of(scope)
            if part or not self._subscoped:
                return ("part", part, column, self._state_within(node) if self.gates else "")
        name = name or (node.op.name if node.op else "")
        return ("vector", name, column, scope, self._depth[node])

    def _state_within(self, node: Value) -> object:
        """In an opened cell: the state that a node is part of, so that c and h stand apart."""
        made = [value for value in self._states[node.scope] if value.serial >= node.serial]
        return self.scene.carried[made[0]] if made else ""

    def _settle(self, group: Group) -> None:
        """Which nodes of a group the others see, and its part in the run."""
        scene, inside = self.scene, set(group.nodes)
        shown = [
            node
            for node in group.nodes
            if node in scene.roots
            or node in scene.carried
            or not scene.uses[node]
            or any(child not in inside for child in scene.uses[node])
        ] or group.nodes
        wholes = {label_of(node.label).whole: None for node in shown}
        order = {whole: i for i, whole in enumerate(wholes)}
        group.shown = sorted(shown, key=lambda v: (order[(n := label_of(v.label)).whole], n.place))
        roles = [scene.role(node) for node in group.shown]
        known = (r for r in ("total", "state", "output", "loss") if r in roles)
        group.role = next(known, roles[0])
        if group.role == "loss" and "state" in roles:
            group.role = "state"


def _waiting(edges: Iterable[tuple[Group, Group]]) -> set[Group]:
    """The groups that are never reached in topological order: in a circle, or after one."""
    after: dict[Group, list[Group]] = defaultdict(list)
    waits: Counter[Group] = Counter()
    for source, target in edges:
        after[source].append(target)
        waits[target] += 1
    ready = [group for group in after if not waits[group]]
    while ready:
        for target in after[ready.pop()]:
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return {group for group, count in waits.items() if count}
