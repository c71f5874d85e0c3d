"""The room microgrid/tape/xla.py: JAX's own gradient of a translated tape is the tape's."""

import sys

import numpy as np
import pytest
from test_tape import char_rnn

from microgrid import Value, nn
from microgrid.tape import GuardError, Tape


@pytest.fixture
def jax():
    module = pytest.importorskip("jax")
    module.config.update("jax_enable_x64", True)
    return module


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_gradients_of_jax_are_the_tapes(jax, cell):
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


def test_a_batch_by_vmap_is_the_tapes_batch(jax):
    model, run, xs = char_rnn()
    tape = Tape(run.loss, inputs=xs, parameters=model.parameters())
    batch = np.random.default_rng(8).uniform(-1.0, 1.0, (5, *np.shape(xs)))
    tape.forward(batch)
    parameters = [p.data for p in tape.parameters()]
    losses = jax.vmap(tape.to_jax(), in_axes=(None, 0))(parameters, batch)
    np.testing.assert_allclose(losses, tape.losses(), rtol=1e-12)


@pytest.mark.parametrize("transform", [lambda jax, f: f, lambda jax, f: jax.jit(f)])
def test_where_a_guard_fails_loss_and_gradient_are_nan(jax, transform):
    a, x = Value(2.0), Value(3.0)
    tape = Tape.record(
        lambda: a * x if a + x > 1.0 and x < 9.0 else a - x, inputs=[x], parameters=[a]
    )
    function = transform(jax, jax.value_and_grad(tape.to_jax()))
    parameters = [p.data for p in tape.parameters()]
    loss, [gradient] = function(parameters, np.array([1.5]))
    assert (float(loss), np.ravel(gradient).tolist()) == (3.0, [1.5])
    for number in (-5.0, 9.0):
        with pytest.raises(GuardError):
            tape.forward([number])
        loss, [gradient] = function(parameters, np.array([number]))
        assert np.isnan(loss)
        assert np.isnan(gradient).all()


def test_without_jax_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    x = Value(1.0)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'microgrid-autograd\[xla\]'"):
        Tape(x * 2.0, inputs=[x]).to_jax()
