"""A sequence read from both ends."""

from collections.abc import Sequence
from typing import Any

from ..nested import flatten
from ..recording import scope
from ..value import Operand
from .module import Module
from .parameters import Row
from .recurrent import RecurrentCell

__all__ = ["Bidirectional"]


class Bidirectional(Module):
    """Two cells over one sequence, `forward_cell` from its start and `backward_cell` from its end.

    The output of a step is both hidden vectors behind one another, so that it knows what comes
    before and what comes after. Schuster and Paliwal (1997); torch's bidirectional=True, whose
    state_dict `load_torch` takes. ValueError where the cells take inputs of different size.

    >>> from microgrid import nn
    >>> both = Bidirectional(nn.RNNCell(1, 2, seed=0), nn.RNNCell(1, 2, seed=1))
    >>> outputs, (first, last) = both([[1.0], [2.0], [3.0]])
    >>> len(outputs), len(outputs[0]), outputs[2][:2] == first, outputs[0][2:] == last
    (3, 4, True, True)
    """

    def __init__(self, forward_cell: RecurrentCell, backward_cell: RecurrentCell) -> None:
        if forward_cell.input_size != backward_cell.input_size:
            raise ValueError(
                f"Bidirectional: the cells take inputs of one size, got {forward_cell.input_size} "
                f"and {backward_cell.input_size}"
            )
        self.forward_cell, self.backward_cell = forward_cell, backward_cell
        forward_cell.mark_as("→")
        if backward_cell is not forward_cell:  # a tied cell keeps the names of its first place
            backward_cell.mark_as("←")

    def __call__(
        self, inputs: Sequence[Sequence[Operand] | None], h0: Any = None
    ) -> tuple[list[Row], tuple[Any, Any]]:
        """(an output per step, the last states of both cells), from T input vectors.

        h0: a pair of start states, zeros unless given. The backward cell's last state is the
        one it has read at step 1.
        """
        starts = (None, None) if h0 is None else h0
        steps = list(enumerate(inputs, start=1))
        ahead, first = _read(self.forward_cell, steps, starts[0], "forward")
        back, last = _read(self.backward_cell, steps[::-1], starts[1], "backward")
        return [a + b for a, b in zip(ahead, back[::-1])], (first, last)


def _read(
    cell: RecurrentCell,
    steps: Sequence[tuple[int, Sequence[Operand] | None]],
    start: Any,
    name: str,
) -> tuple[list[Row], Any]:
    state = cell.initial_state(start)
    if start is None and name == "backward":  # who reads from the end starts behind it
        for value in flatten(state):
            value.label = value.label.replace("_0", f"_{len(steps) + 1}", 1)
    hidden = []
    for t, x in steps:
        with scope(f"t={t}"), scope(name):
            state = cell(x, state)
        hidden.append(cell.hidden(state))
    return hidden, state
