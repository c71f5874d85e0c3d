"""The Tape: what it replays equals what the eager engine computes, or it says why not."""

import copy
import gc
import math
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgrid import Value, nn, ops, optim, recompute, scope
from microgrid import functional as F
from microgrid.anomaly import AnomalyError, detect_anomaly
from microgrid.tape import GuardError, Tape, Tapes
from microgrid.tape.schedule import MatrixBlock
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
@settings(max_examples=150, deadline=None)
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
@settings(max_examples=100, deadline=None)
def test_random_networks_replay_as_eager(network):
    loss, inputs, others = network
    assert_equals_eager(loss, inputs=inputs, numbers=others)
    assert_equals_eager(loss)


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
    assert [(len(m.rows), len(m.rows[0])) for m in tape.matrices] == [(4, 6), (1, 20)]
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
        for block in tape.blocks
        if isinstance(block, MatrixBlock)
    ]
    assert sizes == [(3, 1)] * 6 + [(4, 6)]


def test_the_four_gates_of_an_lstm_are_one_matrix():
    _, run, _ = char_rnn(hidden=3, vocabulary=4, steps=2, cell=nn.LSTMCell)
    assert (12, 8) in [(len(m.rows), len(m.rows[0])) for m in Tape(run.loss).matrices]


def test_a_row_within_a_longer_dot_is_part_of_a_matrix():
    _, run, _ = char_rnn(hidden=3, vocabulary=4, steps=5, cell=nn.GRUCell)
    tape = Tape(run.loss)  # candidate: W_in x + b, in one dot with r times the state
    blocks = [block for block in tape.blocks if isinstance(block, MatrixBlock)]
    shapes = [(len(b.matrix.rows), len(b.matrix.rows[0]), len(b.columns)) for b in blocks]
    assert (3, 5, 5) in shapes  # of all five inputs at once
    loss = run.losses[0] * 1.0 + run.losses[1]
    assert_equals_eager(loss)


def test_planning_grows_in_proportion_to_the_graph():
    counts = [len(Tape(char_rnn(steps=steps)[1].loss).blocks) for steps in (5, 10, 20)]
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
    assert a.grad is None


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


# Guards.


def test_a_recorded_branch_is_guarded():
    a, x = Value(2.0), Value(3.0, label="x")
    with scope("t=1"):
        middle = a * x
        middle.label = "m"
        loss = middle * x if middle > 1.0 else -middle
    tape = Tape(loss, inputs=[x])
    assert tape.forward([4.0]) == 32.0
    with pytest.raises(GuardError, match=r"m in t=1 is -2\.0, .* greater than 1\.0"):
        tape.forward([-1.0])
    with pytest.raises(RuntimeError, match="forward that went through"):
        tape.backward()


def test_a_branch_on_a_value_the_loss_does_not_use_is_guarded():
    x, y = Value(3.0), Value(1.0)
    difference = x - y
    loss = y * 2.0 if difference > 0.0 else y * 3.0
    tape = Tape(loss, inputs=[x, y])
    assert tape.forward([5.0, 4.0]) == 8.0
    with pytest.raises(GuardError):
        tape.forward([4.0, 5.0])


def test_a_branch_on_a_value_that_is_gone_makes_no_tape_but_record_does():
    x, y = Value(3.0), Value(1.0)

    def build():
        return y * 2.0 if x - y > 0.0 else y * 3.0

    with pytest.raises(GuardError, match=r"Tape\.record"):
        Tape(build(), inputs=[x, y])
    tape = Tape.record(build, inputs=[x, y])
    assert tape.forward([5.0, 4.0]) == 8.0
    with pytest.raises(GuardError):
        tape.forward([4.0, 5.0])


@pytest.mark.parametrize(
    ("build", "same", "other"),
    [
        (lambda x: x * 2.0 if x else x, 1.0, 0.0),
        (lambda x: x * 2.0 if x <= 3.0 else x, -1.0, 3.5),
        (lambda x: x * 2.0 if x < 1.0 else x * x, 1.0, 0.5),
        (lambda x: x * 2.0 if x >= 3.0 else x, 4.0, 2.0),
        (lambda x: x * max(x, Value(1.0)), 2.0, 0.0),
    ],
)
def test_every_comparison_is_a_guard(build, same, other):
    x = Value(3.0)
    tape = Tape.record(lambda: build(x), inputs=[x])
    tape.forward([same])
    with pytest.raises(GuardError):
        tape.forward([other])


