"""The prompt: its commands, its ways to fail, and that the sweep never loses its place."""

import io
import math
import signal
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demos.quiz import quiz
from microgrid import Value, cli, detect_anomaly, nn, scope
from microgrid.anomaly import AnomalyError
from microgrid.debugger import Debugger, debug, pm
from microgrid.debugger.breakpoints import Breakpoint

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


def session(*lines, x=None):
    """What a session over the quiz prints, without the greeting."""
    out = io.StringIO()
    debug(quiz() if x is None else x, io.StringIO("\n".join(lines) + "\n"), out)
    return out.getvalue().splitlines()[1:]


def replies(*lines, x=None):
    """What the last of the commands prints."""
    printed = session(*lines, x=x)
    prompts = [i for i, line in enumerate(printed) if line.startswith("(bptt)")]
    return printed[prompts[-2] + 1 : prompts[-1]]


def test_the_session_of_the_lecture():
    assert session("s", "n", "", "unt h_1", "w", "q") == [
        "(bptt) s",
        "start: L gets gradient 1",
        "(bptt) n",
        "L is finished, gradient 1",
        "(bptt) ",
        "L → y_1: 1 × 1 = 1, gradient of y_1: 1",
        "L → y_2: 1 × 1 = 1, gradient of y_2: 1",
        "y_2 is finished, gradient 1",
        "(bptt) unt h_1",
        "y_2 → W_y: 1 × -24 = -24, gradient of W_y: -24",
        "y_2 → h_2: 1 × -1 = -1, gradient of h_2: -1",
        "h_2 is finished, gradient -1",
        "h_2 → W_x: -1 × 1 = -1, gradient of W_x: -1",
        "h_2 → W_h: -1 × 5 = -5, gradient of W_h: -5",
        "h_2 → E[c]: -1 × 1 = -1, gradient of E[c]: -1",
        "h_2 → h_1: -1 × -5 = 5, gradient of h_1: 5",
        "y_1 is finished, gradient 1",
        "y_1 → W_y: 1 × 5 = 5, gradient of W_y: -24 + 5 = -19",
        "y_1 → h_1: 1 × -1 = -1, gradient of h_1: 5 + -1 = 4",
        "h_1 is finished, gradient 4",
        "(bptt) w",
        "         L = 19",
        "   × 1   y_2 = 24",
        "   × -1  h_2 = -24",
        ">  × -5  h_1 = 5",
        "product 1 × (-1) × (-5) = 5",
        "the largest of 2 paths; they sum to 4",
        "(bptt) q",
    ]


def test_greeting_and_end_of_input():
    out = io.StringIO()
    debug(quiz(), io.StringIO(""), out)
    assert out.getvalue() == "L = 19: 11 nodes, 14 messages; h for help\n(bptt) \n"


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        (["c"], "end: every gradient is complete"),
        (["c", "c"], "the sweep is done: bk or restart to go back, q to leave"),
        (["unt y_2", "r"], "y_1 is finished, gradient 1"),
        (["s 3"], "L → y_1: 1 × 1 = 1, gradient of y_1: 1"),
        (["unt h_0", "bk"], "undone: h_0 is finished, gradient -20"),
        (["s", "bk 2"], "at the start: nothing to undo"),
        (["c", "restart"], "at the start"),
        (["b h_1", "c"], "breakpoint 1: h_1"),
        (["b dot", "c", "c"], "breakpoint 1: dot"),
        (["b t=1", "c"], "breakpoint 1: t=1"),
        (["b t=1/cell", "c"], "breakpoint 1: t=1/cell"),
        (
            ["b abs(grad) > 10 and step == None", "c"],
            "breakpoint 1: abs(grad) > 10 and step == None",
        ),
        (["b message == -24", "c"], "breakpoint 1: message == -24"),
        (["b parent.label == 'h_0' and upstream * local < 0", "n 9"], "breakpoint 1: parent.label"),
        (["b h_2", "b h_1", "cl 1", "c"], "breakpoint 2: h_1"),
        (["b h_2", "tbreak h_1", "cl"], "breakpoints left: none"),
        (["b h_2", "tbreak h_1", "b"], "2  h_1 (once)"),
        (["b"], "no breakpoints"),
        (["unt h_1", "p grad * 2"], "8"),
        (["p h_1.grad"], "·"),
        (["unt h_1", "W_h.data + 1"], "-4"),
        (["unt h_1", "s", "p message"], "20"),
        (["unt h_1", "p grad > 3 and op == 'dot'"], "True"),
        (["display h_1.grad", "unt h_1"], "  1: h_1.grad = 4"),
        (["display message", "unt h_1"], "  1: message = there is no 'message' here"),
        (["display grad", "undisplay 1", "n"], "L is finished, gradient 1"),
        (["h c"], "c(ontinue): go on to the next breakpoint, or to the end."),
        (["h"], "  Enter repeats the last command; what is no command is printed as by p"),
    ],
)
def test_commands(commands, last):
    assert replies(*commands, "q")[-1].startswith(last)


def test_a_temporary_breakpoint_stops_once():
    printed = session("tbreak dot", "c", "c", "q")
    assert sum("breakpoint 1: dot" in line for line in printed) == 1
    assert "end: every gradient is complete" in printed


