"""The grid of a picture: which card stands in which layer, chain and column.

Cards with the same slot share a place in every column. A card whose one operand stands below
it is fed from below, and both stand in one vertical chain; all other operands come in as rows
at its left side: first the leaves that stand beside it, then the wires from elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..picture.model import Card, Picture, Wire
from .geometry import Layout
from .sizes import CARD, NOTE, SLIM, card_height, card_width, label_width

__all__ = ["TIP", "TRACK", "Block", "Grid"]

TRACK = 12.0  # between two parallel wires
_FAN = 26.0  # where the rows of a card bend towards it
TIP = 8.0  # the last, straight piece of a wire
_LEAST_ROOM = 44.0  # for the labels of a wire
_GAP = 22.0  # between two blocks of a layer


@dataclass(slots=True)
class Block:
    """A card with the rows that come in at its left."""

    card: Card
    below: list[Wire] = field(default_factory=list)
    beside: list[tuple[Wire, Card]] = field(default_factory=list)
    rows: list[Wire] = field(default_factory=list)


class Grid:
    """Blocks, layers, chains and columns of a Picture; no coordinates but x within a column."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.card = {card.id: card for card in picture.cards}
        self.result = Layout()
        self.aside = self._asides()
        self.blocks = self._gather()
        self.result.dense = any(len(b.beside) + len(b.rows) > 5 for b in self.blocks.values())
        dense = self.result.dense
        self.result.slim = self.aside if dense else set()
        self.card_width = max(
            card_width(card) for card in picture.cards if card.id not in self.aside
        )
        self.leaf_size, self.leaf_pitch, self.row_pitch = SLIM, 28.0, 28.0
        if not dense:
            leaves = [card for card in picture.cards if card.id in self.aside]
            width = max(map(card_width, leaves), default=CARD[0])
            note = NOTE if any(card.note for card in leaves) else 0.0
            self.leaf_size = (width, CARD[1] + note)
            self.leaf_pitch, self.row_pitch = 50.0 + note, 40.0
        self.fan, self.label_room = self._rooms()
        self.columns = sorted({block.card.column for block in self.blocks.values()})
        self.before = self._outside()
        self.place = {column: i for i, column in enumerate(self.columns)}
        self.key = self._keys()
        self.rank = self._ranks()
        self.chain_x, self.widths = self._chains()
        self.in_layer = self._layers()
        self.columns_of: dict[int, list[int]] = defaultdict(list)
        for column, layer in sorted(self.in_layer):
            self.columns_of[layer].append(column)

    def _outside(self) -> set[int]:
        """The columns of initial states: before the first step, behind the last for who reads
        backwards.
        """
        framed = {column.index for column in self.picture.columns}
        return set(self.columns) - framed if framed else set()

    # Blocks, layers and chains: where the cards are within a column.

    def _asides(self) -> set[str]:
        """The cards that stand at the left of what they feed: weights, and detached states."""
        made = {wire.target for wire in self.picture.wires}
        users: dict[str, set[str]] = defaultdict(set)
        for wire in self.picture.wires:
            users[wire.source].add(wire.target)
        detached = {
            card.id
            for card in self.picture.cards
            if card.role == "leaf" and card.framed and card.id not in made and len(card.rows) == 1
            and len(users[card.id]) == 1
        }  # fmt: skip
        return detached | {card.id for card in self.picture.cards if card.beside}

    def _gather(self) -> dict[str, Block]:
        blocks = {card.id: Block(card) for card in self.picture.cards if card.id not in self.aside}
        inner: dict[str, list[Wire]] = defaultdict(list)
        depth: dict[str, int] = defaultdict(int)
        for wire in self.picture.wires:
            source, block = self.card[wire.source], blocks[wire.target]
            if source.id in self.aside:
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

    def _rooms(self) -> tuple[float, float]:
        """Room at the left of a card: for rows that bend towards it, and for their labels."""
        sideways = [
            [*(wire for wire, _ in block.beside), *block.rows] for block in self.blocks.values()
        ]
        fan = _FAN if any(len(wires) > 1 for wires in sideways) else TIP
        if self.result.dense:
            return fan, 100.0
        widths = [label_width(wire) for wires in sideways for wire in wires]
        return fan, max(_LEAST_ROOM, max(widths, default=0.0) + 8.0)

    def _keys(self) -> dict[str, str]:
        """Cards of different columns with the same key share a place."""
        if not self.picture.columns:
            return {name: name for name in self.blocks}
        return {
            name: name if block.card.column in self.before else block.card.slot
            for name, block in self.blocks.items()
        }

    def _inner_wires(self, block: Block) -> Iterator[Wire]:
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
        chains.sort(key=lambda chain: fed_from_left.isdisjoint(chain))
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
            left = self.card_width / 2
            above = bool(self.picture.columns) and not block.card.framed and block.card.column > 0
            if (block.beside or block.rows) and not above:  # nothing stands above the frames
                stack = self.leaf_size[0] if block.beside else 0.0
                left += self.fan + self.label_room + max(stack, TRACK * len(block.rows) + 8.0)
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
            right = {r: self.card_width / 2 if r in members else 60.0 for r in layers}
            centre = max(edge[r] + left[r] for r in layers)
            if stacked and not any(k in self.follows for k in chain):
                centre = self.card_width / 2  # leaves before the first step stand above each other
            for r in layers:
                edge[r] = max(edge[r], centre + right[r] + _GAP)
            x.update(dict.fromkeys(chain, centre))
            spans.append((chain, left, right))
        width = max(edge.values(), default=_GAP) - _GAP
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
            own = set(chain)
            others = [x[k] for key in chain for k in near[key] if k in x and k not in own]
            wanted = sum(others) / len(others) if others else centre
            most = min(limit[r] - right[r] for r in right)
            centre = max(centre, min(wanted, most))
            x.update(dict.fromkeys(chain, centre))
            for r in right:
                limit[r] = min(limit[r], centre - left[r] - _GAP)

    def _layers(self) -> dict[tuple[int, int], list[str]]:
        """The cards of each (column, layer) from left to right."""
        found: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name, block in self.blocks.items():
            found[self.place[block.card.column], self.rank[self.key[name]]].append(name)
        for names in found.values():
            names.sort(key=lambda name: self.chain_x[self.key[name]])
        return found

    def level(self, name: str) -> int:
        """The layer of a card, counted from below."""
        return self.rank[self.key[name]]

    def index(self, name: str) -> int:
        """Which of all columns a card stands in."""
        return self.place[self.card[name].column]

    def leftmost(self, card: Card) -> bool:
        """Whether nothing stands at its left in its layer and column."""
        where = (self.place[card.column], self.rank[self.key[card.id]])
        return self.in_layer[where][0] == card.id

    def stacked(self, card: Card) -> bool:
        """Whether it is a leaf before the first step, where leaves stand above each other."""
        return card.column in self.before and not self._has_operands(card)

    def free(self, layer: int, first: int, last: int) -> bool:
        """Whether no card stands in this layer of the columns from first to last."""
        columns = self.columns_of[layer]
        i = bisect_left(columns, first)
        return i == len(columns) or columns[i] > last

    def layer_heights(self) -> list[float]:
        """The height of each layer; settles which one is the first above all frames."""
        top = max(self.rank.values())
        heights = [0.0] * (top + 1)
        stacks: dict[int, float] = defaultdict(float)
        framed_top = -1
        for name, block in self.blocks.items():
            layer = self.rank[self.key[name]]
            heights[layer] = max(heights[layer], self.stack_height(block), self.card_height(block))
            if self.stacked(block.card):
                stacks[layer] += self.card_height(block) + 8.0
            if block.card.framed:
                framed_top = max(framed_top, layer)
        for layer, height in stacks.items():
            heights[layer] = max(heights[layer], height)
        self.first_above = framed_top + 1 if framed_top >= 0 else -1
        return heights

    def stack_height(self, block: Block) -> float:
        """What the rows at the left of a card take."""
        return len(block.beside) * self.leaf_pitch + len(block.rows) * self.row_pitch

    def card_height(self, block: Block) -> float:
        """As high as its text, and as the wires that arrive need."""
        return max(card_height(block.card), 11.0 * (len(block.beside) + len(block.rows)) + 6.0)
