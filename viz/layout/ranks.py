"""Which column of a layered layout each card stands in, and what a long wire passes on its way.

Columns are numbered from left to right. The steps of Sugiyama, Tagawa and Toda (1981,
doi:10.1109/TSMC.1981.4308636): ranks here, the order within a column in `crossings.py`,
coordinates in `spacing.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Ladder", "ladder", "ranks"]

_Edge = tuple[int, int]


@dataclass(slots=True)
class Ladder:
    """Cards in columns, with a stepping stone wherever a wire passes a column.

    Items below `cards` are cards, the others stepping stones. The wires of one card share
    their stones, as far as they go together.

    Attributes
    ----------
    columns : the items of each column, from top to bottom
    left, right : the neighbours of an item in the column before and after its own
    stones : the stone of a card in a column, by (card, column)
    """

    cards: int
    rank: list[int]
    columns: list[list[int]]
    left: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    right: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    stones: dict[tuple[int, int], int] = field(default_factory=dict)

    def way(self, source: int, target: int) -> list[int]:
        """The items that a wire touches, both ends included."""
        between = range(self.rank[source] + 1, self.rank[target])
        return [source, *(self.stones[source, column] for column in between), target]


def ranks(count: int, edges: Sequence[_Edge]) -> list[int]:
    """The column of each of `count` cards: right of all its operands, and close to its users.

    The longest path from the left gives a first answer; a card with fewer operands than users
    then moves right, which makes its wires shorter. Operands that nothing else uses, nor what
    they are made of, do not count: they follow. ValueError for wires that run in a circle.

    >>> ranks(4, [(0, 2), (1, 3), (2, 3)])  # card 1 stands beside card 2, which it meets
    [0, 1, 1, 2]
    """
    operands: dict[int, list[int]] = defaultdict(list)
    users: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        operands[target].append(source)
        users[source].append(target)
    rank = [0] * count
    order = _sorted(count, operands, users)
    for card in order:
        rank[card] = max((rank[x] + 1 for x in operands[card]), default=0)
    follows: set[int] = set()
    for card in order:
        if len(set(users[card])) == 1 and follows.issuperset(operands[card]):
            follows.add(card)
    for card in reversed(order):
        held = set(operands[card]) - follows
        if users[card] and len(held) < len(set(users[card])) + (not operands[card]):
            rank[card] = min(rank[user] for user in users[card]) - 1
    least = min(rank, default=0)
    return [r - least for r in rank]


def _sorted(count: int, operands: dict[int, list[int]], users: dict[int, list[int]]) -> list[int]:
    """The cards, every one after its operands."""
    waiting = {card: len(operands[card]) for card in range(count)}
    order = [card for card in range(count) if not waiting[card]]
    for card in order:  # grows while it is walked
        for user in users[card]:
            waiting[user] -= 1
            if not waiting[user]:
                order.append(user)
    if len(order) < count:
        raise ValueError("a layered layout needs wires that do not run in a circle")
    return order


def ladder(rank: Sequence[int], edges: Sequence[_Edge], order: Sequence[int]) -> Ladder:
    """Columns of cards and stepping stones; `order` is how the cards stand at first."""
    result = Ladder(len(rank), list(rank), [[] for _ in range(max(rank, default=0) + 1)])
    farthest: dict[int, int] = defaultdict(int)
    for source, target in edges:
        farthest[source] = max(farthest[source], rank[target])
    count = len(rank)
    for card in order:
        result.columns[rank[card]].append(card)
        for column in range(rank[card] + 1, farthest[card]):
            result.stones[card, column] = count
            result.columns[column].append(count)
            count += 1
    joined: set[_Edge] = set()
    for source, target in edges:
        way = result.way(source, target)
        for a, b in pairwise(way):
            if (a, b) not in joined:
                joined.add((a, b))
                result.right[a].append(b)
                result.left[b].append(a)
    return result
