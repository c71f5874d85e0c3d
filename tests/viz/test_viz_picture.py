"""The room viz/picture.py: what is drawn, and that every number of it is the engine's."""

import math

import pytest
from viz_graphs import GRAPHS, doublings, expression, quiz, reuse, rnn

from microgrid import Value, scope
from microgrid import functional as F
from microgrid.bundle import Many
from viz.picture import refusal
from viz.picture.build import picture_of
from viz.picture.naming import describe


def cards(scene):
    return {card.name: card for card in scene.cards}


def messages_into(scene, name):
    """Messages that reach the card `name` from the nodes made of it."""
    ids = {card.id for card in scene.cards if card.name == name}
    return [wire.message for wire in scene.wires if wire.source in ids]


def test_the_quiz_answers_its_question():
    scene = picture_of(quiz())
    assert cards(scene)["h₀"].rows[0].grad == -20.0
    assert messages_into(scene, "h₀") == [-20.0]
    assert sorted(messages_into(scene, "h₁")) == [-1.0, 5.0]
    assert cards(scene)["h₁"].rows[0].grad == 4.0
    assert scene.finding == "dL/dh₀ = −20"
    assert scene.heading.endswith(": dL/dh₀ = −20")


def test_the_quiz_has_one_card_a_value_and_an_alias_a_use():
    scene = picture_of(quiz())
    names = [card.name for card in scene.cards if not card.alias]
    assert sorted(names) == sorted(["h₀", "x₁", "x₂", "h₁", "h₂", "y₁", "y₂", "L"])
    aliases = [(card.name, card.column) for card in scene.cards if card.alias]
    assert sorted(aliases) == [(w, t) for w in ("W_h", "W_x", "W_y") for t in (1, 2)]


@pytest.mark.parametrize("name", GRAPHS)
def test_the_messages_that_reach_a_card_add_up_to_its_gradient(name):
    scene = picture_of(GRAPHS[name](), detail="scalar")
    arrived = {card.id: [] for card in scene.cards}
    for wire in scene.wires:
        arrived[wire.source].append(wire.message)
    for card in scene.cards:
        if arrived[card.id]:
            assert math.isclose(sum(arrived[card.id]), card.rows[0].grad, abs_tol=1e-12)


@pytest.mark.parametrize("build", [quiz, rnn, lambda: rnn(1, 6)])
def test_the_sums_of_the_shared_panel_are_the_gradients(build):
    run = build()
    (panel,) = [p for p in picture_of(run).panels if p.kind == "shared"]
    gradients = {p.label: p.grad for p in run.model.parameters()}
    for name, _, *steps, total in panel.rows[1:]:
        assert total.number == gradients[name.text]
        assert math.isclose(sum(x.number or 0.0 for x in steps), total.number, abs_tol=1e-12)


def test_many_shared_parameters_are_summed_by_matrix():
    run = rnn(3, 4, 2)
    (panel,) = [p for p in picture_of(run).panels if p.kind == "shared"]
    weights = {"W_x": "weight_ih", "W_h": "weight_hh"}
    for name, attribute in weights.items():
        row = next(row for row in panel.rows if row[0].text == name)
        grads = [w.grad for line in getattr(run.model.cell, attribute) for w in line]
        assert math.isclose(row[-1].number, math.hypot(*grads))


def test_a_second_sweep_leaves_the_first_ones_share_in_the_panel():
    run = rnn()
    first = run.model.cell.bias[0].grad
    run.loss.backward()
    (panel,) = [p for p in picture_of(run).panels if p.kind == "shared"]
    row = next(row for row in panel.rows if row[0].text == "b")
    assert panel.rows[0][-2].text == "earlier sweeps"
    assert math.isclose(row[-2].number, first)
    assert math.isclose(row[-1].number, 2 * first)


def test_a_graph_drawn_before_any_sweep_says_so():
    scene = picture_of(rnn(sweep=False))
    assert scene.subtitle.startswith("Backward has not run")
    assert all(row.grad is None for card in scene.cards for row in card.rows)
    assert all(wire.message is None for wire in scene.wires)
    assert "backward not run" in describe(Value(1.0), None)


