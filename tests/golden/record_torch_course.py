"""Write down PyTorch's answers for functions and optimizers.

`python tests/golden/record_torch_course.py` (PyTorch 2.13, float64) writes torch_functions.json,
value and derivative of every function of one number that both have; and torch_optim.json, the
parameters after each of five steps on (x - 3)**2 + 10 x y.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

EVERYWHERE = [-2.5, -0.7, 0.0, 0.3, 1.9, 30.0]
INSIDE = [-0.9, -0.01, 0.0, 0.5]
POSITIVE = [1e-3, 0.4, 1.0, 7.0]
FUNCTIONS: dict[str, list[float]] = {
    "exp2": EVERYWHERE,
    "expm1": EVERYWHERE,
    "log2": POSITIVE,
    "log10": POSITIVE,
    "log1p": [-0.5, 1e-12, 3.0],
    "rsqrt": POSITIVE,
    "tan": EVERYWHERE,
    "sinh": EVERYWHERE,
    "cosh": EVERYWHERE,
    "asin": INSIDE,
    "acos": INSIDE,
    "atan": EVERYWHERE,
    "asinh": EVERYWHERE,
    "acosh": [1.5, 2.0, 80.0],
    "atanh": INSIDE,
    "erf": EVERYWHERE,
    "abs": EVERYWHERE,
    "gelu": EVERYWHERE,
    "silu": EVERYWHERE,
    "softplus": [-2.5, 0.0, 1.9],  # above 20 PyTorch takes x itself
    "logsigmoid": EVERYWHERE,
    "square": EVERYWHERE,
    "reciprocal": POSITIVE,
    "selu": EVERYWHERE,
    "mish": [-2.5, -0.7, 0.0, 0.3, 1.9],
    "softsign": EVERYWHERE,
    "leaky_relu": EVERYWHERE,
    "elu": EVERYWHERE,
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "gelu": [{}, {"approximate": "tanh"}],
    "leaky_relu": [{}, {"negative_slope": 0.2}],
    "elu": [{}, {"alpha": 1.7}],
}

OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.01, "weight_decay": 0.3},
        {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.3},
        {"lr": 0.01, "momentum": 0.9, "nesterov": True},
        {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ],
    "Adagrad": [{"lr": 0.5, "weight_decay": 0.2}],
    "RMSprop": [{"lr": 0.05, "weight_decay": 0.2}],
    "Adam": [{"lr": 0.2, "weight_decay": 0.2}],
    "AdamW": [{"lr": 0.2}, {"lr": 0.2, "betas": [0.85, 0.99], "weight_decay": 0.3}],
}


def functions() -> list[dict[str, Any]]:
    """Value and derivative of every function at its points."""
    import torch

    found = []
    for name, points in FUNCTIONS.items():
        for options in OPTIONS.get(name, [{}]):
            x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
            y = getattr(torch.nn.functional, name, None) or getattr(torch, name)
            values = y(x, **options)
            values.sum().backward()
            found.append(
                {
                    "name": " ".join([name, *map(str, options.values())]),
                    "function": name,
                    "options": options,
                    "points": points,
                    "values": values.tolist(),
                    "derivatives": x.grad.tolist(),
                }
            )
    return found


def optimizers() -> list[dict[str, Any]]:
    """x and y after each of five steps."""
    import torch

    found = []
    for kind, variants in OPTIMIZERS.items():
        for options in variants:
            x = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
            optimizer = getattr(torch.optim, kind)([x], **options)
            path = []
            for _ in range(5):
                optimizer.zero_grad()
                ((x[0] - 3.0) ** 2 + 10.0 * x[0] * x[1]).backward()
                optimizer.step()
                path.append(x.tolist())
            name = ", ".join([kind, *(f"{k}={v}" for k, v in options.items())])
            found.append({"name": name, "kind": kind, "options": options, "path": path})
    return found


def write(name: str, cases: list[dict[str, Any]]) -> None:
    """One file of cases."""
    text = json.dumps({"cases": cases}, indent=1) + "\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write("torch_functions", functions())
    write("torch_optim", optimizers())
