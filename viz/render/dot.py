"""A Picture with its Layout as DOT: the text that any Graphviz draws the same way.

Every position is given (`layout=nop2`), so Graphviz only paints.
"""

from __future__ import annotations

import math
import re
from typing import Any

import graphviz

from ..drawing.ink import Ink, Label
from ..layout.place import Box, Layout, Path, Point
from ..picture.build import Card, Cell, Panel, Picture, Row, Wire
from ..plots.svg import inline
from ..style.theme import FONT, Paint, Theme, clean, escape, fit, number, text_width
from . import graphviz as engine

ARROW = 6.0  # length of an arrow head
LONGEST_TEXT = 16_000  # Graphviz before version 3 reads no longer ones
LARGEST_PNG = 16_000  # pixels of the longer side


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that is painted by the Graphviz that viz finds."""

    extent: float = 0.0  # the longer side, in points

    def pipe(
        self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any
    ) -> Any:
        """The picture as bytes, or as text if an encoding is given (graphviz.Digraph.pipe)."""
        painted = paint(self.source, format or "svg", self.extent)
        return painted if encoding is None else painted.decode(encoding)

    def _repr_image_svg_xml(self) -> str:
        return inline(self.pipe("svg", encoding="utf-8"))


def paint(source: str, format: str, extent: float = 0.0) -> bytes:
    """DOT text as a picture, by the Graphviz that is found for the format.

    extent: the longer side in points; a PNG has two pixels a point, unless it gets too large.
    """
    dpi = min(144.0, 72.0 * LARGEST_PNG / extent) if extent else 144.0
    options = (f"-Gdpi={dpi:.0f}",) if format == "png" else ()
    painted = engine.find(format).run(source, format, options)
    if format == "svg":  # a viewer without Arial is told what comes nearest
        fonts = f'font-family="{FONT}, Liberation Sans, Arimo, Helvetica, sans-serif"'
        painted = painted.replace(f'font-family="{FONT}"'.encode(), fonts.encode())
    return painted


def to_dot(picture: Picture, layout: Layout, theme: Theme) -> Drawing:
    """The Picture as a graphviz.Digraph."""
    return _Writer(picture, layout, theme).dot


class _Writer(Ink):
    def __init__(self, picture: Picture, layout: Layout, theme: Theme) -> None:
        super().__init__(picture, layout, theme)
        self.dot = Drawing(
            "microgrid",
            graph_attr={
                "layout": "nop2",
                "bgcolor": theme.ground,
                "pad": "0.25",
                "outputorder": "nodesfirst",
                "fontname": FONT,
            },
            node_attr={"shape": "box", "fixedsize": "true", "fontname": FONT, "label": ""},
            edge_attr={"fontname": FONT, "fontsize": "10", "arrowsize": "0.6"},
        )
        self.dot.body.append(f"\tgraph [tooltip={_text(picture.title)}]\n")
        self.dot.extent = max(layout.bounds.w, layout.bounds.h)
        self._title()
        for column in picture.columns:
            self._frame(column.index, column.title, column.caption)
        for card in picture.cards:
            self._card(card, layout.cards[card.id])
        for i, (panel, box) in enumerate(zip(picture.panels, layout.panels)):
            self._panel(f"panel{i}", panel, box, layout.panel_columns[i])
        self._legend(layout.legend)
        for wire in picture.wires:
            self._wire(wire, layout.wires[wire.id])

    # Boxes. The graphviz package quotes every attribute anew, which costs more than all the
    # rest, so lines are written here; what is data goes through _text or escape.

    def _node(self, name: str, attributes: str) -> None:
        self.dot.body.append(f"\t{name} [id={name} {attributes}]\n")

    def _box(self, name: str, box: Box, paint: Paint, label: str, tooltip: str,
             style: str = "rounded,filled") -> None:  # fmt: skip
        self._node(
            name,
            f'pos="{_at(box.x, box.y)}" width={box.w / 72:.4f} height={box.h / 72:.4f} '
            f'style="{style}" fillcolor="{paint.fill}" color="{paint.border}" '
            f"penwidth={paint.width:g} tooltip={_text(tooltip)}"
            + (f" label=<{label}>" if label else ""),
        )

    def _words(self, name: str, x: float, y: float, label: str, width: float) -> None:
        """Text on the ground, its left end at x."""
        self._node(
            name, f'shape=plain fixedsize=false pos="{_at(x + width / 2, y)}" label=<{label}>'
        )

    def _title(self) -> None:
        picture, theme, box = self.picture, self.theme, self.layout.title
        if picture.title:
            title = fit(picture.title, 16.0, max(box.w, 600.0), bold=True)
            words = _font(title, theme.text, 16, bold=True)
            self._words("title", box.x, box.top - 12.0, words, 0.0)
        if picture.subtitle:
            words = _font(picture.subtitle, theme.gradient, 12)
            self._words("subtitle", box.x, box.top - 33.0, words, 0.0)

    def _frame(self, index: int, title: str, caption: str) -> None:
        theme, box = self.theme, self.layout.frames[index]
        self._box(f"t{index}", box, theme.frame, "", title)
        words = _font(title, theme.frame.text, 13, bold=True)
        width = text_width(title, 13.0, bold=True)
        if caption:
            words += "  " + _font(caption, theme.text, 13)
            width += text_width("  " + caption, 13.0)
        self._words(f"t{index}_title", box.left + 12.0, box.top - 14.0, words, width)

    def _card(self, card: Card, box: Box) -> None:
        label = self._slim(card, box) if self.layout.is_slim(card) else self._full(card, box)
        style = "rounded,filled,dashed" if card.alias else "rounded,filled"
        self._box(card.id, box, self.paint(card), label, card.tooltip, style)

    def _full(self, card: Card, box: Box) -> str:
        """Name and op, a line of value and gradient per row, a note."""
        theme, width = self.theme, box.w - 8.0
        op = card.op if "op" in self.picture.show else ""
        op = fit(op, 10.0, width * 0.6)
        room = width - text_width(op, 10.0) - 6.0
        name = _font(fit(card.name, 12.0, room, bold=True), theme.text, 12, bold=True)
        if op:
            left = max(0, int(width - max(text_width(op, 10.0), 52.0)))
            head = _td(name, "LEFT", WIDTH=left) + _td(_font(op, theme.muted, 10), "RIGHT")
        else:
            head = _td(name, "LEFT", COLSPAN=2)
        lines = [f"<TR>{head}</TR>"]
        lines += [
            f"<TR>{self._value(row, width)}{self._heat(row, 11, 50)}</TR>" for row in card.rows
        ]
        if card.note:
            note = _td(_font(fit(card.note, 9.0, width), theme.muted, 9), "LEFT", COLSPAN=2)
            lines.append(f"<TR>{note}</TR>")
        return (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1" '
            f'WIDTH="{width:.0f}">{"".join(lines)}</TABLE>'
        )

    def _slim(self, card: Card, box: Box) -> str:
        """All in one line."""
        (row,) = card.rows
        name = _font(fit(card.name, 10.0, 56.0, bold=True), self.theme.text, 10, bold=True)
        cells = _td(name, "LEFT", WIDTH=58) + self._number(row, 10, 42) + self._heat(row, 10, 42)
        return (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
            f'WIDTH="{box.w - 8.0:.0f}"><TR>{cells}</TR></TABLE>'
        )

    def _value(self, row: Row, width: float) -> str:
        return self._number(row, 11, width - 52.0)

    def _number(self, row: Row, size: int, width: float) -> str:
        if "value" not in self.picture.show:
            return _td("", "LEFT", WIDTH=int(width))
        colour, more = self.theme.value, {"WIDTH": int(width)}
        text = f"{row.name} {number(row.value)}".strip()
        if not math.isfinite(row.value):
            return _td(_font(text, self.theme.bad.text, size), "LEFT",
                       BGCOLOR=self.theme.bad.fill, **more)  # fmt: skip
        return _td(_font(text, colour, size), "LEFT", **more)

    def _heat(self, row: Row, size: int, width: int) -> str:
        if "grad" not in self.picture.show:  # an empty box to be filled in
            border = self.theme.legend.border
            return _td("", "RIGHT", WIDTH=width, HEIGHT=size + 4, BORDER=1, COLOR=border)
        if row.grad is None:
            return _td(_font("–", self.theme.muted, size), "RIGHT", WIDTH=width)
        fill, text = self.theme.shade(row.grad, self.steepest)
        more = {"BGCOLOR": fill} if fill else {}
        return _td(_font(number(row.grad) + " ", text, size), "RIGHT", WIDTH=width, **more)

    def _panel(self, name: str, panel: Panel, box: Box, widths: tuple[float, ...]) -> None:
        theme = self.theme
        title = _td(_font(panel.title, theme.text, 12, bold=True), "LEFT", COLSPAN=len(widths))
        steepest, rows = panel.steepest, ""
        for row in panel.rows:
            cells = [self._cell(cell, width, steepest) for cell, width in zip(row, widths)]
            rows += f"<TR>{''.join(cells)}</TR>"
        if panel.note:
            note = _td(_font(panel.note, theme.muted, 10), "LEFT", COLSPAN=len(widths))
            rows += f"<TR>{note}</TR>"
        table = (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">'
            f"<TR>{title}</TR>{rows}</TABLE>"
        )
        self._box(name, box, theme.panel, table, panel.title)

    def _cell(self, cell: Cell, width: float, steepest: float) -> str:
        theme, size = self.theme, {"WIDTH": int(width)}
        if cell.kind == "name":
            text = fit(cell.text, 11, 210, bold=cell.bold)
            return _td(_font(text, theme.text, 11, cell.bold), "LEFT")
        if cell.kind == "head":
            return _td(_font(cell.text, theme.muted, 11), "RIGHT", **size)
        if cell.kind == "value":
            shown = cell.text if "value" in self.picture.show else ""
            return _td(_font(shown, theme.value, 11), "RIGHT", **size)
        if cell.number is None:
            return _td("", "RIGHT", **size)
        if "grad" not in self.picture.show:
            return _td("", "RIGHT", **size, BORDER=1, COLOR=theme.legend.border)
        fill, text = theme.shade(cell.number, steepest)
        more = {**size, "BGCOLOR": fill} if fill else size
        return _td(_font(cell.text + " ", text, 11, cell.bold), "RIGHT", **more)

    def _legend(self, box: Box) -> None:
        theme = self.theme
        table = ""
        for line in self.legend():
            words = "".join(_font(w.text, w.colour, 11, w.bold) for w in line)
            table += f"<TR>{_td(words, 'LEFT', COLSPAN=6)}</TR>"
        heat = "".join(
            _td(" ", "LEFT", BGCOLOR=fill, WIDTH=22, HEIGHT=12, BORDER=1, COLOR=theme.legend.border)
            for fill, _ in theme.heat
        )
        table += f"<TR>{_td(_font(self.scale, theme.text, 11), 'LEFT')}{heat}</TR>"
        self._box(
            "legend",
            box,
            theme.legend,
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{table}</TABLE>',
            "How to read",
        )

    # Wires. Two edges for each: the ribbon, which carries the message, and the line, which
    # carries the local derivative; so both labels are plain text in a colour of their own.

    def _wire(self, wire: Wire, path: Path) -> None:
        theme = self.theme
        local, message = self.labels(wire, path)
        ends = f"{wire.source} -> {wire.target}"
        if message:
            colour = theme.bad.fill if message.bad else theme.ribbon
            self.dot.body.append(
                f'\t{ends} [id={wire.id}_ribbon pos="{_curve(path.curve)}" arrowhead=none '
                f'color="{colour}" penwidth={self.ribbon_width(wire.message):.2f} tooltip=" " '
                f"{self._label(message)}]\n"
            )
        colour, width = theme.line(wire.recurrent, wire.look)
        self.dot.body.append(
            f'\t{ends} [id={wire.id} pos="{_curve(path.curve, arrow=True)}" color="{colour}" '
            f"penwidth={width:g} tooltip={_text(wire.tooltip)}"
            + (f" {self._label(local)}]\n" if local else "]\n")
        )

    def _label(self, label: Label) -> str:
        place = f'lp="{_at(label.x, label.y)}"'
        if not label.bad:
            return f'label="{label.text}" fontcolor="{label.colour}" {place}'
        bad = self.theme.bad
        cell = _td(_font(label.text, bad.text, 10), "CENTER", BGCOLOR=bad.fill)
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="1"><TR>{cell}</TR></TABLE>'
        return f"label=<{table}> {place}"


def _font(text: str, colour: str, size: float, bold: bool = False) -> str:
    """HTML-like text; nothing for nothing, since Graphviz takes no empty FONT."""
    if not text:
        return ""
    start, end = f'<FONT COLOR="{colour}" POINT-SIZE="{size:g}">', "</FONT>"
    if bold:
        start, end = f"{start}<B>", f"</B>{end}"
    # Graphviz reads \N, \G ... as names even here: the letter starts a piece of its own.
    inner = re.sub(r"\\(?=[EGHLNT])", lambda found: f"{found[0]}{end}{start}", escape(text))
    return f"{start}{inner}{end}"


def _td(content: str, align: str, **more: object) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<TD ALIGN="{align}"{attributes}>{content}</TD>'


def _text(text: str) -> str:
    """Plain text as a quoted tooltip in which Graphviz reads no escapes (it does so twice)."""
    quoted = clean(text).replace("&", "&amp;").replace("\\", 4 * "\\")
    quoted = quoted.replace('"', "&quot;").replace("\r", "&#13;").replace("\n", "&#10;")
    if len(quoted) > LONGEST_TEXT:
        return _text(text[: len(text) * 2 // 3] + "…")
    return f'"{quoted}"'


def _at(x: float, y: float) -> str:
    return f"{x:.2f},{y:.2f}"


def _curve(points: tuple[Point, ...], arrow: bool = False) -> str:
    if not arrow:
        return " ".join([f"{x:.2f},{y:.2f}" for x, y in points])
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
    back = min(ARROW, length)
    stop = (x1 - (x1 - x0) * back / length, y1 - (y1 - y0) * back / length)
    return f"e,{_at(x1, y1)} " + " ".join([f"{x:.2f},{y:.2f}" for x, y in (*points[:-1], stop)])
