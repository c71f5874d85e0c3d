"""Attention in scalars: sums and dots of every length, keys and values that many read."""

import numpy as np
import pytest
from test_plan import compiled
from test_tape import assert_equals_eager, close

from microgrid import Value
from microgrid import functional as F
from microgrid.tape import Tape
from microgrid.tape.blocks import OpBlock
from microgrid.tape.plan import verify
from microgrid.value import creation_order

WIDTH = 4


def weights(rows, width, seed):
    rng = np.random.default_rng(seed)
    return [[Value(float(x)) for x in row] for row in rng.normal(size=(rows, width)) / width]


def plain_sums(w, x):
    return [sum(wi * xi for wi, xi in zip(row, x)) for row in w]


def plain_softmax(xs):
    exps = [x.exp() for x in xs]
    total = sum(exps)
    return [e / total for e in exps]


def attention(length, style, seed=0):
    """One head of causal attention over a learnt embedding of tokens and one of positions."""
    q, k, v, out = (weights(WIDTH, WIDTH, seed + i) for i in range(4))
    table, places = weights(5, WIDTH, seed + 4), weights(length, WIDTH, seed + 5)
    given = [[Value(float(i == (3 * t) % 5)) for i in range(5)] for t in range(length)]
    linear, softmax = (plain_sums, plain_softmax) if style == "plain" else (F.linear, F.softmax)
    if style != "plain":
        linear = lambda w, x: F.linear(x, w)  # noqa: E731
    dot = (lambda a, b: sum(x * y for x, y in zip(a, b))) if style == "plain" else F.dot
    columns = list(zip(*table))
    keys, values, losses = [], [], []
    for t in range(length):
        token = linear(columns, given[t])
        x = [a + b for a, b in zip(token, places[t])]
        keys.append(linear(k, x))
        values.append(linear(v, x))
        query = linear(q, x)
        shares = softmax([dot(query, key) for key in keys])
        mixed = [dot(shares, [value[j] for value in values]) for j in range(WIDTH)]
        losses.append(dot(linear(out, mixed), mixed))
    return F.sum(losses), given


@pytest.mark.parametrize("style", ["plain", "functional"])
@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_attention_replays_as_eager(style, length):
    loss, given = attention(length, style)
    compiled(loss, given)
    others = np.random.default_rng(1).normal(size=np.shape(given))
    assert_equals_eager(loss, inputs=given, numbers=others)


