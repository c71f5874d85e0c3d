"""The block form: W h + U x is [W U] times h above x, and so are their gradients.

Two states and three inputs, as the lecture writes them out. Both forms are run on the same
numbers; outputs, loss and gradients are printed side by side, and the block form is drawn.
"""

import numpy as np

from microgrid import Value, nn
from microgrid import functional as F

from ._common import parser, pictures, run, table

W = [[0.798, -0.253], [0.513, 0.164]]
U = [[-0.37, 0.761, 0.665], [-0.245, 0.852, -0.496]]
B = [0.55, 0.326]
H_PREV, X = [-0.052, -0.845], [1.579, 0.295, -0.439]
R = [-0.262, 0.274]  # the loss is R . h


def split() -> tuple[Value, list[Value], list[list[float]], list[float]]:
    """(loss, h, [dL/dW dL/dU], [dL/dh dL/dx]) of W h + U x + b."""
    cell = nn.RNNCell(3, 2)
    cell.load_state_dict({"weight_ih": U, "weight_hh": W, "bias": B})
    previous, x = _leaves("h_0", H_PREV), _leaves("x", X)
    h = cell(x, previous)
    loss = _loss(h)
    matrix = [_grads(hh) + _grads(ih) for hh, ih in zip(cell.weight_hh, cell.weight_ih)]
    return loss, h, matrix, _grads(previous) + _grads(x)


def block() -> tuple[Value, list[Value], list[list[float]], list[float]]:
    """(loss, h, dL/d[W U], dL/d(h; x)) of [W U](h; x) + b."""
    cell = nn.BlockRNNCell(3, 2)
    cell.load_state_dict({"weight": np.hstack([W, U]), "bias": B})
    previous, x = _leaves("h_0", H_PREV), _leaves("x", X)
    h = cell(x, previous)
    loss = _loss(h)
    return loss, h, [_grads(row) for row in cell.weight], _grads(previous) + _grads(x)


def _leaves(name: str, numbers: list[float]) -> list[Value]:
    return [Value(number, f"{name}[{i}]") for i, number in enumerate(numbers)]


def _loss(h: list[Value]) -> Value:
    loss = F.dot(R, h)
    loss.label = "L"
    loss.backward()
    return loss


def _grads(values: list[Value]) -> list[float]:
    return [value.grad or 0.0 for value in values]


def main(argv: list[str] | None = None) -> None:
    args = parser("concat", __doc__).parse_args(argv)
    (loss, h, matrix, vector), (loss2, h2, matrix2, vector2) = split(), block()
    print("h = tanh(W h + U x + b) with 2 states and 3 inputs, and the same as [W U](h; x)\n")
    rows = [[f"h[{i}]", a.data, b.data] for i, (a, b) in enumerate(zip(h, h2))]
    rows.append(["L = r . h", loss.data, loss2.data])
    rows += [
        [f"dL/d{'WU'[j > 1]}[{i},{j - 2 if j > 1 else j}]", a, b]
        for i, (one, two) in enumerate(zip(matrix, matrix2))
        for j, (a, b) in enumerate(zip(one, two))
    ]
    names = ["dL/dh[0]", "dL/dh[1]", "dL/dx[0]", "dL/dx[1]", "dL/dx[2]"]
    rows += [[name, a, b] for name, a, b in zip(names, vector, vector2)]
    table(["", "W h + U x", "[W U](h; x)"], rows)
    worst = max(abs(a - b) for _, a, b in rows)
    print(f"largest difference: {worst:.1e}\n")
    pictures(loss2, args, "concat")


if __name__ == "__main__":
    run(main)
