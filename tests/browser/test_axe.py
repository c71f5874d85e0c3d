"""axe-core, where MICROGRID_AXE says where its axe.min.js is: nothing bars whoever cannot see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

import viz
from microgrid import nn


def lstm() -> nn.Unrolled:
    model = nn.SequenceModel(nn.LSTMCell(1, 2, seed=0), nn.Linear(2, 1, seed=1))
    return model.unroll([0.5, -1.0, 0.8], [0.2, 0.1, 1.0], loss="mse")


@pytest.fixture(params=["light", "dark"])
def check(browser: Any, tmp_path: Any, request: Any) -> Iterator[Callable[[str], Any]]:
    """Opens the page at a fragment; what it returns has `violations`, to be called at any time."""
    where = os.environ.get("MICROGRID_AXE")
    if not where:
        pytest.skip("MICROGRID_AXE names no axe.min.js")
    file = viz.player(lstm(), tmp_path / "page.html")
    context = browser.browser.new_context(bypass_csp=True, color_scheme=request.param)

    def opened(fragment: str = "", **size: int) -> Any:
        page = context.new_page()
        if size:
            page.set_viewport_size(size)
        page.goto(file.as_uri() + fragment)
        page.add_script_tag(path=where)
        return page

    yield opened
    context.close()


def violations(page: Any) -> list[tuple[str, str]]:
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(v["impact"], v["id"]) for v in found["violations"]]


def test_the_sweep_the_table_and_the_quiz(check: Any) -> None:
    page = check()
    for key in ("Shift", "End", "t", "t", "q"):
        page.keyboard.press(key)
        assert violations(page) == [], key


def test_the_heat_map_of_a_training(check: Any) -> None:
    page = check(width=390, height=844)
    page.click("#downhill-many")
    page.focus("#reach")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#reach-cell") != ""
    assert violations(page) == []


def test_a_page_within_a_page(check: Any) -> None:
    page = check("?embed", width=690, height=560)
    assert violations(page) == []
    page.click("#fold")
    assert violations(page) == []
