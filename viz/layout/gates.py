"""A gated cell as the textbook draws it, once per time step.

c runs straight along the top of its cell and h along the bottom. The gates stand between them,
from top to bottom in the order in which c and h use them; what c and h are made of comes in at
the top and the bottom of their cards. x and h enter once, at the left, and each has a trunk of
its own with a branch to every gate. A stack of layers has one such band for each, the first one
lowest. Readout and loss stand above, as in the other pictures of time.

A cell that reads from the end of time has its band above the one that reads from the beginning.
It is placed and wired as if time ran the other way, and then seen in a mirror (`Places.mirror`):
trunks at its right, c and h at its left. What both are made of enters at the bottom and rises;
what both make meets above them in the middle. At the level of cells a band is a row of boxes.

    c ────────────────────────► c ───►      The cards of a band: `gates` is the column of
        │ │  [ f ] ─────────────┘ │         gates and of what is made on the way to one
        │ │  [ i ] ...            ▼         (r h in some GRUs), `chain` the column of
        │ │  [ g ] ...          tanh        c, tanh c and h.
        │ │  [ o ] ───────┐       │
    h ──┘ │               └─────► h ───►
          x
"""

from __future__ import annotations

from ..picture.model import Picture
from .bands import Plan
from .gate_places import Places
from .gate_wires import Wiring
from .geometry import Layout

__all__ = ["gated"]


def gated(picture: Picture) -> Layout | None:
    """The places of a picture of gated cells; None where it is no chain of such cells."""
    plan = Plan.of(picture)
    if plan is None:
        return None
    places = Places(plan)
    layout = places.place()
    wiring = Wiring(places)
    layout.wires = {wire.id: wiring.path(wire) for wire in picture.wires}
    return layout
