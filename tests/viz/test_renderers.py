"""One Drawing, five formats: each says the same words, and none lets a label be more than text."""

import math
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zlib
from collections import Counter

import pytest
from viz_graphs import GRAPHS, by_graphviz, expression, gated, quiz, rnn

import viz
from microgrid import Value, nn, recompute
from viz.drawing.drawing import Rect, Text
from viz.drawing.painter import paint, painted_as_read
from viz.formats import FORMATS, pdf, suffixes
from viz.formats.digraph import to_dot
from viz.formats.svg import to_svg
from viz.formats.tikz import to_tikz
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.style.theme import LIGHT, THEMES
from viz.style.typography import scripts

SVG = "{http://www.w3.org/2000/svg}"
PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def drawing(x, theme="light", **options):
    picture = picture_of(x, **options)
    return paint(picture, layout_of(picture), THEMES[theme])


def lines(drawn):
    """Every line of text, subscripts as plain digits."""
    shown = ("".join(piece for piece, _ in scripts(text)) for text in drawn.texts())
    return Counter(text.strip() for text in shown if text.strip())


def svg_lines(svg):
    texts = ElementTree.fromstring(svg).iter(f"{SVG}text")
    shown = ("".join(text.itertext()).replace("\u200b", "") for text in texts)
    return Counter(text.strip() for text in shown if text.strip())


def letters(words):
    return Counter("".join("".join(words).translate(PLAIN).split()))


@pytest.mark.parametrize("name", ["quiz", "rnn_vector", "expression", "mlp", "wiring_generation"])
@pytest.mark.parametrize("options", [{}, {"hide": ["grad", "local"]}, {"upto": 5}])
def test_svg_dot_and_pdf_say_what_is_painted(name, options):
    drawn = drawing(GRAPHS[name](), **options)
    assert svg_lines(to_svg(drawn)) == lines(drawn)
    painted = ElementTree.fromstring(by_graphviz(to_dot(drawn))).iter(f"{SVG}text")
    assert letters(text.text or "" for text in painted) == letters(drawn.texts())
    assert len(pdf_runs(pdf.write(drawn))) >= sum(lines(drawn).values())


@pytest.mark.parametrize("level", ["vector", "cell", "rolled"])
def test_every_level_says_the_same_in_svg_and_dot(level):
    drawn = drawing(rnn(2, 3, 2), "dark", detail=level)
    assert svg_lines(to_svg(drawn)) == lines(drawn)
    painted = ElementTree.fromstring(by_graphviz(to_dot(drawn))).iter(f"{SVG}text")
    assert letters(text.text or "" for text in painted) == letters(drawn.texts())


def pdf_runs(content):
    """The strings of a PDF's page."""
    start = content.index(b"stream\n") + len(b"stream\n")
    page = zlib.decompress(content[start : content.index(b"\nendstream")])
    return [bytes.fromhex(found) for found in re.findall(r"<([0-9a-f]*)> Tj", page.decode())]


def test_a_pdf_is_a_whole_file_whose_table_points_at_its_objects():
    content = pdf.write(drawing(quiz()))
    start = int(re.search(rb"startxref\n(\d+)", content)[1])
    assert content[start:].startswith(b"xref")
    places = [int(x) for x in re.findall(rb"(\d{10}) 00000 n", content)]
    assert len(places) == 8
    for i, place in enumerate(places, start=1):
        assert content[place:].startswith(b"%d 0 obj" % i)
    (title,) = re.findall(rb"<</Title<FEFF([0-9A-F]*)>/Producer\(microgrid\)>>\n", content)
    assert bytes.fromhex(title.decode()).decode("utf-16-be") == drawing(quiz()).title
    assert b"/BaseFont/Helvetica-Bold" in content
    assert b"W_h" in pdf_runs(content)


