"""Chains: single nodes, each of which reads the one before, are one block of a plan."""

from dataclasses import replace

import numpy as np
import pytest
from test_plan import compiled
from test_tape import assert_equals_eager, close

from microgrid import Value
from microgrid import functional as F
from microgrid.tape import Tape
from microgrid.tape.blocks import ChainBlock, OpBlock
from microgrid.tape.plan import verify


def line(start, by, steps):
    """start, and after that 3 nodes a step: v -> tanh(v * by) - by."""
    for _ in range(steps):
        start = (start * by).tanh() - by
    return start


@pytest.fixture
def leaves():
    return Value(0.75, label="a"), Value(-0.5, label="b"), Value(1.25, label="x")


def kinds(plan):
    return [type(block).__name__ for block in plan.blocks]


def test_a_chain_is_as_many_nodes_as_hang_on_one_another(leaves):
    a, b, x = leaves
    assert kinds(compiled(line(a, b, 9))) == ["ChainBlock"]
    assert kinds(compiled((a * b).tanh() - x)) == ["OpBlock"] * 3  # three are no chain
    two = compiled(line(a, b, 3) * line(x, b, 3))
    assert ChainBlock not in map(type, two.blocks)  # the lines run beside each other


def test_a_node_of_many_operands_ends_a_chain(leaves):
    a, b, _ = leaves
    first = line(a, b, 3)
    loss = line(F.logsumexp([first, a, b, first * 2.0, a]), b, 3)
    plan = compiled(loss)
    sizes = [len(block.made()) for block in plan.blocks]
    assert (kinds(plan), sizes) == (["ChainBlock", "OpBlock", "ChainBlock"], [10, 1, 9])
    assert_equals_eager(loss)


def test_what_no_input_reaches_is_a_chain_of_its_own(leaves):
    a, b, x = leaves
    begun = line(a, b, 3)
    tape = Tape(line(begun, x, 3), inputs=[x])
    assert [len(block.made()) for block in tape.plan.blocks] == [9, 9]
    assert tape.plan.once == {0}
    tape.forward([[1.0], [2.0]])
    tape.backward(inputs=False)
    with pytest.raises(RuntimeError, match="left out the gradient"):
        tape.grad(begun)


def test_what_is_there_for_a_guard_only_is_in_no_chain(leaves):
    a, b, _ = leaves
    loss = line(a, b, 3)
    beyond = line(loss, b, 3)
    if beyond > -5.0:
        loss = loss * 1.0
    plan = compiled(loss, [a])
    chains = [node for block in plan.blocks for node in block.made() if not block.alone()]
    assert plan.graph.index[beyond] in chains
    assert {type(block) for block in plan.blocks if not block.alone()} == {OpBlock}


@pytest.mark.parametrize("count", [1, 3])
def test_numbers_and_gradients_are_eager_ones_in_a_batch_too(leaves, count):
    a, b, x = leaves
    loss = line(line(a, b, 4), x, 4)
    assert_equals_eager(loss, inputs=[x], numbers=[0.5])
    tape = Tape(loss, inputs=[x])
    rows = np.linspace(-1.0, 1.0, count)[:, None]
    found = tape.forward(rows)
    tape.backward()
    in_batch = [*tape.grad(x)], tape.grad(a), tape.grad(b)
    losses, at_x, at_a, at_b = [], [], 0.0, 0.0
    for row in rows:
        losses.append(tape.forward(row))
        tape.backward()
        at_x.append(tape.grad(x))
        at_a, at_b = at_a + tape.grad(a), at_b + tape.grad(b)
    assert close(found, sum(losses))
    np.testing.assert_allclose(in_batch[0], at_x, rtol=1e-12)
    assert close(in_batch[1], at_a)
    assert close(in_batch[2], at_b)


def test_jax_takes_a_chain_apart(leaves):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    a, b, x = leaves
    tape = Tape(line(line(a, b, 2), x, 2), inputs=[x])
    loss = tape.forward([0.5])
    tape.backward()
    numbers = [p.data for p in tape.parameters()]
    found, gradients = jax.value_and_grad(tape.to_jax())(numbers, np.array([0.5]))
    assert close(float(found), loss)
    np.testing.assert_allclose(gradients[0], tape.parameters()[0].grad, rtol=1e-12)


def test_a_broken_chain_is_found(leaves):
    a, b, _ = leaves
    plan = compiled(line(a, b, 3))
    (block,) = plan.blocks
    nodes = list(block.nodes)

    def check(broken, match):
        with pytest.raises(AssertionError, match=match):
            verify(replace(plan, blocks=[ChainBlock(broken)]))

    check([nodes[1], nodes[0], *nodes[2:]], "too soon in its chain")
    check(nodes[:-1], "is never computed")
    check([*nodes[:4], *nodes[5:]], "too soon|does not follow")
    op, node, operands = nodes[2]
    check([*nodes[:2], (op, node, operands[::-1]), *nodes[3:]], "reads something else")
    beside = (a + b) * (a - b)  # two nodes that do not hang on each other
    other = compiled(beside)
    apart = [node for block in other.blocks for node in block.alone()]
    with pytest.raises(AssertionError, match="does not follow"):
        verify(replace(other, blocks=[ChainBlock(apart)]))
