"""Rows of the op table as expressions: traced, printed, and run as C and as JavaScript."""

import ctypes
import itertools
import json
import math
import shutil
import struct
import subprocess

import pytest

from microgrid import expressions, ops
from microgrid.expressions import (
    UntraceableError,
    evaluate,
    simplified,
    symbol,
    to_latex,
    to_text,
    trace,
    unrolled,
)
from microgrid.ops import FLOAT, Op

inf, nan = math.inf, math.nan
CORNERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    inf,
    -inf,
    nan,
    5e-324,
    -5e-324,
    1e-310,
    1e-300,
    1e300,
    710.0,
    -745.0,
]
ORDINARY = [0.3, -1.7, 2.5, 0.9999, -0.5, 3.0, 1e-3, -40.0, 100.0, 0.5]
NUMBERS = CORNERS + ORDINARY


def operands_of(op):
    """Many operands: all corners for one or two, rows of them for a variadic op."""
    if not op.variadic:
        return list(itertools.product(NUMBERS, repeat=op.arity))
    rows = [ORDINARY[:n] for n in (2, 4, 6, 10)]
    corners = [[corner, 0.3, -1.7, 2.0] for corner in CORNERS]
    return rows + corners + [row[::-1] for row in corners] + [[inf, inf], [-inf, -inf], [nan, 1.0]]


def same(found, wanted, ulps=16):
    """Equal as float64 up to the rounding of another library's functions."""
    if wanted != wanted:
        return found != found
    return found == wanted or abs(found - wanted) <= ulps * 2.3e-16 * abs(wanted) + 1e-322


def answers(op, operands):
    """What the row itself computes: its value and its derivatives."""
    out = op.evaluate(FLOAT, operands)
    return [out, *op.local_derivatives(FLOAT, out, operands)]


every_op = pytest.mark.parametrize("op", ops.OPS, ids=str)


@pytest.mark.smoke
@every_op
def test_every_row_is_traced_and_computes_what_it_did(op):
    row = trace(op)
    for operands in operands_of(op):
        wanted = answers(op, operands)
        numbers = columns(row, operands)
        found = evaluate(row.value, numbers)
        assert same(found, wanted[0]), (operands, found, wanted[0])
        derivatives = []
        for derivative in row.derivatives:
            each = zip(*numbers.values()) if op.variadic else [numbers.values()]
            derivatives += [
                evaluate(derivative, {"out": wanted[0], **dict(zip(numbers, e))}) for e in each
            ]
        assert all(map(same, derivatives, wanted[1:])), (operands, derivatives, wanted[1:])
        assert len(derivatives) == len(operands)


def columns(row, operands):
    if not row.op.variadic:
        return dict(zip(row.operands, operands))
    size = len(operands) // len(row.operands)
    return {name: operands[i * size : (i + 1) * size] for i, name in enumerate(row.operands)}


@every_op
def test_every_row_is_printed_for_people(op):
    row = trace(op)
    for expression in (row.value, *row.derivatives):
        for text in (to_text(expression), to_latex(expression)):
            assert "Expression" not in text
            assert text.count("(") == text.count(")")
            assert text.count("{") == text.count("}")


def test_formulas_read_as_in_a_textbook():
    assert to_text(trace(ops.LOGSUMEXP).value) == "max(x) + ln(Σ exp(x − max(x)))"
    assert to_text(trace(ops.SOFTPLUS).value) == "max(a, 0) + ln(1 + exp(−|a|))"
    assert to_latex(trace(ops.DIV).derivatives[1], {"out": "h", "b": "w_1"}) == r"-\frac{h}{w_1}"
    a, b, c = map(symbol, "abc")
    assert to_text(a - (b - c)) == "a − (b − c)"
    assert to_text((a - b) - c) == "a − b − c"
    assert to_text(a / (b * c)) == "a/(b·c)"
    assert to_text(-(a + b) * (a + b)) == "(−(a + b))·(a + b)"
    assert to_latex((a + b) * (a + b)) == r"\left(a + b\right)^2"


def test_a_reduction_is_written_out_over_given_operands():
    xs = {"x": [symbol("w_1"), symbol("w_2")], "y": [symbol("x_1"), symbol("x_2")]}
    assert to_text(unrolled(trace(ops.DOT).value, xs)) == "w_1·x_1 + w_2·x_2"


