"""How fast a demo trains when it replays a tape, and when it records every graph anew."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from microgrid.train import Recorded, Replayed, Step, Training

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
