"""The order within the columns of a layered layout: as few wires as possible cross.

Every item moves to the mean place of its neighbours, column by column, to the right and back,
and the best order met on the way is kept (the barycentre method of Sugiyama et al.). What the
means leave is mended by exchanging neighbours (Gansner et al. 1993, doi:10.1109/32.221135).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence

from .ranks import Ladder

__all__ = ["count", "reduce"]

_ROUNDS = 24
_MOST_EXCHANGED = 1500  # items; more are left to the means, exchanging neighbours takes too long


def reduce(ladder: Ladder, last: Collection[int] = ()) -> int:
    """Reorder the columns; the items of `last` stay at the foot of theirs. Returns crossings."""
    columns = ladder.columns
    for column in columns:
        column.sort(key=lambda item: item in last)
    best, fewest = [list(column) for column in columns], count(ladder)
    small = sum(map(len, columns)) <= _MOST_EXCHANGED
    idle = 0
    for turn in range(_ROUNDS):
        if fewest == 0 or idle > 6:
            break
        rightwards = turn % 2 == 0
        sweep = range(1, len(columns)) if rightwards else range(len(columns) - 2, -1, -1)
        near = ladder.left if rightwards else ladder.right
        for i in sweep:
            _by_means(columns[i], columns[i - 1 if rightwards else i + 1], near, last)
        if small:
            for i in range(len(columns)):
                _exchange(ladder, i, last)
        found = count(ladder)
        idle = 0 if found < fewest else idle + 1
        if found < fewest:
            best, fewest = [list(column) for column in columns], found
    ladder.columns = best
    return fewest


def count(ladder: Ladder) -> int:
    """How many pairs of wires cross between neighbouring columns."""
    total = 0
    for column, after in zip(ladder.columns, ladder.columns[1:]):
        place = {item: i for i, item in enumerate(after)}
        seen: list[int] = []
        for item in column:
            ends = sorted(place[user] for user in ladder.right[item])
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _by_means(
    column: list[int],
    fixed: Sequence[int],
    near: Mapping[int, Sequence[int]],
    last: Collection[int],
) -> None:
    """Sort a column by the mean places of its neighbours; what has none keeps its place."""
    place = {item: float(i) for i, item in enumerate(fixed)}
    means: dict[int, float] = {}
    for i, item in enumerate(column):
        places = [place[other] for other in near[item]]
        share = (i + 0.5) / len(column) * len(fixed)
        means[item] = sum(places) / len(places) if places else share
    column.sort(key=lambda item: (item in last, means[item]))


def _exchange(ladder: Ladder, index: int, last: Collection[int]) -> None:
    """Exchange neighbours of a column as long as that takes crossings away."""
    column = ladder.columns[index]
    sides = []
    if index:
        sides.append((ladder.left, ladder.columns[index - 1]))
    if index + 1 < len(ladder.columns):
        sides.append((ladder.right, ladder.columns[index + 1]))
    ends: dict[int, list[list[int]]] = {item: [] for item in column}
    for near, other in sides:
        place = {item: i for i, item in enumerate(other)}
        for item in column:
            ends[item].append(sorted(place[x] for x in near[item]))
    better = True
    while better:
        better = False
        for i in range(len(column) - 1):
            a, b = column[i], column[i + 1]
            if (a in last) != (b in last):
                continue
            gain = 0
            for x, y in zip(ends[a], ends[b]):
                gain += _crossed(x, y) - _crossed(y, x)
            if gain > 0:
                column[i], column[i + 1], better = b, a, True


def _crossed(above: Sequence[int], below: Sequence[int]) -> int:
    """Crossings of the wires of two neighbours, from the sorted places of their other ends."""
    found = 0
    for end in above:
        found += bisect_left(below, end)
    return found
