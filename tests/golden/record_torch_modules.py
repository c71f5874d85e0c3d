"""Write down PyTorch's answers for attention, norms, reading from both ends, and initialisation.

`python tests/golden/record_torch_modules.py` (PyTorch 2.13, float64) writes torch_modules.json.
Each module case holds its state_dict, inputs and outputs, and the gradients of the sum of the
squares of the outputs, each times its place from 1 on, so that no symmetry hides an error.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("torch_modules.json")

X = [[0.5, -1.0, 2.0, 0.1], [0.25, 2.0, -0.3, 0.7], [-0.75, 0.1, 1.1, -1.3]]
MEMORY = [[0.9, 0.2, -0.4, 1.5], [-1.0, 0.6, 0.3, 0.0]]


def weighted(outputs: Any) -> Any:
    """The loss: the sum of k y_k**2."""
    import torch

    flat = outputs.reshape(-1)
    return (torch.arange(1, len(flat) + 1, dtype=torch.float64) * flat * flat).sum()


def answered(name: str, module: Any, leaf: Any, outputs: Any, **more: Any) -> dict[str, Any]:
    """One case: what went in, what came out, what came back."""
    state = {key: p.tolist() for key, p in module.state_dict().items() if p.ndim}
    weighted(outputs).backward()
    gradients = {key: p.grad.tolist() for key, p in module.named_parameters()}
    return {
        "name": name,
        "state": state,
        "outputs": outputs.tolist(),
        "gradients": gradients | {"inputs": leaf.grad.tolist()},
        **more,
    }


def shaken(module: Any) -> Any:
    """The module in float64 with random numbers for every parameter."""
    import torch

    torch.manual_seed(3)
    module = module.double()
    for p in module.parameters():
        torch.nn.init.uniform_(p, -0.9, 0.9)
    return module


def leaves(numbers: Any) -> Any:
    """A tensor whose gradient is wanted."""
    import torch

    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def attention() -> list[dict[str, Any]]:
    """MultiheadAttention: alone, causal, over a memory."""
    import torch

    found = []
    for heads, bias, kind in ((1, True, "self"), (2, True, "causal"), (2, False, "memory")):
        module = shaken(torch.nn.MultiheadAttention(4, heads, bias=bias))
        x, memory = leaves(X), leaves(MEMORY)
        keys = memory if kind == "memory" else x
        hidden = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1) if kind == "causal" else None
        outputs, weights = module(x, keys, keys, attn_mask=hidden, average_attn_weights=False)
        more = {"kind": kind, "heads": heads, "bias": bias, "weights": weights.tolist()}
        case = answered(f"{kind}, {heads} heads", module, x, outputs, **more)
        case["memory"] = memory.grad.tolist() if kind == "memory" else None
        found.append(case)
    return found


def norms() -> list[dict[str, Any]]:
    """LayerNorm and RMSNorm of one vector; BatchNorm1d of two batches, then in use."""
    import torch

    found = []
    for kind in ("LayerNorm", "RMSNorm"):
        module, x = shaken(getattr(torch.nn, kind)(4)), leaves(X[0])
        found.append(answered(kind, module, x, module(x), inputs=X[0]))
    module = shaken(torch.nn.BatchNorm1d(4))
    x = leaves(X)
    state = {key: p.tolist() for key, p in module.state_dict().items() if p.ndim}
    case = answered("BatchNorm1d", module, x, module(x), inputs=X)
    module(leaves([row[::-1] for row in X]))
    case["running"] = [module.running_mean.tolist(), module.running_var.tolist()]
    case["in use"] = module.eval()(leaves(X)).tolist()
    case["state"] = state
    return [*found, case]


def both_ends() -> list[dict[str, Any]]:
    """RNN, LSTM and GRU with bidirectional=True."""
    import torch

    found = []
    for kind in ("RNN", "LSTM", "GRU"):
        module, x = shaken(getattr(torch.nn, kind)(4, 2, bidirectional=True)), leaves(X)
        found.append(answered(kind, module, x, module(x)[0]))
    return found


def starts() -> dict[str, Any]:
    """Gains; the orthogonal matrix that comes of given normal numbers; bounds."""
    import torch

    names = ("linear", "sigmoid", "tanh", "relu")
    turned = []
    for rows, columns in ((3, 3), (2, 4), (4, 2)):
        torch.manual_seed(rows)
        # PyTorch draws the numbers in the shape that has more rows.
        normal = torch.empty(rows, columns, dtype=torch.float64).normal_(0, 1)
        torch.manual_seed(rows)
        made = torch.nn.init.orthogonal_(torch.empty(rows, columns, dtype=torch.float64))
        turned.append({"normal": normal.tolist(), "orthogonal": made.tolist()})
    wide = torch.empty(200, 300, dtype=torch.float64)
    init = torch.nn.init
    return {
        "gains": {name: init.calculate_gain(name) for name in names},
        "orthogonal": turned,
        "deviations": {
            "xavier_uniform_": init.xavier_uniform_(wide).std().item(),
            "xavier_normal_": init.xavier_normal_(wide).std().item(),
            "kaiming_uniform_": init.kaiming_uniform_(wide, nonlinearity="relu").std().item(),
            "kaiming_normal_": init.kaiming_normal_(wide, nonlinearity="relu").std().item(),
        },
    }


def record() -> dict[str, Any]:
    """All cases."""
    return {"attention": attention(), "norms": norms(), "both_ends": both_ends(), **starts()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
