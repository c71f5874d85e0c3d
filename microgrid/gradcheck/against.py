"""Gradients derived by hand, held against the right ones: which is wrong, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from ..bptt.contributions import Contributions, contributions, terms
from ..graph import root_of, time_step
from ..nn import Unrolled
from ..value import Value, creation_order
from ..wording import aligned, clean, short
from .arguments import as_values, names_of
from .hypotheses import Terms, explain
from .numeric import differences, judge
from .report import GradcheckError
from .uses import uses_of

__all__ = ["Comparison", "against"]

_SHOWN = 12  # as many entries of a wrong gradient stand in a message


@dataclass(frozen=True, slots=True)
class Comparison:
    """A gradient as it was given, the right one, and what explains the difference.

    uses: what the use of the parameter in each time step contributes, where that is known.
    by_step: False if the uses are numbered as they come.
    """

    name: str
    given: np.ndarray
    right: np.ndarray
    agrees: bool
    mistake: str = ""
    uses: dict[int, Any] = field(default_factory=dict)
    by_step: bool = True

    def __str__(self) -> str:
        entries = sorted(
            np.ndindex(*self.right.shape), key=lambda i: -abs(self.given[i] - self.right[i])
        )
        rows = [
            [self._entry(i), f"{self.given[i]:.10g}", f"{self.right[i]:.10g}"]
            for i in entries[:_SHOWN]
        ]
        lines = aligned([["", "yours", "expected"], *rows], indent="  ")
        lines += [f"  and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
        if len(self.uses) > 1:
            parts = (f"{_number(x)} (k = {k})" for k, x in sorted(self.uses.items()))
            over = "the steps in which it is used" if self.by_step else "its uses, as they come"
            lines.append(f"  expected is the sum over {over}: {' + '.join(parts)}")
        elif not (self.mistake or self.by_step):
            lines.append("  which use of it is wrong is not known: checked in Values it would be")
        return "\n".join(lines)

    def _entry(self, place: tuple[int, ...]) -> str:
        return f"d{self.name}[{','.join(map(str, place))}]" if place else f"d{self.name}"


class _Comparisons(list[Comparison]):
    """The wrong gradients, as the message says them."""

    def __str__(self) -> str:
        heads = [f"your d{x.name} {x.mistake or 'is wrong'}" for x in self]
        lines = [f"gradcheck: {'; '.join(heads)}", *map(str, self)]
        return clean("\n".join(lines))


def against(
    f: Any, inputs: Sequence[Any], gradients: Sequence[Any], rtol: float = 1e-5, atol: float = 1e-8
) -> bool:
    """Whether gradients that were computed by hand are right; GradcheckError says what is wrong.

    Parameters
    ----------
    f : the loss: a function of the inputs, written in NumPy or in Values; or an unrolled run,
        or its loss
    inputs : the function's arguments, numbers or arrays; for a run the weights, by name
        ("W_h", "cell.weight_hh") or as Values
    gradients : dL/d(input) for each of them, in the input's shape; None for one not to be checked
    rtol, atol : an entry passes if |yours - expected| <= atol + rtol (largest expected entry)

    The message also says which term of the sum over time is missing or counted twice. A function
    in NumPy is only known by its values: what is expected comes from differences, and the terms
    from moving an array at one of its uses alone. Inputs whose gradient is None, such as a list
    of x_t or an array with a row for each, tell the number of time steps.
    ValueError for a gradient of another shape, and for a function that returns no number.

    >>> import numpy as np
    >>> x, w = np.array([1.0, 2.0]), np.array([0.3, -0.4])
    >>> by_sum = 1.0 - np.tanh(w @ x) ** 2
    >>> against(lambda w, x: np.tanh(w @ x), [w, x], [by_sum * x, by_sum * w])
    True
    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    >>> cell.load_state_dict({"weight_ih": [[1]], "weight_hh": [[2]]})
    >>> run = nn.SequenceModel(cell).unroll([5, 1, 1], loss=lambda y, _: y[0])
    >>> against(run, ["W_h"], [[[11.0]]])
    Traceback (most recent call last):
    ...
    microgrid.gradcheck.GradcheckError: gradcheck: your dW_h misses the term k = 2
            yours  expected
      dW_h  11     26
      expected is the sum over the steps in which it is used: 0 (k = 1) + 15 (k = 2) + 11 (k = 3)
    """
    __tracebackhide__ = True
    if len(inputs) != len(gradients):
        raise ValueError(f"against: {len(inputs)} inputs and {len(gradients)} gradients")
    wrong = _Comparisons()
    for name, right, split, given in _expected(f, inputs, gradients):
        if given is None:
            continue
        yours = _as_given(name, given, right)
        allowed = atol + rtol * float(np.max(np.abs(right), initial=0.0))
        if np.all(np.abs(yours - right) <= allowed):
            continue
        uses, terms, by_step = split()
        mistake = explain(yours, right, uses, terms)
        wrong.append(Comparison(name, yours, right, False, mistake, dict(uses), by_step))
    if wrong:
        raise GradcheckError(wrong)
    return True


_Split = Callable[[], tuple[dict[int, Any], Terms, bool]]
_Expected = tuple[str, np.ndarray, _Split, Any]


def _expected(f: Any, inputs: Sequence[Any], given: Sequence[Any]) -> Iterator[_Expected]:
    """(name, right gradient, how it is split over time, the given one) for each input."""
    if isinstance(f, Value | Unrolled) or hasattr(f, "__graph__"):
        names = [x if isinstance(x, str) else getattr(x, "label", "") or "it" for x in inputs]
        yield from _of_graph(f, names, inputs, given)
        return
    if not callable(f):
        raise TypeError(f"against takes a function, an unrolled run or a Value, got {short(f)}")
    names = names_of(f, len(inputs))
    checked = [g is not None for g in given]
    arguments = [as_values(x, n) if c else x for x, n, c in zip(inputs, names, checked)]
    number, graph = _called(f, inputs), _called(f, arguments)
    # Much NumPy code runs on Values as well, but loses their gradients where it fills an array.
    # A function that says its time steps, or that takes nothing but Values, was meant for them.
    meant = isinstance(graph, Value | Unrolled) and _has_steps(root_of(graph))
    if meant or isinstance(number, Value | Unrolled | Exception):
        if isinstance(graph, Exception):
            raise graph
        yield from _of_graph(graph, names, arguments, given)
    else:
        yield from _of_numbers(f, names, inputs, given, _as_number(number))


def _called(f: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """What f returns, or the exception that it raises."""
    try:
        return f(*arguments)
    except Exception as error:
        return error


def _has_steps(root: Value) -> bool:
    return any(time_step(node.scope) is not None for node in creation_order(root))


def _of_graph(
    x: Any, names: Sequence[str], weights: Sequence[Any], given: Sequence[Any]
) -> Iterator[_Expected]:
    for name, weight, yours in zip(names, weights, given):
        if yours is not None:
            parts = contributions(x, weight)
            yield name, np.asarray(parts.total), partial(_split, x, weight, parts), yours


def _split(x: Any, weight: Any, parts: Contributions) -> tuple[dict[int, Any], Terms, bool]:
    uses = {k: part for k, part in parts.items() if isinstance(k, int)}
    if not isinstance(x, Unrolled):
        return uses, {}, True
    found = terms(x, weight)
    # A mean over the losses divides each of them; the terms are those of the losses themselves.
    total = sum(part for by_step in found.values() for part in by_step.values())
    share = 1.0 if np.allclose(total, parts.total) else 1.0 / len(found)
    return uses, {t: {k: share * p for k, p in by.items()} for t, by in found.items()}, True


def _of_numbers(
    f: Callable[..., Any],
    names: Sequence[str],
    inputs: Sequence[Any],
    given: Sequence[Any],
    here: float,
) -> Iterator[_Expected]:
    """A function that is known by its values only: its derivatives come from differences."""
    arguments = [x if g is None else np.array(x, dtype=float) for x, g in zip(inputs, given)]
    steps = [len(x) for x, g in zip(inputs, given) if g is None and hasattr(x, "__len__")]
    for i, (name, array, yours) in enumerate(zip(names, arguments, given)):
        if yours is None:
            continue
        derivatives = _as_given(name, yours, array).copy()
        for place in np.ndindex(*array.shape):
            moved = partial(_moved, f, arguments, array, place)
            estimates = differences(moved, float(array[place]), 1e-6, here)
            verdict = judge(float(derivatives[place]), estimates, atol=1e-7, rtol=1e-5)
            if not verdict.agrees:
                derivatives[place] = verdict.estimate.central
        yield name, derivatives, partial(_split_numbers, f, arguments, i, derivatives, steps), yours


def _split_numbers(
    f: Callable[..., Any], arguments: Sequence[Any], i: int, right: np.ndarray, steps: list[int]
) -> tuple[dict[int, Any], Terms, bool]:
    def loss(*arguments: Any) -> float:
        return _as_number(f(*arguments))

    uses, by_step = uses_of(loss, arguments, i, right, steps)
    return uses, {}, by_step


def _moved(
    f: Callable[..., Any], arguments: Sequence[Any], array: Any, place: Any, x: float
) -> float:
    before = array[place]
    array[place] = x
    try:
        return _as_number(f(*arguments))
    finally:
        array[place] = before


def _as_number(x: Any) -> float:
    number = x.item() if isinstance(x, np.ndarray | np.generic) and x.size == 1 else x
    if not isinstance(number, Real):
        raise ValueError(f"against: f must return the loss, one number or a Value, got {short(x)}")
    return float(number)


def _as_given(name: str, given: Any, right: np.ndarray) -> np.ndarray:
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"against: d{name} must be numbers, got {short(given)}") from None
    if array.size == right.size == 1:
        return array.reshape(right.shape)
    if array.shape != right.shape:
        hint = ": transpose it" if array.shape == right.shape[::-1] else ""
        raise ValueError(
            f"against: d{name} has shape {array.shape}, {name} has {right.shape}{hint}"
        )
    return array


def _number(x: Any) -> str:
    """A term of a sum over time: the number, or the largest entry of a matrix."""
    if np.size(x) == 1:
        return f"{float(np.ravel(x)[0]):.6g}"
    return f"entries up to {np.max(np.abs(x)):.4g}"
