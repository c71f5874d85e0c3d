"""What a recording remembers of PyTorch: its calls, and the tensors that it began with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .sites import Site

__all__ = ["Call", "Leaf"]


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call.

    Attributes
    ----------
    name : aten's name for it
    site : the user's line; within an autograd.Function that of apply()
    scope : microgrid's scope: time step, module
    number : how many calls came before
    function, application : the autograd.Function around it, and which of its applications
    """

    name: str
    site: Site
    scope: str
    number: int
    function: str = ""
    application: int = 0

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.function or self.name} at {self.site}{where}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor that others were computed from: its name, and its numbers when first used."""

    name: str
    tensor: torch.Tensor
    numbers: np.ndarray
