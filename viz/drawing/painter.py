"""From a Picture, its Layout and a Theme to a Drawing: every card, wire and panel is painted
here, once for all formats. The tables around the graph are painted in `tables.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from ..layout.geometry import Box, Layout, Path
from ..layout.sizes import HEAD, HEAT, NOTE, ROW, wire_words
from ..picture.model import Card, Picture, Row, Wire
from ..style.theme import Theme
from ..style.typography import fit, fit_number, text_width
from .drawing import Curve, Drawing, Group, Point, Shape, Word
from .easel import Easel
from .tables import legend_group, panel_group

__all__ = ["paint", "painted_as_read"]

_ARROW = 6.0  # length of an arrow head
_ROUND = 9.0  # radius of a card's corners
_RIBBON = 10.0  # how much wider the ribbon of the strongest message is than that of a weak one
_STRIPES = (7.0, 3.5)  # of the ribbon of a negative message
_DASHES = (5.0, 3.0)  # of a link that is cut
_LABEL = 10.0  # size of the text on wires
_VALUE = 11.0  # size of the numbers on cards


def paint(picture: Picture, layout: Layout, theme: Theme) -> Drawing:
    """The Drawing of a picture: frames, then cards, panels and legend, then wires above them."""
    drawing = painted_as_read(picture, layout, theme)
    return replace(drawing, groups=tuple(drawing.groups))


def painted_as_read(picture: Picture, layout: Layout, theme: Theme) -> Drawing:
    """The same Drawing, but each group is painted when it is read, and again when read again.

    A large picture that is written into a file once is never there as a whole.
    """
    painter = _Painter(picture, layout, theme)
    size = painter.easel.width, painter.easel.height
    return Drawing(picture.heading, *size, theme.ground, painter)


class _Painter:
    def __init__(self, picture: Picture, layout: Layout, theme: Theme) -> None:
        self.picture, self.layout, self.theme = picture, layout, theme
        self.easel = Easel(layout.bounds, theme)
        self.strongest, self.steepest = picture.strongest, picture.steepest
        self.ribbon = _RIBBON / 2 if layout.dense else _RIBBON

    def __iter__(self) -> Iterator[Group]:
        picture, layout, easel = self.picture, self.layout, self.easel
        yield from self._title()
        yield from self._frames()
        yield from map(self._card, picture.cards)
        for i in range(len(picture.panels)):  # the last comes when the sweep is over
            yield panel_group(easel, picture, i, layout.panels[i], layout.panel_columns[i])
        yield legend_group(easel, picture, layout.legend)
        for wire in picture.wires:
            yield self._wire(wire, layout.wires[wire.id])

    def _title(self) -> Iterator[Group]:
        picture, theme, box = self.picture, self.theme, self.layout.title
        lines = (
            ("title", picture.heading, 16.0, 12.0, theme.text),
            ("subtitle", picture.subtitle, 12.0, 33.0, theme.gradient),
        )
        for kind, text, size, below, colour in lines:
            if text:
                bold = kind == "title"
                words = Word(fit(text, size, max(box.w, 600.0), bold), colour, bold)
                line = self.easel.line(kind, box.x, box.top - below, size, "middle", words)
                yield Group(kind, kind, text, (line,))

    def _frames(self) -> Iterator[Group]:
        theme, easel, indent = self.theme, self.easel, 12.0 + self.layout.indent
        for column in self.picture.columns:
            if column.index not in self.layout.frames:
                continue  # what flows from left to right has none
            box = self.layout.frames[column.index]
            room = box.w - 12.0 - indent
            title = fit(column.title, 13.0, room, bold=True)
            left = room - text_width(title, 13.0, bold=True)
            caption = fit(f"  {column.caption}", 13.0, left) if column.caption else ""
            words = Word(title, theme.frame.text, True), Word(caption, theme.text)
            line = easel.line("title", box.left + indent, box.top - 14.0, 13.0, "start", *words)
            shapes = easel.rect("frame", box, theme.frame, _ROUND), line
            yield Group(f"t{column.index}", "frame", column.title, shapes)

    # Cards

    def _card(self, card: Card) -> Group:
        box, theme = self.layout.cards[card.id], self.theme
        paint = theme.alias if card.alias and card.role != "input" else theme.card(card.role)
        frame = self.easel.rect("card", box, theme.look(paint, card.look), _ROUND, card.alias)
        shapes: list[Shape] = [frame]
        shapes += self._slim(card, box) if self.layout.is_slim(card) else self._full(card, box)
        return Group(card.id, "card", card.tooltip, tuple(shapes))

    def _full(self, card: Card, box: Box) -> list[Shape]:
        """Name and op, a line of value and gradient per row, a note."""
        easel, theme, said = self.easel, self.theme, card.note
        left, right = box.left + 6.0, box.right - 5.0
        height = HEAD + ROW * len(card.rows) + (NOTE if said else 0.0)
        y = box.y + height / 2 - HEAD / 2
        name, op = self._head(card, right - left)
        shapes: list[Shape] = [
            easel.line("name", left, y, 12.0, "start", Word(name, theme.text, True))
        ]
        if op:
            shapes.append(easel.line("op", right - 1.0, y, _LABEL, "end", Word(op, theme.muted)))
        for row in card.rows:
            y -= ROW
            shapes += self._row(row, left, right, y, _VALUE, HEAT)
        if said:
            note = Word(fit(said, _LABEL, right - left), theme.muted)
            shapes.append(easel.line("note", left, y - 14.5, _LABEL, "start", note))
        return shapes

    def _head(self, card: Card, room: float) -> tuple[str, str]:
        """Name and operation, cut so that both fit beside each other; the name has the right."""
        name, op = card.name, card.op if "op" in self.picture.show else ""
        if not op:
            return fit(name, 12.0, room, True), ""
        free = room - 6.0 - text_width(name, 12.0, True)
        op = fit(op, _LABEL, max(free, 0.4 * room))
        return fit(name, 12.0, room - 6.0 - text_width(op, _LABEL), True), op

    def _slim(self, card: Card, box: Box) -> list[Shape]:
        """All in one line."""
        left, right = box.left + 5.0, box.right - 4.0
        name = Word(fit(card.name, _LABEL, 50.0, True), self.theme.text, True)
        op = card.op if "op" in self.picture.show else ""
        room = 50.0 - text_width(name.text, _LABEL, True)
        words = [name]
        if op and text_width(f" {op}", _LABEL) <= room:
            words.append(Word(f" {op}", self.theme.muted))
        shapes: list[Shape] = [self.easel.line("name", left, box.y, _LABEL, "start", *words)]
        for row in card.rows[:1]:
            shapes += self._row(row, left + 53.0, right, box.y, _LABEL, 38.0)
        return shapes

    def _row(
        self, row: Row, left: float, right: float, y: float, size: float, heat: float
    ) -> list[Shape]:
        """A value and the heat cell of its gradient."""
        show, box = self.picture.show, Box(right - heat / 2, y, heat, size + 3.5)
        hidden = "grad" not in show
        gradient = self.easel.gradient(box, row.grad, self.steepest, size, hidden=hidden)
        if "value" not in show:
            return gradient
        return [*self._value(row, left, right - heat - 4.0, y, size), *gradient]

    def _value(self, row: Row, left: float, right: float, y: float, size: float) -> Iterator[Shape]:
        easel, theme = self.easel, self.theme
        bars = "‖" if row.norm and row.value is not None else ""
        name = "" if row.name is None else fit(f"{row.name} ", size, right - left - 28.0)
        room = right - left - text_width(name + 2 * bars, size)
        value = "" if row.value is None else fit_number(row.value, size, room)
        shown = f"{bars}{value}{bars}"
        colour = theme.value
        if row.value is not None and not math.isfinite(row.value):
            width = text_width(shown, size) + 4.0
            x = left + text_width(name, size)
            yield easel.bad(Box(x + width / 2 - 2.0, y, width, size + 3.0))
            colour = theme.bad.text
        words = [Word(name, theme.muted)] if name else []
        words += [Word(shown, colour)] if shown else []
        if words:
            yield easel.line("value", left, y, size, "start", *words)

    # Wires

    def _wire(self, wire: Wire, path: Path) -> Group:
        theme = self.theme
        points, tip = _with_arrow(self.easel.along(path))
        shapes: list[Shape] = []
        slender = 0.5 if path.quiet else 1.0  # many wires run close together
        ribbon = slender * self._ribbon_width(wire.message)
        if ribbon and wire.message is not None:
            colour = theme.ribbon if math.isfinite(wire.message) else theme.bad.fill
            whole = (*points, points[-1], tip, tip)
            stripes = _STRIPES if wire.message < 0.0 else None
            shapes.append(Curve("ribbon", whole, colour, ribbon, dashes=stripes))
        colour, width = theme.line(wire.recurrent, wire.look)
        cut = wire.look == "cut"
        dashes = _DASHES if cut or wire.dashed else None
        shapes.append(Curve("line", tuple(points), colour, slender * width, tip, dashes))
        shapes += self._cross(path) if cut else ()
        shapes += () if path.quiet else self._labels(wire, path)
        return Group(wire.id, "wire", wire.tooltip, tuple(shapes), (wire.source, wire.target))

    def _ribbon_width(self, message: float | None) -> float:
        """How wide the ribbon of a message is; 0 for none."""
        if not message or "message" not in self.picture.show:
            return 0.0
        share = min(1.0, abs(float(message)) / self.strongest) if self.strongest else 1.0
        return round(0.24 * self.ribbon + self.ribbon * (1.0 if math.isnan(share) else share), 2)

    def _labels(self, wire: Wire, path: Path) -> Iterator[Shape]:
        """The local derivative and the message beside the wire, red where they are no numbers."""
        theme, (x, y) = self.theme, path.label
        local, sent = wire_words(wire, path.arrow, self.picture.show)
        a, b = text_width(local, _LABEL), text_width(sent, _LABEL)
        if path.rising:
            offset = (9.0 + max(a, b) / 2) * path.side
            places = (x + offset, y + 6.5), (x + offset, y - 6.5)
        elif self.layout.dense:  # side by side above the wire
            places = (x - (b + 6.0) / 2, y + 8.0), (x + (a + 6.0) / 2, y + 8.0)
        else:
            places = (x, y + 11.5), (x, y - 12.0)
        figures, ink = (wire.local, wire.message), theme.local
        if (weight := wire.weight) is not None:
            figures, ink = (weight.value, weight.grad), theme.value
        kinds, inks = ("local", "message"), (ink, theme.gradient)
        for kind, text, figure, colour, place in zip(kinds, (local, sent), figures, inks, places):
            if text and figure is not None and not math.isfinite(figure):
                yield self.easel.bad(Box(*place, text_width(text, _LABEL) + 6.0, 13.0))
                colour = theme.bad.text
            if text:
                yield self.easel.line(kind, *place, _LABEL, "middle", Word(text, colour))

    def _cross(self, path: Path) -> Iterator[Shape]:
        """A cross on a wire along which no gradient comes back, and the word for it."""
        (x, y), theme = path.label, self.theme
        for d in (5.0, -5.0):
            a, b = self.easel.at(x - d, y + 5.0), self.easel.at(x + d, y - 5.0)
            yield Curve("cross", (a, a, b, b), theme.marked, 2.0)
        place = (x + 32.0 * path.side, y) if path.rising else (x, y - 13.0)
        yield self.easel.line("cut", *place, _LABEL, "middle", Word("detached", theme.marked))


def _with_arrow(points: list[Point]) -> tuple[list[Point], Point]:
    """A curve that ends where its arrow head begins, and where the head ends.

    The last two points move together, so that the curve keeps its direction and a ribbon
    along it stays on the line.
    """
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    back = min(_ARROW, 0.8 * length)
    dx, dy = (x1 - x0) / length * back, (y1 - y0) / length * back
    return [*points[:-2], (x0 - dx, y0 - dy), (x1 - dx, y1 - dy)], (x1, y1)
