"""The demos that train: replayed from a tape as recorded anew, and how fast each is."""

import re
from dataclasses import replace

import pytest
from golden_cases import agree

from demos import _speeds, cells, char_rnn, hello, next_number, sentiment
from demos._speeds import Run, speeds

LINE = (
    r"replayed from a tape, after \d+\.\d\d s to record and plan: (\d+\.\d) updates a second; "
    r"recorded anew each time: (\d+\.\d) \(replaying is (\d+\.\d) times as fast\)"
)
EAGER_LINE = (
    r"recorded anew each time: (\d+\.\d) updates a second; "
    r"replayed from a tape, after \d+\.\d\d s to record and plan: (\d+\.\d) "
    r"\(replaying is (\d+\.\d) times as fast\)"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The other way is timed on one update."""
    monkeypatch.setattr(_speeds, "ENOUGH", 1e-9)


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(cells.story(400, seed=0))
    return path


def char_rnn_run(path, eager, kind="lstm"):
    options = ["--hidden", "5", "--length", "8", "--updates", "12", "--cell", kind]
    options += ["--out", str(path.parent)] + ["--eager"] * eager
    args = char_rnn.arguments([str(path), *options])
    return char_rnn.train(args, char_rnn.TextStream(path, 8))


TRAININGS = {
    "fit": lambda path, eager: next_number.train(replace(next_number.FIT, epochs=20), eager),
    "held out": lambda path, eager: next_number.train(
        replace(next_number.HELD_OUT, epochs=8), eager
    ),
    "mlp": lambda path, eager: hello.train(hello.memoryless(), hello.pairs_loss, 40, 0.5, eager),
    "word": lambda path, eager: hello.train(hello.recurrent(), hello.word_loss, 40, 0.2, eager),
    "prefixes": lambda path, eager: hello.train(
        hello.recurrent(4, hello.PREFIX_LETTERS, seed=1), hello.prefixes_loss, 40, 0.3, eager
    ),
    "toy": lambda path, eager: sentiment.train_toy(eager),
    "reviews": lambda path, eager: sentiment.train_reviews(3, eager),
    "cells": lambda path, eager: cells.learn(path, 4, hidden=4, eager=eager),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_both_ways_give_the_same_numbers(name, story):
    replayed, *shown = TRAININGS[name](story, False)
    recorded, *expected = TRAININGS[name](story, True)
    assert (replayed.eager, recorded.eager) == (False, True)
    agree(replayed.training.losses, recorded.training.losses)
    for tapes, anew in zip(shown, expected):
        if isinstance(anew, dict):
            tapes, anew = list(tapes.values()), list(anew.values())
        if isinstance(anew, list):
            agree(tapes, anew)
    weights = recorded.training.model.state_dict()
    for part, numbers in replayed.training.model.state_dict().items():
        agree(numbers, weights[part], where=part)


@pytest.mark.parametrize("kind", char_rnn.CELLS)
def test_char_rnn_both_ways(story, kind, capsys):
    weights = char_rnn_run(story, True, kind).state_dict()
    printed = [capsys.readouterr().out]
    for part, numbers in char_rnn_run(story, False, kind).state_dict().items():
        agree(numbers, weights[part], where=part)
    printed.append(capsys.readouterr().out)
    eager, replayed = (text.splitlines() for text in printed)
    assert re.fullmatch(EAGER_LINE, eager[1])
    assert re.fullmatch(LINE, replayed[1])
    assert eager[2:] == replayed[2:]


@pytest.mark.parametrize("demo", [next_number, hello, sentiment])
def test_a_demo_prints_the_same_tables_and_one_line_of_speeds(demo, tmp_path, capsys):
    def printed(*options):
        demo.main([*options, "--out", str(tmp_path), "--format", "svg"])
        return capsys.readouterr().out.splitlines()

    for replayed, eager in zip(printed(), printed("--eager"), strict=True):
        if replayed != eager:
            assert re.fullmatch(LINE, replayed)
            assert re.fullmatch(EAGER_LINE, eager)


def test_cells_print_their_speed(story, tmp_path, capsys):
    cells.main(["--updates", "1", "--eager", "--out", str(tmp_path)])
    assert re.search(EAGER_LINE, capsys.readouterr().out)


def test_the_other_way_is_timed_on_a_network_of_its_own():
    made, losses = hello.train(hello.recurrent(), hello.word_loss, 10, 0.2)
    before = made.training.model.state_dict()
    speeds(made)
    assert made.training.model.state_dict() == before
    assert made.training.losses == losses[:-1]


def test_a_line_weighs_every_training_by_its_updates(monkeypatch):
    """10 updates in 1 s and 30 in 1 s; anew 1 in 1 s and 1 in 2 s: 10 s and 60 s in all."""

    def run(eager, updates, seconds, ready=0.0):
        made = Run.__new__(Run)
        made.eager, made.updates, made.seconds, made.ready = eager, updates, seconds, ready
        return made

    a, b = run(False, 10, 1.0, 0.25), run(False, 30, 1.0, 0.5)
    others = {a: run(True, 1, 1.0), b: run(True, 1, 2.0)}
    monkeypatch.setattr(Run, "other", lambda self: others[self])
    assert speeds(a, b) == (
        "replayed from a tape, after 0.75 s to record and plan: 20.0 updates a second; "
        "recorded anew each time: 0.6 (replaying is 35.0 times as fast)"
    )


def test_a_run_without_updates_has_no_speed():
    made, _ = hello.train(hello.recurrent(), hello.word_loss, 0, 0.2)
    assert speeds(made) == "no update was left to do"
