"""Where everything stands: columns of time that share one geometry, and wires between them.

A column is laid out in layers from the bottom up: inputs, pre-activations, states, outputs,
losses. A card whose one operand stands below it is fed from below; all its other operands
come in as rows at its left side: first the leaves that stand beside it, then the wires
from elsewhere. Wires run through channels between the layers and corridors between the
columns, on tracks of their own, so that none passes under a card.

Lengths are points (1/72 inch), y grows upwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .picture import Card, Panel, Picture, Wire
from .theme import text_width

Point: TypeAlias = tuple[float, float]

CARD = (112.0, 42.0)  # width and height of a card
SLIM = (140.0, 20.0)  # of a leaf where many stand in a stack
TRACK = 12.0  # between two parallel wires
FAN = 26.0  # where the rows of a card bend towards it
GAP = 22.0  # between two blocks of a layer
LABEL_BELOW = 36.0  # room for the label of a wire that comes from below
ROUND = 9.0  # radius of a wire's corners
EXITS = (0.0, 9.0, -9.0, 18.0, -18.0, 27.0, -27.0)  # where a wire may leave a card's top
FRAME_PAD = 16.0
FRAME_HEAD = 26.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its centre."""

    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> float:
        """x of the left side."""
        return self.x - self.w / 2

    @property
    def right(self) -> float:
        """x of the right side."""
        return self.x + self.w / 2

    @property
    def top(self) -> float:
        """y of the upper side."""
        return self.y + self.h / 2

    @property
    def bottom(self) -> float:
        """y of the lower side."""
        return self.y - self.h / 2


@dataclass(frozen=True, slots=True)
class Path:
    """A wire: the 3n + 1 control points of a Bezier curve from operand to result.

    Its label belongs at the point `label` of the wire: above and below, or where the wire
    comes from below (`rising`, and the message runs down) at its right (`side` 1) or left (-1).
    """

    curve: tuple[Point, ...]
    label: Point
    rising: bool
    side: int = 1


@dataclass(slots=True)
class Layout:
    """The place of every card, wire, column and panel of a Picture, by id or index."""

    cards: dict[str, Box] = field(default_factory=dict)
    wires: dict[str, Path] = field(default_factory=dict)
    frames: dict[int, Box] = field(default_factory=dict)
    panels: list[Box] = field(default_factory=list)
    panel_columns: list[tuple[float, ...]] = field(default_factory=list)
    title: Box = Box(0, 0, 0, 0)
    legend: Box = Box(0, 0, 0, 0)
    dense: bool = False  # leaves are slim, labels stand in one line

    def is_slim(self, card: Card) -> bool:
        """Whether the card has room for one line only."""
        return self.dense and bool(card.beside)

    @property
    def bounds(self) -> Box:
        """The rectangle around everything."""
        return around([*self.cards.values(), *self.frames.values(), *self.panels,
                       self.title, self.legend])  # fmt: skip


def around(boxes: Sequence[Box], pad: float = 0.0) -> Box:
    """The smallest rectangle around `boxes`, and `pad` more on each side.

    >>> around([Box(0, 0, 2, 2), Box(10, 0, 2, 4)], pad=1)
    Box(x=5.0, y=0.0, w=14.0, h=6.0)
    """
    left, right = min(b.left for b in boxes) - pad, max(b.right for b in boxes) + pad
    bottom, top = min(b.bottom for b in boxes) - pad, max(b.top for b in boxes) + pad
    return Box((left + right) / 2, (bottom + top) / 2, right - left, top - bottom)


def layout(picture: Picture) -> Layout:
    """Place everything that is in the picture."""
    return _Layout(picture).result


@dataclass(slots=True)
class _Block:
    """A card with the rows that come in at its left."""

    card: Card
    below: list[Wire] = field(default_factory=list)
    beside: list[tuple[Wire, Card]] = field(default_factory=list)
    rows: list[Wire] = field(default_factory=list)


