"""How a thread records: under which scope, whether at all, and who watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Protocol

from .ops import Op


class Watch(Protocol):
    """Who looks at every number while `watching` is on."""

    def made(self, node: Any, op: Op, operands: Sequence[Any]) -> None:
        """A node has been made by `op`."""

    def sweep(self, root: Any, gradient: float) -> None:
        """Does what `root.backward(gradient)` would do."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How this thread records: under which scope, whether at all, and who watches."""

    scope: str = ""
    recording: bool = True
    watch: Watch | None = None


MODE: ContextVar[Mode] = ContextVar("microgrid_mode", default=Mode())  # noqa: B039, frozen


@contextmanager
def scope(name: str) -> Iterator[str]:
    """Tag every Value made inside with `name`; scopes nest as paths. Each thread has its own.

    >>> from microgrid import Value
    >>> with scope("t=1"), scope("cell"):
    ...     Value(1.0).scope
    't=1/cell'
    """
    outer = MODE.get()
    path = f"{outer.scope}/{name}" if outer.scope else name
    token = MODE.set(replace(outer, scope=path))
    try:
        yield path
    finally:
        MODE.reset(token)


def current_scope() -> str:
    """The path that a Value made here and now is tagged with; "" outside any scope."""
    return MODE.get().scope


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results have no parents (as `torch.no_grad`).

    >>> from microgrid import Value
    >>> a = Value(3.0)
    >>> with no_grad():
    ...     b = a * a
    >>> b.data, b.parents
    (9.0, ())
    """
    token = MODE.set(replace(MODE.get(), recording=False))
    try:
        yield
    finally:
        MODE.reset(token)


def current_watch() -> Watch | None:
    """Who looks at every number of this thread; None as a rule."""
    return MODE.get().watch


def watched() -> bool:
    """Whether someone is watching the numbers made in this thread."""
    return MODE.get().watch is not None


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Let `watch` look at every node made and do every sweep asked for in this thread."""
    token = MODE.set(replace(MODE.get(), watch=watch))
    try:
        yield
    finally:
        MODE.reset(token)
