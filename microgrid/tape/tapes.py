"""Tapes of one model for sequences of every length."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from ..recording import comparisons
from ..value import Value
from .engines import Engine
from .guards import source
from .parameters import Parameter, Store
from .tape import Tape

__all__ = ["Tapes"]


class Tapes(Mapping[Hashable, Tape]):
    """Tapes by sequence length (or any key), made when first asked for; they share parameters.

    A recording of the same shape as an earlier one takes over its plan. Every key is recorded
    whole, since nothing tells beforehand which nodes of another length `build` would make again:
    that is a tenth of what a new length costs (docs/decisions/10-a-tape-a-length.md).

    build: key -> (loss, inputs), records the graph for that key.
    parameters: the leaves that all of them share, `model.parameters()`.

    >>> w = Value(2.0)
    >>> def build(length):
    ...     xs = [Value(0.0) for _ in range(length)]
    ...     return sum(w * x for x in xs), xs
    >>> tapes = Tapes(build, [w])
    >>> tapes[3].forward([1.0, 2.0, 3.0]), tapes[1].forward([1.0]), len(tapes)
    (12.0, 2.0, 2)
    """

    def __init__(
        self,
        build: Callable[[Any], tuple[Value, Sequence[Any]]],
        parameters: Sequence[Value],
        reduction: str = "sum",
        engine: str = "auto",
        dtype: str = "float64",
    ) -> None:
        self._options = engine, dtype
        self._build = build
        self._leaves = list(parameters)
        self._reduction = reduction
        self._tapes: dict[Hashable, Tape] = {}
        self._store: Store | None = None

    def __getitem__(self, key: Hashable) -> Tape:
        if key not in self._tapes:
            if self._store is not None:
                # The graph is recorded at the numbers that the other tapes have by now.
                self._store.check_unchanged()
                self._store.write()
            since = Value(0.0).serial
            with comparisons.hold():
                built = self._build(key)
                if not isinstance(built, tuple) or len(built) != 2:
                    raise TypeError(f"Tapes: build must return (loss, inputs), got {built!r}")
                loss, inputs = built
                tape = Tape.__new__(Tape)
                recorded = source(loss, inputs, self._leaves, since)
                engine, plans = Engine(*self._options), [t.plan for t in self._tapes.values()]
                tape._start(recorded, self._reduction, engine, self._store, plans)
            self._store = tape._store
            self._tapes[key] = tape
        return self._tapes[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._tapes)

    def __len__(self) -> int:
        return len(self._tapes)

    def parameters(self) -> list[Parameter]:
        """The arrays that all tapes share; RuntimeError before the first tape is made."""
        if self._store is None:
            raise RuntimeError("Tapes: make a first tape, tapes[key], before asking for parameters")
        return self._store.parameters
