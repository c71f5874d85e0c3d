"""The demos of the course: PyTorch's recorded numbers, what each claims, what it writes."""

import json
import math
import re
from itertools import product

import pytest
from golden_cases import GOLDEN, agree, grads

from demos import (
    attention,
    batch_norm,
    bidirectional,
    char_rnn,
    clipping,
    dropout,
    forcing,
    highways,
    histograms,
    seq2seq,
    starts,
    word_vectors,
)
from microgrid import bptt
from microgrid import functional as F

RECORDED = json.loads((GOLDEN / "torch_demos.json").read_text(encoding="utf-8"))


def written(demo, folder, capsys, *options):
    """(what it printed, the names of its files)."""
    demo.main(["--out", str(folder), *options])
    return capsys.readouterr().out, {path.name for path in folder.iterdir()}


# Attention


@pytest.mark.parametrize("name", RECORDED["attention"])
def test_one_head_is_pytorch_s(name):
    case, head = RECORDED["attention"][name], attention.look(name == "causal")
    assert head.loss.data == pytest.approx(case["loss"], rel=1e-12)
    agree(head.outputs, case["outputs"], 1e-12)
    for key, rows in case["gradients"].items():
        agree(grads(head.weights[key]), rows, 1e-12, key)
    agree(grads(head.words), case["words"], 1e-12)


def test_a_stretched_softmax_lets_no_gradient_through():
    sizes = [attention.size(attention.look(stretch=s).scores) for s in attention.STRETCHES]
    assert sizes[-1] < 0.05 * sizes[0]
    head = attention.look()
    for shares, scores in zip(head.shares, head.scores):
        assert sum(a.data for a in shares) == pytest.approx(1.0)
        assert sum(s.grad for s in scores) == pytest.approx(0.0, abs=1e-15)


def test_attention_prints_a_check_and_draws(tmp_path, capsys):
    printed, files = written(attention, tmp_path, capsys, "--format", "svg", "--causal")
    assert "dL/dW_k[0,0] = " in printed
    assert files == {"attention.svg", "attention_shares.svg"}


# From both ends


def test_the_tagger_is_pytorch_s():
    case, tagger = RECORDED["bidirectional"], bidirectional.Tagger(True)
    loss = bidirectional.loss_of(tagger)
    loss.backward()
    assert loss.data == pytest.approx(case["loss"], rel=1e-12)
    agree(grads(tagger.table.weight), case["table"], 1e-12)
    agree(grads(tagger.reader.forward_cell.weight_hh), case["weight_hh"], 1e-12)
    agree(grads(tagger.reader.backward_cell.weight_hh), case["weight_hh_reverse"], 1e-12)


def test_only_who_reads_from_both_ends_beats_an_even_guess(tmp_path, capsys):
    _, one = bidirectional.train(False)
    _, two = bidirectional.train(True)
    assert one[-1] == pytest.approx(math.log(2.0), abs=1e-3)
    assert two[-1] < 0.01
    for sentence in bidirectional.SENTENCES:
        after = bidirectional.reach(bidirectional.Tagger(False), sentence)[
            bidirectional.ASKED + 1 :
        ]
        assert after == [0.0] * len(after)
        assert min(bidirectional.reach(bidirectional.Tagger(True), sentence)) > 0.0
    printed, files = written(bidirectional, tmp_path, capsys, "--format", "svg")
    assert "ln 2 = 0.6931" in printed
    assert files == {"bidirectional.svg", "bidirectional_training.svg"}


# Highways


@pytest.mark.parametrize("name", highways.CELLS)
def test_what_is_left_of_the_gradient_is_pytorch_s(name):
    agree(highways.sizes(highways.read(name)), RECORDED["highways"][name], 1e-9)


def test_residuals_and_the_lstm_keep_what_the_rnn_loses(tmp_path, capsys):
    kept = {name: sizes[0] / sizes[-1] for name, sizes in RECORDED["highways"].items()}
    assert kept["RNN"] < 1e-8 < 1e-3 < kept["RNN, layer norm"] < 0.1
    assert min(kept["residual"], kept["residual, layer norm"], kept["LSTM, along c"]) > 0.5
    printed, files = written(highways, tmp_path, capsys, "--format", "svg")
    assert "RNN: vanishing" in printed
    assert files == {"highways.svg", "highways_residual.svg"}


