"""What a newcomer writes first: it works, or says in one sentence what to write instead."""

import numpy as np
import pytest

from microgrid import Value, bptt, grad, nn, optim
from microgrid import functional as F
from microgrid.tape import Index, Tape
from microgrid.train import Vocabulary


def letters(seed=0, vocab="helo"):
    size = len(list(vocab))
    return nn.SequenceModel(
        nn.RNNCell(2, 3, seed=seed),
        nn.Linear(3, size, seed=seed),
        nn.Embedding(size, 2, vocab=vocab, seed=seed),
    )


def test_a_model_can_be_called():
    model = letters()
    called, unrolled = model([0, 1]), model.unroll([0, 1])
    assert [y.data for y in called.outputs[1]] == [y.data for y in unrolled.outputs[1]]
    assert model("he", "el").loss.data == model.unroll([0, 1], [1, 2]).loss.data


def test_a_printed_model_shows_its_parts_shapes_and_labels():
    model = nn.SequenceModel(nn.LSTMCell(2, 3), nn.Linear(3, 4), nn.Embedding(4, 2))
    assert str(model) == (
        "SequenceModel, 96 parameters\n"
        "  embedding: Embedding\n"
        "    weight  4 x 2  E\n"
        "  cell: LSTMCell\n"
        "    weight_ih  12 x 2  W_xi, W_xf, W_xg, W_xo\n"
        "    weight_hh  12 x 3  W_hi, W_hf, W_hg, W_ho\n"
        "    bias       12      b_i, b_f, b_g, b_o\n"
        "  readout: Linear\n"
        "    weight  4 x 3  W_y\n"
        "    bias    4      b_y"
    )
    assert repr(model) == "SequenceModel(embedding, cell, readout; 96 parameters)"
    assert repr(model.readout) == "Linear(weight 4 x 3, bias 4; 16 parameters)"
    model.cell.owner = model
    assert "owner: SequenceModel (see above)" in str(model)


@pytest.mark.parametrize("vocab", ["helo", ["h", "e", "l", "o"], Vocabulary("helo")])
def test_text_is_read_with_the_embeddings_vocabulary(vocab):
    run = letters(vocab=vocab).unroll("hell", "ello")
    same = letters().unroll([0, 1, 2, 2], [1, 2, 2, 3])
    assert run.loss.data == same.loss.data
    assert (run.items, run.text, run.targets) == ([0, 1, 2, 2], "hell", [1, 2, 2, 3])
    assert letters().unroll(["h", 1]).items == [0, 1]


def test_words_are_items_too():
    model = letters(vocab=["not", "good", "bad", "very"])
    assert model.unroll(["very", "bad"], "good").targets == [None, 1]


def test_text_without_a_vocabulary_is_refused_in_a_sentence():
    model = nn.SequenceModel(nn.RNNCell(4, 2), nn.Linear(2, 4))
    with pytest.raises(ValueError, match=r"the input 'h' is text, and the model has no vocabulary"):
        model.unroll("hello")
    with pytest.raises(ValueError, match="the target 'z' is not in the vocabulary"):
        letters().unroll("he", "ez")
    with pytest.raises(AttributeError, match=r"this run has no text: its model has no nn\."):
        model.unroll([F.one_hot(0, 4)]).text  # noqa: B018
    with pytest.raises(TypeError, match="inputs must be a sequence, one per step, got 3"):
        model.unroll(3)


def test_a_single_target_is_the_last_steps():
    for target in (2, np.int64(2), "l"):
        run = letters().unroll("hel", target)
        assert run.topology == "many-to-one"
        assert [loss is None for loss in run.losses] == [True, True, False]
        assert run.loss.data == letters().unroll("hel", [None, None, 2]).loss.data
    scalar = nn.SequenceModel(nn.RNNCell(1, 1, seed=0)).unroll([0.1, 0.2], 0.5, loss="mse")
    assert scalar.losses[1].data == (scalar.outputs[1][0].data - 0.5) ** 2
    assert letters().unroll("h", 1).topology == "many-to-many"  # one step is all there is


