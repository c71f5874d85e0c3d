"""Bad input, Ctrl-C, post mortem and the command line: a session ends where it should."""

import io
import signal
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import session

from demos.quiz import quiz
from microgrid import Value, cli, detect_anomaly, scope
from microgrid.anomaly import AnomalyError
from microgrid.debugger import Debugger, pm
from microgrid.debugger.breakpoints import Breakpoint
from microgrid.graph import gradient_of

NET = """
from microgrid import Value
def product():
    a = Value(3.0, label="a")
    return a * a
def nothing():
    return 3
def broken():
    return 1 / 0
"""


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("unt h_9", "there is no 'h_9' here; near it: h_2, h_1, h_0"),
        ("b t=7", "there is no scope 't=7'; there are t=1, t=2"),
        ("unt t=7", "there is no scope 't=7'; there are t=1, t=2"),
        ("nudge h_0 1e999", "the step takes finite numbers such as 0.5, got '1e999'"),
        ("set h_0 = nan", "h_0 takes finite numbers such as 0.5, got 'nan'"),
        ("grad h_0", "there is no command 'grad'; p h_0 prints it, h lists them"),
        ("p dL/dh_9", "there is no 'h_9' here; near it: h_2, h_1, h_0"),
        ("unt", "name a node: a label, or n1, n2 ... as l shows"),
        ("unt L.data", "'L.data' is not a node"),
        ("unt h_2", "the sweep has passed h_2; go back or restart first"),
        ("s -1", "a whole number of 1 or more is needed, got '-1'"),
        ("s 0", "a whole number of 1 or more is needed, got '0'"),
        ("b", "no breakpoints"),
        ("tbreak", "an expression is needed, got nothing"),
        ("b wubble", "no node, op, scope or quantity is called 'wubble'"),
        ("b gard > 1", "called 'gard'; near it: grad"),
        ("b open('x')", "'open' is no function here"),
        ("b op + 1", "mixes what does not go together"),
        ("cl 7", "there is no breakpoint 7"),
        ("undisplay 7", "there is no display 7"),
        ("h foo", "there is no command 'foo'; h lists them"),
        ("foo bar", "not an expression: 'foo bar'; h lists the commands"),
        ("foo", "there is no 'foo' here; near it: nothing; h lists the commands"),
        ("draw x.gif", "ends in .svg, .png, "),
        ("draw /nowhere/x.svg", "there is no folder '/nowhere'"),
    ],
)
def test_bad_input_is_one_sentence_and_the_sweep_stays(command, sentence):
    printed = session("unt h_1", command, "c" if command == "b op + 1" else "bk", "q")
    assert any(sentence in line for line in printed)
    assert not any("Traceback" in line for line in printed)
    assert printed[-1] == "(bptt) q"


@settings(max_examples=80)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["s", "n", "r", "c", "bk 3", "restart", "unt h_1", "b dot", "b grad > 0", "p", "w"]
                + ["tbreak t=1", "cl", "u", "d", "l", "quiz", "h"]
            ),
            st.text(max_size=12),
            st.builds("{} {}".format, st.sampled_from("snbpulwd"), st.text(max_size=8)),
        ),
        max_size=12,
    )
)
def test_whatever_is_typed_it_ends_where_the_stepper_says(lines):
    run, out = quiz(), io.StringIO()
    prompt = Debugger(run, io.StringIO("\n".join(lines) + "\n"), out)
    prompt.cmdloop()
    prompt.stepper.restart()
    assert [gradient_of(node) for node in prompt.stepper.nodes] == [None] * 11
    prompt.stepper.run()
    assert run.states[0][0].grad == -20.0
    assert "Traceback" not in out.getvalue()


def test_ctrl_c_stops_between_two_events():
    out, handler = io.StringIO(), signal.getsignal(signal.SIGINT)
    prompt = Debugger(quiz(), io.StringIO(), out)

    def press(event):
        if event.kind == "message":
            signal.raise_signal(signal.SIGINT)
        return False

    prompt.breakpoints[1] = Breakpoint("ctrl-c", press)
    prompt.onecmd("c")
    assert out.getvalue().splitlines()[-2:] == [
        "L → y_1: 1 × 1 = 1, gradient of y_1: 1",
        "interrupted",
    ]
    assert signal.getsignal(signal.SIGINT) is handler


