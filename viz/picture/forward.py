"""The forward pass on its way: a Picture without the numbers that are not there yet.

Every number of a Picture is a Quantity, which knows of which nodes it is made. So one rule
serves all levels of detail: a number is there once everything in its source is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from microgrid.quantity import Source, source_of
from microgrid.value import Value

from .model import Card, Cell, Picture, Row, Wire
from .sentence import Said, Sentence

__all__ = ["Forward"]

_TO_COME = "not computed yet"


class Forward:
    """What the forward pass has not come to.

    Parameters
    ----------
    waiting : the nodes that are still to be computed, and their places in the order of creation
    root : where the sweep will start; its gradient of 1 is not there before
    """

    def __init__(
        self, waiting: Collection[Value], places: Collection[int], root: Value | None
    ) -> None:
        self._waiting, self._places, self._root = frozenset(waiting), frozenset(places), root

    def take_from(self, picture: Picture) -> None:
        """Empty the numbers that are to come; their cards and wires are grey."""
        for card in picture.cards:
            self._card(card)
        for wire in picture.wires:
            self._wire(wire)
        picture.panels = [
            replace(panel, rows=tuple(tuple(map(self._cell, cells)) for cells in panel.rows))
            for panel in picture.panels
        ]
        if isinstance(picture.title, Sentence):
            words = picture.title.cases[0].words
            picture.title = Sentence(
                ["?" if isinstance(w, Said) and self._known(w.number) is None else w for w in words]
            )

    def _card(self, card: Card) -> None:
        to_come = not self._places.isdisjoint(card.nodes)
        card.rows = tuple(map(self._row, card.rows))
        if to_come:
            card.tooltip = _TO_COME
        if card.rows:
            to_come = card.rows[0].value is None  # its own; weights stand below
        if card.look != "marked":
            card.look = "faded" if to_come else ""

    def _row(self, row: Row) -> Row:
        return row._replace(value=self._known(row.value), grad=self._known(row.grad))

    def _wire(self, wire: Wire) -> None:
        to_come = any(node in self._places for node, _ in wire.edges)
        wire.local, wire.product = self._known(wire.local), self._known(wire.product)
        if to_come:
            wire.tooltip = _TO_COME
        if wire.look in ("", "faded"):
            wire.look = "faded" if to_come else ""

    def _cell(self, cell: Cell) -> Cell:
        if cell.number is None or self._known(cell.number) is not None:
            return cell
        return Cell("empty")

    def _known(self, number: float | None) -> float | None:
        return None if number is None or not self._is_there(source_of(number)) else number

    def _is_there(self, source: Source) -> bool:
        kind, *arguments = source
        if kind in ("value", "local"):
            return arguments[0] not in self._waiting
        if kind == "through":
            return arguments[1] not in self._waiting
        if kind == "gradient":
            return arguments[0] is not self._root
        if kind in ("number", "message"):
            return True
        return all(isinstance(part, tuple) and self._is_there(part) for part in arguments)