def test_a_list_of_one_target_says_what_to_write():
    with pytest.raises(ValueError, match=r"3 inputs and 1 targets; .* write unroll\(inputs, y\)"):
        letters().unroll("hel", [2])
    with pytest.raises(ValueError, match=r"\(None where a step has none\)$"):
        letters().unroll("hel", [2, 2])


def test_a_run_without_a_loss_says_so():
    run = letters().unroll("he")
    assert run.root is None
    with pytest.raises(AttributeError, match=r"this run has no loss: give unroll\(\) the targets"):
        run.loss.backward()


def test_what_was_drawn_is_kept():
    model, drawn = letters(seed=3), []
    draw = nn.sampler(seed=0)

    def feedback(output):
        drawn.append(draw(output))
        return drawn[-1]

    run = model.unroll(["h"] + [None] * 6, topology="generation", feedback=feedback)
    assert run.items == [0, *drawn]
    assert run.text == "h" + "".join("helo"[i] for i in drawn)
    assert len(set(drawn)) > 1
    again = model.unroll(run.text)
    assert [y.data for y in again.outputs[-1]] == [y.data for y in run.outputs[-1]]


def test_what_was_drawn_is_kept_without_an_embedding():
    model = nn.SequenceModel(nn.RNNCell(3, 2, seed=0), nn.Linear(2, 3, seed=0))
    run = model.unroll([F.one_hot(1, 3), None, None], topology="generation")
    assert run.items[1:] == [y.index(max(y)) for y in run.outputs[:2]]
    assert run.items[0] is None


NAMES = ("W_h", "W_hh", "weight_hh", "cell.weight_hh")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_weight_is_found(name):
    run = letters().unroll("hell", "ello")
    run.loss.backward()
    expected = [[w.grad for w in row] for row in run.model.cell.weight_hh]
    assert bptt.contributions(run, name).total == pytest.approx(np.array(expected))
    assert sum(bptt.terms(run, name)[4].values()).shape == (3, 3)


@pytest.mark.parametrize(
    ("name", "path"),
    [("W_xh", "cell.weight_ih"), ("W_hy", "readout.weight"), ("W_y", "readout.weight"),
     ("b_y", "readout.bias"), ("b_h", "cell.bias"), ("b", "cell.bias"), ("E", "embedding.weight")],
)  # fmt: skip
def test_the_lectures_other_names(name, path):
    run = letters().unroll("hell", "ello")
    assert np.array_equal(bptt.contributions(run, name).total, bptt.contributions(run, path).total)


def test_a_gates_block_has_a_name():
    model = nn.SequenceModel(nn.LSTMCell(2, 3, seed=0))
    run = model.unroll([[1.0, 2.0]] * 2, loss=lambda h, _: F.sum(h))
    whole = bptt.contributions(run, "W_hh").total
    assert np.array_equal(bptt.contributions(run, "W_hf").total, whole[3:6])


def test_weights_are_loaded_by_every_name():
    model = nn.SequenceModel(
        nn.RNNCell(1, 1, nonlinearity="identity", bias=False), nn.Linear(1, 1, bias=False)
    )
    model.load_state_dict({"W_x": [[1]], "W_hh": [[-5]], "W_y": [[-1]]})
    assert model.state_dict() == {
        "cell.weight_ih": [[1.0]], "cell.weight_hh": [[-5.0]], "readout.weight": [[-1.0]],
    }  # fmt: skip
    with pytest.raises(ValueError, match="load_state_dict: 'W_z' is unknown"):
        model.load_state_dict({**model.state_dict(), "W_z": [[1]]})
    with pytest.raises(ValueError, match=r"'cell.weight_hh' is given twice, as 'W_h' as well"):
        model.load_state_dict({**model.state_dict(), "W_h": [[1]]})


