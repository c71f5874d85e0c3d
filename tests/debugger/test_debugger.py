"""The prompt: its commands, its ways to fail, and that the sweep never loses its place."""

import io
import math

import pytest
from sessions import lstm, replies, session

from demos.quiz import quiz
from microgrid import Value, nn, scope
from microgrid.debugger import Debugger, debug


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
        "  gradient  none yet, the sweep begins here with 1",
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


def test_an_unlabelled_gated_graph_is_walkable_to_its_end():
    run = nn.MLP(2, [2, 1], seed=0)([1.0, 2.0])[0]
    assert replies("r", "r", "r", "q", x=run)[-1].startswith("end") or math.isfinite(run.grad)
