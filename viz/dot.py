"""A Picture with its Layout as DOT: the text that any Graphviz draws the same way.

Every position is given (`layout=nop2`), so Graphviz only paints.
"""

from __future__ import annotations

from typing import Any

import graphviz

from . import engine
from .layout import SLIM, Box, Layout, Path, Point
from .picture import Card, Cell, Panel, Picture, Wire
from .theme import FONT, Paint, Theme, clean, escape, fit, number, text_width

ARROW = 6.0  # length of an arrow head
RIBBON = 10.0  # how much wider the ribbon of the strongest message is than that of a weak one


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that is painted by the Graphviz that viz finds."""

    extent: float = 0.0  # the longer side, in points

    def pipe(
        self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any
    ) -> Any:
        """The picture as bytes, or as text if an encoding is given (graphviz.Digraph.pipe)."""
        kind = format or "svg"
        painted = paint(self.source, kind, self.extent)
        return painted if encoding is None else painted.decode(encoding)


def paint(source: str, format: str, extent: float = 0.0) -> bytes:
    """DOT text as a picture, by the Graphviz that is found for the format.

    extent: the longer side in points; a PNG has twice as many pixels, but at most 16,000.
    """
    dpi = min(144.0, 72.0 * 16_000 / extent) if extent else 144.0
    options = (f"-Gdpi={dpi:.0f}",) if format == "png" else ()
    painted = engine.find(format).run(source, format, options)
    if format == "svg":  # a viewer without Arial is told what comes nearest
        fonts = f'font-family="{FONT}, Liberation Sans, Arimo, Helvetica, sans-serif"'
        painted = painted.replace(f'font-family="{FONT}"'.encode(), fonts.encode())
    return painted


def to_dot(picture: Picture, layout: Layout, theme: Theme) -> Drawing:
    """The Picture as a graphviz.Digraph."""
    return _Writer(picture, layout, theme).dot


class _Writer:
    def __init__(self, picture: Picture, layout: Layout, theme: Theme) -> None:
        self.picture, self.layout, self.theme = picture, layout, theme
        self.strongest, self.steepest = picture.strongest, picture.steepest
        self.dot = Drawing(
            "microgrid",
            graph_attr={
                "layout": "nop2",
                "bgcolor": theme.ground,
                "pad": "0.25",
                "outputorder": "nodesfirst",
                "fontname": FONT,
                "tooltip": _text(picture.title),
            },
            node_attr={"shape": "box", "fixedsize": "true", "fontname": FONT, "label": ""},
            edge_attr={"fontname": FONT, "fontsize": "10", "arrowsize": "0.6"},
        )
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

    # Boxes.

    def _box(self, name: str, box: Box, paint: Paint, label: str, **more: str) -> None:
        more.setdefault("style", "rounded,filled")
        self.dot.node(
            name,
            label=f"<{label}>" if label else "",
            pos=_at(box.x, box.y),
            width=f"{box.w / 72:.4f}",
            height=f"{box.h / 72:.4f}",
            fillcolor=paint.fill,
            color=paint.border,
            penwidth=f"{paint.width:g}",
            id=name,
            **more,
        )

    def _words(self, name: str, x: float, y: float, label: str, width: float, **more: str) -> None:
        """Text on the ground, its left end at x."""
        self.dot.node(
            name,
            label=f"<{label}>",
            shape="plain",
            fixedsize="false",
            pos=_at(x + width / 2, y),
            id=name,
            **more,
        )

    def _title(self) -> None:
        picture, theme, box = self.picture, self.theme, self.layout.title
        lines = [_font(picture.title, theme.text, 16, bold=True)]
        lines += [_font(picture.subtitle, theme.gradient, 12)] if picture.subtitle else []
        lines = [line for line in lines if line]
        if lines:
            self._words("title", box.x, box.y, "<BR/>".join(lines), 0.0)

    def _frame(self, index: int, title: str, caption: str) -> None:
        theme, box = self.theme, self.layout.frames[index]
        self._box(f"t{index}", box, theme.frame, "", tooltip=title)
        words = _font(title, theme.frame.text, 13, bold=True)
        width = text_width(title, 13.0, bold=True)
        if caption:
            words += "  " + _font(caption, theme.text, 13)
            width += text_width("  " + caption, 13.0)
        self._words(f"t{index}_title", box.left + 12.0, box.top - 14.0, words, width)

    def _card(self, card: Card, box: Box) -> None:
        theme = self.theme
        paint = theme.alias if card.alias and not card.role == "input" else theme.card(card.role)
        label = self._slim(card) if box.h <= SLIM[1] else self._full(card)
        style = "rounded,filled,dashed" if card.alias else "rounded,filled"
        self._box(card.id, box, paint, label, style=style, tooltip=_text(card.tooltip))

    def _full(self, card: Card) -> str:
        theme, (row,) = self.theme, card.rows
        op_width = text_width(card.op, 10.0)
        name = _font(fit(card.name, 12.0, 100.0 - op_width, bold=True), theme.text, 12, bold=True)
        if card.op:
            head = _td(name, "LEFT") + _td(_font(card.op, theme.muted, 10), "RIGHT")
        else:
            head = _td(name, "LEFT", COLSPAN=2)
        value = _td(self._number(row.value, theme.value, 11), "LEFT", WIDTH=52)
        return (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1" WIDTH="104">'
            f"<TR>{head}</TR><TR>{value}{self._heat(row.grad, 11, WIDTH=50)}</TR></TABLE>"
        )

    def _slim(self, card: Card) -> str:
        theme, (row,) = self.theme, card.rows
        name = _font(fit(card.name, 10.0, 56.0, bold=True), theme.text, 10, bold=True)
        cells = _td(name, "LEFT", WIDTH=58) + _td(self._number(row.value, theme.value, 10), "LEFT",
                                                  WIDTH=42)  # fmt: skip
        return (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" WIDTH="142">'
            f"<TR>{cells}{self._heat(row.grad, 10, WIDTH=42)}</TR></TABLE>"
        )

    def _number(self, x: float, colour: str, size: int) -> str:
        shown = number(x)
        return _font(shown, colour, size)

    def _heat(self, grad: float | None, size: int, **more: object) -> str:
        if grad is None:
            return _td(_font("–", self.theme.muted, size), "RIGHT", **more)
        fill, text = self.theme.shade(grad, self.steepest)
        if fill:
            more["BGCOLOR"] = fill
        return _td(_font(number(grad) + " ", text, size), "RIGHT", **more)

    def _panel(self, name: str, panel: Panel, box: Box, widths: tuple[float, ...]) -> None:
        theme = self.theme
        title = _td(_font(panel.title, theme.text, 12, bold=True), "LEFT", COLSPAN=len(widths))
        rows = "".join(
            f"<TR>{''.join(self._cell(cell, w) for cell, w in zip(row, widths))}</TR>"
            for row in panel.rows
        )
        table = (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">'
            f"<TR>{title}</TR>{rows}</TABLE>"
        )
        self._box(name, box, theme.panel, table, tooltip=_text(panel.title))

    def _cell(self, cell: Cell, width: float) -> str:
        theme, size = self.theme, {"WIDTH": int(width)}
        if cell.kind == "name":
            return _td(_font(fit(cell.text, 11, 210, bold=True), theme.text, 11, bold=True), "LEFT")
        if cell.kind == "value":
            return _td(_font(cell.text, theme.value, 11), "RIGHT", **size)
        if cell.kind == "head":
            return _td(_font(cell.text, theme.muted, 11), "RIGHT", **size)
        if cell.number is None:
            return _td("", "RIGHT", **size)
        fill, text = theme.shade(cell.number, self.steepest)
        more = {**size, "BGCOLOR": fill} if fill else size
        return _td(_font(cell.text + " ", text, 11, bold=cell.kind == "sum"), "RIGHT", **more)

    def _legend(self, box: Box) -> None:
        theme = self.theme
        plain, bold = theme.text, True
        lines = [
            _font("How to read", plain, 12, bold),
            _font("card: ", plain, 11) + _font("name", plain, 11, bold) + _font(" op", theme.muted, 11)
            + _font(", ", plain, 11) + _font("value", theme.value, 11) + _font(" (left), ", plain, 11)
            + _font("dL/dvalue", theme.gradient, 11) + _font(" (right)", plain, 11),
            _font("edge: ", plain, 11) + _font("×local derivative", theme.local, 11) + "  "
            + _font("← message = upstream × local", theme.gradient, 11),
            _font("dashed: one use of a shared parameter", plain, 11),
        ]  # fmt: skip
        rows = "".join(f"<TR>{_td(line, 'LEFT', COLSPAN=6)}</TR>" for line in lines)
        cells = "".join(
            _td(" ", "LEFT", BGCOLOR=fill, WIDTH=24, HEIGHT=12, BORDER=1, COLOR=theme.legend.border)
            for fill, _ in theme.heat
        )
        scale = _td(_font("|dL/dvalue|, a shade per half decade", plain, 11), "LEFT")
        table = (
            '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">'
            f"{rows}<TR>{scale}{cells}</TR></TABLE>"
        )
        self._box("legend", box, theme.legend, table, tooltip="How to read")

    # Wires.

    def _wire(self, wire: Wire, path: Path) -> None:
        theme = self.theme
        ends = (wire.source, wire.target)
        width = self._ribbon_width(wire.message)
        if width:
            self.dot.edge(
                *ends,
                pos=_curve(path.curve),
                color=theme.ribbon,
                penwidth=f"{width:.2f}",
                arrowhead="none",
                id=f"{wire.id}_ribbon",
                tooltip=" ",
            )
        above, below = self._labels(wire, path)
        colour = theme.recurrent if wire.recurrent else theme.wire
        self.dot.edge(
            *ends,
            pos=_curve(path.curve, arrow=True),
            color=colour,
            penwidth="1.8" if wire.recurrent else "1.1",
            id=wire.id,
            tooltip=_text(wire.tooltip),
            **above,
            **below,
        )

    def _ribbon_width(self, message: float | None) -> float:
        if not message or message != message:
            return 0.0
        share = min(1.0, abs(message) / self.strongest) if self.strongest else 1.0
        return 2.4 + RIBBON * share

    def _labels(self, wire: Wire, path: Path) -> tuple[dict[str, str], dict[str, str]]:
        """The local derivative and the message, and where they stand."""
        theme = self.theme
        local = "" if wire.local is None else f"×{number(wire.local)}"
        arrow = "↓" if path.rising else "←"
        message = "" if wire.message is None else f"{arrow} {number(wire.message)}"
        x, y = path.label
        upper = _font(local, theme.local, 10)
        lower = _font(message, theme.gradient, 10)
        if self.layout.dense and not path.rising:
            label = upper + ("  " if upper and lower else "") + lower
            return ({"label": f"<{label}>", "lp": _at(x, y + 7.5)} if label else {}), {}
        if path.rising:
            offset = (8.0 + max(text_width(local, 10.0), text_width(message, 10.0)) / 2) * path.side
            places = _at(x + offset, y + 6.5), _at(x + offset, y - 6.5)
        else:
            places = _at(x, y + 9.0), _at(x, y - 10.0)
        return (
            {"label": f"<{upper}>", "lp": places[0]} if upper else {},
            {"xlabel": f"<{lower}>", "xlp": places[1]} if lower else {},
        )


def _font(text: str, colour: str, size: float, bold: bool = False) -> str:
    """HTML-like text; nothing for nothing, since Graphviz takes no empty FONT."""
    if not text:
        return ""
    inner = f"<B>{escape(text)}</B>" if bold else escape(text)
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size:g}">{inner}</FONT>'


def _td(content: str, align: str, **more: object) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<TD ALIGN="{align}"{attributes}>{content}</TD>'


def _text(text: str) -> str:
    """Plain text as an attribute: Graphviz must not read escapes or entities in it."""
    return str(graphviz.escape(clean(text).replace("&", "&amp;").replace("\n", "&#10;")))


def _at(x: float, y: float) -> str:
    return f"{x:.2f},{y:.2f}"


def _curve(points: tuple[Point, ...], arrow: bool = False) -> str:
    if not arrow:
        return " ".join(_at(*p) for p in points)
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
    back = min(ARROW, length)
    stop = (x1 - (x1 - x0) * back / length, y1 - (y1 - y0) * back / length)
    return f"e,{_at(x1, y1)} " + " ".join(_at(*p) for p in (*points[:-1], stop))
