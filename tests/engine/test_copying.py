"""copy and pickle: any depth, the same identities, the same gradients."""

import copy
import gc
import io
import pickle
import sys

import pytest

from microgrid import Value, nn, scope
from microgrid import functional as F
from microgrid.graph import gradient_of
from microgrid.value import creation_order


def pickled(x):
    return pickle.loads(pickle.dumps(x))


def pickled_in_python(x):
    file = io.BytesIO()
    pickle._Pickler(file).dump(x)
    return pickle.loads(file.getvalue())


WAYS = [copy.deepcopy, pickled, pickled_in_python]


def gate():
    a, b = Value(0.5, label="a"), Value(-2.0, label="b")
    with scope("t=1"):
        y = (a * b + 1.0).tanh() * a
    y.backward()
    return y


@pytest.mark.parametrize("way", WAYS)
def test_everything_about_a_node_is_kept(way):
    before, after = gate(), way(gate())
    for old, new in zip(creation_order(before), creation_order(after), strict=True):
        for name in ("data", "grad", "op", "label", "scope", "consts"):
            assert getattr(new, name) == getattr(old, name)
        assert tuple(new.partials) == tuple(old.partials)
        assert new is not old


@pytest.mark.parametrize("way", WAYS)
def test_who_was_one_stays_one(way):
    a = Value(2.0)
    square = a * a
    loss = square + a
    twin, again, leaf, middle = way([loss, loss, a, square])
    assert twin is again
    assert twin.parents == (middle, leaf)
    assert middle.parents == (leaf, leaf)
    middle, twin = way((square, loss))
    assert twin.parents[0] is middle


@pytest.mark.parametrize("way", WAYS)
def test_gradients_of_a_copy_are_equal_and_its_own(way):
    model = nn.SequenceModel(nn.RNNCell(2, 3, seed=0), readout=nn.Linear(3, 2, seed=1))
    run = model.unroll([[0.1, 0.2], [0.3, -0.4], [0.5, 0.5]], targets=[0, 1, 0])
    twin_model, twin = way((model, run.loss))
    run.loss.backward()
    assert {gradient_of(p) for p in twin_model.parameters()} == {None}
    twin.backward()
    for (name, p), (twin_name, q) in zip(model.named_parameters(), twin_model.named_parameters()):
        assert (name, p.data, p.grad) == (twin_name, q.data, q.grad)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_goes_on_recording(way):
    twin = way(gate())
    more = twin * 2.0
    more.backward()
    assert creation_order(more)[-1] is more
    assert twin.grad == 2.0


@pytest.mark.parametrize("way", WAYS)
def test_deep_graphs_are_copied_without_recursion(way):
    a = y = Value(1.0)
    for _ in range(20_000):
        y = y * 0.9999 + a
    assert sys.getrecursionlimit() < 5_000
    twin = way(y)
    nodes = creation_order(twin)
    assert len(nodes) == 40_001
    y.backward()
    twin.backward()
    assert nodes[0].grad == a.grad


def test_many_roots_of_one_deep_graph():
    a = y = Value(1.0)
    roots = []
    for _ in range(5_000):
        y = y + a
        roots.append(y)
    for way in WAYS:
        twins = way(roots[::-1])
        assert twins[0].parents[0] is twins[1]
        assert len(creation_order(*twins)) == 5_001


def test_a_shallow_copy_has_the_same_parents():
    y = gate()
    twin = copy.copy(y)
    assert twin is not y
    assert twin.parents == y.parents


def test_every_protocol():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(F.logsumexp([Value(1.0), 2.0]), protocol))
        assert twin.data == pytest.approx(2.313261687518223)


def test_a_pickle_that_broke_off_leaves_no_trace():
    y = gate()
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps([y, lambda: 0])
    gc.collect()
    twin = pickled(y)
    assert len(creation_order(twin)) == len(creation_order(y))
