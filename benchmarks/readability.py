"""How readable the pictures are: `python -m benchmarks.readability [--smoke] [NAME ...]`.

Geometry is no timing: what is measured here is the same on every machine, and
tests/viz/test_readability.py holds it against limits. Lengths are points of the whole picture,
its tables and legend included; crossings and detours are those of the wires alone.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from viz.drawing.drawing import Group, Rect, Text
from viz.drawing.painter import paint
from viz.layout.geometry import Box, Layout, Point, around
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.picture.model import Picture
from viz.style.theme import LIGHT

from .graphs import GRAPHS
from .tables import Table

SCREEN = 1600.0  # pixels: the width at which a picture is read
LEAST_WAY = 60.0  # a detour is told from this length on
TILE = 150.0
SLACK = 0.5  # points that a text may leave its box
ASCENT, DESCENT = 0.72, 0.21  # of Arial, above and below the baseline


@dataclass(frozen=True, slots=True)
class Readability:
    """What is measured of one picture.

    Attributes
    ----------
    width, height : of the whole picture in points
    text : height of the smallest text in pixels where the drawing, with the margin around it,
        is 1,600 pixels wide
    crossings : pairs of wires that cross and have no end in common, a point each
    detour : length of a wire over the distance of its ends along x and y; the worst
    share : area of the cards over that of the graph
    hidden : wires that run under a card which is not their end
    outside : texts that leave the card, frame, table or legend they stand in
    """

    cards: int
    width: float
    height: float
    text: float
    crossings: int
    detour: float
    share: float
    hidden: int
    outside: int


def measured(picture: Picture, layout: Layout) -> Readability:
    """Measure a picture that has its places."""
    lines = {wire.id: flattened(layout.wires[wire.id].curve) for wire in picture.wires}
    ends = {wire.id: (wire.source, wire.target) for wire in picture.wires}
    points = [Box(x, y, 0.0, 0.0) for line in lines.values() for x, y in line]
    graph = around([*layout.cards.values(), *layout.frames.values(), *points])
    whole = around([layout.bounds, graph])
    drawing = paint(picture, layout, LIGHT)
    smallest = min(text.size for group in drawing.groups for text in _texts(group))
    area = sum(box.w * box.h for box in layout.cards.values())
    return Readability(
        cards=len(picture.cards),
        width=whole.w,
        height=whole.h,
        text=smallest * min(SCREEN / drawing.width, 4.0 / 3.0),
        crossings=crossings(lines, ends),
        detour=max((detour(line) for line in lines.values()), default=1.0),
        share=area / (graph.w * graph.h),
        outside=sum(1 for group in drawing.groups for _ in outside(group)),
        hidden=sum(_hidden(line, ends[name], layout.cards) for name, line in lines.items()),
    )


def outside(group: Group) -> Iterator[Text]:
    """The texts of a group that leave its first rectangle, its box."""
    boxes = [shape for shape in group.shapes if isinstance(shape, Rect)]
    for text in _texts(group) if boxes else ():
        box, top, foot = boxes[0], text.y - ASCENT * text.size, text.y + DESCENT * text.size
        beside = box.x - SLACK <= text.left and text.left + text.width <= box.x + box.w + SLACK
        if not beside or top < box.y - SLACK or foot > box.y + box.h + SLACK:
            yield text


def _texts(group: Group) -> Iterator[Text]:
    return (shape for shape in group.shapes if isinstance(shape, Text))


def flattened(curve: Sequence[Point], parts: int = 8) -> list[Point]:
    """Points along a Bezier curve of 3n + 1 control points, one of a straight piece."""
    line = [curve[0]]
    for i in range(0, len(curve) - 1, 3):
        a, b, c, d = curve[i : i + 4]
        count = 1 if _flat(a, b, d) and _flat(a, c, d) else parts
        for k in range(1, count + 1):
            t = k / count
            u = 1.0 - t
            w = (u**3, 3.0 * u * u * t, 3.0 * u * t * t, t**3)
            x, y = (w[0] * a[j] + w[1] * b[j] + w[2] * c[j] + w[3] * d[j] for j in (0, 1))
            line.append((x, y))
    return line


def _flat(a: Point, b: Point, c: Point) -> bool:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) < 1e-6


def detour(line: Sequence[Point]) -> float:
    """How much longer a wire is than the way along x and y between its ends."""
    length = sum(math.dist(a, b) for a, b in pairwise(line))
    (x0, y0), (x1, y1) = line[0], line[-1]
    return length / max(abs(x1 - x0) + abs(y1 - y0), LEAST_WAY)


def crossings(lines: dict[str, list[Point]], ends: dict[str, tuple[str, str]]) -> int:
    """How many times wires cross that have no end in common.

    Wires of one source may share a trunk, and wires of one target the way into it: where such
    a bundle crosses another wire it counts once.
    """
    card = {name: i for i, name in enumerate(dict.fromkeys(sum(ends.values(), ())))}
    rows = {
        (*a, *b): (card[ends[name][0]], card[ends[name][1]])
        for name, line in lines.items()
        for a, b in pairwise(line)
    }
    tiles: dict[tuple[int, int], list[tuple[float, ...]]] = defaultdict(list)
    for row, (source, target) in rows.items():
        for tile in _tiles(row[:2], row[2:]):
            tiles[tile].append((*row, source, target))
    return sum(_crossed(np.array(found), tile) for tile, found in tiles.items())


def _tiles(a: Sequence[float], b: Sequence[float]) -> Iterator[tuple[int, int]]:
    for i in range(int(min(a[0], b[0]) // TILE), int(max(a[0], b[0]) // TILE) + 1):
        for j in range(int(min(a[1], b[1]) // TILE), int(max(a[1], b[1]) // TILE) + 1):
            yield i, j


def _crossed(rows: NDArray[np.float64], tile: tuple[int, int]) -> int:
    """The crossings that lie in a tile; a row is a line's x, y, x, y, source and target."""
    count = 0
    start, way = rows[:, :2], rows[:, 2:4] - rows[:, :2]
    for i in range(1, len(rows)):
        gap, other = start[:i] - start[i], way[:i]
        turn = way[i, 0] * other[:, 1] - way[i, 1] * other[:, 0]
        turn[np.abs(turn) < 1e-9] = np.nan  # parallel
        here = (gap[:, 0] * other[:, 1] - gap[:, 1] * other[:, 0]) / turn
        there = (gap[:, 0] * way[i, 1] - gap[:, 1] * way[i, 0]) / turn
        hit = (here > 1e-6) & (here < 1 - 1e-6) & (there > 1e-6) & (there < 1 - 1e-6)
        hit &= ~(rows[:i, 4:, None] == rows[i, None, 4:]).any(axis=(1, 2))
        at = (start[i] + here[:, None] * way[i])[hit] // TILE
        count += int((at == tile).all(axis=1).sum())
    return count


