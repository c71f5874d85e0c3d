"""Large programs folded by scope: viz/picture/scopes.py."""

import pytest

from benchmarks import graphs
from microgrid import Value, scope
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.picture.reading import Scene
from viz.picture.scopes import MOST_SCOPES, Scoped, has_scopes


@pytest.fixture(scope="module")
def transformer():
    return graphs.transformer(positions=4, size=8, heads=2)


def test_a_transformer_opens_with_few_cards(transformer):
    scene = picture_of(transformer)
    assert len(Scene([transformer]).order) > 5000
    assert len(scene.cards) <= MOST_SCOPES
    parts = {card.name for card in scene.cards}
    assert {"embedding", "attention", "head=1", "head=2", "mlp", "readout", "loss"} <= parts


def test_every_computed_node_stands_on_one_card(transformer):
    scene = picture_of(transformer)
    held = sorted(node for card in scene.cards for node in card.nodes)
    order = Scene([transformer]).order
    assert held == [i for i, node in enumerate(order) if node.parents]


def test_what_leaves_a_scope_and_comes_back_gets_a_second_card():
    x = Value(2.0, "x")
    with scope("a"):
        y = x * 3.0
    with scope("b"):
        z = y + 1.0
    with scope("a"):
        w = z * y
    scene = Scoped(Scene([w]))
    assert [len(group.nodes) for group in scene.groups] == [1, 1, 1]


def test_no_wire_runs_in_a_circle(transformer):
    scene = picture_of(transformer)
    place = {card.id: i for i, card in enumerate(scene.cards)}
    assert all(place[wire.source] < place[wire.target] for wire in scene.wires)


def test_a_program_without_scopes_cannot_be_folded():
    assert not has_scopes(Scene([graphs.neuron()]))


def test_layers_in_scopes_are_drawn_by_layer_though_nothing_in_them_has_a_name():
    xs = [Value(0.1 * i, f"x[{i}]") for i in range(6)]
    for depth in range(3):
        with scope(f"layer{depth}"):
            name = f"layer{depth}.weight"
            weights = [[Value(0.1, f"{name}[{i},{j}]") for j in range(6)] for i in range(6)]
            squared = [sum((w * x for w, x in zip(row, xs)), Value(0.0)) ** 2 for row in weights]
            xs = [x + y for x, y in zip(xs, squared)]
    root = sum(xs, Value(0.0))
    root.backward()
    picture = picture_of(root)
    assert len(picture_of(root, detail="scalar").cards) > 300
    assert len(picture.cards) < 40
    assert {"layer0.weight", "layer1.weight", "layer2.weight"} <= {c.name for c in picture.cards}


def test_a_root_that_is_a_leaf_is_a_card():
    for root in (Value(1.0), Value(1.0, label="a")):
        (card,) = picture_of(root, detail="scope").cards
        assert card.rows[0].value == 1.0


def test_a_part_of_a_step_that_is_left_and_come_back_to_gets_a_second_card():
    h = Value(0.5, label="h_0")
    for t in (1, 2):
        for part in ("attention", "mlp", "attention", "mlp"):
            with scope(f"t={t}/{part}"):
                h = (h * 2.0).tanh() * 0.5
    picture = picture_of(h, detail="cell")
    assert [card.part for card in picture.cards[1:]] == ["attention", "mlp"] * 4
    place = {card.id: i for i, card in enumerate(picture.cards)}
    assert all(place[wire.source] < place[wire.target] for wire in picture.wires)
    boxes = layout_of(picture).cards
    assert len({(box.x, box.y) for box in boxes.values()}) == 9
