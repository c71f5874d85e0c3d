"""The quiz on the command line: its answers, its tables, its ways to refuse."""

import io
import json
from pathlib import Path

import pytest

from demos import quiz
from demos._common import run

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "000_quiz.json").read_text())
LOSS_NAMES = {
    "sum": "sum_y",
    "mean": "mean_y",
    "last": "last_y",
    "sum_squares": "sum_y_squared",
    "half_sum_squares": "half_sum_y_squared",
    "last_square": "last_y_squared",
}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_golden_case_is_met_exactly(case, loss, tmp_path, capsys):
    word, h0 = case["inputs"]["word"], case["inputs"]["h_0"]
    expected = case["expected"]["by_loss"][LOSS_NAMES[loss]]
    quiz.main(["--word", word, "--h0", str(h0), "--loss", loss, "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == f"dL/dh_0 = {expected['dL_dh_0']:g}"
    assert f"loss ({loss} of y) = {expected['loss']:.12g}\n" in printed
    assert f"-> loss {expected['loss_with_h_0_plus_1']:.12g}," in printed
    assert {path.name for path in tmp_path.iterdir()} == {"quiz.svg", "quiz.png"}


def test_the_table_lists_every_edge_with_what_it_carries(tmp_path, capsys):
    quiz.main(["--out", str(tmp_path), "--format", "dot"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["h_2", "h_1", "-1", "-5", "5"] in rows
    assert ["y_1", "h_1", "1", "-1", "-1"] in rows
    assert ["h_1", "h_0", "4", "-5", "-20"] in rows
    assert (tmp_path / "quiz.dot").read_text().startswith("digraph")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--word", "oz"], "'z' is not in the vocabulary i, o, c, a"),
        (["--word", ""], "the word is empty: give letters of the vocabulary i, o, c, a"),
        (["--h0", "nan"], "argument --h0: expected a finite number, got nan"),
        (["--h0", "x"], "argument --h0: invalid float value: 'x'"),
        (["--format", "gif"], "gif"),
        (["--out", "/dev/null/x"], "/dev/null is a file, and no folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, sentence, tmp_path, capsys):
    arguments = ["--out", str(tmp_path), *arguments]
    with pytest.raises(SystemExit) as stop:
        run(lambda _: quiz.main(arguments))
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert sentence in error.splitlines()[-1]
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_step_opens_the_debugger(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("unt h_0\np grad\n"))
    quiz.main(["--step"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "L = 19: 11 nodes, 14 messages; h for help"
    assert printed[-3:] == ["(bptt) p grad", "-20", "(bptt) "]


def test_values_and_messages_come_one_by_one_as_on_the_slides(tmp_path, capsys):
    quiz.main(["--out", str(tmp_path), "--format", "svg", "--frames", str(tmp_path / "frames")])
    assert "wrote 19 pictures, one number more on each" in capsys.readouterr().out
    frames = sorted(tmp_path.glob("frames/*.svg"))
    assert len(frames) == 19
    assert "−20" not in frames[0].read_text(encoding="utf-8")
    assert "−20" in frames[-1].read_text(encoding="utf-8")
