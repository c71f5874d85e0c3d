"""microgrid/tape/jax.py: JAX's own gradient of a translated tape is the tape's."""

import numpy as np
import pytest
from hypothesis import given, settings
from test_tape import char_rnn, programs

from microgrid import Value, nn
from microgrid.tape import GuardError, Tape
from microgrid.value import creation_order

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_gradients_of_jax_are_the_tapes(cell):
    model, run, xs = char_rnn(cell=cell)
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters())
    numbers = np.random.default_rng(7).uniform(-1.0, 1.0, np.shape(xs))
    loss = tape.forward(numbers)
    tape.backward()
    parameters = [p.data for p in tape.parameters()]
    translated = jax.jit(jax.value_and_grad(tape.to_jax()))
    found, gradients = translated(parameters, numbers)
    assert float(found) == pytest.approx(loss, rel=1e-12)
    for p, gradient in zip(tape.parameters(), gradients):
        np.testing.assert_allclose(gradient, p.grad, rtol=1e-12, atol=1e-13)


def test_an_mlp_of_plain_operations_and_a_relu_at_its_kink():
    net = nn.MLP(2, [4, 1], nonlinearity="relu", seed=0)
    x = [Value(0.5), Value(-1.0)]
    kink = (x[0] - 0.25).relu()
    loss = (1.0 - net(x)[0]).relu() + kink * kink + kink + sum(p * p for p in net.parameters())
    tape = Tape(loss, inputs=x, parameters=net.parameters())
    tape.forward([0.25, 2.0])
    tape.backward()
    parameters = [p.data for p in tape.parameters()]
    gradients, at_inputs = jax.grad(tape.to_jax(), argnums=(0, 1))(
        parameters, np.array([0.25, 2.0])
    )
    for p, gradient in zip(tape.parameters(), gradients):
        np.testing.assert_allclose(gradient, p.grad, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(at_inputs, [tape.grad(v) for v in x], rtol=1e-12, atol=1e-13)


def test_a_batch_by_vmap_is_the_tapes_batch():
    model, run, xs = char_rnn()
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters())
    batch = np.random.default_rng(8).uniform(-1.0, 1.0, (5, *np.shape(xs)))
    tape.forward(batch)
    parameters = [p.data for p in tape.parameters()]
    losses = jax.vmap(tape.to_jax(), in_axes=(None, 0))(parameters, batch)
    np.testing.assert_allclose(losses, tape.losses(), rtol=1e-12)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit])
def test_where_a_guard_fails_loss_and_gradient_are_nan(transform):
    a, x = Value(2.0), Value(3.0)
    tape = Tape.record(
        lambda: a * x if a + x > 1.0 and x < 9.0 else a - x, inputs=[x], parameters=[a]
    )
    function = transform(jax.value_and_grad(tape.to_jax()))
    parameters = [p.data for p in tape.parameters()]
    loss, [gradient] = function(parameters, np.array([1.5]))
    assert (float(loss), np.ravel(gradient).tolist()) == (3.0, [1.5])
    for number in (-5.0, 9.0):
        with pytest.raises(GuardError):
            tape.forward([number])
        loss, [gradient] = function(parameters, np.array([number]))
        assert np.isnan(loss)
        assert np.isnan(gradient).all()


@given(programs())
@settings(max_examples=15)
def test_random_graphs_of_every_op_are_the_tapes(program):
    loss, leaves, others = program
    if loss.op is None:
        return
    reached = set(creation_order(loss))
    numbers = [number for x, number in zip(leaves, others) if x in reached]
    xs = [x for x in leaves if x in reached]
    tape = Tape(loss, inputs=xs)
    expected = tape.forward(numbers)
    tape.backward()
    gradient = np.array([tape.grad(x) for x in xs])
    if not np.isfinite([expected, *(f(n) for n in reached for f in (tape.value, tape.grad))]).all():
        return
    found, translated = jax.value_and_grad(tape.to_jax(), argnums=1)([], np.array(numbers))
    scale = max(1.0, *(abs(tape.grad(n) * tape.value(n)) for n in reached))
    assert float(found) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(translated, gradient, rtol=1e-12, atol=1e-12 * scale)
