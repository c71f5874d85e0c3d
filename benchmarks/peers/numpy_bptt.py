"""NumPy by hand: one pass for all inputs, work arrays made once, one matmul per weight matrix."""

from __future__ import annotations

import itertools

import numpy as np

from ..problems import Array, CharLSTM, CharRNN, Moons
from . import Step


def char_rnn(problem: CharRNN) -> Step:
    w_ih, w_hh, b, w_out, b_out = problem.weights().values()
    x, targets = _text(problem)
    steps, size = problem.steps, problem.hidden
    h, dz, carry = np.zeros((steps + 1, size)), np.empty((steps, size)), np.empty(size)

    def step() -> object:
        z = x @ w_ih.T
        z += b
        for t in range(steps):
            now = h[t + 1]
            np.dot(w_hh, h[t], out=now)
            now += z[t]
            np.tanh(now, out=now)
        loss, d_logits, dh, d_out = _readout(h[1:], w_out, b_out, targets)
        slope = 1.0 - h[1:] * h[1:]
        carry.fill(0.0)
        for t in range(steps - 1, -1, -1):
            now = dz[t]
            np.add(dh[t], carry, out=now)
            now *= slope[t]
            np.dot(now, w_hh, out=carry)
        return loss, (dz.T @ x, dz.T @ h[:-1], dz.sum(axis=0), d_out, d_logits.sum(axis=0))

    return step


def lstm(problem: CharLSTM) -> Step:
    """sigmoid(a) = (1 + tanh(a / 2)) / 2, so that one tanh serves all four gates."""
    w_ih, w_hh, b, w_out, b_out = problem.weights().values()
    x, targets = _text(problem)
    steps, size = problem.steps, problem.hidden
    half = np.repeat([0.5, 0.5, 1.0, 0.5], size)
    shift = np.repeat([0.5, 0.5, 0.0, 0.5], size)
    h, c = np.zeros((steps + 1, size)), np.zeros((steps + 1, size))
    tanh_c = np.empty((steps, size))
    da = np.empty((steps, 4, size))
    carry, dc, work = np.empty(size), np.empty(size), np.empty(size)

    def step() -> object:
        z = x @ w_ih.T
        z += b
        for t in range(steps):
            gates = z[t]
            gates += w_hh @ h[t]
            gates *= half
            np.tanh(gates, out=gates)
            gates *= half
            gates += shift
            i, f, g, o = gates.reshape(4, size)
            now = c[t + 1]
            np.multiply(f, c[t], out=now)
            now += np.multiply(i, g, out=work)
            np.tanh(now, out=tanh_c[t])
            np.multiply(o, tanh_c[t], out=h[t + 1])
        loss, d_logits, dh, d_out = _readout(h[1:], w_out, b_out, targets)
        i, f, g, o = (z[:, k * size : (k + 1) * size] for k in range(4))
        through_c = np.stack([g * i * (1.0 - i), c[:-1] * f * (1.0 - f), i * (1.0 - g * g)], axis=1)
        through_o = tanh_c * o * (1.0 - o)
        slope = o * (1.0 - tanh_c * tanh_c)
        carry.fill(0.0)
        dc.fill(0.0)
        for t in range(steps - 1, -1, -1):
            d = dh[t]
            d += carry
            dc[:] += np.multiply(d, slope[t], out=work)
            np.multiply(through_c[t], dc, out=da[t, :3])
            np.multiply(through_o[t], d, out=da[t, 3])
            dc[:] *= f[t]
            np.dot(da[t].ravel(), w_hh, out=carry)
        flat = da.reshape(steps, 4 * size)
        return loss, (flat.T @ x, flat.T @ h[:-1], flat.sum(axis=0), d_out, d_logits.sum(axis=0))

    return step


def moons(problem: Moons) -> Step:
    points, labels = problem.data()
    (w1, b1), (w2, b2), (w3, b3) = problem.layers()
    parameters = [w1, b1, w2, b2, w3, b3]
    decay = 2.0 * problem.alpha
    steps = itertools.count()

    def step() -> object:
        h1 = np.maximum(points @ w1.T + b1, 0.0)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)
        margin = 1.0 - labels * (h2 @ w3[0] + b3)
        loss = np.maximum(margin, 0.0).mean()
        loss += problem.alpha * sum(np.vdot(p, p) for p in parameters)
        ds = np.where(margin > 0.0, -labels / len(labels), 0.0)
        d2 = ds[:, None] * w3 * (h2 > 0.0)
        d1 = (d2 @ w2) * (h1 > 0.0)
        gradients = [
            d1.T @ points,
            d1.sum(axis=0),
            d2.T @ h1,
            d2.sum(axis=0),
            ds[None] @ h2,
            ds.sum(keepdims=True),
        ]
        rate = problem.rate(next(steps))
        for p, g in zip(parameters, gradients):
            g += decay * p
            p -= rate * g
        return loss, gradients

    return step


def _text(problem: CharRNN) -> tuple[Array, np.ndarray]:
    letters, targets = problem.text()
    return problem.one_hot(letters), np.array(targets)


def _readout(
    h: Array, weight: Array, bias: Array, targets: np.ndarray
) -> tuple[float, Array, Array, Array]:
    """The loss over all steps; its gradients for the logits, for h and for the weight."""
    every = np.arange(len(targets))
    logits = h @ weight.T
    logits += bias
    logits -= logits.max(axis=1, keepdims=True)
    right = logits[every, targets].sum()
    np.exp(logits, out=logits)
    total = logits.sum(axis=1, keepdims=True)
    loss = np.log(total).sum() - right
    logits /= total
    logits[every, targets] -= 1.0
    return loss, logits, logits @ weight, logits.T @ h
