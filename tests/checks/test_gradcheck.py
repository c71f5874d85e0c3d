"""gradcheck: what passes, what is named, kinks, and the numeric estimates beneath it."""

import logging
import math
from itertools import pairwise

import numpy as np
import pytest

from microgrid import Value, grad, nn, no_grad, ops, scope
from microgrid import functional as F
from microgrid.gradcheck import GradcheckError, Report, gradcheck, gradgradcheck
from microgrid.gradcheck.arguments import golden_weight
from microgrid.gradcheck.blame import Tolerance, first_slopes
from microgrid.gradcheck.check import check, check_second
from microgrid.gradcheck.numeric import (
    COMPLEX,
    complex_gradients,
    complex_slope,
    differences,
    judge,
)
from microgrid.graph import describe, gradient_of
from microgrid.ops import FLOAT, OPS, Op
from microgrid.value import creation_order, record

# A wrong row of one's own: the cube, its slope without the factor 3
WRONG_CUBE = Op("cube", "³", lambda xp, a: a * a * a, lambda xp, out, a: (a * a,))


def cube(a):
    return record(WRONG_CUBE, (a,))


# What passes


@pytest.mark.smoke
@pytest.mark.parametrize("op", OPS, ids=str)
def test_every_row_passes_in_first_and_second_order(op):
    points = [[0.3], [0.8]] if op.arity == 1 else [[0.3, 0.8], [0.6, 0.2]]
    for point in [[1.3], [1.8]] if op is ops.ACOSH else points:
        assert gradcheck(lambda *xs: record(op, xs), point) is True
        assert gradgradcheck(lambda *xs: record(op, xs), point) is True
        for row in check(lambda *xs: record(op, xs), point).rows:
            assert row.opinion.exact == pytest.approx(row.opinion.found, rel=1e-13)


def test_inputs_of_every_shape():
    label = Value(0.5, label="w")
    assert gradcheck(Value.tanh, 0.5)
    assert gradcheck(Value.tanh, [label])
    assert gradcheck(lambda xs, y: F.dot(xs, xs) * y, [[1.0, 2], np.float32(3.0)])
    assert gradcheck(lambda rows: F.sum(rows[0]) * rows[1][0], [np.array([[1.0, 2.0], [3.0, 4.0]])])
    assert gradcheck(lambda *values: F.logsumexp(values), [1.0, 2.0, 3.0])
    assert gradcheck(lambda a, b: a * b, [label, label])
    assert (label.data, gradient_of(label)) == (0.5, None)


def test_a_function_without_arguments_reads_the_values_itself():
    cell = nn.RNNCell(1, 2, seed=0)
    w = Value(0.5, label="w")
    assert gradcheck(lambda: w.tanh(), [w])
    assert gradgradcheck(lambda: F.sum(cell([0.5], [0.1, w])), cell)
    assert check(lambda: F.sum(cell([0.5], [0.1, w])), cell.parameters()).rows[0].name == "W_x[0,0]"
    with pytest.raises(GradcheckError, match="at fault: cube"):
        gradcheck(lambda: cube(w), w)


def test_names_in_the_table():
    cell = nn.RNNCell(1, 1, seed=0)
    report = check(lambda cell, x, h: cell(x, h)[0], [cell, [0.5], [Value(0.1, label="h_0")]])
    names = [row.name for row in report.rows]
    assert names == ["cell.weight_ih[0][0]", "cell.weight_hh[0][0]", "cell.bias[0]", "x[0]", "h_0"]
    names = [row.name for row in check(max, [1.0, 2.0]).rows]
    assert names == ["input 1", "input 2"]


def test_a_recurrent_model_through_its_parameters():
    model = nn.SequenceModel(nn.RNNCell(2, 3, seed=1), readout=nn.Linear(3, 2, seed=2))

    def loss(model):
        return model.unroll([[0.1, -0.2], [0.4, 0.3], [1.0, 0.0]], targets=[0, 1, 1]).loss

    assert gradcheck(loss, model)
    assert gradgradcheck(loss, model)
    assert {gradient_of(p) for p in model.parameters()} == {None}


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell])
def test_a_step_of_a_gated_cell(make):
    cell = make(2, 2, seed=0)

    def step(cell, x):
        state = cell(x, cell.initial_state())
        return F.sum([h * h for h in cell.hidden(state)])

    assert gradcheck(step, [cell, [0.3, -0.4]])
    assert gradgradcheck(step, [cell, [0.3, -0.4]])


