"""How much room cards and labels need."""

from __future__ import annotations

from ..picture.model import Card, Wire
from ..style.theme import number, text_width

__all__ = ["CARD", "SLIM", "card_height", "card_width", "label_width"]

CARD = (112.0, 42.0)  # width and height of a card
SLIM = (140.0, 20.0)  # of a card in one line, where many stand in a stack
WIDEST = 190.0
HEAT = 50.0  # the cell of a gradient


def card_height(card: Card) -> float:
    """A line for the name, one for each number, and one for the note."""
    return CARD[1] + 17.0 * (len(card.rows) - 1) + (13.0 if card.note else 0.0)


def card_width(card: Card) -> float:
    """Wide enough for the name, the op, and numbers that bear names, up to a limit."""
    head = text_width(card.name, 12.0, bold=True) + text_width(card.op, 10.0) + 24.0
    widths = [head, text_width(card.note, 9.0) + 14.0]
    for row in card.rows:
        text = f"{row.name} {number(row.value)}".strip()
        widths.append(text_width(text, 11.0) + HEAT + 20.0)
    return min(WIDEST, max(CARD[0], *widths))


def label_width(wire: Wire) -> float:
    """The wider one of a wire's two labels."""
    local = "" if wire.local is None else f"×{number(wire.local)}"
    sent = "" if wire.message is None else f"← {number(wire.message)}"
    texts = (wire.texts[0] or local, wire.texts[1] or sent)
    return max(text_width(text, 10.0) for text in texts)
