"""A number that knows where it comes from can be computed again."""

import copy
import math

import pytest

from microgrid import Value, recompute
from microgrid import quantity as q
from microgrid.sweep import Sweep


def graph():
    w, x, b = Value(2.0, label="w"), Value(3.0, label="x"), Value(-1.0, label="b")
    product = w * x
    return w, x, b, product, product + b


def test_numbers_of_a_graph_and_what_is_made_of_them_follow_the_leaves():
    w, x, b, product, loss = graph()
    sweep = Sweep(loss)
    to_w = q.message(sweep, product, 0)
    shown = {
        "value": q.value(product), "local": q.local(product, 0), "gradient": q.gradient(sweep, w),
        "message": to_w, "sum": to_w + q.value(b), "norm": q.norm([to_w, q.value(x)]),
        "ratio": to_w / q.value(w), "double": 2.0 * to_w, "less": -to_w, "size": abs(q.value(b)),
        "largest": q.largest([q.value(b), to_w]), "smallest": q.smallest([q.value(b), to_w]),
    }  # fmt: skip
    before = {
        "value": 6.0, "local": 3.0, "gradient": 3.0, "message": 3.0, "sum": 2.0,
        "norm": math.sqrt(18.0), "ratio": 1.5, "double": 6.0, "less": -3.0, "size": 1.0,
        "largest": 3.0, "smallest": -1.0,
    }  # fmt: skip
    assert shown == before
    assert {k: q.evaluate(x.source, sweep) for k, x in shown.items()} == before
    w.data, x.data, b.data = 4.0, 0.5, 8.0
    recompute(loss)
    again = Sweep(loss)
    assert {k: q.evaluate(x.source, again) for k, x in shown.items()} == {
        "value": 2.0, "local": 0.5, "gradient": 0.5, "message": 0.5, "sum": 8.5,
        "norm": math.sqrt(0.5), "ratio": 0.125, "double": 1.0, "less": -0.5, "size": 8.0,
        "largest": 8.0, "smallest": 0.5,
    }  # fmt: skip


def test_before_a_message_has_arrived_there_is_no_number():
    w, _, _, product, loss = graph()
    sweep = Sweep(loss)
    assert q.gradient(sweep, w, after=2) is None
    assert q.message(sweep, product, 0, after=2) is None
    known = q.gradient(sweep, w) + 1.0
    assert q.evaluate(known.source, sweep, after=2) is None
    assert q.evaluate(known.source, sweep) == 4.0


def test_a_gradient_needs_a_sweep():
    w, *_, loss = graph()
    with pytest.raises(ValueError, match="a gradient needs a sweep to be read from"):
        q.evaluate(q.gradient(Sweep(loss), w).source)


def test_ratios_are_those_of_ieee_754():
    zero, one = Value(0.0), Value(1.0)
    assert q.value(one) / q.value(zero) == math.inf
    assert 1.0 / -q.value(zero) == -math.inf
    assert math.isnan(q.value(zero) / q.value(zero))


def test_a_copy_is_a_plain_number():
    assert type(copy.deepcopy(q.value(Value(2.0)))) is float


def test_all_messages_of_a_node_are_those_along_its_edges_at_every_moment():
    w, _, b, product, loss = graph()
    loss = (loss + b) * (product - w)
    sweep = Sweep(loss)
    loss.backward()
    for after in (None, *range(len(sweep) + 1)):
        for node in sweep.order:
            one_by_one = [q.message(sweep, node, i, after) for i in range(len(node.parents))]
            assert q.messages(node, sweep, after) == one_by_one
    assert q.messages(product) == [24.0, 16.0]  # (4 + 4) x 3 and x 2
    beside = Value(2.0).tanh()  # no sweep has reached it
    assert q.messages(beside) == q.messages(beside, sweep) == [None]
