"""What a picture looks like: its colours. They stand in this file and nowhere else."""

import math
import sys
from dataclasses import dataclass, replace

__all__ = [
    "CS231N", "DARK", "LIGHT", "PRINT", "TERMINAL", "THEMES", "Paint", "Theme", "contrast",
]  # fmt: skip


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
        if look in ("marked", "current"):
            return replace(paint, border=self.marked, width=2.6)
        return self.faded if look == "faded" else paint

    def line(self, recurrent: bool, look: str) -> tuple[str, float]:
        """Colour and width of a wire."""
        if look in ("marked", "current"):
            return self.marked, 2.6
        if look == "faded":
            return self.faded.border, 1.0
        if look == "cut":
            return self.muted, 1.4
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
        ratio = min(strongest / abs(float(gradient)), sys.float_info.max)  # of a vanished one: inf
        halves = int(2.0 * math.log10(max(1.0, ratio)))
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
        "forget_gate": Paint("#fee2e2", "#b91c1c", "#0f172a", 1.2),
        "input_gate": Paint("#dcfce7", "#15803d", "#0f172a", 1.2),
        "candidate": Paint("#fef9c3", "#a16207", "#0f172a", 1.2),
        "output_gate": Paint("#ede9fe", "#6d28d9", "#0f172a", 1.2),
        "reset_gate": Paint("#ffe4e6", "#be123c", "#0f172a", 1.2),
        "update_gate": Paint("#ccfbf1", "#0f766e", "#0f172a", 1.2),
    },
    heat=(
        ("#fff7ed", "#9a3412"),
        ("#ffedd5", "#9a3412"),
        ("#fed7aa", "#7c2d12"),
        ("#fdba74", "#7c2d12"),
        ("#fb923c", "#431407"),
    ),
)

DARK = Theme(
    name="dark",
    ground="#0b1220",
    text="#e5e7eb",
    muted="#b6c2d2",
    value="#7dd3fc",
    gradient="#fdba74",
    local="#c4b5fd",
    wire="#94a3b8",
    recurrent="#60a5fa",
    marked="#f87171",
    ribbon="#fb923c4d",
    faded=Paint("#111a2b", "#334155", "#94a3b8"),
    frame=Paint("#111a2b", "#334155", "#b6c2d2"),
    panel=Paint("#151c2c", "#d97706", "#e5e7eb"),
    legend=Paint("#0b1220", "#475569", "#e5e7eb"),
    alias=Paint("#332a12", "#d97706", "#e5e7eb", 1.2),
    bad=Paint("#b91c1c", "#f87171", "#ffffff"),
    cards={
        "op": Paint("#1e293b", "#64748b", "#e5e7eb"),
        "leaf": Paint("#1c2534", "#7c8aa0", "#e5e7eb"),
        "parameter": Paint("#332a12", "#d97706", "#e5e7eb"),
        "input": Paint("#0c3247", "#38bdf8", "#e5e7eb", 1.2),
        "state": Paint("#1a2f5e", "#60a5fa", "#e5e7eb", 2.0),
        "output": Paint("#1e293b", "#cbd5e1", "#e5e7eb", 1.2),
        "loss": Paint("#263244", "#cbd5e1", "#e5e7eb", 1.2),
        "total": Paint("#334155", "#f8fafc", "#f8fafc", 2.4),
        "forget_gate": Paint("#3b1518", "#f87171", "#e5e7eb", 1.2),
        "input_gate": Paint("#12301c", "#4ade80", "#e5e7eb", 1.2),
        "candidate": Paint("#33290c", "#facc15", "#e5e7eb", 1.2),
        "output_gate": Paint("#271a45", "#a78bfa", "#e5e7eb", 1.2),
        "reset_gate": Paint("#3a1420", "#fb7185", "#e5e7eb", 1.2),
        "update_gate": Paint("#0d302c", "#2dd4bf", "#e5e7eb", 1.2),
    },
    heat=(
        ("#2a1d14", "#fdba74"),
        ("#43270f", "#fed7aa"),
        ("#6b3a10", "#ffedd5"),
        ("#a34a08", "#ffffff"),
        ("#fb923c", "#2b1000"),
    ),
)

CS231N = replace(  # green values and red gradients, as that course draws them
    LIGHT,
    name="cs231n",
    value="#166534",
    gradient="#b91c1c",
    local="#374151",
    ribbon="#ef444440",
    panel=Paint("#ffffff", "#991b1b", "#0f172a"),
    heat=(
        ("#fef2f2", "#991b1b"),
        ("#fee2e2", "#991b1b"),
        ("#fecaca", "#7f1d1d"),
        ("#fca5a5", "#5f1212"),
        ("#f87171", "#2f0404"),
    ),
)

PRINT = Theme(
    name="print",
    ground="#ffffff",
    text="#000000",
    muted="#404040",
    value="#000000",
    gradient="#262626",
    local="#404040",
    wire="#404040",
    recurrent="#000000",
    marked="#000000",
    ribbon="#00000033",
    faded=Paint("#ffffff", "#bdbdbd", "#595959"),
    frame=Paint("#fafafa", "#bdbdbd", "#404040"),
    panel=Paint("#ffffff", "#404040", "#000000"),
    legend=Paint("#ffffff", "#bdbdbd", "#000000"),
    alias=Paint("#ffffff", "#404040", "#000000", 1.2),
    bad=Paint("#1a1a1a", "#000000", "#ffffff"),
    cards={
        "op": Paint("#ffffff", "#8c8c8c", "#000000"),
        "leaf": Paint("#f5f5f5", "#737373", "#000000"),
        "parameter": Paint("#ffffff", "#404040", "#000000"),
        "input": Paint("#f0f0f0", "#404040", "#000000", 1.2),
        "state": Paint("#e5e5e5", "#000000", "#000000", 2.0),
        "output": Paint("#ffffff", "#404040", "#000000", 1.2),
        "loss": Paint("#f5f5f5", "#404040", "#000000", 1.2),
        "total": Paint("#e0e0e0", "#000000", "#000000", 2.4),
        "forget_gate": Paint("#e8e8e8", "#000000", "#000000", 1.2),
        "input_gate": Paint("#ffffff", "#000000", "#000000", 1.2),
        "candidate": Paint("#f5f5f5", "#595959", "#000000", 1.2),
        "output_gate": Paint("#ffffff", "#000000", "#000000", 1.2),
        "reset_gate": Paint("#e8e8e8", "#000000", "#000000", 1.2),
        "update_gate": Paint("#f0f0f0", "#404040", "#000000", 1.2),
    },
    heat=(
        ("#f7f7f7", "#262626"),
        ("#e8e8e8", "#1a1a1a"),
        ("#d4d4d4", "#000000"),
        ("#b0b0b0", "#000000"),
        ("#8a8a8a", "#000000"),
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
    "bad": "bold white on red",
}

THEMES = {theme.name: theme for theme in (LIGHT, DARK, CS231N, PRINT)}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours #rrggbb, from 1 to 21 (WCAG 2.1, relative luminance).

    >>> round(contrast("#ffffff", "#000000"), 2)
    21.0
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [channel / 255.0 for channel in bytes.fromhex(colour[1:7])]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
