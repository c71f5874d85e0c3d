"""Reading a recorded graph: uses, messages, recompute, and gradients as Values."""

import math

import pytest

from microgrid import Value, grad, no_grad, ops, recompute
from microgrid import functional as F
from microgrid.graph import gradient_of, messages, select_parents, uses
from microgrid.ops import OPS
from microgrid.value import creation_order, record


def test_uses_lists_each_child_and_position():
    a, b = Value(2.0), Value(3.0)
    square = a * a
    total = square + b
    found = uses(total)
    assert found[a] == [(square, 0), (square, 1)]
    assert found[square] == [(total, 0)]
    assert found[total] == []


def test_messages_sum_to_the_gradient():
    a, b = Value(2.0), Value(3.0)
    root = (a * b + a).tanh() * b
    assert messages(root) == []
    root.backward()
    for node, children in uses(root).items():
        if children:
            assert node.grad == sum(messages(child)[i] for child, i in children)


# recompute


def test_recompute_refreshes_values_and_local_derivatives():
    a, b = Value(3.0), Value(4.0)
    y = (a * b - 2.0).tanh() * a
    y.backward()
    a.data, b.data = 0.5, 1.5
    assert recompute(y) == y.data
    fresh_a, fresh_b = Value(0.5), Value(1.5)
    fresh = (fresh_a * fresh_b - 2.0).tanh() * fresh_a
    fresh.backward()
    a.grad = b.grad = None
    y.backward()
    assert (y.data, a.grad, b.grad) == (fresh.data, fresh_a.grad, fresh_b.grad)


def test_recompute_forgets_gradients_in_between_and_keeps_those_of_leaves():
    a = Value(3.0)
    y = (a * a).exp()
    y.backward()
    kept = a.grad
    recompute(y)
    assert (gradient_of(a), gradient_of(y), gradient_of(y.parents[0])) == (kept, None, None)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_recompute_is_recording_for_every_row(op):
    first, then = ([0.3], [0.6]) if op.arity == 1 else ([0.3, 0.7], [0.6, 0.2])
    first, then = ([1.3], [1.6]) if op is ops.ACOSH else (first, then)
    leaves = [Value(x) for x in first]
    node = record(op, leaves)
    for leaf, number in zip(leaves, then):
        leaf.data = number
    again = record(op, leaves)
    assert recompute(node) == again.data
    assert list(node.partials) == list(again.partials)


def test_recompute_of_a_leaf_and_of_a_long_chain():
    leaf = Value(2.0)
    assert recompute(leaf) == 2.0
    y = leaf
    for _ in range(5000):
        y = 1.0 - y
    leaf.data = 7.0
    assert recompute(y) == 7.0
    assert y.parents[0].operands[0] == 1.0


def test_recompute_inside_no_grad_keeps_the_graph():
    a = Value(2.0)
    y = a * a
    with no_grad():
        a.data = 5.0
        recompute(y)
    assert (y.data, y.parents) == (25.0, (a, a))


# grad


@pytest.mark.smoke
def test_third_order_of_a_cube():
    a = Value(2.0)
    orders, y = [], a**3
    for _ in range(4):
        (y,) = grad(y, [a], create_graph=True)
        orders.append(y.data)
    assert orders == [12.0, 12.0, 6.0, 0.0]


