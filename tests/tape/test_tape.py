"""The Tape: what it replays equals what the eager engine computes, or it says why not."""

import math
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, nn, ops, optim, recompute
from microgrid import functional as F
from microgrid.graph import gradient_of
from microgrid.tape import Tape, Tapes
from microgrid.tape.blocks import MatrixBlock
from microgrid.value import creation_order, record

SMOOTH = 1e-12


def close(actual, expected, tolerance=SMOOTH):
    """Whether two numbers agree, nan with nan and inf with inf."""
    if math.isnan(expected) or math.isinf(expected):
        return actual == expected or (math.isnan(actual) and math.isnan(expected))
    return abs(actual - expected) <= tolerance * max(1.0, abs(expected))


def assert_equals_eager(loss, tape=None, inputs=(), numbers=None):
    """Replay at other leaf numbers; every node's value and gradient must be the eager one's."""
    tape = tape or Tape(loss, inputs=inputs)
    replayed = tape.forward(numbers)
    tape.backward()
    gradients = {node: tape.grad(node) for node in creation_order(loss)}
    numbers_found = {node: tape.value(node) for node in gradients}
    for value, number in zip(tape.inputs, np.ravel([] if numbers is None else numbers)):
        value.data = float(number)
    for node in creation_order(loss):
        node.grad = None
    eager = recompute(loss)
    loss.backward()
    if not all(math.isfinite(x) for n in gradients for x in (n.data, n.grad)):
        return  # a pole: on which side of it one stands hangs on the sign of a zero sum
    assert close(replayed, eager)
    for node, gradient in gradients.items():
        assert close(numbers_found[node], node.data), f"{node!r}: {numbers_found[node]!r}"
        assert close(gradient, node.grad), f"{node!r}: {gradient!r}"


def char_rnn(hidden=3, vocabulary=4, steps=4, cell=nn.RNNCell, seed=0):
    model = nn.SequenceModel(
        cell(vocabulary, hidden, seed=seed), readout=nn.Linear(hidden, vocabulary, seed=seed + 1)
    )
    letters = np.random.default_rng(seed).integers(vocabulary, size=steps + 1)
    xs = [[Value(float(x), label="x") for x in row] for row in np.eye(vocabulary)[letters[:-1]]]
    run = model.unroll(xs, targets=letters[1:].tolist())
    return model, run, xs


# Replay equals the eager engine.

leaf = st.floats(-2.0, 2.0).map(lambda x: round(x, 3))


@st.composite
def programs(draw):
    """A loss over random nodes of every op, its leaves, and other numbers for them."""
    leaves = [Value(draw(leaf), label=f"x{i}") for i in range(draw(st.integers(1, 4)))]
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, 25))):
        op = draw(st.sampled_from(ops.OPS))
        arity = 2 * draw(st.integers(1, 3)) if op.variadic else op.forward.__code__.co_argcount - 1
        pick = st.one_of(st.integers(0, len(nodes) - 1).map(nodes.__getitem__), leaf)
        operands = [draw(pick) for _ in range(arity)]
        if not any(isinstance(x, Value) for x in operands):
            operands[0] = nodes[-1]
        nodes.append(record(op, operands))
    loss = F.sum(nodes[len(leaves) :]) if draw(st.booleans()) else nodes[-1]
    others = [draw(leaf) for _ in leaves]
    return loss, leaves, others


@given(programs())
@settings(max_examples=150)
def test_random_graphs_of_every_op_replay_as_eager(program):
    loss, leaves, others = program
    if loss.op is None:
        return
    reached = [x for x in leaves if x in set(creation_order(loss))]
    numbers = [number for x, number in zip(leaves, others) if x in set(reached)]
    with np.errstate(all="raise"):  # no warning may escape either
        assert_equals_eager(loss, inputs=reached, numbers=numbers)
        assert_equals_eager(loss)


