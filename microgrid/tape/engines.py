"""Which engine replays a tape: compiled kernels, or NumPy."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from .numpy.program import Array
from .numpy.replay import Replay
from .parameters import Store
from .plan import Plan

if TYPE_CHECKING:
    from .compiled.pieces import Pieces
    from .compiled.replay import Replay as CompiledReplay
    from .session import Executor

__all__ = ["DTYPES", "ENGINES", "Engine", "report"]

ENGINES = ("auto", "numpy", "compiled")
DTYPES = ("float64", "float32")
_PATIENCE = 0.5  # seconds that a forward waits for the compiler; NumPy replays from then on
_CLOSE = {"float64": 1e-9, "float32": 1e-3}  # how far the engines' losses may be apart

_log = logging.getLogger("microgrid.tape")
_said: set[str] = set()


class Engine:
    """Makes the executors of one tape.

    asked : "numpy"; "compiled", which waits for the compiler; or "auto", which replays on NumPy
        until the kernels are there, and where they cannot be had. MICROGRID_ENGINE
        overrules it, and MICROGRID_THREADS how many threads replay a large batch. ValueError for
    any other
    dtype : "float64", or "float32" for compiled kernels that compute in single precision

    Which engine `auto` took, and why, is logged once a process by the logger
    "microgrid.tape"; "compiled" that cannot be had is a RuntimeWarning, and NumPy replays.
    """

    def __init__(self, asked: str = "auto", dtype: str = "float64") -> None:
        _check("engine", asked, ENGINES)
        _check("dtype", dtype, DTYPES)
        forced = os.environ.get("MICROGRID_ENGINE")
        if forced:
            _check("MICROGRID_ENGINE", forced, ENGINES)
        self.asked, self.dtype, self._threads = forced or asked, dtype, _threads()
        self.running = "numpy"  # or "compiled": what made the latest executor's numbers

    def __call__(self, plan: Plan, store: Store, batch: tuple[int, ...]) -> Executor:
        if self.asked == "auto":
            return _Waiting(self, plan, store, batch)
        if self.asked == "compiled":
            found = self.compiled(plan, store, batch)
            if found is not None:
                return found
        return Replay(plan, store, batch)

    def compiled(
        self, plan: Plan, store: Store, batch: tuple[int, ...], build: bool = True
    ) -> CompiledReplay | Pieces | None:
        """An executor with compiled kernels; None, and a sentence, where it cannot be had.

        Without `build` also None, and no sentence, where kernels are yet to be compiled.
        """
        from .compiled.build import CompileError, library
        from .compiled.pieces import executor

        try:
            found = executor(plan, store, batch, self.dtype, self._threads)
            kernels = library(self.dtype)
            if not kernels.load(found.kernels(), build):
                return None
            found.link(kernels)
        except CompileError as error:
            self.give_up(error)
            return None
        self.took_compiled()
        return found

    def took_compiled(self) -> None:
        self.running = "compiled"
        _say_once(logging.INFO, "Tape: compiled kernels replay")

    def give_up(self, error: Exception) -> None:
        """NumPy takes over, and says why."""
        sentence = f"Tape: NumPy replays, for {error}"
        if self.asked == "compiled":
            warnings.warn(sentence, RuntimeWarning, stacklevel=2)
        else:
            is_usual = "there is no C compiler" in str(error)
            _say_once(logging.INFO if is_usual else logging.WARNING, sentence)


def _check(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        names = ", ".join(f'"{x}"' for x in known)
        raise ValueError(f"Tape: {name} must be one of {names}; got {given!r}")


def _threads() -> int:
    """How many threads replay a large batch: MICROGRID_THREADS, or one for each core."""
    wanted = os.environ.get("MICROGRID_THREADS")
    if not wanted:
        free = getattr(os, "sched_getaffinity", None)  # the cores that this process may use
        return len(free(0)) if free else os.cpu_count() or 1
    if not (wanted.isascii() and wanted.isdecimal() and int(wanted)):
        raise ValueError(f"Tape: MICROGRID_THREADS must be 1 or more, got {wanted!r}")
    return int(wanted)


def _say_once(level: int, sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        _log.log(level, sentence)


class _Waiting:
    """An executor on NumPy until compiled kernels are there: then it is theirs.

    To check the recording nothing is compiled.
    """

    values: Any
    gradients: Any

    def __init__(self, engine: Engine, plan: Plan, store: Store, batch: tuple[int, ...]) -> None:
        self._engine, self._of = engine, (plan, store, batch)
        self._later: CompiledReplay | Pieces | None = None
        self._builds: Thread | None = None
        found = engine.compiled(plan, store, batch, build=False) if batch else None
        if found is None:
            self._now = Replay(plan, store, batch)
            self.values, self.gradients = self._now.values, self._now.gradients
            self.backward: Callable[..., None] = self._now.backward
        else:
            self._become(found)

    def feed(self, numbers: Any) -> None:
        """Set the inputs."""
        self._now.feed(numbers)

    def check(self) -> Array:
        """The loss at the numbers of the recording."""
        return self._now.forward()

    def forward(self) -> Array:
        """Run every block; the loss of each example of the batch."""
        if self._is_ready():
            return self._switch()
        return self._now.forward()

    def _is_ready(self) -> bool:
        """Whether kernels are there; the first call has them built, and waits for a moment."""
        if self._builds is None:
            self._builds = Thread(target=self._build, daemon=True)
            self._builds.start()
            self._builds.join(_PATIENCE)
        return not self._builds.is_alive() and self._later is not None

    def _build(self) -> None:
        running = self._engine.running
        self._later = self._engine.compiled(*self._of)
        self._engine.running = running  # until they have taken over

    def _switch(self) -> Array:
        """Take over from NumPy, if both engines find the same loss."""
        later, now = self._later, self._now
        assert later is not None
        later.values[...] = now.values
        wanted, found = now.forward(), later.forward()
        close = _CLOSE[self._engine.dtype]
        if np.allclose(found, wanted, rtol=close, atol=close, equal_nan=True):
            self._become(later)
            return found
        self._later = None
        self._engine.give_up(
            RuntimeError(f"compiled kernels found the loss {found} where NumPy finds {wanted}")
        )
        return wanted

    def _become(self, executor: CompiledReplay | Pieces) -> None:
        """Hand all calls to another executor, without a step in between."""
        self.values, self.gradients = executor.values, executor.gradients
        self.feed = executor.feed  # type: ignore[method-assign]
        self.forward = executor.forward  # type: ignore[method-assign]
        self.backward = executor.backward
        self._engine.took_compiled()


def report() -> str:
    """What `auto` finds on this machine, in a sentence."""
    from .compiled.build import CompileError, check

    forced = os.environ.get("MICROGRID_ENGINE")
    by = f" (MICROGRID_ENGINE is {forced})" if forced else ""
    try:
        return f"compiled, by {check()}; large batches on threads: {_threads()}{by}"
    except CompileError as error:
        return f"numpy: {error}{by}"
