"""A JAX function as a graph: values and gradients are JAX's, and lax.scan is the columns."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import viz  # noqa: E402
from microgrid import bptt  # noqa: E402
from microgrid.graph import creation_order  # noqa: E402
from microgrid.jaxpr import from_jax  # noqa: E402
from microgrid.tape import Tape  # noqa: E402

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


def lstm(w, u, xs):
    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(w @ x + u @ h, 4)
        c = jnn.sigmoid(f) * c + jnn.sigmoid(i) * jnp.tanh(g)
        h = jnn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return (lax.scan(step, (jnp.zeros(3), jnp.zeros(3)), xs)[1] ** 2).sum()


def cross_entropy(w, x):
    logs = jnn.log_softmax(x @ w)
    return -jnp.take_along_axis(logs, jnp.array([[0], [2], [1]]), 1).mean()


def branches(x):
    powers = [lambda v: v.sum(), lambda v: (v**2).sum(), lambda v: (v**3).sum()]
    taken = lax.switch(jnp.argmax(x), powers, x)
    return taken + lax.cond(x.sum() > 0, jnp.sum, lambda v: (v**3).sum(), x)


def rounds(x):
    """As many rounds as a number says, which JAX differentiates forwards only."""
    return lax.while_loop(lambda v: v < 3, lambda v: v * 1.7, x)


def scattered(x):
    x = jnp.asarray(x)
    made = x.at[1].set(x[0] * 2).at[jnp.array([0, 0, 2])].add(x[:3] ** 2)
    made = made.at[jnp.array([1, 3])].multiply(x[:2], unique_indices=True)
    made = lax.dynamic_update_slice(made, x[:2] * 3, (1,))
    return (made**2).sum() + jax.ops.segment_sum(x, jnp.array([0, 1, 0, 1]), 2).prod()


def picked(x):
    rows = jax.vmap(lambda row, i: row[i] * lax.dynamic_slice(row, (i,), (2,)))
    best, _ = lax.top_k(x, 2)
    order = jnp.sort(x, axis=0) * jnp.arange(8.0).reshape(2, 4)
    return rows(x, jnp.array([0, 2])).sum() + (best * x[:, :2]).sum() + order.sum()


def images(x, w, v):
    y = lax.conv_general_dilated(x, w, (1, 1), [(1, 0), (2, 1)], (1, 2), (2, 1))
    z = lax.conv_transpose(x, v, (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    pooled = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "SAME")
    means = lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 1, 1), "SAME")
    return (y**2).sum() + (z**3).sum() + pooled.sum() + (means**2).sum()


def margins(x):
    edges = jnp.pad(x, (1, 2)) * jnp.arange(7.0) + jnp.pad(x, (1, 2), mode="reflect")
    wide = lax.pad(x, 0.0, [(1, -1, 1)]) * jnp.arange(7.0)
    return edges.sum() + wide.sum() + (jnp.stack([x, x * 2]) * jnp.tile(x, (2, 1))).sum()


def running(x):
    return (lax.cummax(x) * lax.cumlogsumexp(x)).sum() + jnp.cumprod(x).sum() + jnp.median(x)


def angles(x):
    turned = jnp.arctan2(x, 0.2) + jnp.arctan2(0.1, x) + jnp.arcsin(x / 3) + jnp.cbrt(x)
    return (turned + jnp.mod(x, 0.3) + jnp.fmod(x, 0.3) + jnp.hypot(x, 1.0)).sum()


def activations(x):
    names = "celu selu leaky_relu log_sigmoid relu6 hard_swish glu squareplus mish standardize"
    return sum((getattr(jnn, name)(x) * x.sum()).sum() for name in names.split())


def drawn(x):
    noise = jax.random.normal(jax.random.PRNGKey(0), x.shape)
    return (
        jnp.where(jax.random.bernoulli(jax.random.PRNGKey(1), 0.5, x.shape), x, noise) ** 2
    ).sum()


def slope(x):
    return jax.grad(lambda v: (jax.checkpoint(jnp.tanh)(v) ** 3).sum())(x).sum()


CASES = {
    "lstm": (lstm, (numbers(12, 2), numbers(12, 3), numbers(4, 2))),
    "cross entropy": (cross_entropy, (numbers(4, 3), numbers(3, 4))),
    "cond and switch": (branches, (numbers(3),)),
    "scatters": (scattered, (numbers(4),)),
    "batched gather, top_k, sort": (picked, (numbers(2, 4),)),
    "convolutions and pooling": (
        images,
        (numbers(1, 2, 4, 4), numbers(3, 2, 2, 2), numbers(2, 2, 2, 2, seed=1)),
    ),
    "margins": (margins, (numbers(4),)),
    "running": (running, (numbers(5),)),
    "angles": (angles, (numbers(4),)),
    "activations": (activations, (numbers(4),)),
    "random numbers": (drawn, (numbers(6),)),
    "a gradient of its own": (slope, (numbers(3),)),
    "vmap": (
        lambda w, x: jax.vmap(lambda row: jnn.relu(w @ row))(x).sum(),
        (numbers(3, 4), numbers(5, 4)),
    ),
    "rnn": (rnn, weights(1)),
    "gru, reversed": (gru, weights(3)),
    "perceptron of a dict": (
        perceptron,
        ({"first": {"w": numbers(3, 4), "b": numbers(4)}, "w": numbers(4, 2)}, numbers(5, 3)),
    ),
    "attention": (attention, (numbers(2, 3, 4), numbers(2, 3, 4, seed=1), numbers(2, 3, 2))),
    "indexing": (indexing, (numbers(3, 4),)),
    "inv": (lambda a: (jnp.linalg.inv(a) * numbers(3, 3)).sum(), (numbers(3, 3, seed=1),)),
    "solve": (
        lambda a, b, c: (jnp.linalg.solve(a, b) * jnp.linalg.solve(a.T, c)[:, 0]).sum(),
        (numbers(3, 3), numbers(3), numbers(3, 2)),
    ),
    "solve, symmetric": (
        lambda a, b: (jnp.linalg.solve(a, b) * numbers(3, 2, seed=2)).sum(),
        (np.eye(3) + 0.5, numbers(3, 2)),
    ),
    "det and slogdet": (
        lambda a: jnp.linalg.det(a) + jnp.linalg.slogdet(a)[1],
        (numbers(4, 4),),
    ),
    "cholesky": (
        lambda a, b: (
            (jnp.linalg.cholesky(a @ a.T + jnp.eye(3)) * a).sum()
            + jax.scipy.stats.multivariate_normal.logpdf(b, 0.5 * b, a @ a.T + jnp.eye(3))
        ),
        (numbers(3, 3), numbers(3)),
    ),
    "triangular": (
        lambda a, b: sum(
            (jax.scipy.linalg.solve_triangular(a, b, lower=lower, trans=trans) ** 2).sum()
            for lower in (False, True)
            for trans in (0, 1)
        ),
        (numbers(3, 3) + 2 * np.eye(3), numbers(3, 2)),
    ),
    "lgamma and digamma": (
        lambda x: (
            (lax.lgamma(3 * x) + lax.digamma(3 * x)).sum() + lax.polygamma(2.0, x[0] ** 2 + 1)
        ),
        (numbers(4),),
    ),
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
    from microgrid.jaxpr.program import _names

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


def test_a_while_loop_goes_round_as_often_as_its_numbers_say():
    root = from_jax(rounds, 0.5)
    root.backward()
    (x,) = [node for node in creation_order(root) if node.label == "x"]
    assert root.data == pytest.approx(float(rounds(0.5)), rel=1e-15)
    assert x.grad == pytest.approx(1.7**4, rel=1e-15)
    assert {node.scope for node in creation_order(root) if node.parents} == {
        f"t={t}" for t in range(1, 5)
    }
    tape = Tape(root, inputs=[x])
    assert tape.forward([0.6]) == pytest.approx(0.6 * 1.7**4, rel=1e-15)
    with pytest.raises(RuntimeError, match="another branch"):
        tape.forward([2.0])


def test_what_has_no_rule_is_refused_in_a_sentence():
    with pytest.raises(NotImplementedError, match="primitive 'igamma' is not recorded yet"):
        from_jax(lambda x: lax.igamma(1.0, x), 1.5)
    with pytest.raises(NotImplementedError, match="'custom_linear_solve' is recorded for one matr"):
        from_jax(lambda a: jnp.linalg.inv(a).sum(), np.stack([np.eye(2), np.eye(2)]))
    with pytest.raises(NotImplementedError, match="complex numbers are not recorded"):
        from_jax(lambda x: jnp.abs(jnp.fft.fft(x)).sum(), np.ones(4))
