"""JAX as fast as we can have it: unrolled, all parameters in one array, compiled ahead of time.

One thread, for networks of this size. The gradient comes back as one flat array. The expression is
not here: XLA was not done with its 4,000 nodes after nine minutes.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
).strip()

import jax
import jax.numpy as jnp
import numpy as np

from ..problems import Array, CharRNN, MicroGPT, Moons
from . import Step

jax.config.update("jax_enable_x64", True)
Loss = Callable[[list[Any], Any, Any], Any]


def _flat(arrays: Sequence[Array]) -> tuple[Any, Callable[[Any], list[Any]]]:
    """All arrays in one, and what takes them out again."""
    shapes = [array.shape for array in arrays]
    ends = list(itertools.accumulate(math.prod(shape) for shape in shapes))

    def unflatten(flat: Any) -> list[Any]:
        starts = [0, *ends]
        return [flat[a:b].reshape(s) for a, b, s in zip(starts, ends, shapes)]

    return jnp.concatenate([jnp.ravel(jnp.asarray(array)) for array in arrays]), unflatten


def _compiled(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    compiled: Callable[..., Any] = jax.jit(function).lower(*arguments).compile()
    return compiled


def _step(loss: Loss, arrays: Sequence[Array], first: Any, second: Any) -> Step:
    flat, unflatten = _flat(arrays)
    whole = jax.value_and_grad(lambda flat, a, b: loss(unflatten(flat), a, b))
    run = _compiled(whole, flat, first, second)

    def step() -> object:
        value, gradient = run(flat, first, second)
        return value.block_until_ready(), [gradient]

    return step


def char_rnn(problem: CharRNN) -> Step:
    size = problem.hidden

    def loss(weights: list[Any], letters: Any, targets: Any) -> Any:
        w_ih, w_hh, b, w_out, b_out = weights
        z = w_ih.T[letters] + b
        h = c = jnp.zeros(size)
        states = []
        for t in range(problem.steps):
            a = w_hh @ h + z[t]
            if problem.gates == 1:
                h = jnp.tanh(a)
            else:
                i, f, g, o = a.reshape(4, size)
                c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
                h = jax.nn.sigmoid(o) * jnp.tanh(c)
            states.append(h)
        logits = jax.nn.log_softmax(jnp.stack(states) @ w_out.T + b_out)
        return -jnp.take_along_axis(logits, targets[:, None], axis=1).sum()

    letters, targets = (jnp.array(indices) for indices in problem.text())
    return _step(loss, list(problem.weights().values()), letters, targets)


lstm = char_rnn


def moons(problem: Moons) -> Step:
    flat, unflatten = _flat([p for layer in problem.layers() for p in layer])
    points, labels = (jnp.array(array) for array in problem.data())

    def update(flat: Any, points: Any, labels: Any, rate: Any) -> Any:
        def loss(flat: Any) -> Any:
            w1, b1, w2, b2, w3, b3 = unflatten(flat)
            x = jax.nn.relu(jax.nn.relu(points @ w1.T + b1) @ w2.T + b2)
            margins = jax.nn.relu(1.0 - labels * (x @ w3[0] + b3))
            return margins.mean() + problem.alpha * jnp.vdot(flat, flat)

        value, gradient = jax.value_and_grad(loss)(flat)
        return flat - rate * gradient, value, gradient

    run = _compiled(update, flat, points, labels, 1.0)
    steps = itertools.count()

    def step() -> object:
        nonlocal flat
        flat, value, gradient = run(flat, points, labels, problem.rate(next(steps)))
        return value.block_until_ready(), [gradient]

    return step


def microgpt(problem: MicroGPT) -> Step:
    n, heads, size = problem.tokens, problem.heads, problem.width // problem.heads
    mask = jnp.array(np.tril(np.ones((n, n), bool)))

    def norm(x: Any) -> Any:
        return x * ((x * x).mean(axis=1, keepdims=True) + problem.epsilon) ** -0.5

    def loss(weights: list[Any], letters: Any, targets: Any) -> Any:
        table, places, query, key, value, out, up, down, head = weights
        x = norm(table[letters] + places[:n])
        y = norm(x)
        q, k, v = ((y @ w.T).reshape(n, heads, size) for w in (query, key, value))
        scores = jnp.einsum("ihd,jhd->hij", q, k) * size**-0.5
        shares = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)
        x = x + jnp.einsum("hij,jhd->ihd", shares, v).reshape(n, -1) @ out.T
        x = x + jax.nn.relu(norm(x) @ up.T) @ down.T
        logits = jax.nn.log_softmax(x @ head.T)
        return -jnp.take_along_axis(logits, targets[:, None], axis=1).mean()

    letters, targets = (jnp.array(indices) for indices in problem.text())
    return _step(loss, list(problem.weights().values()), letters, targets)