BAD = {
    "branches": lambda xp, a: a if a > 0.0 else 0.0,
    "equals": lambda xp, a: 1.0 if a == 0.0 else a,
    "floats": lambda xp, a: math.tanh(a),
    "powers": lambda xp, a: a**2,
    "unknown": lambda xp, a: xp.frobnicate(a),
    "miscounted": lambda xp, a: xp.exp(a, a),
    "strings": lambda xp, a: a + "1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_row_that_cannot_be_traced_is_named(name):
    op = Op(name, name, BAD[name], lambda xp, out, a: (1.0,))
    with pytest.raises(UntraceableError, match=rf"^{name} cannot be traced: "):
        trace(op)


@pytest.mark.parametrize(
    "forward", [lambda xp, xs: xs[0], lambda xp, xs: sum(xs)], ids=["indexes", "iterates"]
)
def test_a_variadic_row_that_picks_operands_is_named(forward):
    with pytest.raises(UntraceableError, match=r"write xp\.each"):
        trace(Op("picks", "p", forward, lambda xp, out, xs: (1.0,) * len(xs), variadic=True))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The rows in C, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("c")
    source, built = folder / "ops.c", folder / "ops.so"
    source.write_text(expressions.c_functions())
    command = [compiler, "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-o", built, source, "-lm"]
    subprocess.run(command, check=True, timeout=600)
    return ctypes.CDLL(str(built))


@every_op
def test_the_c_of_every_row_computes_what_the_row_does(op, library):
    row, real = trace(op), ctypes.c_double

    def function(name, takes):
        found = getattr(library, f"op_{op.name}{name}")
        found.restype, found.argtypes = real, takes
        return found

    pointers = [ctypes.POINTER(real)] * len(row.operands)
    takes = [ctypes.c_long, *pointers] if op.variadic else [real] * op.arity
    value = function("", takes)
    derivatives = [
        function(f"_derivative_{k}", [real] * (1 + len(row.operands)))
        for k in range(len(row.derivatives))
    ]
    for operands in operands_of(op):
        wanted = answers(op, operands)
        parts = list(columns(row, operands).values())
        if op.variadic:
            size = len(parts[0])
            found = [value(size, *((real * size)(*part) for part in parts))]
            found += [
                derivative(wanted[0], *each) for derivative in derivatives for each in zip(*parts)
            ]
        else:
            found = [
                value(*operands),
                *(derivative(wanted[0], *operands) for derivative in derivatives),
            ]
        assert all(map(same, found, wanted)), (operands, found, wanted)


NODE = """
const fs = require("fs");
const bytes = (x) => { const b = Buffer.alloc(8); b.writeDoubleLE(x); return b.toString("hex"); };
const real = (hex) => Buffer.from(hex, "hex").readDoubleLE();
const cases = JSON.parse(fs.readFileSync(0, "utf8"));
const found = cases.map(([name, hexes, out]) => {
  const n = hexes.length, v = [0, ...hexes.map(real)], from = [0, 0, ...hexes.map((_, i) => i + 1)];
  const p = new Array(n + 2).fill(7);
  const value = OPS[name].forward(v, from, 2, n);
  OPS[name].partials(p, real(out), v, from, 2, n);
  if (p[0] !== 7 || p[1] !== 7 || p.length !== n + 2) throw new Error(name + " wrote elsewhere");
  return [bytes(value), ...p.slice(2).map(bytes)];
});
console.log(JSON.stringify(found));
"""


def test_the_javascript_of_every_row_computes_what_the_row_does(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    cases = [(op, operands) for op in ops.OPS for operands in operands_of(op)]
    wanted = [answers(op, operands) for op, operands in cases]
    given = [
        [op.name, [hexed(x) for x in operands], hexed(answer[0])]
        for (op, operands), answer in zip(cases, wanted)
    ]
    script = tmp_path / "ops.js"
    script.write_text(expressions.javascript_table() + NODE)
    run = subprocess.run(
        [node, script], input=json.dumps(given), capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    for (op, operands), hexes, answer in zip(cases, json.loads(run.stdout), wanted):
        found = [struct.unpack("<d", bytes.fromhex(x))[0] for x in hexes]
        assert len(found) == len(answer)
        assert all(map(same, found, answer)), (op.name, operands, found, answer)


def hexed(x):
    return struct.pack("<d", x).hex()


@pytest.mark.parametrize("op", [op for op in ops.OPS if not op.variadic], ids=str)
def test_an_expression_with_numbers_put_in_has_the_same_value(op):
    row = trace(op)
    for point in ([0.3, 1.7], [1.0, 0.0], [0.7, 1.0], [2.0, 2.0]):
        at = dict(zip(row.operands, point))
        at["out"] = op.evaluate(FLOAT, point[: op.arity])
        for expression in (row.value, *row.derivatives):
            expected = evaluate(expression, at)
            for known in ({}, *({name: at[name]} for name in row.operands), at):
                found = evaluate(simplified(expression, known), at)
                if math.isfinite(expected):
                    assert found == pytest.approx(expected, rel=1e-14, abs=1e-300), known


def test_what_is_worked_out():
    derivatives = trace(ops.POW).derivatives
    assert [str(simplified(derivatives[0], {"b": b})) for b in (2.0, 3.0)] == ["2·a", "3·a^2"]
    assert str(simplified(trace(ops.LEAKY_RELU).derivatives[0], {"a": -1.0})) == "b"
