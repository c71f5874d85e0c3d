"""Plots as SVG of our own making: curves, bars, heat maps. Whatever changes over steps.

>>> plot = lines({"loss": [2.0, 1.0, 0.5]}, title="Training", x="step")
>>> plot.svg().startswith("<svg") and "Training" in plot.svg()
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from ..style.theme import THEMES, Theme
from ..style.typography import fit, number, pretty, text_width
from .svg import Plot, box, diverging, line, text

__all__ = ["bars", "beside", "heat", "lines"]

_Numbers: TypeAlias = Sequence[float]

_TITLE, _LABEL, _TICK = 15.0, 13.0, 12.0  # font sizes
_MARGIN = 16.0


def lines(
    series: Mapping[str, _Numbers],
    *,
    xs: _Numbers | None = None,
    title: str = "",
    x: str = "",
    y: str = "",
    log: bool = False,
    size: tuple[float, float] = (640.0, 360.0),
    theme: str = "light",
) -> Plot:
    """Curves over one axis, in the order given; a gap where a number is not finite.

    xs: where the points stand, 0, 1, 2, ... unless given. log: a logarithmic y axis, on
    which numbers that are not above 0 are left out. ValueError where lengths differ or
    nothing is left to draw.
    """
    colours = _theme(theme)
    length = max((len(ys) for ys in series.values()), default=0)
    places = list(xs) if xs is not None else [float(i) for i in range(length)]
    for name, ys in series.items():
        if xs is not None and len(ys) != len(places):
            raise ValueError(f"lines: {name!r} has {len(ys)} numbers for {len(places)} places")
    shown = [v for ys in series.values() for v in ys if _drawable(v, log)]
    if not shown or not places:
        raise ValueError("lines needs at least one finite number to draw")
    frame = _Frame(colours, size, title, x, y, list(series))
    across = _Axis.over(places[:length], frame.left, frame.right, False, frame.tick_count)
    up = _Axis.over(shown, frame.bottom, frame.top, log)
    parts = [frame.head(), _grid(frame, across, up)]
    for ys, (colour, dash) in zip(series.values(), _strokes(colours, len(series))):
        points = [
            (across.place(a), up.place(b)) if _drawable(b, log) else None
            for a, b in zip(places, ys)
        ]
        parts.append(_curve(points, colour, dash))
    return Plot("".join(parts), *size, title, colours.ground)


def bars(
    series: Mapping[str, _Numbers],
    names: Sequence[str],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    log: bool = False,
    size: tuple[float, float] = (720.0, 340.0),
    theme: str = "light",
) -> Plot:
    """A group of bars per name, one bar of each series in every group.

    log: a logarithmic y axis whose foot is one decade below the smallest number above 0.
    ValueError where a series has not one number per name.
    """
    colours = _theme(theme)
    for name, ys in series.items():
        if len(ys) != len(names):
            raise ValueError(f"bars: {name!r} has {len(ys)} numbers for {len(names)} names")
    shown = [v for ys in series.values() for v in ys if _drawable(v, log)]
    if not shown:
        raise ValueError("bars needs at least one finite number to draw")
    frame = _Frame(colours, size, title, x, y, list(series))
    foot = min(shown) / 10.0 if log else 0.0
    up = _Axis.over([foot, *shown], frame.bottom, frame.top, log)
    parts = [frame.head(), _grid(frame, None, up)]
    slot = (frame.right - frame.left) / len(names)
    width = 0.8 * slot / len(series)
    base = up.place(up.low if log else 0.0)
    for k, (ys, (colour, _)) in enumerate(zip(series.values(), _strokes(colours, len(series)))):
        for i, value in enumerate(ys):
            if _drawable(value, log):
                left = frame.left + (i + 0.1) * slot + k * width
                top = up.place(value)
                parts.append(box(left, min(top, base), width, abs(top - base), colour))
    for i, name in enumerate(names):
        label = fit(name, _TICK, slot - 2.0)
        parts.append(
            text(frame.left + (i + 0.5) * slot, frame.bottom + 18, label, colours.muted, _TICK)
        )
    return Plot("".join(parts), *size, title, colours.ground)


def heat(
    rows: Sequence[_Numbers],
    *,
    rows_named: Sequence[str],
    columns_named: Sequence[str],
    title: str = "",
    limit: float | None = None,
    numbers: bool | None = None,
    theme: str = "light",
) -> Plot:
    """A heat map: blue below 0, white at 0, orange above; nan and inf in the warning colour.

    limit: the size that gets the full colour, the largest one unless given. numbers: write
    them into the cells, which is done for up to 16 columns unless said otherwise.
    ValueError where rows and names do not fit together.
    """
    colours = _theme(theme)
    if not rows or not columns_named or len(rows) != len(rows_named):
        raise ValueError(f"heat: {len(rows)} rows and {len(rows_named)} names for them")
    for name, row in zip(rows_named, rows):
        if len(row) != len(columns_named):
            raise ValueError(
                f"heat: row {name!r} has {len(row)} numbers for {len(columns_named)} columns"
            )
    finite = [abs(v) for row in rows for v in row if math.isfinite(v)]
    limit = limit or max(finite, default=1.0) or 1.0
    numbers = len(columns_named) <= 16 if numbers is None else numbers
    cell = (58.0, 28.0) if numbers else (max(11.0, min(26.0, 900.0 / len(columns_named))), 22.0)
    left = _MARGIN + max(text_width(pretty(name), _LABEL) for name in rows_named) + 10.0
    top = _MARGIN + (_TITLE + 18.0 if title else 0.0)
    parts = [text(_MARGIN, _MARGIN + _TITLE - 2, title, colours.text, _TITLE, "start", bold=True)]
    for i, (name, row) in enumerate(zip(rows_named, rows)):
        y = top + i * cell[1]
        middle = y + cell[1] / 2.0 + 4.5
        parts.append(text(left - 8, middle, pretty(name), colours.text, _LABEL, "end"))
        for j, value in enumerate(row):
            x = left + j * cell[0]
            fill, ink = diverging(colours, value / limit)
            tip = f"{rows_named[i]}, {columns_named[j]}: {value!r}"
            parts.append(box(x, y, cell[0], cell[1], fill, tip, colours.ground))
            if numbers:
                parts.append(text(x + cell[0] / 2, middle, number(value), ink, _TICK))
    foot = top + len(rows) * cell[1]
    for j, name in enumerate(columns_named):
        label = fit(pretty(name), _TICK, cell[0] + (4.0 if len(name) == 1 else 0.0))
        x = left + (j + 0.5) * cell[0]
        parts.append(text(x, foot + 16, label, colours.muted, _TICK))
    across = len(columns_named) * cell[0]
    parts.append(box(left, top, across, foot - top, "none", "", colours.muted))
    scale_top = foot + 32.0
    parts.append(_scale(colours, left, scale_top, limit))
    width = (
        max(left + across, left + 236.0, _MARGIN + text_width(title, _TITLE, bold=True)) + _MARGIN
    )
    return Plot("".join(parts), width, scale_top + 34.0, title, colours.ground)


def beside(plots: Sequence[Plot], columns: int = 2, title: str = "") -> Plot:
    """Several plots on one sheet, row by row."""
    width = max(plot.width for plot in plots)
    height = max(plot.height for plot in plots)
    head = _TITLE + 2 * _MARGIN if title else 0.0
    colours = _theme("light")
    parts = [text(_MARGIN, _MARGIN + _TITLE, title, colours.text, _TITLE + 2, "start", bold=True)]
    for i, plot in enumerate(plots):
        x, y = (i % columns) * width, head + (i // columns) * height
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">\n{plot.body}</g>\n')
    rows = math.ceil(len(plots) / columns)
    sheet = min(columns, len(plots)) * width
    return Plot("".join(parts), sheet, head + rows * height, title, plots[0].ground)


# The parts of a plot.


class _Frame:
    """Where the axes stand: room for the title, the legend and the labels around them."""

    def __init__(
        self,
        theme: Theme,
        size: tuple[float, float],
        title: str,
        x: str,
        y: str,
        names: list[str],
    ) -> None:
        self.theme, self.title, self.x, self.y = theme, title, x, y
        self.names = names if len(names) > 1 else []
        width, height = size
        self.left, self.right = _MARGIN + 56.0, width - _MARGIN - 8.0
        if y:
            self.left += _LABEL + 4.0
        rows = self._legend_rows()
        self.top = _MARGIN + (_TITLE + 12.0 if title else 0.0) + 22.0 * len(rows)
        self.bottom = height - _MARGIN - 20.0 - (_LABEL + 6.0 if x else 0.0)
        self.tick_count = max(2, int((self.right - self.left) / 80.0))

    def _legend_rows(self) -> list[list[int]]:
        """Indices of the names, line by line, as they fit between the edges."""
        rows: list[list[int]] = []
        room = 0.0
        for i, name in enumerate(self.names):
            need = text_width(name, _LABEL) + 46.0
            if not rows or room < need:
                rows.append([])
                room = self.right - self.left
            rows[-1].append(i)
            room -= need
        return rows

    def head(self) -> str:
        """Title, legend, axis labels."""
        theme = self.theme
        baseline = _MARGIN + _TITLE - 2.0
        parts = [text(_MARGIN, baseline, self.title, theme.text, _TITLE, "start", bold=True)]
        strokes = _strokes(theme, len(self.names))
        y = (baseline + 24.0) if self.title else _MARGIN + 10.0
        for row in self._legend_rows():
            x = self.left
            for i in row:
                colour, dash = strokes[i]
                parts.append(line(x, y - 4.5, x + 22.0, y - 4.5, colour, 2.5, dash))
                parts.append(text(x + 28.0, y, self.names[i], theme.text, _LABEL, "start"))
                x += text_width(self.names[i], _LABEL) + 46.0
            y += 22.0
        middle = (self.left + self.right) / 2.0
        parts.append(text(middle, self.bottom + 22.0 + _LABEL, self.x, theme.text, _LABEL))
        if self.y:
            x, y = _MARGIN + _LABEL - 2.0, (self.top + self.bottom) / 2.0
            turned = text(x, y, self.y, theme.text, _LABEL)
            parts.append(f'<g transform="rotate(-90 {x:.1f} {y:.1f})">{turned}</g>\n')
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Numbers low..high on points start..end, with ticks at round numbers."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[float, ...]

    @staticmethod
    def over(numbers: _Numbers, start: float, end: float, log: bool, count: int = 5) -> _Axis:
        low, high = min(numbers), max(numbers)
        if log:
            first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
            last = max(last, first + 1)
            every = max(1, math.ceil((last - first) / 6))
            ticks = tuple(10.0**k for k in range(first, last + 1, every))
            return _Axis(10.0**first, 10.0**last, start, end, True, ticks)
        if low == high:
            low, high = low - 0.5, high + 0.5
        step = _round_step((high - low) / count)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(k * step for k in range(first, last + 1))
        upright = start > end  # a y axis ends on ticks, an x axis where its numbers do
        if upright:
            low, high = ticks[0], ticks[-1]
        return _Axis(low, high, start, end, False, tuple(t for t in ticks if low <= t <= high))

    def place(self, x: float) -> float:
        """Where a number stands, held within the axis."""
        if self.log:
            span = math.log10(self.high / self.low)
            share = math.log10(max(x, self.low) / self.low) / span
        else:
            share = (x - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))


def _round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, at least `raw`."""
    unit = 10.0 ** math.floor(math.log10(raw))
    return next(m * unit for m in (1.0, 2.0, 5.0, 10.0) if m * unit >= raw * (1.0 - 1e-9))


