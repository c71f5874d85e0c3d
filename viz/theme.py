"""What a picture looks like: colours, number format, names, widths of text.

Colours stand in this file and nowhere else.
"""

import html
import math
import re
from dataclasses import dataclass, replace

FONT = "Arial"  # Graphviz knows its metrics; Helvetica is not on every machine

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Paint:
    """Fill, border and text of one kind of box."""

    fill: str
    border: str
    text: str
    width: float = 1.0


@dataclass(frozen=True)
class Theme:
    """One set of colours. `cards` by role; `heat` from the weakest gradient to the strongest."""

    name: str
    ground: str
    text: str
    muted: str
    value: str
    gradient: str
    local: str
    wire: str
    recurrent: str
    marked: str
    ribbon: str
    faded: Paint
    frame: Paint
    panel: Paint
    legend: Paint
    alias: Paint
    bad: Paint
    cards: dict[str, Paint]
    heat: tuple[tuple[str, str], ...]  # (fill, text)

    def card(self, role: str) -> Paint:
        """How a card of this role is painted."""
        return self.cards.get(role, self.cards["op"])

    def look(self, paint: Paint, look: str) -> Paint:
        """A card's paint where it is marked or faded."""
        if look == "marked":
            return replace(paint, border=self.marked, width=2.6)
        return self.faded if look == "faded" else paint

    def line(self, recurrent: bool, look: str) -> tuple[str, float]:
        """Colour and width of a wire."""
        if look == "marked":
            return self.marked, 2.6
        if look == "faded":
            return self.faded.border, 1.0
        return (self.recurrent, 1.8) if recurrent else (self.wire, 1.1)

    def shade(self, gradient: float | None, strongest: float) -> tuple[str, str]:
        """Fill and text colour of a gradient's heat cell: one shade per half decade.

        >>> LIGHT.shade(1.0, 1.0) == LIGHT.heat[-1], LIGHT.shade(0.2, 1.0) == LIGHT.heat[-2]
        (True, True)
        """
        if gradient is None or gradient == 0.0:
            return "", self.gradient
        if not math.isfinite(gradient):
            return self.bad.fill, self.bad.text
        halves = int(2.0 * math.log10(max(1.0, strongest / abs(gradient))))
        return self.heat[max(0, len(self.heat) - 1 - halves)]


LIGHT = Theme(
    name="light",
    ground="#ffffff",
    text="#0f172a",
    muted="#475569",
    value="#075985",
    gradient="#9a3412",
    local="#5b21b6",
    wire="#475569",
    recurrent="#1d4ed8",
    marked="#dc2626",
    ribbon="#f9731659",
    faded=Paint("#f8fafc", "#cbd5e1", "#475569"),
    frame=Paint("#f8fafc", "#cbd5e1", "#475569"),
    panel=Paint("#fffbeb", "#c2410c", "#0f172a"),
    legend=Paint("#ffffff", "#cbd5e1", "#0f172a"),
    alias=Paint("#fef3c7", "#b45309", "#0f172a", 1.2),
    bad=Paint("#b91c1c", "#7f1d1d", "#ffffff"),
    cards={
        "op": Paint("#ffffff", "#94a3b8", "#0f172a"),
        "leaf": Paint("#f1f5f9", "#64748b", "#0f172a"),
        "parameter": Paint("#fef3c7", "#b45309", "#0f172a"),
        "input": Paint("#e0f2fe", "#0369a1", "#0f172a", 1.2),
        "state": Paint("#dbeafe", "#1d4ed8", "#0f172a", 2.0),
        "output": Paint("#ffffff", "#475569", "#0f172a", 1.2),
        "loss": Paint("#f1f5f9", "#475569", "#0f172a", 1.2),
        "total": Paint("#e2e8f0", "#0f172a", "#0f172a", 2.4),
    },
    heat=(
        ("#fff7ed", "#9a3412"),
        ("#ffedd5", "#9a3412"),
        ("#fed7aa", "#7c2d12"),
        ("#fdba74", "#7c2d12"),
        ("#fb923c", "#431407"),
    ),
)

TERMINAL = {  # styles of rich: the terminal's own palette, which suits its ground
    "name": "bold",
    "muted": "dim",
    "value": "cyan",
    "gradient": "yellow",
    "grad": "yellow",
    "sum": "bold yellow",
    "local": "magenta",
}

THEMES = {theme.name: theme for theme in (LIGHT,)}


def number(x: float) -> str:
    """A number as a card shows it: 3 decimals, whole numbers as such, else two digits and e.

    >>> [number(x) for x in (0.63533, -20.0, 0.0, 0.00047, 12345.6, float("nan"))]
    ['0.635', '−20', '0', '4.7e−4', '1.2e4', 'nan']
    """
    if math.isnan(x):
        return "nan"
    size = abs(x)
    if math.isinf(x):
        digits = "∞"
    elif size < 1e4 and size == int(size):
        digits = str(int(size))
    elif 1e-3 <= size < 9999.9995:
        digits = f"{size:.3f}"
    else:
        mantissa, exponent = f"{size:.1e}".split("e")
        digits = f"{mantissa}e{int(exponent)}".replace("-", "−")
    return f"−{digits}" if x < 0.0 else digits


def pretty(label: str) -> str:
    """A label as it is printed: digits after an underscore become subscripts.

    >>> pretty("h_12"), pretty("W_h[0,1]"), pretty("x_3[1]")
    ('h₁₂', 'W_h[0,1]', 'x₃[1]')
    """
    label = re.sub(r"_(\d+)", lambda m: m[1].translate(SUBSCRIPTS), label)
    return clean(label.replace("\r\n", "⏎").replace("\n", "⏎"))


def clean(text: str) -> str:
    """`text` without the characters that XML cannot hold.

    >>> clean("a\\x00b")
    'a�b'
    """
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def escape(text: str) -> str:
    """`text` for an HTML-like label, SVG or HTML.

    >>> escape('<b> & "q"')
    '&lt;b&gt; &amp; &quot;q&quot;'
    """
    return html.escape(clean(text))


_WIDTHS = {  # Arial's advance widths in 1/1000 em; what is not here is 556 wide
    222: "ijl'|",
    278: " !,./:;I[\\]ft",
    333: "()-r`",
    389: "*",
    500: "cksvxyzJ",
    584: "+<=>~×−÷±",
    611: "FTZ",
    667: "ABEKPSVXY&",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    944: "W",
    1000: "←→↑↓%∞…",
    333 + 1: "₀₁₂₃₄₅₆₇₈₉",
}
_WIDTH_OF = {letter: width for width, letters in _WIDTHS.items() for letter in letters}


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in Arial of `size` points, about.

    >>> text_width("0.635", 10.0)
    25.02
    """
    width = sum(_WIDTH_OF.get(c, 556 if c.isascii() else 700) for c in text) * size / 1000.0
    return width * 1.07 if bold else width


def fit(text: str, size: float, width: float, bold: bool = False) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` points.

    >>> fit("a rather long name", 12.0, 60.0)
    'a rather l…'
    """
    text = text[:200]
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text.rstrip() + "…"
