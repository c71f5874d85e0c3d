"""microgpt: the numbers of a program written for micrograd's Value, replayed, trained, drawn."""

import json
import random
import sys

import numpy as np
import pytest
from golden import record_micrograd as recorded
from golden_cases import agree

from demos import microgpt
from microgrid.tape import Tape
from microgrid.value import creation_order

EXPECTED = json.loads(recorded.FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ours():
    """What the program gives when its import says microgrid."""
    return recorded.answers(recorded.program("microgrid"))


def test_a_program_for_micrograd_runs_unchanged_but_for_its_import(ours):
    assert ours["loss"] == pytest.approx(EXPECTED["loss"], abs=1e-12)
    for name, rows in EXPECTED["gradients"].items():
        agree(ours["gradients"][name], rows, 1e-12, name)


def test_and_trains_to_the_same_numbers(ours):
    assert ours["losses"] == pytest.approx(EXPECTED["losses"], abs=1e-10)
    for name, rows in EXPECTED["trained"].items():
        agree(ours["trained"][name], rows, 1e-9, name)


def loaded(weights, heads):
    """The demo's GPT with the program's weights."""
    width, letters, places = (len(weights[name]) for name in ("query", "letters", "places"))
    model = microgpt.GPT(letters, width, heads, 1, places)
    numbers = {name: [[w.data for w in row] for row in rows] for name, rows in weights.items()}
    names = {"letters": "letters.weight", "places": "places.weight", "head": "head.weight"}
    model.load_state_dict(
        {names.get(name, f"blocks.0.{name}.weight"): rows for name, rows in numbers.items()}
    )
    return model


def check(model, expected, ids):
    loss = model.loss(ids[:-1], ids[1:])
    loss.backward()
    assert loss.data == pytest.approx(expected["loss"], abs=1e-12)
    names = {"letters": model.letters, "places": model.places, "head": model.head}
    for name, rows in expected["gradients"].items():
        layer = names.get(name) or getattr(model.blocks[0], name)
        agree([[w.grad or 0.0 for w in row] for row in layer.weight], rows, 1e-12, name)


def test_the_demo_s_network_has_micrograd_s_loss_and_gradients():
    weights = recorded.program("microgrid").weights(**recorded.SIZES)
    check(loaded(weights, recorded.HEADS), EXPECTED, recorded.SEQUENCES[0])


def test_at_full_size_too():
    pytest.importorskip("micrograd")
    recorded.with_exp_and_log()
    sizes = {"letters": 27, "width": 16, "places": 16, "seed": 2}
    ids = [0, 4, 12, 12, 1, 11, 24, 0, 3]  # eight tokens and what follows them
    gpt = recorded.program("micrograd.engine")
    weights = gpt.weights(**sizes)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200_000)
    try:
        loss = gpt.loss_of(weights, ids, 4)
        loss.backward()
    finally:
        sys.setrecursionlimit(limit)
    expected = {"loss": loss.data, "gradients": recorded.gradients(weights)}
    check(loaded(weights, 4), expected, ids)
    ours = recorded.program("microgrid")
    mine = ours.weights(**sizes)
    again = ours.loss_of(mine, ids, 4)
    again.backward()
    assert again.data == pytest.approx(loss.data, abs=1e-12)
    found = recorded.gradients(mine)
    for name, rows in expected["gradients"].items():
        agree(found[name], rows, 1e-12, name)


def test_a_recorded_name_replays_any_other_of_its_length():
    model = microgpt.GPT(27, 8, 2)
    letters, targets = microgpt.example("bob")
    tape = Tape(model.loss(letters, targets), [letters, targets], parameters=model.parameters())
    for name in ("ada", "zoe"):
        loss = model.loss(*microgpt.spelled(name))
        assert tape.forward(np.concatenate(microgpt.spelled(name))) == pytest.approx(loss.data)
        tape.backward()
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            assert tape.grad(p) == pytest.approx(p.grad, abs=1e-12)


def test_replayed_and_recorded_anew_it_learns_the_same():
    options = ["--updates", "12", "--width", "8", "--heads", "2"]
    found = [microgpt.train(microgpt.arguments([*options, *way])) for way in ([], ["--eager"])]
    losses = [run.training.losses for run in found]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_attention_is_read_off_the_graph():
    model = microgpt.GPT(27, 8, 2)
    for head in (1, 2):
        rows = microgpt.attention(model, "ada", head)
        assert [sum(row) for row in rows] == pytest.approx([1.0] * 4)
        assert all(x == 0.0 for i, row in enumerate(rows) for x in row[i + 1 :])
    assert microgpt.attention(model, "ada", 1) != microgpt.attention(model, "ada", 2)


def test_every_node_stands_in_a_scope():
    model = microgpt.GPT(27, 8, 2, layers=2)
    scopes = {node.scope for node in creation_order(model.loss(*microgpt.spelled("al")))}
    assert {"t=2/block=2/attention/head=2", "t=3/block=1/mlp", "t=1/embedding"} <= scopes


def test_the_demo_learns_writes_and_draws(tmp_path, capsys):
    random.seed(0)
    microgpt.main(
        ["--out", str(tmp_path), "--format", "svg", "--updates", "60", "--width", "8",
         "--heads", "2", "--name", "al", "--write", "3"]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "ln 27 = 3.2958" in printed
    assert "replayed from a tape" in printed
    assert {p.name for p in tmp_path.iterdir()} == {
        "microgpt.svg", "microgpt.html", "microgpt_attention.svg", "microgpt_training.svg",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--heads", "3"], "argument --heads: 3 is no divisor of --width 16"),
        (["--name", "a" * 16], "argument --name: expected 1 to 15 letters, got 'aaaa"),
        (["--name", ""], "argument --name: expected 1 to 15 letters, got ''"),
        (["--updates", "0"], "argument --updates: expected 1 or more, got 0"),
    ],
)
def test_bad_options_end_with_one_sentence(given, message, capsys):
    with pytest.raises(SystemExit) as ended:
        microgpt.main(given)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
