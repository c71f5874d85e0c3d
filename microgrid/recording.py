"""How a thread records: under which scope, whether at all, who watches, what it compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from operator import eq, ge, gt, itemgetter, le, lt, ne
from threading import get_ident
from typing import Any, NamedTuple, Protocol
from weakref import ReferenceType, ref

from .ops import Op

__all__ = [
    "MODE",
    "TESTS",
    "Comparison",
    "Comparisons",
    "Mode",
    "Watch",
    "comparisons",
    "current_scope",
    "current_watch",
    "no_grad",
    "scope",
    "watched",
    "watching",
]


class Watch(Protocol):
    """Looks at every number while `watching` is on."""

    def made(self, node: Any, op: Op, operands: Sequence[Any]) -> None:
        """A node has been made by `op`."""

    def sweep(self, root: Any, gradient: float) -> None:
        """Called instead of `root.backward(gradient)`; must leave the same gradients."""


@dataclass(frozen=True, slots=True)
class _Block:
    """An open `with` block, and what it changes: a name of the scope, no recording, a watch."""

    name: str = ""
    recording: bool = True
    watch: Watch | None = None
    number: object = None  # its own, so that two blocks of the same name are told apart


class Mode:
    """How a thread records, put together from its open blocks.

    Attributes
    ----------
    scope, recording, watch : the path, whether at all, and who looks at every number
    plain : whether nothing is out of the ordinary but the scope
    """

    __slots__ = ("blocks", "plain", "recording", "scope", "watch")

    def __init__(self, blocks: tuple[_Block, ...] = ()) -> None:
        self.blocks = blocks
        self.scope = "/".join([block.name for block in blocks if block.name])
        self.recording = all(block.recording for block in blocks)
        self.watch = next((b.watch for b in reversed(blocks) if b.watch is not None), None)
        self.plain = self.recording and self.watch is None


MODE: ContextVar[Mode] = ContextVar("microgrid_mode", default=Mode())  # noqa: B039, never changed


@contextmanager
def _open(block: _Block) -> Iterator[Mode]:
    """Add a block to this thread's mode, and in the end take this very one away.

    What stood before is not restored: of two generators that are read in turn, each inside
    a block of its own, the one that ends first must not bring the other's block back.
    """
    mode = Mode((*MODE.get().blocks, block))
    MODE.set(mode)
    try:
        yield mode
    finally:
        MODE.set(Mode(tuple([b for b in MODE.get().blocks if b.number is not block.number])))


@contextmanager
def scope(name: str) -> Iterator[str]:
    """Tag every Value made inside with `name`; scopes nest as paths. Each thread has its own.

    A generator that is suspended inside the block keeps it open for its caller.

    >>> from microgrid import Value
    >>> with scope("t=1"), scope("cell"):
    ...     Value(1.0).scope
    't=1/cell'
    """
    with _open(_Block(name=name, number=object())) as mode:
        yield mode.scope


def current_scope() -> str:
    """The path that a Value made here and now is tagged with; "" outside any scope."""
    return MODE.get().scope


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results have no parents (as `torch.no_grad`).

    A generator that is suspended inside the block keeps it open for its caller.

    >>> from microgrid import Value
    >>> a = Value(3.0)
    >>> with no_grad():
    ...     b = a * a
    >>> b.data, b.parents
    (9.0, ())
    """
    with _open(_Block(recording=False, number=object())):
        yield


def current_watch() -> Watch | None:
    """Who looks at every number of this thread; None as a rule."""
    return MODE.get().watch


def watched() -> bool:
    """Whether someone is watching the numbers made in this thread."""
    return MODE.get().watch is not None


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Let `watch` look at every node made and do every sweep asked for in this thread."""
    with _open(_Block(watch=watch, number=object())):
        yield


# Comparisons. `if v > 0:` decides what is recorded next but is no node itself. A Tape that
# replays the recording with other numbers has to ask the same questions again.

TESTS: dict[str, Callable[[float, float], bool]] = {  # NumPy's names
    "less": lt,
    "less_equal": le,
    "greater": gt,
    "greater_equal": ge,
    "equal": eq,
    "not_equal": ne,
}
_MOST_THREADS = 64  # whose comparisons are remembered


class Comparison(NamedTuple):
    """A test of a Value against a Value or a number, and how it came out."""

    name: str
    left: ReferenceType[Any]
    right: ReferenceType[Any] | float
    outcome: bool
    serial: int  # when, in the order of creation of Values


class _Log:
    """The latest comparisons of one thread, and the serial of the youngest one forgotten."""

    def __init__(self, size: int) -> None:
        self.latest: deque[Comparison] = deque(maxlen=size)
        self.forgotten = -1


class Comparisons:
    """The latest comparisons of every thread.

    They are held weakly, because a comparison is no reason to keep a graph alive. `hold()`
    keeps the Values that are compared alive while a tape is recorded.
    """

    def __init__(self, size: int = 1024) -> None:
        self.size = size
        self._logs: dict[int, _Log] = {}
        self._held: ContextVar[list[Any] | None] = ContextVar("microgrid_held", default=None)

    def add(self, name: str, left: Any, right: Any, outcome: bool, serial: int) -> None:
        """Remember a comparison; `right` is a float or a Value."""
        log = self._own()
        if len(log.latest) == self.size:
            log.forgotten = log.latest[0].serial
        held = self._held.get()
        if held is not None:
            held += (left, right)
        other = right if isinstance(right, float) else ref(right)
        log.latest.append(Comparison(name, ref(left), other, outcome, serial))

    def between(self, start: int, end: int) -> tuple[list[tuple[str, Any, Any, bool]], bool]:
        """(name, left, right, outcome) of those made between two serials, oldest first.

        And whether some of this thread's are known no longer. Other threads count only with
        what they compared and what is still there: whatever else they do has no part in a
        recording made by this one.
        """
        own = self._own()
        found = []
        lost = own.forgotten > start
        for log in list(self._logs.values()):
            for made in tuple(log.latest):
                if not start < made.serial < end:
                    continue
                left = made.left()
                right = made.right() if isinstance(made.right, ReferenceType) else made.right
                if left is not None and right is not None:
                    found.append((made.serial, (made.name, left, right, made.outcome)))
                elif log is own:
                    lost = True
        return [test for _, test in sorted(found, key=itemgetter(0))], lost

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep whatever this thread compares alive until the end of the block."""
        token = self._held.set([])
        try:
            yield
        finally:
            self._held.reset(token)

    def _own(self) -> _Log:
        thread = get_ident()
        log = self._logs.get(thread)
        if log is None:
            while len(self._logs) >= _MOST_THREADS:
                self._logs.pop(next(iter(self._logs)), None)
            log = self._logs[thread] = _Log(self.size)
        return log


comparisons = Comparisons()