def _grid(frame: _Frame, across: _Axis | None, up: _Axis) -> str:
    theme = frame.theme
    parts = []
    for tick in up.ticks:
        y = up.place(tick)
        parts.append(line(frame.left, y, frame.right, y, theme.frame.border, 0.8))
        parts.append(text(frame.left - 8, y + 4.2, _tick(tick, up), theme.muted, _TICK, "end"))
    for tick in across.ticks if across else ():
        x = across.place(tick) if across else 0.0
        parts.append(line(x, frame.bottom, x, frame.bottom + 4.0, theme.muted, 1.0))
        parts.append(text(x, frame.bottom + 18.0, _tick(tick, across), theme.muted, _TICK))
    parts.append(line(frame.left, frame.bottom, frame.right, frame.bottom, theme.muted, 1.2))
    return "".join(parts)


def _tick(x: float, axis: _Axis | None) -> str:
    if axis is not None and axis.log and not 1e-3 <= axis.low < axis.high < 1e5:
        exponent = str(round(math.log10(x))).replace("-", "−")
        return "10" + exponent.translate(str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{x:.10g}".replace("-", "−")


def _curve(points: Sequence[tuple[float, float] | None], colour: str, dash: str) -> str:
    """A polyline, in pieces where a point is missing; a lone point is a dot."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    parts = []
    for piece in pieces:
        if len(piece) == 1:
            ((x, y),) = piece
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>\n')
        elif piece:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in _thinned(piece))
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
                f'stroke-linejoin="round"{dashes}/>\n'
            )
    return "".join(parts)


def _thinned(piece: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of many points at one place across, the lowest and the highest: the curve looks the same."""
    if len(piece) < 2000:
        return piece
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in piece:
        columns.setdefault(round(2.0 * point[0]), []).append(point)
    kept = []
    for points in columns.values():
        ends = {points[0], min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])}
        kept += sorted(ends | {points[-1]})
    return kept


