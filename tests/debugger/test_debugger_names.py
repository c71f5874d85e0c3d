"""Every name that pictures and modules show is understood at the prompt."""

import io

import pytest

from demos.quiz import quiz
from microgrid import Value, nn
from microgrid.debugger import debug
from microgrid.debugger.names import Names
from microgrid.nested import flatten
from microgrid.stepper import Stepper
from viz.picture.build import picture_of


def rnn():
    cell = nn.RNNCell(2, 2, seed=0)
    return nn.SequenceModel(cell).unroll([[1.0, 2.0]] * 2, loss=lambda h, _: h[0])


def lstm():
    embedding = nn.Embedding(3, 2, vocab=["a", " ", ","], seed=2)
    model = nn.SequenceModel(nn.LSTMCell(2, 2, seed=0), nn.Linear(2, 3, seed=1), embedding)
    return model.unroll("a ,", " ,a")


def gru():
    cells = [nn.GRUCell(1, 2, seed=0), nn.GRUCell(2, 1, seed=1)]
    model = nn.SequenceModel(nn.Stacked(cells), nn.Linear(1, 1, seed=2))
    return model.unroll([1.0, 2.0], [1.0, 2.0], loss="mse")


RUNS = [rnn, lstm, gru]


def replies(run, *lines):
    out = io.StringIO()
    debug(run, io.StringIO("\n".join(lines) + "\nq\n"), out)
    return out.getvalue().splitlines()[1:-1]


