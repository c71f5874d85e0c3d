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
        "y_2 → W_y: 1 × (-24) = -24, gradient of W_y: -24",
        "y_2 → h_2: 1 × (-1) = -1, gradient of h_2: -1",
        "h_2 is finished, gradient -1",
        "h_2 → W_x: (-1) × 1 = -1, gradient of W_x: -1",
        "h_2 → W_h: (-1) × 5 = -5, gradient of W_h: -5",
        "h_2 → E[c]: (-1) × 1 = -1, gradient of E[c]: -1",
        "h_2 → h_1: (-1) × (-5) = 5, gradient of h_1: 5",
        "y_1 is finished, gradient 1",
        "y_1 → W_y: 1 × 5 = 5, gradient of W_y: -24 + 5 = -19",
        "y_1 → h_1: 1 × (-1) = -1, gradient of h_1: 5 + (-1) = 4",
        "h_1 is finished, gradient 4",
        "(bptt) w",
        "           L = 19",
        "   × 1     y_2 = 24",
        "   × (-1)  h_2 = -24",
        ">  × (-5)  h_1 = 5",
        "product 1 × (-1) × (-5) = 5",
        "the largest of 2 paths; they sum to 4",
        "(bptt) q",
    ]


def test_forward_before_the_first_value():
    out = io.StringIO()
    commands = "s\np h_2\nunt h_2\nc\nbk 2\nb t=2\nc\nc\nc\nq\n"
    debug(quiz(), io.StringIO(commands), out, forward=True)
    printed = out.getvalue().splitlines()
    assert printed[:5] == [
        "L = ?: 11 nodes, 14 messages; h for help",
        "(bptt) s",
        "h_1 = W_x·E[o] + W_h·h_0 = 1·5 + (-5)·0 = 5",
        "(bptt) p h_2",
        "h_2 = W_x·E[c] + W_h·h_1   in t=2/cell",
    ]
    assert printed[5] == "  value     not computed yet"
    assert printed[printed.index("(bptt) unt h_2") + 2] == (
        "h_2 = W_x·E[c] + W_h·h_1 = 1·1 + (-5)·5 = -24"
    )
    assert printed.count("L = y_1 + y_2 = (-5) + 24 = 19") == 2
    assert printed.count("breakpoint 1: t=2") == 1
    assert printed[-2] == "end: every gradient is complete"


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
        (
            ["h c"],
            "c(ontinue): go on to the next breakpoint, or to the end (first, of the forward pass).",
        ),
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
        "h_1 = W_x·E[o] + W_h·h_0   in t=1/cell",
        "  value     5",
        "  gradient  5 so far, 1 of 2 messages",
    ]
    assert replies("p", "q") == [
        "L = y_1 + y_2",
        "  value     19",
        "  gradient  none yet, waits for 0 messages",
        "  → y_1      local derivative 1",
        "  → y_2      local derivative 1",
    ]
    assert replies(*to_y_1, "p", "q")[2:] == [
        "  gradient  1, complete",
        "  → W_y      local derivative 5, message 1 × 5 = 5",
        "  → h_1      local derivative -1, message 1 × (-1) = -1",
    ]


def test_up_and_down_walk_the_path_of_where():
    assert replies("unt h_1", "u", "u", "q")[0] == "y_2 = W_y × h_2   in t=2/readout"
    assert replies("unt h_1", "u 99", "q")[0] == "L = y_1 + y_2"
    assert replies("unt h_1", "u 2", "d", "q")[0].startswith("h_2 = W_x·E[c] + W_h·h_1")
    marked = [line for line in replies("unt h_1", "u", "w", "q") if line.startswith(">")]
    assert marked == [">  × (-1)  h_2 = -24"]
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
    assert printed[0] == "… 44 events before these; history 47 shows them"
    assert len(printed) == 4
    assert (
        replies("c", "history 2", "q", x=quiz("ciao"))[1]
        == "   47  end: every gradient is complete"
    )
    assert len(replies("c", "hist", "q", x=quiz("ciao"))) == 20


ASKED = ["  h_2 sends (-1) × (-5)", "  y_1 sends 1 × (-1)"]


@pytest.mark.parametrize("answer", ["4", "1*-1 + -1*-5", "4.01"])
def test_quiz_asks_before_it_shows(answer):
    printed = session("unt y_1", "quiz", answer, "quiz", "-20", "q")
    at = printed.index("(bptt) quiz")
    assert printed[at + 1 : at + 6] == [
        *ASKED, f"gradient of h_1? {answer}", "right, it is 4", "1 of 1 right",
    ]  # fmt: skip
    assert printed[-3:-1] == ["right, it is -20", "2 of 2 right"]