# name, f, x, then f', f'', f''' computed with 50 digits and rounded once
HIGHER = [
    ("tanh", Value.tanh, 0.5, (0.7864477329659274, -0.7268619813835873, -0.5652092882597703)),
    ("sigma", Value.sigmoid, 0.5, (0.2350037122015945, -0.05755679485232074, -0.09635675628958461)),
    ("exp", Value.exp, 0.5, (1.6487212707001282,) * 3),
    ("log", Value.log, 0.5, (2.0, -4.0, 16.0)),
    ("sqrt", Value.sqrt, 4.0, (0.25, -0.03125, 0.01171875)),
    ("reciprocal", lambda a: 1.0 / a, 2.0, (-0.25, 0.25, -0.375)),
    ("power_of_two", lambda a: 2.0**a, 0.0, tuple(math.log(2.0) ** n for n in (1, 2, 3))),
    ("cube", lambda a: a**3, 0.0, (0.0, 0.0, 6.0)),
    ("square", lambda a: a**2, 0.0, (0.0, 2.0, 0.0)),
    ("first_power", lambda a: a**1, 0.0, (1.0, 0.0, 0.0)),
    ("product", lambda a: a * a * a * a, 1.0, (4.0, 12.0, 24.0)),
    ("relu", Value.relu, 2.0, (1.0, 0.0, 0.0)),
    ("abs", abs, -2.0, (-1.0, 0.0, 0.0)),
    ("sine", Value.sin, 0.0, (1.0, 0.0, -1.0)),
    ("cosine", Value.cos, 0.0, (0.0, -1.0, 0.0)),
    ("softplus", Value.softplus, 0.0, (0.5, 0.25, 0.0)),
    ("maximum", lambda a: F.maximum(a * a, a), 3.0, (6.0, 2.0, 0.0)),
    ("sum", lambda a: F.sum([a, a * a, a]), 3.0, (8.0, 2.0, 0.0)),
    ("dot", lambda a: F.dot([a, 2.0], [a * a, a]), 3.0, (29.0, 18.0, 6.0)),
    ("logsumexp", lambda a: F.logsumexp([a, 0.0]), 0.0, (0.5, 0.25, 0.0)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x", "orders"), [pytest.param(*c[1:], id=c[0]) for c in HIGHER])
def test_three_orders(f, x, orders):
    a = Value(x)
    y = f(a)
    for expected in orders:
        (y,) = grad(y, [a], create_graph=True)
        assert y.data == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_mixed_second_derivatives_are_symmetric():
    a, b = Value(0.7), Value(-0.4)
    first_a, first_b = grad((a * b).sin() * a**2 / (b + 2.0), [a, b], create_graph=True)
    (ab,) = grad(first_a, [b])
    (ba,) = grad(first_b, [a])
    assert ab.data == pytest.approx(ba.data, rel=1e-14)


def test_grad_equals_backward_and_touches_no_gradient():
    a, b = Value(1.5), Value(-2.5)
    y = (a * b).tanh() + a / b + F.logsumexp([a, b, 1.0])
    found = grad(y, [b, a, y, a])
    assert {gradient_of(node) for node in creation_order(y)} == {None}
    y.backward()
    assert [g.data for g in found] == pytest.approx([b.grad, a.grad, 1.0, a.grad], rel=1e-15)
    assert all(g.parents == () for g in found)


def test_grad_of_what_lies_between_and_of_what_is_not_used():
    a, aside = Value(3.0), Value(1.0)
    square = a * a
    between, unused = grad(square * 5.0, [square, aside])
    assert (between.data, unused.data) == (5.0, 0.0)


def test_grad_says_what_it_needs():
    a = Value(1.0)
    with pytest.raises(TypeError, match=r"a Value to differentiate, got 2\.0"):
        grad(2.0, [a])
    with pytest.raises(TypeError, match=r"write grad\(output, \[input\]\)"):
        grad(a, a)
    with pytest.raises(TypeError, match=r"differentiates by Values, got 3\.0"):
        grad(a, [a, 3.0])
    with pytest.raises(TypeError, match="recompute needs the Value to evaluate again, got 3"):
        recompute(3)


def test_select_parents_drops_what_belongs_to_plain_numbers():
    a = Value(2.0)
    assert select_parents(F.dot([a, 1.0], [3.0, a]), "wxyz") == ("w", "z")
    assert select_parents(a * a, "wx") == "wx"


def test_a_sweep_of_what_is_no_value_names_it():
    with pytest.raises(TypeError, match=r"a graph is read from a Value, got 3\.0"):
        Value.backward(3.0)
