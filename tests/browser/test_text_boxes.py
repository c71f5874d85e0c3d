"""Measured in a real browser: no text leaves its card, its panel or the legend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")

from viz_graphs import gated, mlp, quiz, rnn

import viz
from microgrid import Value, nn

LABELS = [
    "a very long product name, much too long", "W" * 200, "i" * 300, "h_1234567[12,345]",
    "\u6f22\u5b57" * 30,  # Chinese
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 " * 10,  # Arabic
    "\u0928\u092e\u0938\u094d\u0924\u0947" * 8,  # Devanagari
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35" * 9,  # Thai
    "\U0001f600" * 40,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 12,  # a family
    "e\u0301" * 60, "\u2042\ufdfd\U0001242b", "\u202eright to left\u202c", "tab\tand\nnewline",
    "<b>&amp;</b>", "\ud800 lone surrogate", "\x00\x07\x1b[31m", "%s %n {0} $x$", "\\N \\G \\L",
    "\u200b" * 90, "Z\u0351\u036b\u0343\u036a\u0302" * 30, "\u1e9e\u0130\ufb03" * 20, "]]>", "-->",
    "x\u2028y", "_" * 80, "h_0_1_2_3_4_5_6_7_8_9", "\u2225" * 50, "\u2588" * 60, "\U0001d54f" * 40,
    "The quick brown fox jumps over", "{|}~^`@#", "rftjlI" * 30,
]  # fmt: skip
NUMBERS = [-1473.654, 1e-300, -123456.0, 0.5]

MEASURE = """() => [...document.querySelectorAll('g.card, g.panel, g.legend')].flatMap((group) => {
  const box = group.querySelector('rect').getBBox();
  return [...group.querySelectorAll('text')].map((text) => [text.textContent, text.getBBox()])
    .filter(([, b]) => b.width > 0 && (b.x < box.x - 0.5 || b.x + b.width > box.x + box.width + 0.5
      || b.y < box.y - 1 || b.y + b.height > box.y + box.height + 2))
    .map(([words, b]) => [group.id, words.slice(0, 30), b.x - box.x, b.width, box.width]);
})"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page()
    yield opened
    opened.close()


def outside(page: Any, path: Path) -> list[Any]:
    page.goto(path.as_uri())
    found: list[Any] = page.evaluate(MEASURE)
    return found


def test_hostile_labels_stay_on_their_cards(page: Any, tmp_path: Path) -> None:
    for i, label in enumerate(LABELS):
        x = Value(NUMBERS[i % 4], label=label)
        out = x * 2.0 + x
        out.label = label
        out.backward(gradient=NUMBERS[(i + 1) % 4])
        path = viz.render(out, tmp_path / f"{i}.svg")
        assert outside(page, path) == [], label


@pytest.mark.parametrize("detail", ["scalar", "vector", "cell", "rolled"])
@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_every_level_keeps_its_text_within(
    page: Any, tmp_path: Path, cell: Any, detail: str
) -> None:
    path = viz.render(gated(cell), tmp_path / "x.svg", detail=detail)
    assert outside(page, path) == []


def test_usual_pictures_keep_their_text_within(page: Any, tmp_path: Path) -> None:
    long = rnn(1, 25)
    for i, x in enumerate((quiz(), mlp(), rnn(3, 4, 2), long)):
        path = viz.render(x, tmp_path / f"{i}.svg")
        assert outside(page, path) == []
