"""The widget: knobs write into the Values, Python's changes go to the page."""

import sys

import pytest

import viz
from microgrid import Value


def graph():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.label = "c"
    return a, b, c


def test_without_anywidget_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ModuleNotFoundError, match=r"viz.widget needs anywidget: pip install"):
        viz.widget(graph()[-1])


def test_knobs_write_leaves_and_python_writes_knobs():
    pytest.importorskip("anywidget")
    a, b, c = graph()
    widget = viz.widget(c, height=300)
    assert widget.leaves == {"a": 2.0, "b": -3.0}
    assert widget.height == 300
    assert widget.page.startswith("<!doctype html>")
    widget.leaves = {"a": 5.0, "b": -3.0}  # what the page sends
    assert (a.data, c.data) == (5.0, -15.0)
    widget.leaves = {"a": "hostile", "b": None, "c": 1.0, "d": 2.0, "e": float("nan")}
    assert (a.data, b.data, c.data) == (5.0, -3.0, -15.0)
    b.data = 1.0
    widget.refresh()
    assert widget.leaves == {"a": 5.0, "b": 1.0}
    assert c.data == 5.0
    with pytest.raises(ValueError, match="height is a whole number of pixels, 1 or more, got 0"):
        viz.widget(graph()[-1], height=0)
