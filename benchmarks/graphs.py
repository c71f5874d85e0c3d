"""The graphs whose pictures are measured: small ones everybody draws, and some that sprawl.

Every function records one graph, sweeps it once and returns what `viz.render` takes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from microgrid import Value, nn, scope
from microgrid import functional as F

Drawn: TypeAlias = Value | nn.Unrolled


def quiz() -> nn.Unrolled:
    """The lecture's quiz: an identity RNN over "oc", whose dL/dh_0 is -20."""
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    model = nn.SequenceModel(cell, readout=nn.Linear(1, 1, bias=False))
    model.load_state_dict(
        {"cell.weight_ih": [[1]], "cell.weight_hh": [[-5]], "readout.weight": [[-1]]}
    )
    return _swept(model.unroll([5, 1], loss=lambda y, target: y[0]))


def unrolled(cell: type[nn.RecurrentCell], units: int, steps: int) -> nn.Unrolled:
    """A cell of `units` with a linear readout and a squared error at every step."""
    make: Callable[..., nn.RecurrentCell] = cell
    model = nn.SequenceModel(make(1, units, seed=0), readout=nn.Linear(units, 1, seed=1))
    inputs = [round((0.7 * t) % 1.0 - 0.3, 2) for t in range(1, steps + 1)]
    return _swept(model.unroll(inputs, targets=[0.5] * steps, loss="mse"))


def both_ways(cell: type[nn.RecurrentCell], units: int, steps: int, layers: int = 1) -> Value:
    """Layers that read from both ends, with a linear readout and a squared error at every step."""
    make: Callable[..., nn.RecurrentCell] = cell
    rows: list[list[Value]] = []
    for t in range(1, steps + 1):
        with scope(f"t={t}"):
            rows.append([Value(round((0.7 * t) % 1.0 - 0.3, 2), f"x_{t}")])
    for layer in range(layers):
        cells = [make(len(rows[0]), units, seed=2 * layer + i) for i in range(2)]
        with scope(f"layer={layer + 1}"):
            rows, _ = nn.Bidirectional(*cells)(rows)
    readout, losses = nn.Linear(2 * units, 1, seed=1, label="W_y", bias_label="b_y"), []
    for t, row in enumerate(rows, start=1):
        with scope(f"t={t}"):
            with scope("readout"):
                (y,) = readout(row)
                y.label = f"y_{t}"
            with scope("loss"):
                losses.append((y - 0.5) ** 2.0)
                losses[-1].label = f"L_{t}"
    total = F.sum(losses)
    total.label = "L"
    total.backward()
    return total


def met_both_ways(cell: type[nn.RecurrentCell], steps: int) -> Value:
    """The two directions of a unit each, added and squared at every step, outside of any scope."""
    make: Callable[..., nn.RecurrentCell] = cell
    reader = nn.Bidirectional(make(1, 1, seed=0), make(1, 1, seed=1))
    rows, _ = reader([[0.5 * t] for t in range(1, steps + 1)])
    total = sum(((row[0] + row[1]) ** 2.0 for row in rows), Value(0.0))
    total.label = "L"
    total.backward()
    return total


def neuron() -> Value:
    """The neuron of micrograd's README: tanh(x1 w1 + x2 w2 + b)."""
    x1, x2 = Value(2.0, "x1"), Value(0.0, "x2")
    w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.8813735870195432, "b")
    products = x1 * w1, x2 * w2
    products[0].label, products[1].label = "x1*w1", "x2*w2"
    total = products[0] + products[1]
    total.label = "x1*w1 + x2*w2"
    n = total + b
    n.label = "n"
    out = n.tanh()
    out.label = "o"
    out.backward()
    return out


def mlp(inputs: int, *sizes: int) -> Value:
    """A perceptron of sigmoid layers with half a squared error on top."""
    model = nn.MLP(inputs, list(sizes), nonlinearity="sigmoid", seed=0)
    given = [Value(0.3 * i - 0.5, f"x_{i}") for i in range(inputs)]
    loss = F.mse_loss(model(given), [0.1] * sizes[-1], reduction="half_sum")
    loss.label = "E"
    loss.backward()
    return loss


def attention(tokens: int = 3, size: int = 2) -> Value:
    """One query over keys and values: softmax(q K / sqrt d) V, and a squared error."""
    rng = random.Random(0)

    def vector(name: str) -> list[Value]:
        return [Value(round(rng.gauss(0.0, 1.0), 2), f"{name}[{i}]") for i in range(size)]

    q = vector("q")
    keys = [vector(f"k_{t}") for t in range(1, tokens + 1)]
    values = [vector(f"v_{t}") for t in range(1, tokens + 1)]
    scores = _named([F.dot(q, k) / size**0.5 for k in keys], "s")
    weights = _named(F.softmax(scores), "a")
    columns = zip(*values)
    output = _named([F.dot(weights, list(column)) for column in columns], "y")
    loss = F.mse_loss(output, [0.5, -0.5][:size])
    loss.label = "L"
    loss.backward()
    return loss


