"""What a rule can be besides a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["chooses"]

_F = TypeVar("_F", bound=Callable[..., Any])


def chooses(rule: _F) -> _F:
    """Mark a rule whose first argument is the list of PyTorch's own outputs, as numbers."""
    rule.chooses = True  # type: ignore[attr-defined]
    return rule
