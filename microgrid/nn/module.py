"""Module: what owns parameters, and how they are found, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from .. import functional as F
from ..recording import current_scope
from ..value import Operand, Value

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
    "identity": identity,
}


class Module:
    """A part of a network. Every Value among its attributes is a parameter.

    Parameters stand in attributes: a Value, a list of them, a list of rows, another
    Module or a list of Modules; names that begin with an underscore do not count.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Value(3.0, label="factor")
    >>> Scale().state_dict()
    {'factor': 3.0}
    """

    def named_weights(self) -> Iterator[tuple[str, Weight]]:
        """(name, Value, list or matrix of Values), in order of definition."""
        for name, attribute in vars(self).items():
            if not name.startswith("_"):
                yield from _weights(name, attribute)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """(name, Value) for every single number that can be learnt: "cell.weight_hh[0][1]"."""
        for name, weight in self.named_weights():
            yield from _entries(name, weight)

    def parameters(self) -> list[Value]:
        """Every parameter as one flat list, for an optimizer."""
        return [value for _, value in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients: `grad` becomes None (as in PyTorch)."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The numbers by name: a float, a list or a list of rows for each weight."""
        return {name: _numbers(weight) for name, weight in self.named_weights()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from numbers, nested lists or arrays by name.

        ValueError where a key is missing, unknown or of another shape; then nothing
        has been changed.

        >>> from microgrid import nn
        >>> nn.RNNCell(1, 1, bias=False).load_state_dict({"weight_ih": [[1.0]]})
        Traceback (most recent call last):
        ...
        ValueError: load_state_dict: 'weight_hh' is missing; this module has weight_ih, weight_hh
        """
        weights: dict[str, Weight] = dict(self.named_weights())
        has = f"this module has {', '.join(weights) or 'no parameters'}"
        for name in weights:
            if name not in state:
                raise ValueError(f"load_state_dict: {name!r} is missing; {has}")
        for name in state:
            if name not in weights:
                raise ValueError(f"load_state_dict: {name!r} is unknown; {has}")
        arrays = {name: _array(name, state[name], weight) for name, weight in weights.items()}
        for name, weight in weights.items():
            values = [value for _, value in _entries(name, weight)]
            for value, number in zip(values, arrays[name].ravel().tolist()):
                value.data = number


def _weights(name: str, attribute: Any) -> Iterator[tuple[str, Weight]]:
    if isinstance(attribute, Module):
        for inner, weight in attribute.named_weights():
            yield f"{name}.{inner}", weight
    elif isinstance(attribute, Value) or _is_rows(attribute):
        yield name, attribute
    elif isinstance(attribute, list | tuple):
        for i, item in enumerate(attribute):
            if isinstance(item, Module):
                yield from _weights(f"{name}.{i}", item)


def _is_rows(attribute: Any) -> bool:
    if not isinstance(attribute, list | tuple) or not attribute:
        return False
    return all(isinstance(x, Value) or _is_rows(x) for x in attribute)


def _entries(name: str, weight: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(weight, Value):
        yield name, weight
    else:
        for i, item in enumerate(weight):
            yield from _entries(f"{name}[{i}]", item)


def _numbers(weight: Weight) -> Any:
    return weight.data if isinstance(weight, Value) else [_numbers(item) for item in weight]


def _array(name: str, given: Any, weight: Weight) -> np.ndarray:
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"load_state_dict: {name!r} needs real numbers in rows of equal length, got {given!r}"
        ) from None
    expected = np.shape(_numbers(weight))
    if array.shape != expected:
        raise ValueError(
            f"load_state_dict: {name!r} has shape {expected}, got one of shape {array.shape}"
        )
    return array


# Making parameters and checking what is given.


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


def matrix(numbers: np.ndarray, label: str) -> Matrix:
    """Rows of parameters, labelled "W[0,1]", or plain "W" when there is only one."""
    lone = numbers.size == 1
    return [
        [Value(x, label if lone else f"{label}[{i},{j}]") for j, x in enumerate(row)]
        for i, row in enumerate(numbers)
    ]


def vector(numbers: Sequence[Operand] | np.ndarray, label: str) -> Row:
    """Leaves in a row, labelled "b[0]", "b[1]", or plain "b" if alone; Values stay themselves."""
    lone = len(numbers) == 1 or not label
    return [
        x if isinstance(x, Value) else Value(x, label if lone else f"{label}[{i}]")
        for i, x in enumerate(numbers)
    ]


def named(values: Row, name: str) -> Row:
    """Label computed values by the time step in which they were made: "h_2", "h_2[0]".

    >>> from microgrid import scope
    >>> with scope("t=2"):
    ...     (h,) = named([Value(0.5).tanh()], "h")
    >>> h.label
    'h_2'
    """
    name = at_step(name)
    for i, value in enumerate(values):
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
        raise ValueError(f"{what} must have {expected} entries, got {len(xs)}")
    return xs
