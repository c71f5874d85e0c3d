"""The room viz/direct.py: the same picture without Graphviz."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from viz_graphs import GRAPHS, expression, quiz, rnn

import viz
from microgrid import Value
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.render.dot import to_dot
from viz.render.svg import to_svg
from viz.style.theme import THEMES

SVG = "{http://www.w3.org/2000/svg}"


def words(svg):
    """Every piece of text, whatever the element it stands in."""
    root = ElementTree.fromstring(svg)
    pieces = [part for node in root.iter(f"{SVG}text") for part in node.itertext()]
    return Counter(piece for text in pieces for piece in text.split())


@pytest.mark.parametrize("name", ["quiz", "rnn_vector", "expression", "mlp", "wiring_generation"])
@pytest.mark.parametrize("options", [{}, {"hide": ["grad", "local"]}, {"upto": 5}])
def test_it_says_what_graphviz_says(name, options):
    scene = picture_of(GRAPHS[name](), **options)
    places, theme = layout_of(scene), THEMES["light"]
    assert words(to_svg(scene, places, theme)) == words(to_dot(scene, places, theme).pipe("svg"))


@pytest.mark.parametrize("level", ["vector", "cell", "rolled"])
def test_it_says_the_same_at_every_level(level):
    scene = picture_of(rnn(2, 3, 2), detail=level)
    places, theme = layout_of(scene), THEMES["dark"]
    assert words(to_svg(scene, places, theme)) == words(to_dot(scene, places, theme).pipe("svg"))


def test_labels_are_data():
    a = Value(2.0, label="<script>alert('\"&')</script>\\N\x00")
    svg = to_svg(scene := picture_of(a * 3.0), layout_of(scene), THEMES["light"])
    root = ElementTree.fromstring(svg)
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        "svg", "g", "title", "rect", "text", "tspan", "path", "polygon",
    }  # fmt: skip
    assert any(
        "<script>alert('\"&')</script>\\N" in (t.text or "") for t in root.iter(f"{SVG}title")
    )


def test_every_card_and_wire_has_its_id_and_sentence():
    scene = picture_of(quiz())
    root = ElementTree.fromstring(to_svg(scene, layout_of(scene), THEMES["light"]))
    said = {g.get("id"): g.find(f"{SVG}title").text for g in root.iter(f"{SVG}g")}
    assert {card.id for card in scene.cards} | {wire.id for wire in scene.wires} <= set(said)
    (start,) = [card.id for card in scene.cards if card.name == "h₀"]
    assert said[start].startswith("h₀: a leaf")


def test_nan_is_white_on_red():
    a = Value(math.nan, label="a")
    b = a * 2.0
    b.backward(gradient=math.inf)
    svg = to_svg(scene := picture_of(b), layout_of(scene), THEMES["light"])
    bad = THEMES["light"].bad
    assert re.search(rf'<rect [^>]*fill="{bad.fill}"', svg)
    assert re.search(rf'fill="{bad.text}">nan', svg)
    assert re.search(rf'fill="{bad.text}">∞', svg)


def test_large_pictures_are_written_without_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("MICROGRID_DOT", "/no/such/dot")
    run = rnn(1, 150)
    path = viz.render(run, tmp_path / "large.svg", detail="scalar")
    root = ElementTree.parse(path).getroot()
    cards = [g for g in root.iter(f"{SVG}g") if g.get("class") == "card"]
    assert len(cards) == len(picture_of(run, detail="scalar").cards) > 1500


def test_the_view_box_holds_everything():
    scene = picture_of(expression())
    places = layout_of(scene)
    svg = to_svg(scene, places, THEMES["light"])
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    assert width >= places.bounds.w
    assert height >= places.bounds.h
