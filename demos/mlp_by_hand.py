"""The 3-2-2 perceptron of the slides, every number beside the printed one.

The slides are Grady Kurpasi's "Recurrent Neural Networks" (SSIE 616,
https://github.com/GradyKurpasi/RNN-Tutorial). Forward pass, chain rule and gates of row 1; then
the one full-batch step over rows 1..4 that gives the tables c and w*. A number that differs from
the slide is marked, with how the slide's came about. Draws the network in its layers, and the
gates of output 1, sigmoid as one card and as four.
"""

import argparse
from dataclasses import dataclass

from microgrid import Value, bptt, nn, optim, scope
from microgrid import functional as F

from ._common import parser, pictures, run, table

GALLERY = ("mlp_by_hand_network.svg", [])

X = [[1, 4, 5], [0.1, -5, 3], [6, -5.542, 4.897], [4, 8, 9], [12, -2, 0.0063], [6, -5.5, 4.897]]
Y = [
    [0.1, 0.05],
    [0.1221, 0.0964],
    [0.1061, 0.0702],
    [0.0996, 0.0641],
    [0.111, 0.0732],
    [0.106, 0.0701],
]
# The slides' w[i,k] leads from unit i to unit k; row 0 is the bias.
W1 = [[0.5, 0.5], [0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
W2 = [[0.5, 0.5], [0.7, 0.8], [0.9, 0.1]]
TRAINING_ROWS, LEARNING_RATE = 4, 0.01

# The tables c and w* as printed.
PRINTED = {
    "c1": [".0604 .0332", ".1134 .0427", "-.2929 -.1658", ".2193 .1129"],
    "c2": [".3447 .4816", ".2929 .4176", ".2930 .4191"],
    "w1*": [".4994 .4997", ".0989 .1996", ".3029 .4017", ".4978 .5989"],
    "w2*": [".4966 .0039", ".4971 .0038", ".0021 .0004"],
}
HOW_IT_CAME_ABOUT = {
    "w2*[1,1]": "started from w[0,2] = .5 instead of .7",
    "w2*[2,1]": "a product w[1,1] · α · c[2,1], no difference",
    "w2*[0,2]": "a product w[1,2] · α · c[0,2], no difference",
    "w2*[1,2]": "a product w[2,1] · α · c[1,2], no difference",
    "w2*[2,2]": "a product w[2,2] · α · c[2,2], no difference",
}
TYPING_ERRORS = [
    ("s1[1] = .05 · 1", ".5 · 1; with .05 the sum would be 3.85, not 4.3"),
    ("(.8004 − .5)²", "(.8004 − .05)²; .5932 is right"),
    ("s2[1] = w2[0,2] a1[0] + w2[1,2] …", "indices [0,1], [1,1], [2,1]; the values are right"),
    ("{ŷ_j − y_k}, a1[j](1 − a1[j]), j = 1..m", "y_j, a1[k], j = 1..n"),
    (".8896 − .1 · .8896(1 − .8896) · 1", "brackets: (.8896 − .1); read literally it gives .8798"),
    ("s2 = Σ a1 w2[0,1] + .6906 + .8955", ".5 · 1 + .6906 + .8955"),
    ("Mean Squared Error", "half the sum of squares"),
    ("Stochastic Gradient Descent", "one step over rows 1..4 at once, gradients summed"),
    ("c tables headed w[i,1]", "c[i,1]"),
]


@dataclass(frozen=True)
class Printed:
    """A number of the slides beside ours."""

    name: str
    ours: float
    slide: str
    remark: str = ""

    @property
    def verdict(self) -> str:
        """right, cut off instead of rounded, or WRONG.

        >>> [Printed("", x, ".0775").verdict for x in (0.07751, 0.0775736, 0.0785)]
        ['right', 'cut off', 'WRONG']
        """
        digits = len(self.slide.partition(".")[2])
        unit, printed = 10.0**-digits, float(self.slide)
        if abs(self.ours - printed) <= 0.5 * unit * (1 + 1e-9):
            return "right"
        return "cut off" if abs(printed) < abs(self.ours) < abs(printed) + unit else "WRONG"

    def row(self) -> list[str]:
        remark = self.remark or HOW_IT_CAME_ABOUT.get(self.name, "")
        return [self.name, f"{self.ours:.6f}", self.slide, self.verdict, remark]


def network() -> nn.MLP:
    """The slides' perceptron with its starting weights."""
    net = nn.MLP(3, [2, 2], nonlinearity="sigmoid", output_nonlinearity="sigmoid")
    state = {}
    for n, (bias, *weight) in enumerate([W1, W2]):
        state[f"layers.{n}.weight"] = [list(column) for column in zip(*weight)]
        state[f"layers.{n}.bias"] = bias
    net.load_state_dict(state)
    return net


def slide_layout(layer: nn.Linear, of: str) -> list[list[float]]:
    """A layer's `data` or `grad` as the slides print it: bias row first, then w[i,k]."""
    columns = zip(*layer.weight)
    return [[getattr(w, of) for w in row] for row in [layer.bias, *columns]]


@dataclass(frozen=True)
class Gates:
    """Output 1 of row 1, taken apart: products, sum, sigmoid, error."""

    hidden: list[Value]
    weights: list[Value]
    products: list[Value]
    s2: Value
    sigmoid: list[Value]  # [y_hat], or its gates: times -1, exp, + 1, 1/x
    error: Value


def gates(four: bool) -> Gates:
    """The gate graph of output 1, with sigmoid as one node or as its four gates."""
    hidden = [F.sigmoid(F.dot([w[k] for w in W1], [1, *X[0]])) for k in (0, 1)]
    a1 = [Value(a.data, label=f"a1[{k}]") for k, a in enumerate(hidden, start=1)]
    w2 = [Value(row[0], label=f"w2[{k},1]") for k, row in enumerate(W2)]
    products = [w2[0] * 1.0, w2[1] * a1[0], w2[2] * a1[1]]
    partial = products[1] + products[2]
    s2 = products[0] + partial
    sigmoid = [s2.sigmoid()]
    if four:
        minus = s2 * -1.0
        power = minus.exp()
        plus = power + 1.0
        sigmoid = [minus, power, plus, 1.0 / plus]
    difference = sigmoid[-1] - Y[0][0]
    error = 0.5 * difference**2
    s2.label, sigmoid[-1].label, error.label = "s2[1]", "ŷ[1]", "E[1]"
    error.backward()
    return Gates(a1, w2, products, s2, sigmoid, error)


def forward() -> tuple[nn.MLP, list[Value], list[Value], Value]:
    """(the network, a1, a2, E) of row 1, swept; sums are called s1 and s2."""
    net, x = network(), [Value(number, f"x[{i}]") for i, number in enumerate(X[0])]
    layers = []
    for n, layer in enumerate(net.layers, start=1):
        layer.relabel(f"w{n}", f"b{n}")
        with scope(f"layer={n}"):
            x = layer(x, f"a{n}")
        for i, a in enumerate(x):
            a.parents[0].label = f"s{n}[{i}]"
        layers.append(x)
    loss = F.mse_loss(x, Y[0], reduction="half_sum")
    loss.label = "E"
    loss.backward()
    return net, *layers, loss


def first_row() -> list[Printed]:
    """Forward pass and chain rule of row 1."""
    net, a1, a2, loss = forward()
    s1, s2 = a1[0].parents[0], a2[0].parents[0]
    products = [w.data * a.data for w, a in zip(net.layers[1].weight[0], a1)]
    cut = "cut off, or from 4-digit inputs; rounds to .0776"
    return [
        Printed("s1[1]", s1.data, "4.3"),
        Printed("a1[1]", a1[0].data, ".9866"),
        Printed("a1[2]", a1[1].data, ".9950"),
        Printed("w2[1,1] a1[1]", products[0], ".6906"),
        Printed("w2[2,1] a1[2]", products[1], ".8955"),
        Printed("s2[1]", s2.data, "2.0862"),
        Printed("a2[1] = ŷ_1", a2[0].data, ".8896"),
        Printed("a2[2] = ŷ_2", a2[1].data, ".8004"),
        Printed("E", loss.data, ".5932"),
        Printed("dE/dw2[0,1]", net.layers[1].bias[0].grad, ".0775", cut),
        Printed("dE/da1[1]", a1[0].grad, ".1502"),
        Printed("dE/dw1[0,1]", net.layers[0].bias[0].grad, ".0020"),
    ]


def gate_numbers() -> list[Printed]:
    """The figures beside the sigmoid's gates: values, then derivatives of ŷ."""
    four = gates(four=True)
    minus, power, plus, y_hat = four.sigmoid
    per_y_hat = y_hat.grad
    ratio = "1/1.1242² is positive: the sign belongs to the derivative −1/x²"
    return [
        Printed("two products", four.products[1].data + four.products[2].data, "1.5861"),
        Printed("exp", power.data, ".1242"),
        Printed("+ 1", plus.data, "1.1242"),
        Printed("ŷ − y", per_y_hat, ".7986", "digits swapped: .7896"),
        Printed("dŷ/d(+ 1)", plus.grad / per_y_hat, "-.7913", ratio),
        Printed("dŷ/d(· −1)", minus.grad / per_y_hat, "-.0982"),
        Printed("dŷ/ds2", four.s2.grad / per_y_hat, ".0982"),
    ]


def one_step() -> tuple[list[Printed], list[float]]:
    """The tables c and w* after one full-batch step, and E of every row after it."""
    net = network()
    errors = [F.mse_loss(net(x), y, reduction="half_sum") for x, y in zip(X, Y)]
    F.sum(errors[:TRAINING_ROWS]).backward()
    c = [slide_layout(layer, "grad") for layer in net.layers]
    optim.SGD(net.parameters(), lr=LEARNING_RATE).step()
    w = [slide_layout(layer, "data") for layer in net.layers]
    ours = {"c1": c[0], "c2": c[1], "w1*": w[0], "w2*": w[1]}
    cells = [
        Printed(f"{name}[{i},{k}]", ours[name][i][k - 1], cell)
        for name, rows in PRINTED.items()
        for i, row in enumerate(rows)
        for k, cell in enumerate(row.split(), start=1)
    ]
    after = [F.mse_loss(net(x), y, reduction="half_sum").data for x, y in zip(X, Y)]
    return cells, after


def arguments(argv: list[str] | None) -> argparse.Namespace:
    made = parser("mlp_by_hand", __doc__)
    made.add_argument(
        "--sigmoid",
        choices=["card", "gates", "both"],
        default="both",
        help="draw sigmoid as one card, as its four gates, or both (default: both)",
    )
    return made.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    headers = ["number", "computed", "slide", "verdict", "remark"]
    cells, after = one_step()
    tables = {
        "Row 1: forward, then the chain rule": first_row(),
        "Row 1: the sigmoid of output 1 as four gates": gate_numbers(),
        "Rows 1..4: gradients c summed, one step w* = w − .01 c": cells,
    }
    for title, numbers in tables.items():
        table(headers, [printed.row() for printed in numbers], title)
    wrong = [printed for numbers in tables.values() for printed in numbers]
    wrong = [printed.name for printed in wrong if printed.verdict == "WRONG"]
    print(f"{len(wrong)} printed numbers are wrong: {', '.join(wrong)}\n")
    table(
        ["the slides write", "it should read"], TYPING_ERRORS, "Slips that leave the numbers right"
    )
    table(
        ["row", "E after the step", "used for"],
        [
            [r, f"{error:.4f}", "training" if r <= TRAINING_ROWS else "held out"]
            for r, error in enumerate(after, start=1)
        ],
    )
    net, _, _, error = forward()
    print("E(f(g(w))), for the bias and a weight of output 1 (entries count from 0):\n")
    for weight in (net.layers[1].bias[0], net.layers[1].weight[0][0]):
        print(f"{bptt.explain(error, weight)}\n")
    pictures(error, args, "mlp_by_hand_network")
    if args.sigmoid in ("card", "both"):
        pictures(gates(four=False).error, args, "mlp_by_hand")
    if args.sigmoid in ("gates", "both"):
        pictures(gates(four=True).error, args, "mlp_by_hand_gates")


if __name__ == "__main__":
    run(main)
