"""Commands that change a number: the graph is computed again and swept again to the same place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..derivatives import grad
from ..graph import recompute
from ..stepper import Stepper
from ..value import Value
from ..wording import bracketed, shown
from .breakpoints import breakpoint_at
from .looking import Looking
from .names import Vector

__all__ = ["Changing"]

_MOST_LINES = 12  # of the leaves that a command has changed


class Changing(Looking):
    """The commands set, nudge and undo, which answer what would be if a number were another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._changed: list[dict[Value, float]] = []  # the leaves' numbers before each change

    def do_set(self, arg: str) -> None:
        """set LEAF = NUMBER: give a leaf another number, compute and sweep again to here.

        set h_0 = 1    set x_1 = 0, 1, 0    undo takes it back. The change of the loss is held
        against what the gradient promised.
        """
        name, equals, numbers = arg.partition("=")
        if not equals:
            raise ValueError(f"write set h_0 = 1, got {arg!r}")
        entries = self._leaves(name.strip())
        self._change(dict(zip(entries, _numbers(numbers, len(entries), name.strip()))))

    def do_nudge(self, arg: str) -> None:
        """nudge LEAF STEP: add a small step to a leaf, compute and sweep again to here.

        nudge W_h 0.01: how well does the gradient foretell what the loss does?
        """
        name, _, step = arg.strip().rpartition(" ")
        if not name:
            raise ValueError(f"write nudge W_h 0.01, got {arg!r}")
        entries = self._leaves(name.strip())
        (by,) = _numbers(step, 1, "the step")
        self._change({leaf: leaf.data + by for leaf in entries})

    def do_undo(self, arg: str) -> None:
        """undo: take the latest set or nudge back."""
        if not self._changed:
            raise ValueError("no number was changed: set and nudge do that, bk undoes an event")
        numbers = self._changed.pop()
        self._apply(numbers)
        root = self.stepper.root
        self._say_some(f"{self.names[leaf]} = {shown(x)} again" for leaf, x in numbers.items())
        self.say(f"{self.names.called(root)} = {shown(root.data)}")
        self.arrive()

    def _leaves(self, name: str) -> Vector:
        found = self.named(name)
        entries = found if isinstance(found, tuple) else (found,)
        for node in entries:
            if node.parents:
                leaves = [self.names[x] for x in self.stepper.nodes if not x.parents and x.label]
                raise ValueError(
                    f"{self.names[node]} is computed; a number can be given to a leaf: "
                    f"{', '.join(leaves[::-1][:8])}{', …' if len(leaves) > 8 else ''}"
                )
        return entries

    def _change(self, numbers: dict[Value, float]) -> None:
        root = self.stepper.root
        before, old = root.data, {leaf: leaf.data for leaf in numbers}
        promised = self._promised({leaf: new - old[leaf] for leaf, new in numbers.items()})
        self._apply(numbers)
        self._changed.append(old)
        self._say_some(
            f"{self.names[leaf]} = {shown(new)}, before {shown(old[leaf])}"
            for leaf, new in numbers.items()
        )
        name, change = self.names.called(root), root.data - before
        self.say(f"{name} goes from {shown(before)} to {shown(root.data)}, by {shown(change)}")
        self.say(f"the gradient promised {promised}")
        self.arrive()

    def _say_some(self, lines: Iterable[str]) -> None:
        """The lines, of a large matrix the first ones."""
        said = list(lines)
        self.say(*said[:_MOST_LINES])
        if len(said) > _MOST_LINES:
            self.say(f"… and {len(said) - _MOST_LINES} more")

    def _promised(self, by: dict[Value, float]) -> str:
        """gradient × step, as a sum over the leaves that change."""
        gradients = [gradient.data for gradient in grad(self.stepper.root, list(by))]
        total = sum(gradient * step for gradient, step in zip(gradients, by.values()))
        if len(by) > 1:
            return shown(total)
        (step,) = by.values()
        return f"{bracketed(gradients[0])} × {bracketed(step)} = {shown(total)}"

    def _apply(self, numbers: dict[Value, float]) -> None:
        """Give the leaves their numbers; the new sweep goes as far as the old one had."""
        done, root = len(self.stepper.history), self.stepper.root
        self.stepper.restart()
        for leaf, number in numbers.items():
            leaf.data = number
        recompute(root)
        self.stepper = Stepper(root, forward=self.stepper.forward)
        for _ in islice(self.stepper, done):
            pass
        for number, stop in self.breakpoints.items():
            again = breakpoint_at(stop.text, self, self.names.known, stop.temporary)
            self.breakpoints[number] = again


def _numbers(text: str, count: int, name: str) -> list[float]:
    words = text.replace(",", " ").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"{name} takes numbers such as 0.5, got {text.strip()!r}") from None
    for word, number in zip(words, numbers):
        if not math.isfinite(number):
            raise ValueError(f"{name} takes finite numbers such as 0.5, got {word!r}")
    if len(numbers) != count:
        plural = "number" if count == 1 else "numbers"
        raise ValueError(f"{name} takes {count} {plural}, got {len(numbers)}")
    return numbers
