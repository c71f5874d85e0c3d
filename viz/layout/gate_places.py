"""Where the cards of gated cells stand: y of lanes and stacks, x within a column, columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise, starmap

from .bands import Band, Plan
from .geometry import BEND, Box, Layout, Mirror, around
from .sizes import card_height, card_width, label_width

__all__ = ["CORNER", "ROW", "STEP", "TRACK", "Places"]

TRACK = 13.0  # between two parallel wires
_PAD = 10.0  # between a frame and what stands in it
_HEAD = 22.0  # for the heading of a frame
_BETWEEN = 16.0  # between two frames
_CLOSE = 6.0  # and where two directions of time have to share a page
_STACK = 16.0  # between two gates
_LANE = 40.0  # between a lane and the gates
_MEET = 12.0  # added below what two directions come together in
STEP = 36.0  # between two cards with a wire and its labels between them
ROW = 36.0  # between two branches that enter a gate
_START = 26.0  # between the initial states and the first frame
CORNER = 10.0  # from the right side of a readout to where it is entered from below


class Places:
    """Coordinates: y of lanes and stacks, x within a column, then the columns side by side."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Layout()
        self.size = {c.id: (card_width(c), card_height(c)) for c in plan.picture.cards}
        self._widths()
        self._heights()

    # Lengths that all columns share

    def _widths(self) -> None:
        plan, bands = self.plan, self.plan.bands.values()
        gates = [g for band in bands for g in band.gates]
        boxes = [band.bottom for band in bands if band.is_box]
        self.gate_width = max((self.size[g][0] for g in gates), default=0.0)
        self.trunk_zone = TRACK * max(len(band.trunks) for band in bands)
        inside = set(gates)
        into = [w for g in gates + boxes for w in plan.arriving[g] if w.source not in inside]
        out = [w for g in gates for w in plan.leaving[g] if w.target not in inside]
        self.before_gate = max((label_width(w) for w in into), default=30.0) + 6.0
        self.after_gate = max((label_width(w) for w in out), default=30.0) + 6.0
        if boxes:  # wires bend into them
            self.after_gate = BEND
        self.zone = 8.0 + TRACK * max((self._count(band, band.top) for band in bands), default=1)
        self.zone = max(self.zone, 8.0 + TRACK * max(self._count(b, b.bottom) for b in bands))
        self.chain_width = self._chain_width()
        rest = [name for ranks in plan.rest.values() for rank in ranks for name in rank]
        widest = max((self.size[name][0] for name in rest), default=0.0)
        self.size |= {name: (widest, self.size[name][1]) for name in rest}
        self.aside = widest / 2 - CORNER
        self.rising = TRACK * max(len(plan.risers(c)) for c in plan.columns)
        self.left_rising = TRACK * max(len(plan.risers(c, mirrored=True)) for c in plan.columns)
        self.width = (
            2 * _PAD + self.left_rising + self.trunk_zone + self.before_gate + self.gate_width
            + self.after_gate + self.zone + self.chain_width + self.rising
        )  # fmt: skip

    def _chain_width(self) -> float:
        """Of what stands between c and h; these two reach to the left over the zone as well."""
        lanes, middle = [0.0], [0.0]
        for band in self.plan.bands.values():
            for name in band.chain:
                found = lanes if name in (band.top, band.bottom) else middle
                found.append(self.size[name][0])
        return max(*middle, max(lanes) - self.zone)

    def _count(self, band: Band, target: str) -> int:
        return sum(w.source in band.gates for w in self.plan.arriving[target]) if target else 0

    def _heights(self) -> None:
        plan = self.plan
        inputs = [self.size[i][1] for names in plan.inputs.values() for i in names]
        y = max(inputs, default=0.0) + (STEP if inputs else 0.0)
        self.input_top = max(inputs, default=0.0)
        self.lane: dict[tuple[str, int], float] = {}
        self.gates_top: dict[int, float] = {}
        for level in plan.levels:
            bands = [band for (_, at), band in plan.bands.items() if at == level]
            bottom = max(self.bottom_height(band) for band in bands)
            top = max(self._height(band.top) for band in bands)
            self.lane["bottom", level] = y + bottom / 2
            y += bottom
            if any(band.gates for band in bands):
                y += _LANE + max(self._stack(band) for band in bands)
            self.gates_top[level] = y
            if top:
                y += _LANE - 8.0
                self.lane["top", level] = y + top / 2
                y += top
            y += STEP + 8.0
        self.skips = list(dict.fromkeys(w.source for w in plan.picture.wires if plan.skips(w)))
        self.skip_y = y
        y += TRACK * len(self.skips) + (STEP if self.skips else 0.0)
        self.step = STEP + (_MEET if plan.mirrored else 0.0)
        self.rest_y = self._rank_ys(list(plan.rest.values()), y - 8.0 + self.step - STEP)
        every = [y, *(at + height / 2 for at, height in self.rest_y)]
        self.frame_top = max(every) + _PAD + _HEAD
        self.above_y = self._rank_ys([plan.above], self.frame_top + self.step)

    def bottom_height(self, band: Band) -> float:
        """Of h, or of a cell that is one card, with room for the wires that enter it."""
        height = self._height(band.bottom)
        return max(height, ROW * len(band.trunks)) if band.is_box else height

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
        return STEP + 4.0 if joined else _STACK

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
            y += height + self.step
        return found

    # Cards

    def place(self) -> Layout:
        """Boxes of cards and frames; the wires are still missing."""
        plan = self.plan
        start = 0.0
        if plan.before:
            start = max(self.size[name][0] for name in plan.before) + _START
        pitch = self.width + (_CLOSE if plan.mirrored else _BETWEEN)
        self.left = {column: start + i * pitch for i, column in enumerate(plan.columns)}
        for column in plan.columns:
            self._column(column)
        self._starts(plan.before, start - _START, -1)
        self._starts(plan.behind, self.left[plan.columns[-1]] + self.width + _START, 1)
        self._above()
        self._frames()
        self.result.indent = self.left_rising
        return self.result

    def _put(self, name: str, x: float, y: float, w: float, h: float) -> None:
        self.result.cards[name] = Box(x, y, w, h)

    # Within a column everything is counted as in a cell that reads from left to right; one that
    # reads from the end is its mirror image, by `mirror`.

    def mirror(self, name: str) -> Mirror:
        """How what is counted so is seen in the cell of a card."""
        if not self.plan.is_mirrored(name):
            return Mirror()
        column = self.plan.card[name].column
        return Mirror((self._start(column) + self._end(column)) / 2)

    def _start(self, column: int) -> float:
        """Where the cells of a column begin, beside the wires that rise at their left."""
        return self.left[column] + _PAD + self.left_rising

    def _end(self, column: int) -> float:
        """Where they end, beside the wires that rise at their right."""
        return self.zone_x(column) + self.zone + self.chain_width

    def trunk(self, column: int, index: int) -> float:
        """x of what enters a cell, counted from the left."""
        return self._start(column) + TRACK * (index + 0.5)

    def gate_x(self, column: int) -> float:
        """The middle of the column of gates."""
        return self._start(column) + self.trunk_zone + self.before_gate + self.gate_width / 2

    def zone_x(self, column: int) -> float:
        """Where the wires of the gates turn towards c and h."""
        return self.gate_x(column) + self.gate_width / 2 + self.after_gate

    def chain_x(self, column: int) -> float:
        """The middle of c, tanh c and h."""
        return self.zone_x(column) + self.zone + self.chain_width / 2

    def riser(self, column: int, name: str) -> float:
        """x of the wire from a state to what stands above its cell, as it is seen."""
        risers = self.plan.risers(column, self.plan.is_mirrored(name))
        place = risers.index(name) if name in risers else 0
        x = self._end(column) + TRACK * (place + 0.5)
        return self.mirror(name).point((x, 0.0))[0]

    def _middle(self, column: int) -> float:
        return self.left[column] + self.width / 2

    def _column(self, column: int) -> None:
        plan = self.plan
        for level in plan.levels:
            if (column, level) in plan.bands:
                self._band(column, level, plan.bands[column, level])
        first = plan.bands.get((column, 0))
        right = self.left[column] + _PAD
        for name in plan.inputs.get(column, []):
            w, h = self.size[name]
            if first is not None and name in first.trunks and 0 not in plan.mirrored:
                right = max(right, self.trunk(column, first.trunks.index(name)) - 16.0)
            self._put(name, right + w / 2, self.input_top - h / 2, w, h)
            right += w + 16.0
        for (y, _), names in zip(self.rest_y, plan.rest.get(column, [])):
            x = self._end(column) + self.rising / 2 - self.aside
            if plan.mirrored:  # wires come from both sides
                x = self._middle(column) + (len(names) - 1) * (self.size[names[0]][0] + STEP) / 2
            for name in names:
                w, h = self.size[name]
                self._put(name, x, y, w, h)
                x -= w + STEP

    def _band(self, column: int, level: int, band: Band) -> None:
        y = self.gates_top[level]
        for before, name in zip(["", *band.gates], band.gates):
            y -= self._space(before, name) if before else 0.0
            height = self._gate_height(name)
            self._put_in_cell(name, self.gate_x(column), y - height / 2, self.gate_width, height)
            y -= height
        x, w = self.chain_x(column), self.chain_width
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
            self._put_in_cell(name, at, levels[name], width, self.size[name][1])

    def _put_in_cell(self, name: str, x: float, y: float, w: float, h: float) -> None:
        self.result.cards[name] = self.mirror(name).box(Box(x, y, w, h))

    def _starts(self, names: Sequence[str], x: float, side: int) -> None:
        """Initial states beside the frames; those that enter at one height stand in a stack."""
        levels: dict[float, list[str]] = defaultdict(list)
        for name in names:
            levels[self._level(name)].append(name)
        for y, together in levels.items():
            pitch = max(self.size[name][1] for name in together) + _CLOSE
            for i, name in enumerate(together):
                w, h = self.size[name]
                middle = y + pitch * ((len(together) - 1) / 2 - i)
                self._put(name, x + side * w / 2, middle, w, h)

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
            taken: list[Box] = []
            for name in names:
                w, h = self.size[name]
                x = self._above_x(name)
                while self.plan.mirrored and any(abs(x - b.x) < (w + b.w) / 2 for b in taken):
                    x -= w + STEP
                self._put(name, x, y, w, h)
                taken.append(self.result.cards[name])

    def _above_x(self, name: str) -> float:
        plan, wires = self.plan, self.plan.arriving[name]
        out = [w for w in wires if w.source in plan.place] if plan.mirrored else []
        ways = [self.riser(plan.card[w.source].column, w.source) for w in out]
        if len(ways) > 2:  # they come in at its left side
            return max(ways) + max(map(label_width, out)) + 2 * BEND + self.size[name][0] / 2
        if ways:  # from the left and from the right
            return sum(ways) / len(ways)
        return max((self.result.cards[wire.source].x for wire in wires), default=0.0)

    def _frames(self) -> None:
        plan = self.plan
        for column in plan.columns:
            mine = [self.result.cards[c.id] for c in plan.picture.cards
                    if c.framed and (c.column == column or plan.mirrored)]  # fmt: skip
            whole = around(mine)
            top, bottom = whole.top + _PAD + _HEAD, whole.bottom - _PAD
            x = self.left[column] + self.width / 2
            self.result.frames[column] = Box(x, (top + bottom) / 2, self.width, top - bottom)
