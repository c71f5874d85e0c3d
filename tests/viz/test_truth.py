"""Nothing in a picture is false: what it shows is held against the engine's own numbers."""

import math
from itertools import pairwise

import numpy as np
import pytest
from viz_graphs import gated, mlp, quiz, rnn

import viz
from demos.truncated import Detaching, echo, square
from microgrid import Value, nn, scope
from microgrid.graph import creation_order
from viz.drawing.drawing import Curve
from viz.drawing.painter import paint
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.picture.legend import legend_of, shades
from viz.picture.model import Name
from viz.style.theme import LIGHT
from viz.style.typography import number, pretty


def at_the_end(cell, hidden, steps=7):
    """A run with one loss, at its last step: all gradients of h come along h."""
    model = nn.SequenceModel(cell(1, hidden, seed=3), readout=nn.Linear(hidden, 1, seed=1))
    inputs = [0.5 * (-1) ** t for t in range(steps)]
    run = model.unroll(inputs, [0.4], topology="many-to-one", loss="mse")
    run.loss.backward()
    return run


def drawing(x, **options):
    picture = picture_of(x, **options)
    return paint(picture, layout_of(picture), LIGHT)


def size(values):
    return math.hypot(*(v.grad for v in values))


def recurrent(picture, state):
    """The wires that carry a state from step to step, the first one first."""
    cards = {card.id: card for card in picture.cards}
    places = {name.base for card in picture.cards for name in card.names}
    assert state in places
    found = []
    for wire in picture.wires:
        names = {name.base for name in cards[wire.source].names}
        if wire.recurrent and (wire.name or next(iter(names))) in (state, Name(state)):
            found.append((cards[wire.target].column, wire))
    return [wire for _, wire in sorted(found, key=lambda item: item[0])]


@pytest.mark.parametrize("hidden", [1, 2, 5])
@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell])
def test_the_gains_along_h_multiply_to_the_ratio_of_the_messages(cell, hidden):
    run = at_the_end(cell, hidden)
    wires = recurrent(picture_of(run, detail="cell"), "h")
    assert len(wires) == 7
    product = math.prod(wire.local for wire in wires)
    assert math.isclose(abs(product), size(run.states[0]) / size(run.states[7]), rel_tol=1e-9)
    for before, after in pairwise(wires):
        assert math.isclose(abs(after.message), abs(before.upstream), rel_tol=1e-12)


def test_the_gains_along_c_of_one_unit_are_its_forget_gates():
    run = at_the_end(nn.LSTMCell, 1)
    gates = {n.label: n.data for n in creation_order(run.loss) if n.label.startswith("f_")}
    wires = recurrent(picture_of(run, detail="cell"), "c")
    assert [wire.local for wire in wires] == pytest.approx([gates[f"f_{t}"] for t in range(1, 8)])


def test_the_gain_along_c_is_measured_by_the_gradient_of_the_next_c():
    run = at_the_end(nn.LSTMCell, 4)
    for t, wire in enumerate(recurrent(picture_of(run, detail="cell"), "c"), start=1):
        forget = [n for n in creation_order(run.loss) if n.label.startswith(f"f_{t}[")]
        _, c = run.carries[t]
        message = math.hypot(*(f.data * x.grad for f, x in zip(forget, c)))
        assert math.isclose(wire.message, message, rel_tol=1e-9)
        assert math.isclose(wire.local, message / size(c), rel_tol=1e-9)


def test_c_and_h_have_wires_of_their_own():
    run = at_the_end(nn.LSTMCell, 4, steps=3)
    picture = picture_of(run, detail="cell")
    for t in (1, 2):
        (card,) = [c for c in picture.cards if c.name == f"c{'₀₁₂'[t]}, h{'₀₁₂'[t]}"]
        onward = {str(w.name): w for w in picture.wires if w.source == card.id and w.recurrent}
        assert set(onward) == {"c", "h"}
        h, _ = run.carries[t]
        assert math.isclose(onward["h"].message, size(h), rel_tol=1e-12)


