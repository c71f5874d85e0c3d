"""The rooms viz/levels.py, viz/panels.py and viz/fold.py: coarser pictures, the same numbers."""

import math
import re

import numpy as np
import pytest
from viz_graphs import TOPOLOGIES, gated, mlp, quiz, rnn, wiring

import viz
from microgrid import bptt, nn
from microgrid.graph import creation_order
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.picture.panels import Itemised
from viz.picture.reading import Scene


def itemised(run):
    return Itemised(run, Scene([run.loss], run))


def named(scene, name):
    return [card for card in scene.cards if card.name == name]


def wire_between(scene, source, target):
    (lower,), (upper,) = named(scene, source), named(scene, target)
    (wire,) = [w for w in scene.wires if (w.source, w.target) == (lower.id, upper.id)]
    return wire


def test_the_vector_level_has_a_card_a_vector_with_a_row_a_component():
    run = rnn(2, 3, 2)
    scene = picture_of(run, detail="vector")
    (card,) = named(scene, "h₂")
    assert [(row.value, row.grad) for row in card.rows] == [(h.data, h.grad) for h in run.states[2]]


def test_vector_wires_carry_the_gain_and_the_norm_of_the_message():
    run = rnn(3, 2, 2)
    scene = picture_of(run, detail="vector")
    wire = wire_between(scene, "h₁", "z₂")
    upstream = np.array([(1.0 - h.data**2) * h.grad for h in run.states[2]])
    matrix = np.array([[w.data for w in row] for row in run.model.cell.weight_hh])
    message = np.linalg.norm(matrix.T @ upstream)
    assert wire.kind == "gain"
    assert math.isclose(wire.message, message)
    assert math.isclose(wire.local, message / np.linalg.norm(upstream))
    (spectral,) = re.findall(r"spectral norm of the Jacobian ([\d.e-]+)", wire.tooltip)
    assert math.isclose(float(spectral), np.linalg.norm(matrix, 2))


@pytest.mark.parametrize(("hidden", "inputs"), [(1, 1), (3, 2)])
def test_the_cell_level_carries_dh_dh_of_the_step_before(hidden, inputs):
    run = rnn(hidden, 4, inputs)
    scene = picture_of(run, detail="cell")
    for t in (2, 3, 4):
        wire = wire_between(scene, f"h{'₀₁₂₃₄'[t - 1]}", f"h{'₀₁₂₃₄'[t]}")
        expected = np.array(bptt.jacobian(run, t, t - 1))
        upstream = np.array([h.grad for h in run.states[t]])
        message = np.linalg.norm(expected.T @ upstream)
        gain = expected.item() if hidden == 1 else message / np.linalg.norm(upstream)
        assert math.isclose(wire.local, gain, rel_tol=1e-12)
        assert math.isclose(abs(wire.message), message)


def test_a_cell_says_how_many_nodes_it_stands_for():
    run = rnn(3, 2, 2)
    (card,) = named(picture_of(run, detail="cell"), "h₁")
    assert card.op == "tanh cell"
    assert card.note == "+ 3 nodes"
    assert len(card.nodes) == 6


def test_the_parts_of_a_step_hold_every_node_once():
    run = rnn(2, 3, 2)
    scene = picture_of(run, detail="cell")
    inside = [node for card in scene.cards for node in card.nodes]
    assert len(inside) == len(set(inside))
    place = {node: i for i, node in enumerate(creation_order(run.loss))}
    assert {place[h] for state in run.states for h in state} <= set(inside)


def test_rolled_is_the_loop_with_the_weights_whole_gradients():
    run = rnn(2, 3, 2)
    scene = picture_of(run, detail="rolled")
    assert {"x_t", "h_t", "y_t", "L_t"} <= {card.name for card in scene.cards}
    (loop,) = [wire for wire in scene.wires if wire.source == wire.target]
    gains = []
    for t in (1, 2, 3):
        upstream = np.array([h.grad for h in run.states[t]])
        message = np.array(bptt.jacobian(run, t, t - 1)).T @ upstream
        gains.append(np.linalg.norm(message) / np.linalg.norm(upstream))
    assert loop.span == pytest.approx((min(gains), max(gains)))
    (card,) = named(scene, "W_h")
    grads = [w.grad for row in run.model.cell.weight_hh for w in row]
    assert math.isclose(card.rows[0].grad, math.hypot(*grads))


def test_only_an_unrolled_can_be_rolled():
    with pytest.raises(ValueError, match="draws the loop of an Unrolled"):
        picture_of(mlp(), detail="rolled")


def test_auto_collapses_what_is_too_large_and_says_so():
    assert picture_of(rnn(1, 3)).legend == ()
    scene = picture_of(rnn(8, 6, 4))
    assert len(scene.cards) < 120
    assert any("cards at detail" in line for line in scene.legend)
    said = picture_of(rnn(4, 40, 2)).legend
    assert any("here one for each part of a time step" in line for line in said)


