"""Sweeps that leave `.grad` alone, and the weights of a run by name."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from ..graph import find
from ..nn import Unrolled
from ..stepper import root_of
from ..value import Value, creation_order

Plan: TypeAlias = Iterable[tuple[Value, Iterable[tuple[Value, float]]]]


def gradients(root: Value, plan: Plan | None = None) -> dict[Value, float]:
    """d(root)/d(node) for every node below the root, root first; no `.grad` is touched.

    plan: the edges to go along, where one serves several sweeps (`plan_sweeps`).

    >>> a = Value(3.0, label="a")
    >>> gradients(a * a)[a], a.grad
    (6.0, None)
    """
    found = {root: 1.0}
    if plan is None:
        order = reversed(creation_order(root))
        plan = ((node, zip(node.parents, node.partials)) for node in order)
    for node, edges in plan:
        upstream = found.get(node)
        if upstream is not None:
            for parent, partial in edges:
                found[parent] = found.get(parent, 0.0) + upstream * partial
    return found


def plan_sweeps(
    roots: Collection[Value], stop: Collection[Value] = (), leaves: Collection[Value] | None = None
) -> Plan:
    """(node, its edges) for the nodes between the roots and `stop`, youngest first.

    What lies below `stop`, or is older than all of it, is left out; so are edges to
    leaves other than `leaves`, unless that is None: most edges lead to weights.
    """
    oldest = min((node.serial for node in stop), default=-1)
    stop, wanted = set(stop), None if leaves is None else {*leaves, *stop}
    seen = {node for node in roots if node not in stop}
    found = list(seen)
    plan = []
    for node in found:  # grows while it is read
        edges = [
            (parent, partial)
            for parent, partial in zip(node.parents, node.partials)
            if (parent.parents or wanted is None or parent in wanted) and parent.serial >= oldest
        ]
        if edges:
            plan.append((node, edges))
        for parent, _ in edges:
            if parent not in seen and parent not in stop:
                seen.add(parent)
                found.append(parent)
    plan.sort(key=lambda planned: planned[0].serial, reverse=True)
    return plan


def loss_steps(run: Unrolled) -> list[tuple[int, Value]]:
    """(step, loss) for every step that has a loss; ValueError where none has."""
    if not isinstance(run, Unrolled):
        raise TypeError(f"this needs an unrolled run (SequenceModel.unroll), got {run!r}")
    found = [(t, loss) for t, loss in enumerate(run.losses, start=1) if loss is not None]
    if not found:
        raise ValueError(f"the run has no losses; unroll it with targets and a loss: {run!r}")
    return found


def parameter_array(x: Any, parameter: Value | str) -> np.ndarray:
    """The Values meant by `parameter`, as an array of objects of the parameter's shape.

    A Value, or the label of one, has shape (). In a run a name may also be that of a
    whole weight: "cell.weight_hh", its last part "weight_hh", the label before the
    index "W_h", or "h_0", the initial state. ValueError where there is no such thing or
    the name fits several.
    """
    root = root_of(x)
    if isinstance(parameter, Value):
        return _array(parameter)
    if not isinstance(x, Unrolled):
        return _array(find(root, parameter))
    weights = run_weights(x)
    fitting = [name for name, weight in weights.items() if parameter in _names(name, weight)]
    if len(fitting) > 1:
        raise ValueError(f"{parameter!r} may be {' or '.join(fitting)}: give the full name")
    if fitting:
        return weights[fitting[0]]
    try:
        return _array(find(root, parameter))
    except ValueError as error:
        raise ValueError(f"{error}; the run's parameters are {', '.join(weights)}") from None


def run_weights(run: Unrolled) -> dict[str, np.ndarray]:
    """name -> array of Values, for every parameter of the run's model and its initial state."""
    weights = {name: _array(weight) for name, weight in run.model.named_weights()}
    return weights | {"h_0": _array(run.states[0])}


def _array(nested: Any) -> np.ndarray:
    return np.array(nested, dtype=object)


def _names(name: str, weight: np.ndarray) -> Iterator[str]:
    yield name
    yield name.rpartition(".")[2]
    label: str = weight.flat[0].label
    if weight.size > 1 and "[" in label:
        yield label[: label.index("[")]
