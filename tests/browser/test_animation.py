"""The animated SVG in a real browser: it plays in an <img>, and stands still when asked to."""

import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

from viz_graphs import quiz

import viz
from microgrid.graph import creation_order

WORDS = """(group) => [...document.querySelectorAll(`g[id="${group}"] text`)]
    .filter((text) => getComputedStyle(text).visibility === "visible")
    .filter((text) => getComputedStyle(text.parentElement).opacity > 0)
    .map((text) => text.textContent)"""

AT = """(time) => document.getAnimations().forEach((animation) => {
    animation.pause();
    animation.currentTime = time;
})"""


def opened(browser, address, **media):
    page = browser.new_page()
    page.set_viewport_size({"width": 900, "height": 950})
    page.emulate_media(**({"reduced_motion": "no-preference"} | media))
    page.goto(address)
    return page


def in_an_image(browser, folder, **options):
    """A page that has nothing but an <img> of the quiz's animation."""
    viz.animate(quiz(), folder / "quiz.svg", seconds=0.5, **options)
    (folder / "page.html").write_text('<img src="quiz.svg" width="800">')
    return opened(browser, (folder / "page.html").as_uri())


def test_it_plays_inside_an_image(browser, tmp_path):
    page = in_an_image(browser, tmp_path)
    seen = {page.screenshot()}
    for _ in range(600):  # it plays again and again: another picture is sure to come
        if len(seen) > 1:
            break
        page.wait_for_timeout(100)
        seen.add(page.screenshot())
    page.close()
    assert len(seen) > 1


def test_the_last_picture_is_held_inside_an_image(browser, tmp_path):
    page = in_an_image(browser, tmp_path, hold=600.0, loop=False)
    page.wait_for_timeout(20 * 500)  # before anything, 5 values, 14 messages
    late = [page.screenshot()]
    while len(late) < 60 and (len(late) < 2 or late[-2] != late[-1]):
        page.wait_for_timeout(1000)
        late.append(page.screenshot())
    page.close()
    assert late[-2] == late[-1]


def test_the_browser_shows_each_number_at_its_time(browser, tmp_path):
    run = quiz()
    page = opened(browser, viz.animate(run, tmp_path / "quiz.svg").as_uri())
    order = [node.label for node in creation_order(run.loss)]
    seen = []
    for k in range(20):  # before anything, 5 values, 14 messages
        page.evaluate(AT, 800 * k + 400)
        _name, _op, *numbers = page.evaluate(WORDS, f"n{order.index('h_1')}")
        seen.append(tuple(numbers))
    page.close()
    steps = [state for i, state in enumerate(seen) if state != seen[i - 1]]
    # h_1 = 1 · 5; h_2 sends it -1 · -5 = 5, and then y_1 sends 1 · -1 = -1
    assert steps == [("–",), ("5", "–"), ("5", "5"), ("5", "4")]


def test_a_wire_is_pointed_out_while_its_message_is_sent(browser, tmp_path):
    run = quiz()
    page = opened(browser, viz.animate(run, tmp_path / "quiz.svg").as_uri())
    order = [node.label for node in creation_order(run.loss)]
    place = f"w{order.index('h_2')}_0"
    colours = []
    for k in range(20):
        page.evaluate(AT, 800 * k + 400)
        colours.append(page.evaluate(
            """(id) => [...document.querySelectorAll(`g[id="${id}"] path, g[id="${id}"] polygon`)]
            .slice(-2).map((x) => getComputedStyle(x))
            .map((style) => `${style.stroke} ${style.fill}`)""", place))  # fmt: skip
    page.close()
    red = "rgb(220, 38, 38)"
    assert colours.count([f"{red} none", f"none {red}"]) == 1
    assert colours[0] == ["rgb(203, 213, 225) none", "none rgb(203, 213, 225)"]


def test_reduced_motion_shows_the_last_picture(browser, tmp_path):
    path = viz.animate(quiz(), tmp_path / "quiz.svg")
    page = opened(browser, path.as_uri(), reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0
    shown = {id: page.evaluate(WORDS, id) for id in ("title", "n5", "panel1")}
    page.close()
    still = ET.parse(viz.render(quiz(), tmp_path / "still.svg"))
    drawn = {
        id: ["".join(text.itertext()) for text in still.iterfind(f".//*[@id='{id}']/{{*}}text")]
        for id in shown
    }
    assert shown == drawn
