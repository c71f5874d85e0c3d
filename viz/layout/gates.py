"""A gated cell as the textbook draws it, once per time step.

c runs straight along the top of its cell and h along the bottom. The gates stand between them,
from top to bottom in the order in which c and h use them; what c and h are made of comes in at
the top and the bottom of their cards. x and h enter once, at the left, and each has a trunk of
its own with a branch to every gate. A stack of layers has one such band for each, the first one
lowest. Readout and loss stand above, as in the other pictures of time.

    c ────────────────────────► c ───►      The cards of a band: `gates` is the column of
        │ │  [ f ] ─────────────┘ │         gates and of what is made on the way to one
        │ │  [ i ] ...            ▼         (r h in some GRUs), `chain` the column of
        │ │  [ g ] ...          tanh        c, tanh c and h.
        │ │  [ o ] ───────┐       │
    h ──┘ │               └─────► h ───►
          x
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, starmap

from ..picture.model import Card, Picture, Wire
from .geometry import BEND, Box, Layout, Path, around, into_left_side, rounded, straight
from .sizes import CARD, card_height, card_width, label_width

__all__ = ["gated"]

TRACK = 14.0  # between two parallel wires
PAD = 14.0  # between a frame and what stands in it
HEAD = 22.0  # for the heading of a frame
BETWEEN = 28.0  # between two frames
STACK = 16.0  # between two gates
LANE = 40.0  # between a lane and the gates
STEP = 36.0  # between two cards with a wire and its labels between them
ROW = 36.0  # between two branches that enter a gate
START = 46.0  # between the initial states and the first frame
CORNER = 14.0  # from the right side of a readout to where it is entered from below


@dataclass(slots=True)
class Band:
    """The cards of one gated cell in one column."""

    gates: list[str] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    top: str = ""  # c, which runs along the top; "" where there is none
    bottom: str = ""  # h, which runs along the bottom
    trunks: list[str] = field(default_factory=list)  # what enters, from left to right


def gated(picture: Picture) -> Layout | None:
    """The places of a picture of gated cells; None where it is no chain of such cells."""
    plan = _Plan.of(picture)
    return None if plan is None else _Places(plan).layout()


@dataclass(slots=True)
class _Plan:
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
    def of(cls, picture: Picture) -> _Plan | None:
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
        lanes = [m for m in band.chain if any(self._ahead(w) for w in self.leaving[m])]
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

    def _ahead(self, wire: Wire) -> bool:
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


class _Places:
    """Coordinates: y of lanes and stacks, x within a column, then the columns side by side."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.result = Layout()
        self.size = {c.id: (card_width(c), card_height(c)) for c in plan.picture.cards}
        self._widths()
        self._heights()

    # Lengths that all columns share

    def _widths(self) -> None:
        plan, bands = self.plan, self.plan.bands.values()
        gates = [g for band in bands for g in band.gates]
        self.gate_width = max((self.size[g][0] for g in gates), default=CARD[0])
        self.trunk_zone = TRACK * max(len(band.trunks) for band in bands)
        inside = set(gates)
        into = [w for g in gates for w in plan.arriving[g] if w.source not in inside]
        out = [w for g in gates for w in plan.leaving[g] if w.target not in inside]
        self.before_gate = max((label_width(w) for w in into), default=30.0) + 14.0
        self.after_gate = max((label_width(w) for w in out), default=30.0) + 14.0
        self.zone = 8.0 + TRACK * max((self._count(band, band.top) for band in bands), default=1)
        self.zone = max(self.zone, 8.0 + TRACK * max(self._count(b, b.bottom) for b in bands))
        self.chain_width = max(self.size[m][0] for band in bands for m in band.chain)
        rest = [name for ranks in plan.rest.values() for rank in ranks for name in rank]
        widest = max((self.size[name][0] for name in rest), default=0.0)
        self.size |= {name: (widest, self.size[name][1]) for name in rest}
        self.aside = widest / 2 - CORNER
        self.rising = TRACK * max(len(self._risers(c)) for c in plan.columns)
        self.width = (
            2 * PAD + self.trunk_zone + self.before_gate + self.gate_width + self.after_gate
            + self.zone + self.chain_width + self.rising
        )  # fmt: skip

    def _count(self, band: Band, target: str) -> int:
        return sum(w.source in band.gates for w in self.plan.arriving[target]) if target else 0

    def _risers(self, column: int) -> list[str]:
        """The cards of the bands that something above their band is made of."""
        plan = self.plan
        found = []
        for level in plan.levels:
            band = plan.bands.get((column, level), Band())
            for name in band.chain:
                users = [plan.place.get(w.target, (column, -1)) for w in plan.leaving[name]]
                if any(where == column and at != level for where, at in users):
                    found.append(name)
        return found

    def _heights(self) -> None:
        plan = self.plan
        inputs = [self.size[i][1] for names in plan.inputs.values() for i in names]
        y = max(inputs, default=0.0) + (STEP if inputs else 0.0)
        self.input_top = max(inputs, default=0.0)
        self.lane: dict[tuple[str, int], float] = {}
        self.gates_top: dict[int, float] = {}
        for level in plan.levels:
            bands = [band for (_, at), band in plan.bands.items() if at == level]
            bottom = max(self._height(band.bottom) for band in bands)
            top = max(self._height(band.top) for band in bands)
            self.lane["bottom", level] = y + bottom / 2
            y += bottom + LANE + max(self._stack(band) for band in bands)
            self.gates_top[level] = y
            if top:
                y += LANE - 8.0
                self.lane["top", level] = y + top / 2
                y += top
            y += STEP + 8.0
        self.skips = list(dict.fromkeys(w.source for w in plan.picture.wires if self._skips(w)))
        self.skip_y = y
        y += TRACK * len(self.skips) + (STEP if self.skips else 0.0)
        self.rest_y = self._rank_ys(list(plan.rest.values()), y - 8.0)
        every = [y, *(at + height / 2 for at, height in self.rest_y)]
        self.frame_top = max(every) + PAD + HEAD
        self.above_y = self._rank_ys([plan.above], self.frame_top + STEP)

    def _skips(self, wire: Wire) -> bool:
        """Whether a wire leads to a readout past other cards, or from a column before it."""
        plan = self.plan
        source, target = plan.card[wire.source], plan.card[wire.target]
        if not (source.framed and target.framed) or wire.target in plan.place:
            return False
        past = wire.source in plan.place and plan.rank[wire.target] > 0
        return past or source.column != target.column

    def _height(self, name: str) -> float:
        return self.size[name][1] if name else 0.0

    def _stack(self, band: Band) -> float:
        heights = [self._gate_height(name) for name in band.gates]
        return sum(heights) + sum(starmap(self._space, pairwise(band.gates)))

    def _gate_height(self, name: str) -> float:
        rows = sum(w.source not in self._same_stack(name) for w in self.plan.arriving[name])
        return max(self.size[name][1], ROW * rows + 4.0)

    def _same_stack(self, name: str) -> list[str]:
        return self.plan.bands[self.plan.place[name]].gates

    def _space(self, a: str, b: str) -> float:
        joined = any(w.source == a for w in self.plan.arriving[b])
        return STEP + 4.0 if joined else STACK

    def _rank_ys(
        self, columns: Sequence[Sequence[Sequence[str]]], y: float
    ) -> list[tuple[float, float]]:
        """Centre and height of each rank of cards above `y`."""
        found = []
        for rank in range(max(map(len, columns), default=0)):
            names = [name for ranks in columns if rank < len(ranks) for name in ranks[rank]]
            rows = max(len(self.plan.arriving[name]) for name in names)
            height = max(*(self.size[name][1] for name in names), ROW * (rows - 1))
            found.append((y + height / 2, height))
            y += height + STEP
        return found

    # Cards

    def layout(self) -> Layout:
        """Boxes, curves and frames."""
        plan = self.plan
        start = 0.0
        if plan.before:
            start = max(self.size[name][0] for name in plan.before) + START
        self.left = {
            column: start + i * (self.width + BETWEEN) for i, column in enumerate(plan.columns)
        }
        for column in plan.columns:
            self._column(column)
        for name in plan.before:
            w, h = self.size[name]
            self._put(name, start - START - w / 2, self._level(name), w, h)
        self._above()
        for wire in plan.picture.wires:
            self.result.wires[wire.id] = self._path(wire)
        self._frames()
        return self.result

    def _put(self, name: str, x: float, y: float, w: float, h: float) -> None:
        self.result.cards[name] = Box(x, y, w, h)

    def _trunk(self, column: int, index: int) -> float:
        return self.left[column] + PAD + TRACK * (index + 0.5)

    def _gate_x(self, column: int) -> float:
        start = self.left[column] + PAD + self.trunk_zone + self.before_gate
        return start + self.gate_width / 2

    def _zone(self, column: int) -> float:
        return self._gate_x(column) + self.gate_width / 2 + self.after_gate

    def _chain_x(self, column: int) -> float:
        return self._zone(column) + self.zone + self.chain_width / 2

    def _riser(self, column: int, name: str) -> float:
        risers = self._risers(column)
        right = self._zone(column) + self.zone + self.chain_width
        return right + TRACK * (risers.index(name) + 0.5 if name in risers else 0.5)

    def _column(self, column: int) -> None:
        plan = self.plan
        for level in plan.levels:
            if (column, level) in plan.bands:
                self._band(column, level, plan.bands[column, level])
        first = plan.bands.get((column, 0))
        right = self.left[column] + PAD
        for name in plan.inputs.get(column, []):
            w, h = self.size[name]
            if first is not None and name in first.trunks:
                right = max(right, self._trunk(column, first.trunks.index(name)) - 16.0)
            self._put(name, right + w / 2, self.input_top - h / 2, w, h)
            right += w + 16.0
        for (y, _), names in zip(self.rest_y, plan.rest.get(column, [])):
            x = self._zone(column) + self.zone + self.chain_width + self.rising / 2 - self.aside
            for name in names:
                w, h = self.size[name]
                self._put(name, x, y, w, h)
                x -= w + STEP

    def _band(self, column: int, level: int, band: Band) -> None:
        y = self.gates_top[level]
        for before, name in zip(["", *band.gates], band.gates):
            y -= self._space(before, name) if before else 0.0
            height = self._gate_height(name)
            self._put(name, self._gate_x(column), y - height / 2, self.gate_width, height)
            y -= height
        x, w = self._chain_x(column), self.chain_width
        wide = (x - self.zone / 2, w + self.zone)
        levels = {band.bottom: self.lane["bottom", level]}
        if band.top:
            levels[band.top] = self.lane["top", level]
        high = self.lane.get(("top", level), self.gates_top[level])
        middle = [name for name in band.chain if name not in levels]
        for i, name in enumerate(middle, 1):
            share = i / (len(middle) + 1)
            levels[name] = high + (self.lane["bottom", level] - high) * share
        for name in band.chain:
            at, width = wide if name in (band.top, band.bottom) else (x, w)
            self._put(name, at, levels[name], width, self.size[name][1])

    def _level(self, name: str) -> float:
        """The height of an initial state: that of what it becomes."""
        plan = self.plan
        places = [plan.place[wire.target] for wire in plan.leaving[name]]
        tops = (plan.bands[place].top for place in places)
        fed = {wire.target for wire in plan.leaving[name]}
        level = places[0][1]
        return self.lane["top" if any(top in fed for top in tops) else "bottom", level]

    def _above(self) -> None:
        for (y, _), names in zip(self.above_y, self.plan.above):
            for name in names:
                w, h = self.size[name]
                last = [self.result.cards[x.source] for x in self.plan.arriving[name]]
                x = max((box.x for box in last), default=0.0)
                self._put(name, x, y, w, h)

    def _frames(self) -> None:
        plan = self.plan
        for column in plan.columns:
            mine = [self.result.cards[c.id] for c in plan.picture.cards
                    if c.column == column and c.framed]  # fmt: skip
            whole = around(mine)
            top, bottom = whole.top + PAD + HEAD, whole.bottom - PAD
            x = self.left[column] + self.width / 2
            self.result.frames[column] = Box(x, (top + bottom) / 2, self.width, top - bottom)

    # Wires

    def _path(self, wire: Wire) -> Path:
        plan = self.plan
        target = plan.card[wire.target]
        place = plan.place.get(wire.target)
        band = None if place is None else plan.bands[place]
        if band is None:
            return self._upwards(wire)
        a, b = self.result.cards[wire.source], self.result.cards[wire.target]
        if wire.target in band.gates:
            return self._into_gate(wire, band, a, b)
        if wire.source in band.gates:
            return self._out_of_gate(wire, band, a, b)
        if place == plan.place.get(wire.source):
            return self._down(wire, band, a, b)
        if abs(a.y - b.y) < 0.5:  # the lane of a state
            label = (self._gate_x(target.column), a.y)
            return Path(straight((a.right, a.y), (b.left, b.y)), label)
        corners = [(a.right, a.y), (b.left - 20.0, a.y), (b.left - 20.0, b.y), (b.left, b.y)]
        return Path(rounded(corners), (self._gate_x(target.column), a.y))

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
        trunk = self._trunk(column, band.trunks.index(wire.source))
        label = (b.left - self.before_gate / 2 + 2.0, y)
        if wire.source in plan.inputs.get(column, []):
            start = max(a.left + 10.0, min(a.right - 10.0, trunk))
            corners = [(start, a.top), (start, a.top + 12.0), (trunk, a.top + 12.0)]
            corners = corners if abs(start - trunk) > 0.5 else [(trunk, a.top)]
        elif plan.card[wire.source].column == column and plan.card[wire.source].framed:
            between = self.lane["bottom", plan.place[wire.target][1]]  # from the layer below
            between -= self.result.cards[band.bottom].h / 2 + STEP / 2
            x = self._riser(column, wire.source)
            corners = [(a.right, a.y), (x, a.y), (x, between), (trunk, between)]
        else:
            corners = [(a.right, a.y), (trunk, a.y)]
        return Path(rounded([*corners, (trunk, y), (b.left, y)]), label)

    def _between_gates(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        first, second = (band.gates.index(name) for name in (wire.source, wire.target))
        if second == first + 1:
            label = (b.x, (a.bottom + b.top) / 2)
            return Path(straight((a.x, a.bottom), (b.x, b.top)), label, "down")
        x = self._zone(self.plan.card[wire.target].column) - 4.0
        corners = [(a.right, a.y - 8.0), (x, a.y - 8.0), (x, b.y + 8.0), (b.right, b.y + 8.0)]
        return Path(rounded(corners), ((a.right + x) / 2, a.y - 8.0))

    def _out_of_gate(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        column = self.plan.card[wire.target].column
        feeding = [g for g in band.gates
                   if any(w.target == wire.target for w in self.plan.leaving[g])]  # fmt: skip
        place = feeding.index(wire.source)
        if wire.target == band.bottom:
            place = len(feeding) - 1 - place
        x = self._zone(column) + 8.0 + TRACK * (place + 0.5)
        label = (a.right + self.after_gate / 2, a.y)
        if wire.target == band.top:
            return Path(rounded([(a.right, a.y), (x, a.y), (x, b.bottom)]), label)
        if wire.target == band.bottom:
            return Path(rounded([(a.right, a.y), (x, a.y), (x, b.top)]), label)
        return Path(rounded([(a.right, a.y), (x, a.y), (x, b.y), (b.left, b.y)]), label)

    def _down(self, wire: Wire, band: Band, a: Box, b: Box) -> Path:
        first, second = (band.chain.index(name) for name in (wire.source, wire.target))
        x = self._chain_x(self.plan.card[wire.target].column)
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
        a, b = self.result.cards[wire.source], self.result.cards[wire.target]
        wires = plan.arriving[wire.target]
        if self._skips(wire):
            return self._across(wire, a, b)
        if wire.source in plan.place:
            x = self._riser(source.column, wire.source)
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
        beside = [w.source for w in wires if abs(self.result.cards[w.source].x - b.x) >= 0.5]
        return into_left_side(b, beside.index(wire.source), len(beside), [(a.x, a.top)])

    def _passes_a_card(self, source: Card, target: Card) -> bool:
        """Whether something stands between two cards of one column, right above each other."""
        a, b = self.result.cards[source.id], self.result.cards[target.id]
        ranks = self.plan.rest.get(source.column, []) if source.framed else self.plan.above
        boxes = [self.result.cards[name] for names in ranks for name in names]
        return abs(a.x - b.x) < 0.5 and any(
            a.top < box.y < b.bottom and abs(box.x - a.x) < box.w / 2 for box in boxes
        )

    def _across(self, wire: Wire, a: Box, b: Box) -> Path:
        """From a state over the cells that follow it into the left side of a readout."""
        rows = [w.source for w in self.plan.arriving[wire.target] if self._skips(w)]
        width = label_width(wire) + 12.0
        track = self.skip_y + TRACK * self.skips.index(wire.source)
        out = self._riser(self.plan.card[wire.source].column, wire.source)
        enter = self._left_of_rest(wire)
        corners = [(a.right, a.y), (out, a.y), (out, track), (enter, track)]
        label = b.left - BEND - width / 2
        return into_left_side(b, rows.index(wire.source), len(rows), corners, label)

    def _left_of_rest(self, wire: Wire) -> float:
        """Where a wire climbs at the left of a column's readouts: the farther, the higher."""
        plan, column = self.plan, self.plan.card[wire.target].column
        names = [name for names in plan.rest[column] for name in names]
        climbing = [w for name in names for w in reversed(plan.arriving[name]) if self._skips(w)]
        widest = max(label_width(w) for w in climbing) + 20.0
        left = min(self.result.cards[name].left for name in names)
        return left - BEND - widest - TRACK * climbing.index(wire)
