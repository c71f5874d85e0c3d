"""Truncated BPTT, and how far it is from the full gradient."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import atan2, degrees, inf, nan
from typing import Any

import numpy as np

from ..graph import graph_of
from ..nn import SequenceModel, Unrolled
from .contributions import all_terms
from .weights import loss_steps, run_weights

__all__ = ["Truncated", "chunks", "truncated"]


@dataclass(frozen=True)
class _Distance:
    """How far one gradient is from another.

    Attributes
    ----------
    error : |g - full| / |full|, over all parameters
    angle : degrees between the two; nan where one of them is zero
    """

    error: float
    angle: float


@dataclass(frozen=True)
class Truncated:
    """A truncated gradient beside the full one.

    Attributes
    ----------
    gradient, full : {parameter name: array}, truncated and not
    distance : between the two, over all parameters together
    steps : {t: the distance for the loss of step t on its own}
    """

    gradient: dict[str, np.ndarray]
    full: dict[str, np.ndarray]
    distance: _Distance
    steps: dict[int, _Distance]


def truncated(run: Unrolled, window: int | None = None, chunk: int | None = None) -> Truncated:
    """The gradient of truncated BPTT, computed from the terms dE_t/dW through step k.

    window=K : every loss looks back over at most K steps, k = t-K+1..t (row 001-18).
    chunk=K : the sequence is cut into chunks of K steps; the state is carried over but
        detached, so that a loss looks back to the start of its chunk.

    Give one of the two, 1 or more; K = T is the full gradient. The losses are summed.
    One sweep per loss. ValueError for a bad K or a run without losses.

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[-5]]})
    >>> run = nn.SequenceModel(cell).unroll([5, 1], loss=lambda y, _: -y[0])
    >>> short = truncated(run, window=1)
    >>> short.gradient["cell.weight_ih"], short.full["cell.weight_ih"]
    (array([[-6.]]), array([[19.]]))
    """
    run = graph_of(run)
    first = _first_step(window, chunk)
    weights = {name: array for name, array in run_weights(run).items() if name != "h_0"}
    by_name = all_terms(run, weights)
    steps = {}
    gradient = {name: np.zeros(array.shape) for name, array in weights.items()}
    full = {name: np.zeros(array.shape) for name, array in weights.items()}
    for t, _ in loss_steps(run):
        whole = {name: sum(of[t].values()) for name, of in by_name.items()}
        kept = {
            name: sum(term for k, term in of[t].items() if k >= first(t))
            for name, of in by_name.items()
        }
        steps[t] = _distance(kept, whole)
        for name in weights:
            gradient[name] += kept[name]
            full[name] += whole[name]
    return Truncated(gradient, full, _distance(gradient, full), steps)


def chunks(
    model: SequenceModel,
    inputs: Sequence[Any],
    targets: Sequence[Any] | None = None,
    size: int = 25,
    h0: Any = None,
    **options: Any,
) -> Iterator[Unrolled]:
    """Unroll a long sequence chunk by chunk, the state carried over but detached.

    Each chunk is a run of at most `size` steps, made when it is asked for, so that the
    weights may be updated in between: how a character model is trained on a text.
    `options` are those of `SequenceModel.unroll`.

    >>> from microgrid import nn
    >>> model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0))
    >>> [len(run) for run in chunks(model, [1.0] * 7, size=3)]
    [3, 3, 1]
    """
    size = _at_least_1("size", size)
    for start in range(0, len(inputs), size):
        part = slice(start, start + size)
        run = model.unroll(
            inputs[part], None if targets is None else targets[part], h0=h0, **options
        )
        yield run
        h0 = run.carry()


def _first_step(window: int | None, chunk: int | None) -> Callable[[int], int]:
    """The earliest step that the loss of step t looks back to, as a function of t."""
    if (window is None) == (chunk is None):
        raise ValueError("truncated: give either window=K or chunk=K")
    if chunk is not None:
        k = _at_least_1("chunk", chunk)
        return lambda t: t - (t - 1) % k
    k = _at_least_1("window", window)
    return lambda t: t - k + 1


def _at_least_1(what: str, k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"{what} must be a whole number of steps, 1 or more, got {k!r}")
    return int(k)


def _distance(near: dict[str, Any], full: dict[str, Any]) -> _Distance:
    a = np.concatenate([np.ravel(near[name]) for name in full])
    b = np.concatenate([np.ravel(full[name]) for name in full])
    size_a, size_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    gap = float(np.linalg.norm(a - b))
    error = gap / size_b if size_b else (0.0 if gap == 0.0 else inf)
    if not size_a or not size_b:
        return _Distance(error, nan)
    u, v = a / size_a, b / size_b  # arccos of their product would lose half the digits
    return _Distance(error, degrees(2.0 * atan2(np.linalg.norm(u - v), np.linalg.norm(u + v))))
