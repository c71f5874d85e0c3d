"""Gradients by hand of functions in NumPy: which term of the sum over time is missing."""

import numpy as np
import pytest

from microgrid.gradcheck import GradcheckError, against
from microgrid.gradcheck.uses import uses_of

RNG = np.random.default_rng(0)
XS, W_X, W_H, B = (RNG.normal(size=shape) for shape in ((4, 2), (3, 2), (3, 3), (3,)))


def loss(w_x, w_h, b, xs):
    h, total = np.zeros(3), 0.0
    for x in xs:
        h = np.tanh(w_x @ x + w_h @ h + b)
        total = total + 0.5 * np.sum(h**2)
    return total


def gradients(skip=None, twice=None):
    """BPTT by hand, with one step left out of dw_x and dw_h, or counted twice in db."""
    hs = [np.zeros(3)]
    for x in XS:
        hs.append(np.tanh(W_X @ x + W_H @ hs[-1] + B))
    dw_x, dw_h, db, dh = np.zeros_like(W_X), np.zeros_like(W_H), np.zeros(3), np.zeros(3)
    for t in range(4, 0, -1):
        dz = (dh + hs[t]) * (1.0 - hs[t] ** 2)
        if t != skip:
            dw_x += np.outer(dz, XS[t - 1])
            dw_h += np.outer(dz, hs[t - 1])
        db += dz * (2.0 if t == twice else 1.0)
        dh = W_H.T @ dz
    return [dw_x, dw_h, db]


def wrong(f, inputs, given):
    with pytest.raises(GradcheckError) as error:
        against(f, inputs, given)
    return str(error.value)


def test_right_ones_pass_without_a_second_call_of_each_use():
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return loss(*arguments)

    assert against(counted, [W_X, W_H, B, XS], [*gradients(), None])
    assert len(calls) < 3 * 2 * (6 + 9 + 3)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("xs", [XS, list(XS), tuple(XS)], ids=["array", "list", "tuple"])
def test_the_missing_step_is_named(xs, k):
    said = wrong(loss, [W_X, W_H, B, xs], [*gradients(skip=k), None])
    assert f"your dw_x misses the term k = {k}" in said
    assert k == 1 or f"your dw_h misses the term k = {k}" in said  # h_0 is 0
    assert "expected is the sum over the steps in which it is used: entries up to" in said
    assert said.count("(k = 4)") == (1 if k == 1 else 2)


def test_a_step_counted_twice_is_named():
    assert "db counts the term k = 3 twice" in wrong(
        loss, [W_X, W_H, B, XS], [*gradients(twice=3), None]
    )


def test_without_a_time_axis_uses_are_numbered_as_they_come():
    said = wrong(lambda w_x, w_h, b: loss(w_x, w_h, b, XS), [W_X, W_H, B], gradients(skip=2))
    assert "your dw_h misses the term k = 2" in said
    assert "the sum over its uses, as they come: entries up to 0 (k = 1)" in said


def test_several_uses_a_step_are_summed_by_step():
    def gated(w, xs):
        h = 0.0
        for x in xs:
            h = np.tanh(w[0] * x + w[1] * h) * np.exp(w[1])
        return h

    w, xs = np.array([0.5, -0.3]), [1.0, -2.0]
    right = np.zeros(2)
    for i in range(2):
        above, below = w.copy(), w.copy()
        above[i], below[i] = w[i] + 1e-6, w[i] - 1e-6
        right[i] = (gated(above, xs) - gated(below, xs)) / 2e-6
    shares, by_step = uses_of(gated, [w, xs], 0, right, steps=[2])
    assert by_step
    assert sorted(shares) == [1, 2]
    assert shares[1] + shares[2] == pytest.approx(right, rel=1e-6)
    assert shares[2][0] == pytest.approx(
        np.exp(-0.3) * xs[1] * (1.0 - (gated(w, xs) / np.exp(-0.3)) ** 2)
    )
    assert "misses the term k = 1" in wrong(gated, [w, xs], [right - shares[1], None])


@pytest.mark.parametrize(
    "turned",
    [
        lambda w, x: w.T.dot(x),
        lambda w, x: np.dot(w.transpose(), x),
        lambda w, x: np.einsum("ij,i->j", w, x),
        lambda w, x: np.vstack([w[:, 0], w[:, 1]]) @ x,
        lambda w, x: (w * x[:, None]).sum(axis=0),
        lambda w, x: w.reshape(2, 2).T @ x,
        lambda w, x: np.array([w[0, 0] * x[0] + w[1, 0] * x[1], w[0, 1] * x[0] + w[1, 1] * x[1]]),
    ],
)
def test_however_an_array_is_used(turned):
    w = np.array([[0.5, -0.2], [0.1, 0.4]])

    def f(w, xs):
        h = np.ones(2)
        for _ in xs:
            h = turned(w, h)
        return h.sum()

    right = np.zeros((2, 2))
    h = np.ones(2)
    for place in np.ndindex(2, 2):
        moved = w.copy()
        moved[place] += 1e-7
        right[place] = (f(moved, [0, 0]) - f(w, [0, 0])) / 1e-7
    # The second use gets w^T h, and its outcome is summed.
    last = np.outer(w.T @ h, np.ones(2))
    said = wrong(f, [w, [0, 0]], [right - last, None])
    assert "your dw misses the term k = 2" in said


def test_what_cannot_be_told_is_said():
    def copied(w):
        return float(np.array(w, dtype=float).view(np.ndarray).sum() ** 2)

    said = wrong(copied, [np.array([1.0, 2.0])], [np.array([6.0, 5.0])])
    assert said.endswith("which use of it is wrong is not known: checked in Values it would be")
    alone = wrong(lambda w: w**3, [2.0], [5.0])
    assert "which use" not in alone
