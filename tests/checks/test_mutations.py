"""The checkers are checked: break each row of the op table, and see that it is noticed.

Every mutant is one row with one thing wrong: a sign, a factor, two derivatives swapped, a
derivative forgotten, or the value itself changed. It must make the row's own test fail, and
gradcheck must name that very row at the end of a longer calculation.
"""

from contextlib import contextmanager
from functools import wraps

import pytest
import test_ops

from microgrid import ops, scope
from microgrid.gradcheck.check import check, check_second
from microgrid.ops import FLOAT, OPS
from microgrid.value import record


def scaled(factor, position):
    def mutate(derivatives):
        return [s * factor if i == position else s for i, s in enumerate(derivatives)]

    return mutate


DERIVATIVES = {
    "sign of the first": scaled(-1.0, 0),
    "sign of the last": lambda derivatives: [*derivatives[:-1], derivatives[-1] * -1.0],
    "factor two": scaled(2.0, 0),
    "a factor of 1 + 1e-6": scaled(1.000001, 0),
    "the first forgotten": scaled(0.0, 0),
    "swapped": lambda derivatives: list(derivatives)[::-1],
    "one more": lambda derivatives: [s + 1.0 for s in derivatives],
}
VALUES = {
    "value: sign": lambda out: out * -1.0,
    "value: factor": lambda out: out * 1.000001,
    "value: square": lambda out: out * out,
}


@contextmanager
def broken(op, mutation):
    """The row with one thing wrong, and the row as it was afterwards."""
    forward, partials = op.forward, op.partials

    @wraps(partials)
    def wrong_partials(*args):
        return DERIVATIVES[mutation](partials(*args))

    @wraps(forward)
    def wrong_forward(*args):
        return VALUES[mutation](forward(*args))

    field, mutant = (
        ("partials", wrong_partials) if mutation in DERIVATIVES else ("forward", wrong_forward)
    )
    object.__setattr__(op, field, mutant)
    try:
        yield
    finally:
        object.__setattr__(op, "forward", forward)
        object.__setattr__(op, "partials", partials)


POINTS = {op: [] for op in OPS}
for case in test_ops.cases():
    POINTS[case.values[0]].append(case.values[1])


def changes_nothing(op, mutation):
    """Whether the mutant cannot be told from the row at its operands (1, 1 swapped)."""

    def answers():
        out = [op.evaluate(FLOAT, operands) for operands in POINTS[op]]
        return out, [list(op.local_derivatives(FLOAT, y, x)) for y, x in zip(out, POINTS[op])]

    right = answers()
    with broken(op, mutation):
        return answers() == right


MUTANTS = [
    pytest.param(op, mutation, id=f"{op}, {mutation}")
    for op in OPS
    for mutation in (*DERIVATIVES, *VALUES)
    if not changes_nothing(op, mutation)
]


def test_there_are_mutants_of_every_row():
    for op in OPS:
        mutations = {case.values[1] for case in MUTANTS if case.values[0] is op}
        assert {"sign of the first", "factor two", "one more"} <= mutations
        assert len(mutations) >= 7
    swapped = {str(case.values[0]) for case in MUTANTS if case.values[1] == "swapped"}
    assert {"sub", "mul", "div", "pow", "dot", "maximum", "minimum"} <= swapped


def passes(op):
    """Whether the row's own test passes at all its operands."""
    try:
        for operands in POINTS[op]:
            test_ops.test_every_row_agrees_with_the_standard_library(op, operands)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(("op", "mutation"), MUTANTS)
def test_the_tests_of_the_table_fail(op, mutation):
    assert passes(op)
    with broken(op, mutation):
        assert not passes(op)
    assert passes(op)


def a_longer_way(op):
    """The op amid two others that are not broken."""

    def f(*xs):
        before = [x + 0.0 if op is ops.MUL else x * 1.0 for x in xs]
        with scope("inner"):
            y = record(op, before)
        return y - 1.0 if op is ops.DIV else y / 2.0

    return f


WRONG_DERIVATIVES = [case for case in MUTANTS if case.values[1] in DERIVATIVES]


@pytest.mark.parametrize(("op", "mutation"), WRONG_DERIVATIVES)
def test_gradcheck_names_the_row(op, mutation):
    f, named = a_longer_way(op), []
    for operands in POINTS[op]:
        assert check(f, operands).ok
        with broken(op, mutation):
            report = check(f, operands)
        if not report.ok:
            named.append((report.fault.node.op, report.fault.node.scope))
    assert set(named) == {(op, "inner")}


@pytest.mark.parametrize("op", OPS, ids=str)
def test_gradgradcheck_names_a_row_that_forgets_to_record(op):
    """Derivatives that forget, when recorded, that they depend on the operands."""
    partials = op.partials

    def constants(xp, out, *operands):
        if xp is FLOAT:
            return partials(xp, out, *operands)
        numbers = [[float(x) for x in xs] if op.variadic else float(xs) for xs in operands]
        return partials(FLOAT, float(out), *numbers)

    f = a_longer_way(op)
    object.__setattr__(op, "partials", constants)
    try:
        reports = [check_second(f, operands) for operands in POINTS[op]]
    finally:
        object.__setattr__(op, "partials", partials)
    assert {report.fault.node.op for report in reports if not report.ok} <= {op}
    curved = op.name not in {"add", "sub", "neg", "sum", "relu", "abs", "maximum", "minimum"}
    assert any(not report.ok for report in reports) is curved
