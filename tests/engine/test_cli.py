"""The command line: draw, doctor, and one sentence for bad input."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import microgrid
import viz.style.theme
from microgrid import cli
from microgrid.patience import patience

NET = """
from microgrid import Value

def product():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.backward()
    return c

def nothing():
    return None

def broken():
    return 1 / 0

def number():
    return product().data

def model():
    from microgrid import nn
    return nn.RNNCell(1, 1)

def empty():
    return []

def needs(x):
    return x

def leaves():
    raise SystemExit(3)
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NET)
    return file


def test_a_function_is_drawn(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = net.with_name("out.svg")
    assert cli.main(["draw", f"{net}:product", "-o", str(out), "--theme", "dark"]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert ">−6<" in out.read_text()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("detail", ["scalar", "cell", "rolled"])
def test_the_usual_cells_are_drawn_without_any_python(
    cell: str, detail: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.dot"
    size = ["--steps", "2", "--hidden", "1"]
    assert cli.main(["draw", "rnn", "--cell", cell, *size, "--detail", detail, "-o", str(out)]) == 0
    assert out.read_text().startswith("digraph")


def test_html_is_the_player(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert cli.main(["draw", "rnn", "-o", str(out)]) == 0
    assert out.read_text().startswith("<!doctype html>")


def test_without_a_file_the_graph_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["draw", "rnn", "--steps", "2"]) == 0
    shown = capsys.readouterr().out
    assert "t = 2" in shown
    assert "W_h" in shown


def test_every_option_of_draw_reaches_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.dot"
    options = "--detail scalar --show value grad local --hide grad --highlight W_h --theme print"
    captions = ["--captions", "first", "second", "--title", "blank", "--expand", "dot"]
    assert (
        cli.main(["draw", "rnn", "--steps", "2", *options.split(), *captions, "-o", str(out)]) == 0
    )
    text = out.read_text()
    for word in ("first", "second", "blank", viz.style.theme.THEMES["print"].marked):
        assert word in text
    plain = tmp_path / "plain.dot"
    assert cli.main(["draw", "rnn", "--steps", "2", "--upto", "3", "-o", str(plain)]) == 0
    assert "after 3 messages" in plain.read_text()


def test_many_to_one_and_stacked_cells(tmp_path: Path) -> None:
    out = tmp_path / "out.dot"
    command = ["draw", "gru", "--layers", "2", "--loss-only-last", "-o", str(out)]
    assert cli.main([*command, "--detail", "scalar"]) == 0
    assert "L₃" in out.read_text()
    assert "L₁" not in out.read_text()


def test_a_picture_can_be_opened_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    out = tmp_path / "a b.dot"
    assert cli.main(["draw", "rnn", "-o", str(out), "--open"]) == 0
    assert opened == [out.resolve().as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert cli.main(["draw", "rnn", "-o", str(out), "--open"]) == 2
    assert "no program was found here that shows a b.dot" in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, word in ((["--version"], f"microgrid {microgrid.__version__}"),
                            (["--help"], "microgrid draw lstm")):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert left.value.code == 0
        assert word in capsys.readouterr().out


class InAMinute:
    """A timer of a machine on which whatever is timed takes a minute."""

    daemon = False

    def __init__(self, after: float, call: Callable[[], None]) -> None:
        self.after, self.call = after, call

    def start(self) -> None:
        if self.after < 60.0:
            self.call()

    def cancel(self) -> None:
        """It has rung by now, or will not."""

    join = cancel


def test_long_work_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("threading.Timer", InAMinute)
    with patience("drawing"):
        assert capsys.readouterr().err == "drawing …\n"
    with patience("reading", after=61.0):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{net}:product", "-o", "out.gif"], "ends in .svg, .png"),
        (["{net}:product", "-o", "/nowhere/out.svg"], "no folder '/nowhere'"),
        (["{net}:product", "-o", "{net}.svg", "--theme", "pink"], "theme must be one of light"),
        (["{net}:product", "-o", "{net}.svg", "--detail", "tiny"], "detail must be one of auto"),
        (
            ["{net}:missing"],
            "no function 'missing'; it has product, nothing, broken, number, model,",
        ),
        (["{net}:nothing"], "nothing returned None: let it end with the loss, `return loss`"),
        (["{net}:broken"], "broken raised ZeroDivisionError: division by zero (line 14)"),
        (["{net}:number"], "number returned the number -6.0: return the Value, not its data"),
        (["{net}:model"], "returned a RNNCell that has not run: `return model.unroll(inputs, tar"),
        (["{net}:empty"], "empty returned an empty list: return a Value, a list of them, or a run"),
        (["{net}:needs"], "needs of {net} takes arguments, and is called without any"),
        (["{net}:leaves"], "leaves raised SystemExit: 3 (line 30)"),
        (["nofile.py:f"], "no Python file"),
        (["lstn"], "expected FILE.py:FUNCTION or one of rnn, lstm, gru"),
        (["rnn", "--steps", "0"], "--steps must be 1 or more"),
        (["rnn", "--hidden", "0"], "--hidden must be 1 or more, got 0"),
        (["rnn", "--seed", "-1"], "--seed must be 0 or more, got -1"),
        (["rnn", "--hidden", "10000"], "1 x 10000 units over 3 steps are more than a picture"),
        (["rnn", "--captions", "a"], "captions: 3 time steps take as many, got 1"),
        (["rnn", "--captions", *"abcd"], "captions: 3 time steps take as many, got 4"),
        (["rnn", "--layers", "0"], "--layers must be 1 or more, got 0"),
        (["rnn", "--theme", "dark"], "--theme has no effect here: the terminal has its own"),
        (["rnn", "--open"], "--open shows a file; name one with -o"),
        (["rnn", "-o", "x.html", "--detail", "cell"], "--detail has no effect here: the page"),
        (["rnn", "-o", "{net}.svg", "--hide", "colour"], "hide must be one of"),
        (["rnn", "-o", "{net}.svg", "--highlight", "W_q"], "no Value is called 'W_q'"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], says: str, net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["draw", *(part.format(net=net) for part in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says.format(net=net) in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("command", ["step", "exercise", "frames", "draw"])
def test_a_function_without_a_return_is_told_what_to_write(
    command: str, net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, f"{net}:nothing"]) == 2
    assert capsys.readouterr().err == (
        f"error: {net}:nothing returned None: let it end with the loss, `return loss`\n"
    )


def test_fewer_questions_than_asked_for_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exercise", "fork", "--count", "1000"]) == 0
    out, err = capsys.readouterr()
    assert out
    assert re.fullmatch(r"this graph gives \d+ questions, 1000 were asked for\n", err)


def test_the_doctor_says_what_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert all("yes" in lines[name] for name in ("svg", "png", "dot", "pdf", "tex"))
    assert "bytes by" in lines["png"]


def test_the_doctor_misses_no_dot_for_what_needs_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    cli.main(["doctor"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["pdf"].endswith("no Graphviz needed")


def test_the_doctor_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MICROGRID_DOT", "no-such-program")
    assert cli.main(["doctor"]) == 1
    assert "no: MICROGRID_DOT is 'no-such-program'" in capsys.readouterr().out


def test_a_file_of_a_package_may_import_its_neighbours(tmp_path):
    package = tmp_path / "lecture"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "numbers_of_it.py").write_text("FACTOR = 3.0")
    (package / "graph.py").write_text(
        "from microgrid import Value\n"
        "from .numbers_of_it import FACTOR\n"
        "def loss():\n    return Value(2.0, label='a') * FACTOR\n"
    )
    assert cli.main(["draw", f"{package / 'graph.py'}:loss", "-o", str(tmp_path / "out.dot")]) == 0
    assert "× 3" in (tmp_path / "out.dot").read_text()


def test_a_folder_in_place_of_a_file_is_one_sentence(capsys, tmp_path):
    assert cli.main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}: is a directory\n"
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert cli.main(["frames", "rnn", "-o", str(in_the_way)]) == 2
    assert capsys.readouterr().err.endswith(f"error: {in_the_way}: file exists\n")


def test_a_file_without_its_function_is_told_how_to_name_it(capsys, tmp_path):
    file = tmp_path / "homework.py"
    file.write_text("def run():\n    return None\n")
    assert cli.main(["draw", str(file)]) == 2
    assert capsys.readouterr().err.endswith(f"returns the loss: {file}:FUNCTION\n")


def test_a_wrong_name_is_answered_by_those_near_it(capsys, tmp_path):
    file = str(tmp_path / "x.svg")
    assert cli.main(["draw", "lstm", "--hidden", "9", "--highlight", "h_9", "-o", file]) == 2
    assert capsys.readouterr().err.startswith("error: highlight: no Value is called 'h_9'; there")
    assert cli.main(["draw", "lstm", "--hidden", "9", "--highlight", "?", "-o", file]) == 2
    assert len(capsys.readouterr().err) < 250
