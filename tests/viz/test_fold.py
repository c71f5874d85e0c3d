"""Long sequences in rows: viz/layout/fold.py."""

import itertools

import pytest

from benchmarks import graphs
from benchmarks.readability import flattened, measured
from microgrid import nn
from viz.layout.place import layout_of
from viz.picture.build import picture_of


def many_to_one(cell, steps):
    model = nn.SequenceModel(cell(1, 2, seed=0), readout=nn.Linear(2, 1, seed=1))
    run = model.unroll([0.1 * t for t in range(steps)], [0.5], loss="mse", topology="many-to-one")
    run.loss.backward()
    return run


FOLDED = {
    "LSTM 5": lambda: picture_of(graphs.unrolled(nn.LSTMCell, 1, 5)),
    "LSTM 6": lambda: picture_of(graphs.unrolled(nn.LSTMCell, 2, 6)),
    "GRU 6": lambda: picture_of(graphs.unrolled(nn.GRUCell, 1, 6)),
    "LSTM 6, one loss": lambda: picture_of(many_to_one(nn.LSTMCell, 6)),
    "LSTM 20": lambda: picture_of(many_to_one(nn.LSTMCell, 20)),
    "RNN 30": lambda: picture_of(many_to_one(nn.RNNCell, 30)),
    "RNN 6, scalar": lambda: picture_of(graphs.unrolled(nn.RNNCell, 1, 6), detail="scalar"),
}


@pytest.fixture(params=FOLDED, scope="module")
def folded(request):
    scene = FOLDED[request.param]()
    return scene, layout_of(scene)


def test_columns_stand_in_rows_that_do_not_overlap(folded):
    scene, places = folded
    frames = [places.frames[column.index] for column in scene.columns]
    rows = [list(row) for _, row in itertools.groupby(frames, key=lambda box: round(box.bottom))]
    assert len(rows) > 1
    for upper, lower in itertools.pairwise(rows):
        assert max(box.top for box in lower) < min(box.bottom for box in upper)
        assert upper[0].left == pytest.approx(lower[0].left)
    for row in rows:
        assert all(a.right < b.left for a, b in itertools.pairwise(row))


def test_wires_still_join_their_cards(folded):
    scene, places = folded
    for wire in scene.wires:
        curve = places.wires[wire.id].curve
        source, target = places.cards[wire.source], places.cards[wire.target]
        assert len(curve) % 3 == 1
        for (x, y), box in ((curve[0], source), (curve[-1], target)):
            assert box.left - 0.1 <= x <= box.right + 0.1
            assert box.bottom - 0.1 <= y <= box.top + 0.1
            assert min(x - box.left, box.right - x, y - box.bottom, box.top - y) < 0.1


def test_no_wire_runs_under_a_card(folded):
    assert measured(*folded).hidden == 0


def test_labels_move_with_their_wires(folded):
    scene, places = folded
    for wire in scene.wires:
        (x, y), line = places.wires[wire.id].label, flattened(places.wires[wire.id].curve)
        near = [
            max(min(a[0], b[0]) - x, x - max(a[0], b[0]), min(a[1], b[1]) - y, y - max(a[1], b[1]))
            for a, b in itertools.pairwise(line)
        ]
        assert min(near) < 1.0, wire.id


def test_a_folded_picture_is_hardly_wider_than_a_page():
    for name in ("LSTM 5", "LSTM 6", "GRU 6"):
        scene = FOLDED[name]()
        assert layout_of(scene).bounds.w < 2000.0