def test_draw_shows_the_gradients_there_are_by_now(tmp_path):
    target, page = tmp_path / "now.dot", tmp_path / "now.html"
    printed = session("unt h_1", f"draw {target}", f"draw {page}", "p grad", "p h_0.grad", "q")
    assert printed[-9:] == [
        f"(bptt) draw {target}",
        f"wrote {target}",
        f"(bptt) draw {page}",
        f"wrote {page}",
        "(bptt) p grad",
        "4",
        "(bptt) p h_0.grad",
        "·",
        "(bptt) q",
    ]
    assert "The backward sweep after 10 messages" in target.read_text()
    assert page.read_text().startswith("<!doctype html>")


def test_pm_stops_at_the_bad_message(monkeypatch):
    x = Value(0.0, label="x")
    with scope("t=1"):
        root = x.sqrt() * 3.0
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        root.backward()
    monkeypatch.setattr(sys, "last_exc", caught.value, raising=False)
    for x in (None, root):
        out = io.StringIO()
        pm(x, io.StringIO("p message\nw\n"), out)
        printed = out.getvalue().splitlines()
        assert printed[0].startswith("n1 (sqrt) → x: 3 × inf = inf, gradient of x: ")
        assert printed[2:6] == [
            "(bptt) p message",
            "inf",
            "(bptt) w",
            "        n2 (mul) = 0",
        ]


def test_pm_shows_the_node_whose_value_went_wrong():
    a = Value(2.0, label="a")
    out = io.StringIO()
    pm((a - 3.0).log() + 1.0, io.StringIO("q\n"), out)
    assert out.getvalue().splitlines()[:2] == ["n2 (log) = log(n1)", "  value     nan"]


def test_pm_says_where_all_is_well(monkeypatch):
    with pytest.raises(ValueError, match=r"every value and every message of .* is finite"):
        pm(quiz(), io.StringIO(), io.StringIO())
    monkeypatch.setattr(sys, "last_exc", None, raising=False)
    monkeypatch.setattr(sys, "last_value", None, raising=False)
    with pytest.raises(ValueError, match="the last error was no AnomalyError"):
        pm()


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path / 'net.py'}"


def test_microgrid_step_reads_commands_from_a_file_or_a_pipe(net, tmp_path, capsys, monkeypatch):
    script = tmp_path / "commands"
    script.write_text("unt a\np grad\n")
    assert cli.main(["step", f"{net}:product", "--commands", str(script)]) == 0
    from_file = capsys.readouterr().out
    assert from_file.splitlines()[-3:] == ["(bptt) p grad", "6", "(bptt) "]
    monkeypatch.setattr("sys.stdin", io.StringIO(script.read_text()))
    assert cli.main(["step", f"{net}:product"]) == 0
    assert capsys.readouterr().out == from_file


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("{net}", "expected FILE.py:FUNCTION or one of rnn, lstm, gru, got"),
        ("{net}:", "expected FILE.py:FUNCTION, got"),
        ("nowhere.py:net", "there is no Python file 'nowhere.py'"),
        ("{net}:other", "has no function 'other'"),
        ("{net}:nothing", "nothing returned the number 3: return the Value, not its data"),
        ("{net}:broken", "net.py:broken raised ZeroDivisionError: division by zero"),
    ],
)
def test_microgrid_step_refuses_in_one_sentence(target, sentence, net, capsys):
    assert cli.main(["step", target.format(net=net)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error


def test_microgrid_step_without_its_commands(net, capsys):
    assert cli.main(["step", f"{net}:product", "-c", "/nowhere"]) == 2
    assert "cannot read the commands in /nowhere: No such file" in capsys.readouterr().err


def test_microgrid_step_takes_a_cell_by_its_name(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("p L_1\nterms W_hn\nq\n"))
    assert cli.main(["step", "gru", "--steps", "1", "--loss-only-last"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("L_1 = ")
    assert "1 path from the loss" in said
    assert cli.main(["step", "gruu"]) == 2
    assert "expected FILE.py:FUNCTION or one of rnn, lstm, gru" in capsys.readouterr().err
