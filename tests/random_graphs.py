"""Random graphs for property tests: shared parents, parallel edges, inf and nan on the way."""

import math

from hypothesis import strategies as st

from microgrid import Value
from microgrid import functional as F

NUMBERS = [0.0, -0.0, 1.0, -2.0, 0.3, 800.0, 1e200, math.inf]
STEPS = [
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: a / b,
    lambda a, b: a.exp(),
    lambda a, b: a.log(),
    lambda a, b: F.dot([a, b, a], [b, b, a]),
]


@st.composite
def graphs(draw):
    """The root of a random graph."""
    nodes = [Value(x) for x in draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4))]
    picks = st.tuples(st.sampled_from(STEPS), st.integers(0, 99), st.integers(0, 99))
    for step, i, j in draw(st.lists(picks, max_size=8)):
        nodes.append(step(nodes[i % len(nodes)], nodes[j % len(nodes)]))
    return nodes[-1]