def test_an_expression_needs_no_columns():
    scene = picture_of(expression())
    assert scene.columns == []
    assert [card.name for card in scene.cards] == ["a", "b", "c", "×", "+", "o"]
    assert {card.name: card.beside for card in scene.cards}["c"] == "n4"


def test_a_leaf_used_three_times_is_one_card_with_three_wires():
    scene = picture_of(reuse())
    (w,) = [card for card in scene.cards if card.name == "w"]
    assert len([wire for wire in scene.wires if wire.source == w.id]) == 3
    (panel,) = scene.panels
    assert math.isclose(sum(cell.number for cell in panel.rows[1][2:-1]), w.rows[0].grad)


def test_sixty_doublings_are_sixty_one_cards():
    scene = picture_of(doublings(60))
    assert len(scene.cards) == 61
    assert len(scene.wires) == 120


def test_plain_numbers_stand_in_the_card_of_their_operation():
    a = Value(3.0, label="a")
    scene = picture_of(F.sum([2.0 - a, a / 4.0, a**-1.0, (a - -1.0) ** 2]))
    ops = {card.name for card in scene.cards}
    assert {"2 −", "÷ 4", "( )^−1", "− (−1)", "( )²"} <= ops


def test_columns_come_from_the_scopes_of_a_graph_made_by_hand():
    w, h = Value(0.5, label="w"), Value(1.0, label="h_0")
    for t in (1, 2, 3):
        with scope(f"t={t}"):
            h = (w * h).tanh()
            h.label = f"h_{t}"
    h.backward()
    scene = picture_of(h)
    assert [column.title for column in scene.columns] == ["t = 1", "t = 2", "t = 3"]
    assert cards(scene)["h₀"].column == 0
    assert len([card for card in scene.cards if card.name == "w" and card.alias]) == 3


def test_captions_stand_beside_the_steps():
    scene = picture_of(quiz(), captions=["o", "c"])
    assert [column.caption for column in scene.columns] == ["o", "c"]


@pytest.mark.parametrize("captions", [["o"], ["o", "c", "a"], []])
def test_captions_are_one_for_each_step(captions):
    sentence = f"captions: 2 time steps take as many, got {len(captions)}"
    with pytest.raises(ValueError, match=sentence):
        picture_of(quiz(), captions=captions)
    with pytest.raises(ValueError, match="captions: 0 time steps take as many, got 1"):
        picture_of(Value(2.0) * 3.0, captions=["o"])


def test_a_list_of_values_is_drawn_with_all_its_roots():
    a = Value(2.0, label="a")
    scene = picture_of([a + 1.0, a * 3.0])
    assert [card.name for card in scene.cards] == ["a", "+ 1", "× 3"]


@pytest.mark.parametrize("given", [3.0, "a", None, [], [1.0], object()])
def test_what_cannot_be_drawn_is_named(given):
    with pytest.raises(TypeError, match="viz draws a Value, a list of Values or an Unrolled, got"):
        picture_of(given)


def test_a_graph_beyond_all_pictures_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(refusal, "_MOST_NODES", 3)
    x = Value(2.0)
    assert len(picture_of((x + 1.0).exp()).cards) == 3
    with pytest.raises(ValueError, match=r"has 4 nodes and 3 edges.* fewer steps"):
        picture_of((x + 1.0).exp().tanh())


@pytest.mark.parametrize("detail", ["scalar", "gate", "vector"])
def test_a_long_sum_is_read_as_often_as_a_short_one(monkeypatch, detail):
    read, reads = Many.operands_of, []

    def counted(self, row):
        reads.append(self)
        return read(self, row)

    monkeypatch.setattr(Many, "operands_of", counted)

    def times(terms):
        root = F.sum([Value(float(i), label=f"x_{i}").tanh() for i in range(terms)])
        root.backward()
        reads.clear()
        picture_of(root, detail=detail)
        return len(reads)

    assert 0 < times(150) <= times(15) < 20