def of(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("run", RUNS)
def test_parameters_and_weights_by_the_names_of_their_module(run):
    unrolled = run()
    known = Names(Stepper(unrolled), unrolled).known
    for name, value in unrolled.model.named_parameters():
        assert known[name] is value, name
    for name, weight in unrolled.model.named_weights():
        assert of(known[name]) == tuple(flatten(weight)), name
        for i, row in enumerate(weight):
            assert of(known[f"{name}[{i}]"]) == tuple(flatten([row])), name


@pytest.mark.parametrize("detail", ["scalar", "gate", "vector", "cell"])
@pytest.mark.parametrize("run", RUNS)
def test_cards_by_the_names_of_the_picture(run, detail):
    unrolled = run()
    known, order = Names(Stepper(unrolled), unrolled).known, set(Stepper(unrolled).nodes)
    cards = [card for card in picture_of(unrolled, detail=detail).cards if card.names]
    names = {str(name) for card in cards for name in card.names if card.nodes}
    assert len(names) > 5
    for name in names - {"n", "c", "h", "h¹", "h²"}:  # rows of a cell, whose card has their step
        if not name.startswith(("c[", "h[", "h¹[")):
            assert set(of(known[name])) <= order, name


@pytest.mark.parametrize("name", ["W_h", "W_hh", "weight_hh", "cell.weight_hh"])
@pytest.mark.parametrize("entry", ["[0,1]", "[0][1]", "[0, 1]"])
def test_until_takes_a_matrix_a_row_and_an_entry(name, entry):
    done = "W_h[{}] is finished"
    whole = "\n".join(replies(rnn(), f"unt {name}"))
    assert done.format("0,0") in whole
    row = "\n".join(replies(rnn(), f"unt {name}[1]"))
    assert done.format("1,0") in row
    assert done.format("0,1") not in row
    single = replies(rnn(), f"unt {name}{entry}")
    assert single[-1].startswith("W_h[0,1] is finished")


@pytest.mark.parametrize(
    ("command", "last"),
    [
        ("p cell.weight_hh[1][0].data == W_h[1,0].data", "True"),
        ("b cell.weight_hh[0][1].grad > 100", "breakpoint 1 at cell.weight_hh[0][1].grad > 100"),
        ("p h₂[0].data == h_2[0].data", "True"),
        ("display weight_hh[0,0].scope", "  1: weight_hh[0,0].scope = "),
        ("set cell.weight_hh[0][0] = 0", "the gradient promised"),
        ("terms cell.weight_hh[0][0]", "z_2[0] → W_h[0,0]"),
        ("p weight_hh.grad", "*** one node has .grad; name an entry of the 4"),
        ("p cell.weight", "*** there is no 'cell.weight' here; near it: "),
    ],
)
def test_names_within_commands(command, last):
    assert any(last in line for line in replies(rnn(), command))


def test_letters_that_mean_something_elsewhere():
    run = lstm()
    table = run.model.embedding.weight
    known = Names(Stepper(run), run).known
    assert [known[f"E[{letter}]"] for letter in "a ,"] == list(map(tuple, table))
    assert known["E[ ,1]"] is table[1][1]
    assert known["E[,,0]"] is table[2][0]


def test_a_display_shows_the_number_of_a_node_once_it_has_one():
    shown = replies(rnn(), "display h_1[0]", "display h_1", "display W_h.foo")
    h = rnn().states[1]
    assert f"  1: h_1[0] = {h[0].data:.6g}" in shown
    assert f"  2: h_1 = {h[0].data:.6g}, {h[1].data:.6g}" in shown
    assert shown[-1].startswith("  3: W_h.foo = there is no 'W_h.foo' here")
    out = io.StringIO()
    debug(rnn(), io.StringIO("display h_1[0]\nq\n"), out, forward=True)
    assert "  1: h_1[0] = ?" in out.getvalue()


def stacked():
    layers = nn.Stacked([nn.RNNCell(1, 2, seed=0), nn.LSTMCell(2, 2, seed=1)])
    return nn.SequenceModel(layers, nn.Linear(2, 1, seed=2)).unroll(
        [1.0, 2.0], [0.0, 1.0], loss="mse"
    )


@pytest.mark.parametrize(
    ("command", "last"),
    [
        ("p h¹_2[0].data == h¹₂[0].data", "True"),
        ("p h¹_2[0].label == 'h¹_2[0]'", "True"),
        ("p W_h¹[0,1].data - W_h¹[0][1].data", "0"),
        ("p 1 + c²_1[1].data > c²1[1].data", "True"),
        ("b h²_1[0].grad > 1000", "breakpoint 1 at h²_1[0].grad > 1000"),
        ("p h³_1[0].data + 1", "*** there is no 'h³_1[0]' here; near it: "),
        ("p {h²_1[0]}", "*** '{h²_1[0]}' is not allowed in an expression"),
    ],
)
def test_the_names_of_layers_within_expressions(command, last):
    assert any(last in line for line in replies(stacked(), command))


@pytest.mark.parametrize("name", ["h²_1′", "h→_1", "h←_1"])
def test_the_marks_of_a_direction_within_expressions(name):
    h, back = Value(2.0, label="h_1"), Value(3.0, label=name)
    assert "5" in replies(h * back, f"p h_1 + {name}")
    assert "3" in replies(h * back, f"p {name}.data + 0")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("p dL/dh_0", "dL/dh_0 = -20"),
        ("∂L/∂h₁", "∂L/∂h₁ = 4"),
        ("print dh_2/dh_0", "dh_2/dh_0 = 25"),
        ("p d(L)/dh_0", "d(L)/dh_0 = -20"),
        ("p dW_h/dL", "dW_h/dL = 0"),
    ],
)
def test_a_derivative_as_a_lecture_writes_it(command, said):
    assert said in replies(quiz(), command)


def test_a_derivative_waits_for_its_number():
    out = io.StringIO()
    debug(quiz(), io.StringIO("p dL/dh_0\nq\n"), out, forward=True)
    assert "*** L is not computed yet" in out.getvalue()


def test_a_large_matrix_is_not_listed_entry_by_entry():
    cell = nn.RNNCell(1, 9, seed=0)
    said = replies(nn.SequenceModel(cell).unroll([1.0], loss=lambda h, _: h[0]), "nudge W_x 0.1")
    said += replies(nn.SequenceModel(cell).unroll([1.0] * 2, loss=lambda h, _: h[0]),
                    "nudge W_h 0.1", "undo")  # fmt: skip
    assert said.count("… and 69 more") == 2
    assert sum("before" in line for line in said) == 1 + 12  # h_1[0] has one weight towards x
    assert sum("again" in line for line in said) == 12


def test_until_goes_on_to_a_scope():
    said = replies(quiz(), "unt t=1", "p")
    assert "y_1 is finished, gradient 1" in said
    assert "h_2 → h_1: (-1) × (-5) = 5, gradient of h_1: 5" in said
    assert "y_1 = W_y × h_1   in t=1/readout" in said


def test_the_loss_waits_for_no_message():
    assert "  gradient  none yet, the sweep begins here with 1" in replies(quiz(), "p L")
