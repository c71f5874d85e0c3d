"""A training run that can be watched, interrupted, resumed, and that stops when it goes wrong."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Protocol

from ..files import write_whole
from ..graph import creation_order
from ..nn import Module
from ..optim import LambdaLR, Optimizer, clip_grad_norm_, grad_norm
from ..saving.document import (
    check_fields,
    json_number,
    numbers_in_rows,
    read_object,
    reading,
    whole_number,
)
from ..value import Value
from ..wording import clean, short
from .interrupt import CtrlC
from .steps import Eager, Step

__all__ = ["Diverged", "Stateful", "Training"]

_CHECKPOINT, _VERSION = "microgrid checkpoint", 1


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
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.max_norm = max_norm
        self.keep = dict(keep or {})
        self.steps = 0
        self.losses: list[float] = []
        self._step: Step | None = None

    def run(
        self,
        step: Step | Callable[[], Value | float],
        steps: int,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int = 100,
        progress: bool = True,
    ) -> list[float]:
        """Train until `steps` updates are done in all; returns the losses.

        step: a function that returns a loss, or a `Step`: Recorded, Replayed, TruncatedBPTT,
            TapedBPTT or your own. It begins from the numbers of the model's Values, and in
            the end they hold what was learnt.
        checkpoint: a file written every `every` updates, at the end, and when Ctrl-C stops
            the run, which happens between two updates and raises KeyboardInterrupt.
        progress: show a bar on a terminal; nothing is shown on a pipe.

        Diverged, a ValueError, if the loss or a gradient is not finite: it names the step
        and the first node that went wrong, and the last good parameters are put back.
        ValueError if the optimizer changes nothing that the step computes with.
        """
        self._step = step = self._taken_up(step)
        good = self._snapshot()
        with CtrlC(insist=True) as ctrl_c, _bar(steps, self.steps, progress) as show:
            while self.steps < steps and not ctrl_c.pressed:
                before = self._snapshot()
                loss, norm = self._swept(step, good, before, checkpoint)
                good = before
                self._update(loss)
                show(self.steps, loss, norm)
                if self.steps % every == 0:
                    self._keep(checkpoint)
        self._keep(checkpoint)
        if self.steps < steps:
            raise KeyboardInterrupt
        return self.losses

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint: JSON, whole or not at all."""
        return write_whole(path, json.dumps(self._state()))

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Take up a checkpoint: the run goes on to the numbers of an unbroken one.

        ValueError, in one sentence, for a file that is damaged, no checkpoint, or one of
        another model or optimizer. Nothing of this run has been changed then.
        """
        with reading(path):
            state = read_object(path, _CHECKPOINT, _VERSION)
            self._check(state)
            before = self._state()
            try:
                self._load(state)
            except Exception as error:  # what a `keep` of the user's makes of a strange state
                self._load(before)
                raise ValueError(f"it is a checkpoint of another run: {error}") from None

    def _taken_up(self, step: Step | Callable[[], Value | float]) -> Step:
        """The step, with the model's numbers in it."""
        if not isinstance(step, Step):
            return Eager(self.model, step)
        known = {id(p) for p in step.parameters()}
        if known and known.isdisjoint(map(id, self.optimizer.params)):
            raise ValueError(
                "Training: the optimizer changes none of the step's parameters; "
                "make it with step.parameters()"
            )
        step.load()
        return step

    def _state(self) -> dict[str, Any]:
        if self._step is not None:
            self._step.write_back()
        return {
            "format": _CHECKPOINT,
            "version": _VERSION,
            "steps": self.steps,
            "losses": self.losses,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "keep": {name: thing.state_dict() for name, thing in self.keep.items()},
        }

    def _check(self, state: dict[str, Any]) -> None:
        """ValueError for what can be seen to be wrong before anything is taken up."""
        fields = {"steps", "losses", "model", "optimizer", "schedule", "keep"}
        check_fields("the checkpoint", state, fields | {"format", "version"}, set())
        steps, losses = whole_number("steps", state["steps"]), state["losses"]
        if not isinstance(losses, list) or len(losses) != steps:
            raise ValueError(f"losses must be a list of one number per step, got {short(losses)}")
        for loss in losses:
            json_number("a loss", loss)
        model, kept = state["model"], state["keep"]
        if not isinstance(model, dict) or not isinstance(kept, dict):
            raise ValueError("model and keep must be objects")
        for name, numbers in model.items():
            numbers_in_rows(f"weight {short(name)}", numbers)
        if kept.keys() != self.keep.keys():
            raise ValueError(f"it keeps {sorted(kept)}, this run {sorted(self.keep)}")
        if bool(state["schedule"]) != (self.schedule is not None):
            raise ValueError("one of the two has a learning-rate schedule, the other none")

    def _load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, thing in self.keep.items():
            thing.load_state_dict(state["keep"][name])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self._step is not None:
            self._step.load()
        self.steps, self.losses = state["steps"], list(state["losses"])

    def _swept(
        self,
        step: Step,
        good: dict[str, Any],
        before: dict[str, Any],
        checkpoint: str | os.PathLike[str] | None,
    ) -> tuple[float, float]:
        """(loss, norm of the gradient) of one step, swept and clipped; Diverged if not finite.

        A bad loss condemns the update that led to it, so `good` is put back, from before that
        update. A bad gradient of a good loss condemns nothing yet: `before` is put back.
        """
        # The gradients of a tape's parameters are arrays and are never None: zero them instead.
        self.optimizer.zero_grad(set_to_none=False)
        found = step()
        loss = float(found)
        if not math.isfinite(loss):
            message = self._message(f"the loss is {loss!r}", self._culprit(step, found))
            self._restore(good)
        else:
            if isinstance(found, Value):
                found.backward()
            norm = grad_norm(self.optimizer.params)
            if math.isfinite(norm):
                if self.max_norm is not None:
                    clip_grad_norm_(self.optimizer.params, self.max_norm)
                return loss, norm
            message = self._message(f"the gradient's norm is {norm!r}", self._bad_gradient())
            self._restore(before)
        self._keep(checkpoint)
        raise Diverged(message)

    def _update(self, loss: float) -> None:
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        self.steps += 1
        self.losses.append(loss)

    def _keep(self, checkpoint: str | os.PathLike[str] | None) -> None:
        """The model's own Values, and the checkpoint if there is one, hold the present state."""
        if self._step is not None:
            self._step.write_back()
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

    def _culprit(self, step: Step, loss: Value | float) -> str:
        """Where the loss went wrong, in the graph just recorded or in the one replayed."""
        root = loss if isinstance(loss, Value) else step.graph()
        return "" if root is None else _first_not_finite(root)

    def _bad_gradient(self) -> str:
        for name, p in self.model.named_parameters():
            if not math.isfinite(p.grad):
                return f"the gradient of {p.label or name} is {p.grad!r}"
        return ""

    def _message(self, what: str, culprit: str) -> str:
        found = f"; {culprit}" if culprit else ""
        return clean(
            f"training stopped before update {self.steps + 1}: {what}{found}. The parameters "
            f"that last gave a finite loss are kept; a smaller learning rate or clipping may help"
        )


def _first_not_finite(root: Value) -> str:
    """The oldest node whose number is not finite: where the trouble began."""
    for node in creation_order(root):
        if not math.isfinite(node.data):
            name = node.label or "a node without label"
            where = f" in scope {node.scope}" if node.scope else ""
            made = f" of op {node.op}" if node.op else ""
            return f"the first such number is {name}{made}{where}, {node.data!r}"
    return ""


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
