"""Every row of the op table in every namespace that evaluates it: none lacks a function.

A new op is its row in ops.py, its method and its function. What is left to do is what fails
here: each failure names the op, the function of `xp` that it calls, and the files without it.
"""

import importlib
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest

from microgrid import Value, ops
from microgrid import functional as F
from microgrid.derivatives import VALUES
from microgrid.expressions import c_functions, javascript_table, to_latex, to_text, trace
from microgrid.gradcheck.complex_step import COMPLEX, IMAGINARY_STEP
from microgrid.namespaces import MissingFunctionError, used
from microgrid.ops import FLOAT, Op
from microgrid.tape import Tape
from microgrid.tape.numpy.arrays import NUMPY, ArrayNamespace
from microgrid.tape.numpy.program import TRACING, Halves, Program, Traced
from microgrid.value import record


@dataclass(frozen=True)
class Namespace:
    """One place where rows are evaluated: the rows' forward, their local derivatives, or both."""

    name: str
    home: str  # the file that has its functions
    functions: object
    forward: bool = True
    partials: bool = True

    def lacks(self, op):
        """The functions that the row calls and the namespace does not have."""
        forward, partials = used(op)
        wanted = (forward if self.forward else set()) | (partials if self.partials else set())
        return sorted(name for name in wanted if not hasattr(self.functions, name))


# The one list of who must have what.
NAMESPACES = [
    Namespace("floats", "microgrid/floats.py", FLOAT),
    Namespace("complex numbers", "microgrid/gradcheck/complex_step.py", COMPLEX, partials=False),
    Namespace("Values", "microgrid/graph.py", VALUES, forward=False),
    Namespace("NumPy arrays", "microgrid/tape/numpy/arrays.py", NUMPY),
    Namespace("a tape's calls", "microgrid/tape/numpy/program.py", TRACING),
]
CODE = {
    "C": ("microgrid/expressions/c.py", lambda op: c_functions([op])),
    "JavaScript": ("microgrid/expressions/javascript.py", lambda op: javascript_table([op])),
    "LaTeX": ("microgrid/expressions/latex.py", lambda op: [to_latex(x) for x in _written(op)]),
    "text": ("microgrid/expressions/latex.py", lambda op: [to_text(x) for x in _written(op)]),
}


def _written(op):
    row = trace(op)
    return [row.value, *row.derivatives]


def unable(op):
    """Who cannot evaluate the row, and for want of what."""
    found = [
        f"{space.name} ({space.home}) have no {', '.join(lacking)}"
        for space in [*NAMESPACES, *jax_namespace()]
        if (lacking := space.lacks(op))
    ]
    for name, (home, written) in CODE.items():
        try:
            written(op)
        except Exception as error:
            found.append(f"{name} ({home}): {error}")
    return found


def jax_namespace():
    """JAX's, where JAX is installed."""
    try:
        jax = importlib.import_module("jax")
    except ModuleNotFoundError:
        return []
    functions = ArrayNamespace(jax.numpy, erf=jax.scipy.special.erf)
    return [Namespace("JAX", "microgrid/tape/jax.py", functions)]


@pytest.mark.smoke
@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_every_namespace_has_what_the_row_asks_for(op):
    assert unable(op) == []


def test_a_row_alone_fails_with_the_names_of_all_that_lack_it():
    row = Op("wright", "ω", lambda xp, a: xp.wright(a), lambda xp, out, a: (xp.wrong(out),))
    found = "\n".join(unable(row))
    for space in NAMESPACES:
        assert f"{space.name} ({space.home})" in found
    for name, (home, _) in CODE.items():
        assert f"{name} ({home})" in found
    values = next(line for line in found.splitlines() if line.startswith("Values"))
    assert values.endswith("have no wrong")  # they evaluate no forward


def test_a_row_that_floats_lack_says_so_in_a_sentence():
    row = Op("wright", "ω", lambda xp, a: xp.wright(a), lambda xp, out, a: (out,))
    with pytest.raises(MissingFunctionError, match=r"xp\.wright, .*FLOAT.* microgrid/floats\.py"):
        record(row, [Value(1.0)])


@pytest.mark.parametrize("width", [1, 40])  # one by one on floats, and as an array
def test_a_row_that_arrays_lack_is_no_attribute_error_at_replay(monkeypatch, width):
    row = Op("wright", "ω", lambda xp, a: xp.wright(a), lambda xp, out, a: (out,))
    monkeypatch.setattr(FLOAT, "wright", staticmethod(lambda a: a + 1.0), raising=False)
    xs = [Value(1.0) for _ in range(width)]
    loss = F.sum([record(row, [x]) for x in xs]) * 2.0
    with pytest.raises(MissingFunctionError, match=r"wright.*microgrid/tape/numpy/program\.py"):
        Tape(loss, inputs=xs)