def _named(values: list[Value], name: str) -> list[Value]:
    for i, value in enumerate(values):
        value.label = f"{name}[{i}]"
    return values


def seq2seq() -> Value:
    """Two letters read by a GRU, two written by another that attends to what was read."""
    encoder, decoder = nn.GRUCell(2, 2, seed=0), nn.GRUCell(2, 2, seed=1)
    combine = nn.Linear(4, 2, nonlinearity="tanh", seed=2, label="W_c", bias_label="b_c")
    readout = nn.Linear(2, 2, seed=3)
    h, states, losses = encoder.initial_state(), [], []
    for t, letter in enumerate(([1.0, 0.0], [0.0, 1.0]), start=1):
        with scope(f"t={t}"), scope("encoder"):
            h = encoder(letter, h)
            states.append(h)
    for t, wanted in ((3, 1), (4, 0)):
        with scope(f"t={t}"):
            with scope("decoder"):
                h = decoder([0.0, 0.0], h)
            with scope("attention"):
                shares = _named(F.softmax([F.dot(h, state) for state in states]), f"a_{t}")
                context = [F.dot(shares, list(column)) for column in zip(*states)]
                _named(context, f"v_{t}")
            with scope("readout"):
                logits = readout(combine([*context, *h], "k"))
            with scope("loss"):
                losses.append(F.cross_entropy(logits, wanted))
                losses[-1].label = f"L_{t}"
    total = F.sum(losses)
    total.label = "L"
    total.backward()
    return total


def concat() -> Value:
    """One step of [W U](h; x) + b with two states and three inputs."""
    cell = nn.BlockRNNCell(3, 2, seed=0)
    h0 = [Value(0.5, "h_0[0]"), Value(-0.25, "h_0[1]")]
    x = [Value(number, f"x[{i}]") for i, number in enumerate((1.0, -2.0, 0.5))]
    loss = F.dot([1.0, -2.0], cell(x, h0))
    loss.label = "L"
    loss.backward()
    return loss


