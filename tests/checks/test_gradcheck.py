"""gradcheck: what passes, what is named, kinks, and the numeric estimates beneath it."""

import logging
import math

import numpy as np
import pytest
from wrong_rows import cube

from microgrid import Value, grad, nn, ops
from microgrid import functional as F
from microgrid.gradcheck import GradcheckError, gradcheck, gradgradcheck
from microgrid.gradcheck.blame import Tolerance, first_order
from microgrid.gradcheck.check import check
from microgrid.graph import gradient_of
from microgrid.ops import OPS
from microgrid.value import record

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
    "case",
    [
        "cancels at 1e8",
        "cancels at 1e16",
        "a chaotic map",
        "a fast wave",
        "saturated",
        "beside a kink",
        "nearly a tie",
    ],
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


@pytest.mark.parametrize("wrong", [1.001, 0.99, 0.0, -1.0])
def test_a_wrong_second_order_is_found_beside_a_jump(wrong):
    # The gradient of |x| + x^2 jumps at 0, and beside it a part of the 2 is lost.
    def half_lost(x):
        return abs(x) + x * (wrong * x + (1.0 - wrong) * x.detach())

    with pytest.raises(GradcheckError):
        gradgradcheck(half_lost, [1e-8])


def test_what_cannot_be_checked_is_said_truly():
    # min(a, b) max(a, b) is a b, whose second derivatives at a tie are not what the halves of a
    # tie say: that alarm is right. No step is short enough for a bend at 1e-11.
    with pytest.raises(GradcheckError, match=r"f bends or jumps nearer to a than\neps=1e-06"):
        gradgradcheck(F.maximum, [1.0, 1.0 + 1e-11])
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


# What is refused


def test_bad_input_is_named():
    with pytest.raises(TypeError, match=r"f must return a Value, got 0\.479"):
        gradcheck(math.sin, [0.5])
    with pytest.raises(TypeError, match="a Value, got None; let it end with the loss, `return"):
        gradcheck(lambda x: None, [0.5])
    with pytest.raises(TypeError, match="a Value, got a list; return one entry of it"):
        gradcheck(lambda x: [x, x], [0.5])
    with pytest.raises(TypeError, match="takes the function first, then its inputs, got a list"):
        gradcheck([0.5], lambda x: x)
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
        list(first_order(Value(1.0), Tolerance()))


def test_an_error_of_f_itself_is_not_hidden():
    with pytest.raises(ValueError, match="the two vectors"):
        gradcheck(lambda a: F.dot([a], [1.0, 2.0]), [1.0])
