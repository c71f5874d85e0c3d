"""Sequences that are read from both ends: the mirrored bands of viz/layout."""

from collections import defaultdict
from itertools import pairwise

import pytest

from benchmarks import graphs
from benchmarks.readability import flattened, measured
from microgrid import Value, nn, scope
from microgrid import functional as F
from viz.drawing.drawing import Text
from viz.drawing.painter import paint
from viz.layout.gates import gated as gate_layout
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.style.theme import LIGHT

CELLS = [nn.RNNCell, nn.GRUCell, nn.LSTMCell]


def below_another_layer():
    """Two directions whose outputs a GRU reads from left to right."""
    rows, losses = [], []
    for t in (1, 2, 3):
        with scope(f"t={t}"):
            rows.append([Value(0.4 * t - 0.7, f"x_{t}")])
    rows, _ = nn.Bidirectional(nn.GRUCell(1, 1, seed=0), nn.GRUCell(1, 1, seed=1))(rows)
    top = nn.GRUCell(2, 1, seed=2)
    h = top.initial_state()
    for t, row in enumerate(rows, start=1):
        with scope(f"t={t}"):
            with scope("top"):
                h = top(row, h)
            with scope("loss"):
                losses.append(h[0] * h[0])
                losses[-1].label = f"L_{t}"
    total = losses[0] + losses[1] + losses[2]
    total.label = "L"
    total.backward()
    return total


def last_states(steps=3):
    """One number made of the state that each direction ends with."""
    reader = nn.Bidirectional(nn.LSTMCell(1, 1, seed=0), nn.LSTMCell(1, 1, seed=1))
    rows, _ = reader([[0.3 * t] for t in range(steps)])
    y = rows[-1][0] * rows[0][1]
    y.label = "y"
    y.backward()
    return y


def judged(steps=4, asked=3):
    """A logit for one step alone: nothing that comes after it goes right, nor before it left."""
    reader = nn.Bidirectional(nn.RNNCell(1, 2, seed=0), nn.RNNCell(1, 2, seed=1))
    rows, _ = reader([[0.3 * t] for t in range(steps)])
    readout = nn.Linear(4, 1, seed=2)
    with scope(f"t={asked}"):
        logit = readout(rows[asked - 1])[0]
    loss = F.binary_cross_entropy_with_logits(logit, 1.0)
    loss.backward()
    return loss


DRAWN = {
    **{f"{cell.__name__} 3": (lambda cell=cell: graphs.both_ways(cell, 2, 3)) for cell in CELLS},
    **{f"{cell.__name__} 8": (lambda cell=cell: graphs.both_ways(cell, 2, 8)) for cell in CELLS},
    "12 steps": lambda: graphs.both_ways(nn.LSTMCell, 1, 12),
    "layers": lambda: graphs.both_ways(nn.LSTMCell, 1, 2, 2),
    "layers 4": lambda: graphs.both_ways(nn.GRUCell, 1, 4, 2),
    "below another": below_another_layer,
    "last states": last_states,
    "last states 8": lambda: last_states(8),
    "judged": judged,
    "judged early": lambda: judged(3, 2),
    "met 3": lambda: graphs.met_both_ways(nn.RNNCell, 3),
    "met 7": lambda: graphs.met_both_ways(nn.GRUCell, 7),
}


def drawn(total, **options):
    picture = picture_of(total, **options)
    return picture, layout_of(picture), {card.name: card for card in picture.cards}


@pytest.mark.parametrize("cell", CELLS)
def test_the_backward_direction_stands_above_the_forward_one(cell):
    picture, places, _ = drawn(graphs.both_ways(cell, 1, 3))
    assert gate_layout(picture) is not None
    for t in (1, 2, 3):
        ahead, back = (
            [
                places.cards[c.id]
                for c in picture.cards
                if c.column == t and mark in c.name and c.framed
            ]
            for mark in "→←"
        )
        assert len(ahead) == len(back) > 1
        assert max(box.top for box in ahead) < min(box.bottom for box in back)


@pytest.mark.parametrize("cell", CELLS)
def test_it_is_the_mirror_image_of_the_forward_one(cell):
    picture, places, card = drawn(graphs.both_ways(cell, 1, 3))
    sums, heights = set(), set()
    for name, ahead in card.items():
        if "→" in name and ahead.framed and ahead.column == 2:
            a, b = (places.cards[card[n].id] for n in (name, name.replace("→", "←")))
            sums.add(round(a.x + b.x, 6))
            heights.add(round(b.y - a.y, 6))
            assert a.w == pytest.approx(b.w)
    name = {c.id: c.name for c in card.values()}
    path = {(name[w.source], name[w.target]): places.wires[w.id] for w in picture.wires}
    for (source, target), ahead in path.items():
        if source.endswith("→₂") and target.endswith("→₂"):
            back = path[source.replace("→", "←"), target.replace("→", "←")]
            assert round(ahead.label[0] + back.label[0], 6) in sums
            assert ahead.side == -back.side
    assert len(sums) == 1
    # A gate's hint may make one direction taller; a plain cell has none.
    assert len(heights) == 1 or cell is not nn.RNNCell


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [3, 4])
def test_its_states_flow_to_the_left_and_their_messages_to_the_right(cell, steps):
    picture, places, _ = drawn(graphs.both_ways(cell, 1, steps))
    column = {card.id: card.column for card in picture.cards}
    found = defaultdict(set)
    for wire in picture.wires:
        if wire.recurrent:
            path = places.wires[wire.id]
            back = column[wire.target] < column[wire.source]
            found[back].add((path.heading, path.arrow))
            assert (path.curve[-2][0] > path.curve[-1][0]) == back or path.curve[-2] == path.curve[
                -1
            ]
    assert found == {False: {("right", "←")}, True: {("left", "→")}}


