"""Pictures without time: columns from left to right, and the three steps that make them."""

import math
import random
from itertools import pairwise

import pytest
from viz_graphs import doublings, expression, mlp, reuse

from benchmarks import graphs
from benchmarks.readability import flattened, measured
from viz.layout import layered
from viz.layout.crossings import count, reduce
from viz.layout.place import layout_of
from viz.layout.ranks import ladder, ranks
from viz.layout.spacing import apart, spread
from viz.picture.build import picture_of

PLAIN = {
    "expression": expression,
    "mlp": mlp,
    "reuse": reuse,
    "doublings": lambda: doublings(4),
    "neuron": graphs.neuron,
    "attention": graphs.attention,
    "concat": graphs.concat,
    "300 scattered": lambda: graphs.scattered(300),
}


@pytest.fixture(params=PLAIN)
def placed(request, monkeypatch):
    monkeypatch.setattr(layered, "PAGE", math.inf)  # all in one line, however long it is
    scene = picture_of(PLAIN[request.param](), detail="scalar")
    return scene, layout_of(scene)


def test_no_wire_turns_back(placed):
    scene, places = placed
    for wire in scene.wires:
        line = flattened(places.wires[wire.id].curve)
        assert all(a[0] <= b[0] + 1e-9 for a, b in pairwise(line)), wire.id


def test_results_stand_right_of_their_operands(placed):
    scene, places = placed
    for wire in scene.wires:
        assert places.cards[wire.source].right < places.cards[wire.target].left


def test_wires_begin_and_end_at_their_cards(placed):
    scene, places = placed
    for wire in scene.wires:
        curve = places.wires[wire.id].curve
        source, target = places.cards[wire.source], places.cards[wire.target]
        assert curve[0] == (source.right, source.y)
        assert curve[-1][0] == target.left
        assert target.bottom < curve[-1][1] < target.top
        assert len(curve) % 3 == 1


def test_no_wire_runs_under_a_card_and_no_cards_overlap(placed):
    scene, places = placed
    assert measured(scene, places).hidden == 0
    boxes = list(places.cards.values())
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert abs(a.x - b.x) >= (a.w + b.w) / 2 or abs(a.y - b.y) >= (a.h + b.h) / 2


def test_the_neuron_has_neither_crossing_nor_detour():
    scene = picture_of(graphs.neuron())
    found = measured(scene, layout_of(scene))
    assert found.crossings == 0
    assert found.detour < 1.05


def test_a_chain_is_straight():
    scene = picture_of(doublings(6))
    places = layout_of(scene)
    assert len({round(box.y, 3) for box in places.cards.values()}) == 1


def test_ranks_are_above_all_operands_and_no_longer_than_needed():
    rng = random.Random(1)
    for _ in range(30):
        edges = [(rng.randrange(b), b) for b in range(1, 25) for _ in range(rng.randrange(3))]
        rank = ranks(25, edges)
        assert all(rank[a] < rank[b] for a, b in edges)
        assert min(rank) == 0
        longest = [0] * 25
        for a, b in sorted(edges, key=lambda edge: edge[1]):
            longest[b] = max(longest[b], longest[a] + 1)
        assert max(rank) <= max(longest)


def test_crossings_are_counted_and_taken_away():
    # Two columns joined crosswise: (0, 3), (1, 2) cross once, in the other order never.
    crossed = ladder([0, 0, 1, 1], [(0, 3), (1, 2)], [0, 1, 2, 3])
    assert count(crossed) == 1
    assert reduce(crossed) == 0
    assert count(crossed) == 0
    # Three and three, all joined: 9 crossings in any order.
    whole = ladder([0] * 3 + [1] * 3, [(a, b) for a in range(3) for b in range(3, 6)], range(6))
    assert reduce(whole) == 9
    assert whole.columns == [[0, 1, 2], [3, 4, 5]]


def test_a_bias_stays_at_the_foot_of_its_column():
    edges = [(a, b) for a in range(3) for b in range(3, 6)]
    kept = ladder([0] * 3 + [1] * 3, edges, [0, 1, 2, 3, 4, 5])
    reduce(kept, last=[0])
    assert kept.columns[0][-1] == 0


def test_a_long_wire_shares_its_stepping_stones():
    made = ladder([0, 1, 2, 3], [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)], [0, 1, 2, 3])
    assert made.way(0, 3)[1] == made.way(0, 2)[1]
    assert len(made.stones) == 2


def test_places_keep_order_and_gaps_and_are_the_nearest():
    rng = random.Random(0)
    for _ in range(50):
        wanted = [rng.uniform(-50.0, 50.0) for _ in range(5)]
        found = apart(wanted, [1.0] * 5, [10.0] * 4)
        assert all(b - a >= 10.0 - 1e-9 for a, b in pairwise(found))
        cost = sum((x - y) ** 2 for x, y in zip(found, wanted))
        for _ in range(40):  # no allowed change makes it better
            moved = [x + rng.uniform(-2.0, 2.0) for x in found]
            if all(b - a >= 10.0 for a, b in pairwise(moved)):
                assert sum((x - y) ** 2 for x, y in zip(moved, wanted)) >= cost - 1e-9


def test_what_hangs_together_alone_stands_level():
    made = ladder([0, 0, 1, 1], [(0, 2), (1, 3)], [0, 1, 2, 3])
    place = spread(made, [10.0, 10.0, 30.0, 30.0], lambda a, b: 0.0)
    assert place[0] == pytest.approx(place[2])
    assert place[1] == pytest.approx(place[3])


def test_wires_in_a_circle_are_refused():
    with pytest.raises(ValueError, match="circle"):
        ranks(2, [(0, 1), (1, 0)])