class _Layout:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.card = {card.id: card for card in picture.cards}
        self.result = Layout()
        self.blocks = self._gather()
        self.result.dense = any(len(b.beside) + len(b.rows) > 5 for b in self.blocks.values())
        dense = self.result.dense
        self.leaf_size = SLIM if dense else CARD
        self.leaf_pitch, self.row_pitch = (28.0, 28.0) if dense else (50.0, 40.0)
        self.label_room = 100.0 if dense else 68.0
        self.columns = sorted({block.card.column for block in self.blocks.values()})
        self.before = {0} if picture.columns and 0 in self.columns else set()
        self.place = {column: i for i, column in enumerate(self.columns)}
        self.key = self._keys()
        self.rank = self._ranks()
        self.chain_x, self.widths = self._chains()
        self.in_layer = self._layers()
        self._route()

    # Blocks, layers and chains: where the cards are within a column.

    def _gather(self) -> dict[str, _Block]:
        blocks = {card.id: _Block(card) for card in self.picture.cards if not card.beside}
        inner: dict[str, list[Wire]] = defaultdict(list)
        depth: dict[str, int] = defaultdict(int)
        for wire in self.picture.wires:
            source, block = self.card[wire.source], blocks[wire.target]
            if source.beside:
                block.beside.append((wire, source))
            elif source.column == block.card.column and source.id != block.card.id:
                inner[wire.target].append(wire)
                depth[wire.target] = max(depth[wire.target], depth[wire.source] + 1)
            else:
                block.rows.append(wire)
        for target, wires in inner.items():
            block = blocks[target]
            if len(wires) <= 2:  # the longer way comes from below; equal ones both from the left
                deepest = max(depth[wire.source] for wire in wires)
                below = [wire for wire in wires if depth[wire.source] == deepest]
                if len({wire.source for wire in below}) == 1:
                    block.below = below
            block.rows = [wire for wire in wires if wire not in block.below] + block.rows
        return blocks

    def _keys(self) -> dict[str, str]:
        """Cards of different columns with the same key share a place."""
        if not self.picture.columns:
            return {name: name for name in self.blocks}
        return {
            name: name if block.card.column in self.before else block.card.slot
            for name, block in self.blocks.items()
        }

    def _inner_wires(self, block: _Block) -> Iterator[Wire]:
        for wire in (*block.below, *block.rows):
            source = self.card[wire.source]
            if source.column == block.card.column and source.id != block.card.id:
                yield wire

    def _ranks(self) -> dict[str, int]:
        """The layer of each key: above all its operands in the column, in every column."""
        timed = bool(self.picture.columns)
        inside = [b for b in self.blocks.values() if b.card.framed or not timed]
        above = [b for b in self.blocks.values() if not (b.card.framed or not timed)]
        rank: dict[str, int] = {}
        for blocks in (inside, above):
            floor = max(rank.values(), default=-1) + 1
            for _ in range(len(self.columns) + 2):
                changed = False
                for block in blocks:
                    key = self.key[block.card.id]
                    least = floor if block.card.column not in self.before else 0
                    for wire in self._inner_wires(block):
                        least = max(least, rank.get(self.key[wire.source], 0) + 1)
                    if least > rank.get(key, -1):
                        rank[key], changed = least, True
                if not changed:
                    break
            else:  # the columns contradict each other: each gets a geometry of its own
                self.key = {name: name for name in self.blocks}
                return self._ranks()
        self._sink(rank)
        return rank

    def _sink(self, rank: dict[str, int]) -> None:
        """What is made of nothing in its column stands just below the lowest card that uses it,
        an initial state level with it.
        """
        made = {
            self.key[name]
            for name, block in self.blocks.items()
            if any(True for _ in self._inner_wires(block))
        }
        for within in (True, False):
            lowest: dict[str, int] = {}
            for wire in self.picture.wires:
                key = self.key.get(wire.source)
                if key is None or key in made or wire.source == wire.target:
                    continue
                inner = self.card[wire.source].column == self.card[wire.target].column
                if inner is within and (inner or not self._has_operands(self.card[wire.source])):
                    level = rank[self.key[wire.target]] - inner
                    lowest[key] = min(lowest.get(key, level), level)
            rank.update({key: max(level, 0) for key, level in lowest.items()})

    def _has_operands(self, card: Card) -> bool:
        block = self.blocks[card.id]
        return bool(block.below or block.rows or block.beside)

    def _chains(self) -> tuple[dict[str, float], dict[int, float]]:
        """x of every key within its column: cards fed from below stand above each other."""
        links: dict[tuple[str, str], int] = {}
        for name, block in self.blocks.items():
            for wire in block.below[:1]:
                pair = (self.key[wire.source], self.key[name])
                links[pair] = self.rank[pair[1]] - self.rank[pair[0]]
        follows: dict[str, str] = {}
        fed: set[str] = set()
        for (lower, upper), rise in sorted(links.items(), key=lambda item: item[1]):
            if rise > 0 and lower not in follows and upper not in fed:
                follows[lower] = upper
                fed.add(upper)
        reach = self._reach()
        fed_from_left = {
            self.key[name]
            for name, block in self.blocks.items()
            for wire in block.rows
            if self.card[wire.source].column != block.card.column
        }
        chains: list[list[str]] = []
        for key in reach:
            if key not in fed:
                chains.append([key])
                while chains[-1][-1] in follows:
                    chains[-1].append(follows[chains[-1][-1]])
        self.follows = follows
        chains.sort(key=lambda chain: chain[0] not in fed_from_left)
        x: dict[str, float] = {}
        widths: dict[int, float] = {}
        group_of = {self.key[n]: b.card.column in self.before for n, b in self.blocks.items()}
        for before in (True, False):
            members = [chain for chain in chains if group_of[chain[0]] == before]
            width = self._pack(members, reach, x, before)
            for column in self.columns:
                if (column in self.before) == before:
                    widths[column] = width
        return x, widths

    def _reach(self) -> dict[str, float]:
        """How far the block of each key reaches to the left of its card's centre."""
        reach: dict[str, float] = {}
        for name, block in self.blocks.items():
            left = CARD[0] / 2
            if block.beside or block.rows:
                stack = self.leaf_size[0] if block.beside else 0.0
                left += FAN + self.label_room + max(stack, TRACK * len(block.rows) + 8.0)
            key = self.key[name]
            reach[key] = max(reach.get(key, 0.0), left)
        return reach

    def _pack(
        self, chains: list[list[str]], reach: dict[str, float], x: dict[str, float], stacked: bool
    ) -> float:
        """Set chains side by side from the left, then move them right towards their wires."""
        edge: dict[int, float] = defaultdict(float)
        spans = []
        for chain in chains:
            members = {self.rank[key]: reach[key] for key in chain}
            layers = range(self.rank[chain[0]], self.rank[chain[-1]] + 1)
            left = {r: members.get(r, 8.0) for r in layers}
            right = {r: CARD[0] / 2 if r in members else 60.0 for r in layers}
            centre = max(edge[r] + left[r] for r in layers)
            if stacked and not any(k in self.follows for k in chain):
                centre = CARD[0] / 2  # leaves before the first step stand above each other
            for r in layers:
                edge[r] = max(edge[r], centre + right[r] + GAP)
            x.update(dict.fromkeys(chain, centre))
            spans.append((chain, left, right))
        width = max(edge.values(), default=GAP) - GAP
        if not stacked:
            self._centre(spans, x, width)
        return width

    def _centre(
        self,
        spans: list[tuple[list[str], dict[int, float], dict[int, float]]],
        x: dict[str, float],
        width: float,
    ) -> None:
        near: dict[str, list[str]] = defaultdict(list)
        for name, block in self.blocks.items():
            for wire in self._inner_wires(block):
                near[self.key[wire.source]].append(self.key[name])
                near[self.key[name]].append(self.key[wire.source])
        limit: dict[int, float] = defaultdict(lambda: width)
        for chain, left, right in reversed(spans):
            centre = x[chain[0]]
            others = [x[k] for key in chain for k in near[key] if k in x and k not in chain]
            wanted = sum(others) / len(others) if others else centre
            most = min(limit[r] - right[r] for r in right)
            centre = max(centre, min(wanted, most))
            x.update(dict.fromkeys(chain, centre))
            for r in right:
                limit[r] = min(limit[r], centre - left[r] - GAP)

    def _layers(self) -> dict[tuple[int, int], list[str]]:
        """The cards of each (column, layer) from left to right."""
        found: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name, block in self.blocks.items():
            found[self.place[block.card.column], self.rank[self.key[name]]].append(name)
        for names in found.values():
            names.sort(key=lambda name: self.chain_x[self.key[name]])
        return found

    # Wires, and with them the room that channels and corridors need.

    def _route(self) -> None:
        routes = {
            wire.id: route
            for block in self.blocks.values()
            for route in self._block_routes(block)
            for wire in (route.wire,)
        }
        self._set_columns(list(routes.values()))
        self._set_layers(list(routes.values()))
        self._set_cards()
        for block in self.blocks.values():
            self._beside(block)
        for route in routes.values():
            self.result.wires[route.wire.id] = self._path(route)
        self._frames()
        self._surroundings()

    def _block_routes(self, block: _Block) -> Iterator[_Route]:
        for i, wire in enumerate(block.below):
            shift = 0.0 if len(block.below) == 1 else (i - 0.5) * CARD[0] / 2.4
            yield self._plan(wire, block, None, shift)
        for i, wire in enumerate(block.rows):
            yield self._plan(wire, block, i, 0.0)

    def _plan(self, wire: Wire, block: _Block, row: int | None, shift: float) -> _Route:
        """Which channels and corridors a wire takes."""
        source = self.card[wire.source]
        a, b = self.place[source.column], self.place[block.card.column]
        low, high = self.rank[self.key[wire.source]], self.rank[self.key[wire.target]]
        route = _Route(wire, row, shift)
        lower, upper = self.key[wire.source], self.key[wire.target]
        if row is None and a == b and self.follows.get(lower) == upper:
            return route
        direct = row is not None and self._leftmost(block.card) and self._free(high, a + 1, b - 1)
        if a == b and high == low + 1:
            route.leave = high
            return route
        if a == b:
            route.leave, route.corridor = low + 1, ("inner", b)
        elif (
            a < b
            and direct
            and not any(self.in_layer.get((a, r)) for r in range(low + 1, high + 1))
        ):
            if high > low:
                route.over = True
                return route
            route.corridor = ("outer", a + 1)
        else:
            route.corridor = ("outer", a + 1 if a < b else b)
        if a > b or (
            a != b and self.in_layer[a, low][-1] != wire.source and not self._stacked(source)
        ):
            route.leave = low + 1
        route.enter = None if direct else high
        return route

    def _leftmost(self, card: Card) -> bool:
        where = (self.place[card.column], self.rank[self.key[card.id]])
        return self.in_layer[where][0] == card.id

    def _stacked(self, card: Card) -> bool:
        return card.column in self.before and not self._has_operands(card)

    def _free(self, layer: int, first: int, last: int) -> bool:
        return not any(self.in_layer.get((c, layer)) for c in range(first, last + 1))

    def _set_columns(self, routes: Sequence[_Route]) -> None:
        """Tracks of the corridors, then x of every column."""
        spans: dict[tuple[str, int], dict[str, tuple[float, float]]] = defaultdict(dict)
        for route in routes:
            if route.corridor is None:
                continue
            low = self.rank[self.key[route.wire.source]]
            high = self.rank[self.key[route.wire.target]]
            start = 2 * low + 1 if route.leave is None else 2 * route.leave
            end = 2 * high + 1 if route.enter is None else 2 * route.enter
            _widen(spans[route.corridor], route.wire.source, start, end)
        self.corridor_track = {where: _tracks(nets, 0.0) for where, nets in spans.items()}
        most = {"inner": 0, "outer": 0}
        for (kind, _), tracks in self.corridor_track.items():
            most[kind] = max(most[kind], max(tracks.values()) + 1)
        self.inner = most["inner"] * TRACK
        self.outer = 22.0 + most["outer"] * TRACK
        self.origin: list[float] = []
        x = 0.0
        framed = {column.index for column in self.picture.columns}
        for column in self.columns:
            pad = FRAME_PAD if column in framed else 0.0
            x += self.outer
            self.origin.append(x + pad + self.inner)
            x += 2 * pad + self.inner + self.widths[column]
        self.right_end = x

    def _x(self, name: str) -> float:
        return self.origin[self.place[self.card[name].column]] + self.chain_x[self.key[name]]

    def _label_left(self, name: str) -> float:
        return self._x(name) - CARD[0] / 2 - FAN - self.label_room

    def _in_x(self, route: _Route) -> float:
        """Where a wire turns upwards to its row or to the foot of its card."""
        block = self.blocks[route.wire.target]
        if route.row is None:
            return self._x(route.wire.target) + route.shift
        rows_right = len(block.rows) - 1 - route.row
        return self._label_left(route.wire.target) - 8.0 - TRACK * rows_right

    def _corridor_x(self, route: _Route) -> float:
        assert route.corridor is not None
        kind, place = route.corridor
        track = self.corridor_track[route.corridor][route.wire.source]
        if kind == "inner":
            return self.origin[place] - self.inner + track * TRACK
        pad = FRAME_PAD if self.columns[place] not in self.before else 0.0
        return (
            self.origin[place]
            - self.inner
            - pad
            - self.outer / 2
            + (track - (max(self.corridor_track[route.corridor].values())) / 2) * TRACK
        )

    def _set_exits(self, routes: Sequence[_Route]) -> None:
        """A wire leaves its card at the top where no other wire comes down the same way."""
        arriving: dict[int, list[tuple[str, float]]] = defaultdict(list)
        for route in routes:
            layer = route.leave if route.corridor is None else route.enter
            if layer is not None:
                arriving[layer].append((route.wire.source, self._in_x(route)))
        self.exit_shift: dict[str, float] = {}
        for route in routes:
            name = route.wire.source
            if route.leave is None or name in self.exit_shift:
                continue
            x = self._x(name)
            near = [at for net, at in arriving[route.leave] if net != name and abs(at - x) < 50.0]
            self.exit_shift[name] = next(
                (dx for dx in EXITS if all(abs(x + dx - at) > 7.0 for at in near)), 0.0
            )

    def _exit_x(self, route: _Route) -> float:
        name = route.wire.source
        return self._x(name) + (route.shift if route.leave is None else self.exit_shift[name])

    def _set_layers(self, routes: Sequence[_Route]) -> None:
        """Tracks of the channels, then y of every layer."""
        self._set_exits(routes)
        spans: dict[int, dict[str, tuple[float, float]]] = defaultdict(dict)
        labelled: set[int] = set()
        for route in routes:
            high = self.rank[self.key[route.wire.target]]
            if route.row is None:
                labelled.add(high)
            start, end = self._exit_x(route), self._in_x(route)
            middle = None if route.corridor is None else self._corridor_x(route)
            if route.leave is not None:
                _widen(
                    spans[route.leave], route.wire.source, start, end if middle is None else middle
                )
            if route.enter is not None and middle is not None:
                _widen(spans[route.enter], route.wire.source, middle, end)
        self.channel_track = {layer: _tracks(nets, 2.0) for layer, nets in spans.items()}
        heights = self._layer_heights()
        self.layer_y: list[float] = []
        self.channel_y: list[float] = []
        y = 0.0
        for layer, height in enumerate(heights):
            tracks = self.channel_track.get(layer)
            self.channel_y.append(y + 10.0)
            if tracks:
                y += 8.0 + TRACK * (max(tracks.values()) + 1)
            if layer:
                y += LABEL_BELOW if layer in labelled else 14.0
            if layer == self.first_above:
                y += FRAME_PAD + FRAME_HEAD
            self.layer_y.append(y + height / 2)
            y += height + 4.0
        self.top_end = y

    def _layer_heights(self) -> list[float]:
        top = max(self.rank.values())
        heights = [0.0] * (top + 1)
        stacks: dict[int, int] = defaultdict(int)
        framed_top = -1
        for name, block in self.blocks.items():
            layer = self.rank[self.key[name]]
            heights[layer] = max(
                heights[layer], self._stack_height(block), self._card_height(block)
            )
            if self._stacked(block.card):
                stacks[layer] += 1
            if block.card.framed:
                framed_top = max(framed_top, layer)
        for layer, count in stacks.items():
            heights[layer] = max(heights[layer], count * (CARD[1] + 8.0))
        self.first_above = framed_top + 1 if framed_top >= 0 else -1
        return heights

    def _stack_height(self, block: _Block) -> float:
        return len(block.beside) * self.leaf_pitch + len(block.rows) * self.row_pitch

    def _card_height(self, block: _Block) -> float:
        card = block.card
        text = CARD[1] + 17.0 * (len(card.rows) - 1) + (13.0 if card.note else 0.0)
        return max(text, 11.0 * (len(block.beside) + len(block.rows)) + 6.0)

    def _set_cards(self) -> None:
        stacks: dict[int, list[str]] = defaultdict(list)
        for name, block in self.blocks.items():
            layer = self.rank[self.key[name]]
            self.result.cards[name] = Box(
                self._x(name), self.layer_y[layer], CARD[0], self._card_height(block)
            )
            if self._stacked(block.card):
                stacks[layer].append(name)
        for layer, names in stacks.items():
            pitch = CARD[1] + 8.0
            rows = [
                self._row_y(block, i)
                for block in self.blocks.values()
                for i, wire in enumerate(block.rows)
                if wire.source in names and self._leftmost(block.card)
            ]
            middle = sum(rows) / len(rows) if rows else self.layer_y[layer]
            top = middle + (len(names) - 1) * pitch / 2
            for i, name in enumerate(names):
                y = top - i * pitch
                height = self._card_height(self.blocks[name])
                self.result.cards[name] = Box(self._x(name), y, CARD[0], height)

    def _row_y(self, block: _Block, row: int) -> float:
        box = self.result.cards[block.card.id]
        top = box.y + self._stack_height(block) / 2 - len(block.beside) * self.leaf_pitch
        return top - (row + 0.5) * self.row_pitch

    def _port_y(self, block: _Block, index: int) -> float:
        """Where row `index` of all rows meets the card's left side."""
        box = self.result.cards[block.card.id]
        count = len(block.beside) + len(block.rows)
        room = box.h - 12.0
        return box.top - 6.0 - room * (index + 0.5) / count

    def _into_card(self, block: _Block, index: int, y: float) -> tuple[Point, ...]:
        """The last bend: from the label's end to the card."""
        box = self.result.cards[block.card.id]
        port = (box.left, self._port_y(block, index))
        start = (box.left - FAN, y)
        middle = box.left - FAN / 2
        return (start, (middle, y), (middle, port[1]), port)

    def _beside(self, block: _Block) -> None:
        """Place the leaves at a card's left, and their wires."""
        box = self.result.cards[block.card.id]
        top = box.y + self._stack_height(block) / 2
        w, h = self.leaf_size
        right = box.left - FAN - self.label_room
        for i, (wire, leaf) in enumerate(block.beside):
            y = top - (i + 0.5) * self.leaf_pitch
            self.result.cards[leaf.id] = Box(right - w / 2, y, w, h)
            bend = self._into_card(block, i, y)
            curve = (*_straight((right, y), bend[0]), *bend[1:])
            self.result.wires[wire.id] = Path(curve, (right + self.label_room / 2, y), False)

    def _path(self, route: _Route) -> Path:
        source = self.result.cards[route.wire.source]
        block = self.blocks[route.wire.target]
        box = self.result.cards[route.wire.target]
        x_in = self._in_x(route)
        corners: list[Point] = []
        if route.leave is not None or route.over or (route.corridor is None and route.row is None):
            corners.append((self._exit_x(route), source.top))
        else:
            corners.append((source.right, source.y))
        if route.leave is not None:
            y = self._track_y(route.leave, route.wire.source)
            corners += [(corners[-1][0], y)]
            x = x_in if route.corridor is None else self._corridor_x(route)
            corners.append((x, y))
        elif route.corridor is not None:
            corners.append((self._corridor_x(route), source.y))
        if route.enter is not None:
            y = self._track_y(route.enter, route.wire.source)
            corners += [(corners[-1][0], y), (x_in, y)]
        if route.row is None:
            corners.append((corners[-1][0], box.bottom))
            label = (corners[-1][0], box.bottom - LABEL_BELOW / 2)
            return Path(_rounded(corners), label, True, 1 if route.shift >= 0 else -1)
        y = self._row_y(block, route.row)
        bend = self._into_card(block, len(block.beside) + route.row, y)
        corners += [(corners[-1][0], y), bend[0]]
        label = (box.left - FAN - self.label_room / 2, y)
        return Path((*_rounded(corners), *bend[1:]), label, False)

    def _track_y(self, layer: int, net: str) -> float:
        return self.channel_y[layer] + self.channel_track[layer][net] * TRACK

    # What stands around the graph.

    def _frames(self) -> None:
        boxes = [self.result.cards[c.id] for c in self.picture.cards if c.framed]
        if not boxes:
            return
        bottom = min(box.bottom for box in boxes) - FRAME_PAD
        top = max(box.top for box in boxes) + FRAME_PAD + FRAME_HEAD - 4.0
        for column in self.picture.columns:
            place = self.place[column.index]
            left = self.origin[place] - self.inner - FRAME_PAD
            width = self.widths[column.index] + self.inner + 2 * FRAME_PAD
            self.result.frames[column.index] = Box(
                left + width / 2, (bottom + top) / 2, width, top - bottom
            )

    def _surroundings(self) -> None:
        """Title above; panels and legend below."""
        graph = around([*self.result.cards.values(), *self.result.frames.values()])
        sizes = []
        for panel in self.picture.panels:
            widths = panel_columns(panel)
            self.result.panel_columns.append(widths)
            width = max(
                sum(widths) + 4.0 * len(widths),
                text_width(panel.title, 12.0, bold=True),
                text_width(panel.note, 10.0),
            )
            lines = len(panel.rows) + bool(panel.note)
            sizes.append((width + 28.0, 24.0 + 19.0 * lines + 16.0))
        aliases = any(card.alias for card in self.picture.cards)
        sizes.append((360.0, 88.0 + 19.0 * (aliases + len(self.picture.legend))))
        *self.result.panels, self.result.legend = _flow(sizes, graph)
        height = 26.0 + (20.0 if self.picture.subtitle else 0.0)
        width = max(min(text_width(self.picture.title, 16.0, bold=True), 900.0), graph.w)
        self.result.title = Box(graph.x, graph.top + 14.0 + height / 2, width, height)