def test_a_cell_of_ones_own():
    class Wrong(nn.RecurrentCell):
        def __init__(self):
            self.input_size = self.hidden_size = 1

        def forward(self, x, h):
            return h[0] + x[0]

    with pytest.raises(TypeError, match="Wrong must return its next hidden vector, a list of 1"):
        nn.SequenceModel(Wrong()).unroll([1.0])

    class Bare(nn.RecurrentCell):
        pass

    with pytest.raises(TypeError, match=r"Bare has no input_size; set self.input_size in its"):
        nn.SequenceModel(Bare())
    with pytest.raises(TypeError, match=r"takes a cell such as nn.RNNCell, got RowRNNCell: it"):
        nn.SequenceModel(nn.RowRNNCell(1, 1))
    with pytest.raises(TypeError, match=r"got Linear: write class Linear\(nn.RecurrentCell\), wh"):
        nn.SequenceModel(nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r"takes a cell such as nn.RNNCell, got Value"):
        nn.SequenceModel(Value(1.0))


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (lambda: letters().unroll("hex"), "input 'x' is not in the vocabulary 'h', 'e', 'l', 'o'"),
        (lambda: nn.SequenceModel(nn.RNNCell), "takes a cell, got the class RNNCell: make one"),
        (lambda: nn.MLP(2, 3), r"takes a list of layer sizes, MLP\(2, \[8, 1\]\), got 3"),
        (lambda: nn.sampler("hot"), "temperature must be a number above 0, got 'hot'"),
        (lambda: optim.SGD(letters().parameters, 0.1), r"write model.parameters\(\)"),
        (lambda: grad(Value(1.0), None), r"takes a list of inputs, grad\(output, \[input\]\), got"),
        (lambda: F.cross_entropy([Value(1.0)], 0.5), 'for a number write loss="mse", got 0.5'),
        (lambda: nn.Linear(1, 1)([1.0, 2.0]), "x must have 1 entry, got 2"),
    ],
)
def test_a_slip_is_answered_by_the_line_to_write(program, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        program()


def test_a_tape_of_embedded_letters_says_how_to_feed_others():
    run = letters().unroll("hell", "ello")
    with pytest.raises(ValueError, match=r"given twice. If it is a row.*\[Index\(i"):
        Tape(run.loss, inputs=run.inputs)
    tokens, wanted = [Index(i, 4) for i in (0, 1, 2, 2)], [Index(i, 4) for i in (1, 2, 2, 3)]
    run = letters().unroll(tokens, wanted)
    assert run.text == "hell"
    tape = Tape(run.loss, inputs=[tokens, wanted])
    other = letters().unroll("oleh", "lehe").loss.data
    assert tape.forward([[3, 2, 1, 0], [2, 1, 0, 1]]) == pytest.approx(other, rel=1e-12)


def test_the_output_of_a_network_is_what_a_loss_takes():
    (score,) = output = nn.MLP(2, [3, 1], seed=0)([1.0, 2.0])
    for loss in (F.hinge_loss, F.mse_loss, F.binary_cross_entropy_with_logits):
        assert loss(output, 1.0).data == loss(score, 1.0).data == loss(output, [1.0]).data
    assert F.hinge_loss([0.25, 2.0, -1.0], [1, 1, 1]).data == pytest.approx((0.75 + 0 + 2) / 3)
    assert score.item() == score.data == float(score)


class Gated(nn.RecurrentCell):
    def __init__(self):
        self.input_size = self.hidden_size = 1
        self.Wz, self.candidate = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=1)

    def forward(self, x, h):
        (z,), (c,) = self.Wz([*x, *h]), self.candidate([*x, *h])
        return [z.sigmoid() * h[0] + (1 - z.sigmoid()) * c.tanh()]


def test_the_layers_of_a_cell_of_ones_own_have_names_of_their_own():
    model = nn.SequenceModel(Gated(), nn.Linear(1, 1, seed=2))
    labels = {parameter.label for parameter in model.parameters()}
    assert labels >= {"W_z[0,0]", "b_z", "W_candidate[0,1]", "b_candidate", "W_y", "b_y"}
    assert len(labels) == len(model.parameters())
    run = model.unroll([1.0, 2.0], [0.5, 0.0], loss="mse")
    whole = bptt.contributions(run, "cell.Wz.weight")
    for name in ("Wz.weight", "W_z"):  # and not "weight", which could be any of them
        found = bptt.contributions(run, name)
        assert {t: part.tolist() for t, part in found.items()} == {
            t: part.tolist() for t, part in whole.items()
        }


def test_a_lone_layer_keeps_the_name_of_the_textbook():
    class Head(nn.Module):
        def __init__(self):
            self.out = nn.Linear(1, 1)

    assert [parameter.label for parameter in Head().parameters()] == ["W", "b"]
