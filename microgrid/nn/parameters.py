"""Parameters: how modules make them, name them, and check what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product, repeat
from math import prod
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from .. import functional as F
from ..nested import flatten, mapped
from ..recording import current_scope
from ..value import Operand, Value
from ..wording import short

__all__ = [
    "NONLINEARITIES",
    "Matrix",
    "Parameter",
    "Row",
    "Seed",
    "Weight",
    "activation",
    "at_step",
    "check_length",
    "identity",
    "is_scalar",
    "labels",
    "matrix",
    "name_leaves",
    "named",
    "shape_of",
    "size",
    "uniform",
    "vector",
]

Seed: TypeAlias = int | np.random.Generator | None
Row: TypeAlias = list[Value]
Matrix: TypeAlias = list[Row]
Weight: TypeAlias = Value | Row | Matrix


def identity(x: Value) -> Value:
    """x itself. A function with a name, so that modules can be pickled."""
    return x


NONLINEARITIES: dict[str, Callable[[Value], Value]] = {
    "tanh": F.tanh,
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "elu": F.elu,
    "leaky_relu": F.leaky_relu,
    "identity": identity,
}


def size(number: int, what: str) -> int:
    """`number` if it is a whole number of 1 or more; ValueError otherwise."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{what} must be a whole number of 1 or more, got {number!r}")
    return int(number)


def activation(name: str) -> Callable[[Value], Value]:
    """The activation of that name; ValueError lists the names there are."""
    try:
        return NONLINEARITIES[name]
    except (KeyError, TypeError):
        known = ", ".join(NONLINEARITIES)
        raise ValueError(f"nonlinearity must be one of {known}, got {name!r}") from None


def uniform(seed: Seed, bound: float, *shape: int) -> np.ndarray:
    """Random numbers between -bound and bound, PyTorch's default initialisation."""
    return np.random.default_rng(seed).uniform(-bound, bound, shape)


def Parameter(data: Any, label: str = "") -> Any:  # noqa: N802, PyTorch's name
    """Leaves to be learnt: a Value for a number, a list for a vector, rows for a matrix.

    As an attribute of a Module they are among its parameters, and are named after the
    attribute unless they have a label. ValueError for rows of unequal length.

    >>> Parameter([[1.0, 2.0], [3.0, 4.0]], label="W")[1][0]
    Value(3.0, label='W[1,0]')
    """
    try:
        numbers = np.asarray(data, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"Parameter needs real numbers in rows of equal length, got {short(data)}"
        ) from None
    made = mapped(Value, numbers.tolist())
    name_leaves(made, label)
    return made


def shape_of(weight: Any) -> tuple[int, ...] | None:
    """The shape of one weight: () of a leaf, (3, 2) of three rows of two; None of anything else.

    >>> shape_of([[Value(1.0), Value(2.0)]]), shape_of([Value(1.0), None]), shape_of([])
    ((1, 2), None, None)
    """
    if isinstance(weight, Value):
        return None if weight.parents else ()
    if not isinstance(weight, list | tuple) or not weight:
        return None
    shapes = {shape_of(item) for item in weight}
    inner = shapes.pop()
    return None if shapes or inner is None else (len(weight), *inner)


def labels(name: str, *shape: int) -> Iterator[str]:
    """What the entries of a weight of this shape are called, row by row.

    >>> list(labels("W", 1, 2)), list(labels("b", 1)), list(labels("", 2))
    (['W[0,0]', 'W[0,1]'], ['b'], ['', ''])
    """
    has_places = bool(name) and prod(shape) > 1
    for place in product(*map(range, shape)):
        yield f"{name}[{','.join(map(str, place))}]" if has_places else name


def name_leaves(weight: Any, name: str) -> None:
    """Label what has no label yet: "W[0,1]", or plain "W" when there is only one number."""
    shape = shape_of(weight)
    if shape is not None:
        for leaf, label in zip(flatten(weight), labels(name, *shape)):
            leaf.label = leaf.label or label


def matrix(numbers: np.ndarray, label: str) -> Matrix:
    """Rows of parameters, labelled "W[0,1]", or plain "W" when there is only one."""
    names = labels(label, *numbers.shape)
    return [[Value(x, next(names)) for x in row] for row in numbers]


def vector(numbers: Sequence[Operand] | np.ndarray, label: str) -> Row:
    """Leaves in a row, labelled "b[0]", "b[1]", or plain "b" if alone; Values stay themselves."""
    names = labels(label, len(numbers)) if label else repeat("")
    return [x if isinstance(x, Value) else Value(x, name) for x, name in zip(numbers, names)]


def named(values: Row, name: str) -> Row:
    """Label computed values by the time step in which they were made: "h_2", "h_2[0]".

    >>> from microgrid import scope
    >>> with scope("t=2"):
    ...     (h,) = named([Value(0.5).tanh()], "h")
    >>> h.label
    'h_2'
    """
    name = at_step(name)
    for i, value in enumerate(values):  # by hand, for every vector of every step comes by here
        if not value.label:
            value.label = name if len(values) == 1 else f"{name}[{i}]"
    return values


def at_step(name: str) -> str:
    """`name` with the time step of the scope: "h_2" inside "t=2", "h" outside any step."""
    steps = [part[2:] for part in current_scope().split("/") if part.startswith("t=")]
    return f"{name}_{steps[0]}" if steps else name


def is_scalar(x: object) -> bool:
    """Whether x is a Value or a real number, rather than a vector of them."""
    return isinstance(x, Value | Real)


def check_length(what: str, xs: Sequence[Operand], expected: int) -> Sequence[Operand]:
    """`xs` if it has `expected` entries; ValueError naming both sizes otherwise."""
    if isinstance(xs, Value | str) or not hasattr(xs, "__len__"):
        raise TypeError(f"{what} must be a sequence of {expected} numbers or Values, got {xs!r}")
    if len(xs) != expected:
        entries = "entry" if expected == 1 else "entries"
        raise ValueError(f"{what} must have {expected} {entries}, got {len(xs)}")
    return xs
