"""A training run that can be watched, interrupted, resumed, and that stops when it goes wrong."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from .files import write_whole
from .graph import creation_order
from .nn import Module, SequenceModel
from .optim import LambdaLR, Optimizer, clip_grad_norm_, grad_norm
from .text import TextStream
from .value import Value

FORMAT = "microgrid checkpoint 1"

Step: TypeAlias = Callable[[], Value | float]


class Stateful(Protocol):
    """What a checkpoint keeps beside the parameters: a stream's place, a carried state."""

    def state_dict(self) -> Any:
        """The state in JSON's types."""

    def load_state_dict(self, state: Any) -> None:
        """Take the state up again."""


class Diverged(ValueError):  # noqa: N818, an outcome's name
    """The loss or a gradient is no longer finite; the parameters are the last good ones."""


class Training:
    """Steps of an optimizer on a model: forward, backward, clip, update, schedule.

    Parameters
    ----------
    model : its parameters are what a checkpoint saves
    optimizer, schedule : of `microgrid.optim`; a schedule takes one step per update
    max_norm : the gradients' norm is clipped to this, if given
    keep : other things with state_dict and load_state_dict that a resumed run needs, by
        name: a TextStream, what carries a hidden state from chunk to chunk
    sync : called before the model's parameters are read or after they were loaded, with
        "read" or "loaded": for parameters that live elsewhere, as a Tape's arrays do

    `steps` counts the updates so far, `losses` holds the loss before each of them.

    >>> from microgrid import nn, optim
    >>> model = nn.Linear(1, 1, seed=0)
    >>> training = Training(model, optim.SGD(model.parameters(), lr=0.1))
    >>> losses = training.run(lambda: (model([2.0])[0] - 3.0) ** 2, steps=20)
    >>> round(model([2.0])[0].data, 6)
    3.0
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        schedule: LambdaLR | None = None,
        max_norm: float | None = None,
        keep: Mapping[str, Stateful] | None = None,
        sync: Callable[[str], None] = lambda when: None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.max_norm = max_norm
        self.keep = dict(keep or {})
        self.sync = sync
        self.steps = 0
        self.losses: list[float] = []

    def run(
        self,
        step: Step,
        steps: int,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int = 100,
        progress: bool = True,
    ) -> list[float]:
        """Train until `steps` updates are done in all; returns the losses.

        step: computes one loss. It returns a Value, whose backward() is then called, or a
            number if it has swept itself (a Tape does).
        checkpoint: a file written every `every` updates, at the end, and when Ctrl-C stops
            the run, which happens between two updates and raises KeyboardInterrupt.
        progress: show a bar on a terminal; nothing is shown on a pipe.

        Diverged, a ValueError, if the loss or a gradient is not finite: it names the step
        and the first node that went wrong, and the last good parameters are put back.
        """
        good = self._snapshot()
        with _interruptible() as interrupted, _bar(steps, self.steps, progress) as show:
            while self.steps < steps:
                before = self._snapshot()
                self.optimizer.zero_grad()
                loss = step()
                number = float(loss)
                if not math.isfinite(number):
                    message = self._message(f"the loss is {number!r}", _culprit(loss))
                    self._restore(good)
                    self._save(checkpoint)
                    raise Diverged(message)
                if isinstance(loss, Value):
                    loss.backward()
                norm = self._clipped_norm()
                if not math.isfinite(norm):
                    message = self._message(
                        f"the gradient's norm is {norm!r}", self._bad_gradient()
                    )
                    self._restore(before)
                    self._save(checkpoint)
                    raise Diverged(message)
                good = before
                self.optimizer.step()
                if self.schedule is not None:
                    self.schedule.step()
                self.steps += 1
                self.losses.append(number)
                show(self.steps, number, norm)
                if interrupted():
                    self._save(checkpoint)
                    raise KeyboardInterrupt
                if self.steps % every == 0:
                    self._save(checkpoint)
        self._save(checkpoint)
        return self.losses

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint: JSON, whole or not at all."""
        return write_whole(path, json.dumps(self._state()))

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Take up a checkpoint: the run goes on to the numbers of an unbroken one.

        ValueError for a file that is no checkpoint, or one of another model or optimizer.
        """
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError:
            raise ValueError(f"{path} is not a checkpoint: it holds no JSON") from None
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(f"{path} is not a checkpoint of this program ({FORMAT})")
        try:
            self._load(state)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path} is a checkpoint of another run: {error}") from None

    def _state(self) -> dict[str, Any]:
        self.sync("read")
        return {
            "format": FORMAT,
            "steps": self.steps,
            "losses": self.losses,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "keep": {name: thing.state_dict() for name, thing in self.keep.items()},
        }

    def _load(self, state: dict[str, Any]) -> None:
        if state["keep"].keys() != self.keep.keys():
            raise ValueError(f"it keeps {sorted(state['keep'])}, this run {sorted(self.keep)}")
        if bool(state["schedule"]) != (self.schedule is not None):
            raise ValueError("one of the two has a learning-rate schedule, the other none")
        before = self.model.state_dict()
        self.model.load_state_dict(state["model"])
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            for name, thing in self.keep.items():
                thing.load_state_dict(state["keep"][name])
        except (ValueError, KeyError):
            self.model.load_state_dict(before)
            raise
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.sync("loaded")
        self.steps, self.losses = state["steps"], list(state["losses"])

    def _save(self, checkpoint: str | os.PathLike[str] | None) -> None:
        if checkpoint is not None:
            self.save(checkpoint)

    def _snapshot(self) -> dict[str, Any]:
        """What one update changes, to be put back if it did harm."""
        return {
            "steps": self.steps,
            "data": [copy(p.data) for p in self.optimizer.params],
            "memory": [dict(memory) for memory in self.optimizer.memory],
            "lr": self.optimizer.lr,
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "keep": {name: thing.state_dict() for name, thing in self.keep.items()},
        }

    def _restore(self, snapshot: dict[str, Any]) -> None:
        for p, data in zip(self.optimizer.params, snapshot["data"]):
            p.data = data
            p.grad = None
        self.optimizer.memory = snapshot["memory"]
        self.optimizer.lr = snapshot["lr"]
        if self.schedule is not None:
            self.schedule.load_state_dict(snapshot["schedule"])
        for name, thing in self.keep.items():
            thing.load_state_dict(snapshot["keep"][name])
        self.steps = snapshot["steps"]
        del self.losses[self.steps :]

    def _clipped_norm(self) -> float:
        norm = grad_norm(self.optimizer.params)
        if self.max_norm is not None and math.isfinite(norm):
            clip_grad_norm_(self.optimizer.params, self.max_norm)
        return norm

    def _bad_gradient(self) -> str:
        for name, p in self.model.named_parameters():
            if p.grad is not None and not math.isfinite(p.grad):
                return f"the gradient of {p.label or name} is {p.grad!r}"
        return ""

    def _message(self, what: str, culprit: str) -> str:
        found = f"; {culprit}" if culprit else ""
        return (
            f"training stopped before update {self.steps + 1}: {what}{found}. The parameters "
            f"that last gave a finite loss are kept; a smaller learning rate or clipping may help"
        )


class TruncatedBPTT:
    """One step on a text: the next chunk, started from the state in which the last one ended.

    The state is handed on as numbers, so gradients reach back to the start of the chunk and
    no further (row 001-18). A call returns the loss, the mean over the chunk's characters;
    `state_dict` is for `Training(keep=...)`.
    """

    def __init__(self, model: SequenceModel, stream: TextStream) -> None:
        self.model = model
        self.stream = stream
        self.h0: Any = None

    def __call__(self) -> Value:
        chunk = next(self.stream)
        run = self.model.unroll(
            chunk.inputs,
            chunk.targets,
            h0=None if chunk.first else self.h0,
            reduction="mean",
        )
        self.h0 = run.carry()
        assert run.loss is not None
        return run.loss

    def state_dict(self) -> dict[str, Any]:
        """Where the text stands, and the state carried on from there."""
        return {"stream": self.stream.state_dict(), "h0": self.h0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`."""
        self.stream.load_state_dict(state["stream"])
        self.h0 = state["h0"]


def _culprit(loss: Value | float) -> str:
    """The oldest node whose number is not finite: where the trouble began."""
    if not isinstance(loss, Value):
        return ""
    for node in creation_order(loss):
        if not math.isfinite(node.data):
            name = node.label or "a node without label"
            where = f" in scope {node.scope}" if node.scope else ""
            made = f" of op {node.op}" if node.op else ""
            return f"the first such number is {name}{made}{where}, {node.data!r}"
    return ""


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C inside only raises a flag, so that an update is never torn; a second one stops."""
    asked = threading.Event()

    def ask(signum: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(total: int, done: int, wanted: bool) -> Iterator[Callable[[int, float, float], None]]:
    """A function (steps, loss, gradient norm) that moves a progress bar, on a terminal only."""
    from rich.console import Console

    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield lambda steps, loss, norm: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    start = time.perf_counter()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, completed=done, figures="")

        def show(steps: int, loss: float, norm: float) -> None:
            speed = (steps - done) / (time.perf_counter() - start)
            figures = f"loss {loss:.4f}  |gradient| {norm:.3g}  {speed:.1f} steps/s"
            bar.update(task, completed=steps, figures=figures)

        yield show
