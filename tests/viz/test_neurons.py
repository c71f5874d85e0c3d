"""Networks of neurons: viz/picture/neuron.py."""

import random

import pytest
from viz_graphs import expression, mlp, quiz

from benchmarks import graphs
from benchmarks.readability import measured
from microgrid import Value, nn
from microgrid import functional as F
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.picture.neuron import is_network
from viz.picture.reading import Scene


def micrograds(sizes=(2, 3, 1)):
    """A network as micrograd's tutorial writes it: no names, no layers, a sum of products."""
    rng = random.Random(3)
    xs = [Value(rng.uniform(-1.0, 1.0)) for _ in range(sizes[0])]
    weights = []
    for size in sizes[1:]:
        out = []
        for _ in range(size):
            ws, b = [Value(rng.uniform(-1.0, 1.0)) for _ in xs], Value(0.1)
            weights += [*ws, b]
            out.append(sum((w * x for w, x in zip(ws, xs)), b).tanh())
        xs = out
    xs[0].backward()
    return xs[0], weights


def weighted(scene):
    return [wire for wire in scene.wires if wire.weight is not None]


def test_every_weight_stands_on_one_edge_with_its_gradient():
    loss = mlp()
    scene = picture_of(loss)
    order = Scene([loss]).order
    weights = {v.label: v for v in order if not v.parents and v.label[:1] in "Wb"}
    shown = {str(wire.weight.name): wire.weight for wire in weighted(scene)}
    assert len(weighted(scene)) == len(weights) == 14
    for value in weights.values():
        node = order.index(value)
        (row,) = [row for row in shown.values() if row.node == node]
        assert (row.value, row.grad) == (value.data, value.grad)


def test_biases_are_dashed_and_come_from_a_one():
    scene = picture_of(mlp())
    dashed = [wire for wire in scene.wires if wire.dashed]
    assert {str(wire.weight.name) for wire in dashed} == {"b₁[0]", "b₁[1]", "b₂[0]", "b₂[1]"}
    ones = [card for card in scene.cards if card.role == "bias"]
    assert [card.name for card in ones] == ["1", "1"]
    assert {wire.source for wire in dashed} == {card.id for card in ones}
    places = layout_of(scene)
    for one in ones:  # below the neurons of its column
        x, y = places.cards[one.id].x, places.cards[one.id].y
        assert all(box.y >= y for box in places.cards.values() if abs(box.x - x) < 1.0)


def test_layers_are_columns_with_their_units_in_order():
    scene = picture_of(graphs.mlp(2, 16, 16, 1))
    places = layout_of(scene)
    for layer in ("a₁", "a₂"):
        boxes = [places.cards[c.id] for c in scene.cards if c.name.startswith(f"{layer}[")]
        assert len(boxes) == 16
        assert len({round(box.x, 6) for box in boxes}) == 1
        assert [box.y for box in boxes] == sorted((box.y for box in boxes), reverse=True)
    found = measured(scene, places)
    assert (found.width <= 1800, found.height <= 2400) == (True, True)
    assert found.hidden == 0
    assert found.text >= 9.0


def test_a_network_without_names_is_recognised():
    loss, weights = micrograds()
    scene = picture_of(loss)
    assert len(weighted(scene)) == len(weights) == 13
    order = Scene([loss]).order
    assert {wire.weight.node for wire in weighted(scene)} == {order.index(w) for w in weights}
    assert len([card for card in scene.cards if card.role != "bias"]) == 2 + 3 + 1


@pytest.mark.parametrize("graph", [expression, graphs.neuron, graphs.attention, graphs.concat])
def test_expressions_and_attention_are_no_networks_of_neurons(graph):
    assert not is_network(Scene([graph()]))


def test_a_sum_without_a_name_is_no_neuron_and_every_factor_keeps_its_card():
    a, b, c, d, e, f, g = (Value(float(n), label=name) for n, name in enumerate("abcdefg", start=1))
    y = (a * b + c * d) * e + f * g
    assert not is_network(Scene([y]))
    assert {card.name for card in picture_of(y).cards} >= set("abcdefg")


def test_what_has_time_is_no_network_of_neurons():
    run = quiz()
    assert not is_network(Scene([run.loss], run))


def test_a_message_of_a_neuron_is_the_engines():
    loss = mlp()
    scene = picture_of(loss)
    order = Scene([loss]).order
    for card in scene.cards:
        if card.role == "leaf":
            sent = sum(wire.message for wire in scene.wires if wire.source == card.id)
            assert sent == pytest.approx(order[card.nodes[0]].grad)


@pytest.mark.parametrize("seed", range(12))
def test_any_expression_can_be_drawn_by_neuron(seed):
    rng = random.Random(seed)
    values = [Value(rng.uniform(-1.0, 1.0)) for _ in range(8)]
    for _ in range(30):
        a, b = rng.choice(values), rng.choice(values)
        values.append(rng.choice([a * b, a + b, (a * 0.5 + b).tanh(), a - 0.25 * b]))
    values[-1].backward()
    scene = picture_of(values[-1], detail="neuron")
    places = layout_of(scene)
    for wire in scene.wires:
        assert places.cards[wire.source].right < places.cards[wire.target].left