def test_a_page_too_long_for_pdf_has_a_larger_unit_and_tex_says_that_it_cannot(tmp_path):
    run = rnn(1, 150)
    drawn = drawing(run, detail="scalar")
    assert drawn.height > 16_000
    page = pdf.write(drawn)
    (height, unit) = re.search(rb"MediaBox\[0 0 \S+ (\S+)\]/UserUnit (\d+)", page).groups()
    assert float(height) <= 14_400
    assert float(height) * int(unit) == pytest.approx(drawn.height, abs=1.0)
    with pytest.raises(ValueError, match=r"nothing longer than 16,000 points, this picture has"):
        viz.render(run, tmp_path / "x.tex", detail="scalar")
    assert list(tmp_path.iterdir()) == []


def test_tikz_balances_its_braces_and_names_its_colours():
    text = to_tikz(drawing(gated(nn.LSTMCell), "dark"))
    bare = text.replace("\\{", "").replace("\\}", "")
    assert bare.count("{") == bare.count("}")
    known = set(re.findall(r"\\definecolor\{(c\d+)\}", text))
    assert set(re.findall(r"(?:fill=|draw=|\\color\{)(c\d+)", text)) == known
    assert r"\RequirePackage{fix-cm}" in text
    assert text.rstrip().endswith(r"\end{document}")


HOSTILE = ["<script>alert('\"&')</script>\\N\x00", "a_b^c~d#e%f$g{h}i\\j", "‖é¢Ω‖ ŷ 漢字",
           "\ud800x",
           ")) Tj ET (", "😀👨\u200d👩\u200d👧", "‮right to left"]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("format", [name for name in FORMATS if name != "png"])
def test_a_label_is_text_in_every_format(label, format, tmp_path):
    x = Value(2.0, label=label)
    out = x * 3.0
    out.label = label
    out.backward()
    content = viz.render(out, tmp_path / f"x.{format}").read_bytes()
    assert len(content) > 1000
    if format == "svg":
        root = ElementTree.fromstring(content)
        known = {"svg", "g", "title", "rect", "text", "tspan", "path", "polygon"}
        assert {node.tag.removeprefix(SVG) for node in root.iter()} <= known
    if format == "tex":
        content.decode("ascii")
        body = content.decode().replace("\\{", "").replace("\\}", "")
        assert body.count("{") == body.count("}")
    if format == "dot":
        assert by_graphviz(to_dot(drawing(out))).startswith("<?xml")


@pytest.mark.parametrize("label", [*HOSTILE, "W" * 300, "漢" * 40, "a very long product name"])
@pytest.mark.parametrize("value", [-1473.654, 1e-300, 123456.0, -0.5])
def test_no_text_leaves_its_card(label, value):
    x = Value(value, label=label)
    out = x * 2.0
    out.label = label
    out.backward(gradient=value)
    for group in drawing(out).groups:
        if group.kind == "card":
            box, *inner = group.shapes
            for shape in inner:
                left, width = (shape.left, shape.width) if isinstance(shape, Text) else (
                    shape.x, shape.w)  # fmt: skip
                assert box.x <= left + 0.01, shape
                assert left + width <= box.x + box.w + 0.01, shape


@pytest.mark.parametrize("name", GRAPHS)
def test_value_and_gradient_do_not_touch(name):
    for group in drawing(GRAPHS[name]()).groups:
        if group.kind == "card":
            values = [s for s in group.shapes if isinstance(s, Text) and s.kind == "value"]
            heats = [s for s in group.shapes if isinstance(s, Rect) and s.kind == "heat"]
            for value, heat in zip(values, heats):
                assert value.left + value.width <= heat.x + 0.01


def test_every_card_and_wire_has_its_id_and_sentence():
    scene = picture_of(quiz())
    root = ElementTree.fromstring(to_svg(drawing(quiz())))
    said = {g.get("id"): g.find(f"{SVG}title").text for g in root.iter(f"{SVG}g") if g.get("id")
            and g.find(f"{SVG}title") is not None}  # fmt: skip
    assert {card.id for card in scene.cards} | {wire.id for wire in scene.wires} <= set(said)
    (start,) = [card.id for card in scene.cards if card.name == "h₀"]
    assert said[start].startswith("h₀: a leaf")


