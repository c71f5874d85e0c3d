"""What a wrong gradient may have done: each mistake that students make, tried out in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Terms", "explain"]

_Array: TypeAlias = Any
Terms: TypeAlias = Mapping[int, Mapping[int, _Array]]  # terms[t][k], as bptt.terms gives them

_CLOSE = 1e-6  # as a share of the largest entry: how well a mistake must explain the numbers
_MOST_STEPS = 40  # in longer runs pairs of steps are not tried


def explain(given: _Array, right: _Array, uses: Mapping[int, _Array], terms: Terms) -> str:
    """The first mistake that turns the right gradient into the given one, or "".

    uses: what the use of the parameter in each step k contributes; they sum to `right`.
    terms: the same for each loss E_t, where they are known.

    >>> explain(5.0, 7.0, {1: 2.0, 2: 5.0}, {})
    'misses the term k = 1'
    >>> explain(np.array([2.0, 6.0]), np.array([1.0, 3.0]), {}, {})
    'is 2 times the right one'
    """
    given, right = np.asarray(given, dtype=float), np.asarray(right, dtype=float)
    for said, wrong in _mistakes(right, uses, terms):
        if _near(given, wrong) and not _near(wrong, right):
            return said
    return _factor(given, right, len(uses))


def _near(a: _Array, b: _Array) -> bool:
    if np.shape(a) != np.shape(b):
        return False
    size = max(np.max(np.abs(a), initial=0.0), np.max(np.abs(b), initial=0.0))
    return bool(np.max(np.abs(a - b), initial=0.0) <= _CLOSE * size)


def _mistakes(
    right: _Array, uses: Mapping[int, _Array], terms: Terms
) -> Iterator[tuple[str, _Array]]:
    """(what is said of it, the gradient it gives) for each mistake, the simplest first."""
    yield "has the wrong sign", -right
    yield "is transposed", right.T
    yield from _of_uses(right, uses)
    yield from _of_terms(right, terms)
    if len(uses) <= _MOST_STEPS:
        for i, j in combinations(uses, 2):
            yield f"misses the terms k = {i} and k = {j}", right - uses[i] - uses[j]


def _of_uses(right: _Array, uses: Mapping[int, _Array]) -> Iterator[tuple[str, _Array]]:
    steps = sorted(uses)
    for k in steps if len(steps) > 1 else []:
        yield f"misses the term k = {k}", right - uses[k]
    for n in range(2, len(steps)):
        kept = sum(uses[k] for k in steps[n:])
        yield f"misses the terms k = {steps[0]}..{steps[n - 1]}: it goes back no further", kept
    for k in steps:
        yield f"counts the term k = {k} twice", right + uses[k]
        yield f"has the term k = {k} with the wrong sign", right - 2.0 * uses[k]


def _of_terms(right: _Array, terms: Terms) -> Iterator[tuple[str, _Array]]:
    losses = {t: sum(by_step.values()) for t, by_step in terms.items()}
    last = max(terms, default=0)
    for depth in range(1, last):
        said = f"follows each loss back through {depth} step{'s' if depth > 1 else ''} only"
        if depth == 1:
            said += ": h_{t-1} depends on this weight as well (the terms k < t are missing)"
        kept = [x for t, by_step in terms.items() for k, x in by_step.items() if k > t - depth]
        yield said, sum(kept, start=np.zeros_like(right))
    if len(losses) > 1:
        yield f"counts the loss of the last step, t = {last}, only", losses[last]
        for t, part in losses.items():
            yield f"misses the loss of step t = {t}", right - part
    for t, by_step in terms.items():
        for k, part in by_step.items():
            said = f"misses the term t = {t}, k = {k}: what E_{t} says through step {k}"
            yield said, right - part


def _factor(given: _Array, right: _Array, steps: int) -> str:
    """A gradient that is right but for a factor; of a single number only plain factors count."""
    squares = float(np.vdot(right, right))
    factor = float(np.vdot(right, given)) / squares if squares else 0.0
    plain = _plain_factors(steps)
    known = next((said for x, said in plain if abs(factor - x) <= _CLOSE * x), "")
    if not _near(given, factor * right) or (right.size == 1 and not known):
        return ""
    return f"is {factor:.6g} times the right one{known}" if factor else "is zero"


def _plain_factors(steps: int) -> Sequence[tuple[float, str]]:
    found = [(2.0, ""), (0.5, "")]
    if steps > 1:
        found.insert(0, (float(steps), ", the number of steps: the loss is their mean"))
        found.insert(0, (1.0 / steps, f", one over the {steps} steps: the loss is their sum"))
    return found
