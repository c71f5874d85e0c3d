"""What is shown, hidden, pointed out, opened and played: the options of viz.draw."""

import math
import re

import pytest
from viz_graphs import by_graphviz, expression, mlp, quiz, reuse, rnn

import viz
from microgrid import Value
from microgrid.graph import creation_order
from viz.layout.place import layout_of
from viz.picture.build import picture_of


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize(
    ("hidden", "gone", "stays"),
    [
        ("grad", ["4", "20"], ["×−5", "← −20"]),
        ("message", ["← −20", "↓ 4"], ["×−5"]),
        ("local", ["×−5", "×−24"], ["← −20"]),
        ("value", ["−24"], ["×−5"]),
        ("op", ["dot"], ["×−5"]),
    ],
)
def test_what_is_hidden_is_not_printed(hidden, gone, stays):
    full = [t.strip() for t in texts(by_graphviz(viz.draw(quiz())))]
    shown = [t.strip() for t in texts(by_graphviz(viz.draw(quiz(), hide=[hidden])))]
    assert all(full.count(text) > shown.count(text) for text in gone)
    assert all(text in shown for text in stays)


def test_an_exercise_does_not_give_its_answer_away():
    shown = " ".join(texts(by_graphviz(viz.draw(quiz(), hide=["grad", "message"]))))
    assert "−20" not in shown
    assert "25-fold" not in shown


def test_exercise_and_solution_have_the_same_geometry():
    empty, full = (picture_of(quiz(), hide=hide) for hide in (["grad", "local", "message"], []))
    assert layout_of(empty).cards == layout_of(full).cards
    assert layout_of(empty).wires == layout_of(full).wires


def test_show_names_what_is_printed():
    assert picture_of(quiz(), show=["value"]).show == {"value"}
    with pytest.raises(ValueError, match="show must be one of grad, local, message, op, value"):
        picture_of(quiz(), show=["gradient"])


def test_a_highlighted_leaf_marks_its_strongest_path():
    scene = picture_of(quiz(), highlight="h_0")
    marked = {card.name for card in scene.cards if card.look == "marked"}
    assert marked == {"h₀", "h₁", "h₂", "y₂", "L"}
    assert "= −25" in scene.subtitle
    products = [wire.product for wire in scene.wires if wire.look == "marked"]
    assert sorted(products) == [-25.0, -1.0, 1.0, 5.0]
    assert "Π −25" in viz.draw(quiz(), highlight="h_0").source


def test_a_whole_path_can_be_given():
    run = quiz()
    (h0,), (h1,) = run.states[:2]
    path = [h0, h1, run.outputs[0][0], run.loss]
    scene = picture_of(run, highlight=path)
    assert "= 5" in scene.subtitle
    assert {card.name for card in scene.cards if card.look == "marked"} == {"h₀", "h₁", "y₁", "L"}


def test_paths_that_are_none_are_named():
    run = quiz()
    with pytest.raises(ValueError, match="no Value is called 'nobody'; there are W_x, W_h"):
        picture_of(run, highlight="nobody")
    with pytest.raises(ValueError, match="is not made of"):
        picture_of(run, highlight=[run.states[0][0], run.loss])
    with pytest.raises(ValueError, match="is no part of this graph"):
        picture_of(run, highlight=Value(1.0, label="stranger"))


@pytest.mark.parametrize("build", [quiz, rnn, reuse])
def test_the_sweep_after_k_messages(build):
    x = build()
    count = sum(len(n.parents) for n in creation_order(getattr(x, "loss", x)))
    for k in range(count + 1):
        scene = picture_of(x, upto=k, detail="scalar")
        sent = [wire for wire in scene.wires if wire.message is not None]
        assert len(sent) == k
        assert {w.look for w in scene.wires if w.message is None} <= {"faded"}
    last = picture_of(x, upto=count, detail="scalar")
    full = picture_of(x, detail="scalar")
    assert [c.rows for c in last.cards] == [c.rows for c in full.cards]
    assert not any(card.look == "faded" for card in last.cards)


def test_frames_are_one_picture_a_message_in_the_same_geometry(tmp_path):
    made = viz.frames(quiz(), tmp_path)
    assert [path.name for path in made] == [f"{k:03d}.svg" for k in range(15)]
    sizes = {re.search(r'viewBox="[^"]*"', path.read_text())[0] for path in made}
    assert len(sizes) == 1
    assert "← −20" not in made[0].read_text()
    assert "← −20" in made[-1].read_text()
    assert len(viz.frames(quiz(), tmp_path / "made" / "on the way")) == 15


@pytest.mark.parametrize("k", [-1, 15, 1.5, "3"])
def test_upto_counts_messages(k):
    with pytest.raises(ValueError, match="upto counts messages"):
        picture_of(quiz(), upto=k)


def test_a_dot_opens_into_its_gates():
    run = rnn()
    scene = picture_of(run, expand=["dot"], detail="scalar")
    first = [card for card in scene.cards if card.column == 1 and not card.alias]
    assert [card.name for card in first if card.name in ("×", "+")].count("×") == 3  # x, h, y
    (z1,) = [card for card in scene.cards if card.name == "z₁"]
    (h1,) = [card for card in scene.cards if card.name == "h₁"]
    assert z1.op == "+"
    assert h1.rows[0].grad == run.states[1][0].grad


def test_the_gates_of_a_sigmoid_are_the_four_of_the_slides():
    a = Value(0.3, label="a")
    b = a.sigmoid()
    b.label = "b"
    b.backward()
    scene = picture_of(b, expand=["sigmoid"])
    assert [card.name for card in scene.cards] == ["a", "× (−1)", "exp", "+ 1", "b"]
    assert math.isclose(scene.wires[0].message, a.grad, rel_tol=1e-12)


@pytest.mark.parametrize("build", [quiz, rnn, lambda: rnn(2, 3, 2), mlp, expression])
def test_opening_gates_changes_no_gradient(build):
    x = build()
    scene = picture_of(x, expand=["dot", "sigmoid"], detail="scalar")
    arrived = {card.id: [] for card in scene.cards}
    for wire in scene.wires:
        arrived[wire.source].append(wire.message)
    for card in scene.cards:
        if arrived[card.id]:
            assert math.isclose(
                sum(arrived[card.id]), card.rows[0].grad, rel_tol=1e-9, abs_tol=1e-12
            )


def test_opening_leaves_the_graph_alone():
    x = mlp()
    before = [(n.data, n.grad, n.op, n.parents) for n in creation_order(x)]
    picture_of(x, expand=["dot", "sigmoid"])
    assert [(n.data, n.grad, n.op, n.parents) for n in creation_order(x)] == before


def test_an_unknown_name_to_expand_lists_what_there_is():
    with pytest.raises(ValueError, match="expand must be one of dot, sigmoid, cell, got 'tanh'"):
        picture_of(quiz(), expand=["tanh"])
