"""What the legend of a picture says: a line for everything that is in it, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from .model import Picture

__all__ = ["SHADES", "Said", "legend_of", "shades"]

SHADES = 5  # of a heat cell, half a decade each


class Said(NamedTuple):
    """A piece of a line, and which colour it has: "text", "muted", "value", "marked" ..."""

    text: str
    colour: str = "text"
    bold: bool = False


def legend_of(picture: Picture) -> list[list[Said]]:
    """The lines of the legend, but for the scale of heat at its end."""
    cards, wires = picture.cards, picture.wires
    lines = [
        [Said("How to read", bold=True)],
        [
            Said("card: "), Said("name", bold=True), Said(" op", "muted"), Said(", "),
            Said("value", "value"), Said(" (left), "), Said("dL/dvalue", "gradient"),
            Said(" (right)"),
        ],
    ]  # fmt: skip
    if any(wire.weight is not None for wire in wires):
        lines.append([Said("edge of a neuron: "), Said("w", "value"), Said(" weight, "),
                      Said("∂", "gradient"), Said(" its gradient; dashed: a bias")])  # fmt: skip
    if any(wire.kind == "local" and wire.span is None and not wire.weight for wire in wires):
        words = Said("×local derivative", "local"), Said("← message", "gradient")
        lines.append([Said("edge: "), words[0], Said("   "), words[1],
                      Said(" = upstream × local derivative")])  # fmt: skip
    if any(wire.kind == "gain" for wire in wires):
        lines.append([Said("between vectors: "), Said("×gain", "local"), Said(" = "),
                      Said("‖message‖", "gradient"), Said(" / ‖upstream gradient‖")])  # fmt: skip
    if any(wire.span for wire in wires):
        lines.append([Said("loop: "), Said("×smallest…largest gain", "local"),
                      Said(" from a step to the one before")])  # fmt: skip
    if picture.strongest and "message" in picture.show:
        lines.append([Said("ribbon: as wide as the message, striped where it is negative")])
    said = {
        "dashed: one use of a shared parameter": any(card.alias for card in cards),
        "‖0.5‖: the Euclidean norm of several numbers": any(r.norm for c in cards for r in c.rows),
        "+ n nodes: computed inside, not shown": any(card.hidden for card in cards),
        "crossed, dashed wire: detached, no gradient comes back": any(
            wire.look == "cut" for wire in wires
        ),
    }
    lines += [[Said(line)] for line, true in said.items() if true]
    if any(wire.recurrent for wire in wires):
        lines.append([Said("— ", "recurrent", bold=True), Said("from one time step to the next")])
    if any(wire.look == "marked" for wire in wires):
        lines.append([Said("— ", "marked", bold=True), Said("the path pointed out; "),
                      Said("Π", "gradient"), Said(": product of its derivatives")])  # fmt: skip
    return lines + [[Said(line)] for line in picture.legend]


def shades(steepest: float) -> list[float]:
    """The least |gradient| of each shade of heat, the weakest first.

    >>> [round(x, 2) for x in shades(10.0)]
    [0.0, 0.1, 0.32, 1.0, 3.16]
    """
    return [0.0] + [steepest / 10.0 ** (k / 2.0) for k in range(SHADES - 1, 0, -1)]
