"""The room viz/layout.py: one geometry for all columns, nothing on top of anything else."""

import itertools
from collections import defaultdict

import pytest
from viz_graphs import GRAPHS, doublings, rnn

from microgrid import Value, scope
from viz.layout.place import Box, around, layout_of
from viz.picture.build import picture_of
from viz.style.typography import number, text_width


@pytest.fixture(params=GRAPHS)
def placed(request):
    scene = picture_of(GRAPHS[request.param](), detail="scalar")
    return scene, layout_of(scene)


def on_curve(curve, steps=12):
    """Points along a Bezier curve of 3n + 1 control points."""
    for i in range(0, len(curve) - 1, 3):
        a, b, c, d = curve[i : i + 4]
        for k in range(steps + 1):
            t = k / steps
            u = 1 - t
            w = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            yield tuple(sum(f * p[j] for f, p in zip(w, (a, b, c, d))) for j in (0, 1))


def apart(a, b, slack=0.0):
    """Whether two boxes do not overlap by more than `slack`."""
    return abs(a.x - b.x) >= (a.w + b.w) / 2 - slack or abs(a.y - b.y) >= (a.h + b.h) / 2 - slack


def inside(point, box, margin=1.0):
    return (
        box.left + margin < point[0] < box.right - margin
        and box.bottom + margin < point[1] < box.top - margin
    )


def label_boxes(scene, places):
    """Where the two labels of every wire stand, as the renderers put them."""
    for wire in scene.wires:
        path = places.wires[wire.id]
        (x, y), width = path.label, 0.0
        texts = [f"×{number(wire.local)}", f"← {number(wire.message)}"]
        widths = [text_width(text, 10.0) for text in texts]
        width = max(widths)
        if path.rising:
            yield wire, Box(x + path.side * (9.0 + width / 2), y, width, 22.0)
        elif places.dense:
            yield wire, Box(x, y + 8.0, sum(widths) + 12.0, 9.0)
        else:
            yield wire, Box(x, y + 11.5, widths[0], 9.0)
            yield wire, Box(x, y - 12.0, widths[1], 9.0)


def test_everything_has_a_place(placed):
    scene, places = placed
    assert set(places.cards) == {card.id for card in scene.cards}
    assert set(places.wires) == {wire.id for wire in scene.wires}
    assert set(places.frames) == {column.index for column in scene.columns}
    assert len(places.panels) == len(scene.panels)


