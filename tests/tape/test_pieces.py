"""Large batches in pieces: the numbers of one example after the other, on any number of threads."""

import shutil
import threading

import numpy as np
import pytest
from test_once import decayed, one_by_one

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.tape import GuardError, Index, Tape
from microgrid.tape.compiled import pieces

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler"
)
pytestmark = [pytest.mark.usefixtures("any_engine"), needs_compiler]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Pieces of eight examples, for every batch that has more of them."""
    for name, number in (("_PIECE", 0), ("_SHARE", 0), ("_FEWEST", 8), ("_LARGE", 0)):
        monkeypatch.setattr(pieces, name, number)


def on_threads(count, monkeypatch, *given, **options):
    monkeypatch.setenv("MICROGRID_THREADS", str(count))
    return Tape(*given, engine="compiled", **options)


def recurrent():
    model = nn.SequenceModel(nn.LSTMCell(3, 4, seed=0), nn.Linear(4, 2, seed=1))
    xs = [[Value(0.1 * i) for i in range(3)] for _ in range(3)]
    return model.unroll(xs, [[0.0] * 2] * 3, loss="mse").loss, xs


def results(tape, batch, inputs=True):
    """All that can be read after a step."""
    found = [tape.forward(batch)]
    tape.backward(0.5, inputs=inputs)
    found += [tape.losses(), *[p.grad.copy() for p in tape.parameters()]]
    if inputs:
        found += [tape.grad(x) for x in tape.plan.source.order]
    return [*found, *[tape.value(x) for x in tape.plan.source.order]]


@pytest.mark.parametrize("examples", [9, 16, 51])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_pieces_have_the_numbers_of_one_example_after_the_other(examples, reduction, monkeypatch):
    loss, x, parameters, begun = decayed(guard=True)
    tape = on_threads(2, monkeypatch, loss, x, parameters, reduction=reduction)
    batch = np.random.default_rng(4).normal(size=(examples, len(x)))
    losses, gradients, inputs = one_by_one(tape, batch)
    share = 1 / examples if reduction == "mean" else 1.0
    for every in (False, True, False):
        assert tape.forward(batch) == pytest.approx(share * sum(losses), rel=1e-12)
        np.testing.assert_allclose(tape.losses(), losses, rtol=1e-12)
        tape.backward(inputs=every)
        for p, expected in zip(tape.parameters(), gradients):
            np.testing.assert_allclose(p.grad, share * expected, rtol=1e-12, atol=1e-13)
        assert tape.value(begun[0]).shape == (examples,)
    tape.backward()
    found = np.transpose([tape.grad(v) for v in x])
    np.testing.assert_allclose(found, share * inputs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_bit_hangs_on_the_number_of_threads(dtype, monkeypatch):
    batch = np.random.default_rng(5).normal(size=(203, 3, 3))
    tapes = [on_threads(n, monkeypatch, *recurrent(), dtype=dtype) for n in (1, 2, 5)]
    for inputs in (True, False) * 3:
        alone, *others = (results(tape, batch, inputs) for tape in tapes)
        for other in others:
            assert all(np.array_equal(a, b) for a, b in zip(alone, other, strict=True))
    assert not [thread for thread in threading.enumerate() if thread.name == "Tape"]


def test_a_batch_keeps_its_numbers_and_takes_new_parameters(monkeypatch):
    tape = on_threads(2, monkeypatch, *recurrent())
    batch = np.random.default_rng(6).normal(size=(30, 3, 3))
    first = tape.forward(batch)
    assert tape.forward() == first
    for p in tape.parameters():
        p.data *= 0.5
    then = tape.forward()
    assert then != first
    assert then == pytest.approx(sum(tape.forward(row) for row in batch), rel=1e-12)


def test_indices_and_auto_run_in_pieces(monkeypatch):
    letters = [[Value(0.1 * i + j) for j in range(3)] for i in range(5)]
    token = Index(2, 5)
    loss = F.sum([x.tanh() for x in F.linear(list(token), list(zip(*letters)))])
    tape = Tape(loss, inputs=[token])
    batch = np.arange(40).reshape(40, 1) % 5
    singles = [tape.forward(row) for row in batch]
    for _ in range(2):
        tape.forward(batch)
        np.testing.assert_allclose(tape.losses(), singles, rtol=1e-12)


def test_a_guard_names_its_example_whichever_piece_it_is_in(monkeypatch):
    x = Value(1.0, label="x")
    loss = (x * Value(2.0)).tanh() if x > 0.0 else x
    tape = on_threads(2, monkeypatch, loss, inputs=[x])
    batch = np.ones((50, 1))
    batch[[37, 44]] = -1.0
    with pytest.raises(GuardError, match=r"x of example 37 is -1\.0"):
        tape.forward(batch)
    assert tape.forward(np.abs(batch)) == pytest.approx(50 * np.tanh(2.0))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("inside", ["this thread", "another thread"])
def test_a_pass_that_is_broken_off_leaves_a_tape_that_works(error, inside, monkeypatch):
    tape = on_threads(2, monkeypatch, *recurrent())
    batch = np.random.default_rng(7).normal(size=(200, 3, 3))
    wanted = results(tape, batch)
    run, met, here = pieces._Alike._run_forward, threading.Event(), threading.get_ident()

    def broken(alike, piece, numbers):
        """The other thread waits until the one has failed."""
        if (threading.get_ident() == here) == (inside == "this thread"):
            met.set()
            raise error
        assert met.wait(10)
        run(alike, piece, numbers)

    monkeypatch.setattr(pieces._Alike, "_run_forward", broken)
    with pytest.raises(error):
        tape.forward(batch)
    with pytest.raises(RuntimeError, match="needs a forward that went through"):
        tape.backward()
    assert not [thread for thread in threading.enumerate() if thread.name == "Tape"]
    monkeypatch.setattr(pieces._Alike, "_run_forward", run)
    again = results(tape, batch)
    assert all(np.array_equal(a, b) for a, b in zip(wanted, again, strict=True))


def test_fewer_threads_do_the_work_where_none_can_be_started(monkeypatch):
    tape = on_threads(3, monkeypatch, *recurrent())
    batch = np.random.default_rng(8).normal(size=(60, 3, 3))
    wanted = results(tape, batch)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert all(np.array_equal(a, b) for a, b in zip(wanted, results(tape, batch), strict=True))


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(wanted, monkeypatch):
    x = Value(1.0)
    with pytest.raises(ValueError, match=f"MICROGRID_THREADS must be 1 or more, got '{wanted}'"):
        on_threads(wanted, monkeypatch, x.tanh(), inputs=[x])


def test_what_is_large_is_cut_evenly(monkeypatch):
    for name, number in (("_PIECE", 4 << 20), ("_SHARE", 8), ("_FEWEST", 32), ("_LARGE", 1 << 20)):
        monkeypatch.setattr(pieces, name, number)
    assert pieces._size(16_384, 35_000, 0) == 120
    assert pieces._size(100, 1 << 20, 0) == 32
    assert pieces._size(1_000, 1_000, 1 << 20) == 1_000
    tape = Tape(*recurrent(), engine="compiled")
    for examples, found in ((100, "Replay"), (10_000, "Pieces")):
        tape.forward(np.zeros((examples, 3, 3)))
        assert type(tape._session.current("this")).__name__ == found
