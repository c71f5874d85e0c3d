"""A Picture in the terminal: a run over time in columns, anything else as a tree.

Columns have a row for each place in the cell and a column for each time step. In the tree
every card stands above its operands, which come with their local derivative and message;
a card that was shown before is only named. A graph too deep for a tree becomes a list.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import textwrap
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import zip_longest

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from microgrid.wording import clean

from ..layout.sizes import row_words, wire_words
from ..picture.build import Drawable, Highlight, Options, Pictures
from ..picture.legend import shades
from ..picture.model import Card, Cell, Column, Panel, Picture, Wire
from ..style.theme import TERMINAL
from ..style.typography import number

__all__ = ["text", "to_ascii"]

_DEEPEST = 16  # a tree has no more levels
_NAME = 40  # characters of a name
_BLANK = "____"  # where a number is hidden
_LEFT = ("op", "operands")  # columns of words

_GAP = "  "  # between two columns
_MARKS = "·░▒▓█", ".:+*#"  # the shades of heat, with and without Unicode

_ASCII = str.maketrans({
    "−": "-", "×": "*", "÷": "/", "·": ".", "√": "sqrt", "σ": "sigmoid", "Σ": "sum", "∞": "inf",
    "←": "<-", "↑": "^", "…": "...", "⏎": "\\n", "–": "-", "│": "|", "├": "|", "└": "`",
    "─": "-", "ŷ": "yhat",
})  # fmt: skip


def text(
    x: Drawable,
    *,
    detail: str = "auto",
    expand: Iterable[str] = (),
    show: Iterable[str] | None = None,
    hide: Iterable[str] = (),
    highlight: Highlight | None = None,
    upto: int | None = None,
    title: str | None = None,
    captions: Sequence[str] | None = None,
    color: bool | None = None,
    ascii: bool | None = None,
    width: int | None = None,
) -> str:
    """The picture of a Value, a list of Values or an Unrolled as text for a terminal.

    Options are those of `viz.draw`. color: colours as ANSI codes, if standard output is a
    terminal and NO_COLOR is not set. ascii: nothing but ASCII, if standard output can hold no
    more. width: what trees, tables and columns of time are fitted into, the terminal's or 100:
    they are drawn narrowly or go on below. No line is cut.

    >>> from microgrid import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b; c.label = "c"
    >>> c.backward()
    >>> print(text(c))
    c = −6
    <BLANKLINE>
    card  op  value  gradient  local deriv.  message
    c     ×      −6         1
    ├─ a          2        −3           ×−3     ← −3
    └─ b         −3         2            ×2      ← 2
    """
    options = Options(title, captions, detail, expand, show, hide, highlight)
    scene = Pictures(x, options).upto(upto)
    plain = ascii if ascii is not None else not _holds_unicode()
    coloured = color if color is not None else _wants_color()
    room = width if width is not None else shutil.get_terminal_size((100, 24)).columns
    return "\n\n".join(
        "\n".join(_printed(line, coloured) for line in part)
        for part in _Terminal(scene, plain).parts(room)
    )


def to_ascii(shown: str) -> str:
    """The same in ASCII: h₁ is h_1 again, × is *, what has no such name is \\u....

    >>> to_ascii("h₁₂ = σ(w·x − 1)²  ☃")
    'h_12 = sigmoid(w.x - 1)^2  \\\\u2603'
    """
    shown = re.sub("[₀-₉]+", lambda m: "_" + _digits(m[0]), shown)
    shown = re.sub("[⁰¹²³⁴-⁹]+", lambda m: "^" + _digits(m[0]), shown)
    return shown.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _digits(raised: str) -> str:
    return raised.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789" * 2))


def _wants_color() -> bool:
    dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not dumb


def _holds_unicode() -> bool:
    try:
        "├×←₁Σ".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(part: Table) -> int:
    return max(map(len, _printed(part, color=False).split("\n")))


def _printed(part: Table | Text, color: bool) -> str:
    file = StringIO()
    console = Console(
        file=file,
        width=1_000_000,  # nothing is wrapped or cut
        force_terminal=color,
        force_jupyter=False,  # in a kernel rich would show the text itself, and return none
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )
    console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip().split("\n"))


class _Terminal:
    """A Picture as rich's tables."""

    def __init__(self, scene: Picture, plain: bool) -> None:
        self.scene, self.plain = scene, plain
        self.narrow = False  # whether each number of a vector has a line of its own
        self.cards = {card.id: card for card in scene.cards}
        self.operands: dict[str, list[Wire]] = defaultdict(list)
        for wire in scene.wires:
            self.operands[wire.target].append(wire)

    def parts(self, room: int) -> Iterator[list[Table | Text]]:
        """The heading, the graph and the panels, each some lines and tables."""
        scene = self.scene
        yield [
            self._say(line, kind)
            for words, kind in ((scene.heading, "name"), (scene.subtitle, "gradient"))
            for line in textwrap.wrap(words, max(room, _NAME))
        ]
        if scene.columns:
            yield from self._columns(room)
        elif self._depth() <= _DEEPEST:
            yield [self._fitting(self._tree, room)]
        else:
            yield [self._fitting(self._list, room)]
        for panel in scene.panels:
            tables = [self._heat(panel)] if panel.compact else self._panel(panel, room)
            yield [self._say(panel.title, "name"), *tables]

    # Cells

    def _say(self, words: str, kind: str = "") -> Text:
        # A label or a title must not command the terminal, and a tab has no known width.
        words = clean(words).replace("\t", " ")
        return Text(to_ascii(words) if self.plain else words, style=TERMINAL.get(kind, ""))

    def _name(self, words: str) -> Text:
        return self._say(words if len(words) <= _NAME else f"{words[: _NAME - 1]}…", "name")

    def _grid(self, *heads: str) -> Table:
        """A table without lines, names and operations to the left."""
        gap = 1 if self.narrow else len(_GAP)
        grid = Table(
            box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style=TERMINAL["muted"]
        )
        for i, head in enumerate(heads):
            side: JustifyMethod = "left" if i == 0 or head in _LEFT else "right"
            grid.add_column(self._say(head), justify=side, no_wrap=True)
        return grid

    def _numbers(self, card: Card) -> tuple[Text, Text]:
        """Value and gradient; those of several rows after each other."""
        show = self.scene.show
        values = ["".join(row_words(row)) if "value" in show else _BLANK for row in card.rows]
        grads = [_shown(row.grad) if "grad" in show else _BLANK for row in card.rows]
        return (
            self._row(values, "value", [row.value for row in card.rows]),
            self._row(grads, "gradient", [row.grad for row in card.rows]),
        )

    def _edge(self, wire: Wire | None) -> tuple[Text, Text]:
        if wire is None:
            return Text(), Text()
        local, sent = wire_words(wire, show=self.scene.show)
        sent = "detached" if wire.look == "cut" else sent
        return self._row([local], "local", [wire.local]), self._row(
            [sent], "gradient", [wire.message]
        )

    def _row(self, words: Sequence[str], kind: str, numbers: Sequence[float | None]) -> Text:
        """Numbers beside each other; nan and inf on red."""
        bad = [x is not None and not math.isfinite(x) for x in numbers]
        said = [self._say(word, "bad" if b else kind) for word, b in zip(words, bad)]
        return Text("\n" if self.narrow else " ").join(said)

    # Columns

    def _columns(self, room: int) -> Iterator[list[Table | Text]]:
        """A table for as many time steps as fit, the next below it, the newest slot on top."""
        at: dict[str, dict[int, Card]] = defaultdict(dict)
        for card in self.scene.cards:
            if card.framed and (not card.alias or card.role == "input"):
                at[card.slot][card.column] = card
        slots, columns = list(reversed(at.values())), self.scene.columns
        names = max((len(_over_time([*cards.values()])) for cards in slots), default=0)
        taken, steps = 0, list[Column]()
        for column in columns:
            width = _width(self._steps(slots, [column])) - min(names, _NAME)
            if steps and taken + width > room:
                yield [self._steps(slots, steps)]
                steps = []
            taken = (taken if steps else min(names, _NAME)) + width
            steps.append(column)
        yield [self._steps(slots, steps)]
        rest = [card for card in self.scene.cards if not card.framed and not card.alias]
        if rest:
            grid = self._grid("", "value", "gradient")
            for card in rest:
                for i in range(len(card.rows)):
                    name = f"{card.name} {card.op}".strip() if i == 0 else ""
                    grid.add_row(self._name(name), *self._line(card, i))
            yield [grid]

    def _steps(self, slots: Sequence[dict[int, Card]], steps: Sequence[Column]) -> Table:
        """Some time steps beside each other; a vector has a line for each entry."""
        titles = (f"{step.title} {step.caption}".strip() for step in steps)
        grid = self._grid("", *(head for title in titles for head in (title, "gradient")))
        for cards in slots:
            for i in range(max(len(card.rows) for card in cards.values())):
                cells: list[Text] = []
                for step in steps:
                    card = cards.get(step.index)
                    cells += (Text(), Text()) if card is None else self._line(card, i)
                name = _over_time([*cards.values()]) if i == 0 else ""
                grid.add_row(self._name(name), *cells)
        return grid

    def _line(self, card: Card, i: int) -> tuple[Text, Text]:
        """Value and gradient of one entry; nothing where the card has fewer."""
        if i >= len(card.rows):
            return Text(), Text()
        row, show = card.rows[i], self.scene.show
        value = "".join(row_words(row)) if "value" in show else _BLANK
        grad = _shown(row.grad) if "grad" in show else _BLANK
        return self._row([value], "value", [row.value]), self._row([grad], "gradient", [row.grad])

    # Tree and list

    def _depth(self) -> int:
        depth: dict[str, int] = dict.fromkeys(self.cards, 1)
        for card in self.scene.cards:  # in topological order
            below = [depth[wire.source] for wire in self.operands[card.id]]
            depth[card.id] = max(below, default=0) + 1
        return max(depth.values(), default=0)

    def _fitting(self, made: Callable[[], Table], room: int) -> Table:
        """A tree or a list, drawn narrowly where it is too wide otherwise."""
        grid = made()
        if _width(grid) <= room:
            return grid
        self.narrow = True
        return made()

    def _tree(self) -> Table:
        """Every card above its operands."""
        local = "local" if self.narrow else "local deriv."
        grid = self._grid("card", "op", "value", "gradient", local, "message")
        used = {wire.source for wire in self.scene.wires}
        seen: set[str] = set()
        for card in reversed(self.scene.cards):
            if card.id not in used:
                self._grow(grid, seen, card, None, "", "")
        return grid

    def _grow(
        self, grid: Table, seen: set[str], card: Card, wire: Wire | None, lead: str, branch: str
    ) -> None:
        """The line of a card, and below it those of its operands."""
        operands = self.operands[card.id]
        again = card.id in seen and bool(operands)
        line = lead + branch
        if self.narrow:  # a level is three characters wide
            line = "".join(f"{line[i]} " for i in range(0, len(line), 3))
        name = Text.assemble(self._say(line, "muted"), self._name(card.name))
        if again:
            name.append_text(self._say(" (above)", "muted"))
        grid.add_row(name, self._say(card.op), *self._numbers(card), *self._edge(wire))
        if again:
            return
        seen.add(card.id)
        inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for i, below in enumerate(operands, start=1):
            next_branch = "└─ " if i == len(operands) else "├─ "
            self._grow(grid, seen, self.cards[below.source], below, inner, next_branch)

    def _list(self) -> Table:
        """One line a card in the order of the sweep, with the operands it sends messages to."""
        grid = self._grid("card", "op", "value", "gradient", "operands")
        for card in reversed(self.scene.cards):
            sent = [
                Text(" ").join(
                    part
                    for part in (self._name(self.cards[wire.source].name), *self._edge(wire))
                    if part
                )
                for wire in self.operands[card.id]
            ]
            line = Text(",\n" if self.narrow else ", ").join(sent)
            grid.add_row(self._name(card.name), self._say(card.op), *self._numbers(card), line)
        return grid

    def _cell(self, cell: Cell) -> Text:
        """A cell of a panel; numbers that are hidden leave a blank."""
        hidden = cell.kind in ("value", "grad") and cell.kind not in self.scene.show
        return self._row([_BLANK if hidden else cell.shown], cell.kind, [cell.number])

    def _panel(self, panel: Panel, room: int) -> Iterator[Table]:
        """A panel of the picture, its first row as the heading; long ones go on below."""
        widths = [
            max(len(cell.shown) + len(_GAP) for cell in column) for column in zip_longest(
                *panel.rows, fillvalue=Cell("empty"))
        ]  # fmt: skip
        fixed = panel.fixed
        beside = (room - sum(widths[:fixed])) // max(widths[fixed:], default=1)
        columns = len(widths) if sum(widths) <= room + len(_GAP) else fixed + max(1, beside)
        rows, height = panel.folded(columns), len(panel.rows)
        for start in range(0, len(rows), height):
            head, *lines = rows[start : start + height]
            grid = self._grid(*(cell.text for cell in head))
            for row in lines:
                grid.add_row(*(self._cell(cell) for cell in row))
            yield grid

    def _heat(self, panel: Panel) -> Text:
        """A panel without numbers: a darker character for a larger gradient."""
        head, *rows = panel.rows
        names = max(len(row[0].text) for row in rows)
        limits, marks = shades(panel.steepest), _MARKS[self.plain]
        lines = [" " * (names + 2) + _ends([cell.text for cell in head[1:]])]
        for row in rows:
            cells = "".join(
                " " if cell.number is None else marks[bisect(limits, abs(cell.number)) - 1]
                for cell in row[1:]
            )
            lines.append(f"{row[0].text:<{names}}  {cells}")
        scale = (f"{mark} from {least:.2g}" for mark, least in zip(marks, limits))
        shown = "grad" in self.scene.show
        return Text("\n").join(map(self._say, [*lines, "  ".join(scale)] if shown else lines[:1]))


def _ends(heads: Sequence[str]) -> str:
    """The first and the last head, above the first and the last of columns of one character."""
    return heads[0] + heads[-1].rjust(max(len(heads) - len(heads[0]), len(heads[-1]) + 1))


def _shown(x: float | None) -> str:
    return "–" if x is None else number(x)


def _over_time(cards: Sequence[Card]) -> str:
    """What the cards of a slot have in common: name without the step, and operation."""
    first = cards[0]
    names = ", ".join(str(name.timeless) for name in first.names[:2])
    operations = {card.operation for card in cards}
    operation = (
        first.operation
        if len(operations) == 1 or first.operation is None
        else (first.operation.bare)
    )  # the plain number differs from step to step
    kinds = {card.op for card in cards} - {str(card.operation) for card in cards}
    kind = kinds.pop() if len(kinds) == 1 else str(operation or "")
    return f"{names} {kind}".strip() or first.name
