"""The rooms viz/dot.py and viz/__init__.py: DOT text, SVG, files written whole or not at all."""

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from viz_graphs import GRAPHS, by_graphviz, expression, quiz, rnn

import viz
from microgrid import Value

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    'say "hi"',
    "back\\slash \\N \\L \\G",
    "a:b:c",
    "two\nlines",
    "snow ☃ and 😀",
    "<b>bold</b>",
    "&amp; &lt; &#65;",
    "-->",
    "]]>",
    "{record|fields}",
    "<>",
    "nul\x00 and bell\x07",
    "x" * 10_000,
    "%n %s",
    "h_١",
]


def texts(svg: bytes) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: bytes) -> list[str]:
    link = "{http://www.w3.org/1999/xlink}title"
    return [node.get(link) for node in ElementTree.fromstring(svg).iter() if node.get(link)]


def test_the_svg_shows_the_quiz():
    shown = texts(by_graphviz(viz.draw(quiz())))
    for number in ("×−5", "← −20", "← 5", "↓ −1", "19"):
        assert number in shown


def test_tooltips_hold_the_full_numbers():
    run = rnn()
    found = titles(by_graphviz(viz.draw(run)))
    (h1,) = run.states[1]
    assert any(repr(h1.data) in title and repr(h1.grad) in title for title in found)


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_are_data(label):
    a = Value(2.0, label=label)
    out = a * 3.0
    out.label = label
    out.backward()
    drawing = viz.draw(out, title=label)
    svg = by_graphviz(drawing)
    root = ElementTree.fromstring(svg)
    kinds = {node.tag.removeprefix(SVG) for node in root.iter()}
    assert kinds <= {"svg", "g", "a", "title", "text", "path", "polygon", "polyline", "ellipse"}
    cards = [node.get("id") for node in root.iter() if node.get("class") == "node"]
    assert {"n0", "n1"} <= set(cards)
    wanted = "".join(label.split()).replace("\x00", "\ufffd").replace("\x07", "\ufffd")
    spoken = ["".join(title.split()) for title in titles(svg)]
    if label != "h_١":
        assert any(wanted in title for title in spoken)


def test_a_label_of_ten_thousand_letters_is_cut_on_its_card():
    a = Value(2.0, label="x" * 10_000)
    shown = texts(by_graphviz(viz.draw(a)))
    assert any(text.endswith("…") for text in shown)
    assert all(len(text) < 300 for text in shown)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_are_white_on_red(bad):
    a = Value(bad, label="a")
    out = a * 2.0
    out.backward(gradient=bad)
    svg = by_graphviz(viz.draw(out))
    red, white = viz.THEMES["light"].bad.fill, viz.THEMES["light"].bad.text
    assert f'fill="{red}"' in svg
    spoken = [
        node.text
        for node in ElementTree.fromstring(svg).iter(f"{SVG}text")
        if node.get("fill") in (white, "white")
    ]
    assert [text.strip() for text in spoken].count("nan" if bad != bad else "∞") >= 2 or any(
        "∞" in text for text in spoken
    )


def test_a_graph_without_gradients_says_so_in_the_picture():
    assert "Backward has not run" in by_graphviz(viz.draw(rnn(sweep=False)))


def test_the_text_is_the_same_in_every_process():
    program = "import viz, viz_graphs; print(viz.draw(viz_graphs.rnn(2, 3, 2)).source)"
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here.parent)])
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
    assert found.pop().decode().strip() == viz.draw(rnn(2, 3, 2)).source.strip()


def test_ids_name_cards_in_the_order_of_creation():
    source = viz.draw(expression()).source
    assert [source.index(f"\tn{i} [") for i in range(6)] == sorted(
        source.index(f"\tn{i} [") for i in range(6)
    )


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph"), ("SVG", b"<?")],
)
def test_the_suffix_names_the_format(tmp_path, suffix, start):
    path = viz.render(quiz(), tmp_path / f"quiz.{suffix}")
    assert path == tmp_path / f"quiz.{suffix}"
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["quiz", "quiz.gif", "quiz.svg.txt"])
def test_an_unknown_format_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=r"ends in \.svg, \.png, .* got '" + re.escape(name)):
        viz.render(quiz(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        viz.render(quiz(), tmp_path / "nowhere" / "quiz.svg")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(PermissionError, match=r"cannot write into .*: Permission denied"):
        viz.render(quiz(), tmp_path / "quiz.svg")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "quiz.svg"
    target.write_text("old")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match=r"cannot write .*: No space left"):
        viz.render(quiz(), target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_unknown_theme_lists_what_there_is():
    with pytest.raises(ValueError, match=r"theme must be one of light.*got 'neon'"):
        viz.draw(quiz(), theme="neon")


def test_draw_shows_itself_in_a_notebook():
    bundle = viz.draw(expression())._repr_mimebundle_()
    assert "<svg" in bundle["text/html"]


@pytest.mark.parametrize("name", GRAPHS)
def test_golden_dot(name, golden_text):
    golden_text(f"viz_{name}.dot", viz.draw(GRAPHS[name]()).source)


def test_statements_of_dot_are_written_when_somebody_asks(monkeypatch):
    drawn = viz.draw(quiz())
    shown = drawn.pipe("svg")
    copied = drawn.copy()
    assert drawn.body == copied.body != []
    assert drawn.source == copied.source
    assert drawn.source.startswith("digraph microgrid {")
    assert drawn.pipe("svg") == shown  # the same as before it was read
    written = []
    monkeypatch.setattr("viz.formats.dot.statements", lambda drawing: written.append(drawing))
    viz.draw(quiz()).pipe("svg")
    assert not written


@pytest.mark.parametrize("change", ["body", "graph_attr", "comment"])
def test_whoever_changes_the_dot_gets_it_painted_by_graphviz(monkeypatch, change):
    drawn = viz.draw(quiz())
    if change == "body":
        drawn.node("mine")
    elif change == "graph_attr":
        drawn.attr(bgcolor="pink")
    else:
        drawn.comment = "mine"
    asked = []

    class Engine:
        def run(self, source, format, options):
            asked.append(source)
            return b"painted"

    monkeypatch.setattr("viz.formats.digraph.find", Engine)
    assert drawn.pipe("svg") == b"painted"
    assert ("mine" in asked[0]) != ("pink" in asked[0])
