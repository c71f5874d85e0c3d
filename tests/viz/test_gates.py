"""Gated cells as the textbook draws them: viz/picture/gate.py and viz/layout/gates.py."""

import math
from collections import defaultdict

import pytest
from viz_graphs import gated, rnn

from benchmarks import graphs
from benchmarks.readability import flattened, measured
from microgrid import Value, nn, scope
from viz.layout.gates import gated as gate_layout
from viz.layout.place import layout_of
from viz.picture.build import picture_of


def unrolled(cell, units=1, steps=3, **options):
    make = (lambda i, u, seed: cell(i, u, seed=seed, **options)) if options else cell
    return graphs.unrolled(make, units, steps)


def by_name(scene, column=1):
    return {card.name: card for card in scene.cards if card.column == column}


def own_cell(keeps_with_one=True, steps=2):
    """A cell that nobody but its scopes knows: h = z h + (1 - z) n, or the other way round."""
    w, u = Value(0.7, "w"), Value(-0.4, "u")
    h, losses = Value(0.3, "h_0"), []
    for t in range(1, steps + 1):
        with scope(f"t={t}"), scope("cell"):
            x = Value(0.5 * t, f"x_{t}")
            with scope("update"):
                z = (w * x + u * h).sigmoid()
                z.label = f"z_{t}"
            with scope("candidate"):
                n = (u * x).tanh()
                n.label = f"n_{t}"
            h = z * h + (1.0 - z) * n if keeps_with_one else (1.0 - z) * h + z * n
            h.label = f"h_{t}"
        with scope(f"t={t}"), scope("loss"):
            losses.append(h * h)
            losses[-1].label = f"L_{t}"
    total = losses[0] + losses[1]
    total.label = "L"
    total.backward()
    return total


