"""The debugger as a teacher: questions, and what would be if a number were another."""

import math

import pytest
from sessions import lstm, replies, session

from demos.quiz import quiz
from microgrid import Value
from microgrid.exercise import WORDS, questions
from viz.page.data import playback
from viz.style.typography import pretty

ASKED = ["  h_2 sends (-1) × (-5)", "  y_1 sends 1 × (-1)"]


@pytest.mark.parametrize("answer", ["4", "1*-1 + -1*-5", "4.01"])
def test_quiz_asks_before_it_shows(answer):
    printed = session("unt y_1", "quiz", answer, "quiz", "-20", "q")
    at = printed.index("(bptt) quiz")
    assert printed[at + 1 : at + 6] == [
        *ASKED, f"What is the gradient of h_1? {answer}", "Right. It is 4", "1 of 1 right",
    ]  # fmt: skip
    assert printed[-3:-1] == ["Right. It is -20", "2 of 2 right"]


def test_a_wrong_answer_may_be_tried_once_more():
    assert replies("unt y_1", "quiz", "5", "4", "q")[2:] == [
        "What is the gradient of h_1? 5",
        "That is the message from h_2 alone: messages add. Once more, or hint, skip",
        "What is the gradient of h_1? 4",
        "Right. It is 4", "1 of 1 right",
    ]  # fmt: skip
    assert replies("unt y_1", "quiz", "5", "-4", "q")[-2:] == [
        "The size is right, the sign is not. It is 4", "0 of 1 right",
    ]  # fmt: skip


def test_a_slip_of_the_keyboard_counts_for_nothing():
    """Neither what is no number, nor a hint, nor a question that is left."""
    printed = replies("unt y_1", "quiz", "W_q", "import os", "h_1 > 2", "hint", "4", "q")
    assert printed[3] == "there is no 'W_q' here; near it: W_y, W_x, W_h"
    assert printed[5] == "not an expression: 'import os'"
    assert printed[7] == "answer a number, or a product such as 5 * -1"
    assert printed[9] == "dL/dh_1 is the sum of the messages from h_2, y_1."
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
        "What is the local derivative ∂h_2/∂h_1? -5",
        "Right. It is -5",
        "3 of 3 right",
    ]


def test_quiz_skips_the_start_and_ends_with_the_sweep():
    assert session("quiz")[2].startswith("What is the gradient of y_2?")
    assert replies("quiz", "1", "l", "q")[1].startswith("    L")
    said = "every gradient is complete: nothing is left to ask; restart begins anew"
    assert replies("c", "quiz", "q") == [said]


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


def test_prompt_page_and_sheet_ask_in_the_same_words():
    run = quiz()
    sheet = {q.text.partition("?")[0]: q for q in questions(run, 60)}
    first = session("unt y_1", "quiz", "hint", "5", "4", "q")
    third = session("unt y_2", "quiz", "-1", "quiz", "1", "quiz", "hint", "-5", "q")
    for printed, asked in (
        (first, "What is the gradient of h_1"),
        (third, "What is the local derivative ∂h_2/∂h_1"),
    ):
        assert asked in {line.partition("?")[0] for line in printed}
        assert sheet[asked].hint in printed
    assert f"{sheet['What is the gradient of h_1'].judge(5.0).words} Once more" in "\n".join(first)
    exercise = playback(run, None, None)[0]["exercise"]
    shown = {question["text"].partition("?")[0]: question for question in exercise["questions"]}
    for asked, question in sheet.items():
        if pretty(asked) in shown:
            assert shown[pretty(asked)]["hint"] == pretty(question.hint)
    assert len(shown) == len(sheet)
    assert exercise["words"] == WORDS
