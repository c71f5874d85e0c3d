"""What every renderer must agree on: which paint, which words, how wide, and where."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..layout.geometry import Layout, Path
from ..picture.model import Card, Picture, Wire
from ..style.theme import Paint, Theme, number, text_width

RIBBON = 10.0  # how much wider the ribbon of the strongest message is than that of a weak one


@dataclass(frozen=True, slots=True)
class Label:
    """Words on a wire, centred at (x, y); `bad` for nan and inf."""

    text: str
    colour: str
    x: float
    y: float
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of a line of text."""

    text: str
    colour: str
    bold: bool = False


class Ink:
    """A Picture with its Layout in a Theme, ready for a renderer."""

    def __init__(self, picture: Picture, layout: Layout, theme: Theme) -> None:
        self.picture, self.layout, self.theme = picture, layout, theme
        self.strongest, self.steepest = picture.strongest, picture.steepest
        self.ribbon = RIBBON / 2 if layout.dense else RIBBON

    def paint(self, card: Card) -> Paint:
        """Fill and border of a card."""
        theme = self.theme
        paint = theme.alias if card.alias and card.role != "input" else theme.card(card.role)
        return theme.look(paint, card.look)

    def ribbon_width(self, message: float | None) -> float:
        """How wide the ribbon of a message is; 0 for none."""
        if not message or math.isnan(message) or "message" not in self.picture.show:
            return 0.0
        share = min(1.0, abs(message) / self.strongest) if self.strongest else 1.0
        return 0.24 * self.ribbon + self.ribbon * share

    def labels(self, wire: Wire, path: Path) -> tuple[Label | None, Label | None]:
        """The local derivative and the message, and where they stand."""
        if path.quiet:
            return None, None
        arrow = path.arrow
        local = "" if wire.local is None else f"×{self._or_blank(wire.local, 'local')}"
        sent = "" if wire.message is None else f"{arrow} {self._or_blank(wire.message, 'message')}"
        local, sent = wire.texts[0] or local, wire.texts[1] or sent
        (x, y), a, b = path.label, text_width(local, 10.0), text_width(sent, 10.0)
        if path.rising:
            offset = (9.0 + max(a, b) / 2) * path.side
            places = (x + offset, y + 6.5), (x + offset, y - 6.5)
        elif self.layout.dense:  # side by side above the wire
            places = (x - (b + 6.0) / 2, y + 8.0), (x + (a + 6.0) / 2, y + 8.0)
        else:
            places = (x, y + 11.5), (x, y - 12.0)
        theme = self.theme
        return (
            Label(local, theme.local, *places[0], _bad(wire.local)) if local else None,
            Label(sent, theme.gradient, *places[1], _bad(wire.message)) if sent else None,
        )

    def _or_blank(self, x: float, what: str) -> str:
        """A number, or a line to write it on."""
        return number(x) if what in self.picture.show else "____"

    def legend(self) -> Iterator[list[Words]]:
        """The lines of the legend, but for the scale of heat."""
        theme = self.theme
        plain = theme.text
        yield [Words("How to read", plain, True)]
        yield [
            Words("card: ", plain),
            Words("name", plain, True),
            Words(" op", theme.muted),
            Words(", ", plain),
            Words("value", theme.value),
            Words(" (left), ", plain),
            Words("dL/dvalue", theme.gradient),
            Words(" (right)", plain),
        ]
        yield [
            Words("edge: ", plain),
            Words("×local derivative", theme.local),
            Words("   ", plain),
            Words("← message = upstream × local", theme.gradient),
        ]
        if any(card.alias for card in self.picture.cards):
            yield [Words("dashed: one use of a shared parameter", plain)]
        for line in self.picture.legend:
            yield [Words(line, plain)]

    scale = "|dL/dvalue|, a shade per half decade"


def _bad(x: float | None) -> bool:
    return x is not None and not math.isfinite(x)
