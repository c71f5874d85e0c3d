"""Write down PyTorch's answers, so that they are checked where PyTorch is not installed.

`python tests/golden/record_torch.py` (PyTorch 2.13, float64) writes torch_layers.json: for RNN,
LSTM and GRU with one and two layers, with and without biases, the weights as a state_dict, the
outputs over three steps, and the gradients of the sum of their squares; for the cells one step.
"""

import json
from pathlib import Path

X = [[0.5, -1.0], [0.25, 2.0], [-0.75, 0.1]]
KINDS = ("RNN", "LSTM", "GRU")
FILE = Path(__file__).with_name("torch_layers.json")


def layer(kind: str, layers: int, bias: bool) -> dict:
    """A layer's weights, outputs and gradients."""
    import torch

    torch.manual_seed(0)
    module = getattr(torch.nn, kind)(2, 3, num_layers=layers, bias=bias).double()
    inputs = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    outputs = module(inputs)[0]
    outputs.square().sum().backward()
    return {
        "name": f"{kind}-{layers}-{'bias' if bias else 'no bias'}",
        "kind": kind,
        "layers": layers,
        "bias": bias,
        "state": {name: p.tolist() for name, p in module.state_dict().items()},
        "inputs": X,
        "outputs": outputs.tolist(),
        "gradients": {name: p.grad.tolist() for name, p in module.named_parameters()}
        | {"inputs": inputs.grad.tolist()},
    }


def cell(kind: str) -> dict:
    """A cell's weights and its hidden state after one step from zero."""
    import torch

    torch.manual_seed(1)
    module = getattr(torch.nn, f"{kind}Cell")(2, 3).double()
    found = module(torch.tensor(X[:1], dtype=torch.float64))
    hidden = found[0] if kind == "LSTM" else found
    return {
        "name": kind,
        "state": {name: p.tolist() for name, p in module.state_dict().items()},
        "input": X[0],
        "hidden": hidden[0].tolist(),
    }


def record() -> dict:
    """All cases."""
    return {
        "layers": [layer(k, n, b) for k in KINDS for n in (1, 2) for b in (True, False)],
        "cells": [cell(kind) for kind in KINDS],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
