"""The player in a real browser: every control by mouse and by keyboard, every number."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from playwright.sync_api import expect
from viz_graphs import quiz_of_numbers as quiz

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.graph import creation_order, gradient_of
from viz.style.theme import THEMES
from viz.style.typography import number, pretty

Show = Callable[..., Any]


def tanh_run(steps: int = 3, hidden: int = 1) -> nn.Unrolled:
    cell = nn.RNNCell(1, hidden, seed=3)
    model = nn.SequenceModel(cell, readout=nn.Linear(hidden, 1, seed=4))
    run = model.unroll([0.5 - t for t in range(steps)], [0.25] * steps, loss="mse")
    assert run.loss is not None
    run.loss.backward()
    return run


def card(page: Any, name: str, nth: int = 0) -> Any:
    """The card of that name in the picture."""
    return page.locator(".card", has=page.locator(f'text.name:text-is("{name}")')).nth(nth)


def gradient(page: Any, name: str, nth: int = 0) -> str:
    return str(card(page, name, nth).locator("text.grad").text_content())


def position(page: Any) -> int:
    return int(page.locator("#slider").input_value())


def message_to(page: Any, name: str, nth: int = 1) -> None:
    """Step forward until the card has received its nth message."""
    seen = 0
    for _ in range(100):
        page.keyboard.press("n")
        if "receives" in str(card(page, name).get_attribute("class")):
            seen += 1
            if seen == nth:
                return
    raise AssertionError(f"{name} never received message {nth}")


# The numbers


@pytest.mark.parametrize("run", [quiz(), tanh_run(), tanh_run(2, 2)], ids=["quiz", "rnn", "vector"])
def test_values_and_gradients_are_the_engines(show: Show, run: nn.Unrolled) -> None:
    page = show(run)
    page.keyboard.press("End")
    page.keyboard.press("t")
    rows = page.locator("#table tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.children].map(cell => cell.textContent))"
    )
    shown = {name: (value, grad) for name, _, value, grad, *_ in rows}
    assert run.loss is not None
    computed = [v for v in creation_order(run.loss) if v.label and v.parents]
    assert len(computed) >= 5
    for node in computed:
        assert gradient_of(node) is not None
        assert shown[pretty(node.label)] == (number(node.data), number(node.grad))


@pytest.mark.parametrize("run", [quiz(), tanh_run(), tanh_run(2, 2)], ids=["quiz", "rnn", "vector"])
def test_a_shared_weight_sums_to_its_gradient(show: Show, run: nn.Unrolled) -> None:
    page = show(run)
    page.keyboard.press("End")
    sums = page.locator("#panels tbody tr").evaluate_all(
        "rows => rows.map(r => [r.firstChild.textContent, r.lastChild.textContent])"
    )
    grads = {p.label: p.grad for p in run.model.parameters()}
    assert len(sums) == len(grads)
    assert dict(sums) == {name: number(grad) for name, grad in grads.items() if grad is not None}


def test_a_graph_that_was_never_swept_is_played_and_left_as_it_was(show: Show) -> None:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a).tanh()
    page = show(loss)
    page.keyboard.press("End")
    assert (gradient_of(a), gradient_of(b), gradient_of(loss)) == (None, None, None)
    loss.backward()
    assert gradient_of(a) is not None
    assert gradient(page, "a") == number(a.grad)


def test_gradients_of_earlier_sweeps_stay_in_the_sum(show: Show) -> None:
    a = Value(3.0, label="a")
    loss = a * a
    loss.backward()
    loss.backward()
    page = show(loss)
    assert gradient(page, "a") == "6"
    page.keyboard.press("End")
    assert gradient(page, "a") == "12"


# The sweep


def test_the_sweep_starts_at_the_loss_and_ends_at_h0(show: Show) -> None:
    page = show(quiz())
    assert gradient(page, "L") == "1"
    assert gradient(page, "h₀") == ""
    assert "unreached" in card(page, "h₀").get_attribute("class")
    page.keyboard.press("End")
    assert gradient(page, "h₀") == "−20"
    assert page.locator("#title").text_content() == "RNN (identity) unrolled over 2 steps"
    assert "dL/dh₀ = −20" in page.locator("#sentence").text_content()


@pytest.mark.parametrize(
    ("forward", "back"), [("n", "b"), ("ArrowRight", "ArrowLeft")], ids=["letters", "arrows"]
)
def test_keys_step_forward_and_back(show: Show, forward: str, back: str) -> None:
    page = show(quiz())
    seen = []
    for _ in range(4):
        page.keyboard.press(forward)
        seen.append(position(page))
    assert seen == [1, 2, 3, 4]
    before = picture(page)
    page.keyboard.press(forward)
    assert picture(page) != before
    page.keyboard.press(back)
    assert position(page) == 4
    assert picture(page) == before


def picture(page: Any) -> list[list[str]]:
    """What every card and wire of the picture looks like."""
    found: list[list[str]] = page.locator("#world .card, #world .wire").evaluate_all(
        """all => all.map((x) => [x.getAttribute('class'), x.ariaLabel,
            ...[...x.querySelectorAll('text')].filter((t) => getComputedStyle(t).visibility
            === 'visible').map((t) => t.textContent)])"""
    )
    return found


def test_buttons_and_slider_step_too(show: Show) -> None:
    page = show(quiz())
    page.click("#next")
    page.click("#next")
    page.click("#back")
    assert position(page) == 1
    page.click("#last")
    assert position(page) == 14
    assert page.locator("#next").is_disabled()
    page.click("#first")  # before the forward pass, which computes five values
    assert position(page) == -5
    assert page.locator("#position").text_content() == "value 0 of 5"
    page.click("#sweep")
    assert position(page) == 0
    page.locator("#slider").fill("9")
    assert page.locator("#position").text_content() == "9 of 14"
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert position(page) == 10


def test_space_plays_and_pauses(show: Show) -> None:
    page = show(quiz())
    page.select_option("#speed", "400")
    page.click("#sweep")
    page.locator("#canvas").focus()
    page.keyboard.press(" ")
    expect(page.locator("#position")).to_have_text("2 of 14")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    page.click("#play")
    expect(page.locator("#position")).to_have_text("14 of 14", timeout=15_000)
    expect(page.locator("body.playing")).to_have_count(0)


def test_a_fork_shows_how_the_messages_add_up(show: Show) -> None:
    page = show(quiz())
    message_to(page, "h₁", nth=1)
    assert page.locator(".fork text").count() == 0
    message_to(page, "h₁", nth=1)
    assert page.locator(".fork text").text_content() == "5 − 1 = 4"
    assert "−1" in page.locator("#equation").text_content()
    assert gradient(page, "h₁") == "4"
    assert "receives" in card(page, "h₁").get_attribute("class")
    assert "sends" in card(page, "y₁").get_attribute("class")


# Cards


def test_pointing_at_a_card_and_walking_to_it_say_the_same(show: Show) -> None:
    page = show(tanh_run())
    page.keyboard.press("End")
    card(page, "h₂").hover()
    pointed = page.locator("#card-text").inner_text()
    run = tanh_run()
    (h,) = run.states[2]
    for part in ("tanh(z₂)", repr(h.data), "made in t=2/cell", "2 messages add up to", "∂h₂/∂z₂"):
        assert part in pointed
    page.mouse.move(2, 400)
    for _ in range(60):
        page.keyboard.press("ArrowDown")
        if page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("h₂"):
            break
    assert page.locator("#card-text").inner_text() == pointed


def test_a_click_lights_every_path_to_the_loss(show: Show) -> None:
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    double = a * 2.0
    double.label = "d"
    loss = double * a + b
    loss.backward()
    page = show(loss)
    page.keyboard.press("End")
    card(page, "a").click()
    lit = page.locator(".card.on-path text.name").all_text_contents()
    assert sorted(lit) == ["+", "a", "d", "×"]
    words = page.locator("#card-text").inner_text()
    assert "2 paths to the loss" in words
    assert "1 × 4 = 4" in words
    assert "1 × 2 × 2 = 4" in words
    page.keyboard.press("Escape")
    assert page.locator(".on-path").count() == 0


def test_enter_on_a_focused_card_does_what_a_click_does(show: Show) -> None:
    page = show(quiz())
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator(".card.selected").count() == 1
    assert page.locator(".wire.on-path").count() > 0


@pytest.mark.parametrize("typed", ["h_2", "H2", "h₂"])
def test_search_finds_a_card_however_its_index_is_typed(show: Show, typed: str) -> None:
    page = show(quiz())
    page.keyboard.press("/")
    page.keyboard.type(typed)
    assert page.locator("#search-count").text_content() == "1 found"
    assert page.locator(".card.match text.name").all_text_contents() == ["h₂"]
    page.keyboard.press("Enter")
    assert page.locator("#card-text .name").text_content() == "h₂"
    page.keyboard.press("Escape")
    assert page.locator(".card.match").count() == 0
    page.keyboard.press("n")
    assert position(page) == 1


def test_search_says_when_there_is_none(show: Show) -> None:
    page = show(quiz())
    page.fill("#search", "nothing")
    assert page.locator("#search-count").text_content() == "none"


def test_zoom_pan_and_fit(show: Show) -> None:
    page = show(quiz())

    def transform() -> tuple[float, ...]:
        text = page.locator("#world").get_attribute("transform")
        return tuple(float(x) for x in re.findall(r"-?[\d.]+", text))

    fitted = transform()
    page.keyboard.press("+")
    assert transform()[2] == pytest.approx(1.3 * fitted[2])
    page.keyboard.press("f")
    assert transform() == pytest.approx(fitted)
    page.click("#zoom-out")
    assert transform()[2] == pytest.approx(fitted[2] / 1.3)
    page.click("#zoom-fit")
    page.mouse.move(100, 120)
    page.mouse.down()
    page.mouse.move(160, 150, steps=4)
    page.mouse.up()
    assert transform() == pytest.approx((fitted[0] + 60, fitted[1] + 30, fitted[2]))
    page.mouse.wheel(0, -200)
    assert transform()[2] > fitted[2]


# The quiz


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


# Everybody


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


# Levels


def test_the_switch_to_time_steps_keeps_the_place_and_the_numbers(show: Show) -> None:
    run = tanh_run(4)
    page = show(run)
    page.keyboard.press("End")
    page.click("#levels button[value=cell]")
    assert position(page) == int(page.locator("#slider").get_attribute("max"))
    for t, (h,) in enumerate(run.states):
        assert gradient_of(h) is not None
        assert gradient(page, pretty(h.label)) == number(h.grad), t
    page.keyboard.press("l")
    assert page.locator("#levels button[value=scalar]").get_attribute("aria-pressed") == "true"


def test_a_step_at_the_cell_level_goes_from_wire_to_wire(show: Show) -> None:
    page = show(tanh_run(4), "#level=cell")
    stops = []
    while page.locator("#next").is_enabled():
        page.keyboard.press("n")
        stops.append(position(page))
        assert page.locator(".wire.active").count() == 1
    assert len(stops) == page.locator(".wire").count()
    assert stops == sorted(set(stops))
    page.keyboard.press("b")
    assert position(page) == stops[-2]


def test_messages_within_a_box_are_no_fork(show: Show) -> None:
    page = show(tanh_run(2, 3), "#level=cell")
    while page.locator("#next").is_enabled():
        page.keyboard.press("n")
        if "receives" in card(page, "x₂").get_attribute("class"):
            break
    assert page.locator(".fork text").count() == 0
    assert "used more than once" not in page.locator("#sentence").text_content()


def test_what_reached_which_state_is_told_at_the_end(show: Show) -> None:
    page = show(tanh_run(4))
    assert page.locator("#findings").is_hidden()
    page.keyboard.press("End")
    assert "Where each gradient comes from" in page.locator("#findings").text_content()
    assert "reaches h₀" in page.locator("#sentence").text_content()


def test_numbers_that_are_none_are_white_on_red(show: Show) -> None:
    a, b = Value(float("inf"), label="a"), Value(0.0, label="b")
    product = a * b
    product.label = "c"
    product.backward()
    page = show(product)
    page.keyboard.press("End")
    red = THEMES["light"].bad.fill
    rgb = f"rgb({int(red[1:3], 16)}, {int(red[3:5], 16)}, {int(red[5:7], 16)})"

    def colour(where: str, nth: int = 0) -> str:
        element = page.locator(where).nth(nth)
        return str(element.evaluate("x => getComputedStyle(x).fill"))

    assert colour("rect.bad") == rgb
    grounds = card(page, "b").locator("rect.heat").evaluate("x => getComputedStyle(x).fill")
    assert grounds == rgb
    assert page.locator(".ribbon").evaluate_all(
        "all => all.some((x) => getComputedStyle(x).stroke === '%s')" % rgb  # noqa: UP031
    )


def test_a_cut_is_crossed_and_never_sends(show: Show) -> None:
    from demos.truncated import Detaching, echo, square

    model, xs, targets = echo(4, 1, 0)
    cut = nn.SequenceModel(Detaching(model.cell, 2), model.readout)
    run = cut.unroll(xs, targets, loss=square)
    assert run.loss is not None
    run.loss.backward()
    page = show(run)
    page.keyboard.press("End")
    assert page.locator(".wire.cut").count() == 1
    assert page.locator(".wire.cut .cross").count() == 2
    assert page.locator(".wire.cut text").all_text_contents() == ["detached"]
    assert page.locator(".wire.cut.passed").count() == 0
