"""The demos of the lecture's systems: their numbers, their pictures, their errors."""

import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from golden_cases import GOLDEN, LONG_RUN, agree

from demos import (
    activations,
    cells,
    char_rnn,
    concat,
    gru,
    hello,
    lstm,
    next_number,
    sentiment,
    wirings,
)
from microgrid import nn


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture
def pictures(tmp_path):
    """A call of a demo's main into a folder of its own; returns the names it wrote there."""

    def pictures(demo, *options, graphs=True):
        formats = ["--format", "svg"] if graphs else []
        demo.main([*options, "--out", str(tmp_path), *formats])
        for path in tmp_path.glob("*.svg"):
            ET.parse(path)
        return {path.name for path in tmp_path.iterdir()}

    return pictures


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (next_number.FIT, "fit_the_one_sequence_scaled"),
        (next_number.HELD_OUT, "held_out_1_3_5_7_9"),
    ],
)
def test_next_number(task, name):
    (expected,) = [t for t in golden("002_next_number")["trainings"] if t["name"] == name]
    made, predictions, losses = next_number.train(task)
    model = made.training.model
    for epoch, wanted in expected["log"].items():
        agree(predictions[int(epoch)], wanted["prediction"], LONG_RUN)
        if int(epoch) < task.epochs:
            agree(losses[int(epoch)], wanted["epoch_loss"], LONG_RUN)
    assert (
        next_number.settled(predictions) == expected["first_epoch_from_which_it_stays_within_tol"]
    )
    agree(model.predict([1, 3, 5, 7, 9]), expected["final_prediction"], LONG_RUN)
    agree(model.cell.weight_xh, expected["final_params"]["W_xh"], LONG_RUN)
    assert abs(predictions[-1] - 11.0) < 0.05


def test_every_step_s_state_and_output_are_the_notes_formula():
    model = next_number.NextNumber(3, seed=4)
    w = {name: np.array(rows) for name, rows in model.state_dict().items()}
    h = np.zeros((1, 3))
    for x, (hidden, output) in zip([1, 3, 5], model.every_step([1, 3, 5]), strict=True):
        h = np.tanh([[0.1 * x]] @ w["cell.weight_xh"] + h @ w["cell.weight_hh"] + w["cell.bias"])
        assert hidden == pytest.approx(h[0].tolist(), abs=1e-12)
        assert output == pytest.approx((h @ w["readout.weight"] + w["readout.bias"]).item())
    assert output / 0.1 == pytest.approx(model.predict([1, 3, 5]))


def test_sentiment_toy():
    case = golden("003_sentiment")["cases"][0]
    _, log = sentiment.train_toy()
    for epoch, wanted in case["expected"]["training_log"].items():
        agree(log[int(epoch)], [wanted["mean_loss"], *wanted["y_hat"]], LONG_RUN)


def test_sentiment_learns_what_not_does():
    made, vocabulary, losses = sentiment.train_reviews()
    model = made.training.model
    assert losses[-1] < 0.1
    known, held_out = sentiment.reviews()
    assert not {text for text, _ in known} & {text for text, _ in held_out}
    for text, label in held_out:
        assert (sentiment.running(model, vocabulary, text)[-1] > 0.5) == label, text


def test_hello_needs_memory():
    _, losses = hello.train(hello.memoryless(), hello.pairs_loss, 400, lr=0.5)
    assert 2 * math.log(2) < losses[-1] < 1.41
    made, losses = hello.train(hello.recurrent(), hello.word_loss, 400, lr=0.2)
    assert losses[-1] < 0.02
    assert hello.generate(made.training.model) == "ello"
    assert hello.refusal() == "Linear: x must have 12 entries, got 16"


def test_wirings(pictures):
    wired = {name: wirings.wiring(name) for name in wirings.WIRINGS}
    given = {name: [len(x) for x in run.inputs] for name, run in wired.items()}
    assert given["one-to-many"] == [1, 0, 0]
    assert given["delayed"] == [1, 1, 0, 0]
    assert wired["generation"].inputs[1][0] is wired["generation"].outputs[0][0]
    losses = {name: [loss is not None for loss in run.losses] for name, run in wired.items()}
    assert losses["many-to-one"] == [False, False, True]
    assert losses["delayed"] == [False, False, True, True]
    assert len(pictures(wirings)) == 6


def test_activations(pictures, capsys):
    assert activations.curve("relu", [0.0, -1.0, 2.0]) == ([0.0, 0.0, 2.0], [0.0, 0.0, 1.0])
    assert pictures(activations, graphs=False) == {"activations.svg"}
    assert "0.880797   0.104994    0.964028   0.070651   2.000000   1.000000" in (
        capsys.readouterr().out
    )


def test_concat(pictures, capsys):
    case = golden("001_concat")["cases"][0]["expected"]
    loss, h, matrix, vector = concat.block()
    agree(loss, case["loss"])
    agree(h, case["h"])
    agree(matrix, case["grad_WU"])
    agree(vector, case["grad_hx"])
    assert pictures(concat) == {"concat.svg"}
    assert "largest difference: " in capsys.readouterr().out


def test_the_highway_keeps_what_the_rnn_loses(pictures):
    kept = lstm.norms([c for _, c in lstm.over_words(lstm.lstm_cell()).carries[1:]])
    lost = lstm.norms(lstm.over_words(nn.RNNCell(4, 8, seed=lstm.SEED)).states[1:])
    assert kept[0] / kept[-1] > 0.5
    assert lost[0] / lost[-1] < 0.01
    assert pictures(lstm) == {
        "lstm.svg",
        "lstm_words.svg",
        "lstm_gates.svg",
        "lstm_highway.svg",
    }