CHANGES = [
    lambda z, other: z.tanh(),
    lambda z, other: z.relu(),
    lambda z, other: z + other,
    lambda z, other: other - z,
    lambda z, other: F.sum([z, other, z]),
]


@st.composite
def networks(draw):
    """Shared weights over columns in which inputs, numbers and results mix at uneven places."""
    inputs = [Value(draw(leaf)) for _ in range(draw(st.integers(1, 4)))]
    found = list(inputs)
    for _ in range(draw(st.integers(1, 3))):
        width = draw(st.integers(1, 5))
        rows = draw(
            st.lists(st.lists(leaf, min_size=width, max_size=width), min_size=1, max_size=4)
        )
        weight = [[Value(w) for w in row] for row in rows]
        for _ in range(draw(st.integers(1, 3))):
            entry = st.one_of(st.sampled_from(found), leaf)
            out = F.linear([draw(entry) for _ in range(width)], weight)
            other, change = draw(st.sampled_from(found)), draw(st.sampled_from(CHANGES))
            found += draw(st.permutations([change(z, other) for z in out]))
    return F.sum([z.tanh() for z in found]), inputs, [draw(leaf) for _ in inputs]


@given(networks())
@settings(max_examples=100)
def test_random_networks_replay_as_eager(network):
    loss, inputs, others = network
    assert_equals_eager(loss, inputs=inputs, numbers=others)
    assert_equals_eager(loss)


def test_a_loss_of_one_output_of_many_replays_as_eager():
    x = [Value(0.1 * i) for i in range(9)]
    weight = [[Value(0.2 * i - 0.3 * j) for j in range(9)] for i in range(9)]
    assert_equals_eager(F.linear(x, weight)[4].tanh())


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_recurrent_models_replay_as_eager(cell):
    _, run, xs = char_rnn(cell=cell)
    others = np.random.default_rng(5).uniform(-1.0, 1.0, np.shape(xs))
    assert_equals_eager(run.loss, inputs=xs, numbers=others)


def test_a_program_of_plain_additions_and_products_replays_as_eager():
    w = [[Value(0.1 * i - 0.2 * j) for j in range(5)] for i in range(4)]
    b = [Value(0.3 * i) for i in range(4)]
    x = [Value(0.5 - 0.25 * j) for j in range(5)]
    out = [sum((wi * xi for wi, xi in zip(row, x)), bias) for row, bias in zip(w, b)]
    loss = sum((1.0 - y.relu()) ** 2 for y in out) + 1e-4 * sum(p * p for row in w for p in row)
    tape = Tape(loss, inputs=x)
    assert [(len(m.rows), len(m.rows[0])) for m in tape.plan.matrices] == [(4, 6), (1, 20)]
    assert_equals_eager(loss, tape, numbers=[1.0, -2.0, 0.5, 0.0, 3.0])


def test_what_was_fused_away_has_its_number_and_its_gradient():
    a, b, x = Value(2.0), Value(3.0), Value(5.0)
    product, square = a * x, x * x
    partial = product + 7.0 * b
    loss = (partial + square).tanh() + (partial + 1.0).sin()
    chain = x * a + b * b + 0.5 * x
    inner = chain.parents[0]
    tape = Tape(loss + chain.exp(), inputs=[x])
    tape.forward([-1.0])
    assert tape.value(product) == -2.0
    assert tape.value(partial) == 19.0
    assert tape.value(inner) == 7.0
    tape.forward([[1.0], [-2.0]])
    assert tape.value(inner).tolist() == [11.0, 5.0]
    tape.backward()
    assert np.allclose(tape.grad(inner), np.exp([11.5, 4.0]), rtol=1e-14)


