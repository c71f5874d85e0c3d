"""Where everything stands: columns of time that share one geometry, and wires between them.

`grid.py` decides which card stands in which layer and column, `routing.py` where the wires
run and so how far all that is apart; here come the frames, and what stands around the graph.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from ..picture.legend import legend_of
from ..picture.model import Panel, Picture
from ..style.typography import number, text_width
from .fold import fold, neighbours_only
from .gates import gated
from .geometry import PAGE, Box, Layout, Path, Point, around
from .grid import Grid
from .layered import layered
from .routing import FRAME_HEAD, FRAME_PAD, Router

_WIDEST = 1.3 * PAGE  # what cannot be folded and is wider flows without columns of time
_MOST_CAPTIONED = 2.5 * PAGE  # wider columns of time flow too, though it costs their captions
_LABEL_ROOM = 12.0  # what a wire's local derivative takes above it
_GUTTER = 4.0  # between two columns of a table
_LEAST_TABLE = 1100.0  # a table that is no wider is not folded, however small the graph is
_LINE = 18.0  # from one line of the legend to the next
_SCALE = 330.0  # width of its scale of heat

__all__ = ["Box", "Layout", "Path", "Point", "around", "layout_of", "panel_columns"]


def layout_of(picture: Picture) -> Layout:
    """Place everything that is in the picture."""
    if picture.columns or any(wire.source == wire.target for wire in picture.wires):
        result = gated(picture) or _in_columns(picture)
        fold(picture, result)
        if result.graph().w > _WIDEST:
            result = _flowing(picture, result)
    else:
        result = layered(picture)
    _surround(picture, result)
    return result


def _flowing(picture: Picture, columns: Layout) -> Layout:
    """The same from left to right without frames, where each step looks at many others.

    Attention joins every step with all before it, so that columns of time cannot be folded.
    """
    joins_all = picture.columns and not neighbours_only(picture, columns)
    captioned = any(column.caption for column in picture.columns)
    if not joins_all or (captioned and columns.graph().w <= _MOST_CAPTIONED):
        return columns
    result = layered(picture)
    return result if result.graph().w <= PAGE else columns


def _in_columns(picture: Picture) -> Layout:
    router = Router(Grid(picture))
    _frame(router)
    return router.result


def _frame(router: Router) -> None:
    """Around what stands in each column: as tall as it, and all of one width."""
    grid, layout = router.grid, router.result
    boxes: dict[int, list[Box]] = defaultdict(list)
    for card in grid.picture.cards:
        if card.framed:
            boxes[card.column].append(layout.cards[card.id])
    cores = {column: around(own) for column, own in boxes.items()}
    ways: dict[int, list[Point]] = defaultdict(list)
    for wire in grid.picture.wires:
        a, b = grid.card[wire.source], grid.card[wire.target]
        if a.framed and b.framed:
            path = layout.wires[wire.id]
            ys = [y for _, y in path.shape]
            for place in {a.column, b.column}:
                if min(ys) < cores[place].bottom or max(ys) > cores[place].top:
                    ways[place] += path.shape
    for column in grid.picture.columns:
        place = grid.place[column.index]
        left = router.origin[place] - router.inner - FRAME_PAD
        width = grid.widths[column.index] + router.inner + 2 * FRAME_PAD
        own = cores[column.index]
        # A wire within the frame must not strike out the heading.
        right = left + width
        inside = [y for x, y in ways[column.index] if left < x < right]
        ends = [(own.x, min(inside)), (own.x, max(inside))] if inside else []
        held = around([own], FRAME_PAD, ends)
        height = held.h + FRAME_HEAD - 4.0
        layout.frames[column.index] = Box(left + width / 2, held.bottom + height / 2, width, height)


def _surround(picture: Picture, layout: Layout) -> None:
    """Title above; panels and legend below."""
    graph = layout.graph()
    sizes = []
    for panel in picture.panels:
        widths = _fitting(panel_columns(panel), panel.fixed, graph.w)
        layout.panel_columns.append(widths)
        width = max(
            sum(widths) + _GUTTER * len(widths),
            text_width(panel.title, 12.0, bold=True),
            text_width(panel.note, 10.0),
        )
        spare = (width - sum(widths) - _GUTTER * len(widths)) / max(1, len(widths) - 1)
        layout.panel_columns[-1] = (widths[0], *(w + spare for w in widths[1:]))
        lines = len(panel.folded(len(widths))) + bool(panel.note)
        sizes.append((width + 28.0, 24.0 + 19.0 * lines + 16.0))
    sizes.append(_legend_size(picture))
    *layout.panels, layout.legend = _flow(sizes, graph)
    height = 26.0 + (20.0 if picture.subtitle else 0.0)
    width = max(min(text_width(picture.heading, 16.0, bold=True), 900.0), graph.w)
    top = graph.top + (_LABEL_ROOM if layout.wires else 0.0)
    layout.title = Box(graph.x, top + 14.0 + height / 2, width, height)
    layout.bounds = around([graph, *layout.panels, layout.title, layout.legend])


def _legend_size(picture: Picture) -> tuple[float, float]:
    """The room that the lines of the legend and its scale of heat take."""
    lines = legend_of(picture)
    widths = [sum(text_width(word.text, 11.0, word.bold) for word in line) for line in lines]
    return max(*widths, _SCALE) + 32.0, 20.0 + _LINE * (len(lines) + 2)


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


def _fitting(widths: tuple[float, ...], fixed: int, room: float) -> tuple[float, ...]:
    """The columns that stand beside each other in a table no wider than a page, or the graph."""
    held = sum(widths[:fixed])
    widest = max(widths[fixed:], default=0.0) + _GUTTER
    most = int((max(room, _LEAST_TABLE) - held) // widest)
    moving = len(widths) - fixed
    if moving <= most or sum(widths) + _GUTTER * len(widths) <= max(room, _LEAST_TABLE):
        return widths
    lines = math.ceil(moving / most)
    each = math.ceil(moving / lines)
    return widths[:fixed] + (widest - _GUTTER,) * each


def panel_columns(panel: Panel) -> tuple[float, ...]:
    """The width of each column of a panel."""
    widths: list[float] = []
    room, least = (14.0, 14.0) if panel.compact else (58.0, 46.0)
    for row in panel.rows:
        for i, cell in enumerate(row):
            if cell.kind == "grad":  # the same for all numbers, so that frames agree
                widths[i:] = [max(widths[i] if i < len(widths) else 0.0, room), *widths[i + 1 :]]
                continue
            text = number(cell.number) if cell.number is not None else cell.text
            width = text_width(text, 11.0, bold=cell.kind == "name") + 14.0
            if i == len(widths):
                widths.append(least)
            widths[i] = min(max(widths[i], width), 220.0)
    return tuple(widths)
