"""What is not computed yet is not shown, what is typed is read as people write it."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from viz_graphs import quiz_of_numbers as quiz

from microgrid import nn

SHOWN = """all => all.filter((wire) => {
    const local = wire.querySelector('.local');
    return local && getComputedStyle(local).visibility === 'visible';
}).length"""


def test_the_forward_pass_shows_no_local_derivative_before_its_value(show: Any) -> None:
    page = show(quiz())
    wires = page.locator("#canvas .wire")
    page.keyboard.press("Home")
    counts = [wires.evaluate_all(SHOWN)]
    for _ in range(5):
        page.keyboard.press("n")
        counts.append(wires.evaluate_all(SHOWN))
    # h_1 and h_2 are computed from x, h, W_x and W_h; y_1 and y_2 from h and W_y; L from both.
    assert counts == [0, 4, 6, 10, 12, 14]


def test_the_table_has_its_numbers_beside_the_names(show: Any) -> None:
    model = nn.SequenceModel(nn.LSTMCell(2, 2, seed=0), nn.Linear(2, 2, seed=1))
    run = model.unroll([[1.0, 2.0]] * 2, [0, 1])
    page = show(run, "#level=scalar&step=999", width=1024, height=768)
    page.click("#table-toggle")
    side = page.locator("#side").bounding_box()["x"]
    for cell in page.locator("#table tbody tr:first-child").locator(".value, .gradient").all():
        box = cell.bounding_box()
        assert box["x"] + box["width"] < side
    names = page.locator("#table tbody th").all_text_contents()
    assert "W_hf[0,1] (used at t = 2, cell/forget)" in names
    assert not any("((" in name or "(dot)" in name for name in names)


@pytest.mark.parametrize(
    ("typed", "right"),
    [("{0} × (1)", True), ("{1}*-1", True), ("{2}/2", True), ("-1 · {1},0", True),
     ("{0} * 3", False)],
)  # fmt: skip
def test_an_answer_may_be_a_product(show: Any, typed: str, right: bool) -> None:
    page = show(quiz(), "#quiz")
    asked = re.search("value of (.*)\\?", page.text_content("#quiz-question"))[1]
    name = asked.translate(str.maketrans({"₁": "_1", "₂": "_2"}))
    x = int(page.evaluate("(name) => microgrid.value(name)", name))
    page.fill("#quiz-answer", typed.format(x, -x, 2 * x))
    page.keyboard.press("Enter")
    assert ("Right." in page.text_content("#quiz-verdict")) is right


@pytest.mark.parametrize("typed", ["1e999", "1/0", "5 *", "* 5", "(5", "5 5"])
def test_what_is_no_number_is_no_wrong_answer(show: Any, typed: str) -> None:
    page = show(quiz(), "#quiz")
    page.fill("#quiz-answer", typed)
    page.keyboard.press("Enter")
    assert "That is no number" in page.text_content("#quiz-verdict")
    assert page.text_content("#quiz-score") == ""


def test_an_address_with_a_wrong_number_says_which(show: Any) -> None:
    page = show(quiz(), "#h_0=abc&h_9=1&W_h=1e999")
    assert page.text_content("#promise") == (
        "The address names what this page does not have: h_9. "
        "h_0 takes a number such as 1.5, got “abc”. "
        "W_h takes a number such as 1.5, got “1e999”."
    )


def test_no_other_place_tells_what_is_not_known_yet(show: Any) -> None:
    page = show(quiz(), width=1440, height=900)
    page.keyboard.press("Home")
    page.click("#table-toggle")
    told = page.locator("#table td.local")
    assert set("".join(told.all_text_contents()).replace("−", "-")) & set("0123456789") <= set(
        "012"
    )
    assert "?" in "".join(told.all_text_contents())
    page.keyboard.press("n")
    row = page.locator("#table tr", has=page.get_by_role("rowheader", name="h₁", exact=True))
    assert "W_h: 0" in row.text_content()
    page.click("#table-toggle")
    page.locator(".card[aria-label^='h₂']").click()
    assert "∂h₂/∂W_x = ?" in page.text_content("#card-text")
    page.keyboard.press("End")
    page.click("#table-toggle")
    assert "?" not in "".join(told.all_text_contents())
    assert "∂h₂/∂h₁ = −5" in page.text_content("#card-text")


def test_a_factor_that_is_asked_for_stands_nowhere(show: Any) -> None:
    page = show(quiz(), "#quiz", width=1440, height=900)
    for _ in range(8):
        if "local derivative" in page.text_content("#quiz-question"):
            break
        page.click("#quiz-next")
    asked = page.text_content("#quiz-question").partition("∂")[2].rstrip("?")
    result, operand = asked.split("/∂")
    page.click("#table-toggle")
    row = page.locator("#table tr", has=page.get_by_role("rowheader", name=result, exact=True))
    assert f"{operand}: ?" in row.text_content().replace("(a use)", "")
    page.click("#table-toggle")
    page.locator(f".card[aria-label^='{result} ']").hover()
    assert f"∂{asked} = ?" in page.text_content("#card-text")
