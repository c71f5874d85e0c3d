"""Mistakes the engine once made, each with the numbers that it got wrong."""

import copy
import math
import pickle
import threading

import pytest

from microgrid import Value, detect_anomaly, grad, no_grad, recompute, scope
from microgrid import functional as F
from microgrid.graph import describe, find, gradient_of, name_of
from microgrid.recording import current_scope
from microgrid.stepper import Stepper
from microgrid.tape import GuardError, Tape

# Softmax of huge logits: ln 2 is lost in 1e16 + ln 2. The numbers are PyTorch's.


@pytest.mark.parametrize("size", [1e5, 1e9, 1e16, -1e16, 1e300])
def test_softmax_of_huge_logits_shares_them_out(size):
    zs = [Value(size), Value(size)]
    assert [y.data for y in F.softmax(zs)] == pytest.approx([0.5, 0.5], rel=1e-15)
    assert [y.data for y in F.log_softmax(zs)] == [-math.log(2.0)] * 2
    loss = F.cross_entropy(zs, 0)
    loss.backward()
    assert loss.data == pytest.approx(0.6931471805599453, rel=1e-15)
    assert [z.grad for z in zs] == pytest.approx([-0.5, 0.5], rel=1e-15)


def test_logsumexp_of_huge_logits_has_softmax_for_local_derivatives():
    zs = [Value(1e9), Value(1e9), Value(1e9 - 1.0)]
    F.logsumexp(zs).backward()
    share = 1.0 / (2.0 + math.exp(-1.0))
    assert [z.grad for z in zs] == pytest.approx([share, share, share / math.e], rel=1e-14)


def test_infinite_logits_are_left_as_they_were():
    zs = [Value(math.inf), Value(0.0)]
    assert math.isinf(F.logsumexp(zs).data)
    assert F.logsumexp([-math.inf, -math.inf]).data == -math.inf


def test_a_tape_of_huge_logits_refuses_what_it_would_get_wrong():
    zs = [Value(1e9), Value(1e9)]
    tape = Tape(F.cross_entropy(zs, 0), inputs=zs)
    assert tape.forward([1e9 + 8.0, 1e9 + 8.0]) == pytest.approx(0.6931471805599453, rel=1e-14)
    with pytest.raises(GuardError, match="another branch"):
        tape.forward([1.0, 1.0])


# Subclasses of Value.


class Named(Value):
    """A subclass with a dict of its own."""


class Slotted(Value):
    __slots__ = ("moment",)


@pytest.mark.parametrize("kind", [Named, Slotted])
def test_a_subclass_is_an_operand_like_any_value(kind):
    a, b, plain = kind(2.0, label="a"), kind(3.0), Value(4.0)
    assert (a * b).data == 6.0
    assert (plain * a).data == (a * plain).data == 8.0
    assert (2.0**a).data == 4.0
    total = F.dot([a, plain], [b, 10.0]) + F.linear([a, plain], [[a, b], [b, a]])[1]
    total.backward()
    # a b + 40 + b a + 4 a: d/da = 2 b + 4, d/db = 2 a
    assert (total.data, a.grad, b.grad) == (60.0, 10.0, 4.0)
    assert [x.data for x in grad(a * b, [a, b], create_graph=True)] == [3.0, 2.0]
    a.moment = 7
    assert a.moment == 7


def test_copies_and_pickles_keep_the_subclass_and_its_attributes():
    a = Named(2.0, label="a")
    a.seen = [1, 2]
    for twin in (copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert (type(twin), twin.data, twin.label, twin.seen) == (Named, 2.0, "a", [1, 2])
        assert twin is not a


# Numbers changed after the recording.


def test_grad_is_that_of_the_recording_as_backward_is():
    x = Value(2.0)
    y = x.exp() * x
    x.data = 5.0
    y.backward()
    assert grad(y, [x])[0].data == x.grad == pytest.approx(22.1671682967919)
    with pytest.raises(ValueError, match=r"grad: mul\(.*call recompute\(output\)"):
        grad(y, [x], create_graph=True)
    recompute(y)
    assert grad(y, [x], create_graph=True)[0].data == pytest.approx(890.4789546154598)


# Generators that are read in turn, each inside a block of its own.


def steps(name):
    with scope(name):
        yield current_scope()
        yield current_scope()


def test_interleaved_generators_leave_no_scope_behind():
    a, b = steps("a"), steps("b")
    next(a), next(b)
    assert list(a) == ["a/b"]
    assert current_scope() == "b"
    assert list(b) == ["b"]
    assert current_scope() == ""


def test_blocks_of_the_same_name_are_told_apart_and_recording_comes_back():
    def silent():
        with no_grad():
            yield

    a, b = silent(), silent()
    next(a), next(b)
    a.close()
    assert (Value(1.0) * 2.0).op is None
    b.close()
    assert (Value(1.0) * 2.0).op is not None


# Comparisons of other threads.


def test_a_tape_is_recorded_while_other_threads_compare():
    stop = threading.Event()

    def compare():
        while not stop.is_set():
            for number in range(100):
                assert Value(float(number)) >= 0.0

    threads = [threading.Thread(target=compare) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        x = Value(3.0, label="x")
        for _ in range(100):
            tape = Tape.record(lambda: x * 2.0 if x > 0.0 else x * 5.0, inputs=[x])
            assert tape.forward([4.0]) == 8.0
            with pytest.raises(GuardError):
                tape.forward([-4.0])
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_comparisons_made_in_a_worker_are_guarded_here():
    x, made = Value(3.0), []

    def work():
        made.append(x * 2.0 if x > 0.0 else x)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with pytest.raises(GuardError):
        Tape(made[0], inputs=[x]).forward([-1.0])


# Control characters of a label.


def test_no_label_reaches_a_terminal_raw():
    evil = "\x1b[2J\x07"
    with scope(evil):
        a = Value(0.0, label=evil)
        shown = [name_of(a), describe(a), repr(a), str(Stepper(a * 1.0).step())]
        shown.append(repr(Stepper(a)))
        with pytest.raises(ArithmeticError) as error, detect_anomaly():
            (a - 1.0).log()
    shown.append(str(error.value))
    with pytest.raises(ValueError, match="near it") as error:
        find(a, f"{evil}x")
    shown.append(str(error.value))
    assert not any("\x1b" in text or "\x07" in text for text in shown)
    assert gradient_of(a) is None