def test_a_guard_is_asked_of_every_example_of_a_batch():
    x = Value(3.0, label="x")
    tape = Tape.record(lambda: x * 2.0 if x > 0.0 else x, inputs=[x])
    with pytest.raises(GuardError, match=r"x of example 2 is -1\.0"):
        tape.forward([[1.0], [2.0], [-1.0]])


def test_a_comparison_of_other_graphs_guards_nothing():
    a, x = Value(2.0), Value(3.0)
    other = Value(1.0)
    assert other > 0.0
    tape = Tape(a * x, inputs=[x])
    assert tape.forward([-3.0]) == -6.0


def test_comparisons_keep_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        a = Value(2.0)
        graph = (a * 3.0).tanh()
        assert graph > 0.0
        ghost = weakref.ref(graph)
        del graph
        assert ghost() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_generation_by_argmax_is_guarded():
    model, _, _ = char_rnn()
    start = [Value(1.0), Value(0.0), Value(0.0), Value(0.0)]
    run = model.unroll([start], targets=[0, 1, 2], topology="generation")
    tape = Tape(run.loss, inputs=[start], parameters=model.parameters())
    assert close(tape.forward([[1.0, 0.0, 0.0, 0.0]]), run.loss.data)
    with pytest.raises(GuardError):
        tape.forward([[-3.0, -3.0, -3.0, -3.0]])


# Bad input.


def test_wrong_shapes_and_numbers_are_named():
    x = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    tape = Tape(F.sum([v * v for row in x for v in row]), inputs=x)
    assert tape.forward([1.0, 1.0, 1.0, 1.0]) == 4.0
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*got \(3,\)"):
        tape.forward([1.0, 2.0, 3.0])
    for bad in ("abcd", ["1", "2", "3", "4"], [None] * 4, [1j] * 4, [[1.0, 2.0], [3.0]], x):
        with pytest.raises(ValueError, match="real numbers, got"):
            tape.forward(bad)
    with pytest.raises(TypeError, match="gradient must be a real number, got 'x'"):
        tape.forward() and tape.backward("x")
    with pytest.raises(ValueError, match=r"got \(0, 2, 2\)"):
        tape.forward(np.zeros((0, 2, 2)))


def test_what_is_no_input_is_named():
    a, x = Value(2.0, label="a"), Value(3.0, label="x")
    y = a * x
    y.label = "y"
    loss = y.tanh()
    with pytest.raises(ValueError, match="input y is no leaf: it is computed by mul"):
        Tape(loss, inputs=[y])
    with pytest.raises(ValueError, match="input z is no leaf of the loss's graph"):
        Tape(loss, inputs=[Value(0.0, label="z")])
    with pytest.raises(ValueError, match="input x is given twice"):
        Tape(loss, inputs=[x, x])
    with pytest.raises(TypeError, match=r"leaf Value, got 3\.0"):
        Tape(loss, inputs=[3.0])
    with pytest.raises(ValueError, match="both an input and a parameter"):
        Tape(loss, inputs=[x], parameters=[x])
    with pytest.raises(TypeError, match=r"needs the Value to replay, got 3\.0"):
        Tape(3.0)
    with pytest.raises(TypeError, match="list of leaves"):
        Tape(loss, parameters=a)
    with pytest.raises(TypeError, match=r"build must return \(loss, inputs\), got 3"):
        Tapes(lambda length: 3, [a])[1]
    with pytest.raises(ValueError, match="x is a leaf"):
        Tape(x)
    with pytest.raises(ValueError, match="reduction"):
        Tape(loss, reduction="max")


def test_a_graph_changed_after_recording_is_refused():
    a = Value(2.0)
    loss = a * a
    a.data = 3.0
    with pytest.raises(ValueError, match="changed after it was recorded"):
        Tape(loss)
    recompute(loss)
    assert Tape(loss).forward() == 9.0