def test_a_wrong_answer_may_be_tried_once_more():
    assert replies("unt y_1", "quiz", "5", "4", "q")[2:] == [
        "gradient of h_1? 5", "no; once more, or hint, skip", "gradient of h_1? 4",
        "right, it is 4", "1 of 1 right",
    ]  # fmt: skip
    assert replies("unt y_1", "quiz", "5", "6", "q")[-2:] == ["no, it is 4", "0 of 1 right"]


def test_a_slip_of_the_keyboard_counts_for_nothing():
    """Neither what is no number, nor a hint, nor a question that is left."""
    printed = replies("unt y_1", "quiz", "W_q", "import os", "h_1 > 2", "hint", "4", "q")
    assert printed[3] == "there is no 'W_q' here; near it: W_y, W_x, W_h"
    assert printed[5] == "not an expression: 'import os'"
    assert printed[7] == "answer a number, or a product such as 5 * -1"
    assert printed[9] == "the messages that arrive are added: 5 + (-1)"
    assert printed[-1] == "1 of 1 right"
    for word in ("", "q", "skip"):
        assert replies("unt y_1", "quiz", word, "q")[-2:] == [
            "it is 4; not counted",
            "0 of 0 right",
        ]


def test_every_third_question_hides_a_factor():
    printed = session("unt y_2", "quiz", "-1", "quiz", "1", "quiz", "-5", "q")
    assert printed[-6:-1] == [
        "(bptt) quiz",
        "  h_2 sends (-1) × ? = 5",
        "local derivative of h_2 to h_1? -5",
        "right, it is -5",
        "3 of 3 right",
    ]


def test_restart_forgets_the_score():
    assert session("unt y_1", "quiz", "4", "restart", "unt y_1", "quiz", "4", "q")[-2] == (
        "1 of 1 right"
    )


def test_what_if_h_0_were_1():
    assert replies("unt h_1", "set h_0 = 1", "q") == [
        "h_0 = 1, before 0",
        "L goes from 19 to -1, by -20",
        "the gradient promised (-20) × 1 = -20",
    ]
    printed = session("unt h_1", "set h_0 = 1", "p h_1", "undo", "p h_1", "q")
    assert "  value     0" in printed
    assert "  gradient  4, complete" in printed
    assert printed[printed.index("(bptt) undo") + 1 :][:2] == ["h_0 = 0 again", "L = 19"]
    assert "  value     5" in printed


def test_nudge_holds_the_loss_against_the_promise():
    x = Value(3.0, label="x")
    cube = x * x * x
    cube.label = "cube"
    assert replies("nudge x 0.01", "q", x=cube) == [
        "x = 3.01, before 3",
        "cube goes from 27 to 27.2709, by 0.270901",
        "the gradient promised 27 × 0.01 = 0.27",
    ]
    assert (x.data, cube.data) == (3.01, 3.01**3)


def test_set_keeps_the_place_and_the_breakpoints():
    printed = session("b h_1", "unt h_2", "set W_h = 2", "c", "p h_1", "q")
    assert "breakpoint 1: h_1" in printed
    assert "  gradient  -3, complete" in printed  # -1 × 2 from h_2, -1 from y_1


def test_terms_of_a_weight_over_time():
    assert replies("terms W_h", "q") == [
        "t=1  0",
        "t=2  -5",
        "sum  -5",
        "3 paths from the loss, largest first:",
        "  L → y_2 → h_2 → W_h:  1 × (-1) × 5 = -5",
        "  L → y_2 → h_2 → h_1 → W_h:  1 × (-1) × (-5) × 0 = 0",
        "  L → y_1 → h_1 → W_h:  1 × (-1) × 0 = 0",
    ]


def test_terms_of_a_whole_gate_are_norms():
    run = lstm()
    run.loss.backward()
    column = run.model.cell.weight_ih[2:4]  # the forget gate's rows
    printed = replies("terms W_xf", "q", x=run)
    assert [line.split()[0] for line in printed[:4]] == ["t=1", "t=2", "t=3", "sum"]
    total = math.hypot(*(w.grad for row in column for w in row))
    assert float(printed[3].split()[1]) == pytest.approx(total, rel=1e-5)


