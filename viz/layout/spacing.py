"""How far apart the items of a layered layout stand: wires as straight as the order allows.

In each column the places that minimise the squared distance to the wanted ones, under the
order and the gaps that must be kept, are an isotonic regression: it is solved exactly by
pooling neighbours that want to pass each other (Barlow et al. 1972).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from .ranks import Ladder

__all__ = ["apart", "spread"]

_SWEEPS = 24
_STRAIGHT = 6.0  # how much more a piece between two stepping stones wants to be straight
_ALONE = 40.0  # the only wire of both its ends

# A neighbour, how far beside it an item wants to stand, and how much.
_Pull: TypeAlias = tuple[int, float, float]


def spread(
    ladder: Ladder, half: Sequence[float], offset: Callable[[int, int], float]
) -> list[float]:
    """The place of each item below the top of the picture.

    `half` is half the room that an item takes in its column, `offset(a, b)` how far below the
    centre of b the wire from a arrives there.
    """
    place = [0.0] * len(half)
    for column in ladder.columns:
        below = 0.0
        for item in column:
            place[item] = below + half[item]
            below += 2.0 * half[item]
    items = range(len(half))
    before: list[list[_Pull]] = [
        [(a, -offset(a, b), _weight(ladder, a, b)) for a in ladder.left[b]] for b in items
    ]
    after: list[list[_Pull]] = [
        [(b, offset(a, b), _weight(ladder, a, b)) for b in ladder.right[a]] for a in items
    ]
    by_left, by_right, by_both = (
        [_Column(column, half, sides) for column in ladder.columns]
        for sides in ([before], [after], [before, after])
    )
    idle = 0  # sweeps in a row that moved nothing: after one each way none will any more
    for sweep in range(_SWEEPS):
        both = sweep >= _SWEEPS - 10
        idle = 0 if sweep == _SWEEPS - 10 else idle
        if idle > 1:
            continue
        held = place.copy()
        if sweep % 2 == 0:
            columns = by_both if both else by_left
        else:
            columns = (by_both if both else by_right)[::-1]
        for pulled in columns:
            pulled.settle(place)
        idle = idle + 1 if place == held else 0
    _straighten(ladder, place, half, before)
    return place


class _Column:
    """Items that are pulled by their neighbours in the column on one side, or on both."""

    def __init__(
        self,
        items: Sequence[int],
        half: Sequence[float],
        sides: Sequence[Sequence[Sequence[_Pull]]],
    ) -> None:
        self._items = items
        self._pulls = [[pull for side in sides for pull in side[item]] for item in items]
        self._weights = [sum(weight for *_, weight in found) or 0.01 for found in self._pulls]
        self._gaps = [half[a] + half[b] for a, b in pairwise(items)]

    def settle(self, place: list[float]) -> None:
        """Move the items to where they are pulled, as far as their order and gaps allow."""
        wanted = []
        for item, pulls, weight in zip(self._items, self._pulls, self._weights):
            moment = 0.0
            for neighbour, aside, pull in pulls:
                moment += (place[neighbour] + aside) * pull
            wanted.append(moment / weight if pulls else place[item])
        for item, at in zip(self._items, apart(wanted, self._weights, self._gaps)):
            place[item] = at


def _straighten(
    ladder: Ladder,
    place: list[float],
    half: Sequence[float],
    before: Sequence[Sequence[_Pull]],
) -> None:
    """Level what is joined by a wire that is the only one of both its ends, if there is room."""
    for column in ladder.columns[1:]:
        wanted, pull = [], []
        for item in column:
            alone = [place[a] + aside for a, aside, weight in before[item] if weight == _ALONE]
            wanted.append(alone[0] if alone else place[item])
            pull.append(1000.0 if alone else 1.0)
        gaps = [half[a] + half[b] for a, b in pairwise(column)]
        for item, at in zip(column, apart(wanted, pull, gaps)):
            place[item] = at


def _weight(ladder: Ladder, a: int, b: int) -> float:
    """How much the piece from a to b wants to be straight: more where neither has another."""
    if a >= ladder.cards and b >= ladder.cards:
        return _STRAIGHT
    return _ALONE if len(ladder.right[a]) == len(ladder.left[b]) == 1 else 1.0


def apart(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones that keep the order and the gaps.

    >>> apart([0.0, 0.0], [1.0, 1.0], [10.0])
    [-5.0, 5.0]
    """
    taken = [0.0]  # by the gaps so far
    for gap in gaps:
        taken.append(taken[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for at, weight, before in zip(wanted, weights, taken):
        mean, mass, size = at - before, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, many = pools.pop()
            mean = (mean * mass + other * heavy) / (mass + heavy)
            mass, size = mass + heavy, size + many
        pools.append((mean, mass, size))
    means = [mean for mean, _, size in pools for _ in range(size)]
    return [mean + before for mean, before in zip(means, taken)]
