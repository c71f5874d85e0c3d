"""What belongs where in a picture of gated cells: gates, states, inputs, readouts.

Read off the wires alone: no class, no coordinates. See `gates.py` for the words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

from ..picture.model import Card, Picture, Wire

__all__ = ["Band", "Plan"]


@dataclass(slots=True)
class Band:
    """The cards of one gated cell in one column."""

    gates: list[str] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    top: str = ""  # c, which runs along the top; "" where there is none
    bottom: str = ""  # h, which runs along the bottom
    trunks: list[str] = field(default_factory=list)  # what enters, from left to right

    @property
    def is_box(self) -> bool:
        """Whether the whole cell is one card."""
        return not self.gates


@dataclass(slots=True)
class Plan:
    """What belongs where, without any coordinates."""

    picture: Picture
    card: dict[str, Card]
    arriving: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    leaving: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    columns: list[int] = field(default_factory=list)
    levels: range = range(0)  # the layers of a stack, the first one lowest
    mirrored: set[int] = field(default_factory=set)  # the levels read from the end of time
    place: dict[str, tuple[int, int]] = field(default_factory=dict)  # column and level
    bands: dict[tuple[int, int], Band] = field(default_factory=dict)
    inputs: dict[int, list[str]] = field(default_factory=dict)
    rest: dict[int, list[list[str]]] = field(default_factory=dict)  # above, in ranks from below
    above: list[list[str]] = field(default_factory=list)  # above all frames
    before: list[str] = field(default_factory=list)  # initial states
    behind: list[str] = field(default_factory=list)  # those of cells that begin at the end
    rank: dict[str, int] = field(default_factory=dict)  # of the rest, and of what is above

    @classmethod
    def of(cls, picture: Picture) -> Plan | None:
        """Read a picture; None where its time steps are not joined from cell to cell alone."""
        if not any(c.block for c in picture.cards):
            return None
        plan = cls(picture, {c.id: c for c in picture.cards})
        for wire in picture.wires:
            plan.arriving[wire.target].append(wire)
            plan.leaving[wire.source].append(wire)
        plan.columns = sorted({c.column for c in picture.cards if c.framed})
        members: dict[tuple[int, str], list[str]] = defaultdict(list)
        for c in picture.cards:
            if c.block:
                members[c.column, c.block].append(c.id)
        levels = _levels([b for where, b in members if where == column] for column in plan.columns)
        if levels is None:
            return None
        for (column, block), names in members.items():
            plan.place |= dict.fromkeys(names, (column, levels[block]))
        plan._find_the_mirrored()
        if not plan.place or not plan._is_a_chain():
            return None
        plan.levels = range(1 + max(level for _, level in plan.place.values()))
        for names in members.values():
            plan.bands[plan.place[names[0]]] = plan._band(names)
        if len({band.is_box for band in plan.bands.values()}) > 1:
            return None
        plan._sort_the_rest()
        return plan

    def _find_the_mirrored(self) -> None:
        """Which levels hand their states on from right to left."""
        for wire in self.picture.wires:
            here, there = self.place.get(wire.source), self.place.get(wire.target)
            if here is not None and there is not None and there[0] < here[0]:
                self.mirrored.add(here[1])

    def is_mirrored(self, name: str) -> bool:
        """Whether a card belongs to a cell that reads from the end of time."""
        return name in self.place and self.place[name][1] in self.mirrored

    def _is_a_chain(self) -> bool:
        """Whether only neighbouring cells are joined, and what has no step stands at an end."""
        for wire in self.picture.wires:
            a, b = self.card[wire.source], self.card[wire.target]
            if a.framed and b.framed and a.column != b.column:
                here, there = self.place.get(a.id), self.place.get(b.id)
                step = -1 if self.is_mirrored(a.id) else 1
                if there is not None and (here is None or there != (here[0] + step, here[1])):
                    return False
                if there is None and a.column > b.column:
                    return False
            elif not a.framed and b.framed and (self.arriving[a.id] or not self._begins(b)):
                return False
        return True

    def _begins(self, card: Card) -> bool:
        """Whether a card is of the first cell in its direction."""
        end = self.columns[-1 if self.is_mirrored(card.id) else 0]
        return bool(card.block) and card.column == end

    def _band(self, members: Sequence[str]) -> Band:
        column = self.card[members[0]].column
        band, inside = Band(), set(members)
        if len(members) == 1:
            entering = [wire.source for wire in self.into_box(members[0])]
            return Band(chain=[*members], bottom=members[0], trunks=entering)
        gates = self._gates(members)
        into_gates = {
            m for m in members if any(w.target in inside and w.target in gates
                                      for w in self.leaving[m])
        }  # fmt: skip
        band.chain = [m for m in members if m not in gates and m not in into_gates]
        lanes = [m for m in band.chain if any(self._ahead(w) for w in self.leaving[m])]
        fed = [m for m in band.chain
               if any(self._is_gate(w.target) for w in self.leaving[m])]  # fmt: skip
        states = lanes or [m for m in band.chain if self.card[m].role == "state"]
        states = states or band.chain[-1:]
        band.bottom = next((m for m in fed if m in states), states[-1] if states else "")
        band.top = next((m for m in states if m != band.bottom), "")
        if not band.top and len(band.chain) > 1 and band.chain[0] != band.bottom:
            band.top = band.chain[0]  # at the last step c goes nowhere
        middle = [m for m in band.chain if m not in (band.top, band.bottom)]
        band.chain = [m for m in (band.top, *middle, band.bottom) if m]
        met: dict[str, None] = {}
        for name in (*band.chain, *members):
            self._meet(name, inside - set(band.chain), met)
        band.gates = list(met)
        entering = [
            w.source
            for name in members
            for w in self.arriving[name]
            if w.source not in inside and name in met
        ]
        band.trunks = sorted(
            dict.fromkeys(entering),
            key=lambda name: self._of_step(name, column),
        )  # what the step itself brings stands right of the states of the step before
        return band

    def _of_step(self, name: str, column: int) -> bool:
        return self.card[name].framed and self.card[name].column == column

    def into_box(self, name: str) -> list[Wire]:
        """The wires into a cell that is one card, those from the step before first."""
        column = self.card[name].column
        return sorted(self.arriving[name], key=lambda wire: self._of_step(wire.source, column))

    def _gates(self, members: Sequence[str]) -> set[str]:
        """The gates of a cell; in a plain one what its state is made of stands in their place."""
        gates = {m for m in members if self._is_gate(m)}
        return gates or {m for m in members if self.card[m].role != "state"}

    def _is_gate(self, name: str) -> bool:
        return self.card[name].role.endswith(("_gate", "candidate"))

    def _ahead(self, wire: Wire) -> bool:
        """Whether a wire leads to the step that its cell reads next."""
        after = self.card[wire.target].column - self.card[wire.source].column
        return after < 0 if self.is_mirrored(wire.source) else after > 0

    def _meet(self, name: str, gates: set[str], met: dict[str, None]) -> None:
        """The gates that a card is made of, in the order of its formula, operands first."""
        for wire in self.arriving[name]:
            if wire.source in gates and wire.source not in met:
                self._meet(wire.source, gates, met)
        if name in gates:
            met[name] = None

    def _sort_the_rest(self) -> None:
        placed = {m for band in self.bands.values() for m in (*band.gates, *band.chain)}
        rank = self.rank
        for card in self.picture.cards:
            if card.id in placed:
                continue
            operands = [w.source for w in self.arriving[card.id]]
            if not operands and not card.framed and card.column == 0:
                self.before.append(card.id)
            elif not operands and not card.framed and card.column > self.columns[-1]:
                self.behind.append(card.id)
            elif not operands and card.framed and self._enters(card.id):
                self.inputs.setdefault(card.column, []).append(card.id)
            else:
                rank[card.id] = self._rank(card, operands)
                ranks = self.rest.setdefault(card.column, []) if card.framed else self.above
                ranks += [[] for _ in range(rank[card.id] + 1 - len(ranks))]
                ranks[rank[card.id]].append(card.id)

    def _rank(self, card: Card, operands: Sequence[str]) -> int:
        """How far a card stands above the bands, or above the frames."""
        found = 0
        for name in operands:
            other = self.card[name]
            if name in self.rank and other.framed == card.framed:
                # Where two directions meet, each column has results of its own side by side.
                beside = self.mirrored and not card.framed and other.column != card.column
                found = max(found, self.rank[name] + (0 if beside else 1))
        return found

    def _enters(self, name: str) -> bool:
        return any(self.card[w.target].block for w in self.leaving[name])

    def skips(self, wire: Wire) -> bool:
        """Whether a wire leads to a readout past other cards, or from a column before it."""
        source, target = self.card[wire.source], self.card[wire.target]
        if not (source.framed and target.framed) or wire.target in self.place:
            return False
        past = wire.source in self.place and self.rank[wire.target] > 0
        return past or source.column != target.column

    def has_trunk(self, name: str) -> bool:
        """Whether a wire rises at the left of the lowest band, and may do so up to the next."""
        band = self.bands.get((self.card[name].column, 0), Band())
        return 0 not in self.mirrored and name in band.trunks

    def _highest(self, name: str) -> int:
        return max(self.place[w.target][1] for w in self.leaving[name] if w.target in self.place)

    def risers(self, column: int, mirrored: bool = False) -> list[str]:
        """The cards that something above their band is made of, by the side where they rise.

        So does an input that has no trunk in the lowest band on which it could go on.
        """
        inputs = [] if mirrored else self.inputs.get(column, [])
        found = [name for name in inputs if self._highest(name) > self.has_trunk(name)]
        for level in self.levels:
            band = self.bands.get((column, level), Band())
            for name in band.chain if (level in self.mirrored) == mirrored else ():
                users = [self.place.get(w.target, (column, -1)) for w in self.leaving[name]]
                if any(where == column and at != level for where, at in users):
                    found.append(name)
        return found


def _levels(columns: Iterable[Sequence[str]]) -> dict[str, int] | None:
    """The level of each cell: above all that stand before it in a column, and the same in each.

    None where two columns disagree about which of two cells is first.

    >>> _levels([["forward"], ["forward", "backward"], ["backward"], ["decoder"]])
    {'forward': 0, 'backward': 1, 'decoder': 0}
    """
    orders = [list(blocks) for blocks in columns]
    levels = {block: 0 for blocks in orders for block in blocks}
    pairs = list(chain.from_iterable(map(pairwise, orders)))
    for _ in levels:
        for low, high in pairs:
            levels[high] = max(levels[high], levels[low] + 1)
    return levels if all(levels[low] < levels[high] for low, high in pairs) else None
