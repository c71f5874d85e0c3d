"""The limits of what a reader can be asked to take in, for the graphs everybody draws.

Geometry is no timing: these numbers are the same on every machine.
"""

import pytest

from benchmarks.graphs import GRAPHS, unrolled
from benchmarks.readability import crossings, detour, flattened, measured, outside
from microgrid import nn
from viz.drawing.drawing import Group, Rect, Text, Word
from viz.layout.place import layout_of
from viz.picture.build import picture_of

# name: (width, height, crossings); None where nobody set a limit
LIMITS = {
    "quiz": (1000, 900, 0),
    **{f"RNN {units}x{steps}": (1800, 2100, None) for units in (1, 2, 3, 4) for steps in (1, 3, 6)},
    **{f"{cell} {units}x3": (1800, 2000, 45) for cell in ("LSTM", "GRU") for units in (1, 2, 3, 4)},
    **{f"both ways {cell} 3": (1740, 2400, 65) for cell in ("LSTM", "GRU")},
    "both ways RNN 3": (1740, 1200, 8),
    **{f"both ways {cell} 6": (1740, 2200, 20) for cell in ("RNN", "LSTM", "GRU")},
    "two layers both ways": (1740, 2200, 45),
    **{f"met both ways {steps}": (1740, 2100, 14) for steps in (3, 7)},
    "neuron": (1000, 500, 0),
    "MLP 2-16-16-1": (1800, 2400, None),
    "MLP 3-2-2": (1800, 1000, 9),
    "attention 3x2": (2400, 2000, 0),
    "seq2seq": (1800, 2000, 30),
    "concat": (1800, 1500, 10),
    "many-to-one": (1800, 1500, 0),
    "truncated": (1800, 1500, 0),
    "1000 random nodes": (9000, 9000, None),
    "transformer": (1800, 4000, None),
}


@pytest.mark.parametrize("name", LIMITS)
def test_pictures_stay_readable(name):
    picture = picture_of(GRAPHS[name]())
    found = measured(picture, layout_of(picture))
    width, height, most = LIMITS[name]
    assert found.width <= width
    assert found.height <= height
    assert most is None or found.crossings <= most
    assert (found.hidden, found.outside) == (0, 0)
    assert found.text >= 9.0 or name == "1000 random nodes"


def test_every_graph_that_is_measured_has_limits():
    assert LIMITS.keys() == GRAPHS.keys()


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize(("units", "steps"), [(1, 4), (1, 5), (2, 6), (4, 10)])
def test_longer_runs_fold_into_rows_that_can_be_read(cell, units, steps):
    picture = picture_of(unrolled(cell, units, steps))
    found = measured(picture, layout_of(picture))
    assert found.text >= 9.0
    assert (found.hidden, found.outside) == (0, 0)


def test_crossings_are_those_of_wires_that_have_no_end_in_common():
    lines = {"a": [(0.0, 0.0), (100.0, 100.0)], "b": [(0.0, 100.0), (100.0, 0.0)]}
    assert crossings(lines, {"a": ("n0", "n1"), "b": ("n2", "n3")}) == 1
    assert crossings(lines, {"a": ("n0", "n1"), "b": ("n0", "n3")}) == 0
    apart = {"a": lines["a"], "b": [(0.0, 100.0), (40.0, 60.0)]}
    assert crossings(apart, {"a": ("n0", "n1"), "b": ("n2", "n3")}) == 0


def test_a_detour_is_told_from_the_way_along_x_and_y():
    assert detour([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)]) == pytest.approx(1.0)
    assert detour([(0.0, 0.0), (-100.0, 0.0), (100.0, 0.0)]) == pytest.approx(3.0)


def test_a_curve_becomes_points_that_lie_on_it():
    assert flattened([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]) == [(0.0, 0.0), (3.0, 0.0)]
    middle = flattened([(0.0, 0.0), (0.0, 4.0), (4.0, 4.0), (4.0, 0.0)])[4]
    assert middle == pytest.approx((2.0, 3.0))


def test_a_text_that_leaves_its_box_is_found():
    def card(text, x, y):
        box = Rect("card", 0.0, 0.0, 50.0, 20.0)
        return Group("n0", "card", "", (box, Text("name", x, y, 10.0, "start", (Word(text, ""),))))

    assert not list(outside(card("h", 5.0, 14.0)))
    assert list(outside(card("a name that is far too long", 5.0, 14.0)))
    assert list(outside(card("h", -3.0, 14.0)))
    assert list(outside(card("h", 5.0, 24.0)))
