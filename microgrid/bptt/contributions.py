"""What each use of a shared weight adds to its gradient, step by step and loss by loss."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ..graph import graph_of, root_of, time_step
from ..nn import Unrolled
from ..sweep import Sweep, gradients, plan_sweeps
from ..value import Value, creation_order
from .weights import loss_steps, parameter_array

__all__ = ["Contributions", "Use", "all_terms", "contributions", "terms"]

_Place: TypeAlias = int | str  # a time step, or the scope of what belongs to none
_Places: TypeAlias = dict[Value, list[tuple[str, int]]]


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
    place: _Place
    upstream: float
    local: float
    message: float


class Contributions(dict[_Place, Any]):
    """{time step or scope: what the uses there add to the gradient}, and each use.

    Attributes
    ----------
    total : the sum, which is the parameter's gradient
    uses : every single use, in order of creation
    """

    def __init__(
        self, sums: Mapping[_Place, Any], total: Any, uses: Callable[[], list[Use]]
    ) -> None:
        super().__init__(sums)
        self.total = total
        self._find_uses = uses

    @cached_property
    def uses(self) -> list[Use]:
        """Every single use. They are collected when they are first asked for."""
        return self._find_uses()


def contributions(x: Any, parameter: Any) -> Contributions:
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
    sweep = Sweep(root)
    index = {value: i for i, value in enumerate(dict.fromkeys(wanted.flat))}
    users = _users(sweep.order, index)
    sums: dict[_Place, list[float]] = {}
    for user in users:
        flat = sums.setdefault(user.place, [0.0] * len(index))
        for parent, message in zip(user.node.parents, sweep.sent_by(user.node)):
            if parent in index:
                flat[index[parent]] += message
    if not sums:
        raise ValueError(f"{parameter!r} is not in the graph of {root!r}")

    def shaped(values: Sequence[float]) -> Any:  # a tied weight stands in several entries
        return _shaped([values[index[value]] for value in wanted.flat], wanted.shape)

    def uses() -> list[Use]:
        return [
            Use(sent.parent, sent.node, user.place, sent.upstream, sent.local, sent.message)
            for user in reversed(users)
            for sent in sweep.sent(user.node)
            if sent.parent in index
        ]

    total = [sweep.gradient(value) or 0.0 if value in sweep else 0.0 for value in index]
    by_place = {place: shaped(flat) for place, flat in reversed(sums.items())}
    return Contributions(by_place, shaped(total), uses)


def terms(run: Unrolled, parameter: Any) -> dict[int, dict[int, Any]]:
    """`terms[t][k]`: the part of dE_t/dW that goes through the use of W in step k.

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
    run = graph_of(run)
    wanted = parameter_array(run, parameter)
    return all_terms(run, {str(parameter): wanted})[str(parameter)]


def all_terms(
    run: Unrolled, parameters: Mapping[str, np.ndarray]
) -> dict[str, dict[int, dict[int, Any]]]:
    """`terms` of several parameters at once, `[name][t][k]`, still with one sweep per loss."""
    losses = loss_steps(run)
    roots = [loss for _, loss in losses]
    stands = _where(parameters)
    users = [(user, user.entries(stands)) for user in _users(creation_order(*roots), stands)]
    if not users:
        raise ValueError(f"{' or '.join(parameters)} is not in the graph of {run!r}")
    plan = plan_sweeps(roots, leaves=[])
    found: dict[str, dict[int, dict[int, Any]]] = {name: {} for name in parameters}
    for t, loss in losses:
        upstreams = gradients(loss, plan)
        sums = {
            name: {k: np.zeros(array.size) for k in range(1, t + 1)}
            for name, array in parameters.items()
        }
        for user, entries in users:
            if user.node in upstreams:
                k = user.place if isinstance(user.place, int) else 0
                for name, (where, local) in entries.items():
                    flat = sums[name].setdefault(k, np.zeros(parameters[name].size))
                    np.add.at(flat, where, upstreams[user.node] * local)
        for name, array in parameters.items():
            found[name][t] = {k: _shaped(flat, array.shape) for k, flat in sums[name].items()}
    return found


@dataclass(slots=True)
class _User:
    """A node that uses parameters, and the edges to them."""

    node: Value
    place: _Place
    edges: list[tuple[Value, float]]

    def entries(self, stands: _Places) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """name -> (flat indices, local derivatives): what the node adds, as arrays."""
        found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for value, local in self.edges:
            for name, i in stands[value]:
                found[name].append((i, local))
        return {
            name: (np.array([i for i, _ in pairs]), np.array([local for _, local in pairs]))
            for name, pairs in found.items()
        }


def _where(parameters: Mapping[str, np.ndarray]) -> _Places:
    """Where every Value stands, (name, flat index). A tied weight stands in several places."""
    stands: _Places = defaultdict(list)
    for name, array in parameters.items():
        for i, value in enumerate(array.flat):
            stands[value].append((name, i))
    return stands


def _users(order: Iterable[Value], stands: Container[Value]) -> list[_User]:
    users = []
    for node in order:
        edges = [(p, local) for p, local in zip(node.parents, node.partials) if p in stands]
        if edges:
            users.append(_User(node, _place(node), edges))
    return users


def _place(node: Value) -> _Place:
    step = time_step(node.scope)
    return node.scope if step is None else step


def _shaped(flat: Any, shape: tuple[int, ...]) -> Any:
    return np.reshape(flat, shape) if shape else float(flat[0])
