"""The numbers every contender starts from, so that all compute the same loss and gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

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

    name: ClassVar[str] = "char-RNN"
    gates: ClassVar[int] = 1

    def __str__(self) -> str:
        return f"{self.name} {self.hidden}, {self.vocabulary}, {self.steps}"

    def weights(self) -> dict[str, Array]:
        """Column convention, PyTorch's names and bounds."""
        rng = np.random.default_rng(self.seed)
        h, v, bound = self.hidden, self.vocabulary, self.hidden**-0.5
        shapes = {
            "weight_ih": (self.gates * h, v),
            "weight_hh": (self.gates * h, h),
            "bias": (self.gates * h,),
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


@dataclass(frozen=True)
class CharLSTM(CharRNN):
    """The same around an LSTM; gates stacked i, f, g, o, h = o tanh(c), c = f c + i g."""

    name: ClassVar[str] = "LSTM"
    gates: ClassVar[int] = 4


@dataclass(frozen=True)
class Moons:
    """The 2-16-16-1 relu network of micrograd's README: mean of relu(1 - y s) + alpha sum p^2."""

    points: int = 100
    hidden: int = 16
    epochs: int = 100
    seed: int = 0

    alpha: ClassVar[float] = 1e-4

    def __str__(self) -> str:
        return f"moons, 2-{self.hidden}-{self.hidden}-1, {self.points} points"

    def data(self) -> tuple[Array, Array]:
        """Points (n, 2) on two interleaved half circles with noise 0.1, labels -1 and 1 (n,)."""
        rng = np.random.default_rng(self.seed)
        label = np.where(np.arange(self.points) % 2, 1.0, -1.0)
        angle = np.pi * rng.uniform(size=self.points)
        x = np.where(label < 0, np.cos(angle), 1.0 - np.cos(angle))
        y = np.where(label < 0, np.sin(angle), 0.5 - np.sin(angle))
        return np.stack([x, y], axis=1) + 0.1 * rng.normal(size=(self.points, 2)), label

    def layers(self) -> list[tuple[Array, Array]]:
        """Weight (out, in) in -1 .. 1 and bias 0 of each layer, as micrograd's Neuron starts."""
        rng = np.random.default_rng(self.seed + 1)
        sizes = [2, self.hidden, self.hidden, 1]
        return [(rng.uniform(-1.0, 1.0, (m, n)), np.zeros(m)) for n, m in pairwise(sizes)]

    def rate(self, step: int) -> float:
        """The learning rate of step 0, 1, ...; it ends at 0.1."""
        return 1.0 - 0.9 * min(step, self.epochs) / self.epochs


@dataclass(frozen=True)
class MicroGPT:
    """Karpathy's microgpt: a GPT of one block on one name, the mean of its cross entropies.

    RMS norms without weights, attention with `heads` heads, a relu layer of four times the
    width, no biases.
    """

    tokens: int = 8
    letters: int = 27
    width: int = 16
    heads: int = 4
    places: int = 16
    seed: int = 0

    epsilon: ClassVar[float] = 1e-5

    def __str__(self) -> str:
        return f"microgpt, {self.tokens} tokens"

    def weights(self) -> dict[str, Array]:
        """Normal with deviation 0.08; rows are outputs."""
        rng, w = np.random.default_rng(self.seed), self.width
        shapes = {
            "letters": (self.letters, w), "places": (self.places, w), "query": (w, w),
            "key": (w, w), "value": (w, w), "out": (w, w), "up": (4 * w, w), "down": (w, 4 * w),
            "head": (self.letters, w),
        }  # fmt: skip
        return {name: rng.normal(0.0, 0.08, shape) for name, shape in shapes.items()}

    def text(self) -> tuple[list[int], list[int]]:
        """Letter indices of the inputs, and of the letters that follow them."""
        found = np.random.default_rng(self.seed + 1).integers(self.letters, size=self.tokens + 1)
        return found[:-1].tolist(), found[1:].tolist()

    def one_hot(self, letters: list[int]) -> Array:
        return np.eye(self.letters)[letters]


@dataclass(frozen=True)
class Expression:
    """A graph of binary expressions; every leaf is used many times."""

    nodes: int
    seed: int = 0

    def __str__(self) -> str:
        return f"expression, {self.nodes:,} nodes of + - * tanh"

    def leaves(self, count: int = 100) -> list[float]:
        """Start numbers."""
        return np.random.default_rng(self.seed).uniform(-1.0, 1.0, count).tolist()

    def build(self, leaves: Any, tanh: Any) -> Any:
        """The root of `nodes` + - * tanh nodes, a quarter each, in any peer's numbers."""
        n, previous = len(leaves), leaves[0]
        for i in range(self.nodes // 4):
            a, b = leaves[i % n], leaves[(7 * i + 3) % n]
            previous = tanh((previous + a) * b - a)
        return previous


def loss_and_norm(answer: tuple[Any, Iterable[Any]]) -> tuple[float, float]:
    """Of a step's (loss, gradients): the loss, and the norm of all gradients together."""
    loss, gradients = answer
    squares = [float(np.sum(np.square(np.asarray(g, dtype=float)))) for g in gradients]
    return float(loss), float(np.sqrt(sum(squares)))
