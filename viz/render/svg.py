"""A Picture straight to SVG, for pictures of many thousand cards.

Graphviz lays out every table cell of every card anew, which takes most of the time there.
Same places, paints and words as `dot.py`; what is drawn twice is decided in `ink.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..drawing.ink import Ink, Label, Words
from ..layout.geometry import Box, Layout, Path
from ..picture.model import Card, Panel, Picture, Row, Wire
from ..style.theme import FONT, Paint, Theme, escape, fit, number, text_width

PAD = 18.0
ARROW = 6.0  # length of an arrow head
ROUND = 9.0


def to_svg(picture: Picture, layout: Layout, theme: Theme) -> str:
    """The Picture as the text of an SVG file."""
    return _Writer(picture, layout, theme).text()


class _Writer(Ink):
    def __init__(self, picture: Picture, layout: Layout, theme: Theme) -> None:
        super().__init__(picture, layout, theme)
        bounds = layout.bounds
        self.left, self.top = bounds.left - PAD, bounds.top + PAD
        self.width, self.height = bounds.w + 2 * PAD, bounds.h + 2 * PAD

    def text(self) -> str:
        size = f"{self.width:.0f}pt", f"{self.height:.0f}pt"
        fonts = f"{FONT}, Liberation Sans, Arimo, Helvetica, sans-serif"
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {self.width:.2f} {self.height:.2f}" font-family="{fonts}">\n'
            f"<title>{escape(self.picture.title)}</title>\n"
            f'<rect width="100%" height="100%" fill="{self.theme.ground}"/>\n',
            *self._title(),
            *self._frames(),
            *(self._card(card) for card in self.picture.cards),
            *self._panels(),
            *self._legend(),
            *(self._wire(wire, self.layout.wires[wire.id]) for wire in self.picture.wires),
            "</svg>\n",
        ]
        return "".join(parts)

    # Boxes and words. y grows downwards here.

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return x - self.left, self.top - y

    def _rect(self, box: Box, paint: Paint, dashed: bool = False, radius: float = ROUND) -> str:
        x, y = self._at(box.left, box.top)
        dash = ' stroke-dasharray="5,2"' if dashed else ""
        return (
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{box.w:.2f}" height="{box.h:.2f}" '
            f'rx="{radius:g}" fill="{paint.fill}" stroke="{paint.border}" '
            f'stroke-width="{paint.width:g}"{dash}/>'
        )

    def _group(self, name: str, kind: str, tooltip: str, inner: str) -> str:
        return f'<g id="{name}" class="{kind}"><title>{escape(tooltip)}</title>{inner}</g>\n'

    def _line(
        self, x: float, y: float, words: Sequence[Words], size: float, anchor: str = "start"
    ) -> str:
        x, y = self._at(x, y)
        where = f'x="{x:.2f}" y="{y + 0.36 * size:.2f}" font-size="{size:g}" text-anchor="{anchor}"'
        spans = [self._span(word) for word in words if word.text]
        if not spans:
            return ""
        if len(spans) == 1:  # the usual case
            attributes, text = spans[0]
            return f"<text {where}{attributes}>{text}</text>"
        inner = "".join(f"<tspan{attributes}>{text}</tspan>" for attributes, text in spans)
        return f'<text {where} xml:space="preserve">{inner}</text>'

    def _span(self, word: Words) -> tuple[str, str]:
        bold = ' font-weight="bold"' if word.bold else ""
        return f' fill="{word.colour}"{bold}', escape(word.text)

    def _title(self) -> Iterator[str]:
        picture, theme, box = self.picture, self.theme, self.layout.title
        title = fit(picture.title, 16.0, max(box.w, 600.0), bold=True)
        yield self._line(box.x, box.top - 12.0, [Words(title, theme.text, True)], 16, "middle")
        sub = [Words(picture.subtitle, theme.gradient)]
        yield self._line(box.x, box.top - 33.0, sub, 12, "middle")

    def _frames(self) -> Iterator[str]:
        theme = self.theme
        for column in self.picture.columns:
            box = self.layout.frames[column.index]
            words = [Words(column.title, theme.frame.text, True)]
            words += [Words("  " + column.caption, theme.text)] if column.caption else []
            inner = self._rect(box, theme.frame)
            inner += self._line(box.left + 12.0, box.top - 14.0, words, 13)
            yield self._group(f"t{column.index}", "frame", column.title, inner)

    def _card(self, card: Card) -> str:
        box = self.layout.cards[card.id]
        inner = self._rect(box, self.paint(card), card.alias)
        inner += self._slim(card, box) if self.layout.is_slim(card) else self._full(card, box)
        return self._group(card.id, "card", card.tooltip, inner)

    def _full(self, card: Card, box: Box) -> str:
        theme, width = self.theme, box.w - 8.0
        op = fit(card.op, 10.0, width * 0.6) if "op" in self.picture.show else ""
        room = width - text_width(op, 10.0) - 6.0
        height = 18.0 + 17.0 * len(card.rows) + (13.0 if card.note else 0.0)
        y = box.y + height / 2 - 9.0
        name = fit(card.name, 12.0, room, bold=True)
        parts = [self._line(box.left + 6.0, y, [Words(name, theme.text, True)], 12)]
        parts.append(self._line(box.right - 6.0, y, [Words(op, theme.muted)], 10, "end"))
        for row in card.rows:
            y -= 17.0
            parts += self._row(row, box.left + 6.0, box.right - 5.0, y, 11, 50.0)
        if card.note:
            note = fit(card.note, 9.0, width)
            parts.append(self._line(box.left + 6.0, y - 14.0, [Words(note, theme.muted)], 9))
        return "".join(parts)

    def _slim(self, card: Card, box: Box) -> str:
        (row,) = card.rows
        name = Words(fit(card.name, 10.0, 50.0, bold=True), self.theme.text, True)
        line = self._line(box.left + 6.0, box.y, [name], 10)
        return line + "".join(self._row(row, box.left + 60.0, box.right - 4.0, box.y, 10, 40.0))

    def _row(
        self, row: Row, left: float, right: float, y: float, size: float, width: float
    ) -> Iterator[str]:
        """A value and the heat cell of its gradient."""
        theme = self.theme
        if "value" in self.picture.show:
            text = f"{row.name} {number(row.value)}".strip()
            if math.isfinite(row.value):
                yield self._line(left, y, [Words(text, theme.value)], size)
            else:
                room = Box(left + 16.0, y, 36.0, size + 3.0)
                yield self._rect(room, Paint(theme.bad.fill, "none", ""), radius=0.0)
                yield self._line(left, y, [Words(text, theme.bad.text)], size)
        heat = Box(right - width / 2, y, width, size + 3.5)
        if "grad" not in self.picture.show:
            yield self._rect(heat, Paint("none", theme.legend.border, ""), radius=0.0)
            return
        if row.grad is None:
            yield self._line(right - 3.0, y, [Words("–", theme.muted)], size, "end")
            return
        fill, ink = theme.shade(row.grad, self.steepest)
        if fill:
            yield self._rect(heat, Paint(fill, "none", ""), radius=0.0)
        yield self._line(right - 3.0, y, [Words(number(row.grad), ink)], size, "end")

    def _panels(self) -> Iterator[str]:
        for i, (panel, box) in enumerate(zip(self.picture.panels, self.layout.panels)):
            inner = self._rect(box, self.theme.panel) + "".join(self._table(panel, box, i))
            yield self._group(f"panel{i}", "panel", panel.title, inner)

    def _table(self, panel: Panel, box: Box, index: int) -> Iterator[str]:
        theme, widths = self.theme, self.layout.panel_columns[index]
        steepest, left = panel.steepest, box.left + 14.0
        y = box.top - 20.0
        yield self._line(left, y, [Words(panel.title, theme.text, True)], 12)
        for cells in panel.rows:
            y, x = y - 19.0, left
            for cell, width in zip(cells, widths):
                ink = {"name": theme.text, "value": theme.value}.get(cell.kind, theme.muted)
                x += width + 3.0
                if cell.kind == "grad":
                    shown = "grad" in self.picture.show
                    fill, ink = theme.shade(cell.number, steepest) if shown else ("", "none")
                    border = "none" if shown else theme.legend.border
                    room = Box(x - 3.0 - width / 2, y, width, 16.5)
                    yield self._rect(room, Paint(fill or "none", border, ""), radius=0.0)
                hidden = cell.kind in ("grad", "value") and cell.kind not in self.picture.show
                words = [] if hidden else [Words(cell.text, ink, cell.bold)]
                if cell.kind == "name":
                    yield self._line(x - width - 3.0, y, words, 11)
                else:
                    yield self._line(x - 6.0, y, words, 11, "end")
        if panel.note:
            yield self._line(left, y - 19.0, [Words(panel.note, theme.muted)], 10)

    def _legend(self) -> Iterator[str]:
        theme, box = self.theme, self.layout.legend
        inner, y = self._rect(box, theme.legend), box.top - 18.0
        for words in self.legend():
            inner += self._line(box.left + 24.0, y, words, 11)
            y -= 18.0
        inner += self._line(box.left + 24.0, y, [Words(self.scale, theme.text)], 11)
        x = box.left + 34.0 + text_width(self.scale, 11.0)
        for fill, _ in theme.heat:
            cell = Box(x + 11.0, y, 20.0, 12.0)
            inner += self._rect(cell, Paint(fill, theme.legend.border, ""), radius=2.0)
            x += 23.0
        yield self._group("legend", "legend", "How to read", inner)

    # Wires.

    def _wire(self, wire: Wire, path: Path) -> str:
        theme = self.theme
        points = [self._at(*point) for point in path.curve]
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        x, y = points[-1] = (x1 - dx * ARROW, y1 - dy * ARROW)
        curve = " ".join([f"{x:.1f},{y:.1f}" for x, y in points[1:]])
        shape = f'd="M{points[0][0]:.1f},{points[0][1]:.1f} C{curve}" fill="none"'
        local, message = self.labels(wire, path)
        colour, width = theme.line(wire.recurrent, wire.look)
        side = ARROW * 0.37
        tip = (
            f"{x1:.1f},{y1:.1f} {x - dy * side:.1f},{y + dx * side:.1f} "
            f"{x + dy * side:.1f},{y - dx * side:.1f}"
        )
        inner = ""
        ribbon = self.ribbon_width(wire.message)
        if ribbon:
            paint = theme.bad.fill if message and message.bad else theme.ribbon
            inner = f'<path {shape} stroke="{paint}" stroke-width="{ribbon:.2f}"/>'
        inner += (
            f'<path {shape} stroke="{colour}" stroke-width="{width:g}"/>'
            f'<polygon points="{tip}" fill="{colour}"/>'
        )
        inner += "".join(self._label(label) for label in (local, message) if label)
        return self._group(wire.id, "wire", wire.tooltip, inner)

    def _label(self, label: Label) -> str:
        words = [Words(label.text, label.colour)]
        if not label.bad:
            return self._line(label.x, label.y, words, 10, "middle")
        bad = self.theme.bad
        room = Box(label.x, label.y, text_width(label.text, 10.0) + 6.0, 13.0)
        back = self._rect(room, Paint(bad.fill, "none", ""), radius=0.0)
        return back + self._line(label.x, label.y, [Words(label.text, bad.text)], 10, "middle")