def crossings(boxes, tile=120.0):
    """Pairs of boxes that overlap, found tile by tile."""
    tiles = defaultdict(list)
    for name, box in boxes:
        for i in range(int(box.left // tile), int(box.right // tile) + 1):
            for j in range(int(box.bottom // tile), int(box.top // tile) + 1):
                for other, there in tiles[i, j]:
                    if not apart(box, there):
                        yield name, other
                tiles[i, j].append((name, box))


def test_no_card_lies_on_another(placed):
    _, places = placed
    assert list(crossings(places.cards.items())) == []


def test_no_wire_runs_under_a_card(placed):
    scene, places = placed
    tile, tiles = 120.0, defaultdict(list)
    for name, box in places.cards.items():
        for i in range(int(box.left // tile), int(box.right // tile) + 1):
            for j in range(int(box.bottom // tile), int(box.top // tile) + 1):
                tiles[i, j].append((name, box))
    for wire in scene.wires:
        for point in on_curve(places.wires[wire.id].curve):
            for name, box in tiles[int(point[0] // tile), int(point[1] // tile)]:
                assert name in (wire.source, wire.target) or not inside(point, box), (wire, name)


def test_no_label_lies_on_a_card_or_on_another_label(placed):
    scene, places = placed
    labels = [(wire.id + "_label", box) for wire, box in label_boxes(scene, places)]
    assert list(crossings([*labels, *places.cards.items()])) == []


def runs(curve):
    """The straight stretches of a curve along an axis: (axis, where, from, to)."""
    for i in range(0, len(curve) - 1, 3):
        (x0, y0), (x1, y1) = curve[i], curve[i + 3]
        if abs(x0 - x1) < 0.01 and abs(y0 - y1) > 12.0:
            yield "x", round(x0), min(y0, y1), max(y0, y1)
        elif abs(y0 - y1) < 0.01 and abs(x0 - x1) > 12.0:
            yield "y", round(y0), min(x0, x1), max(x0, x1)


def test_no_two_wires_of_different_cards_run_on_one_track(placed):
    scene, places = placed
    taken = defaultdict(list)
    for wire in scene.wires:
        for axis, where, start, end in runs(places.wires[wire.id].curve):
            for source, other_start, other_end in taken[axis, where]:
                shared = min(end, other_end) - max(start, other_start)
                assert source == wire.source or shared < 6.0, (wire, source)
            taken[axis, where].append((wire.source, start, end))


def test_wires_join_the_cards_they_belong_to(placed):
    scene, places = placed
    for wire in scene.wires:
        curve = places.wires[wire.id].curve
        assert len(curve) % 3 == 1
        for point, name in ((curve[0], wire.source), (curve[-1], wire.target)):
            box = places.cards[name]
            assert not inside(point, box)
            assert inside(point, around([box], pad=2.0))


def test_the_same_part_stands_in_the_same_place_of_every_column(placed):
    scene, places = placed
    offsets = defaultdict(set)
    for card in scene.cards:
        if card.framed and not card.beside:
            box, frame = places.cards[card.id], places.frames[card.column]
            offsets[card.slot].add((round(box.x - frame.left, 6), round(box.y, 6)))
    assert all(len(found) == 1 for found in offsets.values())
    assert len({round(frame.w, 6) for frame in places.frames.values()}) <= 1


@pytest.mark.parametrize("units", [2, 3, 4])
def test_units_stand_in_the_order_of_their_index(units):
    scene = picture_of(rnn(units, 2), detail="scalar")
    places = layout_of(scene)
    for letter in "zh":
        for step in "₁₂":
            names = [f"{letter}{step}[{i}]" for i in range(units)]
            found = {card.name: places.cards[card.id].x for card in scene.cards}
            assert [found[name] for name in names] == sorted(found[name] for name in names)


def test_a_frame_is_as_tall_as_what_stands_in_it():
    scene = picture_of(GRAPHS["wiring_many-to-one"](), detail="scalar")
    places = layout_of(scene)
    for column in scene.columns:
        held = around([places.cards[c.id] for c in scene.cards if c.column == column.index])
        frame = places.frames[column.index]
        assert held.bottom - frame.bottom < 20.0
        assert frame.top - held.top < 60.0  # the heading, and wires between the columns
    assert places.frames[1].h < places.frames[3].h  # the readout and the loss stand in the last


def test_time_runs_right_and_results_stand_above_their_operands(placed):
    scene, places = placed
    cards = {card.id: card for card in scene.cards}
    for wire in scene.wires:
        source, target = cards[wire.source], cards[wire.target]
        if scene.columns and source.column == target.column and not source.beside:
            assert places.cards[source.id].y < places.cards[target.id].y
        if source.column < target.column and target.framed:
            assert places.cards[source.id].x < places.cards[target.id].x


def test_frames_hold_their_cards_and_do_not_touch(placed):
    scene, places = placed
    for card in scene.cards:
        if card.framed:
            box, frame = places.cards[card.id], places.frames[card.column]
            assert frame.left < box.left
            assert box.right < frame.right
            assert frame.bottom < box.bottom
            assert box.top < frame.top
    frames = list(places.frames.values())
    assert all(a.right < b.left for a, b in itertools.pairwise(frames))


def test_three_steps_stay_below_two_to_one():
    for hidden, inputs in ((1, 1), (2, 2), (3, 2), (3, 3), (8, 4)):
        bounds = layout_of(picture_of(rnn(hidden, 3, inputs))).bounds
        assert bounds.w / bounds.h < 2.0


def test_work_grows_with_the_graph_and_not_with_its_paths():
    places = layout_of(picture_of(doublings(60)))
    assert len(places.cards) == 61


def test_columns_that_contradict_each_other_are_still_drawn():
    from microgrid import Value, scope

    with scope("t=1"):
        a = Value(1.0).tanh()
        a.label = "a_1"
        b = a.exp()
        b.label = "b_1"
    with scope("t=2"):
        c = b.exp()
        c.label = "b_2"
        d = c.tanh()
        d.label = "a_2"
    d.backward()
    places = layout_of(picture_of(d))
    boxes = list(places.cards.values())
    assert all(apart(x, y) for i, x in enumerate(boxes) for y in boxes[:i])


def test_no_wire_strikes_out_the_heading_of_a_frame():
    # One state runs forwards and one backwards, over the top of the cells; both meet at t = 3.
    back, ahead, w = Value(0.3, "g_5"), Value(0.2, "h_0"), Value(0.7, "w")
    for t in (1, 2, 3):
        with scope(f"t={t}"), scope("ahead"):
            ahead = (w * ahead + Value(0.1 * t, f"x_{t}")).tanh()
            ahead.label = f"h_{t}"
    for t in (4, 3):
        with scope(f"t={t}"), scope("back"):
            back = (w * back + Value(0.2 * t, f"v_{t}")).tanh()
            back.label = f"g_{t}"
    with scope("t=3"), scope("readout"):
        output = ahead * w + back * w
        output.label = "y_3"
    output.backward()
    scene = picture_of(output, detail="gate")
    places = layout_of(scene)
    for frame in places.frames.values():
        heading = around([Box(frame.left + 30.0, frame.top - 14.0, 40.0, 12.0)])
        for path in places.wires.values():
            assert not any(inside(point, heading) for point in on_curve(path.curve, 40))
