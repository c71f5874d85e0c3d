"""The level of detail a page opens at: that of detail="auto", the link's, or the question's."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from viz_graphs import mlp
from viz_graphs import quiz_of_numbers as quiz

from microgrid import nn
from viz.picture.build import picture_of

LISTEN = "navigator.clipboard.writeText = (t) => (window.copied = t, Promise.resolve())"
PRESSED = "#levels button[aria-pressed=true]"


def recurrent(cell: Any, hidden: int, steps: int) -> nn.Unrolled:
    model = nn.SequenceModel(cell(1, hidden, seed=0), nn.Linear(hidden, 1, seed=1))
    return model.unroll([0.5] * steps, [0.2] * steps, loss="mse")


GRAPHS = {
    "quiz": (quiz, "Every operation"),
    "lstm": (lambda: recurrent(nn.LSTMCell, 2, 3), "Gates"),
    "rnn of two units": (lambda: recurrent(nn.RNNCell, 2, 3), "Gates"),
    "long rnn": (lambda: recurrent(nn.RNNCell, 1, 9), "Time steps"),
    "mlp": (mlp, "Neurons"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_page_opens_at_the_level_that_auto_draws(show: Any, name: str) -> None:
    build, label = GRAPHS[name]
    page = show(build())
    assert page.locator(PRESSED).all_text_contents() == [label]
    assert page.locator(".card").count() == len(picture_of(build()).cards)


def test_a_link_names_the_level_even_where_it_is_the_first(show: Any) -> None:
    page = show(recurrent(nn.LSTMCell, 2, 3))
    page.evaluate(LISTEN)
    page.click("#copy-link")
    assert page.evaluate("window.copied").endswith("#step=0&level=gate")
    again = show(recurrent(nn.LSTMCell, 2, 3), "#step=0&level=cell")
    assert again.locator(PRESSED).text_content() == "Time steps"


def test_an_exercise_opens_where_its_questions_are(show: Any) -> None:
    for fragment in ("#quiz", "#level=cell&quiz", "#seed=3&quiz"):
        page = show(recurrent(nn.LSTMCell, 2, 2), fragment)
        assert page.locator(PRESSED).text_content() == "Every operation"
        assert page.text_content("#quiz-question").startswith("1 of 8")
    page = show(recurrent(nn.LSTMCell, 2, 2))
    assert page.locator(PRESSED).text_content() == "Gates"
    page.keyboard.press("q")
    assert page.locator(PRESSED).text_content() == "Every operation"
    assert page.locator(".card.asking, .wire.hidden-local").count() == 1
