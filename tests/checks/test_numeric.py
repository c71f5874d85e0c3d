"""The estimates that gradients are held against: the complex step and differences."""

import math
from itertools import pairwise

import pytest

from microgrid import Value, grad, no_grad, ops, scope
from microgrid.gradcheck import Report
from microgrid.gradcheck.arguments import golden_weight
from microgrid.gradcheck.check import check
from microgrid.gradcheck.complex_step import COMPLEX, complex_derivative, complex_gradients
from microgrid.gradcheck.numeric import differences
from microgrid.graph import describe
from microgrid.ops import FLOAT
from microgrid.value import creation_order, record

ANALYTIC = ["exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos"]


@pytest.mark.parametrize("name", ANALYTIC)
@pytest.mark.parametrize("x", [0.3, 2.0, 1e-6])
def test_the_complex_functions_agree_with_the_float_ones(name, x):
    assert getattr(COMPLEX, name)(complex(x)).real == pytest.approx(
        getattr(FLOAT, name)(x), rel=1e-14
    )
    derivative = getattr(COMPLEX, name)(complex(x, 1e-150)).imag / 1e-150
    exact = complex(0.0, 1e-30)
    (expected,) = ops.by_name(name).local_derivatives(FLOAT, getattr(FLOAT, name)(x), [x])
    assert derivative == pytest.approx(expected, rel=1e-9, abs=exact.real)


@pytest.mark.parametrize(
    ("a", "b"), [(2.0, 3.0), (-2.0, 3.0), (-1.01, 201.0), (0.5, -1.5), (-1.01, 202.0)]
)
def test_complex_powers(a, b):
    assert COMPLEX.power(complex(a), complex(b)).real == pytest.approx(a**b, rel=1e-13)
    derivative = COMPLEX.power(complex(a, 1e-150), complex(b)).imag / 1e-150
    assert derivative == pytest.approx(b * a ** (b - 1.0), rel=1e-12)


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
def test_off_the_domain_there_is_no_complex_derivative(op, operands):
    assert complex_derivative(op, operands, 0) is None
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