def many_to_one() -> nn.Unrolled:
    """Five numbers read, one predicted."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), readout=nn.Linear(1, 1, seed=1))
    numbers = [0.1, 0.3, 0.5, 0.7, 0.9]
    return _swept(model.unroll(numbers, [1.1], loss="mse", topology="many-to-one"))


class _Detaching(nn.RecurrentCell):
    """A cell whose state is detached before every second step: chunks of two."""

    def __init__(self, inner: nn.RNNCell) -> None:
        self.inner, self._steps = inner, 0
        self.input_size, self.hidden_size = inner.input_size, inner.hidden_size

    def __call__(self, x: object, state: list[Value]) -> list[Value]:
        if self._steps and self._steps % 2 == 0:
            state = [h.detach() for h in state]
        self._steps += 1
        return self.inner(x, state)  # type: ignore[arg-type]


def truncated() -> nn.Unrolled:
    """Four steps in chunks of two: the state is carried over, the gradient is not."""
    cell = _Detaching(nn.RNNCell(1, 1, bias=False, seed=0))
    model = nn.SequenceModel(cell, readout=nn.Linear(1, 1, bias=False, seed=1))
    return _swept(model.unroll([0.3, -0.2, 0.9, 0.4], [0.0, 0.3, -0.2, 0.9], loss="mse"))


def scattered(nodes: int = 1000) -> Value:
    """Sums and products of any two earlier nodes: no structure that a layout could use."""
    rng = random.Random(0)
    values = [Value(rng.uniform(-1.0, 1.0), f"v{i}") for i in range(nodes // 10)]
    while len(values) < nodes - 1:
        a, b = rng.sample(values, 2)
        values.append(a - b if rng.random() < 0.5 else a * b)
    used = {parent for value in values for parent in value.parents}
    root = F.sum([value for value in values if value not in used])
    root.label = "L"
    root.backward()
    return root


def transformer(positions: int = 7, size: int = 16, heads: int = 4) -> Value:
    """A character transformer in scalars, as microgpt writes it: 56,000 nodes by default."""
    return _Transformer(size, heads, vocabulary=27, block=positions).loss(positions)


class _Transformer:
    """One layer of attention and one of perceptron, with a residual stream and scopes."""

    def __init__(self, size: int, heads: int, vocabulary: int, block: int) -> None:
        self.rng, self.size, self.heads, self.vocabulary = (
            random.Random(42),
            size,
            heads,
            vocabulary,
        )
        self.wte, self.wpe = self._matrix(vocabulary, size, "wte"), self._matrix(block, size, "wpe")
        self.wq, self.wk, self.wv, self.wo = (
            self._matrix(size, size, name) for name in ("wq", "wk", "wv", "wo")
        )
        self.up, self.down = (
            self._matrix(4 * size, size, "fc1"),
            self._matrix(size, 4 * size, "fc2"),
        )
        self.head = self._matrix(vocabulary, size, "lm_head")
        self.keys: list[list[Value]] = []
        self.values: list[list[Value]] = []

    def loss(self, positions: int) -> Value:
        """The mean cross entropy of the next character over all positions."""
        losses = []
        for t in range(positions):
            with scope(f"position={t + 1}"):
                logits = self._position(self.wte[(5 * t + 3) % self.vocabulary], t)
                with scope("loss"):
                    shares = _softmax(logits)
                    losses.append(-(shares[(7 * t + 1) % self.vocabulary].log()))
        root = _sum(losses) * (1.0 / positions)
        root.label = "L"
        root.backward()
        return root

    def _position(self, token: list[Value], t: int) -> list[Value]:
        with scope("embedding"):
            x = _normed([a + b for a, b in zip(token, self.wpe[t])])
        with scope("attention"):
            x = _added(x, _linear(self._attention(_normed(x)), self.wo))
        with scope("mlp"):
            hidden = [v.relu() for v in _linear(_normed(x), self.up)]
            x = _added(x, _linear(hidden, self.down))
        with scope("readout"):
            return _linear(x, self.head)

    def _attention(self, x: list[Value]) -> list[Value]:
        q = _linear(x, self.wq)
        self.keys.append(_linear(x, self.wk))
        self.values.append(_linear(x, self.wv))
        mixed: list[Value] = []
        width = self.size // self.heads
        for head in range(self.heads):
            part = slice(head * width, (head + 1) * width)
            with scope(f"head={head + 1}"):
                scores = [_product(q[part], k[part]) * width**-0.5 for k in self.keys]
                shares = _softmax(scores)
                columns = zip(*(v[part] for v in self.values))
                mixed += [_product(shares, column) for column in columns]
        return mixed

    def _matrix(self, rows: int, columns: int, name: str) -> list[list[Value]]:
        return [
            [Value(self.rng.gauss(0.0, 0.08), f"{name}[{i},{j}]") for j in range(columns)]
            for i in range(rows)
        ]


def _sum(values: list[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _product(xs: object, ys: object) -> Value:
    return _sum([x * y for x, y in zip(xs, ys)])  # type: ignore[call-overload]


def _linear(x: list[Value], weight: list[list[Value]]) -> list[Value]:
    return [_product(row, x) for row in weight]


def _added(x: list[Value], y: list[Value]) -> list[Value]:
    return [a + b for a, b in zip(x, y)]


def _normed(x: list[Value]) -> list[Value]:
    scale = (_product(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [value * scale for value in x]


def _softmax(scores: list[Value]) -> list[Value]:
    most = max(score.data for score in scores)
    raised = [(score - most).exp() for score in scores]
    total = _sum(raised)
    return [x / total for x in raised]


def _swept(run: nn.Unrolled) -> nn.Unrolled:
    assert run.loss is not None
    run.loss.backward()
    return run


GRAPHS: dict[str, Callable[[], Drawn]] = {
    "quiz": quiz,
    **{
        f"RNN {units}x{steps}": partial(unrolled, nn.RNNCell, units, steps)
        for units in (1, 2, 3, 4)
        for steps in (1, 3, 6)
    },
    **{f"LSTM {units}x3": partial(unrolled, nn.LSTMCell, units, 3) for units in (1, 2, 3, 4)},
    **{f"GRU {units}x3": partial(unrolled, nn.GRUCell, units, 3) for units in (1, 2, 3, 4)},
    **{
        f"both ways {cell.__name__.removesuffix('Cell')} {steps}": partial(
            both_ways, cell, 1, steps
        )
        for cell in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
        for steps in (3, 6)
    },
    "two layers both ways": partial(both_ways, nn.LSTMCell, 2, 4, 2),
    **{f"met both ways {steps}": partial(met_both_ways, nn.LSTMCell, steps) for steps in (3, 7)},
    "neuron": neuron,
    "MLP 2-16-16-1": partial(mlp, 2, 16, 16, 1),
    "MLP 3-2-2": partial(mlp, 3, 2, 2),
    "attention 3x2": attention,
    "seq2seq": seq2seq,
    "concat": concat,
    "many-to-one": many_to_one,
    "truncated": truncated,
    "1000 random nodes": scattered,
    "transformer": transformer,
}