def test_a_scope_that_holds_the_root_is_entered_at_the_start():
    with scope("t=1"):
        root = Value(2.0, label="a").exp() * 3.0
    assert replies("b t=1", "c", "q", x=root)[1:] == [
        "n2 (mul) is finished, gradient 1",
        "breakpoint 1: t=1",
    ]


def test_cards_say_how_far_a_gradient_is():
    to_y_1 = ["unt y_1"]
    assert replies(*to_y_1, "p h_1", "q")[:3] == [
        "h_1 = dot(W_x, W_h, E[o], h_0) in t=1/cell",
        "  value     5.0",
        "  gradient  5.0 so far, 1 of 2 messages",
    ]
    assert replies("p", "q") == [
        "L = sum(y_1, y_2)",
        "  value     19.0",
        "  gradient  none yet, waits for 0 messages",
        "  → y_1      local derivative 1",
        "  → y_2      local derivative 1",
    ]
    assert replies(*to_y_1, "p", "q")[2:] == [
        "  gradient  1.0, complete",
        "  → W_y      local derivative 5, message 1 × 5 = 5",
        "  → h_1      local derivative -1, message 1 × (-1) = -1",
    ]


def test_up_and_down_walk_the_path_of_where():
    assert replies("unt h_1", "u", "u", "q")[0] == "y_2 = mul(W_y, h_2) in t=2/readout"
    assert replies("unt h_1", "u 99", "q")[0] == "L = sum(y_1, y_2)"
    assert replies("unt h_1", "u 2", "d", "q")[0].startswith("h_2 = dot(")
    marked = [line for line in replies("unt h_1", "u", "w", "q") if line.startswith(">")]
    assert marked == [">  × -1  h_2 = -24"]
    assert replies("unt h_1", "u", "s", "p grad", "q") == ["4"]


def test_list_shows_the_neighbourhood():
    assert replies("unt h_1", "l W_y", "q") == [
        "    node  op    value  gradient  scope",
        "    y_1   mul   -5     1         t=1/readout",
        "->  h_1   dot   5      4         t=1/cell",
        "    h_0   leaf  0      ·",
        "    E[c]  leaf  1      -1",
        "    E[o]  leaf  5      ·",
        ">   W_y   leaf  -1     -19",
        "    W_h   leaf  -5     -5",
        "    W_x   leaf  1      -1",
    ]


def test_nodes_without_a_label_have_a_name_to_ask_for():
    a = Value(3.0, label="a")
    root = (a * a).tanh() + 1.0
    assert replies("p n2", "q", x=root)[0] == "n2 (tanh) = tanh(n1)"
    assert replies("unt n1", "q", x=root)[-1].startswith("n1 (mul) is finished")


def test_of_many_events_the_last_are_shown():
    printed = replies("c", "q", x=quiz("ciao"))
    assert printed[0].endswith(" events")
    assert len(printed) == 4


@pytest.mark.parametrize(
    ("answer", "reply", "score"),
    [
        ("4", "right, it is 4", "1 of 1 right"),
        ("1*-1 + -1*-5", "right, it is 4", "1 of 1 right"),
        ("4.01", "right, it is 4", "1 of 1 right"),
        ("5", "no, it is 4", "0 of 1 right"),
        ("", "it is 4", "0 of 1 right"),
        ("W_q", "no, it is 4", "0 of 1 right"),
        ("import os", "no, it is 4", "0 of 1 right"),
    ],
)
def test_quiz_asks_before_it_shows(answer, reply, score):
    printed = session("unt y_1", "quiz", answer, "quiz", "-20", "q")
    at = printed.index("(bptt) quiz")
    assert printed[at + 1 : at + 4] == [
        "  h_2 sends (-1) × (-5)",
        "  y_1 sends 1 × (-1)",
        f"gradient of h_1? {answer}",
    ]
    assert reply in printed
    assert score in printed
    assert "right, it is -20" in printed


def test_quiz_skips_the_start_and_ends_with_the_sweep():
    assert session("quiz")[2].startswith("gradient of y_2?")
    assert replies("quiz", "1", "l", "q")[1].startswith("    L")
    assert replies("c", "quiz", "q") == ["every gradient is complete: nothing is left to ask"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("unt h_9", "there is no 'h_9' here; near it: h_2, h_1, h_0"),
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
        ("draw x.gif", "ends in .svg, .png, .dot or .pdf, got 'x.gif'"),
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
    assert [node.grad for node in prompt.stepper.nodes] == [None] * 11
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
    assert "the backward sweep after 10 messages" in target.read_text()
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
        ("{net}", "expected FILE.py:FUNCTION, got"),
        ("{net}:", "expected FILE.py:FUNCTION, got"),
        ("nowhere.py:net", "there is no Python file 'nowhere.py'"),
        ("{net}:other", "has no function 'other'"),
        ("{net}:nothing", "a sweep starts from a Value or an unrolled run with a loss, got 3"),
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


def test_an_unlabelled_gated_graph_is_walkable_to_its_end():
    run = nn.MLP(2, [2, 1], seed=0)([1.0, 2.0])[0]
    assert replies("r", "r", "r", "q", x=run)[-1].startswith("end") or math.isfinite(run.grad)