def test_in_an_opened_lstm_the_wire_along_c_shows_the_forget_gate():
    run = gated(nn.LSTMCell)
    picture = picture_of(run, detail="cell", expand=["cell"])
    by_name = {card.name: card for card in picture.cards}
    gates = {n.label: n.data for n in creation_order(run.loss) if n.label.startswith("f_")}
    for t in (1, 2, 3):
        source, target = by_name[f"c{'₀₁₂₃'[t - 1]}"], by_name[f"c{'₀₁₂₃'[t]}"]
        (wire,) = [w for w in picture.wires if (w.source, w.target) == (source.id, target.id)]
        assert wire.kind == "local"
        assert wire.local == gates[f"f_{t}"]
    assert {by_name["h₀"].role, by_name["c₀"].role} == {"state"}


def test_the_sentence_under_the_title_speaks_of_c_too():
    run = at_the_end(nn.LSTMCell, 4, steps=3)
    (h0, c0), (h3, _) = run.carries[0], run.carries[3]
    shares = [f"{100 * size(x) / size(h3):.2g}%" for x in (h0, c0)]
    assert picture_of(run).subtitle == (
        f"Of the gradient of L₃ at h₃, {shares[0]} reaches h₀ and {shares[1]} c₀."
    )


@pytest.mark.parametrize("detail", ["vector", "cell"])
@pytest.mark.parametrize("build", [quiz, lambda: rnn(2, 3, 2), lambda: gated(nn.LSTMCell)])
def test_the_number_on_a_wire_times_the_gradient_above_is_its_message(build, detail):
    for wire in picture_of(build(), detail=detail).wires:
        if wire.local is not None:
            sent = abs(wire.message) if wire.kind == "gain" else wire.message
            product = wire.local * wire.upstream
            assert math.isclose(abs(product) if wire.kind == "gain" else product, sent)


@pytest.mark.parametrize("detail", ["gate", "vector", "cell"])
@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_the_messages_that_reach_one_number_keep_their_sign_and_sum_to_its_gradient(cell, detail):
    run = at_the_end(cell, 3)  # each x is one number, which a gate of three units reads
    picture = picture_of(run, detail=detail)
    signs = set()
    for card in picture.cards:
        if card.role == "input" and not card.alias:
            (x,) = run.inputs[card.column - 1]
            sent = [wire.message for wire in picture.wires if wire.source == card.id]
            assert math.fsum(sent) == pytest.approx(x.grad)
            signs |= {math.copysign(1.0, message) for message in sent}
    assert -1.0 in signs


def test_no_gain_is_shown_before_all_of_its_messages_are_sent():
    run = rnn(2, 3, 2)
    for sent in range(0, 60, 7):
        for wire in picture_of(run, detail="cell", upto=sent).wires:
            if wire.kind == "gain" and wire.local is not None:
                assert wire.look != "faded"
                assert math.isclose(wire.local * wire.upstream, wire.message, rel_tol=1e-9)


@pytest.mark.parametrize("detail", ["vector", "cell", "rolled"])
def test_where_there_is_no_gradient_there_is_no_gain(detail):
    cell = nn.RNNCell(1, 2, nonlinearity="relu", seed=0)
    for b in cell.bias:
        b.data = -3.0  # units that are dead but at the last step
    model = nn.SequenceModel(cell)
    run = model.unroll([0.0, 0.0, 40.0], loss=lambda h, _: h[0] + h[1], at="last")
    run.loss.backward()
    assert size(run.states[1]) == 0.0 or size(run.states[0]) == 0.0
    drawn = drawing(run, detail=detail)
    assert "nan" not in " ".join(drawn.texts())
    assert "∞" not in " ".join(drawn.texts())


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell])
def test_rolled_every_gate_has_its_own_numbers_and_shape(cell):
    run = at_the_end(cell, 4, steps=3)
    cards = {card.name: card for card in picture_of(run, detail="rolled").cards}
    inner = run.model.cell
    for gate, letter in enumerate(inner._gates):
        for name, matrix, shape in (
            ("W_x", inner.weight_ih, (4, 1)),
            ("W_h", inner.weight_hh, (4, 4)),
        ):
            entries = [w for row in matrix[4 * gate : 4 * gate + 4] for w in row]
            card = cards[name + letter]
            assert card.shape == shape
            assert math.isclose(card.rows[0].value, math.hypot(*(w.data for w in entries)))
            assert math.isclose(card.rows[0].grad, size(entries))


