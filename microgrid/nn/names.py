"""The names of a weight: PyTorch's, the lectures' and the label in the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..nested import flatten

__all__ = ["fitting", "label_of", "labels_of", "names"]

# What courses call the weights that PyTorch calls weight_ih, weight_hh, ... Of two entries
# that end a path the longer one counts: a readout's bias is not b_h.
_TEXTBOOK = {
    "weight_ih": ("W_ih", "W_xh", "W_hx", "W_x"),
    "weight_hh": ("W_hh", "W_h"),
    "weight_xh": ("W_xh", "W_x"),
    "bias": ("b", "b_h"),
    "readout.weight": ("W_y", "W_hy"),
    "readout.bias": ("b_y",),
    "embedding.weight": ("E",),
}


def names(path: str, weight: Any) -> Iterator[str]:
    """Every name of the weight that stands at `path` in its model.

    >>> from microgrid import nn
    >>> model = nn.SequenceModel(nn.RNNCell(1, 2))
    >>> sorted(set(names("cell.weight_hh", model.cell.weight_hh)))
    ['W_h', 'W_hh', 'cell.weight_hh', 'weight_hh']
    """
    parts = path.split(".")
    yield from (".".join(parts[i:]) for i in range(len(parts)))
    yield label_of(weight)
    known = [end for end in _TEXTBOOK if path == end or path.endswith(f".{end}")]
    yield from _TEXTBOOK[max(known, key=len)] if known else ()


def label_of(weight: Any) -> str:
    """What all labels of a weight begin with: "W_h" of W_h[0,0], W_h[0,1]; "" where they differ."""
    found = labels_of(weight)
    return found[0] if len(found) == 1 else ""


def labels_of(weight: Any) -> list[str]:
    """The different beginnings: of an LSTM's weight_hh "W_hi", "W_hf", "W_hg", "W_ho"."""
    leaves = flatten(weight.tolist() if isinstance(weight, np.ndarray) else weight)
    return list(dict.fromkeys(leaf.label.partition("[")[0] for leaf in leaves))


def fitting(name: str, weights: Mapping[str, Any]) -> list[str]:
    """The paths of the weights that have this name; a path fits its own weight alone."""
    if name in weights:
        return [name]
    return [path for path, weight in weights.items() if name in names(path, weight)]
