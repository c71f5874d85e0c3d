"""The tables below a picture: what they are called, and how long ones go on in further lines."""

import math

import pytest

from microgrid import nn
from viz.picture.build import picture_of


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
