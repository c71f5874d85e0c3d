"""What graphs hold of memory: deep ones, shared ones, and that they are freed without help."""

import contextlib
import copy
import pickle

import pytest
from collected import nothing_left

from microgrid import Value, grad, nn, no_grad, scope
from microgrid import functional as F
from microgrid.ops import OPS
from microgrid.value import record


def chain(n):
    a = y = Value(1.0)
    for _ in range(n):
        y = y + a
    return a, y


def test_a_million_additions_are_recorded_swept_and_freed():
    chain(1)  # writes the method of + out, once in a process
    with nothing_left():
        a, y = chain(1_000_000)
        assert y.data == 1_000_001.0
        y.backward()
        assert a.grad == 1_000_001.0
        del y


def test_sixty_doublings():
    a = y = Value(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert y.data == a.grad == 2.0**60


def test_ten_thousand_uses_of_one_weight():
    w = Value(0.5)
    y = F.sum([w * float(i) for i in range(10_000)])
    y.backward()
    assert w.grad == sum(range(10_000))


def diamond():
    a = Value(0.5)
    return (a.tanh() * a.exp() + a) * a


def fan():
    return F.sum([Value(float(i)) for i in range(500)])


def losses():
    zs = [Value(0.1 * i) for i in range(20)]
    return F.cross_entropy(zs, 3) + F.mse_loss(zs, zs[::-1]) + F.softmax(zs)[2]


def swept():
    root = diamond()
    root.backward()
    root.backward()
    return root


def with_every_row():
    a, b = Value(0.3), Value(0.6)
    unary = [op for op in OPS if op.arity == 1]
    return [record(op, (a,) if op in unary else (a, b)) for op in OPS]


def second_order():
    a = Value(0.7)
    (first,) = grad(a.tanh() * a.sin(), [a], create_graph=True)
    return grad(first, [a], create_graph=True)


def unrolled():
    model = nn.SequenceModel(nn.RNNCell(2, 3, seed=0), readout=nn.Linear(3, 2, seed=1))
    run = model.unroll([[0.1, 0.2], [0.3, -0.4]], targets=[0, 1])
    run.loss.backward()
    return run


def in_scopes():
    with scope("t=1"):
        a = Value(1.0) * 2.0
    with no_grad():
        return a, a + 1.0


def copied_and_pickled():
    root = diamond()
    return copy.deepcopy(root), pickle.loads(pickle.dumps(root))


def after_an_error():
    a = Value(1.0)
    with contextlib.suppress(TypeError), scope("broken"):
        (a * 2.0 + a) * "x"
    with contextlib.suppress(ValueError):
        F.dot([a], [a, a])


SHAPES = [
    diamond, fan, losses, swept, with_every_row, second_order, unrolled, in_scopes,
    copied_and_pickled, after_an_error, lambda: chain(10),
]  # fmt: skip


@pytest.mark.parametrize("make", SHAPES, ids=lambda make: make.__name__)
def test_nothing_is_left_for_the_cyclic_collector(make):
    make()  # once before, for what is made lazily and kept
    with nothing_left():
        kept = make()
        assert kept is not False
        del kept


def test_the_collector_finds_what_is_left_for_it():
    def circle():
        node = subclass(1.0)
        node.itself = node

    subclass = type("Node", (Value,), {})
    with pytest.raises(AssertionError, match=r"Value\(1\.0\)"), nothing_left():
        circle()