def _scale(theme: Theme, x: float, y: float, limit: float) -> str:
    """The colours from -limit to limit, with the three numbers that matter."""
    steps = 24
    width = 200.0 / steps
    edges = [x + 18.0 + i * width for i in range(steps + 1)]
    parts = [
        box(a, y, b - a + 0.3, 9.0, diverging(theme, 2.0 * i / (steps - 1) - 1.0)[0])
        for i, (a, b) in enumerate(pairwise(edges))
    ]
    for share, place in ((-1.0, edges[0]), (0.0, x + 118.0), (1.0, edges[-1])):
        parts.append(text(place, y + 22.0, number(share * limit), theme.muted, _TICK))
    return "".join(parts)


def _strokes(theme: Theme, count: int) -> list[tuple[str, str]]:
    """(colour, dashes) per series: four colours, then the same ones dashed."""
    colours = (theme.value, theme.gradient, theme.local, theme.muted)
    dashes = ("", "6 4", "2 3")
    return [(colours[i % 4], dashes[i // 4 % 3]) for i in range(count)]


def _drawable(x: float, log: bool) -> bool:
    return math.isfinite(x) and (x > 0.0 or not log)


def _theme(name: str) -> Theme:
    try:
        return THEMES[name]
    except KeyError:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {name!r}") from None
