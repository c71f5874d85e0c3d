"""Worksheets: what is asked is blank, everything else is there, and the key has the answers."""

import json

import pytest

from microgrid import cli
from microgrid.exercise import GRAPHS, exercise
from viz.drawing.drawing import Text
from viz.style.typography import number
from viz.worksheet import worksheet, write_worksheet


def texts(drawing, kind=None):
    shapes = [(g, s) for g in drawing.groups for s in g.shapes if isinstance(s, Text)]
    return [s.plain for g, s in shapes if kind in (None, g.kind, s.kind)]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_sheet_asks_and_its_key_answers(name):
    made = exercise(name, seed=5, count=6)
    sheet, key = worksheet(made), worksheet(made, key=True)
    assert len(texts(sheet, "question")) == len(texts(key, "question")) == len(made.questions)
    assert all(line.endswith("______") for line in texts(sheet, "question"))
    for question, line in zip(made.questions, texts(key, "question")):
        answer = "abcd"[int(question.answer)] if question.choices else number(question.answer)
        assert line.endswith(f"   {answer}")
    assert not any(word.startswith(("← −", "← 0", "← 1")) for word in texts(sheet))


def test_only_the_values_that_are_asked_for_are_blank():
    made = exercise("rnn", seed=7, count=8)
    asked = {q.subject.label for q in made.questions if q.kind == "value"}
    assert asked == {"y_1", "y_2"}
    values = texts(worksheet(made), "value")
    assert values.count("____") == 2
    assert {"−6", "−12", "−18"} <= set(values)


def test_the_command_writes_sheet_key_and_answers(tmp_path, capsys):
    sheet = tmp_path / "sheet.pdf"
    assert cli.main(["exercise", "rnn", "--seed", "7", "-o", str(sheet)]) == 0
    for name in ("sheet.pdf", "sheet-key.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF")
    blank = json.loads((tmp_path / "sheet.json").read_text())
    assert blank["answers"] == {str(i): None for i in range(1, 9)}
    assert cli.main(["check", str(tmp_path / "sheet.json")]) == 1
    assert "0 of 8 right" in capsys.readouterr().out
    assert cli.main(["exercise", "fork", "--kinds", "path"]) == 0
    assert "(a) L → " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cnn"], "there is no exercise 'cnn', only neuron"),
        (["rnn", "--seed", "-1"], "--seed must be 0 or more, got -1"),
        (["rnn", "--count", "0"], "count must be 1 or more, got 0"),
        (["rnn", "--kinds", "colour"], "kinds must be of value,"),
        (["rnn", "-o", "sheet.gif"], "a worksheet's file name ends in .svg"),
        (["rnn", "-o", "/nowhere/sheet.pdf"], "there is no folder '/nowhere'"),
    ],
)
def test_bad_input_is_one_sentence(arguments, says, capsys):
    assert cli.main(["exercise", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_another_format(tmp_path):
    made = exercise("neuron", seed=1)
    files = write_worksheet(made, tmp_path / "sheet.svg")
    assert [file.name for file in files] == ["sheet.svg", "sheet-key.svg"]
    assert "____" in files[0].read_text()
