"""Which time step a node belongs to, where no scope says so.

A readout and a loss are usually applied to all steps at once, outside any loop. What such a call
makes of the numbers of one step belongs to that step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ..graph import time_step
from ..recording import scope
from ..value import Operand, Value

__all__ = ["Columns", "by_step", "columns_of", "recording_runs"]


class Columns:
    """The time step of every node, found from its scope, else from its operands.

    Attributes
    ----------
    used : whether anything with a time step has been recorded; nothing is looked for before

    >>> with scope("t=2"):
    ...     h = Value(1.0) * 2.0
    >>> columns = Columns()
    >>> columns.of((h + 1.0).tanh()), columns.of(Value(1.0) + 1.0)
    (2, None)
    """

    def __init__(self) -> None:
        self.used = False
        self._step: dict[Value, int | None] = {}
        self._scopes: dict[str, int | None] = {}

    def of(self, value: Value) -> int | None:
        """The step, None where there is none or operands come from several."""
        known, waiting = self._step, [value]
        while waiting:
            node = waiting[-1]
            if node in known:
                waiting.pop()
                continue
            own = self._of_scope(node.scope)
            if own is None and node.parents:
                missing = [parent for parent in node.parents if parent not in known]
                if missing:
                    waiting += missing
                    continue
                own = _only({known[parent] for parent in node.parents})
            known[node] = own
            waiting.pop()
        return known[value]

    def _of_scope(self, name: str) -> int | None:
        if name not in self._scopes:
            self._scopes[name] = time_step(name)
        return self._scopes[name]


def _only(steps: set[int | None]) -> int | None:
    """The one step among them; a weight, which has none, goes with any."""
    found = steps - {None}
    return found.pop() if len(found) == 1 else None


_CURRENT: ContextVar[Columns | None] = ContextVar("microgrid_columns", default=None)


@contextmanager
def columns_of(columns: Columns) -> Iterator[None]:
    """Let `by_step` ask these columns within the block."""
    token = _CURRENT.set(columns)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def recording_runs() -> bool:
    """Whether some recording's block is running."""
    return _CURRENT.get() is not None


def by_step(terms: Sequence[Operand], total: Callable[[Sequence[Operand]], Operand]) -> Operand:
    """The total of terms; those of several time steps are added step by step, as L_1, L_2, ...

    So a loss over all steps at once has, as in the lectures, a loss of each step below it.
    """
    columns = _CURRENT.get()
    if columns is None or not columns.used:
        return total(terms)
    steps: dict[int | None, list[Operand]] = {}
    for term in terms:
        step = columns.of(term) if isinstance(term, Value) else None
        steps.setdefault(step, []).append(term)
    if len(steps.keys() - {None}) < 2:
        return total(terms)
    sums = list(steps.pop(None, []))
    for step, found in sorted(steps.items(), key=lambda item: item[0] or 0):
        with scope(f"t={step}"), scope("loss"):
            added = total(found)
        if isinstance(added, Value):
            added.label = added.label or f"L_{step}"
            if added is found[0]:
                added.scope = f"t={step}/loss"
        sums.append(added)
    return total(sums)