def test_gradients_that_are_there_already_stay():
    a, b = Value(2.0), Value(3.0)
    (a * b).backward()
    assert gradcheck(lambda a: a * b * a, [a])
    assert (a.grad, b.grad) == (3.0, 2.0)


def test_a_penalty_on_the_gradient_itself():
    def penalty(a, b):
        first, second = grad((a * b).tanh(), [a, b], create_graph=True)
        return first * first + second * second

    assert gradcheck(penalty, [0.3, -0.7])


HARD = {
    "tiny": (Value.log, [1e-8]),
    "large": (Value.sin, [1e8]),
    "near a kink": (Value.relu, [1e-9]),
    "flat": (Value.tanh, [15.0]),
    "steep": (Value.exp, [300.0]),
    "large value": (lambda a: a + 1e12, [3.0]),
    "no influence": (lambda a, b: a * 2.0, [1.0, 1.0]),
    "a negative base": (lambda a: a**3, [-2.0]),
    "zero base": (lambda a: a**2, [0.0]),
    "a whole power beyond 100": (lambda a: a**101, [-1.01]),
    "masked": (lambda a, b: F.logsumexp([a, b, -math.inf]), [1.0, 2.0]),
    "a function of one constant": (lambda a: Value(3.0), [1.0]),
}


@pytest.mark.parametrize("case", HARD)
def test_right_gradients_at_hard_points_pass(case):
    assert gradcheck(*HARD[case])


def logistic(x):
    for _ in range(60):
        x = 3.9 * x * (1.0 - x)
    return x


STEEP = {
    "cancels at 1e8": (lambda x: (x + 1e8) - 1e8, [1.0]),
    "cancels at 1e12": (lambda x: (x + 1e12) - 1e12, [1.0]),
    "cancels at 1e15": (lambda x: (x + 1e15) - 1e15, [1.0]),
    "cancels at 1e16": (lambda x: (x + 1e16) - 1e16, [1.0]),
    "nearly a tie": (F.maximum, [1.0, 1.0 + 1e-9]),
    "a tie that cancels": (lambda a, b: F.minimum(a, b) * F.maximum(a, b), [1.0, 1.0]),
    "a chaotic map": (logistic, [0.3]),
    "a fast wave": (lambda x: (x * 1e10).sin(), [0.7]),
    "a far wave": (Value.sin, [1e15]),
    "a tiny denominator": (lambda x: 1.0 / x, [1e-150]),
    "an edge nearby": (lambda p: F.binary_cross_entropy(p, 1.0), [1.0 - 1e-12]),
    "saturated": (lambda x: x.tanh() * 1e8, [10.0]),
    "beside a kink": (abs, [1e-8]),
}


@pytest.mark.parametrize("case", STEEP)
def test_differences_that_fail_raise_no_alarm(case):
    """All of findings on false alarms: the graph is computed again, and gives what f gives."""
    assert gradcheck(*STEEP[case])


@pytest.mark.parametrize(
    "case", ["cancels at 1e8", "cancels at 1e16", "a chaotic map", "a fast wave", "saturated"]
)
def test_second_order_raises_none_either(case):
    assert gradgradcheck(*STEEP[case])


@pytest.mark.parametrize("case", ["cancels at 1e8", "a chaotic map", "a fast wave"])
def test_a_wrong_operation_is_found_where_differences_fail(case):
    f, inputs = STEEP[case]
    with pytest.raises(GradcheckError, match="because of cube"):
        gradcheck(lambda x: f(cube(x)), inputs)


@pytest.mark.parametrize("case", ["cancels at 1e8", "a fast wave"])
def test_a_lost_gradient_is_found_where_differences_fail(case):
    f, inputs = STEEP[case]
    with pytest.raises(GradcheckError, match="in a way that was not"):
        gradcheck(lambda x: f(x) * x.detach(), inputs)


def test_what_cannot_be_checked_is_said_truly():
    with pytest.raises(GradcheckError, match=r"f bends or jumps nearer to x than\neps=1e-06"):
        gradgradcheck(abs, [1e-8])
    with pytest.raises(GradcheckError, match=r"not all of them are smooth here(.|\n)*kink at min"):
        gradgradcheck(*STEEP["a tie that cancels"])


def an_lstm():
    """488 parameters."""
    return nn.SequenceModel(nn.LSTMCell(3, 9, seed=0), nn.Linear(9, 2, seed=1))


def test_many_parameters_are_checked_in_groups():
    def loss(model):
        return model.unroll([[0.1, -0.2, 0.3], [0.2, -0.2, 0.3]], [0, 1]).loss

    calls = []
    report = check(lambda model: calls.append(model) or loss(model), [an_lstm()])
    assert report.ok
    assert len(calls) < 100
    assert str(report).startswith("gradcheck: 488 gradients agree\n")
    assert sum(row.count for row in report.rows) == 488
    assert all(row.name.endswith(", along one line") for row in report.rows)


