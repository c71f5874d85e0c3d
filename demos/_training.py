"""Two ways to train: to record every graph anew, or to replay a tape. And how fast each is."""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import numpy as np

from microgrid import Value, nn, no_grad
from microgrid.tape import Parameter, Tapes
from microgrid.train.training import Step, Training

Example = tuple[Any, ...]
Numbers = list[float]
Make = Callable[[bool], tuple[Training, Step]]

ENOUGH = 0.3  # seconds to time the other way for


def eager_option(made: argparse.ArgumentParser) -> None:
    """Give a demo's parser --eager."""
    made.add_argument(
        "--eager",
        action="store_true",
        help="record every graph anew instead of replaying a tape: the same numbers, slower",
    )


class Recorded:
    """A step of training on the next example, whose graph is recorded anew.

    Parameters
    ----------
    function : (*example) -> (loss, outputs that `look` is to show)
    examples : tuples of arguments: numbers, vectors or matrices
    order : indices of the examples, without end; unless given, one after the other
    """

    def __init__(
        self,
        model: nn.Module,
        function: Callable[..., tuple[Value, list[Value]]],
        examples: Sequence[Example] = ((),),
        order: Iterable[int] | None = None,
    ) -> None:
        self.model = model
        self.function = function
        self.examples = examples
        self.order = cycle(range(len(examples))) if order is None else iter(order)

    def parameters(self) -> list[Any]:
        """What an optimizer is to change."""
        return self.model.parameters()

    def sync(self, when: str) -> None:
        """Bring Values and arrays together, as Training asks: here there are Values only."""

    def __call__(self) -> Value | float:
        loss, _ = self.function(*self.examples[next(self.order)])
        return loss

    def look(self, *example: Any) -> Numbers:
        """[loss, *outputs] for an example, which is not learnt from."""
        with no_grad():
            loss, outputs = self.function(*example)
        return [value.data for value in (loss, *outputs)]


class Replayed(Recorded):
    """Recorded at matrix speed: one tape for each shape of example, all made at the start."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.outputs: dict[Any, list[Value]] = {}
        self.tapes = Tapes(self._build, self.model.parameters())
        self.flat = [self._flat(example) for example in self.examples]
        self.used = self.flat[0][0]

    def parameters(self) -> list[Parameter]:
        return self.tapes.parameters()

    def __call__(self) -> float:
        self.used, numbers = self.flat[next(self.order)]
        tape = self.tapes[self.used]
        loss = tape.forward(numbers)
        tape.backward(inputs=False)
        return loss

    def look(self, *example: Any) -> Numbers:
        self.used, numbers = self._flat(example)
        tape = self.tapes[self.used]
        return [tape.forward(numbers), *map(tape.value, self.outputs[self.used])]

    def sync(self, when: str) -> None:
        tape = self.tapes[self.used]
        if when == "loaded":
            tape.load()
        elif when == "read":
            tape.sync_parameters()
        else:
            tape.forward()
            tape.sync()

    def _flat(self, example: Example) -> tuple[Any, np.ndarray]:
        """(key of the example's tape, which is made if need be; its numbers in one row)."""
        key = tuple(np.shape(x) for x in example)
        assert self.tapes[key]
        return key, np.concatenate([[], *map(np.ravel, example)])

    def _build(self, key: Any) -> tuple[Value, list[Value]]:
        arrays = [np.array([Value(0.0) for _ in range(np.prod(s, dtype=int))]) for s in key]
        nested = [array.reshape(shape).tolist() for array, shape in zip(arrays, key)]
        loss, self.outputs[key] = self.function(*nested)
        return loss, list(chain.from_iterable(arrays))


def steps(eager: bool) -> type[Recorded]:
    """The kind of step for one of the two ways."""
    return Recorded if eager else Replayed


class Run:
    """A training in one of the two ways, timed.

    Attributes
    ----------
    ready : seconds that making the step took: a tape's recording and planning
    updates, seconds : how many there were here, and how long they took
    """

    def __init__(self, make: Make, eager: bool) -> None:
        """make: eager -> (training, step), from the same start at every call."""
        self.make, self.eager = make, eager
        begun = time.perf_counter()
        self.training, self.step = make(eager)
        self.ready = time.perf_counter() - begun
        self.updates, self.seconds = 0, 0.0

    def to(self, updates: int, checkpoint: Path | None = None, progress: bool = True) -> Numbers:
        """Train until there were `updates` in all; their losses."""
        before, begun = self.training.steps, time.perf_counter()
        losses = self.training.run(self.step, updates, checkpoint, progress=progress)
        self.seconds += time.perf_counter() - begun
        self.updates += self.training.steps - before
        return losses

    def other(self) -> "Run":
        """The first few updates once more, on a network of their own, in the other way."""
        other = Run(self.make, not self.eager)
        other.training.sync = lambda when: None  # nobody will read this network's numbers
        while other.updates < self.updates and other.seconds < ENOUGH:
            other.to(min(self.updates, 2 * other.updates + 1), progress=False)
        return other


def speeds(*runs: Run) -> str:
    """One line: updates a second over all trainings of a demo, in its way and in the other."""
    pairs = [(run, run.other()) for run in runs if run.updates]
    if not pairs:
        return "no update was left to do"
    updates = sum(run.updates for run, _ in pairs)
    own = updates / sum(run.seconds for run, _ in pairs)
    # The other way made fewer updates: what it would have taken for as many.
    other = updates / sum(run.updates * few.seconds / few.updates for run, few in pairs)
    eager = pairs[0][0].eager
    ready = sum((few if eager else run).ready for run, few in pairs)
    replayed = f"replayed from a tape, after {ready:.2f} s to record and plan"
    first, second = "recorded anew each time", replayed
    if not eager:
        first, second = second, first
    times = (other / own) if eager else (own / other)
    return (
        f"{first}: {own:.1f} updates a second; {second}: {other:.1f} "
        f"(replaying is {times:.1f} times as fast)"
    )
