"""One step of training: recorded anew each time, or replayed from a tape.

A step is a function without arguments that returns a loss. What makes it a `Step` is that
it also knows where the learnt numbers live. A recorded step computes on the model's own
Values. A replayed one computes on the arrays of a tape, which has to be told when the
Values were changed and has to write back what it has learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from .. import functional as F
from ..index import Index
from ..nested import flatten, mapped
from ..nn import Module, SequenceModel
from ..recording import no_grad
from ..saving.document import check_fields
from ..tape import Parameter, Tape, Tapes
from ..value import Value
from .text import Chunk, TextStream

__all__ = ["Eager", "Recorded", "Replayed", "Step", "TapedBPTT", "TruncatedBPTT"]

_Example: TypeAlias = tuple[Any, ...]
_Loss: TypeAlias = Callable[..., Value | tuple[Value, Sequence[Value]]]


@runtime_checkable
class Step(Protocol):
    """What Training repeats: a call computes one loss.

    A call returns a Value, whose backward() is then called, or a number if it has swept
    itself and set the gradients of `parameters()`.
    """

    def __call__(self) -> Value | float:
        """The loss of the next example."""

    def parameters(self) -> list[Any]:
        """What an optimizer is to change: Values, or the arrays of a tape."""

    def load(self) -> None:
        """Take over the numbers of the model's Values: they were loaded from a file, say."""

    def write_back(self) -> None:
        """Give the model's Values the numbers that were learnt, to predict, draw or save."""

    def graph(self) -> Value | None:
        """The loss of the latest call with its graph, or None if it kept none."""


class Eager:
    """A step on the model's own Values: `function` records a graph and returns its loss."""

    def __init__(self, model: Module, function: Callable[[], Value | float]) -> None:
        self.model = model
        self._function = function

    def __call__(self) -> Value | float:
        return self._function()

    def parameters(self) -> list[Any]:
        """What an optimizer is to change."""
        return self.model.parameters()

    def load(self) -> None:
        """Nothing to do: there are no numbers but those of the Values."""

    def write_back(self) -> None:
        """Nothing to do: there are no numbers but those of the Values."""

    def graph(self) -> Value | None:
        """None: the loss that a call returned is the graph itself."""
        return None


class Recorded(Eager):
    """A step on the next example, whose graph is recorded anew.

    Parameters
    ----------
    function : (*example) -> the loss, or (loss, outputs that `look` is to show)
    examples : tuples of arguments: numbers, vectors or matrices, an Index or a list of them
    order : indices of the examples, without end; unless given, one after the other

    >>> from microgrid import nn, optim
    >>> from microgrid.train import Training
    >>> model = nn.Linear(1, 1, seed=0)
    >>> def loss(x, y):
    ...     return (model([x])[0] - y) ** 2
    >>> step = Recorded(model, loss, [(1.0, 3.0), (2.0, 5.0)])
    >>> losses = Training(model, optim.SGD(step.parameters(), lr=0.1)).run(step, 500)
    >>> [round(model([x])[0].data, 3) for x in (1.0, 2.0, 3.0)]
    [3.0, 5.0, 7.0]
    """

    def __init__(
        self,
        model: Module,
        function: _Loss,
        examples: Sequence[_Example] = ((),),
        order: Iterable[int] | None = None,
    ) -> None:
        super().__init__(model, self._next_loss)
        self.examples = examples
        self.order = cycle(range(len(examples))) if order is None else iter(order)
        self._loss_of = function
        self._prepare()

    def _prepare(self) -> None:
        """What has to be made before the first call: nothing."""

    def look(self, *example: Any) -> list[float]:
        """[loss, *outputs] for an example, which is not learnt from."""
        with no_grad():
            loss, outputs = self._evaluated(example)
        return [value.data for value in (loss, *outputs)]

    def _next_loss(self) -> Value | float:
        return self._evaluated(self.examples[next(self.order)])[0]

    def _evaluated(self, example: _Example) -> tuple[Value, Sequence[Value]]:
        found = self._loss_of(*example)
        return (found, ()) if isinstance(found, Value) else found