def _flow(sizes: Sequence[tuple[float, float]], above: Box) -> list[Box]:
    """Boxes of these sizes in rows below another box, each row centred."""
    room = max(above.w, 560.0)
    rows: list[list[tuple[float, float]]] = [[]]
    for size in sizes:
        taken = sum(w + 40.0 for w, _ in rows[-1])
        if rows[-1] and taken + size[0] > room + 40.0:
            rows.append([])
        rows[-1].append(size)
    boxes: list[Box] = []
    top = above.bottom - 26.0
    for row in rows:
        left = above.x - (sum(w for w, _ in row) + 40.0 * (len(row) - 1)) / 2
        for w, h in row:
            boxes.append(Box(left + w / 2, top - h / 2, w, h))
            left += w + 40.0
        top -= max(h for _, h in row) + 22.0
    return boxes


@dataclass(slots=True)
class _Route:
    """The way of a wire: out at the top into channel `leave`, or to the right; up or down a
    corridor; through channel `enter` or straight into its row. `over` goes up and then right.
    """

    wire: Wire
    row: int | None
    shift: float
    leave: int | None = None
    corridor: tuple[str, int] | None = None
    enter: int | None = None
    over: bool = False


def panel_columns(panel: Panel) -> tuple[float, ...]:
    """The width of each column of a panel."""
    widths: list[float] = []
    for row in panel.rows:
        for i, cell in enumerate(row):
            if cell.kind == "grad" and cell.text:  # the same for all numbers, so that frames agree
                widths[i:] = [max(widths[i] if i < len(widths) else 0.0, 58.0), *widths[i + 1 :]]
                continue
            width = text_width(cell.text, 11.0, bold=cell.kind in ("name", "sum")) + 14.0
            if i == len(widths):
                widths.append(46.0)
            widths[i] = min(max(widths[i], width), 220.0)
    return tuple(widths)