@pytest.mark.parametrize("detail", ["tiny", "", "Scalar"])
def test_an_unknown_detail_lists_what_there_is(detail):
    with pytest.raises(
        ValueError,
        match="detail must be one of auto, scalar, gate, neuron, vector, cell, scope, rolled",
    ):
        picture_of(quiz(), detail=detail)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_each_wiring_has_the_inputs_and_losses_of_its_slide(name):
    steps = 1 if name == "one-to-one" else 3
    inputs = {"one-to-many": 1}.get(name, steps)
    losses = {"many-to-one": 1}.get(name, steps)
    scene = picture_of(wiring(name), detail="cell")
    assert sum(card.role == "input" for card in scene.cards) == inputs
    total = wiring(name).loss.label == "L"
    assert sum(card.name.startswith("L") for card in scene.cards) == losses + total
    assert sum(card.role == "state" for card in scene.cards) == steps + 1


def test_the_itemised_matrix_splits_every_gradient_by_loss():
    run = rnn(1, 6)
    rows = itemised(run).rows
    for t, state in enumerate(run.states):
        parts = [row[t] for row in rows.values() if row[t] is not None]
        assert math.isclose(sum(parts), state[0].grad, abs_tol=1e-12)


def test_the_matrix_of_the_quiz():
    assert itemised(quiz()).rows == {1: [5.0, -1.0, None], 2: [-25.0, 5.0, -1.0]}


def test_the_finding_says_how_much_arrives():
    assert (
        picture_of(quiz()).subtitle
        == "The gradient of y₂ at h₂ has grown 25 times when it reaches h₀."
    )
    run = rnn(1, 6)
    (last, first) = itemised(run).rows[6][6], itemised(run).rows[6][0]
    share = f"{100 * abs(first / last):.2g}%"
    assert picture_of(run).subtitle == f"Of the gradient of L₆ at h₆, {share} reaches h₀."


def test_long_sequences_are_folded():
    scene = picture_of(rnn(1, 20), detail="cell")
    places = layout_of(scene)
    assert places.bounds.w / places.bounds.h < 2.0
    lines = {round(box.y) for box in places.frames.values()}
    assert len(lines) >= 2
    for wire in scene.wires:
        curve = places.wires[wire.id].curve
        assert math.isclose(curve[-1][0], places.cards[wire.target].left, abs_tol=1e-6) or (
            math.isclose(curve[-1][1], places.cards[wire.target].bottom, abs_tol=1e-6)
        )


@pytest.mark.parametrize("level", ["gate", "vector", "cell", "rolled"])
@pytest.mark.parametrize("graph", ["quiz", "rnn_vector"])
def test_golden_levels(level, graph, golden_text):
    run = {"quiz": quiz, "rnn_vector": lambda: rnn(2, 3, 2)}[graph]()
    golden_text(f"viz_{graph}_{level}.dot", viz.draw(run, detail=level).source)


@pytest.mark.parametrize(
    ("cell", "gates"),
    [
        (nn.LSTMCell, ["forget_gate", "input_gate", "output_gate", "candidate"]),
        (nn.GRUCell, ["reset_gate", "update_gate", "candidate"]),
    ],
)
def test_a_gated_cell_opens_into_its_named_gates(cell, gates):
    run = gated(cell)
    opened = picture_of(run, detail="cell", expand=["cell"])
    first = {card.role for card in opened.cards if card.column == 1}
    assert set(gates) <= first
    names = {card.name for card in opened.cards if card.column == 3}
    assert ({"c₃", "h₃"} if cell is nn.LSTMCell else {"h₃"}) <= names
    assert opened.cards == picture_of(run, detail="gate").cards


def mse_run(steps, hidden):
    model = nn.SequenceModel(nn.RNNCell(1, hidden, seed=0), readout=nn.Linear(hidden, 1, seed=1))
    run = model.unroll([0.1 * t for t in range(steps)], [0.5 - t for t in range(steps)], loss="mse")
    run.loss.backward()
    return run


def test_a_card_keeps_its_place_whatever_plain_number_stands_in_it():
    scene = picture_of(mse_run(3, 2), detail="vector")
    places = layout_of(scene)
    offsets = [
        places.cards[card.id].x - places.frames[card.column].x
        for card in scene.cards
        if card.name.startswith("−")
    ]
    assert len(offsets) == 3
    assert offsets == pytest.approx([offsets[0]] * 3)


@pytest.mark.parametrize("steps", [2, 6])
def test_the_title_stands_above_every_wire(steps):
    places = layout_of(picture_of(mse_run(steps, 1), detail="scalar"))
    highest = max(y for path in places.wires.values() for _, y in path.curve)
    assert places.title.bottom > highest


def test_a_long_run_is_drawn_by_boxes_that_fold():
    scene = picture_of(mse_run(10, 1))
    assert sum(card.role == "state" for card in scene.cards) == 11
    assert len(scene.cards) < 50
    bounds = layout_of(scene).bounds
    assert bounds.w / bounds.h < 2.0


def test_an_embedded_input_is_named_by_its_step_and_its_row():
    model = nn.SequenceModel(
        nn.RNNCell(2, 2, seed=0), embedding=nn.Embedding(3, 2, vocab="abc", seed=1)
    )
    run = model.unroll([0, 1, 0], loss=lambda h, _: h[0])
    run.loss.backward()
    inputs = [(c.name, c.op) for c in picture_of(run, detail="vector").cards if c.role == "input"]
    assert sorted(inputs) == [("x₁", "E[a]"), ("x₂", "E[b]"), ("x₃", "E[a]")]
