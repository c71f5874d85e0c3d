"""What a tape holds and for whom: numbers changed outside, threads, lengths, rounding."""

import copy
import threading

import numpy as np
import pytest
from test_tape import close

from microgrid import Value, nn, optim, recompute
from microgrid import functional as F
from microgrid.tape import GuardError, Tape, Tapes

# Several lengths.


def tapes_of(number):
    w = Value(2.0, label="w")

    def build(length):
        xs = [Value(number) for _ in range(length)]
        return F.sum([w * x for x in xs]) + 1.0, xs

    return w, Tapes(build, [w])


@pytest.mark.parametrize("number", [0.0, 1.0])
def test_a_length_can_be_made_after_a_step(number):
    w, tapes = tapes_of(number)
    tapes[3].forward([1.0, 2.0, 3.0])
    tapes[3].backward()
    optim.SGD(tapes.parameters(), lr=0.1).step()
    assert close(tapes[2].forward([1.0, 2.0]), 1.0 + 3.0 * (2.0 - 0.6))
    assert close(tapes[3].forward([1.0, 0.0, 0.0]), 1.0 + (2.0 - 0.6))
    assert close(w.data, 2.0 - 0.6)


def test_a_length_is_not_made_over_a_number_changed_by_hand():
    w, tapes = tapes_of(1.0)
    tapes[3].forward([1.0, 2.0, 3.0])
    w.data = 7.0
    with pytest.raises(ValueError, match=r"w was changed to 7\.0"):
        tapes[2]


def keyed_tapes():
    """Tapes by (length, factor, the number compared with): some of them have one shape."""
    w = [Value(0.5), Value(-0.25)]

    def build(key):
        length, factor, limit = key
        xs = [Value(0.1 * i) for i in range(length)]
        losses = [(w[0] * x + w[1]).tanh() * factor for x in xs]
        total = F.sum(losses) + 1.0
        return total * 2.0 if total > limit else -total, xs

    return w, Tapes(build, w)


def test_recordings_of_one_shape_share_a_plan():
    _, tapes = keyed_tapes()
    first = tapes[3, 2.0, -9.0]
    with_limit, shorter = tapes[3, 2.0, -8.0], tapes[2, 2.0, -9.0]
    factor, branch = tapes[3, 4.0, -9.0], tapes[3, 2.0, 9.0]
    for tape in (with_limit, shorter, factor, branch):
        assert tape.plan.blocks is not first.plan.blocks


