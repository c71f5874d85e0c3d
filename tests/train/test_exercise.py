"""Exercises: fresh numbers, right answers, what a slip is told, and files of answers."""

import json
import math

import pytest

from microgrid import Value, cli, recompute
from microgrid.exercise import (
    GRAPHS,
    KINDS,
    Draw,
    check_answers,
    exercise,
    freshen,
    questions,
)  # fmt: skip
from microgrid.graph import root_of
from microgrid.quantity import Quantity, evaluate
from microgrid.sweep import Sweep
from microgrid.value import creation_order

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("seed", [0, 7])
def test_answers_are_the_engines_numbers(name, seed):
    sheet = exercise(name, seed, count=40)
    root = root_of(sheet.graph)
    root.backward()
    kinds = set()
    for question in sheet.questions:
        kinds.add(question.kind)
        x, at = question.subject, question.position
        if question.kind == "path":
            continue
        expected = {
            "value": x.data,
            "local": None if at is None else x.partials[at],
            "message": None if at is None else x.grad * x.partials[at],
            "fork": x.grad,
            "weight": x.grad,
        }[question.kind]
        assert question.answer == pytest.approx(expected, rel=1e-12), question.text
        assert question.judge(expected).right
    assert {"value", "local", "message"} <= kinds
    if name in ("rnn", "lstm", "gru"):
        assert {"fork", "weight"} <= kinds


def test_all_kinds_are_asked_of_the_rnn():
    assert {question.kind for question in exercise("rnn", 3, count=12).questions} == set(KINDS)
    only = questions(GRAPHS["rnn"](), 3, kinds=["weight"])
    assert {question.kind for question in only} == {"weight"}


def test_the_path_that_vanishes_has_the_smallest_product():
    (question,) = [q for q in exercise("fork", 7, count=20).questions if "c" in q.text
                   and q.kind == "path"]  # fmt: skip
    assert question.choices == ("L → p → c", "L → q → c")
    assert question.steps == ("L → p → c: (-5) × (-6) = 30", "L → q → c: (-6) × 1 = -6")
    assert question.answer == 1
    assert question.judge(1.0).right
    assert not question.judge(0.0).right


def test_slips_are_told_what_went_wrong():
    sheet = exercise("rnn", 7, count=40)
    (fork,) = [q for q in sheet.questions if q.kind == "fork" and "h_1" in q.text]
    said = {fork.judge(x).words for x in (3.0, 1.0, 2.0, -4.0)}
    assert fork.judge(4.0).words == "Right."
    assert said == {
        "That is the message from h_2 alone: messages add.",
        "That is the message from y_1 alone: messages add.",
        "That is the mean of the messages; they add.",
        "The size is right, the sign is not.",
    }
    assert fork.judge(99.0).words.startswith("Not yet. dL/dh_1 is the sum of")


def test_fresh_numbers_are_the_same_for_the_same_seed_and_small():
    one, two, other = (exercise(g, s) for g, s in (("lstm", 5), ("lstm", 5), ("lstm", 6)))
    numbers = [[x.data for x in creation_order(root_of(e.graph))] for e in (one, two, other)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(math.isfinite(x) and abs(x) <= 1e4 for x in numbers[0])
    assert [q.text for q in one.questions] == [q.text for q in two.questions]


def test_a_start_state_of_zero_stays():
    assert exercise("rnn", 4).graph.states[0][0].data == 0.0


def test_a_graph_whose_numbers_explode_is_drawn_again():
    x = Value(1.0, label="x")
    freshen((x.exp() * 5.0).exp(), seed=0)
    assert x.data < 1.0
    with pytest.raises(ValueError, match="no small numbers were found"):
        freshen((x * 1e9).exp() + x.abs().exp().exp().exp().exp(), seed=0)
    with pytest.raises(ValueError, match="there is no number to change"):
        freshen(Value(0.0) * 2.0, seed=0)


def test_answers_can_be_asked_again_of_other_numbers():
    """As a page does, where the same questions get other numbers."""
    sheet = exercise("tanh-rnn", 1, count=20)
    root = root_of(sheet.graph)
    freshen(root, seed=2)
    sweep = Sweep(root)
    for question in sheet.questions:
        if question.kind == "value":
            assert evaluate(question.answer.source, sweep) == question.subject.data
        for number, _ in question.slips:
            assert isinstance(number, Quantity)
    assert recompute(root) == root.data


def test_a_page_can_draw_the_same_numbers():
    draw = Draw(7)
    assert [draw.below(6) for _ in range(6)] == [1, 5, 3, 5, 0, 5]
    assert Draw(2**32 + 7).state == 7


def filled(sheet, **wrong):
    answers = {str(i): float(q.answer) for i, q in enumerate(sheet.questions, start=1)}
    return sheet.blank() | {"answers": answers | wrong}


def test_a_file_of_answers(tmp_path):
    sheet = exercise("rnn", 7)
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(filled(sheet)))
    report = check_answers(path)
    assert report.ok
    assert str(report).endswith(f"{len(sheet.questions)} of {len(sheet.questions)} right")
    report = check_answers(filled(sheet, **{"1": None, "2": "-3/1", "3": "1e9"}))
    assert [row[2].right for row in report.rows[:3]] == [False, False, False]
    assert report.rows[0][2].words == "no answer"


