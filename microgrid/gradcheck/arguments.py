"""What a checked function is called with: its arguments, and the numbers among them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from ..value import Value

__all__ = ["call", "prepare", "varying"]


def prepare(f: Callable[..., Value], inputs: Any) -> tuple[list[Any], dict[Value, str]]:
    """The arguments of f, their numbers as Values, and every leaf among them with its name."""
    if isinstance(inputs, Value | Real) or hasattr(inputs, "named_parameters"):
        inputs = [inputs]
    if not _is_sequence(inputs):
        raise TypeError(f"gradcheck: inputs must be a list, one entry per argument, got {inputs!r}")
    leaves: dict[Value, str] = {}
    names = _names(f, len(inputs))
    arguments = [_enter(x, name, leaves) for x, name in zip(inputs, names)]
    if not leaves:
        raise ValueError("gradcheck: there is no number among the inputs")
    return arguments, leaves


def _parameters(f: Callable[..., Value]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # some callables written in C
        return None


def _names(f: Callable[..., Value], n: int) -> list[str]:
    names: list[str] = []
    for p in _parameters(f) or []:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(n - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return (names + [f"input {i + 1}" for i in range(len(names), n)])[:n]


def _enter(x: Any, name: str, leaves: dict[Value, str]) -> Any:
    if isinstance(x, Real):
        x = Value(x, label=name)
    if isinstance(x, Value):
        leaves.setdefault(x, x.label or name)
        return x
    if hasattr(x, "named_parameters"):
        for inner, value in x.named_parameters():
            leaves.setdefault(value, f"{name}.{inner}")
        return x
    if _is_sequence(x):
        return [_enter(item, f"{name}[{i}]", leaves) for i, item in enumerate(x)]
    raise TypeError(
        f"gradcheck: {name} must be a number, a Value, nested lists of these or a Module, got {x!r}"
    )


def _is_sequence(x: Any) -> bool:
    array = hasattr(x, "tolist")
    return array or (isinstance(x, Sequence) and not isinstance(x, str | bytes))


def call(f: Callable[..., Value], arguments: Sequence[Any]) -> Value:
    root = f() if _parameters(f) == [] else f(*arguments)
    if not isinstance(root, Value):
        raise TypeError(
            f"gradcheck: f must return a Value, got {root!r}; float(), .data and math "
            f"functions lose the gradient"
        )
    return root


def varying(f: Callable[..., Value], arguments: Any, leaf: Value) -> Callable[[float], float]:
    here = leaf.data

    def f_of(number: float) -> float:
        leaf.data = number
        try:
            return call(f, arguments).data
        except (ValueError, ArithmeticError):  # beyond the edge of f's domain
            return math.nan
        finally:
            leaf.data = here

    return f_of
