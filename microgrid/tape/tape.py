"""Tape: a recorded graph, frozen into arrays, that can be replayed with other numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from ..beside import any_frozen, followed
from ..collector import uncollected
from ..graph import put_gradient, recompute
from ..recording import comparisons, watched
from ..value import Value
from .compiler import compile_plan
from .engines import Engine
from .guards import Source, source
from .numpy.program import Array, check_rows
from .parameters import Parameter, Store
from .plan import Plan
from .reading import Reader
from .sanity import check_finite, check_recorded, is_fresh
from .session import Session

__all__ = ["Tape"]

_FROZEN = (
    "Tape: Dropout drew its mask while this was recorded, and every replay drops the same entries. "
    "To draw anew, make the mask an input: mask = [Value(1.0) for x in xs], dropout(xs, mask), "
    "Tape(loss, inputs=[mask]), and tape.forward([dropout.draw(len(mask))])"
)


class Tape:
    """The graph of `loss`, replayed at matrix speed.

    Parameters
    ----------
    loss : the Value that is computed and differentiated
    inputs : leaves whose numbers are given anew to every `forward`; nested lists will do
    parameters : leaves that an optimizer changes; unless given, every leaf under the loss
        that is no input. All other leaves keep their numbers
    reduction : what `forward` returns for a batch: the "sum" or the "mean" of its losses
    engine : "numpy"; "compiled" for kernels made by the system's C compiler; or "auto",
        which replays on NumPy where there is none, and until the kernels are ready. The
        environment variable MICROGRID_ENGINE overrules it
    dtype : "float64", or "float32" for compiled kernels that compute in single precision

    Attributes
    ----------
    plan : what runs, block by block: `print(tape.plan)`
    engine : the engine that is at work, "numpy" or "compiled"

    The numbers of the parameters live in the tape from then on: train
    `tape.parameters()`, and call `sync()` to see results in the Values. A comparison that
    the recording made (`if v > 0`) is a guard: replaying numbers that come out
    otherwise raises GuardError. What the program read through `.data` or `float(v)` is a
    constant of the tape, and so is a mask that Dropout has drawn: a UserWarning says so. What
    BatchNorm1d keeps of the batches it sees follows every forward. The arrays hold the latest
    forward, so a tape is for one thread at a time: RuntimeError where a second one comes in
    between. Compiled kernels replay a batch of more than 32 MB of numbers in pieces, on all cores,
    or on as many threads as the environment variable MICROGRID_THREADS says; results do not hang
    on how many these are. ValueError for an input that is no leaf of the graph, and where the
    graph's numbers are out of date.

    >>> a, x = Value(2.0, label="a"), Value(3.0, label="x")
    >>> tape = Tape((a * x).tanh() + x, inputs=[x])
    >>> tape.forward([0.0])
    0.0
    >>> tape.backward()
    >>> tape.grad(a), tape.grad(x)
    (0.0, 3.0)
    >>> tape.forward([[0.0], [0.0], [0.0]])
    0.0
    """

    def __init__(
        self,
        loss: Value,
        inputs: Sequence[Any] = (),
        parameters: Sequence[Value] | None = None,
        reduction: str = "sum",
        engine: str = "auto",
        dtype: str = "float64",
    ) -> None:
        self._start(source(loss, inputs, parameters), reduction, Engine(engine, dtype))

    @classmethod
    def record(
        cls,
        build: Callable[[], Value],
        inputs: Sequence[Any] = (),
        parameters: Sequence[Value] | None = None,
        reduction: str = "sum",
        engine: str = "auto",
        dtype: str = "float64",
    ) -> Tape:
        """`Tape(build(), inputs, ...)`, with every comparison that `build` makes as a guard.

        Needed where a Value is compared that nothing else keeps.

        >>> a, x = Value(2.0), Value(3.0)
        >>> tape = Tape.record(lambda: a * x if a + x > 1.0 else a - x, inputs=[x])
        >>> tape.forward([1.0])
        2.0
        >>> tape.forward([-5.0])
        Traceback (most recent call last):
        ...
        microgrid.tape.guards.GuardError: Tape: these numbers take another branch than the \
