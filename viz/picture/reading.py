"""Reading a recorded graph for a picture: steps, columns, roles, and a card for every Value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from microgrid import quantity
from microgrid.graph import creation_order, gradient_of, time_step
from microgrid.nn import Unrolled
from microgrid.quantity import Quantity, value
from microgrid.sweep import Sweep
from microgrid.value import Value

from .model import Card, Name, Operation, Row, Wire
from .naming import describe, label_of, name_of, operation, timeless
from .states import carried_by, cells_of, detached, leaves

__all__ = ["Scene", "total"]

_STEP = re.compile(r"(?:^|/)t=\d+(?=/|$)")


class Scene:
    """A recorded graph as the pictures see it: steps, columns, roles, shared leaves.

    `draw` makes the cards and wires of the scalar level; the other levels read the rest.
    """

    def __init__(
        self, roots: Sequence[Value], run: Unrolled | None = None, sweep: Sweep | None = None
    ) -> None:
        self.order = creation_order(*roots)
        self.show(sweep)
        self.index = {node: i for i, node in enumerate(self.order)}
        self.roots = set(roots) if run is None or run.root is not None else set()
        self.parents = {node: node.parents for node in self.order}
        self.edges: dict[Value, list[tuple[Value, int]]] = {node: [] for node in self.order}
        for node, parents in self.parents.items():
            for position, parent in enumerate(parents):
                self.edges[parent].append((node, position))
        self.uses = {node: [child for child, _ in edges] for node, edges in self.edges.items()}
        scopes = dict.fromkeys(node.scope for node in self.order)  # many nodes have the same
        steps = {scope: time_step(scope) for scope in scopes}
        self.step = {node: steps[node.scope] for node in self.order}
        self._local = {scope: _STEP.sub("", scope) for scope in scopes}
        self._names: dict[Value, str] = {}
        self._operations: dict[Value, Operation | None] = {}
        self.timed = any(step is not None for step in self.step.values())
        self.column = self._columns()
        self.slot = self._slots()
        self.computed_here = {  # whose operands were computed in the same step, one at least
            node
            for node, parents in self.parents.items()
            if any(self.parents[p] and self.column[p] == self.column[node] for p in parents)
        }
        self.roles, self.given = _roles(run)
        self.embedded = _embedded(run) & self.given.keys()
        self.initial = self._initial_states(run) if self.timed else set()
        behind = 1 + max(self.column.values())
        self.column |= {x: behind if self._reads_backwards(x) else 0 for x in self.initial}
        self.shared = [node for node in self.order if self.in_panel(node)]
        self.carried = carried_by(run)
        self.cells, self.both_ways = cells_of(self._carrying(), self.column, self.local_scope)
        self.cut = detached(self.order, self.column) if self.timed else {}
        self.cards: list[Card] = []
        self.wires: list[Wire] = []

    def show(self, sweep: Sweep | None, upto: int | None = None) -> None:
        """From now on the gradients after `upto` messages of a sweep, after all for None.

        Without a sweep those that the graph holds.
        """
        self.sweep, self.upto = sweep, upto
        self._grads: dict[Value, Quantity | None] = {}
        self._sent: dict[Value, list[Quantity | None]] = {}
        self._tooltips: dict[Value, str] = {}

    def grad(self, node: Value) -> Quantity | None:
        """The node's gradient, or what it is while the sweep is on its way."""
        if node not in self._grads:
            self._grads[node] = self._read_grad(node)
        return self._grads[node]

    def _read_grad(self, node: Value) -> Quantity | None:
        if self.sweep is not None:
            return quantity.gradient(self.sweep, node, self.upto)
        found = gradient_of(node)
        return None if found is None else Quantity(found, "gradient", node)

    def message(self, node: Value, position: int) -> Quantity | None:
        """What the node sends back along one of its edges, None before it has done so."""
        return self._messages_of(node)[position]

    def _messages_of(self, node: Value) -> list[Quantity | None]:
        """What the node sends back along each edge: read once, a sum may have many."""
        if node not in self._sent:
            self._sent[node] = quantity.messages(node, self.sweep, self.upto)
        return self._sent[node]

    def framed(self, node: Value) -> bool:
        """Whether a node belongs to a time step."""
        return self.step[node] is not None or node in self.given

    def local_scope(self, node: Value) -> str:
        """A node's scope without its time step: "cell" for "t=2/cell"."""
        return self._local[node.scope].strip("/")

    def is_shared_leaf(self, node: Value) -> bool:
        """Whether a leaf belongs to no step and is used by some: a parameter."""
        return (
            self.timed
            and not self.parents[node]
            and self.step[node] is None
            and node not in self.initial
            and node not in self.given
            and bool(self.uses[node])
        )

    def in_panel(self, leaf: Value) -> bool:
        """Whether a leaf's gradient is a sum over time: a parameter, or an input given twice."""
        return self.is_shared_leaf(leaf) or len(self.given.get(leaf, ())) > 1

    def role(self, node: Value) -> str:
        """The part a node plays: op, leaf, input, state, output, loss or total."""
        if node in self.roots:
            return "total"
        return self.roles.get(node) or ("op" if self.parents[node] else "leaf")

    def size(self) -> int:
        """How many cards the scalar level has: a shared leaf has one for each use."""
        return sum(len(self.uses[x]) if self.is_shared_leaf(x) else 1 for x in self.order)

    def draw(self) -> None:
        """Make the cards and wires of the scalar level, as they are after `upto` messages."""
        self.cards, self.wires = [], []
        source = {node: self._place(node) for node in self.order if node not in self.cut}
        for leaf, original in self.cut.items():
            source[leaf] = source[original]
        for node in self.order:
            self.wires += self._wires(node, source)
        if self.upto is not None:
            for card in self.cards:
                card.look = "faded" if card.rows[0].grad is None else ""

    def _columns(self) -> dict[Value, int]:
        """The time step of each node; what has none stands where its latest operand does."""
        column: dict[Value, int] = {}
        for node in self.order:
            step = self.step[node]
            if step is None:
                step = max((column[parent] for parent in self.parents[node]), default=0)
            column[node] = step
        return column

    def _slots(self) -> dict[Value, str]:
        """What each node is in its column: scope and label without the step, op, and count."""
        slots: dict[Value, str] = {}
        seen: Counter[tuple[int, str]] = Counter()
        for node in self.order:
            label = timeless(node.label)
            slot = f"{self._local[node.scope]}|{label}|{node.op.name if node.op else ''}"
            key = (self.column[node], slot)
            slots[node] = f"{slot}|{seen[key]}"
            seen[key] += 1
        return slots

    def _initial_states(self, run: Unrolled | None) -> set[Value]:
        """Leaves that one step uses where others have a state; of a run its start state.

        A run knows that of its first step only, not what is read from the end.
        """
        if run is not None:
            known = {h for h in leaves(run.carries[0]) if not h.parents}
            return known | {h for h in self._begun() if self._reads_backwards(h)}
        return self._begun()

    def _carrying(self) -> Iterator[tuple[Value, Value]]:
        """The operands and results of time steps that may be joined from step to step."""
        for node in filter(self.framed, self.order):
            yield from ((x, node) for x in self.parents[node] if self.parents[x] and self.framed(x))

    def _begun(self) -> set[Value]:
        carried = {
            (self.slot[node], position)
            for node in self.order
            for position, parent in enumerate(self.parents[node])
            if self.parents[parent] and self.column[parent] != self.column[node] > 0
        }
        return {
            leaf
            for leaf, edges in self.edges.items()
            if not self.parents[leaf]
            and self.step[leaf] is None
            and len({self.column[child] for child, _ in edges}) == 1
            and any(
                self.step[node] is not None and (self.slot[node], position) in carried
                for node, position in edges
            )
        }

    def _reads_backwards(self, leaf: Value) -> bool:
        """Whether an initial state is of a direction that begins at the last step."""
        first = max((self.column[child] for child in self.uses[leaf]), default=0)
        begun = {(self.slot[child], position) for child, position in self.edges[leaf]}
        return any(
            self.column[node] < self.column[parent] <= first
            for node in self.order
            for i, parent in enumerate(self.parents[node])
            if self.parents[parent] and (self.slot[node], i) in begun
        )

    def _place(self, node: Value) -> Callable[[Value, int], str]:
        """Make the cards of a node; returns which of them feeds a given use."""
        if self.parents[node] or node in self.initial or not self.uses[node]:
            return self._one_card(node)
        if node in self.given:
            return self._card_per_step(node)
        if self.is_shared_leaf(node):
            return self._card_per_use(node)
        (child, *more) = self.uses[node]
        if more or (self.timed and child not in self.computed_here):
            return self._one_card(node)
        return self._one_card(node, beside=child)

    def _one_card(self, node: Value, beside: Value | None = None) -> Callable[[Value, int], str]:
        card = self._card(node, self._id(node), self.column[node])
        if beside is not None:
            card.beside = self._id(beside)
        self.cards.append(card)
        return lambda child, position: card.id

    def _card_per_step(self, node: Value) -> Callable[[Value, int], str]:
        """An input that several steps may share, such as the embedding of a letter."""
        steps = {self.column[child] for child in self.uses[node]}
        for step in sorted(steps):
            shared = len(steps) > 1
            row = Row(value(node), total(self._messages(node, step))) if shared else None
            card = self._card(node, f"{self._id(node)}_{step}", step, row)
            place = self.given[node].get(step, 0)
            card.slot = f"given|{place}"
            if node in self.embedded:
                card.embedding = label_of(node.label)
                card.names = (self.input_name(step, place),)
            card.alias, card.framed = shared, True
            self.cards.append(card)
        return lambda child, position: f"{self._id(node)}_{self.column[child]}"

    def input_name(self, step: int, place: int) -> Name:
        """What an embedded input is called at a time step: x₁, or x₁[0] where it is a vector."""
        many = sum(step in steps for steps in self.given.values()) > 1
        return Name("x", step, (str(place),) if many else ())

    def _card_per_use(self, node: Value) -> Callable[[Value, int], str]:
        """A dashed alias of a shared weight beside each node that uses it."""
        edges = self.edges[node]
        shared = len(edges) > 1
        card_of: dict[tuple[Value, int], str] = {}
        for child, position in edges:
            row = Row(value(node), self.message(child, position)) if shared else None
            name = f"{self._id(node)}_{len(card_of)}"
            card = self._card(node, name, self.column[child], row)
            card.role = "parameter" if card.role == "leaf" else card.role
            card.alias, card.beside = shared, self._id(child)
            card.framed = self.step[child] is not None
            card_of[child, position] = card.id
            self.cards.append(card)
        return lambda child, position: card_of[child, position]

    def _card(self, node: Value, name: str, column: int, row: Row | None = None) -> Card:
        """The card of a node, or of one use of it, whose `row` has what that use sends back."""
        place = self.index[node]
        return Card(
            id=name,
            role=self.role(node),
            names=(label_of(node.label),) if node.label else (),
            operation=self._operation(node),
            rows=(row or Row(value(node), self.grad(node), node=place),),
            column=column,
            slot=self.slot[node],
            framed=self.step[node] is not None,
            tooltip=self._tooltip(node),
            nodes=(place,),
            scope=node.scope,
            order=node.serial,
        )

    def _tooltip(self, node: Value) -> str:
        """A node in words, the same on all cards of a shared one."""
        if node not in self._tooltips:
            self._tooltips[node] = describe(node, self.grad(node), self.name)
        return self._tooltips[node]

    def name(self, node: Value) -> str:
        """What a node is called in print: asked for at every one of its edges."""
        found = self._names.get(node)
        if found is None:
            found = self._names[node] = name_of(node)
        return found

    def _operation(self, node: Value) -> Operation | None:
        if node not in self._operations:
            self._operations[node] = operation(node)
        return self._operations[node]

    def _wires(
        self, node: Value, source: Mapping[Value, Callable[[Value, int], str]]
    ) -> Iterator[Wire]:
        """The wires to a node, from the cards that feed it."""
        if not self.parents[node]:
            return
        place, target, name = self.index[node], self._id(node), self.name(node)
        upstream, messages = self.grad(node), self._messages_of(node)
        above = repr(upstream)
        for position, (parent, local) in enumerate(zip(self.parents[node], node.partials)):
            id, start = f"w{place}_{position}", source[parent](node, position)
            if parent in self.cut:
                yield self.cut_wire(id, start, target, parent)
                continue
            sent, factor = messages[position], repr(local)
            tooltip = f"local derivative d({name})/d({self.name(parent)}) = {factor}"
            if sent is not None:
                tooltip += f"\nmessage {above} × {factor} = {sent!r}"
            yield Wire(
                id=id,
                source=start,
                target=target,
                local=Quantity(local, "local", node, position),
                message=sent,
                look="faded" if self.upto is not None and sent is None else "",
                upstream=None if sent is None else upstream,
                edges=((place, position),),
                recurrent=self._recurs(node, parent),
                tooltip=tooltip,
            )

    def _recurs(self, node: Value, parent: Value) -> bool:
        """Whether an edge carries a state from one time step to another."""
        return (
            self.timed
            and self.step[node] is not None
            and self.column[parent] != self.column[node]
            and bool(self.parents[parent] or parent in self.initial)
        )

    def cut_wire(self, id: str, source: str, target: str, leaf: Value) -> Wire:
        """The link from a state to the detached copy that the next step reads."""
        stopped = self.grad(leaf)
        lines = [f"{name_of(leaf)} goes on as a number: no gradient comes back"]
        lines += [] if stopped is None else [f"{stopped!r} stops here"]
        return Wire(id, source, target, None, None, recurrent=True, look="cut",
                    tooltip="\n".join(lines))  # fmt: skip

    def _id(self, node: Value) -> str:
        return f"n{self.index[node]}"

    def _messages(self, leaf: Value, step: int) -> Iterator[float | None]:
        for child, position in self.edges[leaf]:
            if self.column[child] == step:
                yield self.message(child, position)

    def contribution(self, leaf: Value, step: int) -> float | None:
        """What one time step adds to the gradient of a shared leaf; None where it has no use."""
        return total(self._messages(leaf, step))


def _roles(run: Unrolled | None) -> tuple[dict[Value, str], dict[Value, dict[int, int]]]:
    """Role by Value, and for inputs their place in the input vector of each step."""
    roles: dict[Value, str] = {}
    given: dict[Value, dict[int, int]] = {}
    if run is None:
        return roles, given
    roles |= {y: "output" for row in run.outputs for y in row}
    roles |= {loss: "loss" for loss in run.losses if loss is not None and loss not in roles}
    roles |= {h: "state" for state in run.carries for h in leaves(state)}
    for step, row in enumerate(run.inputs, start=1):
        for i, x in enumerate(row):
            if not x.parents:
                given.setdefault(x, {})[step] = i
                roles[x] = "input"
    return roles, given


def _embedded(run: Unrolled | None) -> set[Value]:
    """The weights among which the run looks its inputs up: an input that is one was looked up."""
    return set() if run is None else set(run.model.parameters())


def total(messages: Iterable[float | None]) -> Quantity | None:
    """The sum of the messages that have been sent; None where there is none."""
    known = [x for x in messages if x is not None]
    return quantity.total(known) if known else None
