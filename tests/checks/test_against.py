"""Gradients derived by hand: right ones pass, and each classical mistake is named."""

import numpy as np
import pytest

from microgrid import functional as F
from microgrid import nn, scope
from microgrid.gradcheck import GradcheckError, against

WX = np.array([[0.5, -0.3], [0.2, 0.7]])
WH = np.array([[0.4, -0.6], [0.3, 0.1]])
WY = np.array([[1.0, -0.5]])
XS = np.array([[1.0, 0.0], [0.5, -1.0], [-0.3, 0.8]])
YS = np.array([0.5, -0.2, 0.1])


def forward(W_x, W_h, W_y):  # noqa: N803, as on paper
    """States h_0..h_T and outputs of an Elman RNN, as on paper."""
    hs, ys = [np.zeros(2)], []
    for x in XS:
        hs.append(np.tanh(W_x @ x + W_h @ hs[-1]))
        ys.append(W_y @ hs[-1])
    return hs, ys


def loss(W_x, W_h, W_y):  # noqa: N803
    _, ys = forward(W_x, W_h, W_y)
    return sum(((y[0] - target) ** 2) for y, target in zip(ys, YS))


def terms():
    """terms[t][k] of dL/dW_x and dL/dW_h, and dL/dW_y: the derivation on paper, term by term."""
    hs, ys = forward(WX, WH, WY)
    x_terms, h_terms, dy = {}, {}, np.zeros_like(WY)
    for t in range(1, 4):
        error = 2.0 * (ys[t - 1][0] - YS[t - 1])
        dy += error * hs[t]
        back = error * WY[0]
        x_terms[t], h_terms[t] = {}, {}
        for k in range(t, 0, -1):
            z = back * (1.0 - hs[k] ** 2)
            x_terms[t][k], h_terms[t][k] = np.outer(z, XS[k - 1]), np.outer(z, hs[k - 1])
            back = WH.T @ z
    return x_terms, h_terms, dy


X_TERMS, H_TERMS, DY = terms()
ALL = [(t, k) for t in (1, 2, 3) for k in range(1, t + 1)]


def total(of, keep=lambda t, k: True):
    return sum(of[t][k] for t, k in ALL if keep(t, k))


DX, DH = total(X_TERMS), total(H_TERMS)


