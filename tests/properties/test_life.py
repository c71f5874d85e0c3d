"""A stateful test: building, sweeping, zeroing, copying, detaching, changing data, in any order.

Beside every Value the machine keeps a plain record of what its number and gradient must
be, worked out in forward mode by the naive evaluator.
"""

import copy
from dataclasses import dataclass, replace

import pytest
from dags import STEP
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_ops import REFERENCE

from microgrid import Value, no_grad, recompute
from microgrid.graph import gradient_of
from microgrid.ops import by_name
from microgrid.value import record

OPS = ["add", "sub", "mul", "neg", "tanh", "sigmoid", "sin", "softplus", "sum"]
MOST = 40

index = st.integers(0, 1000)
numbers = st.floats(-2.0, 2.0, allow_subnormal=False)


@dataclass
class Expected:
    """What the machine knows of a Value: how it was made, its number, its gradient."""

    op: str
    parents: tuple[int, ...]
    data: float
    grad: float | None = None


class Life(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.nodes, self.expected = [Value(0.5)], [Expected("", (), 0.5)]

    def pick(self, i):
        return i % len(self.nodes)

    def add(self, node, expected):
        self.nodes.append(node)
        self.expected.append(expected)

    def below(self, root):
        """The positions of root and all it depends on, oldest first."""
        found = {root}
        for i in range(root, -1, -1):
            if i in found:
                found.update(self.expected[i].parents)
        return sorted(found)

    def evaluate(self, root, towards=-1):
        """The root's number and its derivative towards one node, in forward mode."""
        values = {}
        for i in self.below(root):
            known = self.expected[i]
            values[i] = complex(known.data)
            if known.op:
                values[i] = REFERENCE[known.op](*(values[j] for j in known.parents))
            if i == towards:
                values[i] += complex(0.0, STEP)
        return values[root].real, values[root].imag / STEP

    @precondition(lambda self: len(self.nodes) < MOST)
    @rule(x=numbers)
    def leaf(self, x):
        self.add(Value(x), Expected("", (), x))

    @precondition(lambda self: len(self.nodes) < MOST)
    @rule(op=st.sampled_from(OPS), i=index, j=index, recording=st.booleans())
    def apply(self, op, i, j, recording):
        row = by_name(op)
        operands = tuple(map(self.pick, (i, j)))[: row.arity or 2]
        data = REFERENCE[op](*(complex(self.expected[k].data) for k in operands)).real
        values = [self.nodes[k] for k in operands]
        if recording:
            self.add(record(row, values), Expected(op, operands, data))
        else:
            with no_grad():
                self.add(record(row, values), Expected("", (), data))

    @precondition(lambda self: len(self.nodes) < MOST)
    @rule(i=index)
    def detach(self, i):
        i = self.pick(i)
        self.add(self.nodes[i].detach(), Expected("", (), self.expected[i].data))

    @rule(i=index, seed=numbers)
    def sweep(self, i, seed):
        root = self.pick(i)
        self.nodes[root].backward(seed)
        for k in self.below(root):
            known = self.expected[k]
            message = seed * self.evaluate(root, towards=k)[1]
            known.grad = message if known.op else (known.grad or 0.0) + message

    @rule(i=index)
    def zero(self, i):
        i = self.pick(i)
        self.nodes[i].grad = self.expected[i].grad = None

    @rule(i=index, j=index, x=numbers)
    def change_a_leaf_and_recompute(self, i, j, x):
        root = self.pick(j)
        leaves = [k for k in self.below(root) if not self.expected[k].op]
        leaf = leaves[i % len(leaves)]
        self.nodes[leaf].data = self.expected[leaf].data = x
        # Everything that depends on the leaf, so that no other root holds old numbers.
        for k, known in enumerate(self.expected):
            if known.op and leaf in self.below(k):
                recompute(self.nodes[k])
                for inner in self.below(k):
                    if self.expected[inner].op:
                        self.expected[inner].data = self.evaluate(inner)[0]
                        self.expected[inner].grad = None

    @precondition(lambda self: len(self.nodes) < MOST // 2)
    @rule()
    def copy_everything(self):
        n = len(self.nodes)
        for node, known in zip(copy.deepcopy(self.nodes), list(self.expected)):
            moved = tuple(i + n for i in known.parents)
            self.add(node, replace(known, parents=moved))

    @invariant()
    def numbers_and_gradients_are_as_expected(self):
        for node, known in zip(self.nodes, self.expected):
            assert node.data == pytest.approx(known.data, rel=1e-9, abs=1e-12)
            assert (gradient_of(node) is None) == (known.grad is None)
            if known.grad is not None:
                assert node.grad == pytest.approx(known.grad, rel=1e-7, abs=1e-9)
            assert (node.op.name if node.op else "") == known.op
            assert node.parents == tuple(self.nodes[i] for i in known.parents)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30)