def lstm(hidden=2):
    model = nn.SequenceModel(nn.LSTMCell(1, hidden, seed=0), nn.Linear(hidden, 1, seed=1))
    return model.unroll([0.5, -1.0, 2.0], [0.0, 0.0, 1.0], loss="mse")


def test_vectors_and_inputs_go_by_the_names_of_the_pictures():
    printed = replies("unt h_2", "p h_3", "q", x=lstm())
    assert printed[0].split() == ["h_3", "value", "gradient"]
    assert [line.split()[0] for line in printed[1:]] == ["h_3[0]", "h_3[1]"]
    assert replies("unt h2", "p h_2[0].grad != h_2[1].grad", "q", x=lstm()) == ["True"]
    assert replies("p x_2", "q")[0].startswith("E[c] = a leaf")
    assert replies("p x2.data", "q") == ["1"]
    assert replies("unt x_2[0]", "q", x=quiz())[-1].startswith("*** there is no 'x_2[0]'")


def test_a_vector_has_no_number():
    assert replies("p h_3 + 1", "q", x=lstm()) == ["*** 'h_3 + 1' mixes what does not go together"]
    assert replies("l h_3", "q", x=lstm())[-1].startswith("*** 'h_3' is a vector of 2")


def test_stepping_by_gate_vector_and_step_of_time():
    run = lstm()
    scopes, labels = [], []
    sweep = io.StringIO()
    prompt = Debugger(run, io.StringIO(""), sweep)
    prompt.onecmd("unt h_3")
    for _ in range(3):
        prompt.onecmd("g")
        scopes.append(prompt.place.scope)
    assert len(set(scopes)) == 3
    prompt.onecmd("r")
    assert prompt.place.scope.startswith("t=2")
    for _ in range(2):
        prompt.onecmd("v")
        labels.append(prompt.place.label.partition("[")[0] or prompt.place.op.name)
    assert labels[0] != labels[1]


def test_breakpoints_at_gates_and_vectors():
    out = io.StringIO()
    prompt = Debugger(lstm(), io.StringIO(""), out)
    prompt.onecmd("b forget")
    visited = []
    for _ in range(3):
        prompt.onecmd("c")
        visited.append(prompt.place.scope)
    assert visited == ["t=3/cell/forget", "t=2/cell/forget", "t=1/cell/forget"]
    prompt.onecmd("restart")
    prompt.onecmd("cl")
    prompt.onecmd("tbreak h_2")
    prompt.onecmd("c")
    assert prompt.place.label == "h_2[0]"
    assert all(prompt.stepper.is_finished(prompt.names.nodes[f"h_2[{i}]"]) for i in (0, 1))


def test_a_temporary_breakpoint_goes_even_where_another_stops():
    assert session("b t=1", "tbreak y_1", "c", "b", "q")[-3:-1] == [
        "(bptt) b", "1  t=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("set h_0", "write set h_0 = 1, got 'h_0'"),
        ("set h_1 = 2", "h_1 is computed; a number can be given to a leaf: "),
        ("set h_0 = a", "h_0 takes numbers such as 0.5, got 'a'"),
        ("set h_0 = 1 2", "h_0 takes 1 number, got 2"),
        ("set h_9 = 1", "there is no 'h_9' here; near it: "),
        ("nudge W_h", "write nudge W_h 0.01, got 'W_h'"),
        ("undo", "no number was changed: "),
        ("terms", "name a weight: terms W_h"),
        ("terms W_q", "W_q"),
        ("history x", "a whole number of 1 or more is needed, got 'x'"),
    ],
)
def test_changes_that_cannot_be_made_are_one_sentence(command, sentence):
    assert sentence in replies(command, "q")[0]


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
        ("draw x.gif", "ends in .svg, .png, .dot, .pdf or .tex, got 'x.gif'"),
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


@pytest.mark.parametrize("name", ["W_h", "W_hh", "weight_hh", "cell.weight_hh"])
def test_a_weight_is_found_by_every_name(name):
    cell = nn.RNNCell(2, 2, seed=0)
    run = nn.SequenceModel(cell).unroll([[1.0, 2.0]] * 2, loss=lambda h, _: h[0])
    out = io.StringIO()
    debug(run, io.StringIO(f"p {name}\nq\n"), out)
    assert f"{name[:8]}" in out.getvalue()
    assert "W_h[1,0]  " in out.getvalue()
    if "." not in name:
        debug(run, io.StringIO(f"unt {name}[0,1]\nq\n"), out)
        assert "W_h[0,1] is finished" in out.getvalue()
