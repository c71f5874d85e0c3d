"""A recording seen as an unrolled run, for pictures and bptt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import nn
from ..arrays import Array
from ..graph import time_step
from ..value import Value, creation_order
from .columns import Columns
from .rules.recurrent import Unrolling

__all__ = ["settle", "unrolled_of"]

_CELLS: dict[str, type[nn.RecurrentCell]] = {
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
    "rnn_tanh": nn.RNNCell,
    "rnn_relu": nn.RNNCell,
}


def settle(
    roots: Sequence[Value],
    columns: Columns,
    unrollings: Sequence[Unrolling],
    readout: Array | None,
) -> dict[int, list[Value]]:
    """Give every node the time step it belongs to, and x_t, y_t and L their names; step -> y_t.

    A readout that is applied to all steps at once is recorded outside of time; what it makes of
    one step's state is moved into that step's scope.
    """
    if len(roots) == 1:
        roots[0].label = roots[0].label or "L"
    for run in unrollings:
        _name_inputs(run)
    for node in creation_order(*roots):
        if node.parents and time_step(node.scope) is None:
            step = columns.of(node)
            if step is not None:
                node.scope = f"t={step}/{node.scope or 'readout'}"
    return _name_outputs(columns, readout)


def _name_outputs(columns: Columns, readout: Array | None) -> dict[int, list[Value]]:
    """Call the entries of the last matrix product y_1, y_2, ..., where each is of one step."""
    found: dict[int, list[Value]] = {}
    for y in [] if readout is None else readout.ravel().tolist():
        step = columns.of(y) if isinstance(y, Value) else None
        if step is None or y.label:
            return {}
        found.setdefault(step, []).append(y)
    for step, row in found.items():
        for i, y in enumerate(row):
            y.label = f"y_{step}" if len(row) == 1 else f"y_{step}[{i}]"
    return found


def _name_inputs(run: Unrolling) -> None:
    steps = list(enumerate(run.inputs, start=run.first))
    given = [x for _, row in steps for x in row if isinstance(x, Value) and not x.parents]
    if len(set(given)) < len(given):  # rows of an embedding, read more than once
        return
    for t, row in steps:
        for i, x in enumerate(row):
            if isinstance(x, Value) and not x.parents and x.label.startswith("x"):
                x.label = f"x_{t}" if len(row) == 1 else f"x_{t}[{i}]"
                x.scope = x.scope or f"t={t}"


def unrolled_of(
    roots: Sequence[Value],
    columns: Columns,
    unrollings: Sequence[Unrolling],
    outputs: Mapping[int, list[Value]],
    weights: Mapping[str, Array],
) -> nn.Unrolled | None:
    """The run of a recording's one recurrent layer; None where there is none, or several."""
    if len(unrollings) != 1 or len(roots) != 1:
        return None
    (done,) = unrollings
    states = [_values(row) for row in done.states]
    if not all(states) or not done.inputs:
        return None
    run = nn.Unrolled(
        _model(done, weights),
        "many-to-many",
        carries=[[_values(row) for row in carry] for carry in done.carries],
        states=states,
        root=roots[0],
    )
    run.inputs = [_values(row) for row in done.inputs]
    by_step = _losses(roots[0], columns, len(run.inputs))
    run.losses = [by_step.get(t) for t in range(1, len(run.inputs) + 1)]
    steps = range(1, len(run.inputs) + 1)
    run.outputs = [outputs.get(t, run.states[t]) for t in steps]
    run.targets = [None] * len(run.inputs)
    return run


def _values(row: Sequence[Any]) -> list[Value]:
    return [x for x in row if isinstance(x, Value)]


def _losses(root: Value, columns: Columns, steps: int) -> dict[int, Value]:
    """step -> its loss: the addends of the total that belong to one step each."""
    total = root
    while total.op is not None and len(total.parents) == 1:
        total = total.parents[0]
    found: dict[int, Value] = {}
    for addend in total.parents:
        step = columns.of(addend)
        if step is None or step in found:
            return {steps: root}
        found[step] = addend
    return found if found else {steps: root}


def _model(done: Unrolling, weights: Mapping[str, Array]) -> nn.SequenceModel:
    """A SequenceModel whose weights are the recording's Values, by PyTorch's names."""
    cell = object.__new__(_CELLS[done.kind])
    first = done.weights[0]
    cell.hidden_size = first["weight_hh"].shape[1]
    cell.input_size = first["weight_ih"].shape[1]
    if isinstance(cell, nn.RNNCell):
        cell.nonlinearity = done.kind.removeprefix("rnn_")
    for name in ("weight_ih", "weight_hh"):
        setattr(cell, name, first[name].tolist())
    model = object.__new__(_Recorded)
    model.embedding = model.readout = None
    model.cell = cell
    model._weights = {name: array.tolist() for name, array in weights.items()}
    if len(done.weights) > 1:
        model.cell = object.__new__(nn.Stacked)
        model.cell.layers, model.cell.hidden_size = [cell], cell.hidden_size
    return model


class _Recorded(nn.SequenceModel):
    """A model known by its weights alone, under the names that PyTorch gives them."""

    _weights: dict[str, Any]

    def named_weights(self) -> Iterator[tuple[str, Any]]:
        yield from self._weights.items()
