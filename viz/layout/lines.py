"""A wide layered picture in several lines, like a long formula that goes on below.

A line ends behind a column where few wires go on. There the ladder gets a column of stepping
stones and nothing else, so that every wire of the cut passes a stone of its own: at it the wire
leaves the line, turns around its end and comes back at the left of the next one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .geometry import Box, Layout, Path, Point, around, rounded
from .ranks import Ladder

__all__ = ["cut_columns", "in_lines", "shifted"]

_MOST_TURNING = 12  # wires; where more go on at every place, a line has no end
_BETWEEN = 40.0  # between a line and the wires below it
_MARGIN = 14.0
_TRACK = 12.0
_BENDS = 60.0


def cut_columns(
    ladder: Ladder, left: Sequence[float], right: Sequence[float], page: float
) -> list[int]:
    """The columns behind which a line ends: few lines, few wires that go on, lines of one length.

    `left` and `right` are the sides of the columns. Empty where one line is enough or where
    every way of cutting has too many wires.
    """
    turning = [_going_on(ladder, column) for column in range(len(right))]
    last = len(right) - 1
    # The best way to fill lines up to the end of a column: lines, wires, unevenness, cuts.
    best: dict[int, tuple[int, int, float, list[int]]] = {-1: (0, 0, 0.0, [])}
    for end in range(len(right)):
        onward = turning[end] if end < last else 0
        ways = []
        for begin, (lines, wires, uneven, cuts) in best.items():
            turns = max(onward, turning[begin] if begin >= 0 else 0)
            length = right[end] - left[begin + 1] + _room(turns)
            if length <= page:
                found = [*cuts, end] if end < last else cuts
                ways.append((lines + 1, wires + onward, uneven + length**2, found))
        if ways and onward <= _MOST_TURNING:
            best[end] = min(ways)
    return best[last][3] if last in best else []


def _going_on(ladder: Ladder, column: int) -> int:
    """How many items of a column have wires to the next one."""
    return sum(bool(ladder.right[item]) for item in ladder.columns[column])


def _room(turning: int) -> float:
    """What the wires that turn take at both ends of a line, and their bends before it."""
    return 2.0 * (_MARGIN + _TRACK * turning) + _BENDS


def shifted(rank: Sequence[int], cuts: Sequence[int]) -> list[int]:
    """The column of each card where every cut is a column of stones.

    >>> shifted([0, 1, 2, 3], [1])  # column 2 is the stones'
    [0, 1, 3, 4]
    """
    return [r + sum(r > cut for cut in cuts) for r in rank]


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a stone is to the wires that turn there: the corners between two lines."""

    stone: Point
    corners: tuple[Point, ...]


def in_lines(
    layout: Layout, column: Mapping[str, int], stones: Mapping[int, Sequence[Point]]
) -> None:
    """Move everything to its line.

    column : of each card, by id
    stones : of each cut the places of its stones, from top to bottom, by their column
    """
    cuts = sorted(stones)
    line = {name: sum(at > cut for cut in cuts) for name, at in column.items()}
    starts = [0.0, *(stones[cut][0][0] for cut in cuts)]
    boxes = [[layout.cards[name] for name in line if line[name] == i] for i in range(len(starts))]
    for path in layout.wires.values():
        for x, y in path.curve:
            at = bisect_left(starts, x, lo=1) - 1
            boxes[at].append(Box(x, y, 0.0, 36.0))  # with room for a label
    extents = [around(found) for found in boxes]
    moves = _moves(extents, starts, [len(stones[cut]) for cut in cuts])
    turns = [
        list(_turns(stones[cut], moves[i : i + 2], extents[i].bottom)) for i, cut in enumerate(cuts)
    ]
    for name, box in layout.cards.items():
        layout.cards[name] = box.moved(*moves[line[name]])
    for name, path in layout.wires.items():
        layout.wires[name] = _folded(path, turns, moves)


def _moves(
    extents: Sequence[Box], starts: Sequence[float], turning: Sequence[int]
) -> list[tuple[float, float]]:
    """How far each line moves: all begin at the left, each below the one before."""
    moves, bottom = [(0.0, 0.0)], extents[0].bottom
    for extent, start, count in zip(extents[1:], starts[1:], turning):
        down = bottom - 2.0 * _BETWEEN - _TRACK * (count - 1) - extent.top
        moves.append((-start, down))
        bottom = extent.bottom + down
    return moves


def _turns(
    stones: Sequence[Point], moves: Sequence[tuple[float, float]], bottom: float
) -> Iterator[_Turn]:
    """The ways around the end of a line: the lowest wire has the shortest, none crosses another."""
    (dx, dy), (next_dx, next_dy) = moves
    for i, (x, y) in enumerate(stones):
        outer = len(stones) - 1 - i
        right = x + dx + _MARGIN + _TRACK * outer
        middle = bottom + dy - _BETWEEN - _TRACK * outer
        left = x + next_dx - _MARGIN - _TRACK * i
        yield _Turn((x, y), (
            (right, y + dy), (right, middle), (left, middle), (left, y + next_dy),
        ))  # fmt: skip


def _folded(
    path: Path, turns: Sequence[Sequence[_Turn]], moves: Sequence[tuple[float, float]]
) -> Path:
    """A wire cut at the stones that it passes, its pieces joined around the ends of the lines."""
    points = path.curve
    met = [(i, turn) for i, found in enumerate(turns) for turn in found if turn.stone in points]
    if not met:
        line = sum(points[0][0] >= found[0].stone[0] for found in turns)
        return path.moved(*moves[line])
    curve: list[Point] = []
    begin = 0
    for i, turn in met:
        end = points.index(turn.stone)
        curve += _moved(points[begin : end + 1], moves[i])[bool(curve) :]
        (x, y), (dx, dy) = turn.stone, moves[i + 1]
        curve += rounded([curve[-1], *turn.corners, (x + dx, y + dy)])[1:]
        begin = end
    last = met[-1][0] + 1
    curve += _moved(points[begin:], moves[last])[1:]
    (x, y), (dx, dy) = path.label, moves[last]
    return path._replace(shape=tuple(curve), label=(x + dx, y + dy), offset=(0.0, 0.0))


def _moved(points: Sequence[Point], by: tuple[float, float]) -> list[Point]:
    return [(x + by[0], y + by[1]) for x, y in points]
