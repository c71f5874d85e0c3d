"""The tables below a picture: what they are called, and how long ones go on in further lines."""

import math
from bisect import bisect
from contextlib import nullcontext

import pytest

import viz
from benchmarks.graphs import unrolled
from benchmarks.readability import measured
from microgrid import Value, nn, scope
from microgrid import functional as F
from viz.drawing.painter import paint
from viz.layout.geometry import PAGE
from viz.layout.place import layout_of
from viz.page.data import playback
from viz.picture.build import picture_of
from viz.picture.legend import shades
from viz.style.theme import LIGHT


def size(values):
    return math.hypot(*(v.grad for v in values))


def read(letters):
    """A run over the letters of one table, each a row of E."""
    table = nn.Embedding(9, 2, vocab="abcdefghi", seed=1)
    run = nn.SequenceModel(nn.RNNCell(2, 8, seed=0), embedding=table).unroll(
        letters, loss=lambda h, _: h[0]
    )
    run.loss.backward()
    return run


def test_a_table_of_which_some_rows_are_shared_lends_its_name_to_none_but_them():
    run = read("abba")
    (panel,) = (p for p in picture_of(run).panels if p.kind == "shared")
    rows = {row[0].text: row for row in panel.rows[1:]}
    assert "E" not in rows
    for letter, row in zip("ab", run.model.embedding.weight):
        line = rows[f"E[{letter}]"]
        assert line[1].number == pytest.approx(math.hypot(*(e.data for e in row)))
        assert line[-1].number == pytest.approx(size(row))


def test_many_shared_rows_of_a_table_are_one_line_that_says_so():
    run = read("abcdefgabcdefg")
    (panel,) = (p for p in picture_of(run).panels if p.kind == "shared")
    (line,) = (row for row in panel.rows if row[0].text.startswith("E"))
    assert line[0].text == "E[·]"
    entries = [e for row in run.model.embedding.weight[:7] for e in row]
    assert line[-1].number == pytest.approx(size(entries))


def translated(scopes=("encoder", "decoder")):
    """Two cells whose weights have the same names: one reads three steps, one writes two."""
    cells = [nn.RNNCell(1, 2, seed=0), nn.RNNCell(1, 2, seed=1)]
    h = cells[0].initial_state()
    for t in range(1, 6):
        writes = t > 3
        with scope(f"t={t}"), scope(scopes[writes]) if scopes else nullcontext():
            h = cells[writes]([0.1 * t], h)
    loss = F.sum([x * x for x in h])
    loss.label = "L"
    loss.backward()
    return loss, cells


@pytest.mark.parametrize(("scopes", "called"), [
    (("encoder", "decoder"), ("encoder", "decoder")), (None, ("1", "2")),
])  # fmt: skip
def test_weights_of_one_name_are_told_apart_in_the_table(scopes, called):
    loss, cells = translated(scopes)
    (panel,) = (p for p in picture_of(loss).panels if p.kind == "shared")
    rows = {row[0].text: row for row in panel.rows[1:]}
    assert "W_h" not in rows
    for cell, name in zip(cells, called):
        entries = [w for row in cell.weight_hh for w in row]
        row = rows[f"W_h ({name})"]
        assert row[1].number == pytest.approx(math.hypot(*(w.data for w in entries)))
        assert row[-1].number == pytest.approx(size(entries))
    assert [cell.kind for cell in rows[f"W_h ({called[0]})"][2:7]] == ["grad"] * 3 + ["empty"] * 2


def test_weights_of_one_name_are_told_apart_on_cards():
    loss, cells = translated()
    sizes = {
        step: [card.rows[0].value for card in picture_of(loss, detail="vector").cards
               if card.name == "W_h" and card.column == step]
        for step in (1, 5)
    }  # fmt: skip
    for step, cell in zip((1, 5), cells):
        entries = [w.data for row in cell.weight_hh for w in row]
        assert sizes[step] == [pytest.approx(math.hypot(*entries))]


def test_weights_of_one_name_are_told_apart_on_the_page():
    loss, _ = translated()
    names = [weight["name"] for weight in playback(loss, None, None)[0]["shared"]]
    assert len(set(names)) == len(names)
    assert {"W_h[0,1] (encoder)", "W_h[0,1] (decoder)"} <= set(names)


@pytest.mark.parametrize(("cell", "steps"), [(nn.RNNCell, 40), (nn.LSTMCell, 25)])
def test_many_steps_are_readable_tables_included(cell, steps):
    picture = picture_of(unrolled(cell, 3, steps))
    places = layout_of(picture)
    found = measured(picture, places)
    assert found.text >= 9.0
    assert (found.hidden, found.outside) == (0, 0)
    assert all(box.w <= PAGE for box in places.panels)


