"""The wires of gated cells: lanes, trunks with branches, and the ways to what stands above."""

from __future__ import annotations

from ..picture.model import Card, Wire
from .bands import Band
from .gate_places import CORNER, ROW, STEP, TRACK, Places
from .geometry import BEND, Box, Path, into_left_side, rounded, straight
from .sizes import label_width

__all__ = ["Wiring"]


class Wiring:
    """The ways between cards that have their places."""

    def __init__(self, places: Places) -> None:
        self.at, self.plan, self.cards = places, places.plan, places.result.cards

    def path(self, wire: Wire) -> Path:
        """The way of a wire, by what it joins."""
        plan = self.plan
        target = plan.card[wire.target]
        place = plan.place.get(wire.target)
        band = None if place is None else plan.bands[place]
        if band is None:
            return self._upwards(wire)
        a, b = self.cards[wire.source], self.cards[wire.target]
        if wire.target in band.gates:
            return self._into_gate(wire, band, a, b)
        if wire.source in band.gates:
            return self._out_of_gate(wire, band, a, b)
        if place == plan.place.get(wire.source):
            return self._down(wire, band, a, b)
        if abs(a.y - b.y) < 0.5:  # the lane of a state
            label = (self.at.gate_x(target.column), a.y)
            return Path(straight((a.right, a.y), (b.left, b.y)), label)
        corners = [(a.right, a.y), (b.left - 20.0, a.y), (b.left - 20.0, b.y), (b.left, b.y)]
        return Path(rounded(corners), (self.at.gate_x(target.column), a.y))

    def _into_gate(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        plan = self.plan
        if wire.source in band.gates:
            return self._between_gates(wire, band, a, b)
        column = plan.card[wire.target].column
        rows = sorted(
            (w.source for w in plan.arriving[wire.target] if w.source not in band.gates),
            key=band.trunks.index,
        )
        y = b.y + ROW * ((len(rows) - 1) / 2 - rows.index(wire.source))
        trunk = self.at.trunk(column, band.trunks.index(wire.source))
        label = (b.left - self.at.before_gate / 2 - 2.0, y)
        if wire.source in plan.inputs.get(column, []):
            start = max(a.left + 10.0, min(a.right - 10.0, trunk))
            corners = [(start, a.top), (start, a.top + 12.0), (trunk, a.top + 12.0)]
            corners = corners if abs(start - trunk) > 0.5 else [(trunk, a.top)]
        elif plan.card[wire.source].column == column and plan.card[wire.source].framed:
            between = self.at.lane["bottom", plan.place[wire.target][1]]  # from the layer below
            between -= self.cards[band.bottom].h / 2 + STEP / 2
            x = self.at.riser(column, wire.source)
            corners = [(a.right, a.y), (x, a.y), (x, between), (trunk, between)]
        else:
            corners = [(a.right, a.y), (trunk, a.y)]
        return Path(rounded([*corners, (trunk, y), (b.left, y)]), label)

    def _between_gates(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        first, second = (band.gates.index(name) for name in (wire.source, wire.target))
        if second == first + 1:
            label = (b.x, (a.bottom + b.top) / 2)
            return Path(straight((a.x, a.bottom), (b.x, b.top)), label, "down")
        x = self.at.zone_x(self.plan.card[wire.target].column) - 4.0
        corners = [(a.right, a.y - 8.0), (x, a.y - 8.0), (x, b.y + 8.0), (b.right, b.y + 8.0)]
        return Path(rounded(corners), ((a.right + x) / 2, a.y - 8.0))

    def _out_of_gate(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        column = self.plan.card[wire.target].column
        feeding = [g for g in band.gates
                   if any(w.target == wire.target for w in self.plan.leaving[g])]  # fmt: skip
        place = feeding.index(wire.source)
        if wire.target == band.bottom:
            place = len(feeding) - 1 - place
        x = self.at.zone_x(column) + 8.0 + TRACK * (place + 0.5)
        label = (a.right + self.at.after_gate / 2, a.y)
        if wire.target == band.top:
            return Path(rounded([(a.right, a.y), (x, a.y), (x, b.bottom)]), label)
        if wire.target == band.bottom:
            return Path(rounded([(a.right, a.y), (x, a.y), (x, b.top)]), label)
        return Path(rounded([(a.right, a.y), (x, a.y), (x, b.y), (b.left, b.y)]), label)

    def _down(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        first, second = (band.chain.index(name) for name in (wire.source, wire.target))
        x = self.at.chain_x(self.plan.card[wire.target].column)
        if second == first + 1:
            label = (x, (a.bottom + b.top) / 2)
            return Path(straight((x, a.bottom), (x, b.top)), label, "down")
        side = a.right + 10.0
        corners = [(a.right, a.y), (side, a.y), (side, b.y), (b.right, b.y)]
        return Path(rounded(corners), (side, (a.y + b.y) / 2), "down", -1)

    def _upwards(self, wire: Wire) -> Path:
        """To the readout, the loss and what stands above the frames."""
        plan = self.plan
        source, target = plan.card[wire.source], plan.card[wire.target]
        a, b = self.cards[wire.source], self.cards[wire.target]
        wires = plan.arriving[wire.target]
        if self.plan.skips(wire):
            return self._across(wire, a, b)
        if wire.source in plan.place:
            x = self.at.riser(source.column, wire.source)
            if b.left + 8.0 < x < b.right - 8.0:
                label = (x, b.bottom - STEP / 2)
                return Path(rounded([(a.right, a.y), (x, a.y), (x, b.bottom)]), label, "up", -1)
            y = b.bottom - STEP + 6.0
            corners = [(a.right, a.y), (x, a.y), (x, y), (b.x, y), (b.x, b.bottom)]
            return Path(rounded(corners), (b.x, b.bottom - 14.0), "up", -1)
        if self._passes_a_card(source, target):
            x = max(a.right, b.right) + 10.0
            corners = [
                (a.right, a.y),
                (x, a.y),
                (x, b.bottom - 16.0),
                (b.x + CORNER, b.bottom - 16.0),
            ]
            label = (x, a.top + 18.0)
            return Path(rounded([*corners, (b.x + CORNER, b.bottom)]), label, "up", -1)
        if abs(a.x - b.x) < 0.5:
            label = (b.x, (max(a.top, b.bottom - STEP) + b.bottom) / 2)
            return Path(straight((a.x, a.top), (b.x, b.bottom)), label, "up")
        if target.framed:
            place = [w.source for w in wires].index(wire.source)
            x = b.x + 18.0 * (place - (len(wires) - 1) / 2)
            y = a.top + 10.0
            label = (x, (y + b.bottom) / 2)
            return Path(rounded([(a.x, a.top), (a.x, y), (x, y), (x, b.bottom)]), label, "up")
        beside = [w.source for w in wires if abs(self.cards[w.source].x - b.x) >= 0.5]
        return into_left_side(b, beside.index(wire.source), len(beside), [(a.x, a.top)])

    def _passes_a_card(self, source: Card, target: Card) -> bool:
        """Whether something stands between two cards of one column, right above each other."""
        a, b = self.cards[source.id], self.cards[target.id]
        ranks = self.plan.rest.get(source.column, []) if source.framed else self.plan.above
        boxes = [self.cards[name] for names in ranks for name in names]
        return abs(a.x - b.x) < 0.5 and any(
            a.top < box.y < b.bottom and abs(box.x - a.x) < box.w / 2 for box in boxes
        )

    def _across(self, wire: Wire, a: Box, b: Box) -> Path:
        """From a state over the cells that follow it into the left side of a readout."""
        rows = [w.source for w in self.plan.arriving[wire.target] if self.plan.skips(w)]
        width = label_width(wire) + 12.0
        track = self.at.skip_y + TRACK * self.at.skips.index(wire.source)
        out = self.at.riser(self.plan.card[wire.source].column, wire.source)
        enter = self._left_of_rest(wire)
        corners = [(a.right, a.y), (out, a.y), (out, track), (enter, track)]
        label = b.left - BEND - width / 2
        return into_left_side(b, rows.index(wire.source), len(rows), corners, label)

    def _left_of_rest(self, wire: Wire) -> float:
        """Where a wire climbs at the left of a column's readouts: the farther, the higher."""
        plan, column = self.plan, self.plan.card[wire.target].column
        names = [name for names in plan.rest[column] for name in names]
        climbing = [
            w for name in names for w in reversed(plan.arriving[name]) if self.plan.skips(w)
        ]
        widest = max(label_width(w) for w in climbing) + 20.0
        left = min(self.cards[name].left for name in names)
        return left - BEND - widest - TRACK * climbing.index(wire)
