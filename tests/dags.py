"""Random graphs for the property tests, and a naive forward-mode evaluator to hold them against.

A recipe is a list of (op, operand positions): step i may use the leaves and the steps
before it. The evaluator knows nothing of ours: it computes on complex numbers x + i h x',
with the standard library's functions, so that the tangent rides in the imaginary part.
"""

import math

from hypothesis import strategies as st
from test_ops import REFERENCE

from microgrid import Value
from microgrid.graph import gradient_of
from microgrid.ops import OPS, by_name
from microgrid.value import record

STEP = 1e-150
KINKED = {"relu", "leaky_relu", "elu", "abs", "maximum", "minimum"}

# Operands beyond these bounds are squashed first, so that numbers stay tame.
DOMAINS = {
    "log": (0.1, 10.0), "log1p": (-0.5, 10.0), "sqrt": (0.1, 10.0), "exp": (-5.0, 3.0),
    "expm1": (-5.0, 3.0), "softplus": (-20.0, 20.0), "logsumexp": (-20.0, 20.0),
    "exp2": (-5.0, 3.0), "log2": (0.1, 10.0), "log10": (0.1, 10.0), "tan": (-1.2, 1.2),
    "sinh": (-3.0, 3.0), "cosh": (-3.0, 3.0), "asin": (-0.95, 0.95), "acos": (-0.95, 0.95),
    "acosh": (1.1, 10.0), "atanh": (-0.95, 0.95), "erf": (-2.0, 2.0), "gelu": (-2.5, 2.5),
    "elu": (-5.0, 3.0), "pow": (0.1, 2.0), "div": (0.2, 20.0), "binary_cross_entropy": (0.05, 0.95),
}  # fmt: skip

leaves = st.lists(st.floats(-2.0, 2.0, allow_subnormal=False), min_size=1, max_size=4)
picks = st.lists(st.integers(0, 1000), min_size=2, max_size=4)
recipes = st.lists(st.tuples(st.sampled_from([op.name for op in OPS]), picks), max_size=20)


def resolve(recipe, numbers):
    """The recipe with real positions, and tanh put where an operand leaves its domain."""
    values, steps = list(numbers), []

    def step(op, operands):
        steps.append((op, operands))
        values.append(REFERENCE[op](*(complex(values[i]) for i in operands)).real)
        return len(values) - 1

    for op, chosen in recipe:
        operands = [i % len(values) for i in chosen[: by_name(op).arity or len(chosen)]]
        operands = operands[:-1] if op == "dot" and len(operands) % 2 else operands
        low, high = DOMAINS.get(op, (-50.0, 50.0))
        if not all(low <= values[i] <= high for i in operands):
            # sigmoid(tanh(x)) lies in 0.26..0.74, inside every domain but acosh's
            operands = [step("sigmoid", [step("tanh", [i])]) for i in operands]
            operands = [step("exp", [i]) for i in operands] if op == "acosh" else operands
        if op in KINKED and at_kink(op, [values[i] for i in operands]):
            op = "sum"
        step(op, operands)
    step("sum", sorted({len(values) - 1, len(values) // 2, 0}))
    return steps


def at_kink(op, operands):
    """Whether relu, abs, maximum or minimum has no single derivative here."""
    a, b = operands if op in ("maximum", "minimum") else (operands[0], 0.0)
    return abs(a - b) < 1e-6


def build(steps, numbers):
    """The nodes of the graph of ours, leaves first, the root last."""
    nodes = [Value(x) for x in numbers]
    for op, operands in steps:
        nodes.append(record(by_name(op), [nodes[i] for i in operands]))
    return nodes


def naive(steps, numbers, towards):
    """Value and derivative of the last step towards one leaf, in forward mode."""
    values = [complex(x, STEP * (i == towards)) for i, x in enumerate(numbers)]
    for op, operands in steps:
        values.append(REFERENCE[op](*(values[i] for i in operands)))
    return values[-1].real, values[-1].imag / STEP


def size(nodes):
    """The largest gradient on the way: what rounding is relative to."""
    found = [abs(gradient_of(node)) for node in nodes if gradient_of(node) is not None]
    return max([1.0, *(x for x in found if math.isfinite(x))])