def test_a_table_that_goes_on_below_holds_every_number_once():
    run = unrolled(nn.RNNCell, 1, 30)
    picture = picture_of(run)
    (panel,) = (p for p in picture.panels if p.kind == "shared")
    drawn = paint(picture, layout_of(picture), LIGHT)
    shapes = drawn.group(f"panel{picture.panels.index(panel)}").shapes
    shown = sorted(s.plain for s in shapes if s.kind == "grad")
    assert shown == sorted(c.shown for row in panel.rows for c in row if c.kind == "grad")
    heads = [s.plain for s in shapes if s.kind == "head"]
    assert heads == ["value", *(f"t = {t}" for t in range(1, 31)), "dL/dw = Σ"]
    names = [s.plain for s in shapes if s.kind == "name"]
    assert names == [row[0].text for row in panel.rows[1:]] * (len(names) // len(panel.rows[1:]))
    assert len(names) > len(panel.rows)


def test_a_table_that_fits_is_as_it_was():
    (panel, *_) = picture_of(unrolled(nn.RNNCell, 1, 6)).panels
    assert panel.folded(len(panel.rows[0])) is panel.rows


def layers():
    cells = [nn.LSTMCell(1, 2, seed=0), nn.LSTMCell(2, 2, seed=1)]
    run = nn.SequenceModel(nn.Stacked(cells), nn.Linear(2, 1, seed=2)).unroll(
        [0.1, 0.3], [0.5, 0.6], loss="mse"
    )
    run.loss.backward()
    return run


def deep():
    """The expression of micrograd's README."""
    a, b = Value(-4.0, "a"), Value(2.0, "b")
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0 + 10.0 / f
    g.backward()
    return g


def samples():
    model = nn.MLP(2, [3, 1], nonlinearity="tanh", seed=0)
    total = sum(((model([0.1 * i, 0.3])[0] - 0.5) ** 2 for i in range(4)), Value(0.0))
    total.backward()
    return total


@pytest.mark.parametrize(
    ("build", "detail"),
    [
        (lambda: unrolled(nn.RNNCell, 4, 40), "auto"),
        (lambda: unrolled(nn.LSTMCell, 3, 25), "auto"),
        (lambda: unrolled(nn.LSTMCell, 2, 4), "rolled"),
        (layers, "auto"),
        (deep, "scalar"),
        (deep, "vector"),
        (samples, "vector"),
    ],
)
def test_no_line_is_wider_than_the_terminal(build, detail):
    shown = viz.text(build(), detail=detail, width=80)
    assert max(map(len, shown.splitlines())) <= 80


def test_the_terminal_says_every_number_of_a_long_table():
    run = unrolled(nn.RNNCell, 1, 40)
    (panel,) = (p for p in picture_of(run).panels if p.kind == "shared")
    shown = viz.text(run, width=80).split(panel.title)[1].split("\n\n")[0].split()
    for row in panel.rows[1:]:
        assert {cell.shown for cell in row} <= {*shown, ""}
    assert shown.count(panel.rows[1][0].text) > 1


@pytest.mark.parametrize(("ascii", "marks"), [(False, "·░▒▓█"), (True, ".:+*#")])
def test_heat_in_the_terminal_is_as_dark_as_in_the_picture(ascii, marks):
    run = unrolled(nn.RNNCell, 1, 20)
    (panel,) = (p for p in picture_of(run).panels if p.compact)
    lines = viz.text(run, width=80, ascii=ascii).split("which loss reached which state\n")[1]
    head, *rows, scale = lines.splitlines()
    assert head.split() == (["h_0", "h_20"] if ascii else ["h₀", "h₂₀"])
    limits = shades(panel.steepest)
    for row, line in zip(panel.rows[1:], rows, strict=True):
        wanted = [cell.number for cell in row[1:] if cell.number is not None]
        heat = line.split()[-1]
        assert heat == "".join(marks[bisect(limits, abs(x)) - 1] for x in wanted)
    assert scale.split()[::3] == list(marks)
    assert scale.split()[-1] == f"{limits[-1]:.2g}"


def test_heat_that_is_hidden_is_not_shown_in_the_terminal():
    shown = viz.text(unrolled(nn.RNNCell, 1, 20), width=80, hide=["grad"])
    assert "which loss reached which state" in shown
    assert not set("░▒▓█") & set(shown)