# The functions are not only there: each namespace computes what floats give.

OPERANDS = {
    "acosh": [(2.0,), (1.5,)],
    "asin": [(0.3,), (-0.7,)],
    "acos": [(0.3,), (-0.7,)],
    "atanh": [(0.3,), (-0.7,)],
    "log": [(0.3,), (2.0,)],
    "log2": [(0.3,), (2.0,)],
    "log10": [(0.3,), (2.0,)],
    "log1p": [(0.3,), (-0.5,)],
    "sqrt": [(0.3,), (2.0,)],
    "pow": [(2.0, 3.0), (0.7, -1.5)],
    "sum": [(1.0, -2.0, 5.0), (0.5, 0.25, -1.0)],
    "dot": [(2.0, -3.0, 5.0, 7.0), (1.0, 2.0, 3.0, -4.0)],
    "logsumexp": [(0.1, -0.4, 1.2), (3.0, 3.0, 1.0)],
    "binary_cross_entropy": [(0.3, 1.0), (0.9, 0.0)],
}


def examples(op):
    return OPERANDS.get(op.name, [(0.3,), (-1.7,)] if op.arity == 1 else [(0.3, -1.7), (2.0, 3.0)])


def on_floats(op):
    """Of each example the value and the local derivatives."""
    values = [op.evaluate(FLOAT, x) for x in examples(op)]
    return values, [list(op.local_derivatives(FLOAT, v, x)) for v, x in zip(values, examples(op))]


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), 1e-13, 1e-15)


@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_complex_numbers_agree(op):
    values, derivatives = on_floats(op)
    for operands, value, derivative in zip(examples(op), values, derivatives):
        for i, expected in enumerate(derivative):
            stepped = [complex(x, IMAGINARY_STEP * (i == k)) for k, x in enumerate(operands)]
            found = op.evaluate(COMPLEX, stepped)
            close([found.real, found.imag / IMAGINARY_STEP], [value, expected])


@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_values_agree(op):
    for operands, derivatives in zip(examples(op), on_floats(op)[1]):
        node = record(op, [Value(x) for x in operands])
        close([float(x) for x in op.local_derivatives(VALUES, node, node.operands)], derivatives)


@pytest.mark.parametrize("name", ["numpy", *(["jax"] if find_spec("jax") else [])])
@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_arrays_agree(op, name):
    xp, array = NUMPY, np.array
    if name == "jax":
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        xp, array = ArrayNamespace(jax.numpy, erf=jax.scipy.special.erf), jax.numpy.array
    values, derivatives = on_floats(op)
    operands = array(list(zip(*examples(op))))
    operands = operands if op.variadic else list(operands)
    out = op.evaluate(xp, operands)
    close(out, values)
    found = [
        np.broadcast_to(derivative, len(values))
        for derivative in op.local_derivatives(xp, out, operands)
    ]
    close(found, list(zip(*derivatives)))


@pytest.mark.parametrize("op", ops.OPS, ids=str)
def test_a_tapes_calls_agree(op):
    program = Program()
    values, derivatives = on_floats(op)
    columns = [np.array(column) for column in zip(*examples(op))]
    traced = [Traced(program, column) for column in columns]
    operands = [traced] if op.variadic else traced
    out = op.forward(TRACING, *operands)
    found = [
        derivative.array
        if isinstance(derivative, Traced)
        else np.broadcast_to(derivative, len(values))
        for derivative in op.partials(TRACING, out, *operands)
    ]
    numbers = [column.copy() for column in columns]
    for column in columns:
        column[...] = 0.5
    for call in program.calls():
        call()
    for column, number in zip(columns, numbers):
        column[...] = number
    for call in program.calls():  # what is made again is what was made at first
        call()
    close(out.array, values)
    close(found, list(zip(*derivatives)))


@pytest.mark.parametrize("op", [ops.SUM, ops.DOT, ops.LOGSUMEXP], ids=str)
def test_a_tapes_calls_agree_on_whole_arrays_of_operands(op):
    program = Program()
    values, derivatives = on_floats(op)
    whole = Traced(program, np.array(list(zip(*examples(op)))))
    half = len(whole) // 2
    operands = Halves(whole[:half], whole[half:]) if op is ops.DOT else whole
    out = op.forward(TRACING, operands)
    close(out.array, values)
    found = op.partials(TRACING, out, operands)
    if isinstance(found, Halves):
        found = np.concatenate([part.array for part in found.parts])
    elif isinstance(found, Traced):
        found = found.array
    else:
        found = np.transpose([found] * len(values))  # the same for every node
    close(found, list(zip(*derivatives)))
