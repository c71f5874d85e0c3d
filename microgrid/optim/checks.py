"""What optimizers and schedules are given, and what a saved state holds: checked and named."""

import sys
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from ..wording import short

__all__ = ["Numbers", "distinct", "field", "memorised", "plain", "rate", "share", "steps", "zeros"]

Numbers: TypeAlias = Any  # a float or an array


def distinct(params: Iterable[Any]) -> list[Any]:
    """The parameters in order, a tied one once: its gradient is whole already."""
    return list({id(p): p for p in params}.values())


def zeros(like: Numbers) -> Numbers:
    """0, or an array of zeros shaped like `like`."""
    return np.zeros_like(like) if isinstance(like, np.ndarray) else 0.0


def rate(what: str, number: float) -> float:
    """A number of 0 or more; ValueError otherwise."""
    if (
        isinstance(number, bool)
        or not isinstance(number, Real)
        or not 0.0 <= number <= sys.float_info.max
    ):
        raise ValueError(f"{what} must be a number of 0 or more, got {short(number)}")
    return float(number)


def share(what: str, number: float) -> float:
    """A number in 0..1, without the 1; ValueError otherwise."""
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{what} must lie in 0..1 and below 1, got {number!r}")
    return float(number)


def plain(x: Numbers) -> Any:
    """Numbers as JSON has them."""
    return x.tolist() if isinstance(x, np.ndarray | np.generic) else x


def field(state: Any, name: str) -> Any:
    """An entry of a `state_dict`; ValueError where there is none."""
    if not isinstance(state, Mapping):
        raise ValueError(f"a state_dict is a dict, got {short(state)}")
    if name not in state:
        raise ValueError(f"the state has no {name!r}")
    return state[name]


def memorised(name: str, x: Any, p: Any) -> Numbers:
    """What a state holds under a name, if it can belong to this parameter."""
    if name == "steps":
        return steps(x)
    try:
        numbers = np.asarray(x, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be numbers, got {short(x)}") from None
    shape = np.shape(p.data)
    if numbers.shape != shape:
        raise ValueError(f"{name} has shape {numbers.shape}, its parameter {shape}")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} must be finite, got {short(x)}")
    if name in ("sum", "mean_square") and np.any(numbers < 0.0):
        raise ValueError(f"{name} is made of squares and cannot be negative, got {short(x)}")
    return numbers if shape else float(numbers)


def steps(x: Any) -> int:
    """A number of steps; ValueError for what cannot be one."""
    if isinstance(x, bool) or not isinstance(x, int) or not 0 <= x <= 2**53:
        raise ValueError(f"steps must be a whole number of 0 or more, got {short(x)}")
    return x
