"""Wires on tracks of their own: through channels between the layers and corridors between the
columns, so that none passes under a card. Their number decides how much room is left there,
and so where the columns and layers stand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..picture.model import Wire
from .geometry import Box, Path, Point, rounded, straight, tipped
from .grid import TIP, TRACK, Block, Grid

__all__ = ["FRAME_HEAD", "FRAME_PAD", "Router"]

_LABEL_BELOW = 36.0  # room for the label of a wire that comes from below
_EXITS = (0.0, 9.0, -9.0, 18.0, -18.0, 27.0, -27.0)  # where a wire may leave a card's top
_TWIN = 16.0  # between two wires that join the same cards, where they begin
_KINK = 5.0  # a bend to a track nearer than this is left out
FRAME_PAD = 12.0
FRAME_HEAD = 26.0


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


class Router:
    """Coordinates for a grid: every card gets its box, every wire its curve."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.result = grid, grid.result
        self._route()

    # Wires, and with them the room that channels and corridors need.

    def _route(self) -> None:
        routes = {
            wire.id: route
            for block in self.grid.blocks.values()
            for route in self._block_routes(block)
            for wire in (route.wire,)
        }
        self.twins: dict[tuple[str, str], list[str]] = defaultdict(list)
        for block in self.grid.blocks.values():
            for wire in block.rows:
                self.twins[wire.source, wire.target].append(wire.id)
        self._set_columns(list(routes.values()))
        self._set_layers(list(routes.values()))
        self._set_cards()
        for block in self.grid.blocks.values():
            self._beside(block)
        for route in routes.values():
            self.result.wires[route.wire.id] = self._path(route)

    def _block_routes(self, block: Block) -> Iterator[_Route]:
        for i, wire in enumerate(block.below):
            shift = 0.0 if len(block.below) == 1 else (i - 0.5) * self.grid.card_width / 2.4
            yield self._plan(wire, block, None, shift)
        for i, wire in enumerate(block.rows):
            yield self._plan(wire, block, i, 0.0)

    def _plan(self, wire: Wire, block: Block, row: int | None, shift: float) -> _Route:
        """Which channels and corridors a wire takes."""
        source = self.grid.card[wire.source]
        a, b = self.grid.place[source.column], self.grid.place[block.card.column]
        low, high = self.grid.level(wire.source), self.grid.level(wire.target)
        route = _Route(wire, row, shift)
        lower, upper = self.grid.key[wire.source], self.grid.key[wire.target]
        if row is None and a == b and self.grid.follows.get(lower) == upper:
            return route
        direct = (
            row is not None
            and self.grid.leftmost(block.card)
            and self.grid.free(high, a + 1, b - 1)
        )
        if a == b and high == low + 1:
            route.leave = high
            return route
        if a == b:
            route.leave, route.corridor = low + 1, ("inner", b)
        elif (
            a < b
            and direct
            and not any(self.grid.in_layer.get((a, r)) for r in range(low + 1, high + 1))
        ):
            if high > low and not self.grid.stacked(source):
                route.over = True
                return route
            route.corridor = ("outer", a + 1)
        elif a > b and self.grid.stacked(source):  # the start of who reads backwards
            route.corridor, route.enter = ("outer", a), high
            return route
        else:
            route.corridor = ("outer", a + 1 if a < b else b)
        if a > b or (
            a != b
            and self.grid.in_layer[a, low][-1] != wire.source
            and not self.grid.stacked(source)
        ):
            route.leave = low + 1
        route.enter = None if direct else high
        return route

    def _set_columns(self, routes: Sequence[_Route]) -> None:
        """Tracks of the corridors, then x of every column."""
        spans: dict[tuple[str, int], dict[str, tuple[float, float]]] = defaultdict(dict)
        for route in routes:
            if route.corridor is None:
                continue
            low = self.grid.level(route.wire.source)
            high = self.grid.level(route.wire.target)
            start = 2 * low + 1 if route.leave is None else 2 * route.leave
            end = 2 * high + 1 if route.enter is None else 2 * route.enter
            _widen(spans[route.corridor], route.wire.source, start, end)
        self.corridor_track = {where: _tracks(nets, 0.0) for where, nets in spans.items()}
        self.last_track = {where: max(t.values()) for where, t in self.corridor_track.items()}
        most = {"inner": 0, "outer": 0}
        for (kind, _), last in self.last_track.items():
            most[kind] = max(most[kind], last + 1)
        self.inner = most["inner"] * TRACK
        self.outer = 15.0 + most["outer"] * TRACK
        self.origin: list[float] = []
        x = 0.0
        framed = {column.index for column in self.grid.picture.columns}
        for column in self.grid.columns:
            pad = FRAME_PAD if column in framed else 0.0
            x += self.outer
            self.origin.append(x + pad + self.inner)
            x += 2 * pad + self.inner + self.grid.widths[column]
        self.right_end = x
        self.x = {
            name: self.origin[self.grid.index(name)] + self.grid.chain_x[self.grid.key[name]]
            for name in self.grid.blocks
        }

    def _label_left(self, name: str) -> float:
        return self.x[name] - self.grid.card_width / 2 - self.grid.fan - self.grid.label_room

    def _in_x(self, route: _Route) -> float:
        """Where a wire turns upwards to its row or to the foot of its card."""
        block = self.grid.blocks[route.wire.target]
        if route.row is None:
            return self.x[route.wire.target] + route.shift
        rows_right = len(block.rows) - 1 - route.row
        return self._label_left(route.wire.target) - 8.0 - TRACK * rows_right

    def _corridor_x(self, route: _Route) -> float:
        assert route.corridor is not None
        kind, place = route.corridor
        track = self.corridor_track[route.corridor][route.wire.source]
        if kind == "inner":
            return self.origin[place] - self.inner + track * TRACK
        pad = FRAME_PAD if self.grid.columns[place] not in self.grid.before else 0.0
        return (
            self.origin[place]
            - self.inner
            - pad
            - self.outer / 2
            + (track - self.last_track[route.corridor] / 2) * TRACK
        )

    def _set_exits(self, routes: Sequence[_Route]) -> None:
        """A wire leaves its card at the top where no other wire comes down the same way."""
        arriving: dict[int, list[tuple[float, str]]] = defaultdict(list)
        for route in routes:
            layer = route.leave if route.corridor is None else route.enter
            if layer is not None:
                arriving[layer].append((self._in_x(route), route.wire.source))
        for found in arriving.values():
            found.sort()
        self.exit_shift: dict[str, float] = {}
        for route in routes:
            name = route.wire.source
            if route.leave is None or name in self.exit_shift:
                continue
            x = self.x[name]
            found = arriving[route.leave]
            first, end = bisect_left(found, (x - 50.0,)), bisect_left(found, (x + 50.0,))
            near = [at for at, net in found[first:end] if net != name]
            self.exit_shift[name] = next(
                (dx for dx in _EXITS if all(abs(x + dx - at) > 7.0 for at in near)), 0.0
            )

    def _exit_x(self, route: _Route) -> float:
        name = route.wire.source
        return self.x[name] + (route.shift if route.leave is None else self.exit_shift[name])

    def _set_layers(self, routes: Sequence[_Route]) -> None:
        """Tracks of the channels, then y of every layer."""
        self._set_exits(routes)
        spans: dict[int, dict[str, tuple[float, float]]] = defaultdict(dict)
        labelled: set[int] = set()
        for route in routes:
            high = self.grid.level(route.wire.target)
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
        heights = self.grid.layer_heights()
        self.layer_y: list[float] = []
        self.channel_y: list[float] = []
        y = 0.0
        for layer, height in enumerate(heights):
            y = self._channel(layer, y)
            if layer:
                y += _LABEL_BELOW if layer in labelled else 14.0
            if layer == self.grid.first_above:
                y += FRAME_PAD + FRAME_HEAD
            self.layer_y.append(y + height / 2)
            y += height + 4.0
        # Above the highest layer there is a channel as well, for what leads back to a lower one.
        self.top_end = self._channel(len(heights), y)

    def _channel(self, layer: int, y: float) -> float:
        """Put the channel below a layer at y; where it ends."""
        tracks = self.channel_track.get(layer)
        self.channel_y.append(y + 10.0)
        return y + 8.0 + TRACK * (max(tracks.values()) + 1) if tracks else y

    def _set_cards(self) -> None:
        stacks: dict[int, list[str]] = defaultdict(list)
        for name, block in self.grid.blocks.items():
            layer = self.grid.level(name)
            self.result.cards[name] = Box(
                self.x[name],
                self.layer_y[layer],
                self.grid.card_width,
                self.grid.card_height(block),
            )
            if self.grid.stacked(block.card):
                stacks[layer].append(name)
        for layer, names in stacks.items():
            stacked = set(names)
            pitch = max(self.grid.card_height(self.grid.blocks[name]) for name in names) + 8.0
            rows = [
                self._row_y(block, i)
                for block in self.grid.blocks.values()
                for i, wire in enumerate(block.rows)
                if wire.source in stacked and self.grid.leftmost(block.card)
            ]
            middle = sum(rows) / len(rows) if rows else self.layer_y[layer]
            top = middle + (len(names) - 1) * pitch / 2
            for i, name in enumerate(names):
                y = top - i * pitch
                height = self.grid.card_height(self.grid.blocks[name])
                self.result.cards[name] = Box(self.x[name], y, self.grid.card_width, height)

    def _row_y(self, block: Block, row: int) -> float:
        box = self.result.cards[block.card.id]
        top = box.y + self.grid.stack_height(block) / 2 - len(block.beside) * self.grid.leaf_pitch
        return top - (row + 0.5) * self.grid.row_pitch

    def _port_y(self, block: Block, index: int) -> float:
        """Where row `index` of all rows meets the card's left side."""
        box = self.result.cards[block.card.id]
        count = len(block.beside) + len(block.rows)
        room = box.h - 12.0
        return box.top - 6.0 - room * (index + 0.5) / count

    def _into_card(self, block: Block, index: int, y: float) -> tuple[Point, ...]:
        """The last bend: from the label's end to the card."""
        box = self.result.cards[block.card.id]
        port = (box.left, self._port_y(block, index))
        start, end = (box.left - self.grid.fan, y), (box.left - TIP, port[1])
        middle = (start[0] + end[0]) / 2
        return (start, (middle, y), (middle, port[1]), end, *tipped(end, port)[1:])

    def _beside(self, block: Block) -> None:
        """Place the leaves at a card's left, and their wires."""
        box = self.result.cards[block.card.id]
        top = box.y + self.grid.stack_height(block) / 2
        w, h = self.grid.leaf_size
        right = box.left - self.grid.fan - self.grid.label_room
        for i, (wire, leaf) in enumerate(block.beside):
            y = top - (i + 0.5) * self.grid.leaf_pitch
            self.result.cards[leaf.id] = Box(right - w / 2, y, w, h)
            bend = self._into_card(block, i, y)
            curve = (*straight((right, y), bend[0]), *bend[1:])
            self.result.wires[wire.id] = Path(curve, (right + self.grid.label_room / 2, y))

    def _path(self, route: _Route) -> Path:
        source = self.result.cards[route.wire.source]
        block = self.grid.blocks[route.wire.target]
        box = self.result.cards[route.wire.target]
        x_in = self._in_x(route)
        corners: list[Point] = []
        if route.leave is not None or route.over or (route.corridor is None and route.row is None):
            corners.append((self._exit_x(route), source.top))
        else:
            side = source.right if source.x < box.x else source.left
            corners.append((side, source.y + self._aside_of_twin(route.wire)))
        if route.leave is not None:
            y = self._track_y(route.leave, route.wire.source)
            corners += [(corners[-1][0], y)]
            x = x_in if route.corridor is None else self._corridor_x(route)
            if abs(x - corners[-1][0]) < _KINK:
                x_in = x = corners[-1][0]
            corners.append((x, y))
        elif route.corridor is not None:
            corners.append((self._corridor_x(route), corners[-1][1]))
        if route.enter is not None:
            y = self._track_y(route.enter, route.wire.source)
            corners += [(corners[-1][0], y), (x_in, y)]
        if route.row is None:
            corners.append((corners[-1][0], box.bottom))
            label = (corners[-1][0], box.bottom - _LABEL_BELOW / 2)
            return Path(rounded(corners), label, "up", 1 if route.shift >= 0 else -1)
        y = self._row_y(block, route.row)
        bend = self._into_card(block, len(block.beside) + route.row, y)
        corners += [(corners[-1][0], y), bend[0]]
        label = (box.left - self.grid.fan - self.grid.label_room / 2, y)
        return Path((*rounded(corners), *bend[1:]), label)

    def _aside_of_twin(self, wire: Wire) -> float:
        """Wires that join the same two cards, as c and h do, leave at different heights."""
        twins = self.twins[wire.source, wire.target]
        if len(twins) < 2:
            return 0.0
        return _TWIN * ((len(twins) - 1) / 2 - twins.index(wire.id))

    def _track_y(self, layer: int, net: str) -> float:
        return self.channel_y[layer] + self.channel_track[layer][net] * TRACK


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