def test_one_wrong_gradient_in_a_group_is_found():
    xs = [Value(0.1 * i, label=f"x_{i}") for i in range(200)]
    report = check(lambda *xs: F.sum([cube(x) if i == 77 else x * x for i, x in enumerate(xs)]), xs)
    assert [row.name for row in report.wrong] == ["x_77"]
    assert str(report).startswith("gradcheck: 1 of 200 gradients wrong, because of cube(x_77 =")
    kinked = check(lambda *xs: F.sum([x.relu() for x in xs]), [x - 10.0 for x in range(100)])
    assert kinked.ok
    assert [row.name for row in kinked.rows if row.opinion.oddity] == ["xs[10]"]


# What is passed on, and what is searched


def test_integers_and_other_things_are_passed_on_as_they_are():
    seen = []

    def f(table, i, name, options, xs):
        seen[:] = [i, name, options]
        return table(i)[0] * xs[0] + options["shift"] * table(i + 1)[1] + xs[1]

    table, options = nn.Embedding(3, 2, seed=0), {"shift": 2.0}
    report = check(f, [table, 1, "name", options, [1.5, 2]])
    assert seen == [1, "name", options]
    assert seen[2] is options
    assert len(report.rows) == 6 + 2
    assert check(lambda i, x: x * float(i[1]), [np.array([4, 5]), 0.5]).rows[0].opinion.found == 5.0


class Plain:
    """Somebody's class that knows nothing of Modules."""

    def __init__(self):
        self.w = Value(0.5)
        self.inner = PlainInner()
        self.gain = 3.0
        self.owner = self

    def __call__(self, x):
        return self.inner.biases["b"] + self.w * x * self.gain * self.inner.rows[0][0]


class PlainInner:
    def __init__(self):
        self.rows = [[Value(2.0)]]
        self.biases = {"b": Value(1.0)}


def test_the_values_of_a_plain_object_are_checked():
    report = check(lambda model, x: model(x), [Plain(), 0.7])
    assert [row.name for row in report.rows] == [
        "model.w", "model.inner.rows[0][0]", "model.inner.biases.b", "x",
    ]  # fmt: skip
    agree = [row.opinion.found for row in report.rows]
    assert agree == pytest.approx([0.7 * 3.0 * 2.0, 0.5 * 0.7 * 3.0, 1.0, 0.5 * 3.0 * 2.0])


def test_values_that_f_brings_along_are_named_as_unchecked(caplog):
    model = Plain()
    model.w.label = "w"
    with caplog.at_level(logging.WARNING, "microgrid.gradcheck"):
        assert gradcheck(lambda x: model(x), [0.7])
    (said,) = (record.getMessage() for record in caplog.records)
    assert said == "not checked, since they are not among the inputs: w"


# What is named


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


def test_second_order_names_a_slope_that_forgets_where_it_is():
    def slope(xp, out, a):
        return (math.cos(float(a)),)

    op = Op("sine", "sin", lambda xp, a: xp.sin(a), slope)
    assert gradcheck(lambda a: record(op, (a,)), [0.5])
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(lambda a: record(op, (a,)) * 2.0, [0.5])
    assert caught.value.report.fault.node.op is op
    assert "derivative by operand 1 of the local derivative" in str(caught.value)


def test_second_order_names_a_slope_that_is_another_when_recorded():
    def slope(xp, out, a):
        return (xp.cos(a) if xp is FLOAT else xp.sin(a),)

    op = Op("sine", "sin", lambda xp, a: xp.sin(a), slope)
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


def test_a_slope_beyond_both_sides_of_a_kink_fails():
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


# What is refused


def test_bad_input_is_named():
    with pytest.raises(TypeError, match=r"f must return a Value, got 0\.479"):
        gradcheck(math.sin, [0.5])
    for inputs, shown in [("x", "a list"), (["x"], "a list"), ([], "a list"), ([3], "a list")]:
        with pytest.raises(ValueError, match=f"nothing to check among the inputs, {shown}: they"):
            gradcheck(Value.tanh, inputs)
    with pytest.raises(ValueError, match=r"eps must lie in 1e-12..0.1, got 0"):
        gradcheck(Value.tanh, [1.0], eps=0)
    with pytest.raises(ValueError, match=r"atol must be 0 or more, got -1"):
        gradcheck(Value.tanh, [1.0], atol=-1)
    with pytest.raises(ValueError, match=r"rtol must be 0 or more, got nan"):
        gradcheck(Value.tanh, [1.0], rtol=math.nan)
    calls = iter(range(10))
    with pytest.raises(ValueError, match=r"f gave 0.0, then 1.0 for the same inputs"):
        gradcheck(lambda a: a * next(calls), [1.0])
    with pytest.raises(ValueError, match="is a leaf: it has no local derivatives"):
        list(first_slopes(Value(1.0), Tolerance()))