def test_every_layer_has_a_one_of_its_own_even_where_sums_have_names():
    x = [Value(0.5, "x[0]"), Value(-1.0, "x[1]")]
    for layer in (1, 2):
        sums = []
        for k in range(2):
            w = [Value(0.1 * (i + k + layer), f"w{layer}[{i},{k}]") for i in range(2)]
            s = w[0] * x[0] + w[1] * x[1] + Value(0.3, f"b{layer}[{k}]")
            s.label = f"s{layer}[{k}]"
            sums.append(s)
        x = [s.tanh() for s in sums]
        for k, a in enumerate(x):
            a.label = f"a{layer}[{k}]"
    (x[0] + x[1]).backward()
    scene = picture_of(x[0] + x[1], detail="neuron")
    assert len([card for card in scene.cards if card.role == "bias"]) == 2


@pytest.mark.parametrize("numbers", [[2.0, 3.0], [1.0, 1.0], [0.0, -1.0]])
def test_plain_numbers_are_inputs_that_the_first_layer_shares(numbers):
    model = nn.MLP(2, [3, 1], seed=0)
    (y,) = model(numbers)
    y.backward()
    scene = picture_of(y)
    inputs = [card for card in scene.cards if card.role == "input"]
    assert [(c.name, c.rows[0].value, c.rows[0].grad) for c in inputs] == [
        ("x₁", numbers[0], None),
        ("x₂", numbers[1], None),
    ]
    assert [card.name for card in scene.cards if card.role == "bias"] == ["1", "1"]
    order = Scene([y]).order
    for i, card in enumerate(inputs):
        found = [wire.weight for wire in scene.wires if wire.source == card.id]
        column = [row[i] for row in model.layers[0].weight]
        assert [(row.value, row.grad) for row in found] == [(w.data, w.grad) for w in column]
        assert [order[row.node] for row in found] == column
    assert not any(card.role == "leaf" for card in scene.cards)


def test_micrograd_s_neurons_share_plain_numbers_too():
    rng = random.Random(3)

    def neuron(xs):
        ws = [Value(rng.uniform(-1.0, 1.0)) for _ in xs]
        return sum((w * x for w, x in zip(ws, xs)), Value(0.1)).tanh()

    out = neuron([neuron([1.0, -2.0]) for _ in range(3)])
    out.backward()
    scene = picture_of(out)
    inputs = [card for card in scene.cards if card.role == "input"]
    assert [card.rows[0].value for card in inputs] == [1.0, -2.0]
    assert [sum(w.source == card.id for w in scene.wires) for card in inputs] == [3, 3]


def test_a_plain_number_beside_an_x_bears_no_name():
    hidden = nn.Linear(3, 3, seed=0, nonlinearity="tanh")
    loss = nn.Linear(3, 1, seed=1)(hidden([Value(0.5, "x"), 2.0, 3.0]))[0]
    scene = picture_of(loss, detail="neuron")
    assert [card.name for card in scene.cards if card.role == "input"] == ["2", "3"]


def normed():
    """A layer norm and a layer of relu beside a residual stream."""
    xs = [Value(number, f"x[{i}]") for i, number in enumerate((0.5, -1.0, 0.3))]
    norm, layer = nn.LayerNorm(3), nn.Linear(3, 3, nonlinearity="relu", seed=1)
    loss = F.mse_loss([x + y for x, y in zip(xs, layer(norm(xs)))], [0.0, 0.0, 1.0])
    loss.backward()
    return loss, [*norm.parameters(), *layer.parameters()]


def met_twice():
    """Neurons that read each number once as it is and once squared, with a weight for each."""
    rng = random.Random(2)
    xs, weights = [Value(0.3, "x_1"), Value(-0.8, "x_2")], []
    for depth in range(2):
        new = []
        for unit in range(2):
            ws = [Value(rng.gauss(0.0, 1.0), f"w{depth}{unit}[{i}]") for i in range(4)]
            weights += ws
            parts = [x * w for x, w in zip(xs, ws)] + [x * x * w for x, w in zip(xs, ws[2:])]
            new.append(sum(parts[1:], parts[0]).tanh())
        xs = new
    root = xs[0] * xs[1]
    root.backward()
    return root, weights


@pytest.mark.parametrize("build", [normed, met_twice])
def test_no_weight_is_left_out(build):
    root, weights = build()
    picture = picture_of(root, detail="neuron")
    on_edges = [wire.weight for wire in picture.wires if wire.weight is not None]
    rows = on_edges + [row for card in picture.cards for row in card.rows if row.node is not None]
    shown = {row.node: (row.value, row.grad) for row in rows}
    place = Scene([root]).index
    assert {place[w]: (w.data, w.grad) for w in weights}.items() <= shown.items()


def test_the_gain_of_a_norm_is_a_row_of_its_card():
    root, (gain, *_) = normed()
    (card,) = (card for card in picture_of(root).cards if card.name == "n[0]")
    assert [(str(row.name or ""), row.grad) for row in card.rows][1] == ("γ", gain.grad)