def test_a_parameter_changed_after_recording_is_never_overwritten_or_ignored():
    a, x = Value(2.0, label="a"), Value(3.0)
    tape = Tape(a * x, inputs=[x])
    tape.forward([1.0])
    a.data = 7.0
    with pytest.raises(
        ValueError, match=r"a was changed to 7\.0 after the recording; call load\(\)"
    ):
        tape.sync()
    with pytest.raises(ValueError, match="a was changed"):
        tape.forward([1.0])
    tape.load()
    with detect_anomaly():
        assert tape.forward([1.0]) == 7.0
    assert tape.sync() == 7.0


def test_every_parameter_is_looked_at_under_detect_anomaly():
    model, run, _ = char_rnn()
    tape = Tape(run.loss, parameters=model.parameters())
    for parameter in model.parameters():
        number, parameter.data = parameter.data, 9.0
        with detect_anomaly(), pytest.raises(ValueError, match=r"was changed to 9\.0"):
            tape.forward()
        parameter.data = number
    run.loss.backward()
    optim.SGD(model.parameters(), lr=0.1).step()  # where tape.parameters() were meant
    with pytest.raises(ValueError, match=r"tape\.parameters\(\)"):
        tape.forward()


def test_nothing_stale_is_ever_read():
    a = Value(2.0)
    tape = Tape(a * a)
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        tape.backward()
    tape.forward()
    with pytest.raises(RuntimeError, match="grad needs a backward"):
        tape.grad(a)
    tape.backward()
    tape.forward()
    with pytest.raises(RuntimeError, match="grad needs a backward"):
        tape.grad(a)
    with pytest.raises(ValueError, match="not in the tape's graph"):
        tape.backward() or tape.grad(Value(1.0))


def test_a_sweep_for_the_parameters_alone_leaves_the_inputs_out():
    model, run, xs = char_rnn(cell=nn.GRUCell)
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters())
    tape.forward()
    tape.backward()
    learnt = [parameter.grad.copy() for parameter in tape.parameters()]
    state = tape.grad(run.states[1][0])
    tape.backward(inputs=False)
    for parameter, gradient in zip(tape.parameters(), learnt):
        assert np.allclose(parameter.grad, gradient, rtol=1e-14, atol=0.0)
    assert close(tape.grad(run.states[1][0]), state)
    with pytest.raises(RuntimeError, match="left out the gradient of x"):
        tape.grad(xs[0][0])
    tape.sync()
    assert xs[0][0].grad is None
    assert close(run.states[1][0].grad, state)


def test_sync_after_a_batch_is_refused():
    x = Value(2.0)
    tape = Tape(x * x, inputs=[x])
    tape.forward([[1.0], [2.0]])
    with pytest.raises(RuntimeError, match="one example"):
        tape.sync()


def test_detect_anomaly_names_the_input_and_the_first_node():
    x = Value(2.0, label="x")
    tape = Tape(x.log() * 2.0, inputs=[x])
    with detect_anomaly():
        tape.forward([1.0])
        with pytest.raises(AnomalyError, match="x is nan"):
            tape.forward([math.nan])
        with pytest.raises(AnomalyError, match="the log node is nan"):
            tape.forward([-1.0])
    assert math.isnan(tape.forward([-1.0]))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_tape_is_not_copied(duplicate):
    with pytest.raises(TypeError, match=r"sync\(\) it, copy the loss"):
        duplicate(Tape(Value(2.0) * Value(3.0)))


def test_a_replay_leaves_numpys_warnings_as_they_are():
    x = Value(1.0)
    tape = Tape(x.exp() * x, inputs=[x])
    with np.errstate(all="raise"):
        assert tape.forward([1000.0]) == math.inf
        tape.backward()
        assert set(np.geterr().values()) == {"raise"}


def test_memory_is_freed_with_the_tape():
    gc.collect()
    gc.disable()
    try:
        _, run, xs = char_rnn()
        tape = Tape(run.loss, inputs=xs)
        tape.forward()
        tape.backward()
        tape.forward(np.zeros((3, *np.shape(xs))))
        ghost = weakref.ref(run.loss)
        del run
        assert ghost() is not None
        del tape, xs
        assert ghost() is None
        assert gc.collect() == 0
    finally:
        gc.enable()
