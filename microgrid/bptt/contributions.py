"""What each use of a shared weight adds to its gradient, step by step and loss by loss."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..graph import time_step
from ..nn import Unrolled
from ..stepper import root_of
from ..value import Value, creation_order
from .sweep import gradients, loss_steps, parameter_array, sending_order

Place: TypeAlias = int | str  # a time step, or the scope of what belongs to none


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a parameter: the message that comes back along one edge.

    Attributes
    ----------
    parameter, node : what is used, and the node that uses it
    place : the node's time step, or its scope where it has none
    upstream, local, message : d(root)/d(node), d(node)/d(parameter), and their product
    """

    parameter: Value
    node: Value
    place: Place
    upstream: float
    local: float
    message: float


class Contributions(dict[Place, Any]):
    """{time step or scope: what the uses there add to the gradient}, and each use.

    Attributes
    ----------
    uses : every single use, in order of creation
    total : the sum, which is the parameter's gradient
    """

    def __init__(self, uses: list[Use], sums: Mapping[Place, Any], total: Any) -> None:
        super().__init__(sums)
        self.uses = uses
        self.total = total


def contributions(x: Any, parameter: Value | str) -> Contributions:
    """The gradient of a parameter, split by the time step in which it is used.

    x is an unrolled run or a root Value. The parameter is a Value or its label, which
    gives floats; in a run also the name of a whole weight ("cell.weight_hh",
    "weight_hh", "W_h"), which gives arrays of its shape. The entries sum to the
    parameter's `.grad` after `backward()`. A use outside any time step stands under its
    scope. One sweep, whatever T is. ValueError where the parameter is not in the graph.

    >>> from microgrid import scope
    >>> w = Value(3.0, label="w")
    >>> with scope("t=1"):
    ...     h = w * 1.0
    >>> with scope("t=2"):
    ...     h = w * h
    >>> contributions(h, w)
    {1: 3.0, 2: 3.0}
    """
    root = root_of(x)
    wanted = parameter_array(x, parameter)
    where = _positions({"": wanted})
    upstreams = gradients(root)
    if not any(value in upstreams for value in where):
        raise ValueError(f"{parameter!r} is not in the graph of {root!r}")
    uses = [
        Use(parent, node, _place(node), upstreams[node], partial, upstreams[node] * partial)
        for node in creation_order(root)
        for parent, partial in zip(node.parents, node.partials)
        if parent in where
    ]
    sums: dict[Place, np.ndarray] = defaultdict(lambda: np.zeros(wanted.size))
    for use in uses:
        for _, i in where[use.parameter]:
            sums[use.place][i] += use.message
    total = np.array([upstreams.get(value, 0.0) for value in wanted.flat])
    shaped = {place: _shaped(flat, wanted.shape) for place, flat in sums.items()}
    return Contributions(uses, shaped, _shaped(total, wanted.shape))


def terms(run: Unrolled, parameter: Value | str) -> dict[int, dict[int, Any]]:
    """terms[t][k]: the part of dE_t/dW that goes through the use of W in step k.

    It is dE_t/dh_t . dh_t/dh_k . dh_k/dW, the last factor the immediate derivative, with
    h_{k-1} held fixed (lecture rows 001-16, 003-9, 004-27). Steps count from 1; t runs
    over the steps that have a loss, k over 1..t. An entry is shaped like W, a float for
    a single Value. The sum over k is dE_t/dW; with losses summed over time the sum over
    t and k is `.grad` (with reduction="mean" that many times as large). What reaches a
    parameter that is used before step 1 stands under k = 0. One sweep per loss.

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[-5]]})
    >>> run = nn.SequenceModel(cell).unroll([5, 1], loss=lambda y, _: -y[0])
    >>> terms(run, cell.weight_hh[0][0])
    {1: {1: 0.0}, 2: {1: 0.0, 2: -5.0}}
    """
    wanted = parameter_array(run, parameter)
    return all_terms(run, {"": wanted})[""]


def all_terms(
    run: Unrolled, parameters: Mapping[str, np.ndarray]
) -> dict[str, dict[int, dict[int, Any]]]:
    """`terms` of several parameters at once, [name][t][k], still with one sweep per loss."""
    where = _positions(parameters)
    found: dict[str, dict[int, dict[int, Any]]] = {name: {} for name in parameters}
    for t, loss in loss_steps(run):
        order = sending_order([loss])
        upstreams = gradients(loss, order)
        sums = {
            name: {k: np.zeros(array.size) for k in range(1, t + 1)}
            for name, array in parameters.items()
        }
        for node in order:
            for parent, partial in zip(node.parents, node.partials):
                for name, i in where.get(parent, ()):
                    k = time_step(node.scope) or 0
                    of_step = sums[name].setdefault(k, np.zeros(parameters[name].size))
                    of_step[i] += upstreams[node] * partial
        for name, array in parameters.items():
            found[name][t] = {k: _shaped(flat, array.shape) for k, flat in sums[name].items()}
    return found


def _positions(parameters: Mapping[str, np.ndarray]) -> dict[Value, list[tuple[str, int]]]:
    """Where every Value stands: (name, flat index). A tied weight stands in several places."""
    found: dict[Value, list[tuple[str, int]]] = defaultdict(list)
    for name, array in parameters.items():
        for i, value in enumerate(array.flat):
            found[value].append((name, i))
    return dict(found)


def _place(node: Value) -> Place:
    step = time_step(node.scope)
    return node.scope if step is None else step


def _shaped(flat: np.ndarray, shape: tuple[int, ...]) -> Any:
    return flat.reshape(shape) if shape else float(flat[0])
