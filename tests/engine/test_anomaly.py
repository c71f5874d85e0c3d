"""Anomaly detection: the first nan or inf names itself, forward and backward."""

import math

import pytest
from hypothesis import given
from random_graphs import graphs

from microgrid import Value, detect_anomaly, nn, no_grad, recompute, scope
from microgrid.anomaly import AnomalyError
from microgrid.graph import creation_order


def message(make):
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        make()
    return caught.value


def test_a_forward_nan_names_its_node_its_operands_and_the_path():
    a = Value(2.0, label="a")

    def make():
        with scope("t=2"), scope("cell"):
            return ((a - 3.0) * 2.0).log() + 1.0

    error = message(make)
    assert str(error).splitlines() == [
        "nan in the forward pass: log(mul = -2) in t=2/cell",
        "  path: a = 2 → sub = -1 → mul = -2 → log = nan",
    ]
    assert math.isnan(error.node.data)
    assert error.path[0] is a
    assert error.stepper is None


def test_inf_is_an_anomaly_too_also_where_nothing_is_recorded():
    def make():
        with no_grad():
            return Value(800.0, label="z").exp()

    assert str(message(make)).splitlines() == [
        "inf in the forward pass: exp(z = 800)",
        "  path: z = 800 → exp = inf",
    ]
    assert "inf in the forward pass: div(1, x = 0)" in str(message(lambda: 1.0 / Value(0.0, "x")))


def test_a_backward_inf_names_the_message_and_the_path_from_the_root():
    x = Value(0.0, label="x")
    with scope("t=1"):
        root = x.sqrt()
    loss = 3.0 * root
    loss.label = "L"
    error = message(loss.backward)
    assert str(error).splitlines() == [
        "inf in the backward pass: sqrt(x = 0) in t=1 sends 3 × inf = inf to x, "
        "whose gradient becomes inf",
        "  path: L —×3→ sqrt",
    ]
    assert error.node is root
    assert error.stepper.root is loss
    assert root.grad == 3.0  # as it was at that moment


def test_a_sum_of_finite_messages_that_overflows_is_found():
    x = Value(0.0, label="x")
    error = message(lambda: ((x * 1e308) + (x * 1e308) * 0.9).backward())
    assert "whose gradient becomes inf" in str(error)


def test_recompute_is_a_forward_pass_too():
    x = Value(2.0, label="x")
    root = x.log()
    x.data = 0.0
    assert str(message(lambda: recompute(root))).startswith("-inf in the forward pass: log(x = 0)")


def test_a_long_path_is_shortened():
    x = Value(1.0, label="x")

    def make():
        y = x
        for _ in range(100):
            y = y + 1.0
        return (y * -1.0).log()

    error = message(make)
    assert len(error.path) == 103
    assert " … " in str(error)
    assert len(str(error)) < 300


@given(graphs())
def test_without_an_anomaly_backward_is_the_same(root):
    nodes = creation_order(root)
    if not all(math.isfinite(node.data) for node in nodes):
        return
    root.backward()
    plain = [node.grad for node in nodes]
    for node in nodes:
        node.grad = None
    if all(map(math.isfinite, plain)):
        try:
            with detect_anomaly():
                root.backward()
        except AnomalyError:  # 0 x inf on the way, or inf - inf
            return
        assert [node.grad for node in nodes] == plain


def test_it_is_off_by_default_and_after_the_block():
    with detect_anomaly():
        assert Value(2.0).log().data > 0.0
    assert math.isnan(Value(-1.0).log().data)


def test_an_exploding_network_is_caught_in_the_step_where_it_explodes():
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    cell.load_state_dict({"weight_ih": [[1.0]], "weight_hh": [[1e200]]})
    model = nn.SequenceModel(cell)
    error = message(lambda: model.unroll([1.0, 1.0, 1.0, 1.0]))
    assert "inf in the forward pass: dot(" in str(error)
    assert "in t=3/cell" in str(error)
