"""What each use of an array adds to a gradient, of a function written in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["uses_of"]

_MOST_CALLS = 20_000  # of the function, to find the share of each use
_STEP = 1e-6
_CLOSE = 1e-5  # how well the shares must sum to the whole, by its largest entry

_Array = np.ndarray[Any, Any]


class _Watch:
    """Counts how often an array is an operand; at one of these uses it is another array."""

    def __init__(self, chosen: int = 0) -> None:
        self.count, self.chosen = 0, chosen

    def used(self, array: _Watched) -> _Array:
        """The numbers that this use of the array gets."""
        self.count += 1
        return array.moved if self.count == self.chosen else array.view(np.ndarray)


class _Watched(np.ndarray[Any, Any]):
    """An array that tells its watch of each operation, and the same array with an entry moved.

    Indexing and turning are no use of it yet: what comes out is watched as well.
    """

    watch: _Watch
    moved: _Array

    def _seen(self, view: Callable[[_Array], _Array]) -> Any:
        """A part or a turn of the array, which is yet to be used."""
        part = view(self.view(np.ndarray))
        if isinstance(part, np.ndarray):
            return _watched(part, view(self.moved), self.watch)
        self.watch.count += 1  # a single number is used where it is read
        return view(self.moved) if self.watch.count == self.watch.chosen else part

    def __getitem__(self, index: Any) -> Any:
        return self._seen(lambda array: array[index])

    @property
    def T(self) -> Any:  # noqa: N802, NumPy's name
        return self._seen(lambda array: array.T)

    def transpose(self, *axes: Any) -> Any:
        return self._seen(lambda array: array.transpose(*axes))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return self._seen(lambda array: array.reshape(*shape, **options))

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other, out)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(_operand, inputs), **options)

    def __array_function__(self, function: Any, types: Any, given: Any, options: Any) -> Any:
        return function(*(_operand(x) for x in given), **options)


def _operand(x: Any) -> Any:
    """What an operation gets: of a watched array the numbers, each time it is an operand."""
    if isinstance(x, _Watched):
        return x.watch.used(x)
    if isinstance(x, list | tuple):
        return type(x)(map(_operand, x))
    return x


def _watched(array: _Array, moved: _Array, watch: _Watch) -> _Watched:
    made = array.view(_Watched)
    made.watch, made.moved = watch, moved
    return made


def uses_of(
    f: Callable[..., float],
    inputs: Sequence[Any],
    place: int,
    gradient: _Array,
    steps: Sequence[int] = (),
) -> tuple[dict[int, _Array], bool]:
    """The share of each use of inputs[place] in the gradient, and whether steps number them.

    steps: how many steps of time there may be. Shares are summed by step if one of these divides
    the number of uses evenly; else uses are numbered as they come, from 1. {} if unknown.

    The array is handed in so that it can be another one at its k-th use alone: in a loop over
    time that is what `bptt.contributions` finds in a graph. Uses are operands of NumPy's
    functions. Where the program reads the numbers in another way, where how often changes, or
    where the shares do not sum to the gradient, nothing is told.

    >>> def loss(w, xs):
    ...     h = np.zeros(1)
    ...     for x in xs:
    ...         h = w @ h + x
    ...     return h[0]
    >>> inputs = [np.array([[2.0]]), [5.0, 1.0, 1.0]]
    >>> shares, by_step = uses_of(loss, inputs, 0, np.array([[21.0]]), steps=[3])
    >>> {k: round(float(share.item()), 6) for k, share in shares.items()}
    {1: 0.0, 2: 10.0, 3: 11.0}
    >>> by_step
    True
    """
    array = np.array(inputs[place], dtype=float)

    def called(moved: _Array, chosen: int) -> tuple[float, int]:
        watch = _Watch(chosen)
        arguments = [*inputs[:place], _watched(array, moved, watch), *inputs[place + 1 :]]
        return float(f(*arguments)), watch.count

    try:
        _, count = called(array, 0)
        if count == 1:
            return {1: gradient}, True
        if 2 * count * array.size > _MOST_CALLS:
            return {}, False
        shares = {k: _share(called, array, k, count) for k in range(1, count + 1)}
    except (TypeError, ValueError, ArithmeticError):
        return {}, False
    total = sum(shares.values(), np.zeros_like(array))
    if np.max(np.abs(total - gradient)) > _CLOSE * np.max(np.abs(gradient), initial=1e-3):
        return {}, False
    fitting = {n for n in steps if n > 1 and count % n == 0}
    if len(fitting) != 1:
        return shares, False
    return _by_step(shares, count // fitting.pop()), True


def _share(
    called: Callable[[_Array, int], tuple[float, int]], array: _Array, k: int, count: int
) -> _Array:
    """d(loss)/d(array at its k-th use) by central differences; ValueError if the uses change."""
    share = np.zeros_like(array)
    for entry in np.ndindex(*array.shape):
        step = _STEP * max(1.0, abs(float(array[entry])))
        found = []
        for sign in (1.0, -1.0):
            moved = array.copy()
            moved[entry] += sign * step
            loss, uses = called(moved, k)
            if uses != count:
                raise ValueError("the number of uses depends on the numbers")
            found.append(loss)
        share[entry] = (found[0] - found[1]) / (2.0 * step)
    return share


def _by_step(shares: dict[int, _Array], each: int) -> dict[int, _Array]:
    found: dict[int, _Array] = {}
    for k, share in shares.items():
        step = (k - 1) // each + 1
        found[step] = found[step] + share if step in found else share
    return found
