"""What the rows of the op table ask of the namespace `xp`, and how one says what it lacks.

A row is written once and evaluated in many namespaces: floats, complex numbers, Values, NumPy
arrays, the calls of a tape, JAX, and as code in other languages. Each needs the functions
that `used` finds; tests/test_namespaces.py holds all rows against all namespaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

__all__ = ["MissingFunctionError", "Row", "explained", "lack", "used"]


class MissingFunctionError(NotImplementedError, AttributeError):
    """A row of the op table asks for a function that a namespace does not have."""


class Row(Protocol):
    """As much of ops.Op as is needed here."""

    @property
    def forward(self) -> Callable[..., Any]: ...
    @property
    def partials(self) -> Callable[..., Any]: ...
    @property
    def arity(self) -> int | None: ...


@cache
def used(op: Row) -> tuple[frozenset[str], frozenset[str]]:
    """The functions of xp that a row calls: in its forward, and in its local derivatives.

    >>> from microgrid import ops
    >>> forward, partials = used(ops.TAN)
    >>> sorted(forward), sorted(partials)
    (['tan'], [])
    >>> [sorted(names) for names in used(ops.LOG)]
    [['log'], ['divide']]
    """
    forward, partials = _Noting(), _Noting()
    each = [_Anything() for _ in range(op.arity or 4)]
    operands = each if op.arity else [each]
    op.forward(forward, *operands)
    op.partials(partials, _Anything(), *operands)
    return frozenset(forward.names), frozenset(partials.names)


def lack(namespace: str, home: str, name: str) -> MissingFunctionError:
    """The error that says where the function is to be added."""
    return MissingFunctionError(
        f"the op table calls xp.{name}, which {namespace} does not have: add it in {home} "
        f"(tests/test_namespaces.py names every namespace that needs it)"
    )


def explained(error: AttributeError, xp: Any) -> AttributeError:
    """What to raise where a row failed on a class `xp`: its lack in a sentence, or the error."""
    if error.obj is not xp or not isinstance(xp, type):
        return error
    return lack(xp.__name__, f"{xp.__module__.replace('.', '/')}.py", str(error.name))


class _Noting:
    """A namespace that has every function, and notes which are called."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self.names.add(name)
        if name == "each":
            return _each
        return lambda *_, **__: _Anything()


def _each(function: Callable[[Any], Any], xs: Sequence[Any]) -> list[Any]:
    return [function(x) for x in xs]


class _Anything:
    """An operand of which nothing is known: whatever is done with it gives another one."""

    def _another(self, *_: Any) -> _Anything:
        return _Anything()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _another
    __truediv__ = __rtruediv__ = __neg__ = _another
