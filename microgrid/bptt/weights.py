"""The losses and the weights of a run, by step and by name."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..graph import find, graph_of, root_of
from ..nn import Unrolled
from ..nn.names import fitting, label_of
from ..value import Value

__all__ = ["loss_steps", "parameter_array", "run_weights"]


def loss_steps(run: Unrolled) -> list[tuple[int, Value]]:
    """(step, loss) for every step that has a loss; ValueError where none has."""
    if not isinstance(run, Unrolled):
        raise TypeError(f"this needs an unrolled run (SequenceModel.unroll), got {run!r}")
    found = [(t, loss) for t, loss in enumerate(run.losses, start=1) if loss is not None]
    if not found:
        raise ValueError(f"the run has no losses; unroll it with targets and a loss: {run!r}")
    return found


def parameter_array(x: Any, parameter: Any) -> np.ndarray:
    """The Values meant by `parameter`, as an array of objects of the parameter's shape.

    A Value, or the label of one, has shape (); nested lists and arrays of Values have
    theirs. In a run a name may also be that of a whole weight: "cell.weight_hh", its last
    parts "weight_hh", what the lectures call it ("W_hh"), the label before the index "W_h",
    which may be a gate's block of rows ("W_hf"), or "h_0", the initial state. ValueError
    where there is no such thing or the name fits several.
    """
    x = graph_of(x)
    root = root_of(x)
    if isinstance(parameter, Value | list | np.ndarray):
        return _array(parameter)
    if not isinstance(x, Unrolled):
        return _array(find(root, parameter))
    weights = run_weights(x)
    found = fitting(parameter, weights)
    if len(found) > 1:
        raise ValueError(f"{parameter!r} may be {' or '.join(found)}: give the full name")
    if found:
        weight = weights[found[0]]
        is_label = not f".{found[0]}".endswith(f".{parameter}")
        return _array(weight.flat[0]) if is_label and weight.size == 1 else weight
    blocks = [block for weight in weights.values() for block in _blocks(weight, parameter)]
    if len(blocks) == 1:
        return blocks[0]
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


def _blocks(weight: np.ndarray, label: str) -> Iterator[np.ndarray]:
    """The rows of a weight that have this label: those of a gate, of which it holds several."""
    rows = [i for i, row in enumerate(weight) if label_of(row) == label] if weight.ndim else []
    if rows:
        yield weight[rows]