def test_rolled_an_lstm_feeds_back_c_and_h():
    picture = picture_of(at_the_end(nn.LSTMCell, 4, steps=5), detail="rolled")
    loops = {str(w.name): w for w in picture.wires if w.source == w.target}
    assert set(loops) == {"c", "h"}
    unrolled = picture_of(at_the_end(nn.LSTMCell, 4, steps=5), detail="cell")
    gains = [wire.local for wire in recurrent(unrolled, "c")]
    assert loops["c"].span == (min(gains), max(gains))


def test_rolled_the_quiz_keeps_its_sign_its_embedding_and_its_loss():
    drawn = drawing(quiz(), detail="rolled")
    assert "×−5" in drawn.texts("local")
    assert "E[·]" in drawn.texts("op")
    assert "x_t" in drawn.texts("name")
    assert "L" in drawn.texts("name")


@pytest.mark.parametrize("detail", ["scalar", "cell", "rolled"])
def test_the_loss_that_the_title_speaks_of_is_in_the_picture(detail):
    picture = picture_of(quiz(), detail=detail)
    assert picture.finding.startswith("dL/d")
    (card,) = [card for card in picture.cards if card.name == "L"]
    assert (card.rows[0].value, card.rows[0].grad) == (19.0, 1.0)


def test_the_loss_of_a_long_sequence_is_said_in_words():
    run = rnn(1, 12)
    picture = picture_of(run)
    assert "L" not in {card.name for card in picture.cards}
    assert "L is the sum of the losses of all steps" in picture.legend


def test_a_folded_card_shows_no_constant_and_no_name_that_others_have_not():
    xs = [Value(0.1 * i, label=f"x[{i}]") for i in range(3)]
    parts = [x - 0.1 * i for i, x in enumerate(xs, start=1)]
    same = [part * 2.0 for part in parts]
    root = same[0] + same[1] + same[2]
    root.backward()
    names = [card.name for card in picture_of(root, detail="vector").cards]
    assert "−" in names
    assert "× 2" in names
    assert not any("0.1" in name or "0.2" in name for name in names)


def test_units_stand_in_the_order_of_their_index():
    h = {}
    with scope("t=1"):
        for i in (1, 0, 2):
            h[i] = Value(float(i), label=f"a[{i}]") * 2.0
            h[i].label = f"h_1[{i}]"
        root = h[0] + h[1] + h[2]
    root.backward()
    (card,) = [c for c in picture_of(root, detail="vector").cards if c.name == "h₁"]
    assert [row.value for row in card.rows] == [0.0, 2.0, 4.0]


def test_a_title_is_no_name_of_an_operation():
    a = Value(1.0)
    for root in (a + 2.0, a * 2.0, a.tanh()):
        assert picture_of(root).title == f"output = {number(root.data)}"


@pytest.mark.parametrize("build", [quiz, rnn, lambda: rnn(2, 3, 2), lambda: gated(nn.GRUCell)])
def test_every_panel_ends_in_the_engines_gradients(build):
    run = build()
    for panel in picture_of(run).panels:
        last = [row[-1].number for row in panel.rows[1:]]
        if panel.kind == "shared":
            by_name = {}
            for p in run.model.parameters():
                by_name.setdefault(str(Name.parse(p.label)), []).append(p.grad)
                by_name.setdefault(str(Name.parse(p.label).whole), []).append(p.grad)
            names = [row[0].text for row in panel.rows[1:]]
            wanted = [by_name[name] for name in names]
            wanted = [g[0] if len(set(g)) == 1 else math.hypot(*g) for g in wanted]
            assert last == pytest.approx(wanted)
        else:
            sums = panel.rows[-1][1:]
            states = [[h.grad for h in state] for state in run.states]
            wanted = [g[0] if len(g) == 1 else math.hypot(*g) for g in states]
            assert [cell.number for cell in sums] == pytest.approx(wanted)


def cut_run(hidden):
    model, xs, targets = echo(4, hidden, 0)
    cut = nn.SequenceModel(Detaching(model.cell, 2), model.readout)
    run = cut.unroll(xs, targets, loss=square)
    run.loss.backward()
    return run


