"""What a checked function is called with: its arguments, and the numbers among them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..nn.parameters import Parameter
from ..value import Value
from ..wording import short

__all__ = ["Direction", "as_values", "call", "golden_weight", "names_of", "prepare"]


def prepare(f: Callable[..., Value], inputs: Any) -> tuple[list[Any], dict[Value, str]]:
    """The arguments of f, their numbers as Values, and every leaf among them with its name."""
    if not callable(f):
        raise TypeError(f"gradcheck takes the function first, then its inputs, got {short(f)}")
    if isinstance(inputs, Value | float) or not _is_sequence(inputs):
        inputs = [inputs]
    leaves: dict[Value, str] = {}
    names = names_of(f, len(inputs))
    arguments = [_enter(x, name, leaves, ()) for x, name in zip(inputs, names)]
    if not leaves:
        raise ValueError(
            f"gradcheck: there is nothing to check among the inputs, {short(inputs)}: they hold "
            f"no Value and no number with a point (an integer is passed on as it is)"
        )
    return arguments, leaves


def _parameters(f: Callable[..., Value]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # some callables written in C
        return None


def names_of(f: Callable[..., Value], n: int) -> list[str]:
    """What the first n arguments of f are called."""
    names: list[str] = []
    for p in _parameters(f) or []:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(n - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return (names + [f"input {i + 1}" for i in range(len(names), n)])[:n]


def as_values(x: Any, name: str) -> Any:
    """A number or an array of them as leaves, in an array if it came in one."""
    values = Parameter(np.asarray(x, dtype=float), name)
    return np.array(values, dtype=object) if isinstance(x, np.ndarray) else values


def _enter(x: Any, name: str, leaves: dict[Value, str], inside: tuple[Any, ...]) -> Any:
    """What f gets for x; the numbers in it become leaves. `inside` are the objects around x."""
    if isinstance(x, float | np.floating):
        x = Value(x, label=name)
    if isinstance(x, Value):
        if not x.parents:
            leaves.setdefault(x, x.label or name)
    elif isinstance(x, np.ndarray):
        if x.dtype.kind in "fO":
            return _enter(x.tolist(), name, leaves, inside)
    elif _is_sequence(x):
        beside_floats = any(isinstance(item, float | np.floating | Value) for item in x)
        items = [float(i) if beside_floats and _is_integer(i) else i for i in x]
        return [_enter(item, f"{name}[{i}]", leaves, inside) for i, item in enumerate(items)]
    elif hasattr(x, "named_parameters"):
        for inner, value in x.named_parameters():
            leaves.setdefault(value, f"{name}.{inner}")
    elif _is_plain_object(x) and not any(x is outer for outer in inside):
        for inner, attribute in vars(x).items():
            _collect(attribute, f"{name}.{inner}", leaves, (*inside, x))
    return x


def _collect(x: Any, name: str, leaves: dict[Value, str], inside: tuple[Any, ...]) -> None:
    """Note the Values that an object holds; its numbers stay numbers."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        x = x.tolist()
    if isinstance(x, Mapping):
        for key, item in x.items():
            _collect(item, f"{name}.{key}", leaves, inside)
    elif isinstance(x, list | tuple):
        for i, item in enumerate(x):
            _collect(item, f"{name}[{i}]", leaves, inside)
    elif not isinstance(x, float | np.floating | np.ndarray):
        _enter(x, name, leaves, inside)


def _is_integer(x: Any) -> bool:
    return isinstance(x, Integral) and not isinstance(x, bool)


def _is_plain_object(x: Any) -> bool:
    """Whether x is an instance of somebody's class, rather than a class, function or module."""
    return hasattr(x, "__dict__") and not isinstance(x, type | ModuleType | FunctionType)


def _is_sequence(x: Any) -> bool:
    array = isinstance(x, np.ndarray) and x.ndim > 0
    return array or (isinstance(x, Sequence) and not isinstance(x, str | bytes))


def call(f: Callable[..., Value], arguments: Sequence[Any]) -> Value:
    """f of its arguments, or of none if it takes none; TypeError unless it returns a Value."""
    root = f() if _parameters(f) == [] else f(*arguments)
    if not isinstance(root, Value):
        hint = "float(), .data and math functions lose the gradient"
        if root is None:
            hint = "let it end with the loss, `return loss`"
        elif isinstance(root, list | tuple):
            hint = "return one entry of it, or the sum, F.sum(...)"
        raise TypeError(f"gradcheck: f must return a Value, got {short(root)}; {hint}")
    return root


class Direction:
    """Leaves that are moved together along one line: one alone by x, several by weighted steps.

    start: where the line's parameter stands before anything is moved.
    """

    def __init__(self, leaves: Sequence[Value]) -> None:
        self.here = {leaf: leaf.data for leaf in leaves}
        alone = len(leaves) == 1
        self.start = leaves[0].data if alone else 0.0
        self.weights = [
            1.0 if alone else golden_weight(i) * max(1.0, abs(leaf.data))
            for i, leaf in enumerate(leaves)
        ]

    def at(self, x: float) -> dict[Value, float]:
        """The leaves' numbers at a point of the line."""
        if len(self.here) == 1:
            return dict.fromkeys(self.here, x)
        here = self.here.items()
        return {leaf: start + x * weight for (leaf, start), weight in zip(here, self.weights)}

    def value(self, f: Callable[..., Value], arguments: Sequence[Any], x: float) -> float:
        """f at a point of the line; nan beyond the edge of its domain. The leaves come back."""
        for leaf, number in self.at(x).items():
            leaf.data = number
        try:
            return call(f, arguments).data
        except (ValueError, ArithmeticError):
            return math.nan
        finally:
            for leaf, number in self.here.items():
                leaf.data = number

    def derivative(self, gradients: Sequence[float | None]) -> float | None:
        """The derivative along the line from those by the leaves; None where one is unknown."""
        known = [g for g in gradients if g is not None]
        if len(known) < len(gradients):
            return None
        return math.fsum(weight * g for weight, g in zip(self.weights, known))


def golden_weight(i: int) -> float:
    """The i-th of weights 0.5..1.5, all different, under which gradients do not cancel.

    >>> golden_weight(0), round(golden_weight(1), 3)
    (0.5, 1.118)
    """
    return 0.5 + i * 0.6180339887498949 % 1.0
