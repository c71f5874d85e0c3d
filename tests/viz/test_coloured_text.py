"""Texts coloured by an activation: SVG, HTML, terminal."""

import re
import xml.etree.ElementTree as ET

import pytest

import viz
from microgrid import Value
from viz.style.theme import THEMES

SVG = "{http://www.w3.org/2000/svg}"
LIGHT = THEMES["light"]


def test_every_character_has_its_colour():
    shown = viz.activations("ab<\n", [1.0, -1.0, 0.0, 0.5])
    boxes = [b for b in ET.fromstring(shown.svg()).iter(f"{SVG}rect")
             if b.find(f"{SVG}title") is not None]  # fmt: skip
    assert [b.get("fill") for b in boxes][:3] == [LIGHT.gradient, LIGHT.value, LIGHT.ground]
    assert [b.find(f"{SVG}title").text for b in boxes] == [
        "a: 1.0",
        "b: -1.0",
        "<: 0.0",
        "newline: 0.5",
    ]


def test_html_is_one_page_with_the_text_in_it():
    page = viz.activations("a & b", [0.1] * 5, title="A <title>").html()
    assert page.startswith("<!DOCTYPE html>")
    assert "A &lt;title&gt;" in page
    assert "http" not in page
    body = page.split("<pre>")[1].split("</pre>")[0]
    assert re.sub("<[^>]*>", "", body) == "a &amp; b"


def test_terminal_with_and_without_colour():
    shown = viz.activations("ab\ncd", [1.0, -1.0, 0.0, 0.2, -0.9])
    assert str(shown) == shown.ansi(colour=False) == "ab\n+−0\ncd\n0−"
    coloured = shown.ansi()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == "ab⏎\ncd"
    rgb = ";".join(str(c) for c in bytes.fromhex(LIGHT.gradient[1:]))
    assert f"48;2;{rgb}" in coloured


def test_long_lines_break_at_a_blank():
    text = "word " * 40
    shown = viz.activations(text, [0.5] * len(text))
    lines = str(shown).split("\n")[::2]
    assert max(map(len, lines)) <= 84
    assert " ".join(line.strip() for line in lines) == text.strip()


def test_short_lines_stand_in_columns():
    def size(text):
        root = ET.fromstring(viz.activations(text, [0.5] * len(text)).svg())
        return float(root.get("width")), float(root.get("height"))

    few, many = size("some letters\n" * 10), size("some letters\n" * 40)
    assert many[1] == pytest.approx(few[1], abs=1.0)  # four columns of ten lines
    assert many[0] > few[0]
    long = size(("x" * 60 + "\n") * 40)
    assert long[1] > 4 * few[1] * 0.8


def test_values_may_be_nodes_and_the_limit_may_be_given():
    shown = viz.activations("ab", [Value(0.5), 0.25], limit=1.0)
    assert shown.values == (0.5, 0.25)
    assert shown.limit == 1.0
    assert viz.activations("a", [0.5], limit=0.5).svg().count(LIGHT.gradient) == 2  # and the key
    assert viz.activations("a", [0.5], limit=1.0).svg().count(LIGHT.gradient) == 1
    assert viz.activations("ab", [0.0, 0.0]).limit == 1.0


def test_nan_is_marked():
    shown = viz.activations("ab", [float("nan"), 1.0])
    assert LIGHT.bad.fill in shown.svg()
    assert str(shown) == "ab\n?+"


def test_saving(tmp_path):
    shown = viz.activations("ab", [1.0, 0.0])
    assert shown.save(tmp_path / "a.html").read_text() == shown.html()
    assert shown.save(tmp_path / "a.svg").read_text() == shown.svg()
    with pytest.raises(ValueError, match=r"ends in \.svg or \.html, got 'a.txt'"):
        shown.save(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("message", "text", "values"),
    [
        ("the text has 2 characters, but there are 1 values", "ab", [1.0]),
        ("needs a text, got an empty one", "", []),
    ],
)
def test_lengths_must_agree(message, text, values):
    with pytest.raises(ValueError, match=message):
        viz.activations(text, values)