class Replayed(Recorded):
    """Recorded at matrix speed: one tape for each shape of example, all made at the start.

    Give an optimizer the step's own `parameters()`: they are the tapes' arrays.

    >>> from microgrid import nn
    >>> model, examples = nn.Linear(1, 1, seed=0), [(1.0, 3.0), (2.0, 5.0)]
    >>> def loss(x, y):
    ...     return (model([x])[0] - y) ** 2
    >>> replayed, recorded = (kind(model, loss, examples)() for kind in (Replayed, Recorded))
    >>> abs(replayed - recorded.data) < 1e-12
    True
    """

    def _prepare(self) -> None:
        self.tapes = Tapes(self._record, self.model.parameters())
        self._outputs: dict[Any, Sequence[Value]] = {}
        self._numbers = [self._as_row(example) for example in self.examples]
        self._used = self._numbers[0][0]

    def parameters(self) -> list[Parameter]:
        return self.tapes.parameters()

    def look(self, *example: Any) -> list[float]:
        self._used, numbers = self._as_row(example)
        tape = self.tapes[self._used]
        return [tape.forward(numbers), *map(tape.value, self._outputs[self._used])]

    def load(self) -> None:
        self.tapes[self._used].load()

    def write_back(self) -> None:
        self.tapes[self._used].sync_parameters()

    def graph(self) -> Value | None:
        return _synced(self.tapes[self._used])

    def _next_loss(self) -> float:
        self._used, numbers = self._numbers[next(self.order)]
        tape = self.tapes[self._used]
        loss = tape.forward(numbers)
        tape.backward(inputs=False)
        return loss

    def _as_row(self, example: _Example) -> tuple[Any, np.ndarray]:
        """(key of the example's tape, which is made if need be; its numbers in one row)."""
        key = tuple(map(_shape, example))
        assert self.tapes[key]
        return key, np.array([_number(x) for argument in example for x in _fields(argument)])

    def _record(self, key: Any) -> tuple[Value, list[Any]]:
        example = tuple(map(_input, key))
        loss, self._outputs[key] = self._evaluated(example)
        return loss, [x for argument in example for x in _fields(argument)]


_Shape: TypeAlias = Any  # of an argument: np.shape's, an _Of for an Index, a list of _Of


@dataclass(frozen=True)
class _Of:
    """The shape of an Index that picks one of `size`."""

    size: int


def _shape(argument: Any) -> _Shape:
    if isinstance(argument, Index):
        return _Of(len(argument))
    return tuple(map(_shape, argument)) if _has_indices(argument) else np.shape(argument)


def _input(shape: _Shape) -> Any:
    """Leaves in that shape, or an Index where one stands."""
    if isinstance(shape, _Of):
        return Index(0, shape.size)
    if shape and isinstance(shape[0], _Of):
        return list(map(_input, shape))
    leaves = np.array([Value(0.0) for _ in range(np.prod(shape, dtype=int))])
    return leaves.reshape(shape).tolist()


def _fields(argument: Any) -> list[Any]:
    """What stands in an argument as a tape's inputs do: leaves or numbers, each Index as one."""
    if isinstance(argument, Index):
        return [argument]
    found: list[Any] = argument if _has_indices(argument) else np.ravel(argument).tolist()
    return found


def _number(field: Any) -> float:
    return field.number if isinstance(field, Index) else field


def _has_indices(argument: Any) -> bool:
    is_vector = isinstance(argument, list | tuple) and not isinstance(argument, Index)
    return is_vector and bool(argument) and isinstance(argument[0], Index)


