"""Graphs that the tests of the pictures share."""

from collections.abc import Callable
from typing import Any

from microgrid import Value, nn
from microgrid import functional as F
from viz.formats.graphviz import find


def quiz(word: str = "oc") -> nn.Unrolled:
    """The lecture's quiz: dL/dh_0 of "oc" is -20."""
    model = nn.SequenceModel(
        nn.RNNCell(1, 1, nonlinearity="identity", bias=False),
        readout=nn.Linear(1, 1, bias=False),
        embedding=nn.Embedding(4, 1),
    )
    model.load_state_dict(
        {
            "cell.weight_ih": [[1]],
            "cell.weight_hh": [[-5]],
            "readout.weight": [[-1]],
            "embedding.weight": [[-2], [5], [1], [9]],
        }
    )
    run = model.unroll(["ioca".index(letter) for letter in word], loss=lambda y, target: y[0])
    run.loss.backward()
    return run


def quiz_of_numbers() -> nn.Unrolled:
    """The quiz on numbers: "oc" with W_h = -5, W_x = 1, W_y = -1, loss y_1 + y_2."""
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    model = nn.SequenceModel(cell, readout=nn.Linear(1, 1, bias=False))
    model.load_state_dict(
        {"cell.weight_ih": [[1]], "cell.weight_hh": [[-5]], "readout.weight": [[-1]]}
    )
    run = model.unroll([5, 1], loss=lambda y, target: y[0])
    assert run.loss is not None
    run.loss.backward()
    return run


def rnn(hidden: int = 1, steps: int = 3, inputs: int = 1, sweep: bool = True) -> nn.Unrolled:
    """A tanh network with bias and a squared error at every step."""
    model = nn.SequenceModel(
        nn.RNNCell(inputs, hidden, seed=0), readout=nn.Linear(hidden, inputs, seed=1)
    )
    sequence = [[(0.3 * t + 0.2 * i) % 1.0 for i in range(inputs)] for t in range(steps)]
    run = model.unroll(sequence, targets=[[0.5] * inputs] * steps, loss="mse")
    if sweep:
        run.loss.backward()
    return run


def gated(cell: Callable[..., Any]) -> nn.Unrolled:
    """An LSTM or GRU of one unit over three steps."""
    model = nn.SequenceModel(cell(1, 1, seed=0), readout=nn.Linear(1, 1, seed=1))
    run = model.unroll([1.0, 0.5, -0.5], targets=[0.1, 0.2, 0.3], loss="mse")
    run.loss.backward()
    return run


def expression() -> Value:
    a, b, c = Value(2.0, label="a"), Value(-3.0, label="b"), Value(5.5, label="c")
    out = (a * b + c).tanh()
    out.label = "o"
    out.backward()
    return out


def mlp() -> Value:
    model = nn.MLP(3, [2, 2], nonlinearity="sigmoid", seed=0)
    inputs = [Value(x, label=f"x_{i}") for i, x in enumerate((1.0, 4.0, 5.0))]
    loss = F.mse_loss(model(inputs), [0.1, 0.05], reduction="half_sum")
    loss.label = "E"
    loss.backward()
    return loss


def doublings(count: int = 60) -> Value:
    value = Value(1.0, label="a")
    for _ in range(count):
        value = value + value
    value.backward()
    return value


def reuse() -> Value:
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    y = (w * x).tanh() * w + w**2
    y.label = "y"
    y.backward()
    return y


def wiring(topology: str) -> nn.Unrolled:
    """One of the five wirings of the lecture, three steps, two classes."""
    model = nn.SequenceModel(nn.RNNCell(2, 2, seed=0), readout=nn.Linear(2, 2, seed=1))
    first, letters = [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    given: dict[str, tuple[list[Any], list[Any]]] = {
        "one-to-one": (letters[:1], [1]),
        "one-to-many": ([first], [0, 1, 0]),
        "many-to-one": (letters, [1]),
        "many-to-many": (letters, [1, 0, 1]),
        "generation": ([first], [0, 1, 0]),
    }
    inputs, targets = given[topology]
    run = model.unroll(inputs, targets, topology=topology)
    run.loss.backward()
    return run


TOPOLOGIES = ("one-to-one", "one-to-many", "many-to-one", "many-to-many", "generation")

GRAPHS: dict[str, Callable[[], Any]] = {
    "quiz": quiz,
    "rnn": rnn,
    "rnn_vector": lambda: rnn(2, 3, 2),
    "lstm": lambda: gated(nn.LSTMCell),
    "gru": lambda: gated(nn.GRUCell),
    "expression": expression,
    "mlp": mlp,
    "reuse": reuse,
    "doublings": lambda: doublings(4),
    **{f"wiring_{name}": (lambda name=name: wiring(name)) for name in TOPOLOGIES},
}


def by_graphviz(drawn: Any) -> str:
    """What Graphviz makes of the text of a Digraph, as SVG."""
    return find().run(drawn.source, "svg").decode()