def test_a_gathered_gradient_reaches_every_operand_of_a_sum():
    leaves = [Value(0.1 * i) for i in range(8)]
    sums = [a.tanh() + b.sin() for a, b in zip(leaves[:3], leaves[3:6])]
    column = [leaves[6], sums[0], leaves[7], sums[1], sums[2]]  # sums at uneven places
    w = [[Value(0.3 * i - 0.2 * j + 0.1) for j in range(5)] for i in range(3)]
    loss = F.sum([F.dot(row, column).tanh().exp() for row in w])
    tape = Tape(loss, inputs=leaves)
    for numbers in ([1.0 - 0.3 * i for i in range(8)], [0.2 * i - 0.5 for i in range(8)]):
        assert_equals_eager(loss, tape, numbers=numbers)


def test_values_used_twice_are_not_fused_away():
    a, b, c = Value(2.0), Value(3.0), Value(5.0)
    inner = a * b + c
    loss = (inner + a + b + c) * inner
    assert_equals_eager(loss)


# How it is planned.


def test_the_readouts_of_all_steps_wait_and_run_as_one_block():
    _, run, _ = char_rnn(hidden=3, vocabulary=4, steps=6)
    tape = Tape(run.loss)
    sizes = [
        (len(block.matrix.rows), len(block.columns))
        for block in tape.plan.blocks
        if isinstance(block, MatrixBlock)
    ]
    assert sizes == [(3, 1)] * 6 + [(4, 6)]


def test_the_four_gates_of_an_lstm_are_one_matrix():
    _, run, _ = char_rnn(hidden=3, vocabulary=4, steps=2, cell=nn.LSTMCell)
    assert (12, 8) in [(len(m.rows), len(m.rows[0])) for m in Tape(run.loss).plan.matrices]


def test_a_row_within_a_longer_dot_is_part_of_a_matrix():
    _, run, _ = char_rnn(hidden=3, vocabulary=4, steps=5, cell=nn.GRUCell)
    tape = Tape(run.loss)  # candidate: W_in x + b, in one dot with r times the state
    blocks = [block for block in tape.plan.blocks if isinstance(block, MatrixBlock)]
    shapes = [(len(b.matrix.rows), len(b.matrix.rows[0]), len(b.columns)) for b in blocks]
    assert (3, 5, 5) in shapes  # of all five inputs at once
    loss = run.losses[0] * 1.0 + run.losses[1]
    assert_equals_eager(loss)


def test_planning_grows_in_proportion_to_the_graph():
    counts = [len(Tape(char_rnn(steps=steps)[1].loss).plan.blocks) for steps in (5, 10, 20)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


# Parameters, optimizers, sync.


def test_optimizers_train_the_arrays_as_they_train_values():
    model, run, xs = char_rnn()
    twin, twin_run, _ = char_rnn()
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters())
    fast = optim.Adam(tape.parameters(), lr=0.05)
    slow = optim.Adam(twin.parameters(), lr=0.05)
    for _ in range(5):
        tape.forward()
        tape.backward()
        fast.step()
        twin.zero_grad()
        recompute(twin_run.loss)
        twin_run.loss.backward()
        slow.step()
    tape.forward()
    tape.sync()
    for ours, theirs in zip(model.parameters(), twin.parameters()):
        assert close(ours.data, theirs.data)


def test_leaves_that_are_neither_inputs_nor_parameters_stay():
    a, b, x = Value(2.0), Value(3.0), Value(4.0)
    tape = Tape(a * b + x, inputs=[x], parameters=[a])
    (parameter,) = tape.parameters()
    assert parameter.values == [a]
    parameter.data = [10.0]
    assert tape.forward([1.0]) == 31.0
    tape.backward()
    assert (tape.grad(a), tape.grad(b), tape.grad(x)) == (3.0, 10.0, 1.0)


def test_sync_writes_numbers_and_gradients_back():
    a, x = Value(2.0), Value(3.0)
    product = a * x
    loss = product.tanh() + a
    tape = Tape(loss, inputs=[x])
    tape.parameters()[0].data = [0.5]
    tape.forward([-1.0])
    tape.backward()
    assert tape.sync() == math.tanh(-0.5) + 0.5
    assert (a.data, x.data, product.data) == (0.5, -1.0, -0.5)
    assert close(a.grad, 1.0 - (1.0 - math.tanh(-0.5) ** 2))
    assert product.grad == 1.0 - math.tanh(-0.5) ** 2


