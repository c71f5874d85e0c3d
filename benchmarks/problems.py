"""The numbers every contender starts from, so that all compute the same loss and gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CharRNN:
    """h_t = tanh(W_ih x_t + W_hh h_{t-1} + b), logits = W_out h_t + b_out, cross entropy summed."""

    hidden: int
    vocabulary: int
    steps: int
    seed: int = 0

    def __str__(self) -> str:
        return f"char-RNN {self.hidden}, {self.vocabulary}, {self.steps}"

    def weights(self) -> dict[str, Array]:
        """Column convention, PyTorch's names and bounds."""
        rng = np.random.default_rng(self.seed)
        h, v, bound = self.hidden, self.vocabulary, self.hidden**-0.5
        shapes = {
            "weight_ih": (h, v),
            "weight_hh": (h, h),
            "bias": (h,),
            "weight_out": (v, h),
            "bias_out": (v,),
        }
        return {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}

    def text(self) -> tuple[list[int], list[int]]:
        """Letter indices of the inputs, and of the letters that follow them."""
        letters = np.random.default_rng(self.seed + 1).integers(
            self.vocabulary, size=self.steps + 1
        )
        return letters[:-1].tolist(), letters[1:].tolist()

    def one_hot(self, letters: list[int]) -> Array:
        return np.eye(self.vocabulary)[letters]


def expression_leaves(count: int = 100, seed: int = 0) -> list[float]:
    """Start numbers of the binary expression graph."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, count).tolist()
