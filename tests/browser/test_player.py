"""The player in a real browser: every control by mouse and by keyboard, every number."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from viz_graphs import quiz_of_numbers as quiz

from microgrid import Value, nn
from microgrid.graph import creation_order, gradient_of
from viz.style.theme import THEMES
from viz.style.typography import number, pretty

from .pages import Show, card, gradient, message_to, position, tanh_run

# The numbers


@pytest.mark.parametrize("run", [quiz(), tanh_run(), tanh_run(2, 2)], ids=["quiz", "rnn", "vector"])
def test_values_and_gradients_are_the_engines(show: Show, run: nn.Unrolled) -> None:
    page = show(run, "#level=scalar")
    page.keyboard.press("End")
    page.keyboard.press("t")
    rows = page.locator("#table tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.children].map(cell => cell.textContent))"
    )
    shown = {name: (value, grad) for name, value, grad, *_ in rows}
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
    page = show(quiz(), clock="stopped")
    page.select_option("#speed", "400")
    page.click("#sweep")
    page.locator("#canvas").focus()
    page.keyboard.press(" ")
    page.clock.run_for(2 * 400)
    assert position(page) == 2
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.keyboard.press(" ")
    page.clock.run_for(10 * 400)
    assert position(page) == 2
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    page.click("#play")
    page.clock.run_for(11 * 400)
    assert position(page) == 13
    page.clock.run_for(400)
    assert page.locator("#position").text_content() == "14 of 14"
    assert page.locator("body.playing").count() == 0


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
