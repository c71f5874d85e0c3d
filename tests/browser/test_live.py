"""The live page in a real browser: moved numbers, forward pass, training, exercises, files."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

from viz_graphs import quiz_of_numbers as quiz

import viz
from microgrid import Value, nn, optim, recompute
from microgrid.exercise import freshen
from microgrid.graph import gradient_of
from viz.style.typography import number

# What the page copies goes here instead of to a clipboard, which a test has none of.
LISTEN = "navigator.clipboard.writeText = (t) => (window.copied = t, Promise.resolve())"


def lstm() -> nn.Unrolled:
    model = nn.SequenceModel(nn.LSTMCell(1, 2, seed=0), nn.Linear(2, 1, seed=1))
    return model.unroll([0.5, -1.0, 0.8], [0.2, 0.1, 1.0], loss="mse")


def card(page: Any, name: str) -> Any:
    return page.locator(f".card:has(text.name:text-is('{name}'))").first


def text(page: Any, name: str, kind: str) -> str:
    return str(card(page, name).locator(f"text.{kind}").first.text_content())


def set_field(page: Any, name: str, value: str) -> None:
    page.fill(f"#knobs input[aria-label='{name}']", value)
    page.keyboard.press("Enter")


# Moved numbers


def test_h0_is_moved_and_everything_follows(show: Any) -> None:
    page = show(quiz(), "#step=14")
    set_field(page, "h₀", "1")
    assert "goes from 19 to −1. The gradient promised −1." in page.text_content("#promise")
    run = quiz()
    run.model.zero_grad()
    run.states[0][0].data = 1.0
    run.states[0][0].grad = None
    recompute(run.loss)
    run.loss.backward()
    for name, node in (("h₁", run.states[1][0]), ("h₂", run.states[2][0]), ("L", run.loss)):
        assert text(page, name, "value") == number(node.data)
        assert text(page, name, "grad") == number(node.grad)
    sums = page.locator("#panels tbody tr").evaluate_all(
        "rows => rows.map(r => [r.firstChild.textContent, r.lastChild.textContent])"
    )
    assert dict(sums) == {p.label: number(p.grad) for p in run.model.parameters()
                          if gradient_of(p) is not None}  # fmt: skip
    page.click("#undo-live")
    assert text(page, "L", "value") == "19"


def test_a_slider_moves_a_number_too(show: Any) -> None:
    page = show(quiz())
    page.locator("#knobs input[aria-label='h₀, slider']").fill("2")
    assert page.evaluate("window.microgrid.value('h_0')") == 2
    assert text(page, "h₁", "value") == "−5"


@pytest.mark.parametrize("wrong", ["four", "", "1e999", "--2", "<b>"])
def test_what_is_no_number_is_answered_and_changes_nothing(show: Any, wrong: str) -> None:
    page = show(quiz())
    set_field(page, "h₀", wrong)
    assert "h₀ takes a number such as 1.5" in page.text_content("#promise")
    assert text(page, "L", "value") == "19"
    set_field(page, "h₀", "1/2")
    assert page.evaluate("window.microgrid.value('h_0')") == 0.5


def test_a_branch_that_is_crossed_is_named_and_the_move_taken_back(show: Any) -> None:
    x = Value(1.0, label="x")
    y = x * 2.0
    y.label = "y"
    loss = y * 3.0 if y > 0.5 else y
    page = show(loss)
    set_field(page, "x", "0.1")
    assert "compared y > 0.5 and took the other branch" in page.text_content("#promise")
    assert page.evaluate("window.microgrid.value('x')") == 1
    set_field(page, "x", "0.5")
    assert page.evaluate("window.microgrid.gradient('x')") == 6


def test_numbers_that_are_no_numbers_are_red(show: Any) -> None:
    a = Value(2.0, label="a")
    page = show((a * 1.0).log() * 2.0, "#step=9")
    set_field(page, "a", "-1")
    assert page.locator(".card .value.bad").count() >= 2
    assert "nan" in page.text_content("#world")


def test_a_still_page_has_no_knobs(show: Any) -> None:
    page = show(quiz(), options={"live": False})
    assert page.locator("#live").is_hidden()
    with pytest.raises(Exception, match="this page is still"):
        page.evaluate("window.microgrid.set('h_0', 1)")


def test_the_page_offers_its_numbers_to_scripts(show: Any) -> None:
    page = show(quiz())
    assert {"h_0", "h_1", "W_h", "L"} <= set(page.evaluate("window.microgrid.names()"))
    assert page.evaluate("window.microgrid.gradient('h_0')") == -20
    assert page.evaluate("window.microgrid.set('h_0', 1)") is True
    assert page.evaluate("window.microgrid.value('L')") == -1
    for call, why in (
        ("value('h_9')", 'there is no "h_9" on this page'),
        ("set('h_1', 2)", "h_1 is computed; only a leaf can be set"),
        ("set('h_0', 'two')", "h_0 takes a finite number, got two"),
        ("value('__proto__')", "there is no"),
    ):
        with pytest.raises(Exception, match=why):
            page.evaluate(f"window.microgrid.{call}")


# Training


def test_steps_downhill_are_those_of_sgd(show: Any) -> None:
    run = lstm()
    page = show(run)
    page.fill("#rate", "0.3")
    page.click("#downhill")
    page.click("#downhill-many")
    assert "51 updates" in page.text_content("#promise")
    page.evaluate(LISTEN)
    page.click("#copy-numbers")
    weights = json.loads(page.evaluate("window.copied"))
    model = run.model
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    for _ in range(51):
        again = model.unroll([0.5, -1.0, 0.8], [0.2, 0.1, 1.0], loss="mse")
        optimizer.zero_grad()
        again.loss.backward()
        optimizer.step()
    trained = [p.data for p in model.parameters()]
    model.load_state_dict(weights)
    assert [p.data for p in model.parameters()] == pytest.approx(trained, rel=1e-9)
    assert page.locator("#curve path").count() == 1
    page.locator("#update").fill("0")
    assert "update 0 of 51" in page.text_content("#update-said")
    assert page.evaluate("window.microgrid.value('L')") == pytest.approx(run.loss.data, rel=1e-12)


def test_a_rate_that_explodes_stops(show: Any) -> None:
    page = show(quiz())
    page.fill("#rate", "1e3")
    page.click("#downhill-many")
    assert "no number any more" in page.text_content("#promise")
    page.fill("#rate", "fast")
    page.click("#downhill")
    assert "learning rate is a number above 0" in page.text_content("#promise")
    page.click("#reset-live")
    assert text(page, "L", "value") == "19"


# The forward pass, and walks


def test_the_forward_pass_computes_one_value_at_a_time(show: Any) -> None:
    page = show(quiz())
    page.keyboard.press("Home")
    assert text(page, "h₁", "value") == ""
    assert "uncomputed" in card(page, "h₁").get_attribute("class")
    assert text(page, "h₀", "value") == "0"
    page.keyboard.press("n")
    assert text(page, "h₁", "value") == "5"
    assert text(page, "y₁", "value") == ""
    assert "W_x·x₁ + W_h·h₀ = 5" in page.text_content("#equation").replace("E[o]", "x₁")
    for _ in range(4):
        page.keyboard.press("n")
    assert page.text_content("#position") == "0 of 14"
    assert text(page, "L", "value") == "19"


def test_play_begins_with_the_forward_pass(show: Any) -> None:
    page = show(quiz())
    page.keyboard.press(" ")
    assert page.text_content("#position").startswith("value 0")


def test_walks_by_card_and_by_step_of_time(show: Any) -> None:
    page = show(quiz())

    def walk(unit: str) -> list[int]:
        page.select_option("#unit", unit)
        page.click("#sweep")
        seen = []
        while not page.locator("#next").is_disabled():
            page.click("#next")
            seen.append(int(page.input_value("#slider")))
        return seen

    assert walk("message") == list(range(1, 15))
    cards, times = walk("card"), walk("time")
    assert set(cards) < set(range(1, 15))
    assert len(times) <= 4
    assert cards[-1] == times[-1] == 14


def test_run_to_the_selected_card(show: Any) -> None:
    page = show(quiz())
    assert page.locator("#run-to").is_disabled()
    card(page, "h₁").click()
    page.click("#run-to")
    assert text(page, "h₁", "grad") == "4"
    assert text(page, "h₀", "grad") == ""


def test_every_level_says_the_same_of_a_state(show: Any) -> None:
    run = lstm()
    page = show(run)
    levels = page.locator("#levels button").all_text_contents()
    assert {"Every operation", "Gates", "Time steps"} <= set(levels)
    page.keyboard.press("End")
    for level in levels:
        page.locator(f"#levels button:text-is('{level}')").click()
        assert number(run.loss.data) in page.text_content("#world")


# Exercises


def test_fresh_numbers_are_those_of_the_command_line(show: Any) -> None:
    page = show(quiz(), "#seed=7")
    run = quiz()
    freshen(run.loss, 7)
    for name in ("h_1", "h_2", "L", "W_h"):
        node = next(v for v in [*run.states[1], *run.states[2], run.loss, *run.model.parameters()]
                    if v.label == name)  # fmt: skip
        assert page.evaluate(f"window.microgrid.value('{name}')") == node.data


def test_a_round_has_kinds_an_end_and_a_score(show: Any) -> None:
    page = show(quiz(), "#seed=3&quiz")
    asked = []
    for _ in range(8):
        asked.append(page.text_content("#quiz-question"))
        page.click("#quiz-help")
        assert page.text_content("#quiz-hint")
        page.click("#quiz-show")
        page.click("#quiz-next")
    assert len(set(asked)) == 8
    words = " ".join(asked)
    for kind in ("value of", "local derivative", "send back", "used 2 times", "time steps"):
        assert kind in words
    assert "The end: 0 of 0 right" in page.text_content("#quiz-question")
    page.click("#quiz-fresh")
    assert page.text_content("#quiz-question").startswith("1 of 8")


# Links, files, presenting


def test_a_link_leads_to_this_very_view(show: Any) -> None:
    page = show(quiz())
    page.evaluate(LISTEN)
    set_field(page, "h₀", "1")
    page.locator("#slider").fill("6")
    page.click("#copy-link")
    link = page.evaluate("window.copied")
    assert link.endswith("#step=6&level=scalar&h_0=1")
    again = show(quiz(), "#step=6&h_0=1")
    assert text(again, "L", "value") == "−1"
    assert again.input_value("#slider") == "6"


@pytest.mark.parametrize(
    "fragment",
    ["#step=x&h_9=1", "#h_0=NaN", "#level=atoms", "#%3Cscript%3E=1&seed=-1", "#h_1=3&step=1e999"],
)
def test_an_address_of_another_graph_is_said_and_left_out(show: Any, fragment: str) -> None:
    page = show(quiz(), fragment)
    said = page.text_content("#promise")
    assert "does not have" in said or "h_0 takes a number such as 1.5, got “NaN”" in said
    assert text(page, "L", "value") == "19"


def save(page: Any, kind: str) -> bytes:
    with page.expect_download() as download:
        page.select_option("#save", kind)
    with open(download.value.path(), "rb") as file:
        return file.read()


def test_the_picture_is_saved_as_svg_png_and_animation(show: Any) -> None:
    page = show(quiz(), "#step=14")
    svg = ET.fromstring(save(page, "svg"))
    words = " ".join(svg.itertext())
    assert "−20" in words
    assert "19" in words
    assert save(page, "png").startswith(b"\x89PNG")
    moving = save(page, "animated")
    assert moving.count(b"<animate") >= 14
    ET.fromstring(moving)
    assert page.input_value("#slider") == "14"


def test_a_picture_behind_its_table_is_saved_as_it_is(show: Any) -> None:
    page = show(quiz(), "#step=14")
    plain = [save(page, kind) for kind in ("svg", "png", "animated")]
    page.click("#table-toggle")
    assert [save(page, kind) for kind in ("svg", "png", "animated")] == plain
    assert not page.locator("#canvas .card").first.is_visible()


def test_no_gradient_has_its_colour_before_its_step_in_the_animation(show: Any) -> None:
    page = show(quiz(), "#step=14")
    moving = ET.fromstring(save(page, "animated"))
    space = "{http://www.w3.org/2000/svg}"
    appearing = moving.findall(f".//{space}rect/{space}animate")
    assert len(appearing) == 2 * page.locator(".card .heat").count() == 28  # and the bars


def test_the_card_of_a_loss_is_written_like_every_other(show: Any) -> None:
    page = show(lstm())
    strokes = page.locator(".card.loss text.name").evaluate_all(
        "all => all.map((x) => getComputedStyle(x).stroke)"
    )
    assert len(strokes) == 3
    assert set(strokes) == {"none"}


def test_presenting_folding_and_embedding(show: Any) -> None:
    page = show(quiz())
    page.click("#fold")
    assert page.locator("#side").is_hidden()
    wide = page.locator("#stage").bounding_box()["width"]
    page.click("#fold")
    assert page.locator("#stage").bounding_box()["width"] < wide
    small = page.locator("#sentence").evaluate("x => parseFloat(getComputedStyle(x).fontSize)")
    page.click("#larger")
    large = page.locator("#sentence").evaluate("x => parseFloat(getComputedStyle(x).fontSize)")
    assert large > small
    embedded = show(quiz(), "?embed#step=3", width=690, height=560)
    assert embedded.locator("#side").is_hidden()
    assert embedded.locator("#play").is_visible()
    assert embedded.evaluate("document.documentElement.scrollWidth") <= 690


def test_a_page_in_a_frame_hears_and_tells_its_leaves(browser: Any, tmp_path: Any) -> None:
    """As a notebook's widget has it: numbers of leaves go to and fro by name."""
    viz.player(quiz(), tmp_path / "page.html")
    outer = tmp_path / "outer.html"
    outer.write_text(
        "<iframe src='page.html' width='900' height='600'></iframe><script>window.heard = [];"
        "addEventListener('message', (e) => heard.push(e.data.microgrid));</script>"
    )
    page = browser.new_page()
    page.goto(outer.as_uri())
    inner = page.frames[1]
    inner.wait_for_selector(".card")
    page.evaluate("frames[0].postMessage({ microgrid: { h_0: 1, h_1: 9, L: 'x' } }, '*')")
    inner.wait_for_function("window.microgrid.value('h_0') === 1")
    assert inner.evaluate("window.microgrid.value('L')") == -1
    assert page.evaluate("heard.length") == 0  # what it was told it does not tell back
    inner.evaluate("window.microgrid.set('h_0', 2)")
    page.wait_for_function("heard.length === 1")
    assert page.evaluate("heard[0].h_0") == 2
    page.close()


def test_no_word_of_a_picture_has_an_outline(show: Any) -> None:
    page = show(lstm())
    outlines = page.locator("#world text").evaluate_all(
        "texts => [...new Set(texts.map(t => getComputedStyle(t).stroke))]"
    )
    assert outlines == ["none"]