def test_edges_of_the_dot_text_join_the_cards():
    scene, source = picture_of(quiz()), viz.draw(quiz()).source
    for wire in scene.wires:
        assert f"\t{wire.source} -> {wire.target} [id={wire.id} " in source


def test_nan_and_inf_are_white_on_red():
    a = Value(math.nan, label="a")
    b = a * 2.0
    b.backward(gradient=math.inf)
    svg = to_svg(drawing(b))
    assert re.search(rf'<rect [^>]*fill="{LIGHT.bad.fill}"', svg)
    assert re.search(rf'fill="{LIGHT.bad.text}"[^>]*>nan', svg)
    assert re.search(rf'fill="{LIGHT.bad.text}"[^>]*>∞', svg)
    (ribbon,) = [s for g in drawing(b).groups for s in g.shapes if s.kind == "ribbon"]
    assert ribbon.colour == LIGHT.bad.fill


def test_negative_messages_are_striped_and_negative_gradients_have_a_bar():
    drawn = drawing(quiz())
    scene = picture_of(quiz())
    for wire in scene.wires:
        ribbons = [s for s in drawn.group(wire.id).shapes if s.kind == "ribbon"]
        assert [r.dashes is not None for r in ribbons] == [wire.message < 0] * bool(wire.message)
    for card in scene.cards:
        bars = [s for s in drawn.group(card.id).shapes if s.kind == "negative"]
        assert len(bars) == sum(row.grad < 0 for row in card.rows)


def test_a_picture_of_thousands_of_cards_is_written_whole(tmp_path):
    run = rnn(1, 150)
    path = viz.render(run, tmp_path / "large.svg", detail="scalar")
    root = ElementTree.parse(path).getroot()
    cards = [g for g in root.iter(f"{SVG}g") if g.get("class") == "card"]
    assert len(cards) == len(picture_of(run, detail="scalar").cards) > 1500


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_what_is_painted_as_it_is_read_is_the_same_each_time(name):
    picture = picture_of(GRAPHS[name]())
    places = layout_of(picture)
    read, whole = painted_as_read(picture, places, LIGHT), paint(picture, places, LIGHT)
    assert list(read.groups) == list(read.groups) == list(whole.groups)


def test_what_was_drawn_keeps_its_numbers_when_the_graph_has_moved_on():
    a = Value(3.0, label="a")
    loss = a.tanh() * a
    loss.backward()
    before, drawn = viz.draw(loss).source, viz.draw(loss)
    a.data = 0.25
    recompute(loss)
    assert drawn.source == before != viz.draw(loss).source
    assert "0.250" not in drawn.pipe("svg", encoding="utf-8")


def test_the_view_box_holds_everything():
    drawn = drawing(expression())
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', to_svg(drawn)).groups())
    for group in drawn.groups:
        for shape in group.shapes:
            if isinstance(shape, Rect):
                assert 0.0 <= shape.x <= shape.x + shape.w <= width
                assert 0.0 <= shape.y <= shape.y + shape.h <= height


def test_every_format_is_in_the_registry_and_in_the_message():
    assert suffixes("html") == ".svg, .png, .dot, .pdf, .tex or .html"
    assert list(viz.FORMATS) == ["svg", "png", "dot", "pdf", "tex"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pdflatex_compiles_what_is_written(theme, tmp_path):
    program = pytest.importorskip("shutil").which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex on PATH")
    path = viz.render(gated(nn.LSTMCell), tmp_path / "lstm.tex", theme=theme)
    command = [program, "-interaction=nonstopmode", "-halt-on-error", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "lstm.pdf").read_bytes().startswith(b"%PDF")