@pytest.mark.parametrize(("hidden", "detail"), [(1, "scalar"), (3, "vector"), (3, "cell")])
def test_truncation_is_a_crossed_wire_between_the_cards_that_it_parts(hidden, detail):
    run = cut_run(hidden)
    picture = picture_of(run, detail=detail)
    cards = {card.id: card for card in picture.cards}
    cut = [wire for wire in picture.wires if wire.look == "cut"]
    ends = {(cards[w.source].names[0].step, cards[w.target].column) for w in cut}
    assert ends == {(2, 3)}
    assert all(w.message is None and w.local is None for w in cut)
    assert "no gradient comes back" in cut[0].tooltip
    names = [card.name for card in picture.cards]
    assert len([name for name in names if name == "h₂"]) == 1
    drawn = drawing(run, detail=detail)
    shapes = drawn.group(cut[0].id).shapes
    assert [s.dashes for s in shapes if isinstance(s, Curve) and s.kind == "line"] != [None]
    assert sum(shape.kind == "cross" for shape in shapes) == 2
    assert "detached" in drawn.texts("cut")
    assert any("detached" in line[0].text for line in legend_of(picture))


def test_a_cut_changes_no_sum_of_messages():
    picture = picture_of(cut_run(1), detail="scalar")
    arrived = {card.id: [] for card in picture.cards}
    for wire in picture.wires:
        arrived[wire.source] += [] if wire.message is None else [wire.message]
    for card in picture.cards:
        if arrived[card.id]:
            assert math.isclose(sum(arrived[card.id]), card.rows[0].grad, abs_tol=1e-12)


def said(picture):
    return {"".join(word.text for word in line) for line in legend_of(picture)}


def test_the_legend_says_what_is_there_and_nothing_else():
    plain, path = said(picture_of(mlp())), said(picture_of(quiz(), highlight="h_0"))
    assert not any("time step" in line or "Π" in line or "gain" in line for line in plain)
    assert any("Π" in line for line in path)
    assert any("from one time step to the next" in line for line in path)
    cells = said(picture_of(rnn(8, 3, 2), detail="cell"))
    assert any("×gain = ‖message‖ / ‖upstream gradient‖" in line for line in cells)
    assert any("Euclidean norm" in line for line in cells)
    assert any("computed inside" in line for line in cells)


def test_the_swatches_bear_the_gradients_at_which_they_begin():
    picture = picture_of(quiz())
    shown = drawing(quiz()).texts("swatch")
    assert picture.steepest == 24.0  # of the use of W_y at t = 2
    assert [float(text) for text in shown] == pytest.approx(shades(24.0), rel=0.05)
    for least, shade in zip(shades(picture.steepest)[1:], LIGHT.heat[1:]):
        assert LIGHT.shade(1.001 * least, picture.steepest) == shade
    assert drawing(quiz(), hide=["grad"]).texts("swatch") == []


def test_every_number_of_the_quiz_is_drawn_where_it_belongs():
    run = quiz()
    drawn, picture = drawing(run), picture_of(run)
    order = creation_order(run.loss)
    for card in picture.cards:
        if not card.alias:
            group = drawn.group(card.id)
            (node,) = card.nodes
            kinds = {s.kind: s.plain for s in group.shapes if s.kind in ("value", "grad")}
            assert kinds == {"value": number(order[node].data), "grad": number(order[node].grad)}
    for wire in picture.wires:
        ((child, position),) = wire.edges
        kinds = {
            s.kind: s.plain for s in drawn.group(wire.id).shapes if s.kind in ("local", "message")
        }
        node = order[child]
        assert kinds["local"] == f"×{number(node.partials[position])}"
        assert kinds["message"][2:] == number(node.grad * node.partials[position])


LABELS = [
    "h_12[3]", "W_h[0,1]", "E[,,0]", "a_1 + b_2", "_3", "[a]", "h_007", "x_3[1]y", "h²_3[1]",
    "two\nlines_1", "snow ☃_4",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_a_name_prints_as_its_label(label):
    assert str(Name.parse(label)) == pretty(label)


def test_nan_and_inf_are_red_in_the_terminal():
    a = Value(math.inf, label="a")
    b = a * 0.0
    b.backward()
    assert "\x1b[1;37;41m∞" in viz.text(b, color=True)
    assert np.isnan(b.data)


def test_text_takes_the_options_of_draw():
    shown = viz.text(quiz(), hide=["grad"], highlight="h_0")
    assert "−20" not in shown
    assert "____" in shown
    assert "Along the path pointed out" in shown
    assert "The backward sweep after 3 messages." in viz.text(quiz(), upto=3)