def test_the_parameters_alone_can_be_synced():
    a, x = Value(2.0), Value(3.0)
    product = a * x
    tape = Tape(product * product, inputs=[x])
    tape.forward([-1.0])
    tape.backward()
    tape.parameters()[0].data = [0.5]
    tape.sync_parameters()
    assert (a.data, a.grad, x.data, product.data) == (0.5, 4.0, 3.0, 6.0)
    optim.SGD(tape.parameters(), lr=0.1).zero_grad()
    tape.sync_parameters()
    assert gradient_of(a) is None


def test_load_takes_over_numbers_changed_by_hand():
    a, x = Value(2.0), Value(3.0)
    tape = Tape(a * x, inputs=[x])
    a.data = 7.0
    tape.load()
    assert tape.forward([2.0]) == 14.0


# Batches and lengths.


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell])
def test_a_batch_is_the_sum_or_mean_of_its_examples(reduction, cell):
    model, run, xs = char_rnn(cell=cell)
    batch = np.random.default_rng(1).uniform(-1.0, 1.0, (5, *np.shape(xs)))
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters(), reduction=reduction)
    losses, grads, inner = [], [], []
    for example in batch:
        losses.append(tape.forward(example))
        tape.backward()
        grads.append([parameter.grad.copy() for parameter in tape.parameters()])
        inner.append(tape.grad(run.states[1][0]))
    combine = np.sum if reduction == "sum" else np.mean
    assert close(tape.forward(batch), combine(losses))
    assert np.allclose(tape.losses(), losses, rtol=1e-13)
    tape.backward()
    for k, parameter in enumerate(tape.parameters()):
        expected = combine([grad[k] for grad in grads], axis=0)
        assert np.allclose(parameter.grad, expected, rtol=1e-12, atol=1e-13)
    share = 1.0 if reduction == "sum" else 0.2
    assert np.allclose(tape.grad(run.states[1][0]), np.multiply(inner, share), rtol=1e-12)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    ("numbers", "total"),
    [([inf, -inf], nan), ([inf, 1.0], inf), ([nan, inf], nan), ([1e308, 1e308], inf)],
)
def test_the_losses_of_a_batch_are_reduced_without_a_warning(numbers, total, reduction, engine):
    x = Value(1.0)
    tape = Tape(1.0 * x + 0.0, inputs=[x], reduction=reduction, engine=engine)
    assert np.array_equal(tape.forward(np.reshape(numbers, (2, 1))), total, equal_nan=True)
    assert np.array_equal(tape.losses(), numbers, equal_nan=True)


def test_tapes_of_several_lengths_share_their_parameters():
    model = nn.SequenceModel(nn.RNNCell(2, 3, seed=0), readout=nn.Linear(3, 2, seed=1))

    def build(length):
        xs = [[Value(0.5), Value(-0.5)] for _ in range(length)]
        return model.unroll(xs, targets=[1] * length).loss, xs

    tapes = Tapes(build, model.parameters())
    with pytest.raises(RuntimeError, match="first tape"):
        tapes.parameters()
    first = tapes[1].forward(np.ones((1, 2)))
    assert tapes[1] is tapes[1]
    long = tapes[4].forward(np.ones((4, 2)))
    tapes[4].backward()
    optim.SGD(tapes.parameters(), lr=0.5).step()
    assert tapes[1].forward(np.ones((1, 2))) != first
    tapes[1].sync()
    loss, xs = build(4)
    for row in xs:
        for x in row:
            x.data = 1.0
    assert close(tapes[4].forward(np.ones((4, 2))), recompute(loss))
    assert loss.data != long
