"""What belongs where in a picture of gated cells: gates, states, inputs, readouts.

Read off the wires alone: no class, no coordinates. See `gates.py` for the words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Plan:
    """What belongs where, without any coordinates."""

    picture: Picture
    card: dict[str, Card]
    arriving: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    leaving: dict[str, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    columns: list[int] = field(default_factory=list)
    levels: range = range(0)  # the layers of a stack, the first one lowest
    place: dict[str, tuple[int, int]] = field(default_factory=dict)  # column and level
    bands: dict[tuple[int, int], Band] = field(default_factory=dict)
    inputs: dict[int, list[str]] = field(default_factory=dict)
    rest: dict[int, list[list[str]]] = field(default_factory=dict)  # above, in ranks from below
    above: list[list[str]] = field(default_factory=list)  # above all frames
    before: list[str] = field(default_factory=list)  # initial states
    rank: dict[str, int] = field(default_factory=dict)  # of the rest, and of what is above

    @classmethod
    def of(cls, picture: Picture) -> Plan | None:
        """Read a picture; None where its time steps are not joined from cell to cell alone."""
        plan = cls(picture, {c.id: c for c in picture.cards})
        for wire in picture.wires:
            plan.arriving[wire.target].append(wire)
            plan.leaving[wire.source].append(wire)
        plan.columns = sorted({c.column for c in picture.cards if c.framed})
        members: dict[tuple[int, str], list[str]] = defaultdict(list)
        for c in picture.cards:
            if c.block:
                members[c.column, c.block].append(c.id)
        for column in plan.columns:
            blocks = [block for where, block in members if where == column]
            for level, block in enumerate(blocks):
                plan.place |= dict.fromkeys(members[column, block], (column, level))
        if not plan.place or not plan._is_a_chain():
            return None
        plan.levels = range(1 + max(level for _, level in plan.place.values()))
        for names in members.values():
            plan.bands[plan.place[names[0]]] = plan._band(names)
        plan._sort_the_rest()
        return plan

    def _is_a_chain(self) -> bool:
        """Whether only neighbouring cells are joined, and what has no step stands at an end."""
        for wire in self.picture.wires:
            a, b = self.card[wire.source], self.card[wire.target]
            if a.framed and b.framed and a.column != b.column:
                here, there = self.place.get(a.id), self.place.get(b.id)
                if there is not None and (here is None or there != (here[0] + 1, here[1])):
                    return False
                if a.column > b.column:
                    return False
            elif (
                not a.framed
                and b.framed
                and (not b.block or b.column != self.columns[0] or self.arriving[a.id])
            ):
                return False
        return True

    def _band(self, members: Sequence[str]) -> Band:
        band, inside = Band(), set(members)
        into_gates = {
            m for m in members if any(w.target in inside and self._gate(w.target)
                                      for w in self.leaving[m])
        }  # fmt: skip
        band.chain = [m for m in members if not self._gate(m) and m not in into_gates]
        lanes = [m for m in band.chain if any(self.ahead(w) for w in self.leaving[m])]
        fed = [m for m in band.chain if any(self._gate(w.target) for w in self.leaving[m])]
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
        column = self.card[members[0]].column
        band.trunks = sorted(
            dict.fromkeys(entering),
            key=lambda name: self.card[name].framed and self.card[name].column == column,
        )  # what the step itself brings stands right of the states of the step before
        return band

    def _gate(self, name: str) -> bool:
        return self.card[name].role.endswith(("_gate", "candidate"))

    def ahead(self, wire: Wire) -> bool:
        """Whether a wire leads to a later step."""
        return self.card[wire.target].column > self.card[wire.source].column

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
            elif not operands and card.framed and self._enters(card.id):
                self.inputs.setdefault(card.column, []).append(card.id)
            else:
                below = [rank[o] + 1 for o in operands
                         if o in rank and self.card[o].framed == card.framed]  # fmt: skip
                rank[card.id] = max(below, default=0)
                ranks = self.rest.setdefault(card.column, []) if card.framed else self.above
                ranks += [[] for _ in range(rank[card.id] + 1 - len(ranks))]
                ranks[rank[card.id]].append(card.id)

    def _enters(self, name: str) -> bool:
        return any(self.card[w.target].block for w in self.leaving[name])

    def skips(self, wire: Wire) -> bool:
        """Whether a wire leads to a readout past other cards, or from a column before it."""
        source, target = self.card[wire.source], self.card[wire.target]
        if not (source.framed and target.framed) or wire.target in self.place:
            return False
        past = wire.source in self.place and self.rank[wire.target] > 0
        return past or source.column != target.column

    def risers(self, column: int) -> list[str]:
        """The cards of the bands that something above their band is made of."""
        found = []
        for level in self.levels:
            band = self.bands.get((column, level), Band())
            for name in band.chain:
                users = [self.place.get(w.target, (column, -1)) for w in self.leaving[name]]
                if any(where == column and at != level for where, at in users):
                    found.append(name)
        return found