class TruncatedBPTT(Eager):
    """A step on a text: the next chunk, started from the state in which the last one ended.

    The state is handed on as numbers, so gradients reach back to the start of the chunk and
    no further (row 001-18). A call returns the loss, the mean over the chunk's characters;
    `state_dict` is for `Training(keep=...)`.
    """

    def __init__(self, model: SequenceModel, stream: TextStream) -> None:
        super().__init__(model, self._next_loss)
        self.model: SequenceModel = model
        self.stream = stream
        self.h0: Any = None

    def state_dict(self) -> dict[str, Any]:
        """Where the text stands, and the state carried on from there."""
        return {"stream": self.stream.state_dict(), "h0": self.h0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`; ValueError for a damaged one, then nothing has been changed."""
        check_fields("the text's state", state, {"stream", "h0"}, set())
        h0, expected = state["h0"], self.model.cell.initial_state()
        if h0 is not None and not _alike(h0, expected):
            raise ValueError(f"the state carried on must be shaped like {self.model.cell!r}'s")
        self.stream.load_state_dict(state["stream"])
        self.h0 = h0

    def _next_loss(self) -> Value | float:
        chunk = next(self.stream)
        letters: list[Any] = chunk.inputs
        if self.model.embedding is None:
            letters = [F.one_hot(i, len(self.stream.vocabulary)) for i in chunk.inputs]
        run = self.model.unroll(
            letters,
            chunk.targets,
            h0=None if chunk.first else self.h0,
            reduction="mean",
        )
        self.h0 = run.carry()
        return run.loss


class TapedBPTT(TruncatedBPTT):
    """TruncatedBPTT at matrix speed: one chunk is recorded, and replayed for all the others.

    The characters come in as one-hot vectors, so that they are numbers of the tape and not
    part of its shape; an embedding is the product with its table. Give an optimizer the
    step's own `parameters()`: they are the tape's arrays.
    """

    def __init__(self, model: SequenceModel, stream: TextStream) -> None:
        super().__init__(model, stream)
        size, steps = len(stream.vocabulary), range(stream.length)
        letters = [[Value(0.0) for _ in range(size)] for _ in steps]
        targets = [[Value(0.0) for _ in range(size)] for _ in steps]
        start = model.cell.initial_state()
        table = model.embedding
        inputs = [table.mixed(x) for x in letters] if table else letters
        run = model.unroll(inputs, targets, h0=start, reduction="mean")
        self._one_hot = np.eye(size)
        self._end = run.carries[-1]
        leaves = list(flatten([letters, targets, start]))
        self._state_size = len(leaves) - 2 * size * stream.length
        self.tape = Tape(run.loss, leaves, parameters=model.parameters())

    def parameters(self) -> list[Parameter]:
        return self.tape.parameters()

    def numbers(self, chunk: Chunk, h0: Any = None) -> np.ndarray:
        """The tape's inputs for a chunk in one row: its letters, its targets, the state before it.

        h0: nested numbers; zeros unless given.
        """
        one_hot = self._one_hot[[*chunk.inputs, *chunk.targets]].ravel()
        state = [0.0] * self._state_size if h0 is None else list(flatten(h0))
        return np.concatenate([one_hot, state])

    def load(self) -> None:
        self.tape.load()

    def write_back(self) -> None:
        self.tape.sync_parameters()

    def graph(self) -> Value | None:
        return _synced(self.tape)

    def _next_loss(self) -> float:
        chunk = next(self.stream)
        loss = self.tape.forward(self.numbers(chunk, None if chunk.first else self.h0))
        self.tape.backward(inputs=False)
        self.h0 = mapped(self.tape.value, self._end)
        return loss


def _alike(numbers: Any, state: Any) -> bool:
    """Whether nested lists hold a finite number wherever a state holds a Value."""
    if isinstance(state, Value):
        return isinstance(numbers, float | int) and math.isfinite(numbers)
    if not isinstance(numbers, list | tuple) or len(numbers) != len(state):
        return False
    return all(map(_alike, numbers, state))


def _synced(tape: Tape) -> Value | None:
    """A tape's loss, its graph holding the numbers of the latest pass; None before the first."""
    try:
        tape.sync()
    except RuntimeError:
        return None
    return tape.loss
