"""What a failed check names: the operation, its place, the kink, the lost gradient."""

import logging
import math

import pytest
from wrong_rows import WRONG_CUBE, cube

from microgrid import Value, ops, scope
from microgrid import functional as F
from microgrid.gradcheck import GradcheckError, gradcheck, gradgradcheck
from microgrid.gradcheck.check import check, check_second
from microgrid.gradcheck.numeric import differences, judge
from microgrid.ops import FLOAT, Op
from microgrid.value import creation_order, record


@pytest.mark.smoke
def test_the_wrong_operation_is_named_with_operands_and_scope():
    def f(w, x):
        with scope("t=2/cell"):
            z = w * x
            z.label = "z"
            h = cube(z)
        return h.tanh() * w + h

    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, [0.5, Value(-3.0, label="word")])
    report = caught.value.report
    assert report.fault.node.op is WRONG_CUBE
    assert report.fault.opinion.expected == pytest.approx(6.75, rel=1e-12)
    assert report.fault.opinion.found == 2.25
    assert str(caught.value).splitlines()[0] == (
        "gradcheck: 2 of 2 gradients wrong, because of cube(z = -1.5) in t=2/cell"
    )
    assert (
        "the operation at fault: cube(z = -1.5) in t=2/cell\n"
        "  local derivative towards operand 1 of 1, z = -1.5: expected 6.75, found 2.25"
    ) in str(caught.value)


def test_the_table_has_the_worst_first():
    def f(*xs):
        return F.sum([cube(x) if i == 13 else x * x for i, x in enumerate(xs)])

    lines = str(check(f, [float(i + 1) for i in range(30)])).splitlines()
    assert lines[0] == "gradcheck: 1 of 30 gradients wrong, because of cube(xs[13] = 14.0)"
    assert lines[1].split() == ["name", "analytic", "numeric", "complex", "step", "rel.", "error"]
    assert lines[2].split() == ["xs[13]", "196", "588", "588", "6.7e-01", "wrong"]
    assert "  and 10 more" in lines


def test_the_first_of_two_wrong_operations_is_named():
    report = check(lambda a: cube(record(WRONG_CUBE, (a,)) + 1.0), [2.0])
    assert report.fault.node.operands[0].data == 2.0


def test_an_error_of_a_millionth_is_seen_by_the_complex_step():
    op = Op("nearly", "~", lambda xp, a: xp.sin(a), lambda xp, out, a: (xp.cos(a) * 1.000001,))
    report = check(lambda a: record(op, (a,)), [0.5])
    assert report.fault.node.op is op
    assert judge(math.cos(0.5) * 1.000001, differences(math.sin, 0.5, 1e-6), 1e-7, 1e-5).agrees


def test_an_op_that_knows_no_complex_numbers_is_named_by_differences():
    op = Op("sinh", "sinh", lambda xp, a: math.sinh(a), lambda xp, out, a: (-math.cosh(a),))
    report = check(lambda a: record(op, (a,)), [0.5])
    assert report.rows[0].opinion.exact is None
    assert report.fault.node.op is op


@pytest.mark.parametrize(
    "f", [lambda a: a * math.sin(a), lambda a: a * a.detach(), lambda a: a * a.data]
)
def test_a_gradient_lost_on_the_way_is_told_from_a_wrong_operation(f):
    with pytest.raises(
        GradcheckError, match=r"right by itself. f depends on a in a way that was not"
    ):
        gradcheck(f, [0.5])


def test_a_sweep_that_is_wrong_is_told_from_a_wrong_operation(monkeypatch):
    right = Value.backward

    def forgets_half(self, gradient=1.0):
        right(self, gradient)
        for node in creation_order(self):
            node.grad /= 2.0

    monkeypatch.setattr(Value, "backward", forgets_half)
    with pytest.raises(GradcheckError, match=r"forward mode gives 6 for a: the sweep is wrong"):
        gradcheck(lambda a: a * a, [3.0])


def test_a_value_that_is_not_finite_is_traced_to_where_it_begins():
    with pytest.raises(GradcheckError, match=r"f is nan; it begins with log\(a = -1.0\)"):
        gradcheck(lambda a: (a.log() * 2.0).tanh(), [-1.0])


def test_second_order_names_a_derivative_that_forgets_where_it_is():
    def derivative(xp, out, a):
        return (math.cos(float(a)),)

    op = Op("sine", "sin", lambda xp, a: xp.sin(a), derivative)
    assert gradcheck(lambda a: record(op, (a,)), [0.5])
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(lambda a: record(op, (a,)) * 2.0, [0.5])
    assert caught.value.report.fault.node.op is op
    assert "derivative by operand 1 of the local derivative" in str(caught.value)


def test_second_order_names_a_derivative_that_is_another_when_recorded():
    def derivative(xp, out, a):
        return (xp.cos(a) if xp is FLOAT else xp.sin(a),)

    op = Op("sine", "sin", lambda xp, a: xp.sin(a), derivative)
    fault = check_second(lambda a: record(op, (a,)), [0.5]).fault
    assert "recorded local derivative towards operand 1 of 1, a = 0.5" in str(fault)
    assert (fault.opinion.expected, fault.opinion.found) == (math.cos(0.5), math.sin(0.5))


def test_a_wrong_first_order_stops_gradgradcheck():
    with pytest.raises(GradcheckError, match="at fault: cube"):
        gradgradcheck(cube, [2.0])


# Kinks

KINKS = [
    (lambda a: a.relu(), [0.0], "kink at relu(a = 0.0)"),
    (lambda a: abs(a), [0.0], "kink at abs(a = 0.0)"),
    (lambda a, b: F.maximum(a, b), [1.0, 1.0], "kink at maximum(a = 1.0, b = 1.0)"),
    (lambda a, b: F.minimum(a, b), [1.0, 1.0], "kink at minimum(a = 1.0, b = 1.0)"),
    (lambda a: a.sqrt(), [0.0], "edge at sqrt(a = 0.0)"),
    (lambda a, b: a**b, [-2.0, 3.0], "edge at pow(a = -2.0, b = 3.0)"),
    (lambda p: F.binary_cross_entropy(p, 1.0), [1.0], "edge at binary_cross_entropy(p = 1.0, 1.0)"),
    (lambda a: a * 2.0 if a > 0.0 else a * 3.0, [0.0], "kink of f at a"),
    (lambda a: a + 1.0 if a > 0.0 else a, [0.0], "jump of f at a"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "inputs", "said"), KINKS, ids=[case[2] for case in KINKS])
def test_kinks_are_said_and_do_not_fail(f, inputs, said, caplog):
    with caplog.at_level(logging.WARNING, "microgrid.gradcheck"):
        assert gradcheck(f, inputs) is True
    assert any(said in record.getMessage() for record in caplog.records)


def test_a_derivative_beyond_both_sides_of_a_kink_fails():
    op = Op("ramp", "ramp", ops.RELU.forward, lambda xp, out, a: (7.0,))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a: record(op, (a,)), [0.0])
    assert caught.value.report.fault.node.op is op


def test_a_smooth_point_says_nothing(caplog):
    assert gradcheck(lambda a: F.maximum(a, -a) + a.softplus(), [0.7])
    assert gradcheck(lambda a: F.maximum(a, a), [0.7])
    assert not caplog.records


def test_second_order_at_a_kink_passes():
    assert gradgradcheck(lambda a, b: a.relu() * b.tanh(), [0.0, 3.0])
