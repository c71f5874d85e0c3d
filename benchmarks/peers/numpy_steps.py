"""NumPy by hand, step by step as the equations stand: every product a vector's, outer ones too."""

from __future__ import annotations

import numpy as np

from ..problems import CharRNN
from . import Step


def char_rnn(problem: CharRNN) -> Step:
    w_ih, w_hh, b, w_out, b_out = weights = [*problem.weights().values()]
    letters, targets = problem.text()
    xs = problem.one_hot(letters)

    def step() -> object:
        hs, ps, loss = [np.zeros(problem.hidden)], [], 0.0
        for x, target in zip(xs, targets):
            hs.append(np.tanh(w_ih @ x + w_hh @ hs[-1] + b))
            y = w_out @ hs[-1] + b_out
            e = np.exp(y - y.max())
            ps.append(e / e.sum())
            loss -= np.log(ps[-1][target])
        g_ih, g_hh, g_b, g_out, g_b_out = gradients = [np.zeros_like(w) for w in weights]
        carry = np.zeros(problem.hidden)
        for t in reversed(range(problem.steps)):
            dy = ps[t].copy()
            dy[targets[t]] -= 1.0
            g_out += np.outer(dy, hs[t + 1])
            g_b_out += dy
            dh = w_out.T @ dy + carry
            dz = (1.0 - hs[t + 1] * hs[t + 1]) * dh
            g_b += dz
            g_ih += np.outer(dz, xs[t])
            g_hh += np.outer(dz, hs[t])
            carry = w_hh.T @ dz
        return loss, gradients

    return step