def test_answers_as_people_write_them():
    sheet = exercise("rnn", 7)
    number = float(sheet.questions[0].answer)
    assert check_answers(filled(sheet, **{"1": f" {number:g} ".replace("-", "−")})).rows[0][2].right
    at = next(i for i, q in enumerate(sheet.questions, 1) if q.choices)
    letter = "abcd"[int(sheet.questions[at - 1].answer)]
    assert check_answers(filled(sheet, **{str(at): letter})).rows[at - 1][2].right


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"exercise": "cnn"}, "\"exercise\" must be one of neuron, fork, .*, got 'cnn'"),
        ({"exercise": {"name": "rnn"}}, '"exercise" must be one of neuron, .*, got a dict'),
        ({"seed": "x"}, "\"seed\" must be a whole number of 0 or more, got 'x'"),
        ({"count": 0}, '"count" must be a whole number of 1 or more, got 0'),
        ({"answers": [1]}, '"answers" must be an object of number to answer, got a list'),
        ({"answers": {"1": "four"}}, "answer 1 must be a number such as -0.25 or 1/3, got 'four'"),
        ({"answers": {"99": 1}}, "there are questions 1 to 8, got '99'"),
    ],
)
def test_a_wrong_file_is_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_answers(exercise("rnn", 7).blank() | change)


def test_files_that_are_no_answers(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        check_answers(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        check_answers(tmp_path / "bad.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match="must hold an object, got a list"):
        check_answers(tmp_path / "list.json")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: exercise("cnn"), "there is no exercise 'cnn', only neuron"),
        (lambda: questions(GRAPHS["rnn"](), 0), "count must be 1 or more, got 0"),
        (lambda: questions(GRAPHS["rnn"](), kinds="colour"), "kinds must be of value, .*'colour'"),
        (lambda: questions(Value(2.0) * 3.0), "nothing to ask"),
    ],
)
def test_bad_input_is_one_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()


def test_the_fixture_passes_and_fails(pytester):
    sheet = exercise("rnn", 7)
    for name, answers in (("good", filled(sheet)), ("bad", filled(sheet, **{"1": 99}))):
        (pytester.path / f"{name}.json").write_text(json.dumps(answers))
    pytester.makepyfile(
        """
        def test_good(check_answers):
            check_answers("good.json")
        def test_bad(check_answers):
            check_answers("bad.json")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*7 of 8 right*"])


def test_the_command_checks_a_file(tmp_path, capsys):
    sheet = exercise("rnn", 7)
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(filled(sheet)))
    assert cli.main(["check", str(path)]) == 0
    assert "8 of 8 right" in capsys.readouterr().out
    path.write_text(json.dumps(filled(sheet, **{"1": 99})))
    assert cli.main(["check", str(path)]) == 1
    assert "7 of 8 right" in capsys.readouterr().out
    assert cli.main(["check", str(tmp_path / "none.json")]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_without_a_sheet_the_graph_is_printed_before_the_questions(capsys):
    assert cli.main(["exercise", "gru", "--seed", "8", "--count", "1"]) == 0
    numbers, *lines, empty, question = capsys.readouterr().out.splitlines()
    assert numbers.startswith("W_xr = -1, W_xz = -1.5, ")
    assert "n_2 = tanh(W_xn·x_2 + r_2·(W_hn × h_1))" in lines
    assert "h_2 = (1 − z_2)·n_2 + z_2·h_1" in lines
    assert (empty, question) == ("", "1. What is the value of y_1?")


SIGNS = str.maketrans({"−": "-", "×": "*", "·": "*", "÷": "/", "^": "**", "[": "_", "]": ""})


@pytest.mark.parametrize("name", GRAPHS)
def test_the_graph_in_words_is_the_graph(name):
    """Python, told the words, computes the same numbers."""
    sheet = exercise(name, 5)
    numbers, *lines = sheet.given()
    known = {"tanh": math.tanh, "exp": math.exp, "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
    for line in [*numbers.split(", "), *lines]:
        exec(line.translate(SIGNS).replace(",", "_"), known)
    root = root_of(sheet.graph)
    assert known[root.label] == pytest.approx(root.data, rel=1e-5)
