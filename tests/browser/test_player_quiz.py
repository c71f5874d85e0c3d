"""The quiz of the player: what it hides, what it asks, and what it says to an answer."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from viz_graphs import quiz_of_numbers as quiz

from .pages import Show, card, gradient


def answer(page: Any, text: str) -> str:
    page.fill("#quiz-answer", text)
    page.keyboard.press("Enter")
    return str(page.locator("#quiz-verdict").inner_text())


def ask_about(page: Any, name: str) -> None:
    page.keyboard.press("q")
    card(page, name).click()
    assert name in page.locator("#quiz-question").text_content()


def test_the_quiz_hides_the_gradient_and_what_would_give_it_away(show: Show) -> None:
    page = show(quiz())
    ask_about(page, "h₁")
    assert gradient(page, "h₁") == "?"
    assert gradient(page, "h₀") == ""
    assert page.locator(".wire.asking").count() == 2
    assert page.locator("#next").is_disabled()
    assert "used 2 times" in page.locator("#quiz-question").text_content()
    card(page, "h₁").hover()
    assert "gradient ?" in page.locator("#card-text").inner_text()
    assert "= 4" not in page.locator("body").inner_text()


WRONG = {
    "-4": "sign",
    "5": "from h₂ alone",
    "-1": "from y₁ alone",
    "-5": "multiplied the messages",
    "2": "mean",
    "17": "Not yet",
    "four": "no number",
}


def test_a_wrong_answer_is_explained_and_a_right_one_too(show: Show) -> None:
    page = show(quiz())
    ask_about(page, "h₁")
    for wrong, why in WRONG.items():
        assert why in answer(page, wrong)
        assert gradient(page, "h₁") == "?"
    verdict = answer(page, "4")
    assert verdict.startswith("Right.")
    assert "5 − 1 = 4" in verdict
    assert gradient(page, "h₁") == "4"
    assert "0 of 1" in page.locator("#quiz-score").text_content()


def test_one_message_has_mistakes_of_its_own(show: Show) -> None:
    page = show(quiz())
    ask_about(page, "h₀")
    assert "gradient of h₁ itself" in answer(page, "4")
    assert "local derivative alone" in answer(page, "-5")
    assert "You added" in answer(page, "-1")
    assert answer(page, "-20").startswith("Right.")


def test_an_answer_may_be_written_in_many_ways(show: Show) -> None:
    page = show(quiz())
    page.keyboard.press("q")
    for i, right in enumerate(["4", "4.0", "4,00", "12/3", "4e0", " 4 "], start=1):
        card(page, "h₁").click()
        assert answer(page, right).startswith("Right.")
        assert f"{i} of {i}" in page.locator("#quiz-score").text_content()


def test_the_quiz_by_keyboard_alone(show: Show) -> None:
    page = show(quiz())
    page.keyboard.press("q")
    asked = []
    for _ in range(3):
        asked.append(page.locator("#quiz-question").text_content())
        page.keyboard.type("1000")
        page.keyboard.press("Enter")
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # show the answer
        assert page.locator("#quiz-verdict .verdict").text_content() == "The answer:"
        page.keyboard.press("Enter")  # next
    assert len(set(asked)) == 3
    assert "0 of 3" in page.locator("#quiz-score").text_content()
