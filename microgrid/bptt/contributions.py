"""What each use of a shared weight adds to its gradient, step by step and loss by loss."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ..graph import time_step
from ..nn import Unrolled
from ..stepper import root_of
from ..value import Value, creation_order
from .sweep import gradients, loss_steps, parameter_array, plan_sweeps

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
    total : the sum, which is the parameter's gradient
    uses : every single use, in order of creation
    """

    def __init__(self, sums: Mapping[Place, Any], total: Any, users: "list[_User]") -> None:
        super().__init__(sums)
        self.total = total
        self._users = users

    @cached_property
    def uses(self) -> list[Use]:
        return [use for user in self._users for use in user.uses()]


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
    users = _users(creation_order(root), {"": wanted})
    if not users:
        raise ValueError(f"{parameter!r} is not in the graph of {root!r}")
    upstreams = gradients(root)
    sums: dict[Place, np.ndarray] = defaultdict(lambda: np.zeros(wanted.size))
    for user in users:
        user.upstream = upstreams[user.node]
        user.add_to(sums[user.place], "", user.upstream)
    total = np.array([upstreams.get(value, 0.0) for value in wanted.flat])
    shaped = {place: _shaped(flat, wanted.shape) for place, flat in sums.items()}
    return Contributions(shaped, _shaped(total, wanted.shape), users)


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
    losses = loss_steps(run)
    wanted = parameter_array(run, parameter)
    if not _users(creation_order(*(loss for _, loss in losses)), {"": wanted}):
        raise ValueError(f"{parameter!r} is not in the graph of {run!r}")
    return all_terms(run, {"": wanted})[""]


def all_terms(
    run: Unrolled, parameters: Mapping[str, np.ndarray]
) -> dict[str, dict[int, dict[int, Any]]]:
    """`terms` of several parameters at once, [name][t][k], still with one sweep per loss."""
    losses = loss_steps(run)
    roots = [loss for _, loss in losses]
    users = _users(creation_order(*roots), parameters)
    plan = plan_sweeps(roots, leaves=[])
    found: dict[str, dict[int, dict[int, Any]]] = {name: {} for name in parameters}
    for t, loss in losses:
        upstreams = gradients(loss, plan)
        reached = [user for user in users if user.node in upstreams]
        for name, array in parameters.items():
            sums = {k: np.zeros(array.size) for k in range(1, t + 1)}
            for user in reached:
                if name in user.entries:
                    k = user.place if isinstance(user.place, int) else 0
                    flat = sums.setdefault(k, np.zeros(array.size))
                    user.add_to(flat, name, upstreams[user.node])
            found[name][t] = {k: _shaped(flat, array.shape) for k, flat in sums.items()}
    return found


@dataclass(slots=True)
class _User:
    """A node that uses parameters, and where its messages go in each parameter's array."""

    node: Value
    place: Place
    edges: list[tuple[Value, float]]
    entries: dict[str, tuple[np.ndarray, np.ndarray]]  # name -> flat indices, local derivatives
    upstream: float = 0.0

    def add_to(self, flat: np.ndarray, name: str, upstream: float) -> None:
        """Add the messages that `upstream` gives; one entry may get several."""
        where, partials = self.entries[name]
        np.add.at(flat, where, upstream * partials)

    def uses(self) -> list[Use]:
        up = self.upstream
        return [Use(p, self.node, self.place, up, local, up * local) for p, local in self.edges]


def _users(order: Iterable[Value], parameters: Mapping[str, np.ndarray]) -> list[_User]:
    """The nodes that use an entry of the parameters. A tied weight stands in several arrays."""
    stands: dict[Value, list[tuple[str, int]]] = defaultdict(list)
    for name, array in parameters.items():
        for i, value in enumerate(array.flat):
            stands[value].append((name, i))
    users = []
    for node in order:
        edges = [(p, local) for p, local in zip(node.parents, node.partials) if p in stands]
        if edges:
            entries: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
            for parent, local in edges:
                for name, i in stands[parent]:
                    entries[name][0].append(i)
                    entries[name][1].append(local)
            arrays = {name: (np.array(i), np.array(d)) for name, (i, d) in entries.items()}
            step = time_step(node.scope)
            users.append(_User(node, node.scope if step is None else step, edges, arrays))
    return users


def _shaped(flat: np.ndarray, shape: tuple[int, ...]) -> Any:
    return flat.reshape(shape) if shape else float(flat[0])