def test_an_error_of_f_itself_is_not_hidden():
    with pytest.raises(ValueError, match="the two vectors"):
        gradcheck(lambda a: F.dot([a], [1.0, 2.0]), [1.0])


# The estimates

ANALYTIC = ["exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos"]


@pytest.mark.parametrize("name", ANALYTIC)
@pytest.mark.parametrize("x", [0.3, 2.0, 1e-6])
def test_the_complex_functions_agree_with_the_float_ones(name, x):
    assert getattr(COMPLEX, name)(complex(x)).real == pytest.approx(
        getattr(FLOAT, name)(x), rel=1e-14
    )
    slope = getattr(COMPLEX, name)(complex(x, 1e-150)).imag / 1e-150
    exact = complex(0.0, 1e-30)
    (expected,) = ops.by_name(name).local_derivatives(FLOAT, getattr(FLOAT, name)(x), [x])
    assert slope == pytest.approx(expected, rel=1e-9, abs=exact.real)


@pytest.mark.parametrize(
    ("a", "b"), [(2.0, 3.0), (-2.0, 3.0), (-1.01, 201.0), (0.5, -1.5), (-1.01, 202.0)]
)
def test_complex_powers(a, b):
    assert COMPLEX.power(complex(a), complex(b)).real == pytest.approx(a**b, rel=1e-13)
    slope = COMPLEX.power(complex(a, 1e-150), complex(b)).imag / 1e-150
    assert slope == pytest.approx(b * a ** (b - 1.0), rel=1e-12)


def test_complex_branches_are_those_of_the_real_number():
    above, below = complex(1.0, 1e-150), complex(-1.0, -1e-150)
    assert COMPLEX.abs(below) == -below
    assert COMPLEX.sign(below) == -1.0
    assert COMPLEX.maximum(above, below) is above
    assert COMPLEX.minimum(above, below) is below
    assert COMPLEX.max([below, above]) is above
    assert COMPLEX.equal(above, 1.0)
    assert COMPLEX.less(below, above)
    assert COMPLEX.less_equal(above, 1.0)
    assert COMPLEX.greater_equal(1.0, above)


@pytest.mark.parametrize(
    ("op", "operands"),
    [(ops.LOG, [-1.0]), (ops.DIV, [1.0, 0.0]), (ops.EXP, [800.0]), (ops.POW, [-2.0, 0.5])],
    ids=str,
)
def test_off_the_domain_there_is_no_complex_slope(op, operands):
    assert complex_slope(op, operands, 0) is None
    leaf = Value(operands[0])
    assert complex_gradients(creation_order(record(op, [leaf, *operands[1:]])))[leaf] is None


def test_a_complex_step_through_a_graph():
    a, b = Value(0.7), Value(-0.3)
    with no_grad():
        shift = b * 2.0
    root = (a * b).tanh() / (a + shift)
    first, second = grad(root, [a, b])
    gradients = complex_gradients(creation_order(root))
    assert gradients[a] == pytest.approx(first.data, rel=1e-14)
    assert gradients[b] == pytest.approx(second.data, rel=1e-14)
    assert gradients[shift] == pytest.approx(-root.data / (a.data + shift.data))


def test_differences_shrink_their_step():
    errors = [abs(e.central - 1.0) for e in differences(math.exp, 0.0, 1e-1)]
    assert errors[0] > errors[1] > errors[2]
    steps = [e.noise for e in differences(lambda x: 1.0, 1e10, 1e-6)]
    assert all(before < after for before, after in pairwise(steps))
    assert len(list(differences(lambda x: x, 1e10, 1e-12))) < 16


def test_words():
    with scope("t=1"):
        y = Value(0.5, label="a") * 2.0
    y.label = "y"
    assert describe(y) == "y = mul(a = 0.5, 2.0) in t=1"
    assert describe(Value(1.0, label="b")) == "b = 1.0"
    weights = [golden_weight(i) for i in range(100)]
    assert len(set(weights)) == 100
    assert min(weights) >= 0.5
    assert max(weights) < 1.5
    assert isinstance(check(Value.tanh, 1.0), Report)