@pytest.fixture
def run():
    model = nn.SequenceModel(nn.RNNCell(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    model.load_state_dict({"cell.weight_ih": WX, "cell.weight_hh": WH, "readout.weight": WY})
    return model.unroll(XS.tolist(), [[y] for y in YS], loss="mse")


def test_right_gradients_pass_in_numpy_and_in_a_run(run):
    assert against(loss, [WX, WH, WY], [DX, DH, DY])
    assert against(run, ["W_x", "W_h", "W_y"], [DX, DH, DY])
    assert against(run, ["cell.weight_hh", run.model.cell.weight_ih[0][1]], [DH, DX[0, 1]])
    assert against(run, ["W_x", "W_h"], [None, DH.tolist()])


MISTAKES = {
    "misses the term k = 1": lambda: total(X_TERMS, lambda t, k: k != 1),
    "misses the term k = 3": lambda: total(X_TERMS, lambda t, k: k != 3),
    "misses the terms k = 1..2: it goes back no further": lambda: total(
        X_TERMS, lambda t, k: k > 2
    ),
    "counts the term k = 2 twice": lambda: DX + total(X_TERMS, lambda t, k: k == 2),
    "follows each loss back through 1 step only: h_{t-1} depends": lambda: total(
        X_TERMS, lambda t, k: k == t
    ),
    "follows each loss back through 2 steps only": lambda: total(X_TERMS, lambda t, k: k > t - 2),
    "counts the loss of the last step, t = 3, only": lambda: total(X_TERMS, lambda t, k: t == 3),
    "misses the loss of step t = 2": lambda: total(X_TERMS, lambda t, k: t != 2),
    "misses the term t = 3, k = 2: what E_3": lambda: DX - X_TERMS[3][2],
    "misses the terms k = 1 and k = 3": lambda: total(X_TERMS, lambda t, k: k == 2),
    "has the wrong sign": lambda: -DX,
    "is transposed": lambda: DX.T,
    "is 3 times the right one, the number of steps": lambda: 3.0 * DX,
    "is 0.333333 times the right one, one over the 3 steps": lambda: DX / 3.0,
    "is 0.7 times the right one": lambda: 0.7 * DX,
    "is zero": lambda: 0.0 * DX,
    "is wrong": lambda: DX + [[0.1, 0.0], [0.0, -0.2]],
}


@pytest.mark.parametrize("said", MISTAKES)
def test_the_mistake_is_named(run, said):
    with pytest.raises(GradcheckError) as caught:
        against(run, ["W_h", "W_x"], [DH, MISTAKES[said]()])
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"gradcheck: your dW_x {said}")
    assert "W_h" not in str(caught.value)


def test_a_mean_over_time_divides_the_terms_too(run):
    model = run.model
    mean = model.unroll(XS.tolist(), [[y] for y in YS], loss="mse", reduction="mean")
    assert against(mean, ["W_x"], [DX / 3.0])
    with pytest.raises(GradcheckError, match="your dW_x misses the loss of step t = 1"):
        against(mean, ["W_x"], [total(X_TERMS, lambda t, k: t != 1) / 3.0])


def test_in_numpy_a_mistake_without_time_is_named():
    with pytest.raises(GradcheckError, match="your dW_h is transposed; your dW_y has the wrong"):
        against(loss, [WX, WH, WY], [DX, DH.T, -DY])


def test_a_function_in_values_knows_its_time_steps():
    def chain(w, x):
        h = 0.0
        for t in (1, 2, 3):
            with scope(f"t={t}"):
                h = w * h + x[t - 1]
        return h

    assert against(chain, [0.5, [1.0, 2.0, 3.0]], [3.0, [0.25, 0.5, 1.0]])
    with pytest.raises(GradcheckError, match="your dw misses the term k = 2") as caught:
        against(chain, [0.5, [1.0, 2.0, 3.0]], [2.5, None])
    said = "expected is the sum over the steps in which it is used: 0 (k = 1) + 0.5 (k = 2) + 2.5"
    assert said in str(caught.value)


def test_integers_without_a_gradient_are_passed_on():
    p = np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum()
    assert against(F.cross_entropy, [[1.0, 2.0], 1], [p - [0, 1], None])
    assert against(lambda xs, i: xs[i] ** 2, [np.array([3.0, 4.0]), 1], [[0.0, 8.0], None])


def test_bad_input_is_named(run):
    for message, call in [
        ("1 inputs and 2 gradients", lambda: against(run, ["W_h"], [1.0, 2.0])),
        (r"dW_y has shape \(2, 1\), W_y has \(1, 2\): transpose it",
         lambda: against(run, ["W_y"], [DY.T])),
        ("dW_h must be numbers, got 'x'", lambda: against(run, ["W_h"], ["x"])),
        ("f must return the loss, one number or a Value, got",
         lambda: against(forward, [WX, WH, WY], [DX, DH, DY])),
        ("no node labelled|is not|parameters are", lambda: against(run, ["W_z"], [DX])),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="against takes a function, an unrolled run or a Value"):
        against(3, [], [])


def test_a_gates_block_of_an_lstm_by_its_name():
    model = nn.SequenceModel(nn.LSTMCell(2, 2, seed=0))
    lstm = model.unroll(XS.tolist(), loss=lambda h, _: F.sum(h))
    lstm.loss.backward()
    forget = np.array([[w.grad for w in row] for row in model.cell.weight_hh[2:4]])
    assert against(lstm, ["W_hf"], [forget])
    with pytest.raises(GradcheckError, match="your dW_hf has the wrong sign"):
        against(lstm, ["W_hf"], [-forget])
