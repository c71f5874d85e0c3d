"""The 3-2-2 network of the slides, against golden 004_mlp: rows, gates, updates."""

import pytest
from golden_cases import agree, cases, grads

from microgrid import Value, nn, optim
from microgrid import functional as F


def slide_net(inputs):
    """The MLP of the slides: their row 0 is our bias, their columns are our rows."""
    net = nn.MLP(3, [2, 2], nonlinearity="sigmoid", output_nonlinearity="sigmoid")
    state = {}
    for n, name in enumerate(("w1", "w2")):
        bias, *weight = inputs[name]
        state[f"layers.{n}.weight"] = [list(column) for column in zip(*weight)]
        state[f"layers.{n}.bias"] = bias
    net.load_state_dict(state)
    return net


def as_slides(layer, read=lambda value: value.data):
    """A layer's numbers in the shape of the slides: the bias row, then a row per input."""
    columns = [[read(value) for value in row] for row in layer.weight]
    return [[read(value) for value in layer.bias], *[list(row) for row in zip(*columns)]]


def row_loss(net, x, y):
    return F.mse_loss(net(x), y, reduction="half_sum")


@cases("004_mlp")
def test_rows(case):
    inputs = case["inputs"]
    for x, y, expected in zip(inputs["X"], inputs["Y"], case["expected"]["rows"]):
        net = slide_net(inputs)
        a1 = net.layers[0](x)
        a2 = net.layers[1](a1)
        loss = F.mse_loss(a2, y, reduction="half_sum")
        loss.backward()
        agree([value.parents[0] for value in a1], expected["s1"])
        agree(a1, expected["a1"][1:])
        agree([value.parents[0] for value in a2], expected["s2"])
        agree(a2, expected["a2"])
        agree(loss, expected["E"])
        agree(grads(a2), expected["dE_da2"])
        agree([value.partials[0] for value in a2], expected["da2_ds2"])
        agree(grads(a1), expected["dE_da1"])
        agree([value.partials[0] for value in a1], expected["da1_ds1"])
        agree(as_slides(net.layers[1], grads), expected["dE_dw2"])
        agree(as_slides(net.layers[0], grads), expected["dE_dw1"])
        agree(row_loss(net, x, y), expected["E"])


@cases("004_mlp")
def test_batch_update(case):
    """c is the gradient summed over the training rows, w* = w - alpha c."""
    inputs, expected = case["inputs"], case["expected"]
    net = slide_net(inputs)
    rows = [(inputs["X"][r], inputs["Y"][r]) for r in inputs["train_rows_0based"]]
    total = F.sum([row_loss(net, x, y) for x, y in rows])
    total.backward()
    agree(total, expected["E_train_sum"])
    agree(as_slides(net.layers[0], grads), expected["c1"])
    agree(as_slides(net.layers[1], grads), expected["c2"])
    optim.SGD(net.parameters(), inputs["alpha"]).step()
    agree(as_slides(net.layers[0]), expected["w1_star"])
    agree(as_slides(net.layers[1]), expected["w2_star"])
    after = [row_loss(net, x, y) for x, y in zip(inputs["X"], inputs["Y"])]
    agree(after, expected["E_by_row_after_update"])


@cases("004_mlp")
def test_an_update_per_row(case):
    inputs, expected = case["inputs"], case["expected"]["one_epoch_of_per_row_updates"]
    net = slide_net(inputs)
    optimizer = optim.SGD(net.parameters(), inputs["alpha"])
    for r in inputs["train_rows_0based"]:
        optimizer.zero_grad()
        row_loss(net, inputs["X"][r], inputs["Y"][r]).backward()
        optimizer.step()
    agree(as_slides(net.layers[0]), expected["w1"])
    agree(as_slides(net.layers[1]), expected["w2"])


@pytest.fixture
def gates():
    """Output 1 of the slides' first row, its sigmoid taken apart into four gates."""

    def build(inputs, hidden):
        weights = [Value(row[0]) for row in inputs["w2"]]
        units = [Value(a) for a in hidden]
        products = [w * a for w, a in zip(weights, units)]
        s2 = products[0] + (products[1] + products[2])
        minus = s2 * -1.0
        e = minus.exp()
        plus = e + 1.0
        return weights, units, products, [s2, minus, e, plus, plus**-1.0]

    return build


@cases("004_mlp")
def test_gates(case, gates):
    inputs, expected = case["inputs"], case["expected"]["gates_row1"]
    hidden = case["expected"]["rows"][0]["a1"]
    names = ("s2_1", "times_minus_1", "exp", "plus_1")
    weights, units, products, chain = gates(inputs, hidden)
    agree(products, expected["products_w2k1_times_a1k"])
    agree(chain[:4], [expected[name] for name in names])
    agree(chain[4], expected["reciprocal"])
    chain[4].backward()
    agree(grads(chain), [expected["grad_of_y_hat"][name] for name in (*names, "y_hat")])

    weights, units, products, chain = gates(inputs, hidden)
    loss = F.mse_loss(chain[4], inputs["Y"][0][0], reduction="half_sum")
    loss.backward()
    agree(loss, expected["E_1"])
    found = expected["grad_of_E_1"]
    agree(grads(chain), [found[name] for name in (*names, "y_hat")])
    agree(grads(products), found["products"])
    agree(grads(weights), found["w2_k1"])
    agree(grads(units), found["a1_k"])
