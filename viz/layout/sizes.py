"""How much room cards and labels need, and the words on them: layout and painter ask here."""

from __future__ import annotations

from collections.abc import Collection

from ..picture.model import SHOWN, Card, Row, Wire
from ..style.typography import number, text_width

__all__ = [
    "CARD", "HEAD", "HEAT", "NOTE", "ROW", "SLIM", "card_height", "card_size", "card_width",
    "label_width", "row_words", "wire_words",
]  # fmt: skip

CARD = (112.0, 42.0)  # width and height of a card
SLIM = (140.0, 20.0)  # of a card in one line, where many stand in a stack
_WIDEST = 190.0
HEAD = 18.0  # the line of the name
ROW = 17.0  # a line of value and gradient
NOTE = 13.0  # the line below
HEAT = 50.0  # width of the cell of a gradient


def card_size(card: Card, slim: bool = False) -> tuple[float, float]:
    """Width and height of a card that may be as wide as its text."""
    return SLIM if slim else (card_width(card), card_height(card))


def card_height(card: Card) -> float:
    """A line for the name, one for each number, and one for the note.

    >>> card_height(Card("n0", "op", (), None, (Row(1.0, None), Row(2.0, None))))
    59.0
    """
    return CARD[1] + ROW * (len(card.rows) - 1) + (NOTE if card.note else 0.0)


def card_width(card: Card) -> float:
    """Wide enough for the name, the op, and numbers that bear names, up to a limit."""
    if not card.rows:  # the "1" that biases are multiplied by
        return text_width(card.name, 12.0, bold=True) + 26.0
    head = text_width(card.name, 12.0, bold=True) + text_width(card.op, 10.0) + 24.0
    widths = [head, text_width(card.note, 10.0) + 14.0]
    widths += [text_width("".join(row_words(row)), 11.0) + HEAT + 16.5 for row in card.rows]
    return min(_WIDEST, max(CARD[0], *widths))


def row_words(row: Row) -> tuple[str, str]:
    """What stands at the left of a row: a name or nothing, and the number, a norm in bars."""
    name = "" if row.name is None else f"{row.name} "
    return name, f"‖{row.shown}‖" if row.norm else row.shown


def wire_words(wire: Wire, arrow: str = "←", show: Collection[str] = SHOWN) -> tuple[str, str]:
    """What stands on a wire: ×local derivative and ← message; a line to write on if hidden.

    >>> wire_words(Wire("w", "a", "b", local=2.0, message=-0.5))
    ('×2', '← −0.500')
    """
    local = "" if wire.local is None else f"×{_or_blank(wire.local, 'local' in show)}"
    if wire.kind == "gain" and wire.local != wire.local:
        local = ""  # where there is no gradient there is no gain
    sent = "" if wire.message is None else f"{arrow} {_or_blank(wire.message, 'message' in show)}"
    if wire.weight is not None:
        local = f"w {_or_blank(wire.weight.value, 'value' in show)}"
        grad = wire.weight.grad
        sent = "" if grad is None else f"∂ {_or_blank(grad, 'grad' in show)}"
    if wire.span is not None:
        low, high = (_or_blank(x, "local" in show) for x in wire.span)
        local = f"×{low}" if low == high else f"×{low}…{high}"
    if wire.steps:
        sent = "1 step" if wire.steps == 1 else f"{wire.steps} steps"
    if wire.product is not None:
        sent = f"Π {number(wire.product)}"
    return (f"{wire.name}: {local}" if wire.name and local else local), sent


def _or_blank(x: float | None, shown: bool) -> str:
    if x is None:
        return ""
    return number(x) if shown else "____"


def label_width(wire: Wire) -> float:
    """The wider one of a wire's two labels."""
    return max(text_width(text, 10.0) for text in wire_words(wire))
