"""Numba: the equations and their derivatives in loops, as one writes them for speed."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numba import njit

from ..problems import CharRNN, Expression, Moons
from . import Step

FAST = {"fastmath": {"contract", "reassoc", "nsz", "arcp"}, "error_model": "numpy"}


def char_rnn(problem: CharRNN) -> Step:
    weights = [np.ascontiguousarray(w) for w in problem.weights().values()]
    letters, targets = (np.array(indices) for indices in problem.text())
    gradients = [np.zeros_like(w) for w in weights]
    size, steps = problem.hidden, problem.steps
    h, c = np.zeros((steps + 1, size)), np.zeros((steps + 1, size))
    gates = np.zeros((steps, problem.gates * size))
    logits = np.zeros((steps, problem.vocabulary))
    run = _lstm if problem.gates == 4 else _rnn
    columns = np.ascontiguousarray(weights[0].T)

    def step() -> object:
        columns[...] = weights[0].T
        for g in gradients:
            g.fill(0.0)
        loss = run(columns, *weights[1:], letters, targets, h, c, gates, logits, *gradients)
        return loss, gradients

    return step


lstm = char_rnn


@njit(**FAST)
def _readout(h: Any, w: Any, b: Any, targets: Any, logits: Any, dw: Any, db: Any) -> Any:
    """The loss, the logits' gradients in their place, and those of the weights."""
    loss = 0.0
    for t in range(len(targets)):
        top = -math.inf
        for v in range(len(b)):
            logits[t, v] = np.dot(w[v], h[t + 1]) + b[v]
            top = max(top, logits[t, v])
        total = 0.0
        for v in range(len(b)):
            total += math.exp(logits[t, v] - top)
        loss += math.log(total) + top - logits[t, targets[t]]
        for v in range(len(b)):
            d = math.exp(logits[t, v] - top) / total - (v == targets[t])
            logits[t, v] = d
            db[v] += d
            for k in range(len(h[t])):
                dw[v, k] += d * h[t + 1, k]
    return loss


@njit(**FAST)
def _rnn(
    w_ih: Any, w_hh: Any, b: Any, w_out: Any, b_out: Any, letters: Any, targets: Any, h: Any,
    c: Any, z: Any, logits: Any, d_ih: Any, d_hh: Any, d_b: Any, d_out: Any, d_b_out: Any,
) -> Any:  # fmt: skip
    steps, size = z.shape
    for t in range(steps):
        for i in range(size):
            h[t + 1, i] = math.tanh(w_ih[letters[t], i] + b[i] + np.dot(w_hh[i], h[t]))
    loss = _readout(h, w_out, b_out, targets, logits, d_out, d_b_out)
    carry = np.zeros(size)
    for t in range(steps - 1, -1, -1):
        dh = carry.copy()
        for v in range(len(b_out)):
            for i in range(size):
                dh[i] += logits[t, v] * w_out[v, i]
        carry[:] = 0.0
        for i in range(size):
            d = dh[i] * (1.0 - h[t + 1, i] ** 2)
            d_b[i] += d
            d_ih[i, letters[t]] += d
            for k in range(size):
                d_hh[i, k] += d * h[t, k]
                carry[k] += d * w_hh[i, k]
    return loss


@njit(**FAST)
def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + math.exp(-x))


@njit(**FAST)
def _lstm(
    w_ih: Any, w_hh: Any, b: Any, w_out: Any, b_out: Any, letters: Any, targets: Any, h: Any,
    c: Any, z: Any, logits: Any, d_ih: Any, d_hh: Any, d_b: Any, d_out: Any, d_b_out: Any,
) -> Any:  # fmt: skip
    steps, size = z.shape[0], h.shape[1]
    for t in range(steps):
        for r in range(4 * size):
            a = w_ih[letters[t], r] + b[r] + np.dot(w_hh[r], h[t])
            z[t, r] = math.tanh(a) if 2 * size <= r < 3 * size else _sigmoid(a)
        for i in range(size):
            c[t + 1, i] = z[t, size + i] * c[t, i] + z[t, i] * z[t, 2 * size + i]
            h[t + 1, i] = z[t, 3 * size + i] * math.tanh(c[t + 1, i])
    loss = _readout(h, w_out, b_out, targets, logits, d_out, d_b_out)
    carry, dc, da = np.zeros(size), np.zeros(size), np.zeros(4 * size)
    for t in range(steps - 1, -1, -1):
        dh = carry.copy()
        for v in range(len(b_out)):
            for i in range(size):
                dh[i] += logits[t, v] * w_out[v, i]
        carry[:] = 0.0
        for i in range(size):
            gi, gf = z[t, i], z[t, size + i]
            gg, go = z[t, 2 * size + i], z[t, 3 * size + i]
            tc = math.tanh(c[t + 1, i])
            dc[i] += dh[i] * go * (1.0 - tc * tc)
            da[i] = dc[i] * gg * gi * (1.0 - gi)
            da[size + i] = dc[i] * c[t, i] * gf * (1.0 - gf)
            da[2 * size + i] = dc[i] * gi * (1.0 - gg * gg)
            da[3 * size + i] = dh[i] * tc * go * (1.0 - go)
            dc[i] *= gf
        for r in range(4 * size):
            d_b[r] += da[r]
            d_ih[r, letters[t]] += da[r]
            for k in range(size):
                d_hh[r, k] += da[r] * h[t, k]
                carry[k] += da[r] * w_hh[r, k]
    return loss


