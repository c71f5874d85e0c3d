"""Long sequences folded into rows, like lines of text."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from ..picture.model import Picture
from .geometry import Box, Layout, Path, Point, around, rounded

WIDEST = 2.4  # a graph wider than this many times its height is folded
WANTED = 1.7
PAGE = 1700.0  # what is narrower can be read as it is
WIDEST_ROW = 2400.0
BETWEEN = 44.0  # between two rows
MARGIN = 16.0  # where a wire goes down to the next row
TRACK = 12.0


def fold(picture: Picture, places: Layout) -> None:
    """Fold the columns into rows where the graph is too wide and only neighbours are joined."""
    cards = {card.id: card for card in picture.cards}
    frames = list(places.frames.values())
    if len(frames) < 4 or not _foldable(picture, places):
        return
    whole = around([*places.cards.values(), *frames])
    if whole.w / whole.h <= WIDEST or whole.w <= PAGE:
        return
    rows = max(2, math.ceil(whole.w / WIDEST_ROW), round(math.sqrt(whole.w / (WANTED * whole.h))))
    per_row = math.ceil(len(frames) / rows)
    place = {column.index: i for i, column in enumerate(picture.columns)}
    row_of = {card.id: place.get(card.column, 0) // per_row for card in picture.cards}
    held: list[list[Box]] = [[] for _ in range(rows)]
    for name, box in places.cards.items():
        held[row_of[name]].append(box)
    for i, box in enumerate(frames):
        held[i // per_row].append(box)
    extents = [around(boxes) for boxes in held if boxes]
    down = [0.0]  # how far each row moves
    for upper, lower in pairwise(extents):
        down.append(upper.bottom + down[-1] - BETWEEN - lower.top)
    left = frames[0].left

    def shift(index: int) -> tuple[float, float]:
        row = index // per_row
        return left - frames[row * per_row].left, down[row]

    for name, box in places.cards.items():
        dx, dy = shift(place.get(cards[name].column, 0))
        places.cards[name] = replace(box, x=box.x + dx, y=box.y + dy)
    for column in picture.columns:
        dx, dy = shift(place[column.index])
        box = places.frames[column.index]
        places.frames[column.index] = replace(box, x=box.x + dx, y=box.y + dy)
    right = max(box.right for box in places.frames.values())
    turns: dict[int, int] = defaultdict(int)
    for wire in picture.wires:
        path = places.wires[wire.id]
        dx, dy = shift(place.get(cards[wire.target].column, 0))
        moved = _moved(path, dx, dy)
        row = row_of[wire.source]
        if row != row_of[wire.target]:
            middle = extents[row].bottom + down[row] - BETWEEN / 2
            dx, dy = shift(place.get(cards[wire.source].column, 0))
            start = path.curve[0][0] + dx, path.curve[0][1] + dy
            moved = _turned(start, moved, (left, right, middle), turns[row] * TRACK)
            turns[row] += 1
        places.wires[wire.id] = moved


def _foldable(picture: Picture, places: Layout) -> bool:
    """Whether wires between columns join neighbours only, level with cards that stand alone."""
    order = {column.index: i for i, column in enumerate(picture.columns, 1)}
    cards = {card.id: card for card in picture.cards}
    for wire in picture.wires:
        a, b = (order.get(cards[name].column, 0) for name in (wire.source, wire.target))
        if a != b and (b != a + 1 or places.wires[wire.id].rising):
            return False
    return all(card.framed or card.column == 0 for card in picture.cards)


def _moved(path: Path, dx: float, dy: float) -> Path:
    curve = tuple([(x + dx, y + dy) for x, y in path.curve])
    return replace(path, curve=curve, label=(path.label[0] + dx, path.label[1] + dy))


def _turned(start: Point, path: Path, sides: tuple[float, float, float], track: float) -> Path:
    """From the end of one row to the beginning of the next."""
    left, right, middle = sides
    bend: tuple[Point, ...] = path.curve[-7:]  # into the card, and its straight tip
    x_right, x_left, y = right + MARGIN + track, left - MARGIN - track, middle - track
    corners = [
        start,
        (x_right, start[1]),
        (x_right, y),
        (x_left, y),
        (x_left, bend[0][1]),
        bend[0],
    ]
    return replace(path, curve=(*rounded(corners), *bend[1:]))
