"""How far apart the items of a layered layout stand: wires as straight as the order allows.

In each column the places that minimise the squared distance to the wanted ones, under the
order and the gaps that must be kept, are an isotonic regression: it is solved exactly by
pooling neighbours that want to pass each other (Barlow et al. 1972).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from .ranks import Ladder

__all__ = ["apart", "spread"]

_SWEEPS = 24
_STRAIGHT = 6.0  # how much more a piece between two stepping stones wants to be straight
_ALONE = 40.0  # the only wire of both its ends


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
    weights = {}
    for a, others in ladder.right.items():
        for b in others:
            weights[a, b] = weights[b, a] = _weight(ladder, a, b)
    columns = list(enumerate(ladder.columns))
    for sweep in range(_SWEEPS):
        both = sweep >= _SWEEPS - 10
        for i, column in columns if sweep % 2 == 0 else reversed(columns):
            ends: list[list[tuple[float, float]]] = []
            for item in column:
                near = []
                if both or sweep % 2 == 0 or i == 0:
                    near += [(a, place[a] - offset(a, item)) for a in ladder.left[item]]
                if both or sweep % 2 == 1 or i + 1 == len(columns):
                    near += [(b, place[b] + offset(item, b)) for b in ladder.right[item]]
                ends.append([(at, weights[item, other]) for other, at in near])
            wanted = [_mean(found, place[item]) for found, item in zip(ends, column)]
            pull = [sum(weight for _, weight in found) or 0.01 for found in ends]
            gaps = [half[a] + half[b] for a, b in pairwise(column)]
            for item, at in zip(column, apart(wanted, pull, gaps)):
                place[item] = at
    _straighten(ladder, place, half, offset, weights)
    return place


def _straighten(
    ladder: Ladder,
    place: list[float],
    half: Sequence[float],
    offset: Callable[[int, int], float],
    weights: dict[tuple[int, int], float],
) -> None:
    """Level what is joined by a wire that is the only one of both its ends, if there is room."""
    for column in ladder.columns[1:]:
        wanted, pull = [], []
        for item in column:
            alone = [a for a in ladder.left[item] if weights[a, item] == _ALONE]
            wanted.append(place[alone[0]] - offset(alone[0], item) if alone else place[item])
            pull.append(1000.0 if alone else 1.0)
        gaps = [half[a] + half[b] for a, b in pairwise(column)]
        for item, at in zip(column, apart(wanted, pull, gaps)):
            place[item] = at


def _weight(ladder: Ladder, a: int, b: int) -> float:
    """How much the piece from a to b wants to be straight: more where neither has another."""
    if a >= ladder.cards and b >= ladder.cards:
        return _STRAIGHT
    return _ALONE if len(ladder.right[a]) == len(ladder.left[b]) == 1 else 1.0


def _mean(ends: Sequence[tuple[float, float]], otherwise: float) -> float:
    if not ends:
        return otherwise
    return sum(at * weight for at, weight in ends) / sum(weight for _, weight in ends)


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
