"""The wires of gated cells: lanes, trunks with branches, and the ways to what stands above."""

from __future__ import annotations

from ..picture.model import Card, Wire
from .bands import Band
from .gate_places import CORNER, ROW, STEP, TRACK, Places
from .geometry import BEND, Box, Path, Point, into_left_side, rounded, straight
from .sizes import label_width

__all__ = ["Wiring"]

_BESIDE = 9.0  # between the wires of two results on their way into the same cell
_APART = 28.0  # between two wires that enter from below, a label at either side


class Wiring:
    """The ways between cards that have their places."""

    def __init__(self, places: Places) -> None:
        self.at, self.plan, self.cards = places, places.plan, places.result.cards

    def path(self, wire: Wire) -> Path:
        """The way of a wire, by what it joins."""
        place = self.plan.place.get(wire.target)
        if place is None:
            return self._upwards(wire)
        mirror = self.at.mirror(wire.target)
        a, b = mirror.box(self.cards[wire.source]), mirror.box(self.cards[wire.target])
        return mirror.path(self._into_cell(wire, self.plan.bands[place], a, b))

    def _into_cell(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        """To a card of a cell; a and b are seen as if it read from left to right."""
        target = self.plan.card[wire.target]
        if band.is_box:
            return self._into_box(wire, band, a, b)
        if wire.target in band.gates:
            return self._into_gate(wire, band, a, b)
        if wire.source in band.gates:
            return self._out_of_gate(wire, band, a, b)
        if self.plan.place[wire.target] == self.plan.place.get(wire.source):
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
        level = plan.place[wire.target][1]
        if level == 0 and wire.source in plan.inputs.get(column, []):
            start = max(a.left + 10.0, min(a.right - 10.0, trunk))
            corners = [(start, a.top), (start, a.top + 12.0), (trunk, a.top + 12.0)]
            corners = corners if abs(start - trunk) > 0.5 else [(trunk, a.top)]
        elif plan.card[wire.source].column == column and plan.card[wire.source].framed:
            corners = self._from_below(wire, band, trunk)
        else:
            corners = [(a.right, a.y), (trunk, a.y)]
        return Path(rounded([*corners, (trunk, y), (b.left, y)]), label)

    def _from_below(self, wire: Wire, band: Band, trunk: float) -> list[Point]:
        """From a card of the same step, which stands below the cell, to a trunk."""
        column, level = self.plan.place[wire.target]
        below = [t for t in band.trunks if self.plan.card[t].column == column]
        height = self.at.bottom_height(band) if band.is_box else self.cards[band.bottom].h
        between = self.at.lane["bottom", level] - height / 2 - STEP / 2
        between -= _BESIDE * below.index(wire.source)
        corners = [self.at.mirror(wire.target).point(p) for p in self._rising(wire.source)]
        return [*corners, (corners[-1][0], between), (trunk, between)]

    def _into_box(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        """To a cell that is one card: every wire has a trunk of its own, the first one highest."""
        plan = self.plan
        column, level = plan.place[wire.target]
        wires = plan.into_box(wire.target)
        row = wires.index(wire)
        trunk = self.at.trunk(column, row)
        source = plan.card[wire.source]
        if source.framed and source.column == column:
            corners = self._rising(wire.source) if level == 0 else None
            corners = corners or self._from_below(wire, band, trunk)
        else:
            twins = [w for w in wires if w.source == wire.source]
            y = a.y + _BESIDE * ((len(twins) - 1) / 2 - twins.index(wire))
            corners = [(a.right, y), (trunk, y)]
        label = b.left - BEND - (self.at.before_gate - 6.0) / 2
        return into_left_side(b, row, len(wires), corners, label)

    def _rising(self, name: str) -> list[Point]:
        """From a card to where its wire rises beside the cells of its column."""
        plan, box = self.plan, self.cards[name]
        column = plan.card[name].column
        x = start = self.at.riser(column, name)
        if name not in plan.inputs.get(column, []):
            return [(box.left if plan.is_mirrored(name) else box.right, box.y), (x, box.y)]
        if plan.has_trunk(name):  # one way out with the wire to that trunk
            start = self.at.trunk(column, plan.bands[column, 0].trunks.index(name))
        x = x if name in plan.risers(column) else start
        start = max(box.left + 10.0, min(box.right - 10.0, start))
        y = box.top + 12.0 + _BESIDE * plan.inputs[column].index(name) * (x != start)
        return [(start, box.top), (start, y), (x, y)]

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
        if wire.source in plan.place and plan.mirrored:
            return self._from_both_sides(wire, b)
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
        if self._is_own_result(wire.source, target):
            y = b.bottom - self.at.step + CORNER
            corners = [(a.x, a.top), (a.x, y), (b.x, y), (b.x, b.bottom)]
            return Path(rounded(corners), (b.x, b.bottom - 14.0), "up", -1)
        beside = [
            name for name in self._by_way_up(wire) if self._comes_from_the_left(name, b, wire)
        ]
        start = [(a.right, a.y)] if abs(a.y - b.y) < 0.5 else [(a.x, a.top)]
        return into_left_side(b, beside.index(wire.source), len(beside), start)

    def _from_both_sides(self, wire: Wire, b: Box) -> Path:
        """From a state to what both directions meet in, from the left and from the right."""
        order, corners = self._by_way_up(wire), self._rising(wire.source)
        if self._is_right_of_all(b, wire):
            label = b.left - BEND - label_width(wire) / 2 - 6.0
            return into_left_side(b, order.index(wire.source), len(order), corners, label)
        order = [name for name in order if name in self.plan.place]
        x = b.x + _APART * (order.index(wire.source) - (len(order) - 1) / 2)
        y = b.bottom - self.at.step + CORNER
        side = 1 if x > b.x else -1
        corners += [(corners[-1][0], y), (x, y), (x, b.bottom)]
        return Path(rounded(corners), (x, b.bottom - 14.0), "up", side)

    def _comes_from_the_left(self, name: str, b: Box, wire: Wire) -> bool:
        """Whether a part of what stands above the frames arrives at its left side."""
        if self.plan.mirrored and name in self.plan.place:
            return self._is_right_of_all(b, wire)
        own = self._is_own_result(name, self.plan.card[wire.target])
        return abs(self.cards[name].x - b.x) >= 0.5 and not own

    def _is_own_result(self, name: str, target: Card) -> bool:
        """Whether what is made above the frames is made of a card within its column's frame."""
        source = self.plan.card[name]
        own = source.framed and source.column == target.column and not target.framed
        return bool(self.plan.mirrored) and own

    def _by_way_up(self, wire: Wire) -> list[str]:
        """What a card above the cells is made of, by where it rises, from left to right."""

        def x_of(name: str) -> float:
            return self._rising(name)[-1][0] if name in self.plan.place else self.cards[name].x

        names = [w.source for w in self.plan.arriving[wire.target]]
        return sorted(names, key=x_of) if self.plan.mirrored else names

    def _is_right_of_all(self, b: Box, wire: Wire) -> bool:
        """Whether everything that comes out of the cells rises at the left of its card."""
        names = [n for n in self._by_way_up(wire) if n in self.plan.place]
        return all(self._rising(name)[-1][0] < b.left for name in names)

    def _passes_a_card(self, source: Card, target: Card) -> bool:
        """Whether something stands between two cards of one column, right above each other."""
        a, b = self.cards[source.id], self.cards[target.id]
        ranks = self.plan.rest.get(source.column, []) if source.framed else self.plan.above
        if self._is_own_result(source.id, target):
            ranks = [*ranks, *self.plan.above]
        boxes = [self.cards[name] for names in ranks for name in names]
        return abs(a.x - b.x) < 0.5 and any(
            a.top < box.y < b.bottom and abs(box.x - a.x) < box.w / 2 for box in boxes
        )

    def _across(self, wire: Wire, a: Box, b: Box) -> Path:
        """From a state over the cells that follow it into the left side of a readout."""
        rows = [w.source for w in self.plan.arriving[wire.target] if self.plan.skips(w)]
        width = label_width(wire) + 12.0
        track = self.at.skip_y + TRACK * self.at.skips.index(wire.source)
        start = self._rising(wire.source)
        enter = self._left_of_rest(wire)
        corners = [*start, (start[-1][0], track), (enter, track)]
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