# Clipping


def test_the_clipped_descent_is_pytorch_s():
    case = RECORDED["clipping"]
    found = clipping.walk(8, 0.02, 1.0)
    agree([list(place) for place in found.weights], case["path"], 1e-10)
    agree(found.norms, case["norms"], 1e-10)


def test_one_plain_step_overflows_and_a_clipped_descent_arrives(tmp_path, capsys):
    plain, clipped = clipping.walk(60, 0.02, None), clipping.walk(60, 0.02, 1.0)
    assert len(plain.losses) == 2
    assert plain.norms[-1] == math.inf
    assert clipped.losses[-1] < 1e-4
    assert bptt.flow(clipping.read(clipping.network(1.3, 1.0), 0.0)).verdict == "exploding"
    printed, files = written(clipping, tmp_path, capsys, "--format", "svg")
    assert "Descent, clipped to 1" in printed
    assert files == {"clipping.svg", "clipping_graph.svg"}


# Starts


@pytest.mark.parametrize("name", starts.NAMES)
def test_a_start_s_flow_is_pytorch_s(name):
    flow = bptt.flow(starts.read(starts.prepared(name, "tanh", 1.0), 40))
    agree([flow.total[t] for t in range(41)], RECORDED["starts"][name], 1e-9)


def test_an_orthogonal_start_hands_a_linear_gradient_on(tmp_path, capsys):
    flow = bptt.flow(starts.read(starts.prepared("orthogonal", "identity", 1.0), 40))
    assert flow.total[0] == pytest.approx(flow.total[40], rel=1e-12)
    printed, files = written(starts, tmp_path, capsys, "--steps", "10")
    assert printed.count("exploding") == 2
    assert files == {"starts.svg"}


# Sequence to sequence


def test_the_decoder_s_attention_is_pytorch_s():
    case, model = RECORDED["seq2seq"], seq2seq.Seq2Seq(4, True)
    loss = model.loss(seq2seq.one_hot("dabc"), seq2seq.one_hot("cbad"))
    loss.backward()
    assert loss.data == pytest.approx(case["loss"], rel=1e-12)
    check(model, case["gradients"])
    assert [sum(a.data for a in row) for row in model.shares] == pytest.approx([1.0] * 4)


def check(model, gradients):
    weights = dict(model.named_weights())
    for name, numbers in gradients.items():
        agree(grads(weights[name]), numbers, 1e-12, name)


def test_with_attention_a_word_is_read_from_its_end(tmp_path, capsys):
    args = seq2seq.arguments([])
    model = seq2seq.train(args, True).training.model
    assert seq2seq.right(model, backwards=True) > 0.9
    assert model.answer("fadec") == "cedaf"
    looked = [max(range(5), key=lambda j: row[j].data) for row in model.shares]
    assert looked == [4, 3, 2, 1, 0]
    assert not set(seq2seq.words()[0]) & set(seq2seq.words()[1])
    printed, files = written(
        seq2seq, tmp_path, capsys, "--updates", "20", "--hidden", "4", "--format", "svg", "--copy"
    )
    assert "of 40 words held out are right" in printed
    assert files == {"seq2seq.svg", "seq2seq_attention.svg", "seq2seq_training.svg"}


# Teacher forcing


@pytest.mark.parametrize("name", ["forced", "free"])
def test_forced_and_free_are_pytorch_s(name):
    case, model = RECORDED["forcing"][name], forcing.network(0)
    made = forcing.unroll(model, forcing.waves(1, seed=5)[0].tolist(), name == "forced")
    made.loss.backward()
    assert made.loss.data == pytest.approx(case["loss"], rel=1e-12)
    agree(grads(model.cell.weight_hh), case["weight_hh"], 1e-12)


def test_each_is_best_at_what_it_was_taught(tmp_path, capsys):
    forced, free = forcing.train(1500, 1.0)[0], forcing.train(1500, 0.0)[0]
    assert forcing.error(forced, True) < forcing.error(free, True)
    assert forcing.error(free, False) < 0.5 * forcing.error(forced, False)
    printed, files = written(
        forcing, tmp_path, capsys, "--updates", "20", "--format", "svg", "--forced", "0.5"
    )
    assert "first 50% forced" in printed
    assert files == {
        "forcing_waves.svg", "forcing_training.svg", "forcing_forced.svg", "forcing_free.svg",
    }  # fmt: skip


