"""The terminal: columns, tree and list; honest on a pipe, with NO_COLOR and in ASCII."""

from __future__ import annotations

import io
import re
import sys

import pytest
from viz_graphs import quiz_of_numbers as quiz

from microgrid import Value, nn
from microgrid.graph import gradient_of
from viz import text
from viz.formats.terminal import to_ascii
from viz.style.typography import number


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


QUIZ = """\
RNN (identity) unrolled over 2 steps: dL/dh₀ = −20
The gradient of y₂ at h₂ has grown 25 times when it reaches h₀.

       t = 1  gradient  t = 2  gradient
y ×       −5         1     24         1
h dot      5         4    −24        −1
x          5         4      1        −1

     value  gradient
h₀       0       −20
L Σ     19         1

Shared parameters: one gradient, summed over time
     value  t = 1  t = 2  dL/dw = Σ
W_x      1     20     −1         19
W_h     −5      0     −5         −5
W_y     −1      5    −24        −19

Where each gradient comes from: which loss reached which state
            h₀  h₁  h₂
from y₂    −25   5  −1
from y₁      5  −1
dL/dh = Σ  −20   4  −1"""


def test_a_run_over_time_stands_in_columns() -> None:
    assert text(quiz()) == QUIZ


def test_columns_that_have_no_room_go_on_below() -> None:
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0))
    run = model.unroll([1.0] * 9, loss=lambda y, target: y[0])
    shown = text(run, width=60, detail="scalar")
    heads = [line for line in shown.split("\n") if "gradient" in line and "t = " in line]
    assert [re.findall(r"t = (\d)", line) for line in heads] == [
        ["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"],
    ]  # fmt: skip
    assert max(map(len, heads)) <= 60


def test_four_units_fit_into_eighty_columns_a_line_for_each() -> None:
    model = nn.SequenceModel(nn.RNNCell(2, 4, seed=0), nn.Linear(4, 1, seed=1))
    run = model.unroll([[0.5, 1.0], [-1.0, 0.2], [0.8, 0.3]], [0.2, 0.1, 1.0], loss="mse")
    run.loss.backward()
    shown = text(run, width=80)
    assert max(map(len, shown.split("\n"))) <= 80
    at = shown.split("\n").index(next(x for x in shown.split("\n") if x.startswith("h tanh")))
    units = [line.split()[-2:] for line in shown.split("\n")[at : at + 4]]
    assert units == [[number(h.data), number(h.grad)] for h in run.states[3]]


def test_a_graph_is_a_tree_whose_columns_are_aligned() -> None:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a).tanh()
    loss.backward()
    lines = text(loss).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("card"))
    end = lines[start].index("value") + len("value")
    assert all(line[end - 1] != " " and line[end] == " " for line in lines[start + 1 : start + 6])
    assert gradient_of(b) is not None
    assert any("b" in line and number(b.grad) in line for line in lines)


def test_a_shared_node_is_opened_once() -> None:
    a = Value(0.5, label="a")
    h = a.tanh()
    h.label = "h"
    shown = text(h * h)
    assert shown.count("tanh") == 2  # both mention it
    assert shown.count("(above)") == 1
    assert shown.count("─ a") == 1


def test_a_deep_graph_is_a_list_and_costs_a_line_a_node() -> None:
    x = Value(1.0, label="x")
    for _ in range(60):
        x = x + x
    assert text(x).count("+ ×1, + ×1") == 59


def test_a_graph_before_any_sweep_says_so() -> None:
    shown = text(Value(2.0, label="a") * 3.0)
    assert "Backward has not run" in shown
    assert "–" in shown


def test_ascii_only_and_still_aligned() -> None:
    a = Value(2.0, label="a_1")
    loss = (a**2).sigmoid() - 1.0
    loss.backward()
    shown = text(loss, ascii=True)
    assert shown.isascii()
    assert "a_1" in shown
    table = shown.split("\n\n")[1].split("\n")
    end = table[0].index("value") + len("value")
    assert all(line[:end].rstrip() == line[:end] for line in table)


@pytest.mark.parametrize("label", ["a\nb\r\nc\t", "\t\t\t", "\ud800x", "\x1b[31mred"])
def test_a_label_of_any_letters_leaves_ascii_whole_and_the_terminal_alone(label: str) -> None:
    a = Value(2.0, label=label)
    b = a * a
    b.backward()
    shown = text(b, ascii=True, color=False)
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "..." not in shown  # nothing is cut


@pytest.mark.parametrize(
    ("given", "plain"),
    [("h₁₂", "h_12"), ("x²", "x^2"), ("−4.7e−4", "-4.7e-4"), ("☃", "\\u2603"), ("∞", "inf")],
)
def test_characters_in_ascii(given: str, plain: str) -> None:
    assert to_ascii(given) == plain


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    a = Value(2.0, label="a") * 3.0
    assert "\x1b[" not in text(a)  # pytest's capture is no terminal
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert "\x1b[" in text(a)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in text(a)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in text(a)


def test_colours_change_no_word() -> None:
    coloured = text(quiz(), color=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == text(quiz(), color=False).split()


def test_an_output_that_holds_no_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = Terminal()
    latin.encoding = "latin-1"
    monkeypatch.setattr(sys, "stdout", latin)
    assert text(Value(2.0, label="a_1") * -3.0, color=False).isascii()


@pytest.mark.parametrize("label", ["[red]x[/red]", "\x1b[31mred", "two\nlines", ":smile:"])
def test_a_label_is_text(label: str) -> None:
    shown = text(Value(2.0, label=label))
    assert "\x1b" not in shown
    assert shown.count("\n") == 4  # title, warning, blank, heading, card
    if label.isprintable():
        assert label in shown


def test_a_label_of_ten_thousand_letters_is_cut_with_an_ellipsis() -> None:
    shown = text(Value(2.0, label="x" * 10_000) * 3.0, title="t")
    assert max(map(len, shown.split("\n"))) < 120
    assert "x…" in shown
