"""Tape: a recorded graph, frozen into arrays, that can be replayed with other numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from numbers import Real
from reprlib import repr as short
from typing import Any, NoReturn

import numpy as np

from ..comparisons import comparisons
from ..graph import recompute
from ..recording import watched
from ..value import Value, creation_order
from .guards import checks, describe, guards_of
from .leaves import check_input, flatten, parameters_of
from .memory import Layout
from .numpy.arrays import NUMPY
from .numpy.program import Array
from .numpy.replay import Replay
from .parameters import Parameter, Store
from .plan import Plan
from .read import Graph
from .schedule import schedule


class Tape:
    """The graph of `loss`, replayed at matrix speed.

    Parameters
    ----------
    loss : the Value that is computed and differentiated
    inputs : leaves whose numbers are given anew to every `forward`; nested lists will do
    parameters : leaves that an optimizer changes; unless given, every leaf under the loss
        that is no input. All other leaves keep their numbers
    reduction : what `forward` returns for a batch: the "sum" or the "mean" of its losses

    The numbers of the parameters live in the tape from then on: train
    `tape.parameters()`, and call `sync()` to see results in the Values. A comparison that
    the recording made (`if v > 0`) is a guard: replaying numbers that come out
    otherwise raises GuardError. What the program read through `.data` or `float(v)` is a
    constant of the tape. The arrays hold the latest forward, so a tape is for one thread at a
    time. ValueError for an input that is no leaf of the graph, and where
    the graph's numbers are out of date.

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
        _store: Store | None = None,
        _since: int = -1,
    ) -> None:
        if not isinstance(loss, Value):
            raise TypeError(f"Tape needs the Value to replay, got {loss!r}")
        if loss.op is None:
            raise ValueError(f"Tape: {describe(loss)} is a leaf: there is nothing to replay")
        if reduction not in ("sum", "mean"):
            raise ValueError(f'Tape: reduction must be "sum" or "mean", got {reduction!r}')
        self.loss = loss
        self.reduction = reduction
        self.inputs, shape = flatten(inputs)
        variables = parameters_of(loss, self.inputs, parameters)
        guards = guards_of(loss, {*variables, *self.inputs}, _since)
        roots = [loss, *chain.from_iterable(guard.values for guard in guards)]
        graph = self._graph = Graph(roots, variables)
        for value in self.inputs:
            check_input(value, graph)
        self.blocks, self.matrices = schedule(graph)
        known = None
        if _store is not None:
            known = {graph.index[v]: s for v, s in _store.slot.items() if v in graph.index}
        layout = self._layout = Layout(graph, self.blocks, self.matrices, known)
        self._store = _store or Store(layout, self.matrices, variables)
        self._plan = Plan(
            graph,
            self.blocks,
            self.matrices,
            layout,
            self._store,
            [graph.index[value] for value in self.inputs],
            shape,
            checks(guards, graph, layout),
        )
        self._fixed_slots = layout.places(graph.fixed)
        self._replays: dict[tuple[int, ...], Replay] = {}
        self._batches: dict[tuple[int, ...], tuple[int, ...]] = {}  # shape of numbers -> batch
        self._current: Replay | None = None
        self._swept = self._left_out = False
        self._confirm()

    @classmethod
    def record(cls, build: Callable[[], Value], inputs: Sequence[Any] = (), **options: Any) -> Tape:
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
            return cls(build(), inputs, _since=since, **options)

    def parameters(self) -> list[Parameter]:
        """What an optimizer takes: one array per matrix found, and one for all other leaves."""
        return self._store.parameters

    def forward(self, numbers: Any = None) -> float:
        """The loss at other inputs; without `numbers` at those of the last time.

        numbers: shaped like `inputs`, or with one more axis in front for a batch, whose
        losses are then summed or averaged (`reduction`). ValueError for another shape or
        number, or if the `.data` of a parameter was changed since the tape last read or wrote
        it (a few are looked at, all of them under `detect_anomaly` and in `sync`); GuardError
        where the recording would have taken another branch. Under `detect_anomaly`
        AnomalyError names the first nan or infinity, in an input even.
        """
        self._swept = False
        self._check_unchanged(every=watched())
        replay, self._current = self._feed(numbers), None
        losses = replay.forward()
        for check in self._plan.checks:
            check(replay.values)
        self._current = replay
        if watched():
            self._check_finite(replay.values)
        if losses.ndim == 0:
            return float(losses)
        return float(losses.sum() if self.reduction == "sum" else losses.mean())

    def backward(self, gradient: float = 1.0, inputs: bool = True) -> None:
        """Sweep: d(loss)/d(node) times `gradient` for every node; earlier gradients are replaced.

        inputs: False leaves out the gradients of the inputs, and of whatever hangs on no
        parameter: training needs none of them. RuntimeError before a forward, or after one
        that failed.
        """
        replay = self._need_forward("backward")
        if not isinstance(gradient, Real):
            raise TypeError(f"Tape: backward's gradient must be a real number, got {gradient!r}")
        batch = replay.values.shape[1:]
        mean = bool(batch) and self.reduction == "mean"
        replay.backward(gradient / batch[0] if mean else gradient, every=inputs)
        self._swept = True
        self._left_out = not inputs
        for parameter in self._store.parameters:
            parameter.grad = parameter._gradient

    def grad(self, value: Value) -> Any:
        """The gradient of one node after a sweep; one per example of a batch but for parameters.

        ValueError for a Value that is not in the tape's graph, RuntimeError before a sweep
        or where `backward(inputs=False)` left the node out.
        """
        replay = self._need_sweep("grad")
        node = self._node(value)
        if self._is_left_out(node):
            raise RuntimeError(
                f"Tape: backward(inputs=False) left out the gradient of {describe(value)}"
            )
        if node in self._graph.parameters:
            return float(self._store.gradient[self._store.slot[value]])
        found = replay.gradients[self._place(node)]
        return float(found) if found.ndim == 0 else found.copy()

    def value(self, value: Value) -> Any:
        """The number of one node after a forward; one per example of a batch but for parameters.

        ValueError for a Value that is not in the tape's graph, RuntimeError before a forward.
        """
        replay, node = self._need_forward("value"), self._node(value)
        is_placed = node not in self._graph.heir and node not in self._graph.parameters
        found = replay.values[self._layout.slot(node)] if is_placed else self._number(node)
        return float(found) if found.ndim == 0 else found.copy()

    def losses(self) -> Array:
        """The loss of each example of the last batch."""
        replay = self._need_forward("losses")
        found: Array = np.atleast_1d(replay.values[self._place(self._graph.roots[0])]).copy()
        return found

    def sync(self) -> float:
        """Write numbers and gradients back into the Values, to draw, step or save; the loss.

        RuntimeError after a batch, whose nodes have no single number; ValueError if a
        parameter's `.data` was changed since the tape last read or wrote it.
        """
        replay = self._need_forward("sync")
        if replay.values.ndim > 1:
            raise RuntimeError("Tape: sync needs a forward of one example, the last was a batch")
        self.sync_parameters()
        graph = self._graph
        for node, number in zip(graph.fixed, replay.values[self._fixed_slots].tolist()):
            graph.values[node].data = number
        recompute(self.loss)
        if self._swept:
            gradients = replay.gradients.tolist()
            for value in creation_order(self.loss):
                node = graph.index[value]
                if self._is_left_out(node):
                    value.grad = None
                elif node not in graph.parameters:
                    value.grad = gradients[self._place(node)]
        return self.loss.data

    def sync_parameters(self) -> None:
        """Write the parameters' numbers and gradients alone: enough to predict, or to save a model.

        A gradient is None before a sweep and after `zero_grad`. ValueError if a parameter's
        `.data` was changed since the tape last read or wrote it.
        """
        self._check_unchanged(every=True)
        self._store.write()
        for parameter in self._store.parameters:
            found = parameter.grad
            gradients = repeat(None) if found is None else found.ravel().tolist()
            for value, gradient in zip(parameter.values, gradients):
                value.grad = gradient

    def load(self) -> None:
        """Read the leaves' numbers again, after `load_state_dict` or a change by hand."""
        self._store.read()
        for replay in self._replays.values():
            self._set_fixed(replay)
        self._current = None

    def to_jax(self) -> Callable[[Any, Any], Any]:
        """A pure function (parameters, inputs) -> loss in JAX, from the same blocks and ops.

        parameters: a list of arrays as `[p.data for p in tape.parameters()]`; inputs: an
        array shaped like one example. It can be differentiated, jitted, vmapped and
        sharded. Where `forward` would raise GuardError, the loss and its gradient are nan.
        ModuleNotFoundError says how to get JAX if it is not installed.
        """
        from .jax import to_jax

        return to_jax(self._plan)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "Tape: a tape cannot be copied or pickled; sync() it, copy the loss, make another tape"
        )

    def __repr__(self) -> str:
        return (
            f"Tape({len(self._graph.values)} nodes in {len(self.blocks)} blocks, "
            f"{len(self._store.values)} parameters, {len(self.inputs)} inputs)"
        )

    # Feeding numbers.

    def _feed(self, numbers: Any) -> Replay:
        if numbers is None:
            return self._last or self._replay(())
        try:
            array = np.asarray(numbers)
        except ValueError:
            array = np.empty(0, object)  # nested unevenly
        if array.dtype.kind not in "fiub":
            raise ValueError(f"Tape: inputs must be real numbers, got {short(numbers)}")
        batch = self._batches.get(array.shape)
        if batch is None:
            batch = self._batches[array.shape] = self._batch_of(array.shape)
        replay = self._last = self._replays.get(batch) or self._replay(batch)
        replay.feed(array)
        return replay

    def _batch_of(self, given: tuple[int, ...]) -> tuple[int, ...]:
        size, shape = len(self.inputs), self._plan.input_shape
        if given in (shape, (size,)):
            return ()
        if given and given[1:] in (shape, (size,)) and given[0]:
            return given[:1]
        raise ValueError(
            f"Tape: inputs must have shape {shape}, or (batch, {', '.join(map(str, shape))}) "
            f"for a batch; got {given}"
        )

    _last: Replay | None = None

    def _replay(self, batch: tuple[int, ...]) -> Replay:
        if batch not in self._replays:
            replay = Replay(self._plan, batch)
            self._set_fixed(replay)
            self._replays = {
                key: kept for key, kept in self._replays.items() if not key or not batch
            }
            self._replays[batch] = replay
        return self._replays[batch]

    def _set_fixed(self, replay: Replay) -> None:
        numbers = np.array([self._graph.values[node].data for node in self._graph.fixed])
        batched = replay.values.ndim > 1
        replay.values[self._fixed_slots] = numbers[:, None] if batched else numbers

    # Finding things.

    def _node(self, value: Value) -> int:
        if value not in self._graph.index:
            raise ValueError(f"Tape: {value!r} is not in the tape's graph")
        return self._graph.index[value]

    def _is_left_out(self, node: int) -> bool:
        return self._left_out and node not in self._graph.learning

    def _place(self, node: int) -> int:
        return self._layout.slot(self._graph.heir.get(node, node))

    def _number(self, node: int) -> Array:
        """The number of a node; of one that was fused away it is computed now."""
        graph, replay = self._graph, self._need_forward("value")
        found: dict[int, Array] = {}

        def number(x: int) -> Array:
            if x in found:
                return found[x]
            if x in graph.parameters:
                return np.asarray(self._store.data[self._store.slot[graph.values[x]]])
            if graph.is_constant(x):
                return np.asarray(graph.number(x))
            return np.asarray(replay.values[self._layout.slot(x)])

        with np.errstate(all="ignore"):
            for x in graph.fused_under(node):
                op = graph.values[x].op
                assert op is not None
                operands = list(np.broadcast_arrays(*map(number, graph.operands[x])))
                found[x] = np.asarray(op.evaluate(NUMPY, operands))
        return number(node)

    def _need_forward(self, what: str) -> Replay:
        if self._current is None:
            raise RuntimeError(f"Tape: {what} needs a forward that went through")
        return self._current

    def _need_sweep(self, what: str) -> Replay:
        replay = self._need_forward(what)
        if not self._swept:
            raise RuntimeError(f"Tape: {what} needs a backward first")
        return replay

    def _check_unchanged(self, every: bool) -> None:
        value = self._store.changed(every)
        if value is not None:
            raise ValueError(
                f"Tape: {describe(value)} was changed to {value.data!r} after the recording; call "
                f"load() to take that over, or change the numbers of tape.parameters()"
            )

    def _check_finite(self, values: Array) -> None:
        """What `detect_anomaly` asks for: AnomalyError names the first nan or inf."""
        from ..anomaly import AnomalyError

        graph = self._graph
        leaves = [*(graph.index[value] for value in self.inputs), *graph.fixed]
        computed = [node for block in self.blocks for node in np.ravel(block.outputs).tolist()]
        nodes = leaves + [node for node in computed if node < len(graph.values)]
        bad = np.argwhere(~np.isfinite(values[self._layout.places(nodes)]))
        if bad.size:
            place = bad[np.argmin(bad[:, 0])]
            node = graph.values[nodes[place[0]]]
            number = float(values[self._place(graph.index[node])][tuple(place[1:])])
            example = f" in example {place[1]}" if len(place) > 1 else ""
            message = f"Tape: {describe(node)} is {number!r}{example} in the forward pass"
            raise AnomalyError(message, node, None, [node])

    def _confirm(self) -> None:
        """The replayed loss is the recorded one, unless leaves were changed since."""
        replayed = float(self._replay(()).forward())
        recorded = self.loss.data
        agree = abs(replayed - recorded) <= 1e-9 * max(1.0, abs(recorded))
        if not (agree or replayed == recorded or (replayed != replayed and recorded != recorded)):
            raise ValueError(
                f"Tape: the graph was changed after it was recorded: its loss is {recorded!r}, its "
                f"leaves give {replayed!r}; call recompute(loss) first"
            )
