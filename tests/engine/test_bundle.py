"""Products with a matrix are recorded as one Bundle: same numbers, same graph, same corners.

The oracle is the same product recorded node by node, `record(DOT, (*row, *column))`.
"""

import copy
import math
import pickle
import weakref

import pytest
from collected import nothing_left
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, detect_anomaly, grad, no_grad, recompute, scope
from microgrid import functional as F
from microgrid.bundle import LEAST, Bundle
from microgrid.graph import creation_order, gradient_of
from microgrid.ops import DOT
from microgrid.stepper import Stepper
from microgrid.sweep import gradients
from microgrid.tape import Tape
from microgrid.value import record

ROWS, COLUMNS = 9, 9  # 81 entries, more than LEAST


def matrix(numbers=lambda i, j: math.sin(3.0 * i + j), rows=ROWS, columns=COLUMNS):
    return [
        [Value(numbers(i, j), label=f"W[{i},{j}]") for j in range(columns)] for i in range(rows)
    ]


def vector(size=COLUMNS):
    return [Value(math.cos(2.0 * j), label=f"x[{j}]") for j in range(size)]


def linear_of(weight, x):
    return F.linear(x, weight)


def one_by_one(weight, x):
    return [record(DOT, (*row, *x)) for row in weight]


def is_bundled(node):
    return isinstance(node._da, Bundle)


def leaves_of(weight, x):
    return [v for row in (*weight, x) for v in row if isinstance(v, Value)]


def loss(product, weight, x, times=3):
    """A recurrent use of the same matrix, so that its gradient is gathered over products."""
    h = x
    for t in range(times):
        with scope(f"t={t}"):
            h = [(y + b).tanh() for y, b in zip(product(weight, h), x)][:COLUMNS]
    return F.sum([y * y for y in h])


def test_values_gradients_and_graph_are_those_of_single_nodes():
    weight, x = matrix(), vector()
    ours, plain = loss(linear_of, weight, x), loss(one_by_one, weight, x)
    assert ours.data == pytest.approx(plain.data, rel=1e-14)
    assert len(creation_order(ours)) == len(creation_order(plain))
    assert [n.op for n in creation_order(ours)] == [n.op for n in creation_order(plain)]
    leaves = leaves_of(weight, x)
    plain.backward()
    expected = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    ours.backward()
    assert [leaf.grad for leaf in leaves] == pytest.approx(expected, rel=1e-13)
    found = gradients(ours)
    assert [found[leaf] for leaf in leaves] == pytest.approx(expected, rel=1e-13)
    ours.backward()  # leaves accumulate, nodes in between do not
    assert [leaf.grad for leaf in leaves] == pytest.approx([2 * g for g in expected], rel=1e-13)
    assert gradient_of(ours) == 1.0


def test_a_row_knows_its_operands_and_local_derivatives():
    weight, x = matrix(), [*vector(COLUMNS - 2), 2.0, 1]
    (first, *_, last) = product = linear_of(weight, x)
    assert all(map(is_bundled, product))
    single = one_by_one(weight, x)[-1]
    assert last.operands == single.operands
    assert (last.parents, last.consts) == (single.parents, single.consts)
    assert last.partials == single.partials
    assert (first.op, first.label, first.serial < last.serial) == (DOT, "", True)


def test_a_small_product_or_one_of_computed_weights_stays_apart():
    small = matrix(rows=3, columns=4)
    assert LEAST > 12
    assert not any(map(is_bundled, linear_of(small, vector(4))))
    computed = [[w * 2.0 for w in row] for row in matrix()]
    assert not any(map(is_bundled, linear_of(computed, vector())))
    mixed = [[*row[:-1], 2.0] for row in matrix()]
    assert not any(map(is_bundled, linear_of(mixed, vector())))
    with no_grad():
        assert all(node.op is None for node in linear_of(matrix(), vector()))


@given(st.sets(st.integers(0, ROWS - 1), min_size=1))
@settings(max_examples=30)
def test_only_some_rows_may_be_used(used):
    weight, x = matrix(), vector()
    product, plain = linear_of(weight, x), one_by_one(weight, x)
    F.sum([plain[i] * plain[i] for i in used]).backward()
    expected = {leaf: gradient_of(leaf) for leaf in leaves_of(weight, x)}
    for leaf in expected:
        leaf.grad = None
    root = F.sum([product[i] * product[i] for i in used])
    root.backward()
    for leaf, gradient in expected.items():
        assert (gradient_of(leaf) is None) == (gradient is None)
        assert leaf.grad == pytest.approx(gradient or 0.0, rel=1e-12, abs=1e-15)
    reached = {leaf for leaf, gradient in expected.items() if gradient is not None}
    assert reached <= set(creation_order(root))


def test_another_node_may_stand_between_the_rows():
    """As where two threads make nodes at once: the product is then sent row by row."""
    weight, x = matrix(), vector()
    rows = F.linear(x, weight)
    between = x[0] * x[1]
    between.serial = rows[4].serial
    (F.sum([*rows[:4], *rows[5:]]) * between).backward()
    used = [i for i in range(ROWS) if i != 4]
    total = sum(rows[i].data for i in used)
    assert weight[0][2].grad == pytest.approx(between.data * x[2].data, rel=1e-12)
    assert weight[4][2].grad == 0.0
    column = sum(weight[i][0].data for i in used) * between.data
    assert x[0].grad == pytest.approx(column + total * x[1].data, rel=1e-12)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("where", ["weight", "input", "upstream"])
