"""Wide pictures without columns of time go on in the next line, and are as readable as others."""

import math
import random
from itertools import pairwise

import pytest

from benchmarks.readability import flattened, measured
from microgrid import Value, nn
from microgrid import functional as F
from viz.drawing.painter import paint
from viz.layout import layered
from viz.layout.geometry import PAGE
from viz.layout.lines import shifted
from viz.layout.place import layout_of
from viz.picture.build import picture_of
from viz.style.theme import LIGHT


def _swept(root, label="L"):
    root.label = root.label or label
    root.backward()
    return root


def micrograd():
    """The expression of micrograd's README."""
    a, b = Value(-4.0, "a"), Value(2.0, "b")
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    return _swept(f / 2.0 + 10.0 / f)


def many_terms():
    """A sum of thirty products, written as a loop of +."""
    products = (Value(0.1 * i, f"x_{i}") * Value(1.0, f"w_{i}") for i in range(30))
    return _swept(sum(products, Value(0.0)))


def forked():
    """Eleven cards behind each other, a little wider than a page."""
    x, y = Value(0.5, "x"), Value(-0.3, "y")
    b, c = (x * y).sin(), (x * y).cos()
    return _swept((((b * c + x).exp() * b) + c).tanh())


def batch_norm():
    """Two features of three samples, normalised and squared."""
    rows = nn.BatchNorm1d(2)([[0.1, 0.2], [0.5, -0.3], [1.0, 0.4]])
    return _swept(F.mean([F.sum([v**2 for v in row]) for row in rows]))


def _tokens():
    rng = random.Random(0)
    return [[Value(rng.gauss(0, 1), f"x_{t}[{i}]") for i in range(4)] for t in (1, 2, 3)]


def heads():
    """Two causal heads over three tokens."""
    outputs, _ = nn.MultiheadAttention(4, 2, seed=0)(_tokens(), is_causal=True)
    return _swept(F.sum([F.mse_loss(row, [0.0] * 4) for row in outputs]))


def block():
    """A block of a transformer: attention and a perceptron beside a residual stream."""
    xs, first, second = _tokens(), nn.LayerNorm(4), nn.LayerNorm(4)
    up, down = nn.Linear(4, 8, nonlinearity="relu", seed=1), nn.Linear(8, 4, seed=2)
    mixed, _ = nn.MultiheadAttention(4, 2, seed=0)([first(x) for x in xs], is_causal=True)
    xs = [[a + b for a, b in zip(x, y)] for x, y in zip(xs, mixed)]
    xs = [[a + b for a, b in zip(x, down(up(second(x))))] for x in xs]
    head = nn.Linear(4, 3, seed=4)
    return _swept(F.mean([F.cross_entropy(head(x), t) for x, t in zip(xs, (2, 1, 0))]))


WIDE = (micrograd, many_terms, forked, batch_norm, heads, block)


@pytest.fixture(params=WIDE, ids=lambda build: build.__name__)
def placed(request):
    picture = picture_of(request.param())
    return picture, layout_of(picture)


def test_a_wide_picture_keeps_its_text_readable(placed):
    picture, places = placed
    found = measured(picture, places)
    assert places.graph().w <= PAGE
    assert found.text >= 9.0
    assert (found.hidden, found.outside) == (0, 0)


def test_wires_go_on_in_the_line_of_the_card_where_they_end(placed):
    picture, places = placed
    for wire in picture.wires:
        path = places.wires[wire.id]
        source, target = places.cards[wire.source], places.cards[wire.target]
        assert path.curve[0] == pytest.approx((source.right, source.y))
        assert path.curve[-1][0] == pytest.approx(target.left)
        assert target.bottom < path.curve[-1][1] < target.top
        assert len(path.curve) % 3 == 1
        assert target.left - 120.0 < path.label[0] < target.left
        assert all(math.dist(a, b) < PAGE for a, b in pairwise(path.curve))


def test_a_result_stands_right_of_its_operands_or_in_a_lower_line(placed):
    picture, places = placed
    for wire in picture.wires:
        source, target = places.cards[wire.source], places.cards[wire.target]
        assert source.right < target.left or source.bottom > target.top


def test_no_two_cards_overlap(placed):
    _, places = placed
    boxes = list(places.cards.values())
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert abs(a.x - b.x) >= (a.w + b.w) / 2 or abs(a.y - b.y) >= (a.h + b.h) / 2


@pytest.mark.parametrize("build", [micrograd, many_terms, batch_norm])
def test_the_turns_add_no_crossing(build, monkeypatch):
    picture = picture_of(build())
    folded = measured(picture, layout_of(picture))
    monkeypatch.setattr(layered, "PAGE", math.inf)
    whole = measured(picture, layout_of(picture))
    assert folded.width < 0.7 * whole.width
    assert folded.crossings <= whole.crossings


def test_every_line_begins_at_the_left():
    picture = picture_of(many_terms())
    places = layout_of(picture)
    turning = [places.wires[w.id].curve for w in picture.wires
               if places.cards[w.source].right > places.cards[w.target].left]  # fmt: skip
    assert len(turning) >= 2
    for curve in turning:
        line = flattened(curve)
        assert min(x for x, _ in line) < 0.0
        assert any(b[0] < a[0] for a, b in pairwise(line))


def test_a_page_that_is_wide_enough_is_left_as_it_was():
    picture = picture_of(_swept(Value(2.0, "a") * Value(3.0, "b")))
    places = layout_of(picture)
    assert len({box.top for box in places.cards.values()}) == 3
    assert shifted([0, 1, 2], []) == [0, 1, 2]


def test_attention_in_columns_that_cannot_be_folded_has_no_frames():
    picture = picture_of(heads())
    places = layout_of(picture)
    assert [column.title for column in picture.columns] == ["t = 1", "t = 2", "t = 3"]
    assert places.frames == {}
    drawn = paint(picture, places, LIGHT)
    assert not any(group.kind == "frame" for group in drawn.groups)
    assert {"k₁", "k₂", "k₃"} <= set(drawn.texts("name"))
