"""`python -m demos`: what it writes, and where."""

import pytest

from demos import __main__ as every


def test_a_demo_writes_into_out_and_not_into_the_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    gallery = sorted((every.FOLDER / "gallery").iterdir())
    before = [file.stat().st_mtime_ns for file in gallery]
    every.main(["quiz"])
    assert (tmp_path / "out" / "quiz.svg").is_file()
    assert [file.stat().st_mtime_ns for file in gallery] == before
    assert "dL/dh_0 = -20" in capsys.readouterr().out


def test_list_names_every_demo(capsys):
    every.main(["--list"])
    shown = capsys.readouterr().out
    assert "quiz             The lecture's quiz" in shown
    assert len(shown.splitlines()) == len(every.exhibits())


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (["--help"], 0, "usage: python -m demos"),
    (["quizz"], 2, "there is no demo 'quizz', only quiz,"),
])  # fmt: skip
def test_help_and_unknown_names(arguments, code, says, capsys):
    with pytest.raises(SystemExit) as left:
        every.main(arguments)
    assert left.value.code == code
    printed = capsys.readouterr()
    assert says in printed.out + printed.err
