"""The Tape: what it refuses, and how it says so."""

import copy
import math
import pickle
import weakref

import numpy as np
import pytest
from collected import nothing_left
from test_tape import char_rnn, close

from microgrid import Value, nn, optim, recompute, scope
from microgrid import functional as F
from microgrid.anomaly import AnomalyError, detect_anomaly
from microgrid.graph import gradient_of
from microgrid.tape import GuardError, Tape, Tapes

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


@pytest.mark.parametrize("length", [1, 10])
@pytest.mark.parametrize("inputs", [True, False])
def test_what_is_only_compared_sends_no_message(length, inputs):
    x, w = Value(4.0), Value(3.0)

    def build():
        root = x * w
        for _ in range(length):
            root = root.sqrt()  # at 0 its derivative is infinite, and 0 times that is nan
        return x * w * 2.0 + w.sin() if root >= 0.0 else x

    tape = Tape.record(build, inputs=[x])
    tape.forward([0.0])
    tape.backward(inputs=inputs)
    assert tape.grad(w) == math.cos(3.0)
    if inputs:
        assert tape.grad(x) == 6.0
    tape.forward([[0.0], [1.0]])
    tape.backward(inputs=inputs)
    assert close(tape.grad(w), 2.0 + 2.0 * math.cos(3.0))


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
    assert (Value(2.0) * 3.0).tanh() > 0.0  # once before, for what is made lazily and kept
    with nothing_left():
        a = Value(2.0)
        graph = (a * 3.0).tanh()
        assert graph > 0.0
        ghost = weakref.ref(graph)
        del graph
        assert ghost() is None


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
    with pytest.raises(TypeError, match=r"leaf Value or an Index, got 3\.0"):
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
    assert gradient_of(xs[0][0]) is None
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
    def used():
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

    used()  # once before, for what is made lazily and kept
    with nothing_left():
        used()
