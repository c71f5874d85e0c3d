"""Module: what owns parameters, and how they are found, saved and loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ..value import Value
from .parameters import Weight

__all__ = ["Module"]


class Module:
    """A part of a network. Every Value among its attributes is a parameter.

    Parameters stand in attributes: a Value, a list of them, a list of rows, another
    Module or a list of Modules; names that begin with an underscore do not count.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Value(3.0, label="factor")
    >>> Scale().state_dict()
    {'factor': 3.0}

    Lists of numbers that belong to the state but are not learnt, a running mean for one, are
    named in `_buffers`.
    """

    training: bool = True
    _buffers: ClassVar[tuple[str, ...]] = ()

    def named_modules(self, name: str = "") -> Iterator[tuple[str, Module]]:
        """(name, module) for this module, whose name is "", and all within it: "layers.0"."""
        yield name, self
        for own, attribute in vars(self).items():
            parts = {own: attribute}
            if isinstance(attribute, list | tuple):
                parts = {f"{own}.{i}": part for i, part in enumerate(attribute)}
            for inner, part in parts.items():
                if isinstance(part, Module):
                    yield from part.named_modules(f"{name}.{inner}" if name else inner)

    def named_buffers(self) -> Iterator[tuple[str, list[float]]]:
        """(name, numbers) for what belongs to the state and is not learnt."""
        for path, module in self.named_modules():
            for name in module._buffers:
                yield f"{path}.{name}" if path else name, getattr(module, name)

    def train(self, mode: bool = True) -> Self:
        """Have Dropout and BatchNorm1d do what they do in training; returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The end of training: nothing is dropped any more (see `train`)."""
        return self.train(False)

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
        learnt = {name: _numbers(weight) for name, weight in self.named_weights()}
        return learnt | {name: list(numbers) for name, numbers in self.named_buffers()}

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
        weights: dict[str, Weight | list[float]] = dict(self.named_weights())
        buffers = dict(self.named_buffers())
        weights.update(buffers)
        has = f"this module has {', '.join(weights) or 'no parameters'}"
        for name in weights:
            if name not in state:
                raise ValueError(f"load_state_dict: {name!r} is missing; {has}")
        for name in state:
            if name not in weights:
                raise ValueError(f"load_state_dict: {name!r} is unknown; {has}")
        arrays = {name: _array(name, state[name], weight) for name, weight in weights.items()}
        for name, numbers in buffers.items():
            numbers[:] = arrays[name].tolist()
        for name, weight in self.named_weights():
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


def _shape(weight: Weight | list[float]) -> tuple[int, ...]:
    if isinstance(weight, Value | float):
        return ()
    return (len(weight), *_shape(weight[0]))  # type: ignore[arg-type]


def _array(name: str, given: Any, weight: Weight | list[float]) -> np.ndarray:
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"load_state_dict: {name!r} needs real numbers in rows of equal length, got {given!r}"
        ) from None
    expected = _shape(weight)
    if array.shape != expected:
        raise ValueError(
            f"load_state_dict: {name!r} has shape {expected}, got one of shape {array.shape}"
        )
    return array