recording: the add node is -3.0, where the recording found it greater than 1.0; make another tape \
for this branch
        """
        since = Value(0.0).serial
        with comparisons.hold():
            tape = cls.__new__(cls)
            recorded = source(build(), inputs, parameters, since)
            tape._start(recorded, reduction, Engine(engine, dtype))
            return tape

    def _start(
        self,
        source: Source,
        reduction: str,
        engine: Engine,
        store: Store | None = None,
        like: Iterable[Plan] = (),
    ) -> None:
        """Compile what was recorded.

        store, like: the parameters, and the plans, of other tapes of the same model.
        """
        if reduction not in ("sum", "mean"):
            raise ValueError(f'Tape: reduction must be "sum" or "mean", got {reduction!r}')
        self.loss, self.inputs, self.reduction = source.loss, source.inputs, reduction
        self._engine = engine
        with uncollected():
            self.plan: Plan = compile_plan(source, store.slot if store else None, like)
            self._store = store or Store(self.plan)
            self._session = Session(self.plan, self._store, engine)
            self._reader = Reader(self.plan, self._store, self._session)
            if engine.asked == "compiled" or not is_fresh(source):  # its kernels are made now
                check_recorded(source, self._session.first_loss())
            else:
                check_rows(self.plan.graph.op)  # now, not at the first forward
        self._followers = followed(source.order)
        if any_frozen(source.order):
            warnings.warn(_FROZEN, UserWarning, stacklevel=3)

    @property
    def engine(self) -> str:
        return self._engine.running

    def parameters(self) -> list[Parameter]:
        """What an optimizer takes: one array per matrix found, and one for all other leaves."""
        return self._store.parameters

    def forward(self, numbers: Any = None) -> float:
        """The loss at other inputs; without `numbers` at those of the last time.

        numbers: shaped like `inputs`, or with one more axis in front for a batch, whose
        losses are then summed or averaged (`reduction`). ValueError for another shape or
        number, or if the `.data` of a parameter was changed since the tape last read or wrote
        it; GuardError where the recording would have taken another branch. Under
        `detect_anomaly` AnomalyError names the first nan or infinity, in an input even.
        """
        self._store.check_unchanged()
        values, losses = self._session.forward(numbers)
        if watched():
            check_finite(self.plan, values)
        for follower in self._followers:
            follower(self._reader.value)
        if losses.ndim == 0:
            return float(losses)
        with np.errstate(all="ignore"):  # inf - inf is nan without a warning, as it is on floats
            return float(losses.sum() if self.reduction == "sum" else losses.mean())

    def backward(self, gradient: float = 1.0, inputs: bool = True) -> None:
        """Sweep: d(loss)/d(node) times `gradient` for every node; earlier gradients are replaced.

        inputs: False leaves out the gradients of the inputs, and of whatever hangs on no
        parameter: training needs none of them. RuntimeError before a forward, or after one
        that failed.
        """
        if gradient.__class__ is not float and not isinstance(gradient, Real):
            self._session.current("backward")
            raise TypeError(f"Tape: backward's gradient must be a real number, got {gradient!r}")
        self._session.backward(float(gradient), self.reduction == "mean", inputs)
        self._store.show_gradients()

    def grad(self, value: Value) -> Any:
        """The gradient of one node after a sweep; one per example of a batch but for parameters.

        0.0 for a parameter that the loss does not reach. ValueError for any other Value that
        is not in the tape's graph, RuntimeError before a sweep or where
        `backward(inputs=False)` left the node out: one that hangs on no parameter or, of a
        batch, on no input, for such a node is computed once for all examples.
        """
        return self._reader.gradient(value)

    def value(self, value: Value) -> Any:
        """The number of one node after a forward; one per example of a batch but for parameters.

        ValueError for a Value that is not in the tape's graph, RuntimeError before a forward.
        """
        return self._reader.value(value)

    def losses(self) -> Array:
        """The loss of each example of the last batch."""
        return np.atleast_1d(np.array(self._reader.value(self.loss)))

    def sync(self) -> float:
        """Write numbers and gradients back into the Values, to draw, step or save; the loss.

        RuntimeError after a batch, whose nodes have no single number; ValueError if a
        parameter's `.data` was changed since the tape last read or wrote it.
        """
        executor = self._session.current("sync")
        if executor.values.ndim > 1:
            raise RuntimeError("Tape: sync needs a forward of one example, the last was a batch")
        self.sync_parameters()
        graph = self.plan.graph
        places = self.plan.layout.places(graph.fixed)
        for node, number in zip(graph.fixed, executor.values[places].tolist()):
            graph.values[node].data = number
        recompute(*[graph.values[root] for root in graph.roots])
        if self._session.has_gradients:
            gradients = executor.gradients.tolist()
            for value in self.plan.source.order:
                node = graph.index[value]
                if self._session.is_left_out(node):
                    put_gradient(value, None)
                elif node not in graph.parameters:
                    put_gradient(value, gradients[self._reader.place(node)])
        return self.loss.data

    def sync_parameters(self) -> None:
        """Write the parameters' numbers and gradients alone: enough to predict, or to save a model.

        A gradient is None before a sweep and after `zero_grad`. ValueError if a parameter's
        `.data` was changed since the tape last read or wrote it.
        """
        self._store.check_unchanged()
        self._store.write()
        for parameter in self._store.parameters:
            found = parameter.grad
            gradients = repeat(None) if found is None else found.ravel().tolist()
            for value, gradient in zip(parameter.values, gradients):
                put_gradient(value, gradient)

    def load(self) -> None:
        """Read the leaves' numbers again, after `load_state_dict` or a change by hand."""
        self._store.read()
        self._session.reload()

    def to_jax(self) -> Callable[[Any, Any], Any]:
        """A pure function (parameters, inputs) -> loss in JAX, from the same blocks and ops.

        parameters: a list of arrays as `[p.data for p in tape.parameters()]`; inputs: an
        array shaped like one example. It can be differentiated, jitted, vmapped and
        sharded. Where `forward` would raise GuardError, the loss and its gradient are nan.
        ModuleNotFoundError says how to get JAX if it is not installed.
        """
        from .jax import to_jax

        return to_jax(self.plan, self._store)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "Tape: a tape cannot be copied or pickled; sync() it, copy the loss, make another tape"
        )

    def __repr__(self) -> str:
        return (
            f"Tape({len(self.plan.graph.values)} nodes in {len(self.plan.blocks)} blocks, "
            f"{len(self._store.values)} parameters, {len(self.inputs)} inputs)"
        )
