"""Module: what owns parameters, and how they are found, saved and loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ..nested import mapped
from ..value import Value
from ..wording import aligned, clean, short
from .names import fitting, labels_of
from .parameters import Weight, name_leaves, shape_of

__all__ = ["Module"]


class Module:
    """A part of a network. Every leaf Value among its attributes is a parameter.

    Parameters are looked for in attributes whose names do not begin with an underscore:
    Values, lists and object arrays of Values, other Modules, and lists and dicts of all of
    these, as deep as they go. A list of equally long rows of Values is one weight, a matrix.
    Values that were computed are no parameters. A parameter that is reached by two ways is
    a tied weight: it counts once, though the `state_dict` holds it under both names.
    Lists of numbers that belong to the state but are not learnt, a running mean for one, are
    named in `_buffers`.

    A module of one's own says in `__init__` what it learns and in `forward` what it computes.
    Parameters without a label are named after their attribute:

    >>> from microgrid import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter([3.0, 4.0])
    ...     def forward(self, xs):
    ...         return [f * x for f, x in zip(self.factor, xs)]
    >>> scale = Scale()
    >>> [y.data for y in scale([10.0, 100.0])], scale.state_dict(), scale.factor[1].label
    ([30.0, 400.0], {'factor': [3.0, 4.0]}, 'factor[1]')
    """

    training: bool = True
    _buffers: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """`forward` and a call are the same, whichever of them a class defines."""
        super().__init_subclass__(**options)
        own: dict[str, Any] = dict(vars(cls))
        parent: Any = cls.__mro__[1]
        if "forward" in own and "__call__" not in own:  # also where the parent defines a call
            cls.__call__ = Module.__call__  # type: ignore[method-assign]
        elif "__call__" in own and parent.forward in (Module.forward, parent.__call__):
            cls.forward = own["__call__"]  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            name_leaves(value, name)
            if isinstance(value, Module):
                self._tell_layers_apart()

    def _tell_layers_apart(self) -> None:
        """Linear layers of one module are called after their attributes: W_key, b_key."""
        layers = {name: part for name, part in vars(self).items() if hasattr(part, "relabel")}
        for name, layer in layers.items():
            if len(layers) > 1 and labels_of(layer.weight) == ["W"]:
                stem = re.sub(r"^[Ww]_?(?=\w{1,2}$)", "", name)  # Wz is W_z
                layer.relabel(f"W_{stem}", f"b_{stem}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        """What `forward` returns."""
        return self.forward(*args, **options)

    def forward(self, *args: Any, **options: Any) -> Any:
        """What the module computes; a subclass defines it, or `__call__`."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be called: it defines no forward(self, ...)"
        )

    def __repr__(self) -> str:
        parts = [path if isinstance(x, Module) else f"{path} {_size(x)}" for path, x in _own(self)]
        total = f"; {len(self.parameters())} parameters" if len(parts) > 1 else ""
        return f"{type(self).__name__}({', '.join(parts)}{total})"

    def __str__(self) -> str:
        head = f"{type(self).__name__}, {len(self.parameters())} parameters"
        return clean("\n".join([head, *_lines(self, (self,))]))

    def named_modules(self, name: str = "") -> Iterator[tuple[str, Module]]:
        """(name, module) for this module, whose name is "", and all within it: "layers.0"."""
        yield name, self
        for inner, part in _walk(self, name, ()):
            if isinstance(part, Module):
                yield inner, part

    def named_buffers(self) -> Iterator[tuple[str, list[float]]]:
        """(name, numbers) for what belongs to the state and is not learnt."""
        for path, module in self.named_modules():
            for name in module._buffers:
                yield f"{path}.{name}" if path else name, getattr(module, name)

    def named_weights(self) -> Iterator[tuple[str, Weight]]:
        """(name, Value, list or matrix of Values), in order of definition; tied ones repeatedly."""
        for name, part in _walk(self, "", ()):
            if not isinstance(part, Module):
                yield name, part

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """(name, Value) for every single number that can be learnt: `cell.weight_hh[0][1]`."""
        seen: set[Value] = set()
        for name, weight in self.named_weights():
            for entry, value in _entries(name, weight):
                if value not in seen:
                    seen.add(value)
                    yield entry, value

    def parameters(self) -> list[Value]:
        """Every parameter once, as one flat list, for an optimizer."""
        return [value for _, value in self.named_parameters()]

    def train(self, mode: bool = True) -> Self:
        """Have Dropout and BatchNorm1d do what they do in training; returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The end of training: nothing is dropped any more (see `train`)."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients: `grad` becomes None (as in PyTorch)."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The numbers by name: a float, a list or a list of rows for each weight and buffer.

        As in PyTorch a tied weight stands under each of its names, so that the state fits a
        module in which it is not tied; `named_parameters` has it once, under the first.
        """
        learnt = {name: mapped(_number, weight) for name, weight in self.named_weights()}
        return learnt | {name: list(numbers) for name, numbers in self.named_buffers()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from numbers, nested lists or arrays by name.

        A weight may also be called what the pictures or the lectures call it: "W_h", "W_hh".
        ValueError where a key is missing, unknown or of another shape, or where a tied
        weight has different numbers under its names; then nothing has been changed.

        >>> from microgrid import nn
        >>> nn.RNNCell(1, 1, bias=False).load_state_dict({"weight_ih": [[1.0]]})
        Traceback (most recent call last):
        ...
        ValueError: load_state_dict: 'weight_hh' is missing; this module has weight_ih, weight_hh
        """
        if not isinstance(state, Mapping):
            raise ValueError(f"load_state_dict takes numbers by name, got {short(state)}")
        weights, buffers = dict(self.named_weights()), dict(self.named_buffers())
        state = _by_path(state, weights)
        has = f"this module has {', '.join([*weights, *buffers]) or 'no parameters'}"
        for name in (*weights, *buffers):
            if name not in state:
                raise ValueError(f"load_state_dict: {name!r} is missing; {has}")
        for name in state:
            if name not in weights and name not in buffers:
                raise ValueError(f"load_state_dict: {name!r} is unknown; {has}")
        running = {name: _array(name, state[name], (len(x),)) for name, x in buffers.items()}
        for value, number in _new_numbers(weights, state).items():
            value.data = number
        for name, numbers in buffers.items():
            numbers[:] = running[name].tolist()


def _walk(
    module: Module, path: str, inside: tuple[Module, ...]
) -> Iterator[tuple[str, Module | Weight]]:
    """(path, module or weight) for all within a module; `inside` are the modules around it."""
    inside = (*inside, module)
    for name, part in _own(module, path):
        if not isinstance(part, Module):
            yield name, part
        elif not any(part is outer for outer in inside):  # a circle is gone round once
            yield name, part
            yield from _walk(part, name, inside)


def _own(module: Module, path: str = "") -> Iterator[tuple[str, Module | Weight]]:
    """(path, module or weight) for what stands in the attributes of a module itself."""
    for name, attribute in vars(module).items():
        if not name.startswith("_"):
            yield from _items(f"{path}.{name}" if path else name, attribute)


def _items(path: str, found: Any) -> Iterator[tuple[str, Module | Weight]]:
    """What an attribute holds: a module, a weight, or lists and dicts of these."""
    if isinstance(found, np.ndarray) and found.dtype == object:
        found = found.tolist()
    if isinstance(found, Module) or shape_of(found) is not None:
        yield path, found
    elif isinstance(found, Mapping):
        for key, item in found.items():
            yield from _items(f"{path}.{key}", item)
    elif isinstance(found, list | tuple):
        for i, item in enumerate(found):
            yield from _items(f"{path}.{i}", item)


def _lines(module: Module, inside: tuple[Module, ...]) -> Iterator[str]:
    """A module as an indented list: its weights with shape and label, then its parts."""
    own = list(_own(module))
    weights = [(name, x) for name, x in own if not isinstance(x, Module)]
    rows = [[name, _size(x), ", ".join(labels_of(x))] for name, x in weights]
    yield from aligned(rows, indent="  ")
    for name, part in own:
        if isinstance(part, Module):
            again = any(part is outer for outer in inside)
            yield f"  {name}: {type(part).__name__}{' (see above)' if again else ''}"
            if not again:
                yield from (f"  {line}" for line in _lines(part, (*inside, part)))


def _size(weight: Weight) -> str:
    return " x ".join(map(str, shape_of(weight) or (1,)))


def _entries(name: str, weight: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(weight, Value):
        yield name, weight
    else:
        for i, item in enumerate(weight):
            yield from _entries(f"{name}[{i}]", item)


def _by_path(state: Mapping[str, Any], weights: Mapping[str, Weight]) -> dict[str, Any]:
    """A state under the paths of its weights; a name that fits none, or several, stays."""
    found: dict[str, Any] = {}
    for name, numbers in state.items():
        paths = fitting(name, weights)
        path = paths[0] if len(paths) == 1 else name
        if path in found:
            raise ValueError(f"load_state_dict: {path!r} is given twice, as {name!r} as well")
        found[path] = numbers
    return found


def _number(value: Value) -> float:
    return value.data


def _new_numbers(weights: Mapping[str, Weight], state: Mapping[str, Any]) -> dict[Value, float]:
    """What a state says of every parameter; ValueError where it does not fit, or fits twice."""
    new: dict[Value, float] = {}
    for name, weight in weights.items():
        numbers = _array(name, state[name], shape_of(weight)).ravel().tolist()
        for (entry, value), number in zip(_entries(name, weight), numbers):
            other = new.setdefault(value, number)
            if other is not number and other != number:
                raise ValueError(
                    f"load_state_dict: {entry} is a tied weight, and cannot be both "
                    f"{other!r} and {number!r}"
                )
    return new


def _array(name: str, given: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    try:
        array = np.asarray(given, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"load_state_dict: {name!r} needs real numbers in rows of equal length, "
            f"got {short(given)}"
        ) from None
    if array.shape != shape:
        raise ValueError(
            f"load_state_dict: {name!r} has shape {shape}, got one of shape {array.shape}"
        )
    return array
