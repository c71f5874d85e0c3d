"""The demos of the course: PyTorch's recorded numbers, what each claims, what it writes."""

import json
import math

import pytest
from golden_cases import GOLDEN, agree, grads

from demos import attention, bidirectional, clipping, highways, starts
from microgrid import bptt

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
