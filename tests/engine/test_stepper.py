"""The stepper: the sweep event by event, exactly as backward() does it, and back."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import graphs

from demos.quiz import quiz
from microgrid import Value, nn, scope
from microgrid import functional as F
from microgrid.graph import creation_order, gradient_of
from microgrid.stepper import Event, Stepper


def bits(x):
    """A gradient down to its last bit; None stays None."""
    return None if x is None else struct.pack("<d", x)


def gradients(root):
    return [bits(node.grad) for node in creation_order(root)]


@given(graphs(), st.sampled_from([1.0, -0.5]), st.integers(0, 2))
def test_every_gradient_is_backwards_to_the_last_bit_and_back_is_exact(root, gradient, sweeps):
    for _ in range(sweeps):  # what leaves hold and what nodes kept must not disturb
        root.backward()
    before = gradients(root)
    sweep, seen = Stepper(root, gradient), [before]
    seen.extend(gradients(root) for _ in sweep)
    assert sweep.done
    assert sweep.step() is None
    stepped = gradients(root)
    while seen:
        assert gradients(root) == seen.pop()
        sweep.back()
    assert gradients(root) == before
    assert not sweep.done
    assert sweep.back() is None
    root.backward(gradient)
    assert gradients(root) == stepped


def test_the_quiz_event_by_event():
    events = list(Stepper(quiz()))
    assert [e.kind for e in events[:3]] == ["start", "finished", "message"]
    assert events[-1].kind == "end"
    to_states = [
        (e.node.label, e.parent.label, e.upstream, e.local, e.message, e.before, e.after)
        for e in events
        if e.kind == "message" and e.parent.label.startswith("h_")
    ]
    assert to_states == [
        ("y_2", "h_2", 1.0, -1.0, -1.0, None, -1.0),
        ("h_2", "h_1", -1.0, -5.0, 5.0, None, 5.0),
        ("y_1", "h_1", 1.0, -1.0, -1.0, 5.0, 4.0),
        ("h_1", "h_0", 4.0, -5.0, -20.0, None, -20.0),
    ]


def test_a_node_is_finished_once_and_only_sends_after_that():
    root = F.cross_entropy([Value(1.0) * 2.0, Value(3.0)], 0)
    finished = []
    for event in Stepper(root):
        if event.kind == "finished":
            finished.append(event.node)
        if event.kind == "message":
            assert event.node is finished[-1]
            assert event.parent not in finished
            assert event.node.parents[event.position] is event.parent
    assert finished == creation_order(root)[::-1]


def test_next_finishes_one_node_and_run_to_stops_where_it_is_told():
    sweep = Stepper(quiz())
    assert sweep.current is None
    assert sweep.next().node is sweep.root
    assert sweep.next().node.label == "y_2"
    assert sweep.run_to("h_1").after == 4.0
    assert sweep.current.label == "h_1"
    assert sweep.upcoming.kind == "message"
    assert sweep.run_to(sweep.nodes[-1]).kind == "finished"
    assert [e.kind for e in (sweep.next(), sweep.history[-1])] == ["end", "end"]
    assert sweep.next() is None


def test_finish_scope_ends_with_the_time_step():
    sweep = Stepper(quiz("ciao"))
    sweep.run_to("y_4")
    assert sweep.finish_scope().node.label == "y_3"
    assert sweep.finish_scope().node.label == "y_2"
    sweep.finish_scope()
    assert sweep.finish_scope().node.scope == ""
    assert sweep.finish_scope().kind == "end"


def test_finish_scope_without_time_steps_takes_the_outermost_scope():
    run = nn.MLP(2, [2, 1], seed=0)([1.0, 2.0])[0]
    sweep = Stepper(run)
    sweep.next()
    assert sweep.finish_scope().node.scope == "layer=1"
    with scope("epoch=1"), scope("t=1"), scope("cell"):
        early = Value(1.0).exp()
    with scope("epoch=1"), scope("t=2"), scope("cell"):
        late = (early * 2.0).exp()
    sweep = Stepper(late)
    sweep.next()
    assert sweep.finish_scope().node is early


def test_a_run_steps_from_its_loss_and_says_so_when_it_has_none():
    run = quiz()
    assert Stepper(run).root is run.loss
    model = nn.SequenceModel(nn.RNNCell(1, 1))
    with pytest.raises(ValueError, match=r"has no loss to start from: Unrolled\(RNNCell, 1 steps"):
        Stepper(model.unroll([1.0]))
    with pytest.raises(TypeError, match=r"a sweep starts from a Value or an unrolled run .* got 3"):
        Stepper(3)
    with pytest.raises(TypeError, match="gradient needs a real number, got 'x'"):
        Stepper(Value(1.0), "x")


def test_run_to_names_what_it_cannot_find_or_has_passed():
    sweep = Stepper(quiz())
    with pytest.raises(ValueError, match=r"no node .* called 'h_9'; near it: h_2, h_1"):
        sweep.run_to("h_9")
    with pytest.raises(ValueError, match="is not in the graph of"):
        sweep.run_to(Value(1.0))
    sweep.run_to("h_1")
    with pytest.raises(ValueError, match="has passed h_1"):
        sweep.run_to("h_1")
    assert sweep.current.label == "h_1"


def test_it_shows_where_it_stands():
    sweep = Stepper(quiz())
    assert repr(sweep) == (
        "Stepper(L=19): 0 of 14 messages sent\n  not started\n  next: start: L gets gradient 1"
    )
    sweep.run_to("h_1")
    assert repr(sweep).splitlines()[1:] == [
        "  last: h_1 is finished, gradient 4",
        "  next: h_1 → W_x: 4 × 5 = 20, gradient of W_x: -1 + 20 = 19",
    ]
    sweep.run()
    assert repr(sweep).splitlines() == [
        "Stepper(L=19): 14 of 14 messages sent",
        "  last: end: every gradient is complete",
    ]


def test_a_nan_on_the_way_is_undone_exactly():
    a = Value(0.0, label="a")
    root = a.log() * a
    sweep = Stepper(root)
    sweep.run()
    assert math.isnan(a.grad)
    sweep.restart()
    assert (gradient_of(a), gradient_of(root), sweep.history) == (None, None, [])


def test_events_are_immutable():
    event = Stepper(Value(1.0)).step()
    assert isinstance(event, Event)
    with pytest.raises(AttributeError):
        event.after = 2.0


def test_the_forward_pass_is_stepped_too_and_undone():
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    y = (w * x).tanh()
    stepper = Stepper(y, forward=True)
    assert [stepper.is_computed(node) for node in (w, y.parents[0], y)] == [True, False, False]
    assert str(stepper.step()) == "mul = w × x = 2 × 3 = 6"
    assert [stepper.is_computed(node) for node in (y.parents[0], y)] == [True, False]
    assert (stepper.current, stepper.computed) == (y.parents[0], 1)
    assert stepper.step().after == y.data
    assert stepper.step().kind == "start"
    stepper.run()
    swept = [w.grad, x.grad]
    y.backward()
    assert [2 * g for g in swept] == [w.grad, x.grad]
    stepper.restart()
    assert (stepper.computed, stepper.current, stepper.history) == (0, None, [])
    kinds = [event.kind for event in stepper]
    assert kinds[:3] == ["computed", "computed", "start"]
    assert kinds.count("computed") == 2
