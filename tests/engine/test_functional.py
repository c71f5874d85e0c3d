"""Functions of Values: sums, softmax, losses; their extremes and what they refuse."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from golden_cases import cases

from microgrid import Value, grad
from microgrid import functional as F

inf, nan = math.inf, math.nan
GOLDEN = Path(__file__).parents[1] / "golden"
SOFTMAX = json.loads((GOLDEN / "softmax_ce.json").read_text())["cases"]


def leaves(numbers):
    return [Value(x) for x in numbers]


def close(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.smoke
@pytest.mark.parametrize("case", SOFTMAX, ids=[case["name"] for case in SOFTMAX])
def test_golden_softmax_and_cross_entropy(case):
    z, target, expected = case["inputs"]["z"], case["inputs"]["target"], case["expected"]
    zs = leaves(z)
    ys = F.softmax(zs)
    assert [y.data for y in ys] == close(expected["softmax"])
    for y, row in zip(ys, expected["jacobian"]):
        assert [g.data for g in grad(y, zs)] == close(row)
    one_hot = [float(i == target) for i in range(len(z))]
    for given in (target, np.int64(target), one_hot, np.array(one_hot), leaves(one_hot)):
        zs = leaves(z)
        loss = F.cross_entropy(zs, given)
        loss.backward()
        assert loss.data == close(expected["loss"])
        assert [x.grad for x in zs] == close(expected["dloss_dz"])


@cases("torch_functions")
def test_functions_and_methods_are_pytorch_s(case):
    name, options = case["function"], case["options"]
    ways = [getattr(F, name)]
    ways += [getattr(Value, name)] if hasattr(Value, name) and name != "gelu" else []
    for function in ways:
        for x, value, derivative in zip(case["points"], case["values"], case["derivatives"]):
            leaf = Value(x)
            y = function(leaf, **options)
            y.backward()
            assert y.data == pytest.approx(value, rel=1e-13, abs=1e-16)
            assert leaf.grad == pytest.approx(derivative, rel=1e-12, abs=1e-16)


UFUNCS = "exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan sinh cosh tanh arcsin arccos arctan \
arcsinh arctanh absolute"


@pytest.mark.parametrize("name", UFUNCS.split())
def test_numpy_s_functions_take_values(name):
    x = Value(0.3)
    assert getattr(np, name)(x).data == pytest.approx(float(getattr(np, name)(0.3)), rel=1e-15)
    ys = getattr(np, name)(np.array([Value(0.3), Value(0.4)]))
    assert ys[0].parents[0].data == 0.3
    assert np.arccosh(Value(1.3)).op.name == "acosh"


def test_what_gelu_refuses():
    with pytest.raises(ValueError, match=r"approximate must be .* got 'erf'"):
        F.gelu(1.0, approximate="erf")


def test_extremes_of_softmax_and_cross_entropy():
    assert F.logsumexp([1000.0, 1000.0]).data == 1000.6931471805599
    assert F.cross_entropy((1000.0, 0.0), 1).data == 1000.0
    assert F.cross_entropy((1000.0, 0.0), 0).data == 0.0
    assert [y.data for y in F.softmax([1e308, -1e308, 0.0])] == [1.0, 0.0, 0.0]
    assert [y.data for y in F.log_softmax([-1e308, -1e308])] == [-math.log(2.0)] * 2
    assert F.sigmoid(-800.0).data == 0.0
    assert F.softplus(-800.0).data == 0.0
    masked = leaves([-inf, 0.0, 0.0])
    F.cross_entropy(masked, 1).backward()
    assert [x.grad for x in masked] == [0.0, -0.5, 0.5]


def test_sums():
    a, b = Value(2.0), Value(3.0)
    assert F.sum([]).data == 0.0
    assert F.sum([a]) is a
    assert F.sum(x for x in (a, b, 1)).data == 6.0
    assert F.sum(np.array([1.0, 2.0])).data == 3.0
    assert F.mean([a, b, 1.0]).data == 2.0
    assert F.dot([], []).data == 0.0
    assert F.dot([a], [b]).op.name == "mul"
    total = F.dot([a, 2.0, b], [1.0, b, b])
    total.backward()
    assert (total.data, a.grad, b.grad) == (17.0, 1.0, 8.0)


def test_linear_is_a_matrix_times_a_vector():
    weight = [leaves([1.0, 2.0]), leaves([3.0, 4.0]), leaves([5.0, 6.0])]
    bias = leaves([0.5, 0.0, -0.5])
    rng_free = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = leaves([10.0, -1.0])
    ys = F.linear(x, weight, bias)
    assert [y.data for y in ys] == list(rng_free @ [10.0, -1.0] + [0.5, 0.0, -0.5])
    F.dot(ys, [1.0, 10.0, 100.0]).backward()
    assert [v.grad for v in x] == list([1.0, 10.0, 100.0] @ rng_free)
    assert [v.grad for v in bias] == [1.0, 10.0, 100.0]
    assert [v.grad for v in weight[2]] == [1000.0, -100.0]
    assert [y.data for y in F.linear([10.0, -1.0], weight)] == [8.0, 26.0, 44.0]


def test_linear_of_one_entry_and_of_none():
    x, w = Value(2.0), Value(3.0)
    (y,) = F.linear([x], [[w]])
    assert (y.op.name, y.parents) == ("mul", (w, x))
    assert [y.data for y in F.linear([], [[], []])] == [0.0, 0.0]
    assert [y.data for y in F.linear([], [[]], [1.5])] == [1.5]
    assert F.linear([1.0], []) == []


def test_linear_records_what_a_dot_per_row_records():
    rng = random.Random(0)

    def numbers(n, share):
        return [Value(rng.random()) if rng.random() < share else rng.random() for _ in range(n)]

    for _ in range(300):
        n = rng.randrange(1, 5)
        x, rows = numbers(n, 0.7), [numbers(n, 0.9) for _ in range(3)]
        for found, row in zip(F.linear(x, rows), rows, strict=True):
            expected = F.dot(row, x)
            for name in ("data", "op", "parents", "consts"):
                assert getattr(found, name) == getattr(expected, name)
            assert tuple(found.partials) == tuple(expected.partials)


@pytest.mark.parametrize(
    "name", ["exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "softplus", "abs"]
)
def test_functions_of_one_number_are_the_methods(name):
    a = Value(0.5)
    y = getattr(F, name)(a)
    assert y.parents == (a,)
    assert y.op.name == name
    method = getattr(a, "__abs__" if name == "abs" else name)
    assert y.data == method().data
    assert getattr(F, name)(0.5).parents == ()
    with pytest.raises(TypeError, match=f"{name} needs a real number, got 'x'"):
        getattr(F, name)("x")


def test_maximum_and_minimum_take_numbers_on_either_side():
    a = Value(2.0)
    for y, gradient in (
        (F.maximum(a, 1.0), 1.0),
        (F.maximum(3.0, a), 0.0),
        (F.minimum(a, 2.0), 0.5),
        (F.maximum(a, a), 1.0),
    ):
        a.grad = None
        y.backward()
        assert a.grad == gradient


# Losses: value, then the gradient of every leaf, worked out by hand.


def test_mse_in_its_three_reductions():
    for reduction, loss, gradient in (
        ("mean", 2.5, [1.0, 2.0]),
        ("sum", 5.0, [2.0, 4.0]),
        ("half_sum", 2.5, [1.0, 2.0]),
    ):
        ys = leaves([1.0, 3.0])
        result = F.mse_loss(ys, np.array([0.0, 1.0]), reduction)
        result.backward()
        assert (result.data, [y.grad for y in ys]) == (loss, gradient)
    assert F.mse_loss(Value(3.0), 1).data == 4.0


def test_binary_cross_entropy_is_minus_the_logarithm():
    p = Value(0.25)
    loss = F.binary_cross_entropy(p, 1.0)
    loss.backward()
    assert (loss.data, p.grad) == (pytest.approx(math.log(4.0), rel=1e-15), -4.0)
    assert F.binary_cross_entropy([0.5, 0.25], [0.0, 0.0]).data == pytest.approx(
        (math.log(2.0) - math.log(0.75)) / 2.0, rel=1e-15
    )
    assert F.binary_cross_entropy([0.0, 1.0], [0.0, 1.0]).data == 0.0
    assert F.binary_cross_entropy([0.0, 1.0], [1.0, 0.0]).data == 100.0


# ln(1 + e**-20) and ln(1 + e**-40) with 30 digits: subtraction of y z would lose them
LOGITS = [
    (0.0, 0.25, math.log(2.0), 0.25),
    (20.0, 1.0, 2.061153620314381e-09, -2.0611536181902037e-09),
    (40.0, 1.0, 4.248354255291589e-18, -4.248354255291589e-18),
    (-40.0, 0.0, 4.248354255291589e-18, 4.248354255291589e-18),
    (-800.0, 1.0, 800.0, -1.0),
    (800.0, 0.0, 800.0, 1.0),
    (800.0, 1.0, 0.0, 0.0),
    (inf, 0.0, inf, 1.0),
    (-inf, 1.0, inf, -1.0),
]


@pytest.mark.parametrize(("z", "y", "expected", "gradient"), LOGITS)
def test_binary_cross_entropy_with_logits(z, y, expected, gradient):
    logit, target = Value(z), Value(y)
    loss = F.binary_cross_entropy_with_logits(logit, target)
    loss.backward()
    assert loss.data == pytest.approx(expected, rel=1e-14)
    assert logit.grad == pytest.approx(gradient, rel=1e-14)
    assert target.grad == pytest.approx(-z, rel=1e-14)
    assert F.binary_cross_entropy_with_logits([z, z], [y, y]).data == loss.data


def test_hinge_loss_is_zero_beyond_the_margin():
    for score, y, loss, gradient in (
        (0.25, 1.0, 0.75, -1.0),
        (2.0, 1.0, 0.0, 0.0),
        (2.0, -1.0, 3.0, 1.0),
    ):
        s = Value(score)
        result = F.hinge_loss(s, y)
        result.backward()
        assert (result.data, s.grad) == (loss, gradient)


a = Value(2.0)
REFUSED = [
    (lambda: F.dot([a], [1, 2]), ValueError, "dot: .* same length, got 1 and 2"),
    (lambda: F.dot(a, [1]), TypeError, "dot takes a sequence"),
    (lambda: F.dot([a, "x"], [1, 2]), TypeError, "dot needs a real number, got 'x'"),
    (lambda: F.sum("12"), TypeError, "sum takes a sequence"),
    (lambda: F.sum(np.ones((1, 2))), TypeError, "sum needs a real number, got array"),
    (lambda: F.sum(3), TypeError, "sum takes a sequence of Values or numbers, got 3"),
    (lambda: F.mean([]), ValueError, "mean needs at least one number"),
    (lambda: F.logsumexp([]), ValueError, "logsumexp needs at least one number"),
    (lambda: F.softmax([]), ValueError, "needs at least one number"),
    (lambda: F.maximum(a, None), TypeError, "maximum needs a real number, got None"),
    (lambda: F.linear([1.0], [[1.0, 2.0]]), ValueError, "a weight row and x .* got 2 and 1"),
    (lambda: F.linear([1.0], [[a]], [1.0, 2.0]), ValueError, "rows and bias .* got 1 and 2"),
    (lambda: F.linear(5.0, [[a]]), TypeError, "a weight row and x must be sequences, got 5.0"),
    (lambda: F.cross_entropy([a, a], 2), ValueError, "target 2 is not one of the 2 classes"),
    (lambda: F.cross_entropy([a, a], -1), ValueError, "target -1 is not one of the 2 classes"),
    (lambda: F.cross_entropy([a, a], 0.5), TypeError, "must be a class index .* got 0.5"),
    (lambda: F.cross_entropy([a, a], [1.0]), ValueError, "got 2 and 1"),
    (lambda: F.cross_entropy(a, 0), TypeError, "cross_entropy takes a sequence"),
    (lambda: F.mse_loss([a], [1, 2]), ValueError, "mse_loss: .* got 1 and 2"),
    (lambda: F.mse_loss(a, 1, "median"), ValueError, '"mean", "sum" or "half_sum", got \'median\''),
    (lambda: F.mse_loss([], []), ValueError, "mean needs at least one number"),
    (lambda: F.binary_cross_entropy(1.5, 1), ValueError, "lies in 0..1, got 1.5; for logits"),
    (lambda: F.binary_cross_entropy(nan, 1), ValueError, "a probability lies in 0..1, got nan"),
    (lambda: F.binary_cross_entropy([0.5], [1, 2]), ValueError, "got 1 and 2"),
    (lambda: F.binary_cross_entropy_with_logits([a], [1, 2]), ValueError, "got 1 and 2"),
    (lambda: F.hinge_loss("x", 1), TypeError, "hinge_loss takes a sequence .*, got 'x'"),
    (lambda: F.hinge_loss([a], [1, 2]), ValueError, "hinge_loss: .* got 1 and 2"),
    (lambda: F.softmax(a), TypeError, "softmax takes a sequence of Values or numbers, got Value"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