def moons(problem: Moons) -> Step:
    parameters = [p for layer in problem.layers() for p in layer]
    gradients = [np.zeros_like(p) for p in parameters]
    points, labels = problem.data()
    steps = itertools.count()

    def step() -> object:
        loss = _moons(points, labels, problem.alpha, *parameters, *gradients)
        rate = problem.rate(next(steps))
        for p, g in zip(parameters, gradients):
            p -= rate * g
        return loss, gradients

    return step


@njit(**FAST)
def _moons(
    points: Any, labels: Any, alpha: float, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any,
    g1: Any, e1: Any, g2: Any, e2: Any, g3: Any, e3: Any,
) -> Any:  # fmt: skip
    size, n = len(b1), len(labels)
    g1[:], e1[:], g2[:] = 2.0 * alpha * w1, 2.0 * alpha * b1, 2.0 * alpha * w2
    e2[:], g3[:], e3[:] = 2.0 * alpha * b2, 2.0 * alpha * w3, 2.0 * alpha * b3
    loss = alpha * (
        (w1 * w1).sum() + (b1 * b1).sum() + (w2 * w2).sum() + (b2 * b2).sum()
        + (w3 * w3).sum() + (b3 * b3).sum()
    )  # fmt: skip
    h1, h2, d1 = np.zeros(size), np.zeros(size), np.zeros(size)
    for p in range(n):
        x, y = points[p, 0], points[p, 1]
        for i in range(size):
            h1[i] = max(w1[i, 0] * x + w1[i, 1] * y + b1[i], 0.0)
        score = b3[0]
        for i in range(size):
            h2[i] = max(np.dot(w2[i], h1) + b2[i], 0.0)
            score += w3[0, i] * h2[i]
        margin = 1.0 - labels[p] * score
        if margin <= 0.0:
            continue
        loss += margin / n
        ds = -labels[p] / n
        e3[0] += ds
        d1[:] = 0.0
        for i in range(size):
            g3[0, i] += ds * h2[i]
            if h2[i] > 0.0:
                d = ds * w3[0, i]
                e2[i] += d
                for k in range(size):
                    g2[i, k] += d * h1[k]
                    d1[k] += d * w2[i, k]
        for i in range(size):
            if h1[i] > 0.0:
                e1[i] += d1[i]
                g1[i, 0] += d1[i] * x
                g1[i, 1] += d1[i] * y
    return loss


def expression(problem: Expression) -> Step:
    leaves = np.array(problem.leaves())
    gradient, states = np.zeros_like(leaves), np.zeros(problem.nodes // 4 + 1)

    def step() -> object:
        return _chain(leaves, states, gradient), [gradient]

    return step


@njit(**FAST)
def _chain(x: Any, states: Any, dx: Any) -> Any:
    """states[i + 1] = tanh((states[i] + a) b - a) with a, b taken from x in turns."""
    n, links = len(x), len(states) - 1
    states[0] = x[0]
    for i in range(links):
        a, b = x[i % n], x[(7 * i + 3) % n]
        states[i + 1] = math.tanh((states[i] + a) * b - a)
    dx[:] = 0.0
    message = 1.0
    for i in range(links - 1, -1, -1):
        first, second = i % n, (7 * i + 3) % n
        message *= 1.0 - states[i + 1] * states[i + 1]
        dx[second] += message * (states[i] + x[first])
        dx[first] -= message
        message *= x[second]
        dx[first] += message
    dx[0] += message
    return states[links]
