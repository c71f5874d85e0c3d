"""Layers without memory: Linear, MLP, Embedding."""

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt

import numpy as np

from .. import functional as F
from ..index import Index, lookup
from ..nested import flatten
from ..recording import scope
from ..value import Operand, Value
from .module import Module
from .parameters import (
    Row,
    Seed,
    activation,
    check_length,
    labels,
    matrix,
    named,
    size,
    uniform,
    vector,
)

__all__ = ["MLP", "Embedding", "Linear"]


class Linear(Module):
    """y = f(W x + b), one `dot` node per output (torch.nn.Linear; f is the identity).

    weight is out_features rows of in_features, bias has out_features entries.
    Both start uniform in +-1/sqrt(in_features).

    >>> layer = Linear(2, 1, bias=False)
    >>> layer.load_state_dict({"weight": [[2.0, -1.0]]})
    >>> layer([3.0, 4.0])[0].data
    2.0
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        nonlinearity: str = "identity",
        seed: Seed = None,
        label: str = "W",
        bias_label: str = "b",
    ) -> None:
        self.in_features = size(in_features, "Linear: in_features")
        self.out_features = size(out_features, "Linear: out_features")
        self.nonlinearity = nonlinearity
        self._activation = activation(nonlinearity)
        rng, bound = np.random.default_rng(seed), 1.0 / sqrt(in_features)
        self.weight = matrix(uniform(rng, bound, out_features, in_features), label)
        self.bias = vector(uniform(rng, bound, out_features), bias_label) if bias else None

    def relabel(self, weight: str, bias: str) -> None:
        """Name the parameters anew: "W_y[0,1]", "b_y[0]"."""
        names = labels(weight, self.out_features, self.in_features)
        for value, label in zip(flatten(self.weight), names):
            value.label = label
        for value, label in zip(self.bias or [], labels(bias, self.out_features)):
            value.label = label

    def __call__(self, x: Sequence[Operand], name: str = "y") -> Row:
        """One output Value per row of weight, labelled `name`."""
        check_length("Linear: x", x, self.in_features)
        sums = F.linear(x, self.weight, self.bias)
        return named([self._activation(s) for s in sums], name)


class MLP(Module):
    """Linear layers in a row: `sizes[-1]` outputs, `nonlinearity` after each layer but the last.

    `output_nonlinearity` stands after the last. Labels follow the textbook: W_1, b_1 for
    the first layer, activations a_1[i], outputs y[i].

    >>> net = MLP(3, [2, 2], nonlinearity="sigmoid", seed=0)
    >>> [len(layer.weight) for layer in net.layers], len(net.parameters())
    ([2, 2], 14)
    """

    def __init__(
        self,
        in_features: int,
        sizes: Sequence[int] = (),
        nonlinearity: str = "relu",
        output_nonlinearity: str = "identity",
        bias: bool = True,
        seed: Seed = None,
    ) -> None:
        if isinstance(in_features, Sequence) and len(in_features) > 1:  # as in other libraries
            first, *rest = in_features
            raise TypeError(
                f"MLP takes the number of inputs and a list of layer sizes: write "
                f"MLP({first}, {rest}), got {in_features!r}"
            )
        if not isinstance(sizes, Sequence):
            raise TypeError(f"MLP takes a list of layer sizes, MLP(2, [8, 1]), got {sizes!r}")
        if not sizes:
            raise ValueError("MLP needs at least one layer size, MLP(2, [8, 1]), got none")
        rng = np.random.default_rng(seed)
        widths = [in_features, *sizes]
        kinds = [nonlinearity] * (len(sizes) - 1) + [output_nonlinearity]
        self.layers = [
            Linear(i, o, bias, kind, rng, label=f"W_{n}", bias_label=f"b_{n}")
            for n, (i, o, kind) in enumerate(zip(widths, sizes, kinds), start=1)
        ]

    def __call__(self, x: Sequence[Operand]) -> Row:
        """The last layer's outputs."""
        for n, layer in enumerate(self.layers, start=1):
            with scope(f"layer={n}"):
                x = layer(x, "y" if n == len(self.layers) else f"a_{n}")
        return [y for y in x if isinstance(y, Value)]


class Embedding(Module):
    """A table of learnt vectors: a call looks one up (torch.nn.Embedding).

    weight is num_embeddings rows of embedding_dim, standard normal at first. What a call
    returns is a new list of the table's own leaves, so an item that is used twice adds up its
    gradients. With `vocab` a row is named after its item: "E[o]".

    >>> table = Embedding(4, 1, vocab="ioca")
    >>> table.load_state_dict({"weight": [[-2], [5], [1], [9]]})
    >>> table(1)
    [Value(5.0, label='E[o]')]
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        vocab: Iterable[str] | None = None,
        seed: Seed = None,
    ) -> None:
        self.num_embeddings = size(num_embeddings, "Embedding: num_embeddings")
        self.embedding_dim = size(embedding_dim, "Embedding: embedding_dim")
        self.vocab = None if vocab is None else list(vocab)
        if self.vocab is not None and len(self.vocab) != num_embeddings:
            given = len(self.vocab)
            raise ValueError(f"Embedding: vocab must have {num_embeddings} items, got {given}")
        items = self.vocab or [str(i) for i in range(num_embeddings)]
        rows = np.random.default_rng(seed).standard_normal((num_embeddings, embedding_dim))
        self.weight = [
            vector(row, f"E[{item}]")
            if embedding_dim == 1
            else [Value(x, f"E[{item},{j}]") for j, x in enumerate(row)]
            for item, row in zip(items, rows)
        ]

    def __call__(self, index: int | Index) -> Row:
        """Row `index`; ValueError where there is none. An Index stays one for a Tape."""
        if isinstance(index, Index):
            row: Row = lookup(self.weight, index)
            return row
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise TypeError(f"Embedding: index must be a whole number, got {index!r}")
        if not 0 <= index < self.num_embeddings:
            raise ValueError(
                f"Embedding: index must lie in 0..{self.num_embeddings - 1}, got {index}"
            )
        return list(self.weight[index])

    __getitem__ = __call__

    def __iter__(self) -> Iterator[Row]:
        return map(list, self.weight)

    def mixed(self, shares: Sequence[Operand]) -> Row:
        """The rows, each times its share, added up: row i for a one-hot vector.

        Where an item is a vector and not an index: a distribution over the items, or what
        a Tape is to replay for any item.

        >>> table = Embedding(2, 1)
        >>> table.load_state_dict({"weight": [[-2.0], [6.0]]})
        >>> [x.data for x in table.mixed([0.25, 0.75])]
        [4.0]
        """
        return F.linear(shares, list(zip(*self.weight)))