def test_gates_are_read_from_the_graph():
    unrolled = gru.over_words(gru.gru_cell())
    means = gru.gates(unrolled, "rzn")
    z = [node.data for node in unrolled.states[3][0].parents if node.label.startswith("z_3")]
    assert len(means["z"]) == 10
    assert 0.8 < means["z"][2] < 0.95
    assert all(abs(z_i - means["z"][2]) < 0.1 for z_i in z)


def test_gru(pictures):
    assert pictures(gru) == {"gru.svg", "gru_gates.svg", "gru_highway.svg"}


@pytest.mark.parametrize(
    ("position", "text", "watched", "weights", "start"),
    [
        (0, cells.QUOTE_TEXT, '"', cells.QUOTE, -1.0),
        (1, cells.LINE_TEXT, "\n", cells.LINE, 0.0),
    ],
)
def test_cells_set_by_hand(position, text, watched, weights, start):
    case = golden("lstm_cells")["cases"][position]
    assert text == case["inputs"]["text"]
    agree(cells.by_hand(text, watched, weights, start), case["expected"]["tanh_c"])


def test_cells_without_training(pictures):
    files = {"cells_quote.svg", "cells_quote.html", "cells_line.svg", "cells_line.html"}
    assert pictures(cells, "--updates", "0", graphs=False) == files


def test_a_generated_story():
    text = cells.story(500, seed=3)
    assert text == cells.story(500, seed=3) != cells.story(500, seed=4)
    assert len(text) == 500
    assert max(map(len, text.split("\n"))) <= cells.WIDTH
    assert text.count('"') > 10


def test_the_tracker_is_found_by_correlation():
    wanted = [1.0, -1.0, 1.0, 1.0, -1.0]
    rows = [[0.1, 0.2, 0.3, 0.1, 0.2], [-0.9, 0.8, -0.7, -0.9, 0.9], [0.5] * 5]
    with pytest.warns(RuntimeWarning, match="divide"):
        unit, r, _ = cells.tracker(rows, wanted)
    assert unit == 1
    assert r < -0.9


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("so we beat on, boats against the current\n" * 3)
    return path


SMALL = ("--hidden", "4", "--length", "8", "--write", "12")


def test_char_rnn_resumes_to_the_same_numbers(text_file, tmp_path, capsys):
    def train(out, *options):
        char_rnn.main([str(text_file), *SMALL, "--out", str(tmp_path / out), *options])
        return capsys.readouterr().out.split("Written")[1].split("wrote")[0]

    run = str(tmp_path / "run.json")
    whole = train("a", "--updates", "8")
    train("b", "--updates", "5", "--checkpoint", run)
    assert train("b", "--updates", "8", "--checkpoint", run, "--resume") == whole
    assert {p.name for p in (tmp_path / "a").iterdir()} == {
        "char_rnn_training.svg",
        "char_rnn_hidden.svg",
    }


def test_char_rnn_cells_and_layers(text_file, tmp_path, capsys):
    for kind in ("rnn", "gru"):
        options = ["--cell", kind, "--layers", "2", "--updates", "2", "--prompt", "so we"]
        char_rnn.main([str(text_file), *SMALL, *options, "--out", str(tmp_path)])
        assert "from 'so we':\n\nso we" in capsys.readouterr().out


def command(*arguments):
    """`python -m demos.…`: exit code and what it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    return done.returncode, done.stderr


def refused(message, monkeypatch, capsys, *options):
    """A char_rnn that ends with one sentence and exit code 2."""
    from demos._common import run

    monkeypatch.setattr(sys, "argv", ["char_rnn", *map(str, options)])
    with pytest.raises(SystemExit) as ended:
        run(char_rnn.main)
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("message", "content", "options"),
    [
        ("holds no characters", "", []),
        ("holds 1 character,", "x", []),
        ("'z' is not in the vocabulary ' ', a, b", "ab ba", ["--prompt", "az"]),
        ("argument --hidden: expected 1 or more, got 0", "ab", ["--hidden", "0"]),
        ("argument --lr: expected 0 or more, got -0.1", "ab", ["--lr", "-0.1"]),
        ("argument --lr: expected 0 or more, got nan", "ab", ["--lr", "nan"]),
        ("temperature must be a number above 0, got 0.0", "ab", ["--temperature", "0"]),
        ("expected 1 or more, got 0", "ab", ["--updates", "0"]),
        ("--resume needs --checkpoint", "ab", ["--resume"]),
        ("training stopped before update", "ab" * 9, ["--lr", "1e308", "--clip", "1e308"]),
    ],
)
def test_char_rnn_refuses_in_one_sentence(message, content, options, tmp_path, monkeypatch, capsys):
    path = tmp_path / "text.txt"
    path.write_text(content)
    refused(message, monkeypatch, capsys, path, "--out", tmp_path, *options)


def test_char_rnn_refuses_a_checkpoint_of_another_model(text_file, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run.json"
    small = [text_file, *SMALL, "--out", tmp_path, "--checkpoint", run]
    char_rnn.main([*map(str, small), "--updates", "1"])
    capsys.readouterr()
    resumed = [*small, "--resume", "--hidden", "5"]
    refused("is a checkpoint of another run", monkeypatch, capsys, *resumed)


def test_a_missing_file_on_the_command_line(tmp_path):
    code, error = command("demos.char_rnn", tmp_path / "none.txt")
    assert code == 2
    assert error.count("\n") == 1
    assert "none.txt" in error