# Histograms


@pytest.mark.parametrize("name", histograms.KINDS)
def test_the_widths_of_each_layer_are_pytorch_s(name):
    gain, norm = histograms.KINDS[name]
    layers = histograms.swept(histograms.Deep(gain, norm=norm))
    found = [[float(x.activations.std()), float(x.gradients.std())] for x in layers]
    agree(found, RECORDED["histograms"][name], 1e-10)


def test_the_histograms_are_drawn(tmp_path, capsys):
    printed, files = written(histograms, tmp_path, capsys, "--format", "svg")
    assert "tanh, gain 4, batch norm" in printed
    assert files == {"histograms.svg", "histograms_activations.svg", "histograms_gradients.svg"}


# Batch norm by hand


def test_every_step_of_batch_norm_is_pytorch_s():
    case = RECORDED["batch_norm"]
    quantities, loss = batch_norm.network()
    assert loss.data == pytest.approx(case["loss"], rel=1e-12)
    for name, numbers in case["gradients"].items():
        agree(grads(getattr(quantities, name)), numbers, 1e-12, name)
    numbers, gradients = batch_norm.arrays(quantities)
    agree(batch_norm.whole(numbers, gradients).tolist(), case["gradients"]["z"], 1e-12)
    assert {check.verdict for check in batch_norm.checked()} == {"right"}


def test_a_student_s_file_is_judged_step_by_step(tmp_path, capsys):
    mine = tmp_path / "mine.py"
    batch_norm.main(["--write", str(mine)])
    with pytest.raises(ValueError, match="is there already"):
        batch_norm.main(["--write", str(mine)])
    text = mine.read_text(encoding="utf-8").replace("raise NotImplementedError", "return 0 * {}")
    bodies = ["d.logits", "d.logits[0]", "np.nan", "c.nothing"]
    for body in bodies:
        text = text.replace("0 * {}", body, 1)
    text = text.replace("return d.logits\n", "return (np.exp(c.logits) / np.exp(c.logits).sum(1, "
                        "keepdims=True) - c.y) / c.n\n")  # fmt: skip
    text = text.replace("return 0 * {}", "raise NotImplementedError")
    mine.write_text(text, encoding="utf-8")
    capsys.readouterr()
    batch_norm.main(["--yours", str(mine)])
    lines = capsys.readouterr().out
    verdicts = [check.verdict for check in batch_norm.checked(batch_norm.runpy.run_path(str(mine)))]
    assert verdicts[:4] == [
        "right",
        "WRONG: shape (3,) instead of (4, 3)",
        "WRONG: shape () instead of (3,)",
        "AttributeError: 'types.SimpleNamespace' object has no attribute 'nothing'",
    ]
    assert set(verdicts[4:]) == {"not written"}
    assert "1 of 14 are right" in lines
    with pytest.raises(ValueError, match="there is no file"):
        batch_norm.main(["--yours", str(tmp_path / "none.py")])


def test_a_wrong_formula_is_told_from_a_right_one():
    given = {f"d_{step.name}": step.formula for step in batch_norm.STEPS}
    given["d_var"] = lambda c, d: -0.5 * (c.var + batch_norm.EPS) ** -0.5 * d.inv
    del given["d_z"]
    verdicts = {check.step.name: check.verdict for check in batch_norm.checked(given)}
    assert verdicts.pop("var") == "WRONG"
    assert verdicts.pop("z") == "missing"
    assert set(verdicts.values()) == {"right"}


def test_batch_norm_is_drawn(tmp_path, capsys):
    printed, files = written(batch_norm, tmp_path, capsys, "--format", "svg")
    assert "14 of 14 are right" in printed
    assert files == {"batch_norm.svg"}


# Dropout


def test_a_network_with_masks_is_pytorch_s():
    case, net = RECORDED["dropout"], dropout.Net(0.5, hidden=3)
    points, labels = dropout.moons(4, seed=3)
    loss = net.loss(points.tolist(), labels.tolist(), case["masks"])
    loss.backward()
    assert loss.data == pytest.approx(case["loss"], rel=1e-12)
    check(net, case["gradients"])


