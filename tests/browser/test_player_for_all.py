"""The player for everybody: by keyboard, on a small screen, with any label and any number."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from viz_graphs import quiz_of_numbers as quiz

from microgrid import Value
from microgrid import functional as F
from viz.style.theme import THEMES
from viz.style.typography import pretty

from .pages import Show, card, gradient, position


def test_every_control_has_a_name_and_is_reached_by_tab(show: Show) -> None:
    page = show(quiz())
    page.keyboard.press("n")  # so that no button is disabled
    card(page, "h₁").click()
    controls = page.locator("button:visible, input:visible, select:visible")
    wanted = set(controls.evaluate_all("all => all.map((x) => x.id || x.value)"))
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert len(wanted) >= 14
    assert wanted <= reached
    for control in controls.all():
        assert control.evaluate(
            "x => (x.ariaLabel || x.labels?.[0]?.textContent || x.textContent).trim()"
        )


def test_a_card_tells_a_screen_reader_what_is_known_of_it(show: Show) -> None:
    page = show(quiz())
    assert card(page, "h₁").get_attribute("aria-label") == (
        "h₁ (dot): value 5, gradient not reached yet"
    )
    page.keyboard.press("End")
    assert card(page, "h₁").get_attribute("aria-label") == "h₁ (dot): value 5, gradient 4"
    assert "one use of a shared weight" in card(page, "W_h").get_attribute("aria-label")


def test_arrow_keys_move_the_slider_that_has_the_focus(show: Show) -> None:
    page = show(quiz())
    for slider in (page.locator(".turn").first, page.locator("#update")):
        page.click("#downhill")
        before = float(slider.input_value())
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert float(slider.input_value()) < before
        assert position(page) == 0
    page.keyboard.press("Tab")  # from here on it is the keyboard that moves the focus
    page.locator("summary").first.focus()
    is_open = page.locator("details").first.get_attribute("open")
    page.keyboard.press(" ")
    assert page.locator("details").first.get_attribute("open") != is_open
    assert page.locator("body.playing").count() == 0


def test_keys_do_nothing_behind_an_open_dialog(show: Show) -> None:
    page = show(quiz())
    page.evaluate("document.getElementById('copy-box').showModal()")
    page.keyboard.press("n")
    assert position(page) == 0


def test_a_button_that_was_clicked_leaves_the_space_bar_to_the_sweep(show: Show) -> None:
    page = show(quiz())
    page.click("#table-toggle")
    page.click("#table-toggle")
    page.keyboard.press(" ")
    assert page.locator("body.playing").count() == 1
    assert page.locator("#table").is_hidden()


def test_colours_follow_the_system_until_one_is_chosen(show: Show) -> None:
    def ground(page: Any) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def as_rgb(colour: str) -> str:
        return "rgb({}, {}, {})".format(*bytes.fromhex(colour[1:]))

    dark = THEMES.get("dark", THEMES["light"])
    page = show(quiz(), color_scheme="dark")
    assert ground(page) == as_rgb(dark.ground)
    page.select_option("#theme", "light")
    assert ground(page) == as_rgb(THEMES["light"].ground)
    assert page.locator("#theme option").all_text_contents() == ["system", *THEMES]


def test_reduced_motion_is_honoured(show: Show) -> None:
    page = show(quiz(), reduced_motion="reduce")
    page.keyboard.press("n")
    assert page.locator(".pulse").is_hidden()
    assert (
        page.locator(".card").first.evaluate("x => getComputedStyle(x).transitionDuration") == "0s"
    )


def test_a_narrow_window_shows_everything_without_scrolling_sideways(show: Show) -> None:
    page = show(quiz(), width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#next")
    assert position(page) == 1


def test_help_opens_and_closes_by_key(show: Show) -> None:
    page = show(quiz())
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    assert position(page) == 0


def test_the_address_says_where_to_begin(show: Show) -> None:
    page = show(quiz(), "#step=6")
    assert position(page) == 6
    page = show(quiz(), "#quiz")
    assert page.locator("#quiz").is_visible()


# Labels are data


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"quotes' and \\back\\slashes\\",
    "two\nlines",
    "😀 <b>bold</b> &amp;",
    "$title ${data} $$",
    "\u2028\u2029<!--",
]


def test_a_label_is_text(show: Show) -> None:
    leaves = [Value(2.0, label=label) for label in HOSTILE]
    loss = F.sum(leaves)
    loss.label = HOSTILE[0]
    page = show(loss, options={"title": HOSTILE[0]})
    page.keyboard.press("End")
    assert page.locator("#title").text_content() == HOSTILE[0]
    page.keyboard.press("t")
    names = page.locator("#table tbody th").all_text_contents()
    assert names == [pretty(label) for label in (*HOSTILE, HOSTILE[0])]
    assert page.locator("img, #table b").count() == 0
    page.keyboard.press("t")
    for label in HOSTILE:
        page.keyboard.press("ArrowDown")
        assert page.locator("#card-text .name").text_content() == pretty(label)


def test_a_label_of_ten_thousand_letters(show: Show) -> None:
    a = Value(2.0, label="x" * 10_000)
    page = show(a * 3.0)
    page.keyboard.press("End")
    name = card_name = page.locator("text.name").first
    assert card_name.text_content().endswith("…")
    box = page.locator("rect.box").first.evaluate("x => x.getBBox().width")
    assert name.evaluate("x => x.getBBox().width") < box
    page.locator(".card").first.hover()
    assert page.locator("#card-text .name").text_content() == "x" * 10_000
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_nan_and_inf_are_visible(show: Show) -> None:
    a = Value(float("inf"), label="a")
    loss = a * Value(0.0, label="zero")
    page = show(loss)
    page.keyboard.press("End")
    assert card(page, "a").locator("text.value").text_content() == "∞"
    assert gradient(page, "zero") == "∞"
    assert card(page, "×").locator("text.value").text_content() == "nan"
    fill = card(page, "zero").locator("rect.heat").evaluate("x => getComputedStyle(x).fill")
    assert fill == "rgb({}, {}, {})".format(*bytes.fromhex(THEMES["light"].bad.fill[1:]))