def test_numbers_that_are_not_finite_go_their_way_one_by_one(bad, where):
    weight, x = matrix(lambda i, j: float((i + j) % 3 - 1)), vector()
    x[3].data = 0.0
    if where == "weight":
        weight[2][3].data = bad
    if where == "input":
        x[0].data = bad
    results = []
    for product in (linear_of, one_by_one):
        ys = product(weight, x)
        root = F.sum(
            [y * (bad if where == "upstream" and i == 4 else 1.0) for i, y in enumerate(ys)]
        )
        for leaf in leaves_of(weight, x):
            leaf.grad = None
        root.backward()
        results.append([repr(y.data) for y in ys] + [repr(v.grad) for v in leaves_of(weight, x)])
    assert results[0] == results[1]


def test_a_changed_weight_is_read_anew_and_an_older_graph_keeps_its_numbers():
    weight, x = matrix(), vector()
    old = linear_of(weight, x)
    before = old[0].partials
    for row in weight:
        row[0].data -= 1.0
    new = linear_of(weight, x)
    assert new[0].data == pytest.approx(old[0].data - x[0].data, rel=1e-12)
    assert old[0].partials == before
    assert new[0].partials[COLUMNS] == before[COLUMNS] - 1.0
    old[0].backward()
    assert x[0].grad == before[COLUMNS]


def test_an_entry_of_the_matrix_may_be_replaced():
    weight, x = matrix(), vector()
    linear_of(weight, x)
    weight[0][0] = Value(100.0)
    product = linear_of(weight, x)
    assert product[0].parents[0] is weight[0][0]
    F.sum(product).backward()
    assert weight[0][0].grad == x[0].data


def test_edited_derivatives_and_recomputed_numbers_are_the_sweep_s():
    weight, x = matrix(), vector()
    product = linear_of(weight, x)
    root = F.sum(product)
    edited = list(product[4].partials)
    edited[0] = 1000.0
    product[4].partials = edited
    root.backward()
    assert weight[4][0].grad == 1000.0
    assert weight[3][0].grad == x[0].data
    x[0].data = 7.0
    weight[0][1].data = 5.0
    assert recompute(root) == pytest.approx(sum(y.data for y in one_by_one(weight, x)))
    for leaf in leaves_of(weight, x):
        leaf.grad = None
    root.backward()
    assert weight[4][0].grad == 7.0
    assert x[1].grad == pytest.approx(sum(row[1].data for row in weight))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_a_bundled_graph_have_leaves_of_their_own(way):
    weight, x = matrix(), vector()
    root = loss(linear_of, weight, x)
    twin_root, twin_weight = way((root, weight))
    root.backward()
    assert gradient_of(twin_weight[0][0]) is None
    twin_root.backward()
    assert twin_weight[2][3].grad == pytest.approx(weight[2][3].grad, rel=1e-13)


def test_watchers_see_every_row_and_steppers_every_message():
    weight, x = matrix(), vector()
    weight[5][5].data = math.nan
    with pytest.raises(ArithmeticError, match="nan in the forward pass: dot"), detect_anomaly():
        linear_of(weight, x)
    weight, x = matrix(), vector()
    root = F.sum(linear_of(weight, x))
    stepper = Stepper(root)
    stepper.run()
    assert len(stepper.messages) == ROWS + ROWS * 2 * COLUMNS
    stepped = [leaf.grad for leaf in leaves_of(weight, x)]
    stepper.restart()
    root.backward()
    assert [leaf.grad for leaf in leaves_of(weight, x)] == pytest.approx(stepped, rel=1e-14)


def test_second_order_and_replay():
    weight, x = matrix(), vector()
    root = loss(linear_of, weight, x)
    (first,) = grad(root, [weight[1][2]], create_graph=True)
    (second,) = grad(first, [x[3]])
    plain = loss(one_by_one, weight, x)
    (expected,) = grad(plain, [weight[1][2]], create_graph=True)
    assert first.data == pytest.approx(expected.data, rel=1e-12)
    assert second.data == pytest.approx(grad(expected, [x[3]])[0].data, rel=1e-12)
    tape = Tape(root, inputs=x)
    assert tape.forward([v.data for v in x]) == pytest.approx(root.data, rel=1e-13)
    tape.backward()
    assert tape.grad(weight[1][2]) == pytest.approx(first.data, rel=1e-12)


def test_nothing_is_kept_alive_by_what_is_known_of_a_matrix():
    with nothing_left():
        weight, x = matrix(), vector()
        root = F.sum(linear_of(weight, x))
        root.backward()
        ghosts = [weakref.ref(root), weakref.ref(weight[0][0]), weakref.ref(x[0])]
        del root, weight, x
        assert [ghost() for ghost in ghosts] == [None, None, None]