def test_dropout_learns_less_by_heart(tmp_path, capsys):
    _, plain = dropout.train(0.0, 600)
    _, dropped = dropout.train(0.5, 600)
    assert plain.learnt[-1] < 0.5 * dropped.learnt[-1]
    assert dropped.held_out[-1] < plain.held_out[-1]
    _, files = written(dropout, tmp_path, capsys, "--updates", "20", "--format", "svg")
    assert files == {"dropout.svg", "dropout_graph.svg"}


# Word vectors


def test_one_update_of_the_vectors_is_pytorch_s():
    case, model = RECORDED["word_vectors"], word_vectors.SkipGram(6)
    loss = model.loss(3, 9, [1, 4, 1])
    loss.backward()
    assert loss.data == pytest.approx(case["loss"], rel=1e-12)
    agree(grads(model.word.weight), case["word"], 1e-12)
    agree(grads(model.neighbour.weight), case["neighbour"], 1e-12)


def test_words_of_a_kind_come_to_lie_together(tmp_path, capsys):
    model, losses = word_vectors.train(word_vectors.arguments([]))
    assert sum(losses[-500:]) < sum(losses[:500])
    for kind in word_vectors.KINDS.values():
        for word in kind:
            near = [w for w, _ in word_vectors.nearest(model, word, len(kind) - 1)]
            assert set(near) <= set(kind), word
    _, files = written(word_vectors, tmp_path, capsys, "--updates", "50", "--format", "svg")
    assert files == {"word_vectors.svg", "word_vectors_cosines.svg"}


# Beam search


def log_p(model, prompt, more):
    """ln p of what follows a prompt, from one run over all of it."""
    outputs = model.unroll([*prompt, *more]).outputs[len(prompt) - 1 :]
    return sum(F.log_softmax(y)[i].data for y, i in zip(outputs, more))


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_wide_beam_finds_the_likeliest_of_all_texts(cell):
    model = char_rnn.network(cell, 3, 4, 1, seed=2)
    for value in model.readout.parameters():
        value.data *= 4.0  # so that texts differ
    texts = {more: log_p(model, [0, 2], more) for more in product(range(3), repeat=4)}
    best = max(texts, key=texts.get)
    found, p = char_rnn.likeliest(model, [0, 2], 4, width=27)
    assert found == [0, 2, *best]
    assert p == pytest.approx(texts[best], abs=1e-12)
    greedy, lower = char_rnn.likeliest(model, [0, 2], 4, width=1)
    assert lower == pytest.approx(log_p(model, [0, 2], greedy[2:]), abs=1e-12)
    assert lower <= p


# Bad input


@pytest.mark.parametrize(
    ("demo", "given", "message"),
    [
        (seq2seq, ["--word", ""], "argument --word: expected at least one letter, got none"),
        (seq2seq, ["--hidden", "0"], "argument --hidden: expected 1 or more, got 0"),
        (forcing, ["--forced", "2"], "argument --forced: expected a share of 0 to 1, got 2"),
        (word_vectors, ["--negatives", "-1"], "argument --negatives: expected 0 or more, got -1"),
        (clipping, ["--updates", "0"], "argument --updates: expected 1 or more, got 0"),
        (clipping, ["--lr", "-1"], "argument --lr: expected 0 or more, got -1.0"),
        (starts, ["--steps", "0"], "argument --steps: expected 1 or more, got 0"),
    ],
)
def test_bad_options_end_with_one_sentence(demo, given, message, capsys):
    with pytest.raises(SystemExit) as ended:
        demo.main(given)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("demo", "given", "message"),
    [
        (seq2seq, ["--word", "xyz"], "'x' is not in the vocabulary a, b, c, d, e, f"),
        (dropout, ["--p", "1.5"], "Dropout: p must lie in 0..1 and below 1, got 1.5"),
    ],
)
def test_a_number_out_of_range_is_told_before_anything_is_done(demo, given, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        demo.main([*given, "--out", str(tmp_path)])
    assert not list(tmp_path.iterdir())
