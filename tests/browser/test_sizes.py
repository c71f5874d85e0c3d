"""Windows of every size: nothing is hidden, cut or pushed out at the side."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

import viz
from microgrid import nn

from .conftest import painted

CUT = """all => all.filter((x) => {
    const box = x.getBoundingClientRect();
    const shown = x.checkVisibility() && box.width > 0 && !x.closest('dialog, .unseen');
    const wide = x.tagName !== 'SELECT' && x.scrollWidth > x.clientWidth + 1;
    return shown && (box.left < -0.5 || box.right > innerWidth + 0.5 || wide);
}).map((x) => x.id || x.textContent || x.value)"""
CONTROLS = "header button, header select, header input, footer button, footer select, footer input"


def lstm() -> nn.Unrolled:
    model = nn.SequenceModel(nn.LSTMCell(1, 2, seed=0), nn.Linear(2, 1, seed=1))
    return model.unroll([0.5, -1.0, 0.8], [0.2, 0.1, 1.0], loss="mse")


@pytest.mark.parametrize(
    ("width", "height", "fragment"),
    [(358, 560, "?embed"), (390, 844, ""), (690, 560, "?embed"), (708, 420, ""), (905, 420, ""),
     (968, 420, ""), (1024, 768, ""), (1440, 900, ""), (1920, 1080, "")],
)  # fmt: skip
@pytest.mark.parametrize("larger", [False, True], ids=["as it is", "larger"])
def test_no_control_leaves_the_window(
    show: Any, width: int, height: int, fragment: str, larger: bool
) -> None:
    page = show(lstm(), f"{fragment}#quiz", width=width, height=height)
    if larger:
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("p")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(CONTROLS).evaluate_all(CUT) == []
    assert page.locator("#slider").bounding_box()["width"] > 90  # it can still be dragged


def test_a_question_its_answer_and_its_card_are_seen_on_a_telephone(show: Any) -> None:
    page = show(lstm(), "#quiz", width=390, height=844)
    page.locator(".card.asking").wait_for()
    painted(page)
    stage, footer = (page.locator(x).bounding_box() for x in ("#stage", "footer"))
    asked = page.locator(".card.asking").bounding_box()
    field = page.locator("#quiz-answer").bounding_box()
    assert stage["y"] + 100 < stage["y"] + stage["height"] <= field["y"]
    assert stage["y"] <= asked["y"] < stage["y"] + stage["height"]
    assert field["y"] + field["height"] <= footer["y"]


def test_the_card_that_is_asked_about_stays_in_sight_when_the_window_shrinks(show: Any) -> None:
    page = show(lstm(), "#quiz", width=390, height=844)
    page.locator(".card[aria-label^='L (']").dispatch_event("click")  # which asks about it
    for height in (844, 500):
        page.set_viewport_size({"width": 390, "height": height})
        painted(page)
        stage = page.locator("#stage").bounding_box()
        asked = page.locator(".card.asking").bounding_box()
        assert stage["y"] <= asked["y"] < stage["y"] + stage["height"]


def test_a_widget_shows_its_knobs_in_a_narrow_notebook(browser: Any, tmp_path: Any) -> None:
    pytest.importorskip("anywidget")
    file = tmp_path / "widget.html"
    file.write_text(viz.widget(lstm()).page, encoding="utf-8")
    page = browser.new_page()
    page.set_viewport_size({"width": 708, "height": 640})
    page.goto(file.as_uri())
    page.locator("#knobs").scroll_into_view_if_needed()
    assert page.locator("#knobs .knob").first.is_visible()
    assert page.locator("#stage").bounding_box()["width"] > 400
    assert page.locator("#play").is_visible()
    page.close()