@pytest.mark.parametrize("style", ["plain", "functional"])
def test_a_batch_of_attention_is_the_sum_of_its_examples(style):
    loss, given = attention(4, style)
    tape = Tape(loss, given)
    batch = np.random.default_rng(2).normal(size=(3, *np.shape(given)))
    losses, gradients = [], []
    for example in batch:
        losses.append(tape.forward(example))
        tape.backward()
        gradients.append([p.grad.copy() for p in tape.parameters()])
    assert close(tape.forward(batch), sum(losses))
    for inputs in (True, False):
        tape.backward(inputs=inputs)
        for p, *each in zip(tape.parameters(), *gradients):
            np.testing.assert_allclose(p.grad, sum(each), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("style", ["plain", "functional"])
def test_all_lengths_of_attention_are_one_block(style):
    counts = {}
    for length in (4, 8, 12):
        plan = Tape(attention(length, style)[0]).plan
        counts[length] = len(plan.blocks)
        maps = [block for block in plan.blocks if isinstance(block, OpBlock)]
        ragged = [block.lengths for block in maps if block.lengths[0] < block.lengths[1]]
        assert max(most for _, most in ragged) == 2 * length
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize("style", ["plain", "functional"])
def test_an_embedding_of_the_position_leaves_the_tokens_matrix_whole(style):
    plan = Tape(attention(6, style)[0]).plan
    columns = {m.shape: len(m.columns) for m in plan.matrices}
    assert columns[WIDTH, 5] == 6
    assert (WIDTH, 6) not in columns


def test_lengths_that_differ_too_much_are_not_padded():
    xs = [Value(0.1 * i) for i in range(60)]
    loss = F.dot([F.sum(xs[:50]), F.sum(xs[50:53]), F.sum(xs[53:57])], [1.0, 2.0, 3.0])
    plan = compiled(loss)
    assert [b.lengths for b in plan.blocks if b.op.name == "sum"] == [(3, 4), (50, 50)]
    assert_equals_eager(loss)


def test_padding_spreads_no_infinity():
    xs = [Value(x) for x in (1.0, 2.0, 3.0, 4.0)]
    sums = [F.dot(xs[:n], xs[:n]) for n in (2, 3, 4)] + [F.logsumexp(xs[:n]) for n in (2, 3, 4)]
    loss = F.sum([s.tanh() for s in sums])
    tape = Tape(loss, inputs=xs)
    tape.forward([1.0, 2.0, 3.0, np.inf])
    assert close(tape.value(sums[0]), 5.0)
    assert close(tape.value(sums[1]), 14.0)
    assert tape.value(sums[2]) == np.inf
    assert close(tape.value(sums[3]), np.logaddexp(1.0, 2.0))
    assert tape.value(sums[5]) == np.inf


def test_no_message_is_lost_where_many_go_to_one_place():
    xs = [Value(0.1 * i) for i in range(6)]
    rng = np.random.default_rng(0)
    picks = rng.integers(6, size=(40, 5))
    loss = F.sum([F.dot([xs[i].tanh() for i in p], [xs[i] for i in p[::-1]]) for p in picks])
    for number in (0.3, -0.7):
        assert_equals_eager(loss, Tape(loss, xs), numbers=[number * i for i in range(6)])
    shared = [x.tanh() for x in xs]
    loss = F.sum([F.dot([shared[i] for i in p], [shared[i] for i in p[::-1]]).sin() for p in picks])
    assert_equals_eager(loss, inputs=xs, numbers=[0.2 * i for i in range(6)])


@pytest.mark.parametrize("lengths", [(3, 3), (2, 3, 4), (4, 4, 4)])
def test_messages_that_do_not_stand_row_by_row_are_sorted_anew_each_time(lengths):
    xs = [Value(0.1 * i - 0.3) for i in range(6)]
    shared = [x.tanh() for x in xs[:2]]
    fresh = [[(x * 0.5).sin() for x in xs[:n]] for n in lengths]
    firsts = [[shared[(i + k) % 2] for i in range(n)] for k, n in enumerate(lengths)]
    loss = F.sum([F.dot(a, b).tanh() for a, b in zip(firsts, fresh)] + xs)
    tape = Tape(loss, xs)
    for number in (0.3, -0.7, 1.1):
        assert_equals_eager(loss, tape, numbers=[number * i - 0.2 for i in range(6)])


def random_program(seed):
    """Prefix dots over random nodes, shared weights, a penalty: the leaves and the loss."""
    rng = np.random.default_rng(seed)

    def pick(items):
        return items[rng.integers(len(items))]

    xs = [Value(float(x)) for x in rng.uniform(-1.0, 1.0, rng.integers(1, 5))]
    w = weights(rng.integers(1, 4), rng.integers(2, 5), seed)
    flat = [value for row in w for value in row]
    nodes = [*xs, *flat[:3]]
    for _ in range(rng.integers(3, 12)):
        firsts, seconds = ([pick(nodes) for _ in range(6)] for _ in range(2))
        lengths = range(1, rng.integers(2, 7))
        kind = rng.integers(3)
        if kind == 0:
            nodes += F.linear([pick(nodes) for _ in w[0]], w)
        elif kind == 1:
            nodes += [F.dot(firsts[:i], seconds[:i]).tanh() for i in lengths]
        else:
            nodes += [sum(a * b for a, b in zip(firsts[:i], seconds[:i])) for i in lengths]
    return F.sum([node.tanh() for node in nodes[-8:]]) + 0.1 * F.dot(flat, flat), xs, flat


@pytest.mark.parametrize("seed", range(25))
def test_random_ragged_programs_replay_as_eager(seed):
    loss, xs, flat = random_program(seed)
    inputs = [x for x in xs if x in set(creation_order(loss))]
    tape = Tape(loss, inputs, flat)
    verify(tape.plan)
    batch = np.random.default_rng(seed).uniform(-1.0, 1.0, (3, len(inputs)))
    total = 0.0
    for example in batch:
        assert_equals_eager(loss, tape, numbers=example)
        total = total + np.array([tape.grad(p) for p in flat])
    tape.forward(batch)
    for every in (False, True, False):
        tape.backward(inputs=every)
        found = [tape.grad(p) for p in flat]
        np.testing.assert_allclose(found, total, rtol=1e-10, atol=1e-11)


def test_padded_blocks_run_on_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    for style in ("plain", "functional"):
        assert_equals_jax(jax, *attention(3, style))


def assert_equals_jax(jax, loss, given):
    tape = Tape(loss, given)
    numbers = np.random.default_rng(6).normal(size=np.shape(given))
    expected = tape.forward(numbers)
    tape.backward()
    parameters = [p.data for p in tape.parameters()]
    found, gradients = jax.value_and_grad(tape.to_jax())(parameters, numbers)
    assert close(float(found), expected)
    for p, gradient in zip(tape.parameters(), gradients):
        np.testing.assert_allclose(gradient, p.grad, rtol=1e-11, atol=1e-12)