def test_a_shared_plan_serves_the_values_of_each_recording():
    w = [Value(0.5, label="a"), Value(-0.25, label="b")]

    def build(name):
        xs = [Value(len(name) + 0.1 * i, label=f"{name}{i}") for i in range(4)]
        middle = w[0] * xs[0] + w[1]
        fixed = Value(float(len(name)))
        return (middle.tanh() * fixed if middle > -50.0 else middle) + F.sum(xs), [xs]

    tapes = Tapes(build, w)
    one, two = tapes["one"], tapes["other"]
    assert two.plan.blocks is one.plan.blocks
    assert two.plan.graph.values is not one.plan.graph.values
    for tape, fixed in ((one, 3.0), (two, 5.0), (one, 3.0)):
        expected = np.tanh(0.5 * 2.0 - 0.25) * fixed + 2.0 + 1.0 - 1.0 + 0.5
        assert close(tape.forward([2.0, 1.0, -1.0, 0.5]), expected)
        tape.backward()
        slope = (1.0 - np.tanh(0.75) ** 2) * fixed
        assert close(tape.grad(tape.inputs[0]), 1.0 + 0.5 * slope)
        assert close(tape.grad(w[0]), 2.0 * slope)
    with pytest.raises(GuardError, match=r"add node is -59\.75"):
        two.forward([-119.0, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="not in the tape's graph"):
        one.grad(two.inputs[0])
    two.forward([2.0, 1.0, -1.0, 0.5])
    two.sync()
    assert [x.data for x in two.inputs] == [2.0, 1.0, -1.0, 0.5]
    assert one.inputs[0].data == 3.0


# Rounding.


def test_a_graph_that_amplifies_rounding_makes_a_tape():
    xs = [Value(v) for v in [1e16] + [1.0] * 9 + [-1e16]]
    tape = Tape(sum(xs), inputs=xs)
    assert tape.forward([1.0] * 11) == 11.0


@pytest.mark.parametrize("seed", range(3))
def test_a_chaotic_network_makes_a_tape(seed):
    rng = np.random.default_rng(seed)
    cell = nn.RNNCell(1, 32, seed=seed)
    for row in cell.weight_hh:
        for value in row:
            value.data = float(rng.normal(0.0, 3.0 / 32**0.5))
    run = nn.SequenceModel(cell).unroll([[1.0]] * 100)
    loss = F.sum(run.states[-1])
    tape = Tape(loss, parameters=cell.parameters())
    tape.forward()
    tape.backward()


def test_a_graph_that_is_out_of_date_makes_none():
    xs = [Value(v) for v in [1e16] + [1.0] * 9 + [-1e16]]
    loss = sum(xs)
    xs[3].data = 5e15
    with pytest.raises(ValueError, match=r"changed after it was recorded.*recompute"):
        Tape(loss, inputs=xs)
    recompute(loss)
    Tape(loss, inputs=xs)


@pytest.mark.parametrize("engine", ["numpy", "auto", "compiled"])
@pytest.mark.parametrize("made_anew", [copy.deepcopy, lambda old: 2.0 * old + 1.0])
def test_nor_does_a_copy_of_it_or_what_is_built_on_it(made_anew, engine):
    a = Value(2.0)
    old = a * a
    a.data = 3.0
    with pytest.raises(ValueError, match=r"changed after it was recorded.*recompute"):
        Tape(made_anew(old), engine=engine)
    recompute(old)
    assert Tape(made_anew(old), engine=engine).forward() in (9.0, 19.0)


@pytest.mark.parametrize("numbers", [None, [[5.0], [7.0]]])
def test_a_leaf_that_is_no_parameter_keeps_the_number_it_had(numbers):
    w, x, shift = Value(2.0), Value(3.0), Value(1.0)
    tape = Tape(w * x + shift, inputs=[x], parameters=[w], engine="numpy")
    shift.data = 100.0
    assert tape.forward(numbers) == (7.0 if numbers is None else 11.0 + 15.0)
    tape.load()
    assert tape.forward(numbers) == (106.0 if numbers is None else 110.0 + 114.0)


# Parameters.


@pytest.mark.parametrize("place", [0, 5, 99])
def test_any_parameter_changed_by_hand_is_noticed(place):
    ps = [Value(1.0, label=f"p{i}") for i in range(100)]
    tape = Tape(F.sum(ps))
    assert tape.forward() == 100.0
    ps[place].data = 1000.0
    with pytest.raises(ValueError, match=rf"p{place} was changed to 1000\.0.*load\(\)"):
        tape.forward()
    tape.load()
    assert tape.forward() == 1099.0


@pytest.mark.parametrize("place", [0, 777, 1999])
def test_so_is_one_of_thousands(place):
    ps = [Value(1.0, label=f"p{i}") for i in range(2000)]
    tape = Tape(F.sum(ps))
    tape.forward()
    Value(0.0).data = 5.0  # no parameter
    assert tape.forward() == 2000.0
    ps[place].data = 2.0
    for _ in range(2):
        with pytest.raises(ValueError, match=f"p{place} was changed"):
            tape.forward()


def test_a_nan_that_stays_is_no_change():
    p = Value(float("nan"))
    tape = Tape(p * 2.0)
    assert np.isnan(tape.forward())
    p.data = 1.0
    with pytest.raises(ValueError, match=r"changed to 1\.0"):
        tape.forward()


def test_a_parameter_that_the_loss_does_not_reach_has_gradient_zero():
    a, b = Value(2.0), Value(7.0)
    tape = Tape(a * a, parameters=[a, b])
    tape.forward()
    tape.backward()
    assert (tape.grad(a), tape.grad(b), tape.value(b)) == (4.0, 0.0, 7.0)
    with pytest.raises(ValueError, match="not in the tape's graph"):
        tape.grad(Value(7.0))


# What only a guard reads.


def test_sync_refreshes_what_only_a_guard_reads():
    a, x = Value(2.0, label="a"), Value(3.0)
    square = a * x * x
    loss = a * x if square > 1.0 else a
    tape = Tape(loss, inputs=[x])
    tape.forward([5.0])
    tape.backward()
    tape.sync()
    assert (square.data, loss.data, a.grad) == (50.0, 10.0, 5.0)


# Threads.


def in_thread(function):
    """What the function returned or raised in a thread of its own."""
    found = []

    def run():
        try:
            found.append(function())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, name="other")
    thread.start()
    thread.join()
    return found[0]


def test_a_forward_of_another_thread_is_not_mistaken_for_ones_own():
    x = Value(2.0)
    tape = Tape(x * x, inputs=[x])
    tape.forward([3.0])
    found = in_thread(tape.backward)
    assert isinstance(found, RuntimeError)
    assert "backward in thread 'other'" in str(found)
    assert "forward ran in thread 'MainThread'" in str(found)
    assert "tape of its own" in str(found)


def test_what_a_thread_left_when_it_ended_may_be_read():
    x = Value(2.0)
    tape = Tape(x * x, inputs=[x])
    assert in_thread(lambda: tape.forward([3.0])) == 9.0
    tape.backward()
    assert tape.grad(x) == 6.0


def test_two_threads_at_once_get_a_sentence():
    x = Value(2.0)
    tape = Tape(x * x, inputs=[x])
    numbers = np.array([3.0])

    class Slow:  # numbers that take their time, and let another thread in meanwhile
        def __array__(self, dtype=None, copy=None):
            found.append(in_thread(lambda: tape.forward(numbers)))
            return numbers

    found = []
    assert tape.forward(Slow()) == 9.0
    assert isinstance(found[0], RuntimeError)
    assert "another thread is running this tape" in str(found[0])
    assert tape.forward(numbers) == 9.0
