"""JAX: a scan over the steps or nodes, differentiated and compiled."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..problems import CharRNN, Expression, Moons
from . import Step

jax.config.update("jax_enable_x64", True)


def char_rnn(problem: CharRNN) -> Step:
    size = problem.hidden

    def cell(w_hh: Any, h: Any, z: Any) -> tuple[Any, Any]:
        h = jnp.tanh(w_hh @ h + z)
        return h, h

    return _sequence(problem, cell, jnp.zeros(size))


def lstm(problem: CharRNN) -> Step:
    size = problem.hidden

    def cell(w_hh: Any, state: Any, z: Any) -> tuple[Any, Any]:
        h, c = state
        i, f, g, o = (w_hh @ h + z).reshape(4, size)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return _sequence(problem, cell, (jnp.zeros(size), jnp.zeros(size)))


def _sequence(problem: CharRNN, cell: Callable[..., Any], start: Any) -> Step:
    weights = [jnp.array(w) for w in problem.weights().values()]
    letters, targets = (jnp.array(indices) for indices in problem.text())

    def loss(weights: Any, letters: Any, targets: Any) -> Any:
        w_ih, w_hh, b, w_out, b_out = weights
        z = w_ih.T[letters] + b
        _, h = jax.lax.scan(lambda state, z: cell(w_hh, state, z), start, z)
        logits = jax.nn.log_softmax(h @ w_out.T + b_out)
        return -jnp.take_along_axis(logits, targets[:, None], axis=1).sum()

    compiled = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(compiled(weights, letters, targets))


def moons(problem: Moons) -> Step:
    layers = [(jnp.array(w), jnp.array(b)) for w, b in problem.layers()]
    points, labels = (jnp.array(array) for array in problem.data())

    def loss(layers: Any, points: Any, labels: Any) -> Any:
        x = points
        for w, b in layers[:-1]:
            x = jax.nn.relu(x @ w.T + b)
        w, b = layers[-1]
        margins = jax.nn.relu(1.0 - labels * (x @ w[0] + b))
        decay = sum(jnp.sum(p * p) for p in jax.tree.leaves(layers))
        return margins.mean() + problem.alpha * decay

    @jax.jit
    def update(layers: Any, points: Any, labels: Any, rate: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(layers, points, labels)
        return jax.tree.map(lambda p, g: p - rate * g, layers, gradients), value, gradients

    steps = itertools.count()

    def step() -> object:
        nonlocal layers
        layers, value, gradients = jax.block_until_ready(
            update(layers, points, labels, problem.rate(next(steps)))
        )
        return value, jax.tree.leaves(gradients)

    return step


def expression(problem: Expression) -> Step:
    """The chain as a scan over its links: written out, XLA takes minutes and runs no faster."""
    leaves = jnp.array(problem.leaves())
    links = np.arange(problem.nodes // 4)
    first, second = links % len(leaves), (7 * links + 3) % len(leaves)

    def link(previous: Any, pair: Any) -> tuple[Any, None]:
        a, b = pair
        return jnp.tanh((previous + a) * b - a), None

    def loss(leaves: Any) -> Any:
        end, _ = jax.lax.scan(link, leaves[0], (leaves[first], leaves[second]))
        return end

    compiled = jax.jit(jax.value_and_grad(loss)).lower(leaves).compile()

    def step() -> object:
        value, gradient = jax.block_until_ready(compiled(leaves))
        return value, [gradient]

    return step
