"""Weights from PyTorch: its two biases per layer become our one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .bidirectional import Bidirectional
from .gated import GRUCell
from .recurrent import RecurrentCell
from .stacked import Layers, Stacked

__all__ = ["load_torch"]


def load_torch(
    module: RecurrentCell | Layers | Bidirectional, state_dict: Mapping[str, Any]
) -> None:
    """Set a cell, RNN, LSTM or GRU from a PyTorch `state_dict`; outputs then equal PyTorch's.

    state_dict: of torch.nn.RNN, LSTM, GRU (weight_ih_l0, bias_hh_l1, ...) or of one of the
    cells (weight_ih, ...), as tensors, arrays or nested lists. A Bidirectional takes that of
    one layer with bidirectional=True (weight_ih_l0_reverse, ...). PyTorch adds bias_ih and
    bias_hh, so `bias` is their sum; only the GRU keeps the part of bias_hh that its reset
    gate scales, as `bias_hn`. ValueError names a key that is missing, unknown or misshapen.

    >>> from microgrid import nn
    >>> cell = nn.RNNCell(1, 1)
    >>> load_torch(cell, {"weight_ih": [[1.0]], "weight_hh": [[2.0]],
    ...                   "bias_ih": [0.5], "bias_hh": [0.25]})
    >>> cell.state_dict()
    {'weight_ih': [[1.0]], 'weight_hh': [[2.0]], 'bias': [0.75]}
    """
    if isinstance(module, Bidirectional):
        last = {name for name in state_dict if name.endswith("_reverse")}
        ahead = {name: x for name, x in state_dict.items() if name not in last}
        load_torch(module.forward_cell, ahead)
        back = {name.removesuffix("_reverse"): state_dict[name] for name in last}
        load_torch(module.backward_cell, back)
        return
    cell = module.cell if isinstance(module, Layers) else module
    if not isinstance(cell, RecurrentCell):
        raise TypeError(f"load_torch needs a cell, RNN, LSTM or GRU, got {module!r}")
    cells = cell.layers if isinstance(cell, Stacked) else [cell]
    layered = isinstance(cell, Stacked) or "weight_ih_l0" in state_dict
    state: dict[str, np.ndarray] = {}
    taken: set[str] = set()
    for n, layer in enumerate(cells):
        suffix = f"_l{n}" if layered else ""
        path = f"layers.{n}." if isinstance(cell, Stacked) else ""
        arrays = _arrays(layer, state_dict, suffix)
        taken |= {name + suffix for name in arrays}
        state |= {path + name: array for name, array in _folded(layer, arrays, suffix).items()}
    for name in sorted(state_dict.keys() - taken):
        raise ValueError(
            f"load_torch: {name!r} has no place in this module, "
            f"which takes {', '.join(sorted(taken))}"
        )
    cell.load_state_dict(state)


def _arrays(
    cell: RecurrentCell, state_dict: Mapping[str, Any], suffix: str
) -> dict[str, np.ndarray]:
    """What a `state_dict` has for one layer, under PyTorch's names without their suffix."""
    names = ["weight_ih", "weight_hh"]
    names += ["bias_ih", "bias_hh"] if "bias" in cell.state_dict() else []
    for name in names:
        if name + suffix not in state_dict:
            raise ValueError(
                f"load_torch: {name + suffix!r} is missing; it has {', '.join(state_dict)}"
            )
    return {name: np.asarray(state_dict[name + suffix], dtype=float) for name in names}


def _folded(
    cell: RecurrentCell, arrays: dict[str, np.ndarray], suffix: str
) -> dict[str, np.ndarray]:
    """PyTorch's arrays of one layer under our names, the two biases added."""
    if isinstance(cell, GRUCell) and not cell.reset_after:
        raise ValueError(
            "load_torch: PyTorch's GRU resets after the recurrent product; "
            "this GRUCell has reset_after=False and would give other numbers"
        )
    found = {name: arrays[name] for name in ("weight_ih", "weight_hh")}
    if "bias_ih" not in arrays:
        return found
    one, two = arrays["bias_ih"], arrays["bias_hh"]
    if one.shape != two.shape:
        raise ValueError(
            f"load_torch: 'bias_ih{suffix}' has shape {one.shape} "
            f"and 'bias_hh{suffix}' {two.shape}, but they are added"
        )
    if not isinstance(cell, GRUCell):
        return found | {"bias": one + two}
    added, first = two.copy(), 2 * cell.hidden_size
    added[first:] = 0.0
    return found | {"bias": one + added, "bias_hn": two[first:]}
