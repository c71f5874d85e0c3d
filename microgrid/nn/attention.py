"""Multi-head attention, over a sequence of vectors."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from math import sqrt
from typing import Any

import numpy as np

from .. import functional as F
from ..recording import current_scope, scope
from ..value import Operand
from .feedforward import Linear
from .module import Module
from .parameters import Matrix, Row, Seed, check_length, matrix, named, size, uniform, vector

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """softmax(q k / sqrt(d)) v in num_heads parts of the vectors, and a Linear over all of them.

    q = W_q x + b_q, k and v alike; each head takes d = embed_dim / num_heads of their entries.
    in_proj_weight is 3 embed_dim rows of embed_dim, W_q, W_k and W_v on one another, and
    in_proj_bias as long; out_proj is a Linear. Vaswani et al. (2017); parameters have
    torch.nn.MultiheadAttention's names, so its state_dict can be loaded as it is.

    >>> attend = MultiheadAttention(2, num_heads=1, seed=0)
    >>> outputs, weights = attend([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], is_causal=True)
    >>> len(outputs), [len(row) for row in weights[0]]
    (3, [1, 2, 3])
    """

    def __init__(
        self, embed_dim: int, num_heads: int, bias: bool = True, seed: Seed = None
    ) -> None:
        self.embed_dim = size(embed_dim, "MultiheadAttention: embed_dim")
        self.num_heads = size(num_heads, "MultiheadAttention: num_heads")
        if embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim {embed_dim} is no multiple of num_heads {num_heads}"
            )
        rng = np.random.default_rng(seed)
        bound = sqrt(6.0 / (4 * embed_dim))  # Xavier's, for a matrix of 3 embed_dim rows
        parts = np.split(uniform(rng, bound, 3 * embed_dim, embed_dim), 3)
        self.in_proj_weight = [
            row for part, c in zip(parts, "qkv") for row in matrix(part, f"W_{c}")
        ]
        zeros = [0.0] * embed_dim
        self.in_proj_bias = [b for c in "qkv" for b in vector(zeros, f"b_{c}")] if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, seed=rng, label="W_o", bias_label="b_o")

    def __call__(
        self,
        query: Sequence[Sequence[Operand]],
        key: Sequence[Sequence[Operand]] | None = None,
        value: Sequence[Sequence[Operand]] | None = None,
        is_causal: bool = False,
    ) -> tuple[list[Row], list[Matrix]]:
        """(one output row per query, the weights of each head: a row per query, an entry per key).

        key and value: the same vectors as query unless given (self-attention); value: those of
        key unless given. is_causal: position i sees positions 0..i only. A vector's nodes are
        in the scope t=1, t=2, ... unless the call is within a time step itself.
        """
        key = query if key is None else key
        value = key if value is None else value
        q, k, v = (self._project(part, xs) for part, xs in enumerate((query, key, value)))
        outputs: list[Row] = [[] for _ in query]
        weights: list[Matrix] = [[] for _ in range(self.num_heads)]
        for i, row in enumerate(q):
            last = i + 1 if is_causal else len(k)
            with _step(i):
                for head, rows in enumerate(weights):
                    with scope(f"head={head + 1}"):
                        part = self._head(head)
                        keys, values = ([x[part] for x in xs[:last]] for xs in (k, v))
                        (shares,) = F.attention_weights([row[part]], keys)
                        rows.append(named(shares, "a"))
                        outputs[i] += F.linear(shares, list(zip(*values)))
                outputs[i] = self.out_proj(outputs[i], "o")
        return outputs, weights

    def _head(self, head: int) -> slice:
        width = self.embed_dim // self.num_heads
        return slice(head * width, (head + 1) * width)

    def _project(self, part: int, xs: Sequence[Sequence[Operand]]) -> list[Row]:
        rows = slice(part * self.embed_dim, (part + 1) * self.embed_dim)
        bias = self.in_proj_bias[rows] if self.in_proj_bias else None
        found = []
        for i, x in enumerate(xs):
            check_length("MultiheadAttention: a vector", x, self.embed_dim)
            with _step(i):
                found.append(named(F.linear(x, self.in_proj_weight[rows], bias), "qkv"[part]))
        return found


def _step(i: int) -> AbstractContextManager[Any]:
    """The scope of position i, from 0, unless there is a time step already."""
    inside = any(part.startswith("t=") for part in current_scope().split("/"))
    return nullcontext() if inside else scope(f"t={i + 1}")
