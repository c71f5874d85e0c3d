"""Nested lists: a state (h, c), the states of several layers, the rows of a matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "mapped"]


def flatten(nested: Any) -> Iterator[Any]:
    """What stands in nested lists and tuples, from left to right; something else is itself.

    >>> list(flatten(([1, 2], [[3], 4])))
    [1, 2, 3, 4]
    """
    if isinstance(nested, list | tuple):
        for part in nested:
            yield from flatten(part)
    else:
        yield nested


def mapped(function: Callable[[Any], Any], nested: Any) -> Any:
    """Lists of the same shape that hold function(x) for every x.

    >>> mapped(lambda x: -x, ([1, 2], [3]))
    [[-1, -2], [-3]]
    """
    if isinstance(nested, list | tuple):
        return [mapped(function, part) for part in nested]
    return function(nested)
