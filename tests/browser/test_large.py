"""A picture that does not fit the window: what cannot be seen is painted later, and not lost."""

from __future__ import annotations

import math
import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

from microgrid import nn, recompute
from viz.drawing.drawing import Text
from viz.drawing.painter import paint
from viz.layout.place import layout_of
from viz.picture.build import Options, Pictures
from viz.style.theme import LIGHT

WORDS = """cards => cards.map((card) => ['value', 'grad'].map((kind) =>
    [...card.querySelectorAll(`text.${kind}`)].map((text) => text.textContent)))"""


def long_run() -> nn.Unrolled:
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), nn.Linear(1, 1, seed=1))
    return model.unroll([0.5, -0.3] * 12, [0.1] * 24, loss="mse")


def painted(run: nn.Unrolled) -> list[list[list[str]]]:
    """What Python writes on every card: values and gradients."""
    picture = Pictures(run, Options(detail="scalar")).played()
    groups = {group.id: group.shapes for group in paint(picture, layout_of(picture), LIGHT).groups}

    def words(card: str, kind: str) -> list[str]:
        shapes = groups[card]
        return [s.plain for s in shapes if isinstance(s, Text) and s.kind == kind]

    return [[words(card.id, "value"), words(card.id, "grad")] for card in picture.cards]


def at_rest(page: Any, where: str, ask: str, expected: Any) -> Any:
    """What the page answers, once it is what is expected or a minute has passed."""
    end = time.monotonic() + 60.0
    while (said := page.locator(where).evaluate_all(ask)) != expected:
        if time.monotonic() > end:
            break
        page.wait_for_timeout(20)
    return said


def test_every_card_shows_the_engines_numbers_at_rest(show: Any) -> None:
    run = long_run()
    page = show(run, "#level=scalar")
    page.keyboard.press("End")
    assert page.locator(".card").count() > 250
    assert at_rest(page, ".card", WORDS, painted(run)) == painted(run)
    for weight in (0.3, -0.8, 0.9):
        page.evaluate(f"window.microgrid.set('W_h', {weight})")
    run.model.cell.weight_hh[0][0].data = 0.9
    recompute(run.loss)
    assert at_rest(page, ".card", WORDS, painted(run)) == painted(run)


def test_what_is_far_away_is_laid_out_when_it_comes_into_view(show: Any) -> None:
    page = show(long_run(), "#level=scalar")

    def hidden() -> int:
        return int(page.locator(".card[display=none]").count())

    assert hidden() > 100
    first = page.locator(".card", has=page.locator("text.name:text-is('h₁')")).first
    page.keyboard.press("f")
    assert hidden() == 0
    assert first.is_visible()
    for _ in range(12):
        page.keyboard.press("+")
    assert hidden() > 200
    page.fill("#search", "h1")
    page.keyboard.press("Enter")
    assert first.is_visible()
    page.keyboard.press("Escape")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.classList.contains('card')")


def test_a_file_holds_what_cannot_be_seen(show: Any) -> None:
    page = show(long_run(), "#level=scalar")
    cards = page.locator(".card").count()
    with page.expect_download() as download:
        page.select_option("#save", "svg")
    svg = ET.parse(download.value.path())
    shown = [
        rect for rect in svg.iter("{http://www.w3.org/2000/svg}rect")
        if "display: none" not in rect.get("style", "")
    ]  # fmt: skip
    assert len(shown) > cards
    names = " ".join(svg.getroot().itertext())
    assert "h₁" in names
    assert "h₂₄" in names
    assert not any("display" in group.attrib for group in svg.iter())
    assert page.locator(".card[display=none]").count() > 100


def test_nan_and_infinity_are_red_wherever_they_stand(show: Any) -> None:
    run = long_run()
    page = show(run, "#level=scalar")
    page.keyboard.press("End")
    page.evaluate("window.microgrid.set('W_y', 1e200)")
    run.model.readout.weight[0][0].data = 1e200
    recompute(run.loss)
    picture = Pictures(run, Options(detail="scalar")).played()
    numbers = [row.value for card in picture.cards for row in card.rows]
    numbers += [x for wire in picture.wires for x in (wire.local, wire.message)]
    red = sum(x is not None and not math.isfinite(x) for x in numbers)
    assert red > 100
    assert at_rest(page, "text.bad", "x => x.length", red) == red
    assert page.locator("rect.bad").count() == red
    page.click("#reset-live")
    assert at_rest(page, "text.bad, rect.bad", "x => x.length", 0) == 0