def _widen(spans: dict[str, tuple[float, float]], net: str, a: float, b: float) -> None:
    low, high = spans.get(net, (a, a))
    spans[net] = (min(low, a, b), max(high, a, b))


def _tracks(nets: dict[str, tuple[float, float]], space: float) -> dict[str, int]:
    """The lowest track for every net on which no other net is in its way."""
    ends: list[float] = []
    track: dict[str, int] = {}
    for net, (low, high) in sorted(nets.items(), key=lambda item: item[1]):
        for i, end in enumerate(ends):
            if end + space < low:
                track[net], ends[i] = i, high
                break
        else:
            track[net] = len(ends)
            ends.append(high)
    return track


def _straight(a: Point, b: Point) -> tuple[Point, ...]:
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return (a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b)


def _rounded(corners: Sequence[Point]) -> tuple[Point, ...]:
    """A Bezier curve along `corners` whose bends are round."""
    points = [p for i, p in enumerate(corners) if i == 0 or _far(p, corners[i - 1])]
    if len(points) < 2:
        points = [corners[0], corners[-1]]
    curve: list[Point] = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:]):
        reach = min(ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        enter, leave = _towards(corner, before, reach), _towards(corner, after, reach)
        curve += _straight(curve[-1], enter)[1:]
        curve += [
            _towards(enter, corner, 0.55 * reach),
            _towards(leave, corner, 0.55 * reach),
            leave,
        ]
    curve += _straight(curve[-1], points[-1])[1:]
    return tuple(curve)


def _far(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.01


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: Point, b: Point, distance: float) -> Point:
    whole = _length(a, b) or 1.0
    return (a[0] + (b[0] - a[0]) * distance / whole, a[1] + (b[1] - a[1]) * distance / whole)
