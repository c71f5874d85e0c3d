"""A JAX function as a graph: values and gradients are JAX's, and lax.scan is the columns."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import viz  # noqa: E402
from microgrid import bptt  # noqa: E402
from microgrid.graph import creation_order  # noqa: E402
from microgrid.jaxpr import from_jax  # noqa: E402

jnp, lax, jnn = jax.numpy, jax.lax, jax.nn
HIDDEN, INPUTS, STEPS = 4, 3, 5


@pytest.fixture(autouse=True)
def doubles():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(size=shape) * 0.5


def rnn(w_x, w_h, b, w_y, xs, h0):
    def step(h, x):
        h = jnp.tanh(w_x @ x + w_h @ h + b)
        return h, w_y @ h

    _, ys = lax.scan(step, h0, xs)
    return -jnp.mean(jnn.log_softmax(ys)[:, 0])


def gru(w_x, w_h, b, w_y, xs, h0):
    def step(h, x):
        z, r, n = jnp.split(w_x @ x + b, 3)
        uz, ur, un = jnp.split(w_h @ h, 3)
        z, r = jnn.sigmoid(z + uz), jnn.sigmoid(r + ur)
        h = (1 - z) * jnp.tanh(n + r * un) + z * h
        return h, w_y @ h

    _, ys = lax.scan(step, h0, xs, reverse=True)
    return jnp.sum(ys**2) / STEPS


def weights(gates):
    rows = gates * HIDDEN
    return (
        numbers(rows, INPUTS), numbers(rows, HIDDEN), numbers(rows), numbers(2, HIDDEN),
        numbers(STEPS, INPUTS), np.zeros(HIDDEN),
    )  # fmt: skip


def perceptron(params, x):
    h = jnn.relu(x @ params["first"]["w"] + params["first"]["b"])
    h = (h - h.mean(1, keepdims=True)) / jnp.sqrt(h.var(1, keepdims=True) + 1e-5)
    return jnp.mean((jnn.gelu(h, approximate=False) @ params["w"]) ** 2)


def attention(q, k, v):
    scores = jnp.einsum("bqd,bkd->bqk", q, k) / jnp.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones((3, 3), bool)), scores, -jnp.inf)
    return (jnn.softmax(scores) @ v).sum()


def indexing(w):
    rows = w[jnp.array([0, 2, 2])]
    return (rows * w[1]).max() + w[:, ::2].min() + w.cumsum(0).std()


CASES = {
    "rnn": (rnn, weights(1)),
    "gru, reversed": (gru, weights(3)),
    "perceptron of a dict": (
        perceptron,
        ({"first": {"w": numbers(3, 4), "b": numbers(4)}, "w": numbers(4, 2)}, numbers(5, 3)),
    ),
    "attention": (attention, (numbers(2, 3, 4), numbers(2, 3, 4, seed=1), numbers(2, 3, 2))),
    "indexing": (indexing, (numbers(3, 4),)),
    "jit": (jax.jit(lambda x: jnp.logaddexp(x, 0.3).sum() + jnn.silu(x).sum()), (numbers(4),)),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_jaxs(name):
    f, args = CASES[name]
    root = from_jax(f, *args)
    assert root.data == pytest.approx(float(f(*args)), rel=1e-13)
    root.backward()
    want, _ = jax.tree_util.tree_flatten(jax.grad(f, argnums=tuple(range(len(args))))(*args))
    largest = max(float(np.abs(g).max()) for g in want)
    leaves = [node for node in creation_order(root) if not node.parents and node.label]
    found = {leaf.label: leaf.grad for leaf in leaves}
    named = dict.fromkeys(leaf.label.partition("[")[0] for leaf in leaves)
    assert len(named) >= len(args) - 1
    for leaf, name in zip(want, _paths(f, args)):
        for place, g in np.ndenumerate(leaf):
            label = name if leaf.size == 1 else f"{name}[{','.join(map(str, place))}]"
            assert abs(found.get(label, 0.0) - g) <= 1e-13 * largest


def _paths(f, args):
    from microgrid.jaxpr import _names

    return _names(f, args, jax)


def test_scan_becomes_columns():
    root = from_jax(rnn, *weights(1))
    steps = {node.scope for node in creation_order(root) if node.scope}
    assert steps == {f"t={t}" for t in range(1, STEPS + 1)}
    root.backward()
    parts = bptt.contributions(root, "w_h[0,1]")
    assert sorted(parts) == list(range(1, STEPS + 1))
    assert "t = 5" in viz.draw(root, detail="vector").source


def test_results_keep_their_structure():
    made = from_jax(lambda x: {"double": 2 * x, "sum": x.sum()}, np.array([1.0, 2.0]))
    assert [v.data for v in made["double"]] == [2.0, 4.0]
    assert made["sum"].data == 3.0


def test_an_unknown_primitive_is_named():
    with pytest.raises(NotImplementedError, match="primitive 'while' is not recorded"):
        from_jax(lambda x: lax.while_loop(lambda v: v < 3, lambda v: v * 2, x), 1.0)
