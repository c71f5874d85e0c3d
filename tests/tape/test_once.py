"""What no input reaches is computed once a batch: penalties on weights, states that are learnt."""

import numpy as np
import pytest
from test_tape import close

from microgrid import Value
from microgrid import functional as F
from microgrid.tape import Tape


def decayed(width=5, guard=False):
    """A regression with a penalty on its weights, and a learnt start that no input reaches."""
    rng = np.random.default_rng(3)
    w = [[Value(float(x)) for x in row] for row in rng.normal(size=(width, width))]
    start = [Value(float(x)) for x in rng.normal(size=width)]
    scale, fixed = Value(0.5, label="scale"), Value(0.25)
    x = [Value(float(v)) for v in rng.normal(size=width)]
    begun = [s.tanh() for s in F.linear(start, w)]
    if guard:
        assert scale > 0.0
    hidden = [h.tanh() for h in F.linear([a + b for a, b in zip(x, begun)], w)]
    flat = [v for row in w for v in row]
    penalty = scale * F.dot(flat, flat) + fixed * F.sum([s.exp() for s in start])
    return F.sum(hidden) + penalty, x, [*flat, *start, scale], begun


def one_by_one(tape, batch):
    losses, gradients, inputs = [], [], []
    for example in batch:
        losses.append(tape.forward(example))
        tape.backward()
        gradients.append([p.grad.copy() for p in tape.parameters()])
        inputs.append([tape.grad(x) for x in tape.inputs])
    return losses, [sum(each) for each in zip(*gradients)], np.array(inputs)


@pytest.mark.parametrize("guard", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_batch_is_the_sum_of_its_examples_in_any_order_of_sweeps(reduction, guard):
    loss, x, parameters, begun = decayed(guard=guard)
    tape = Tape(loss, x, parameters, reduction=reduction)
    assert tape.plan.once
    batch = np.random.default_rng(4).normal(size=(7, len(x)))
    losses, gradients, inputs = one_by_one(tape, batch)
    share = 1 / 7 if reduction == "mean" else 1.0
    for every in (False, True, False, True, False):
        assert close(tape.forward(batch), share * sum(losses))
        tape.backward(inputs=every)
        for p, expected in zip(tape.parameters(), gradients):
            np.testing.assert_allclose(p.grad, share * expected, rtol=1e-12, atol=1e-13)
        if every:
            found = np.transpose([tape.grad(v) for v in x])
            np.testing.assert_allclose(found, share * inputs, rtol=1e-12, atol=1e-13)
            assert tape.grad(begun[0]).shape == (7,)
        else:
            with pytest.raises(RuntimeError, match="left out the gradient"):
                tape.grad(begun[0])
        assert close(tape.value(begun[0])[3], begun[0].data)


def test_what_is_computed_once_follows_the_parameters_and_what_is_loaded():
    loss, x, parameters, _ = decayed()
    tape = Tape(loss, x, parameters)
    batch = np.ones((3, len(x)))
    tape.forward(batch)
    for p in tape.parameters():
        p.data *= 0.9
    assert close(tape.forward(batch), 3.0 * tape.forward(batch[0]))
    parameters[0].data = 2.0
    with pytest.raises(ValueError, match="was changed"):
        tape.sync_parameters()
    tape.load()
    assert close(tape.forward(batch), 3.0 * tape.forward(batch[0]))


def test_the_listing_says_so():
    loss, x, parameters, _ = decayed()
    lines = str(Tape(loss, x, parameters).plan).splitlines()
    assert [line for line in lines if "1x25" in line and "once a batch" in line]
    assert not [line for line in str(Tape(loss).plan).splitlines() if "once" in line]
