"""The fuzz of the executors: it finds nothing here, and would find what is wrong."""

import math
import shutil

import fuzz
import numpy as np
import pytest

from microgrid import Value, ops
from microgrid import functional as F
from microgrid.tape import Tape
from microgrid.value import creation_order, record

pytestmark = pytest.mark.usefixtures("any_engine")
has_compiler = any(map(shutil.which, ("cc", "gcc", "clang")))
needs_compiler = pytest.mark.skipif(not has_compiler, reason="no C compiler")
both = "both" if has_compiler else "numpy"


def verdict(loss, engine="numpy"):
    program = fuzz.Program(0, loss, [], [[]], False)
    nodes = creation_order(loss)
    return fuzz.verdict(program, Tape(loss, engine=engine), nodes, fuzz.eager(program, nodes))


def test_random_programs_replay_as_eager(capsys):
    assert fuzz.main(["0", "12", "--engine", both]) == 0
    assert "numpy equal 12" in capsys.readouterr().out


def test_programs_are_the_same_in_every_process():
    assert fuzz.program(155).loss.data == pytest.approx(-6.193278392977733, rel=1e-12)
    assert fuzz.program(7).numbers == fuzz.program(7).numbers


def test_zero_times_infinity_is_nan_in_a_matrix_of_one_number():
    assert fuzz.main(["909", "1", "--engine", "numpy"]) == 0


@pytest.mark.parametrize("wrong", [1e-9, math.nan, math.inf])
def test_a_wrong_gradient_ends_with_exit_code_1(wrong, capsys, monkeypatch):
    right = Tape.grad
    monkeypatch.setattr(Tape, "grad", lambda tape, node: right(tape, node) + wrong)
    assert fuzz.main(["0", "4", "--engine", "numpy"]) == 1
    assert "seed 0, numpy: gradient of " in capsys.readouterr().out


def test_a_wrong_sweep_for_the_parameters_is_told(monkeypatch):
    a = Value(0.5)
    sweep = Tape.backward

    def wrong(tape, *args, inputs=True):
        sweep(tape, *args, inputs=inputs)
        if not inputs:
            tape.parameters()[0].grad[...] += 1e-9

    monkeypatch.setattr(Tape, "backward", wrong)
    assert verdict(a.tanh() * 2.0).startswith("gradient of ")


def test_what_the_last_bit_decides_is_no_difference(monkeypatch):
    a = Value(1.0)
    square = a * a
    loss = record(ops.MAXIMUM, [square, a])
    right = Tape.grad
    other = {a: 1.0, square: 0.0}  # as if the square were the smaller one
    monkeypatch.setattr(Tape, "grad", lambda tape, node: other.get(node, right(tape, node)))
    assert verdict(loss) == "rounding"
    monkeypatch.setattr(Tape, "grad", lambda tape, node: np.float64(0.25))
    assert verdict(loss).startswith("gradient of ")


CORNERS = [0.0, -0.0, 1.0, -2.0, 0.5, 20.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 710.0]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=needs_compiler)])
@pytest.mark.parametrize("op", [op for op in ops.OPS if op.arity == 2], ids=str)
def test_pairs_of_corners_are_eager_ones(op, engine):
    pairs = [(Value(x), Value(y)) for x in CORNERS for y in CORNERS]
    nodes = [record(op, pair) for pair in pairs]
    tape = Tape(F.sum(nodes), engine=engine)
    assert tape.engine == engine
    tape.forward()
    tape.backward()
    for (x, y), node in zip(pairs, nodes):
        found = [tape.value(node), tape.grad(x), tape.grad(y)]
        wanted = [node.data, *node.partials]
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-307, nan_ok=True), (x, y)