@pytest.mark.parametrize("cell", CELLS)
def test_an_input_enters_once_and_rises_to_both(cell):
    picture, places, card = drawn(graphs.both_ways(cell, 1, 3))
    for t in (1, 2, 3):
        x = card[f"x{'₁₂₃'[t - 1]}"]
        ways = [flattened(places.wires[w.id].curve) for w in picture.wires if w.source == x.id]
        assert len({line[0] for line in ways}) == 1
        ends = {line[-1][0] > line[-2][0] for line in ways}
        assert ends == {True, False}  # from the left into one band, from the right into the other


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_overlaps_and_no_wire_runs_under_a_card(name):
    picture, places, _ = drawn(DRAWN[name]())
    found = measured(picture, places)
    assert (found.hidden, found.outside) == (0, 0)
    assert found.text >= 9.0
    boxes = list(places.cards.values())
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert abs(a.x - b.x) >= (a.w + b.w) / 2 or abs(a.y - b.y) >= (a.h + b.h) / 2
    for wire in picture.wires:
        curve = places.wires[wire.id].curve
        for (x, y), name in ((curve[0], wire.source), (curve[-1], wire.target)):
            box = places.cards[name]
            assert box.left - 0.1 <= x <= box.right + 0.1
            assert box.bottom - 0.1 <= y <= box.top + 0.1
            assert min(x - box.left, box.right - x, y - box.bottom, box.top - y) < 0.1


@pytest.mark.parametrize("name", DRAWN)
def test_no_two_labels_lie_on_each_other(name):
    picture, places, _ = drawn(DRAWN[name]())
    texts = [
        (shape.left, shape.left + shape.width, shape.y)
        for group in paint(picture, places, LIGHT).groups
        if group.kind == "wire"
        for shape in group.shapes
        if isinstance(shape, Text)
    ]
    for i, (left, right, y) in enumerate(texts):
        for start, end, line in texts[:i]:
            assert right <= start or end <= left or abs(y - line) > 8.0


def test_the_first_level_that_fits_a_page_is_taken():
    def levels(*size):
        picture = picture_of(graphs.both_ways(nn.LSTMCell, *size))
        return {card.role for card in picture.cards} & {"forget_gate"}

    assert levels(1, 3)
    assert levels(1, 2, 2)
    assert not levels(1, 4)  # a fourth step would be beyond the page
    assert not levels(1, 3, 2)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [3, 5])
def test_messages_that_reach_a_card_add_up_to_its_gradient(cell, steps):
    picture = picture_of(graphs.both_ways(cell, 1, steps), detail="gate")
    arrived = defaultdict(float)
    for wire in picture.wires:
        arrived[wire.source] += wire.message
    for card in picture.cards:
        if card.id in arrived:
            assert arrived[card.id] == pytest.approx(card.rows[0].grad, abs=1e-12)


def test_what_an_update_gate_means_is_said_in_both_directions():
    picture = picture_of(graphs.both_ways(nn.GRUCell, 1, 3))
    hints = [card.note for card in picture.cards if card.role == "update_gate"]
    assert hints == ["0 replaces, 1 retains"] * 6


def test_a_direction_keeps_its_band_in_steps_that_the_other_does_not_reach():
    picture, places, card = drawn(judged())
    assert gate_layout(picture) is not None
    assert {name for name in card if "→" in name} == {"h→₀", "h→₁", "h→₂", "h→₃"}
    assert {name for name in card if "←" in name} == {"h←₃", "h←₄", "h←₅"}
    for mark in "→←":
        assert len({places.cards[c.id].y for n, c in card.items() if mark in n}) == 1


def test_cells_whose_order_differs_from_step_to_step_are_laid_out_otherwise():
    before, losses = {}, []
    for t, names in ((1, "ab"), (2, "ba"), (3, "ab")):
        for name in names:
            with scope(f"t={t}"), scope(name), scope("update"):
                gate = (0.5 * before.get(name, Value(0.1, f"{name}_0"))).sigmoid()
                gate.label = f"{name}_{t}"
            before[name] = gate
            losses.append(gate)
    total = F.sum(losses)
    total.backward()
    picture = picture_of(total, detail="gate")
    assert gate_layout(picture) is None
    assert measured(picture, layout_of(picture)).outside == 0


def test_wires_pass_beside_the_headings_of_the_frames():
    picture, places, _ = drawn(graphs.met_both_ways(nn.LSTMCell, 3))
    lines = [flattened(places.wires[wire.id].curve) for wire in picture.wires]
    for frame in places.frames.values():
        left = frame.left + 12.0 + places.indent
        for (x, y), (_, end) in (piece for line in lines for piece in pairwise(line)):
            meets = min(y, end) < frame.top and max(y, end) > frame.top - 20.0
            assert not (meets and left - 2.0 < x < left + 30.0)


@pytest.mark.parametrize("name", DRAWN)
def test_no_two_wires_that_have_no_end_in_common_run_on_each_other(name):
    picture, places, _ = drawn(DRAWN[name]())
    upright, level = [], []
    for wire in picture.wires:
        for (x, y), (u, v) in pairwise(flattened(places.wires[wire.id].curve)):
            if abs(x - u) < 0.01 and abs(y - v) > 12.0:
                upright.append((x, min(y, v), max(y, v), wire))
            elif abs(y - v) < 0.01 and abs(x - u) > 12.0:
                level.append((y, min(x, u), max(x, u), wire))
    for pieces in (upright, level):
        for i, (at, low, high, wire) in enumerate(pieces):
            for place, start, end, other in pieces[:i]:
                if {wire.source, wire.target}.isdisjoint({other.source, other.target}):
                    assert abs(at - place) > 3.0 or high <= start or end <= low