@pytest.mark.parametrize(
    ("cell", "roles"),
    [
        (nn.LSTMCell, {"f₁": "forget_gate", "i₁": "input_gate", "g₁": "candidate",
                       "o₁": "output_gate"}),
        (nn.GRUCell, {"z₁": "update_gate", "r₁": "reset_gate", "n₁": "candidate"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("units", [1, 3])
def test_gated_cells_are_drawn_by_gate_unless_asked_otherwise(cell, roles, units):
    run = unrolled(cell, units)
    cards = by_name(picture_of(run))
    assert {name: cards[name].role for name in roles} == roles
    assert picture_of(run, detail="scalar").cards != picture_of(run).cards


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_scalars_and_vectors_have_one_topology(cell):
    def shape(units):
        scene = picture_of(unrolled(cell, units))
        name = {card.id: (card.name, card.column) for card in scene.cards}
        return {(name[wire.source], name[wire.target]) for wire in scene.wires}

    assert shape(1) == shape(2) == shape(4)


def test_the_numbers_of_a_gate_are_the_engines():
    run = unrolled(nn.LSTMCell)
    cards = by_name(picture_of(run), column=2)
    cell = run.model.cell
    forget = cards["f₂"]
    assert str(forget.rows[1].name) == "W_xf"
    assert forget.rows[1].value == cell.weight_ih[1][0].data
    assert forget.rows[2].value == cell.weight_hh[1][0].data
    assert forget.rows[3].value == cell.bias[1].data


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_a_weights_rows_over_time_add_up_to_its_gradient(cell):
    run = unrolled(cell)
    sums = defaultdict(float)
    for card in picture_of(run).cards:
        for row in card.rows:
            if row.name is not None:
                sums[str(row.name)] += row.grad
    weights = {w.label: w.grad for w in run.model.parameters()}
    assert sums.keys() == weights.keys()
    for label, gradient in weights.items():
        assert math.isclose(sums[label], gradient, rel_tol=1e-9, abs_tol=1e-15), label


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_messages_that_reach_a_card_add_up_to_its_gradient(cell):
    scene = picture_of(unrolled(cell))
    arrived = defaultdict(list)
    for wire in scene.wires:
        arrived[wire.source].append(wire.message)
        assert wire.local * wire.upstream == pytest.approx(wire.message)
    for card in scene.cards:
        if card.id in arrived:
            assert math.isclose(sum(arrived[card.id]), card.rows[0].grad, abs_tol=1e-12)


def test_the_forget_gate_is_what_the_highway_is_multiplied_by():
    scene = picture_of(unrolled(nn.LSTMCell))
    before, after = by_name(scene, 1), by_name(scene, 2)
    (lane,) = [w for w in scene.wires if w.source == before["c₁"].id and w.target == after["c₂"].id]
    assert lane.local == after["f₂"].rows[0].value
    assert after["f₂"].note == "0 forgets, 1 retains"


@pytest.mark.parametrize(
    ("one", "note"), [(True, "0 replaces, 1 retains"), (False, "0 retains, 1 replaces")]
)
def test_what_an_update_gate_means_is_read_off_the_formula(one, note):
    scene = picture_of(own_cell(one))
    assert by_name(scene, 2)["z₂"].note == note
    assert gate_layout(scene) is not None


def test_the_reset_of_an_early_reset_gru_stands_between_its_gates():
    scene = picture_of(unrolled(nn.GRUCell, reset_after=False))
    places, cards = layout_of(scene), by_name(scene)
    column = [places.cards[cards[name].id] for name in ("z₁", "r₁", "rh₁", "n₁")]
    assert len({box.x for box in column}) == 1
    assert [box.y for box in column] == sorted((box.y for box in column), reverse=True)


@pytest.mark.parametrize("units", [1, 4])
def test_c_runs_along_the_top_and_h_along_the_bottom(units):
    scene = picture_of(unrolled(nn.LSTMCell, units))
    places = layout_of(scene)
    level = {
        letter: {round(places.cards[c.id].y, 6) for c in scene.cards if c.name[:-1] == letter}
        for letter in "cfigoh"
    }
    assert all(len(found) == 1 for found in level.values())  # the same in every column
    heights = [found.pop() for letter, found in level.items()]
    assert heights == sorted(heights, reverse=True)
    name = {card.id: card.name for card in scene.cards}
    for wire in scene.wires:
        if name[wire.source].startswith("c") and name[wire.target].startswith("c"):
            ys = {round(y, 6) for _, y in places.wires[wire.id].curve}
            assert len(ys) == 1  # straight


def test_x_and_h_enter_once_and_branch():
    scene = picture_of(unrolled(nn.LSTMCell))
    places = layout_of(scene)
    for name in ("x₂", "h₁"):
        (card,) = [c for c in scene.cards if c.name == name]
        into = [
            flattened(places.wires[w.id].curve)
            for w in scene.wires
            if w.source == card.id and scene.cards[0] and w.target in _gates(scene, 2)
        ]
        assert len(into) == 4
        assert len({line[0] for line in into}) == 1  # one way out
        assert len({round(line[-3][0], 3) for line in into}) == 1  # and one trunk


def _gates(scene, column):
    return {c.id for c in scene.cards if (c.column == column and "gate" in c.part + c.role)
            or (c.column == column and c.role == "candidate")}  # fmt: skip


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("units", [1, 2, 3, 4])
def test_three_steps_fit_a_page(cell, units):
    scene = picture_of(unrolled(cell, units))
    found = measured(scene, layout_of(scene))
    assert found.width <= 2400
    assert found.height <= 2000
    assert found.crossings <= 15 * 3
    assert found.hidden == 0
    assert found.detour < 1.5


def stacked():
    layers = [nn.LSTMCell(1, 2, seed=0), nn.GRUCell(2, 1, seed=1)]
    model = nn.SequenceModel(nn.Stacked(layers), nn.Linear(1, 1, seed=2))
    run = model.unroll([0.5, -0.3], targets=[0.1, 0.2], loss="mse")
    run.loss.backward()
    return run


DRAWN = {
    "lstm": lambda: gated(nn.LSTMCell),
    "gru": lambda: gated(nn.GRUCell),
    "gru 4": lambda: unrolled(nn.GRUCell, 4),
    "early reset": lambda: unrolled(nn.GRUCell, 2, reset_after=False),
    "own": own_cell,
    "stacked": stacked,
    "one step": lambda: unrolled(nn.LSTMCell, 2, 1),
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_overlaps_and_everything_is_inside(name):
    scene = picture_of(DRAWN[name]())
    places = gate_layout(scene)
    assert places is not None
    assert measured(scene, layout_of(scene)).hidden == 0
    boxes = {card.id: places.cards[card.id] for card in scene.cards}
    for i, (_, a) in enumerate(boxes.items()):
        for b in list(boxes.values())[:i]:
            assert abs(a.x - b.x) >= (a.w + b.w) / 2 or abs(a.y - b.y) >= (a.h + b.h) / 2
    for card in scene.cards:
        if card.framed:
            box, frame = boxes[card.id], places.frames[card.column]
            assert frame.left < box.left
            assert box.right < frame.right
            assert frame.bottom < box.bottom
            assert box.top < frame.top
    for wire in scene.wires:
        curve = places.wires[wire.id].curve
        source, target = boxes[wire.source], boxes[wire.target]
        assert len(curve) % 3 == 1
        for (x, y), box in ((curve[0], source), (curve[-1], target)):
            assert box.left - 0.1 <= x <= box.right + 0.1
            assert box.bottom - 0.1 <= y <= box.top + 0.1
            assert min(x - box.left, box.right - x, y - box.bottom, box.top - y) < 0.1


def test_a_stack_has_a_band_for_each_layer():
    scene = picture_of(stacked())
    places = layout_of(scene)
    low, high = ({c.id for c in scene.cards if c.block == f"cell/layer={n}"} for n in (1, 2))
    assert low
    assert high
    assert max(places.cards[c].top for c in low) < min(places.cards[c].bottom for c in high)


def test_what_is_no_chain_of_gated_cells_is_laid_out_otherwise():
    assert gate_layout(picture_of(rnn(2, 3), detail="gate")) is None
    assert gate_layout(picture_of(rnn(1, 3))) is None


def test_weights_are_rows_and_unnamed_steps_belong_to_what_they_feed():
    scene = picture_of(rnn(2, 3), detail="gate")
    assert {card.name for card in scene.cards if card.column == 1} == {"x₁", "z₁", "h₁", "y₁", "L₁"}
    (z,) = [card for card in scene.cards if card.name == "z₁"]
    assert [str(row.name or "") for row in z.rows] == ["", "", "W_x", "W_h", "b"]
    assert [row.norm for row in z.rows] == [False, False, True, True, True]


def test_attention_runs_over_the_cells_into_the_left_of_a_readout():
    scene = picture_of(graphs.seq2seq())
    places = gate_layout(scene)
    assert places is not None
    card = {c.id: c for c in scene.cards}
    across = [
        wire
        for wire in scene.wires
        if card[wire.source].block and not card[wire.target].block
        and card[wire.source].column < card[wire.target].column and card[wire.target].framed
    ]  # fmt: skip
    assert len(across) == 8  # each of two letters written: shares and sum of two states
    gates = max(places.cards[c.id].top for c in scene.cards if c.block)
    for wire in across:
        line = flattened(places.wires[wire.id].curve)
        assert line[-1][0] == places.cards[wire.target].left
        assert max(y for _, y in line) > gates
    assert measured(scene, layout_of(scene)).hidden == 0


def test_encoder_and_decoder_stand_on_one_level():
    scene = picture_of(graphs.seq2seq())
    places = layout_of(scene)
    blocks = {c.block for c in scene.cards if c.block}
    assert blocks == {"encoder", "decoder"}
    states = {round(places.cards[c.id].y, 6) for c in scene.cards if c.name[0] == "h"}
    assert len(states) == 1


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_a_row_of_an_embedding_stands_once_in_each_step(cell):
    model = nn.SequenceModel(
        cell(2, 2, seed=0), readout=nn.Linear(2, 3, seed=1), embedding=nn.Embedding(3, 2, seed=2)
    )
    run = model.unroll([0, 2, 0], targets=[2, 0, 1], loss="cross_entropy")
    run.loss.backward()
    picture = picture_of(run, detail="gate")
    inputs = [card for card in picture.cards if card.role == "input"]
    assert sorted((c.name, c.op, c.column) for c in inputs) == [
        ("x₁", "E[0]", 1), ("x₂", "E[2]", 2), ("x₃", "E[0]", 3),
    ]  # fmt: skip
    table = model.embedding.weight
    for row, steps in ((0, (1, 3)), (2, (2,))):  # what the steps send adds up to the gradient
        parts = [card.rows[0].grad for card in inputs if card.column in steps]
        whole = math.hypot(*[x.grad for x in table[row]])
        assert whole <= sum(parts) + 1e-12
        assert len(parts) > 1 or parts[0] == pytest.approx(whole, rel=1e-12)
    layout_of(picture)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_each_direction_s_start_state_stands_where_it_begins(cell):
    both = nn.Bidirectional(cell(1, 1, seed=0), cell(1, 1, seed=1))
    rows, _ = both([[0.5], [-0.2], [0.7]])
    total = sum((x * x for row in rows for x in row), Value(0.0))
    total.backward()
    picture = picture_of(total)
    layout = layout_of(picture)
    starts = [card for card in picture.cards if card.role == "leaf" and not card.framed
              and card.name.startswith(("h", "c"))]  # fmt: skip
    assert len(starts) == (4 if cell is nn.LSTMCell else 2)
    for card in starts:
        box, backwards = layout.cards[card.id], "←" in card.name
        assert (box.left > layout.frames[3].right) == backwards
        assert (box.right < layout.frames[1].left) == (not backwards)
    assert measured(picture, layout).hidden == 0
