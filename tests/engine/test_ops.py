"""The op table: values, local derivatives, IEEE-754 corners, and what a row must be."""

import cmath
import copy
import json
import math
import pickle
from pathlib import Path

import pytest

from microgrid import Value, ops
from microgrid import functional as F
from microgrid.ops import FLOAT
from microgrid.value import record

inf, nan = math.inf, math.nan
GOLDEN = Path(__file__).parents[1] / "golden"


def erf(z):
    """The error function by its Taylor series, 2 / sqrt(pi) (z - z**3 / 3 + z**5 / 10 - ...)."""
    terms = [(-1) ** n * z ** (2 * n + 1) / math.factorial(n) / (2 * n + 1) for n in range(40)]
    return 2 / math.sqrt(math.pi) * sum(terms)


# Each op as the standard library writes it on complex numbers: an oracle that shares
# nothing with the table. Its imaginary part after a step of 1e-30 i is the derivative.
REFERENCE = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: cmath.exp(b * cmath.log(a)),
    "exp": cmath.exp,
    "expm1": lambda a: cmath.exp(a) - 1,
    "log": cmath.log,
    "exp2": lambda a: cmath.exp(a * cmath.log(2)),
    "log2": lambda a: cmath.log(a) / cmath.log(2),
    "log10": cmath.log10,
    "log1p": lambda a: cmath.log(1 + a),
    "sqrt": cmath.sqrt,
    "tanh": cmath.tanh,
    "sigmoid": lambda a: (1 + cmath.tanh(a / 2)) / 2,
    "relu": lambda a: a if a.real > 0 else 0j,
    "softplus": lambda a: cmath.log(1 + cmath.exp(a)),
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "asin": cmath.asin,
    "acos": cmath.acos,
    "atan": cmath.atan,
    "asinh": cmath.asinh,
    "acosh": cmath.acosh,
    "atanh": cmath.atanh,
    "erf": erf,
    "gelu": lambda a: a * (1 + erf(a / 2**0.5)) / 2,
    "silu": lambda a: a * (1 + cmath.tanh(a / 2)) / 2,
    "leaky_relu": lambda a, slope: a if a.real > 0 else slope * a,
    "elu": lambda a, alpha: a if a.real > 0 else alpha * (cmath.exp(a) - 1),
    "abs": lambda a: a if a.real > 0 else -a,
    "maximum": lambda a, b: a if a.real > b.real else b,
    "minimum": lambda a, b: a if a.real < b.real else b,
    "sum": lambda *xs: sum(xs),
    "dot": lambda *xs: sum(x * y for x, y in zip(xs, xs[len(xs) // 2 :])),
    "logsumexp": lambda *xs: cmath.log(sum(map(cmath.exp, xs))),
    "binary_cross_entropy": lambda p, y: -(y * cmath.log(p) + (1 - y) * cmath.log(1 - p)),
}
OPERANDS = {
    "pow": [(2.0, 3.0), (0.7, -1.5), (3.0, 0.5)],
    "log": [(0.3,), (2.0,), (1e-3,)],
    "log2": [(0.3,), (2.0,), (1e-3,)],
    "log10": [(0.3,), (2.0,), (1e-3,)],
    "log1p": [(0.3,), (-0.5,), (4.0,)],
    "asin": [(0.3,), (-0.9,), (0.01,)],
    "erf": [(0.3,), (-1.2,), (0.01,)],
    "acos": [(0.3,), (-0.9,), (0.01,)],
    "acosh": [(1.3,), (2.5,), (40.0,)],
    "atanh": [(0.3,), (-0.9,), (0.01,)],
    "leaky_relu": [(0.3, 0.2), (-2.0, 0.1), (-0.5, -4.0)],
    "elu": [(0.3, 0.2), (-2.0, 0.5), (-0.5, -4.0)],
    "sqrt": [(0.3,), (2.0,), (1e-3,)],
    "sum": [(1.0, -2.0, 5.0)],
    "dot": [(2.0, -3.0, 5.0, 7.0), (1.0, 2.0, 3.0, -4.0, 0.5, 6.0)],
    "logsumexp": [(0.1, -0.4, 1.2), (3.0, 3.0)],
    "binary_cross_entropy": [(0.3, 1.0), (0.9, 0.0), (0.2, 0.25)],
}
ONE = [(0.3,), (-1.7,), (2.5,)]
TWO = [(0.3, -1.7), (2.0, 3.0), (-0.5, -4.0)]


def cases():
    for op in ops.OPS:
        for operands in OPERANDS.get(op.name, ONE if op.arity == 1 else TWO):
            yield pytest.param(op, operands, id=f"{op.name}{operands}")


@pytest.mark.smoke
@pytest.mark.parametrize(("op", "operands"), list(cases()))
def test_every_row_agrees_with_the_standard_library(op, operands):
    reference = REFERENCE[op.name]
    out = op.evaluate(FLOAT, operands)
    assert out == pytest.approx(reference(*map(complex, operands)).real, rel=1e-14, abs=1e-15)
    for i, derivative in enumerate(op.local_derivatives(FLOAT, out, operands)):
        stepped = [complex(x, 1e-30 if i == j else 0.0) for j, x in enumerate(operands)]
        assert derivative == pytest.approx(reference(*stepped).imag / 1e-30, rel=1e-13, abs=1e-15)


def test_the_table_has_every_op_once():
    assert sorted(op.name for op in ops.OPS) == sorted(REFERENCE)
    assert len({op.symbol for op in ops.OPS}) == len(ops.OPS)
    assert ops.by_name("tanh") is ops.TANH
    with pytest.raises(ValueError, match="unknown operation 'tahn'; there are add, sub"):
        ops.by_name("tahn")


def test_an_op_copies_and_pickles_to_itself():
    assert copy.deepcopy(ops.DOT) is ops.DOT
    assert pickle.loads(pickle.dumps(ops.DOT)) is ops.DOT


ACTIVATIONS = json.loads((GOLDEN / "activations.json").read_text())["cases"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        pytest.param(name, row, id=f"{name}({row['z']})")
        for case in ACTIVATIONS
        for row in case["expected"]
        for name in ("sigmoid", "tanh", "relu")
        if name in row
    ],
)
def test_golden_activations(name, row):
    z = Value(row["z"])
    y = getattr(z, name)()
    y.backward()
    assert y.data == pytest.approx(row[name], rel=1e-15, abs=1e-15)
    if f"d{name}" in row:
        assert z.grad == pytest.approx(row[f"d{name}"], abs=1e-15)


# IEEE-754: value and derivatives where Python's own functions would raise or turn complex.
EXTREMES = [
    ("exp", (709.0,), 8.218407461554972e307, (8.218407461554972e307,)),
    ("exp", (710.0,), inf, (inf,)),
    ("exp", (-745.0,), 5e-324, (5e-324,)),
    ("exp", (-746.0,), 0.0, (0.0,)),
    ("expm1", (710.0,), inf, (inf,)),
    ("log", (0.0,), -inf, (inf,)),
    ("log", (-1.0,), nan, (-1.0,)),
    ("exp2", (1024.0,), inf, (inf,)),
    ("exp2", (-1080.0,), 0.0, (0.0,)),
    ("log2", (8.0,), 3.0, (1 / (8 * math.log(2)),)),
    ("log2", (0.0,), -inf, (inf,)),
    ("log10", (1000.0,), 3.0, (1 / (1000 * math.log(10)),)),
    ("log10", (-1.0,), nan, (-1 / math.log(10),)),
    ("log1p", (-1.0,), -inf, (inf,)),
    ("log1p", (-2.0,), nan, (-1.0,)),
    ("sqrt", (0.0,), 0.0, (inf,)),
    ("sqrt", (-1.0,), nan, (nan,)),
    ("div", (1.0, 0.0), inf, (inf, -inf)),
    ("div", (1.0, -0.0), -inf, (-inf, -inf)),
    ("div", (-1.0, 0.0), -inf, (inf, inf)),
    ("div", (0.0, 0.0), nan, (inf, nan)),
    ("pow", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("pow", (0.0, -1.0), inf, (-inf, -inf)),
    ("pow", (-0.0, -1.0), -inf, (-inf, inf)),
    ("pow", (-4.0, 0.5), nan, (nan, nan)),
    ("pow", (-2.0, 3.0), -8.0, (12.0, nan)),
    ("pow", (1e200, 2.0), inf, (2e200, inf)),
    ("pow", (-1e200, 3.0), -inf, (inf, nan)),
    ("tanh", (800.0,), 1.0, (0.0,)),
    ("tanh", (-inf,), -1.0, (0.0,)),
    ("sigmoid", (-800.0,), 0.0, (0.0,)),
    ("sigmoid", (800.0,), 1.0, (0.0,)),
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (nan,), nan, (1.0,)),
    ("softplus", (-800.0,), 0.0, (0.0,)),
    ("softplus", (800.0,), 800.0, (1.0,)),
    ("softplus", (-inf,), 0.0, (0.0,)),
    ("sin", (inf,), nan, (nan,)),
    ("cos", (-inf,), nan, (nan,)),
    ("tan", (inf,), nan, (nan,)),
    ("sinh", (-800.0,), -inf, (inf,)),
    ("cosh", (-800.0,), inf, (-inf,)),
    ("asin", (1.0,), math.pi / 2, (inf,)),
    ("asin", (1.5,), nan, (nan,)),
    ("acos", (-1.0,), math.pi, (-inf,)),
    ("atan", (-inf,), -math.pi / 2, (0.0,)),
    ("asinh", (1e200,), 461.2101657793691, (0.0,)),
    ("acosh", (1.0,), 0.0, (inf,)),
    ("acosh", (-3.0,), nan, (nan,)),
    ("atanh", (1.0,), inf, (inf,)),
    ("atanh", (-2.0,), nan, (-1 / 3,)),
    ("erf", (inf,), 1.0, (0.0,)),
    ("erf", (-27.0,), -1.0, (0.0,)),
    ("gelu", (-40.0,), 0.0, (0.0,)),
    ("gelu", (800.0,), 800.0, (1.0,)),
    ("silu", (-800.0,), 0.0, (0.0,)),
    ("silu", (800.0,), 800.0, (1.0,)),
    ("leaky_relu", (0.0, 0.1), 0.0, (0.1, 0.0)),
    ("elu", (0.0, 2.0), 0.0, (2.0, 0.0)),
    ("elu", (-800.0, 2.0), -2.0, (0.0, -1.0)),
    ("elu", (800.0, 2.0), 800.0, (1.0, 0.0)),
    ("abs", (0.0,), 0.0, (0.0,)),
    ("maximum", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("minimum", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("maximum", (nan, 1.0), nan, (1.0, 1.0)),
    ("minimum", (1.0, nan), nan, (1.0, 1.0)),
    ("logsumexp", (1000.0, 1000.0), 1000.6931471805599, (0.5, 0.5)),
    ("logsumexp", (-1000.0, -1000.0), -999.3068528194401, (0.5, 0.5)),
    ("logsumexp", (-inf, 0.0), 0.0, (0.0, 1.0)),
    ("logsumexp", (-inf, -inf), -inf, (nan, nan)),
    ("logsumexp", (inf, 0.0), inf, (nan, 0.0)),
    ("binary_cross_entropy", (0.0, 1.0), 100.0, (-1e12, inf)),
    ("binary_cross_entropy", (1.0, 0.0), 100.0, (1e12, -inf)),
    ("binary_cross_entropy", (1.0, 1.0), 0.0, (0.0, -inf)),
]


@pytest.mark.parametrize(
    ("name", "operands", "value", "derivatives"),
    [pytest.param(*case, id=f"{case[0]}{case[1]}") for case in EXTREMES],
)
def test_extremes(name, operands, value, derivatives):
    op = ops.by_name(name)
    out = op.evaluate(FLOAT, operands)
    assert out == pytest.approx(value, rel=1e-13, nan_ok=True)
    found = list(op.local_derivatives(FLOAT, out, operands))
    assert found == pytest.approx(list(derivatives), rel=1e-13, nan_ok=True)


HARD = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 5e-324, 1e308, -1e308, 710.0, -746.0, inf, -inf, nan]


@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_no_number_raises_warns_or_turns_complex(op):
    for operands in [(x,) for x in HARD] if op.arity == 1 else [(x, y) for x in HARD for y in HARD]:
        node = record(op, [Value(x) for x in operands])
        node.backward()
        assert type(node.data) is float
        assert {type(derivative) for derivative in node.partials} == {float}
        assert {type(parent.grad) for parent in node.parents} == {float}


def test_zero_keeps_its_sign():
    for value in (-Value(0.0), Value(-0.0) * 1.0, Value(-0.0).sin(), Value(-0.0).tanh()):
        assert math.copysign(1.0, value.data) == -1.0
    assert (1.0 / Value(-0.0)).data == -inf


def test_no_step_of_sigmoid_or_softmax_overflows():
    z = Value(-800.0)
    y = z.sigmoid()
    y.backward()
    assert (y.data, z.grad) == (0.0, 0.0)
    assert [p.data for p in F.softmax([1e308, -1e308])] == [1.0, 0.0]
