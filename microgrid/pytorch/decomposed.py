"""Calls that are recorded as the smaller calls which PyTorch itself takes them apart into.

A rule is not needed for what PyTorch defines by other calls: interpolation is indexing and
products, a reflected margin is indexing. Its decomposition is run a second time, beside the call
itself, and what comes out is held against PyTorch's numbers as that of a rule is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._decomp import decomposition_table

from ..arrays import Array
from .modes import Aten
from .rules import DECOMPOSED
from .shadows import Shadows

__all__ = ["Decomposition", "is_composite"]


class Decomposition:
    """The part of a recorder that records a call by its decomposition.

    Attributes
    ----------
    within : the call whose decomposition is running, and the tensors that count as its caller's;
        None where the program's own calls are made
    """

    paused: bool
    shadows: Shadows
    within: tuple[Any, Sequence[Any]] | None
    aten: Callable[[Any, Sequence[Any], dict[str, Any]], Any]
    whole: Callable[[str, Any, Sequence[Any], dict[str, Any]], Any]
    gradient: Callable[[Sequence[Any], dict[str, Any]], Any]
    note_a_hook: Callable[[], None]
    _array: Callable[[torch.Tensor, Sequence[Any]], Array]

    def decomposed(
        self, call: Any, given: Sequence[Any], func: Any, args: Sequence[Any], named: dict[str, Any]
    ) -> list[Array | None] | None:
        """The arrays behind the results of a call; None where it cannot be recorded so.

        given: the tensors that the program itself handed over, so that one which was detached
        stays a constant.
        """
        parts = _decomposition(func)
        if parts is None:
            return None
        outer, self.within = self.within, (call, given)
        try:
            with torch.no_grad():
                with Aten(self):
                    made = parts(*args, **named)
                results = made if isinstance(made, tuple | list) else [made]
                return [self._copied(x, given) for x in results]
        except NotImplementedError:  # a call within has no rule
            return None
        finally:
            self.within = outer

    def _copied(self, x: Any, given: Sequence[Any]) -> Array | None:
        if isinstance(x, torch.Tensor) and x.is_floating_point():
            return self._array(x, given).copy()
        return None


def is_composite(func: Any) -> bool:
    """Whether a call is nothing but others, which PyTorch usually makes before anybody is asked."""
    name: str = func.name()
    return torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")


def _decomposition(func: Any) -> Callable[..., Any] | None:
    """PyTorch's for a call that is in the table, that of "name" for the in-place "name_"."""
    name = func._schema.name.partition("::")[2].removesuffix("_")
    if name not in DECOMPOSED:
        return None
    packet = getattr(torch.ops.aten, name)
    overload = getattr(packet, func._overloadname, func)
    found: Callable[..., Any] | None = decomposition_table.get(overload)
    return found