def _hidden(line: Sequence[Point], ends: tuple[str, str], cards: dict[str, Box]) -> bool:
    """Whether a wire runs under a card; the cards at its ends do not count."""
    names = [name for name in cards if name not in ends]
    if not names:
        return False
    boxes = np.array([[box.x, box.y, box.w / 2 - 1.0, box.h / 2 - 1.0] for box in
                      (cards[name] for name in names)])  # fmt: skip
    points = np.array([
        (a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps)
        for a, b in pairwise(line)
        for steps in (max(1, int(math.dist(a, b) // 6.0)),)
        for k in range(steps + 1)
    ])  # fmt: skip
    low, high = points.min(axis=0), points.max(axis=0)
    near = (boxes[:, :2] + boxes[:, 2:] > low).all(axis=1)
    near &= (boxes[:, :2] - boxes[:, 2:] < high).all(axis=1)
    gaps = np.abs(points[:, None] - boxes[near][None, :, :2])
    return bool((gaps < boxes[near][None, :, 2:]).all(axis=2).any())


def main(arguments: Sequence[str]) -> None:
    """Print a row for every graph, or for those that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readability", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="two small graphs only")
    parser.add_argument("--detail", default="auto", help="the level at which they are drawn")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(GRAPHS)}")
    options = parser.parse_args(list(arguments))
    names = ["quiz", "neuron"] if options.smoke else options.names or list(GRAPHS)
    heads = ["graph", "cards", "size (pt)", "text (px)", "crossings", "detour", "cards' share",
             "hidden wires", "texts outside"]  # fmt: skip
    rows = []
    for name in names:
        picture = picture_of(GRAPHS[name](), detail=options.detail)
        found = measured(picture, layout_of(picture))
        rows.append([
            name, f"{found.cards}", f"{found.width:.0f} x {found.height:.0f}", f"{found.text:.1f}",
            f"{found.crossings}", f"{found.detour:.1f}", f"{100 * found.share:.0f}%",
            f"{found.hidden}", f"{found.outside}",
        ])  # fmt: skip
    print("\n".join(Table("Readability", heads, rows).lines()))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
