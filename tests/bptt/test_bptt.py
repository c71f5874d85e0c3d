"""BPTT taken apart: terms, Jacobians, flow and truncation against the golden numbers."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from demos.quiz import quiz
from microgrid import Value, bptt, nn, scope
from microgrid import functional as F
from microgrid.bptt import weights
from microgrid.graph import gradient_of
from microgrid.nested import flatten

GOLDEN = Path(__file__).parents[1] / "golden"


def cases(name):
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads((GOLDEN / f"{name}.json").read_text())["cases"]
    ]


def close(actual, expected):
    expected = np.asarray(expected, dtype=float)
    return np.shape(actual) == expected.shape and np.all(
        np.abs(actual - expected) <= 1e-9 * np.maximum(1.0, np.abs(expected))
    )


def tensor(run, name):
    """The `.grad`s of a whole weight."""
    found = weights.run_weights(run)[name]
    return np.vectorize(lambda value: value.grad, otypes=[float])(found)


def bptt_rnn(case):
    given = case["inputs"]
    model = nn.SequenceModel(
        nn.RNNCell(len(given["x"][0]), len(given["W"])),
        nn.Linear(len(given["W"]), len(given["V"])),
    )
    model.load_state_dict(
        {
            "cell.weight_ih": given["U"],
            "cell.weight_hh": given["W"],
            "cell.bias": given.get("b") or [0.0] * len(given["W"]),
            "readout.weight": given["V"],
            "readout.bias": given.get("c") or [0.0] * len(given["V"]),
        }
    )
    return model.unroll(given["x"], given["targets"], h0=given.get("h_0"))


NAMES = {"W": "weight_hh", "U": "cell.weight_ih", "b": "cell.bias"}


@pytest.mark.parametrize("case", cases("bptt_rnn"))
def test_terms_of_the_lecture(case):
    run, expected = bptt_rnn(case), case["expected"]
    for letter, name in NAMES.items():
        terms = bptt.terms(run, name)
        for t, by_k in expected["terms"][letter].items():
            assert list(terms[int(t)]) == list(range(1, int(t) + 1))
            assert all(close(terms[int(t)][int(k)], want) for k, want in by_k.items())
            assert close(sum(terms[int(t)].values()), expected["dE_t"][letter][t])
        assert close(sum(sum(of.values()) for of in terms.values()), expected["grad"][letter])
    for letter, name in {"V": "W_y", "c": "readout.bias"}.items():
        for t, by_k in bptt.terms(run, name).items():
            assert close(by_k[t], expected["dE_t"][letter][str(t)])
            assert not any(np.any(by_k[k]) for k in range(1, t))


@pytest.mark.parametrize("case", cases("bptt_rnn"))
def test_jacobians_products_and_norms(case):
    run, expected = bptt_rnn(case), case["expected"]
    for t, want in expected["jacobian_dh_t_dh_tminus1"].items():
        assert close(bptt.jacobian(run, int(t), int(t) - 1), want)
    for t, by_k in expected["product_dh_t_dh_k"].items():
        for k, want in by_k.items():
            assert close(bptt.jacobian(run, int(t), int(k)), want)
    for kind in ("spectral", "frobenius"):
        norms = bptt.jacobian_norms(run, kind)
        for t, by_k in expected["norm_dh_t_dh_k"].items():
            assert all(close(norms[int(t)][int(k)], want[kind]) for k, want in by_k.items())


@pytest.mark.parametrize("case", cases("bptt_rnn"))
def test_truncated_bptt(case):
    run, expected = bptt_rnn(case), case["expected"]
    full = {"W": "cell.weight_hh", "U": "cell.weight_ih", "b": "cell.bias"}
    for kind in ("window", "chunk"):
        for size, want in expected[f"tbptt_{kind}"].items():
            found = bptt.truncated(run, **{kind: int(size)})
            for letter, name in full.items():
                assert close(found.gradient[name], want[letter])
                assert close(found.full[name], expected["grad"][letter])
            assert close(found.gradient["readout.weight"], expected["grad"]["V"])


def test_distance_from_the_full_gradient_is_per_step_and_zero_when_nothing_is_cut():
    run = bptt_rnn(cases("bptt_rnn")[0].values[0])
    short = bptt.truncated(run, window=2)
    assert list(short.steps) == [1, 2, 3, 4]
    assert short.steps[2].error == 0.0
    assert short.steps[2].angle == 0.0
    names = list(short.full)
    near, full = (
        np.concatenate([np.ravel(of[name]) for name in names])
        for of in (short.gradient, short.full)
    )
    cosine = near @ full / math.sqrt((near @ near) * (full @ full))
    assert short.distance.angle == pytest.approx(math.degrees(math.acos(cosine)), rel=1e-9)
    assert short.distance.error > 0.01
    whole = bptt.truncated(run, window=4).distance
    assert (whole.error, whole.angle) == (0.0, 0.0)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_chunks_are_what_training_with_detached_states_gives(size):
    run = bptt_rnn(cases("bptt_rnn")[0].values[0])
    model = run.model
    model.zero_grad()
    xs = [[x.data for x in row] for row in run.inputs]
    h0 = [h.data for h in run.states[0]]
    parts = list(bptt.chunks(model, xs, run.targets, size, h0=h0))
    for part in parts:
        part.loss.backward()
    assert sum(len(part) for part in parts) == 4
    assert [h.data for h in parts[-1].states[-1]] == [h.data for h in run.states[-1]]
    found = bptt.truncated(run, chunk=size).gradient
    assert all(close(tensor(run, name), found[name]) for name in found)


@pytest.mark.parametrize("case", cases("vanishing"))
def test_flow_of_a_loss_at_the_last_step(case):
    given, expected, config = case["inputs"], case["expected"], case["config"]
    cell = nn.RNNCell(config["input"], config["hidden"], nonlinearity=config["activation"])
    cell.load_state_dict({"weight_ih": given["U"], "weight_hh": given["W"], "bias": given["b"]})
    run = nn.SequenceModel(cell).unroll(
        given["x"], loss=lambda h, _: F.dot(given["r"], h), at="last"
    )
    flow = bptt.flow(run)
    want = expected["norm_dL_dh_by_t_0_to_T"]
    assert list(flow.total) == list(range(11))
    assert close(list(flow.total.values()), want)
    assert flow.by_loss == {10: flow.total}
    assert flow.factor == pytest.approx((want[0] / want[10]) ** 0.1, rel=1e-12)
    norms = [bptt.jacobian_norms(run)[10][k] for k in range(11)]
    assert close(norms, expected["spectral_norm_dh_T_dh_k_by_k_0_to_T"])
    terms = bptt.terms(run, "W_h")[10]
    want = expected["frobenius_norm_of_the_dL_dW_term_of_step_k_1_to_T"]
    assert close([np.linalg.norm(terms[k]) for k in range(1, 11)], want)
    assert np.linalg.norm(flow.weight, 2) == pytest.approx(expected["spectral_norm_W"], rel=1e-9)
    for t in range(1, 11):
        step = np.diag(flow.derivatives[t]) @ flow.weight
        assert close(step, bptt.jacobian(run, t, t - 1))
        assert flow.jacobians[t] == pytest.approx(np.linalg.norm(step, 2), rel=1e-9)


@pytest.mark.parametrize("case", cases("003_many_to_one"))
def test_many_to_one_terms_by_j_and_their_factors(case):
    given, expected, config = case["inputs"], case["expected"], case["config"]
    model = nn.SequenceModel(
        nn.RNNCell(1, 1, nonlinearity=config["activation"], bias=False),
        nn.Linear(1, 1, bias=False, nonlinearity="sigmoid"),
    )
    model.load_state_dict(
        {
            "cell.weight_ih": [[given["w_i"]]],
            "cell.weight_hh": [[given["w_h"]]],
            "readout.weight": [[given["w_o"]]],
        }
    )
    half_square = lambda y, target: F.mse_loss(y[0], target, reduction="half_sum")  # noqa: E731
    run = model.unroll(
        given["x"],
        [given["y"]],
        h0=given["o_0"],
        loss="binary_cross_entropy" if config["loss"] == "bce" else half_square,
        topology="many-to-one",
    )
    last = config["T"]
    for weight, key in {"W_x": "terms_w_i_by_j", "W_h": "terms_w_h_by_j"}.items():
        terms = bptt.terms(run, weight)
        assert list(terms) == [last]
        assert close([terms[last][j] for j in range(1, last + 1)], expected[key])
    products = [float(bptt.jacobian(run, last, j).item()) for j in range(last + 1)]
    assert close(products, expected["do_T_do_j_for_j_0_to_T"])
    flow = bptt.flow(run)
    factors = [float(flow.derivatives[t][0] * flow.weight[0][0]) for t in range(1, last + 1)]
    assert close(factors, expected["do_t_do_tminus1"])
    assert flow.total[0] == pytest.approx(abs(expected["dL_do_0"]), rel=1e-9)
    shown = {"T10_vanishing": "vanishing", "T10_exploding_identity": "exploding"}
    assert flow.verdict == shown.get(case["name"], "vanishing")


@pytest.mark.parametrize("case", cases("hello"))
def test_hello_terms(case):
    given, config = case["inputs"], case["config"]
    vocab, word = config["vocab"], config["word"]
    model = nn.SequenceModel(
        nn.RNNCell(len(vocab), config["hidden"]), nn.Linear(config["hidden"], len(vocab))
    )
    hidden, letters = config["hidden"], len(vocab)
    model.load_state_dict(
        {
            "cell.weight_ih": given["W_xh"],
            "cell.weight_hh": given["W_hh"],
            "cell.bias": given.get("b_h") or [0.0] * hidden,
            "readout.weight": given["W_yh"],
            "readout.bias": given.get("b_y") or [0.0] * letters,
        }
    )
    indices = [vocab.index(letter) for letter in word]
    run = model.unroll([F.one_hot(i, letters) for i in indices[:-1]], indices[1:])
    assert run.loss.data == pytest.approx(case["expected"]["loss"], rel=1e-12)
    hh, xh = bptt.terms(run, "weight_hh"), bptt.terms(run, "weight_ih")
    for t, by_k in case["expected"]["terms_of_dL_t_by_t_then_k"].items():
        for k, want in by_k.items():
            assert close(hh[int(t)][int(k)], want["W_hh"])
            assert close(xh[int(t)][int(k)], want["W_xh"])


@pytest.mark.parametrize("case", cases("000_quiz"))
def test_the_quiz_start_state_gets_a_term_from_every_loss(case):
    given, expected = case["inputs"], case["expected"]["by_loss"]["sum_y"]
    run = quiz(given["word"], given["h_0"])
    terms = bptt.terms(run, run.states[0][0])
    assert [terms[t][1] for t in sorted(terms)] == expected["dL_dh_0_terms_by_t"]
    assert bptt.contributions(run, "W_h").total == expected["dL_dW_h"]


def test_contributions_by_step_and_by_use_sum_to_grad():
    run = bptt_rnn(cases("bptt_rnn")[0].values[0])
    entry = bptt.contributions(run, "W_h[0,2]")
    whole = bptt.contributions(run, "weight_hh")
    assert list(entry) == list(whole) == [1, 2, 3, 4]
    assert all(gradient_of(node) is None for node in run.model.parameters())
    run.loss.backward()
    value = run.model.cell.weight_hh[0][2]
    assert sum(entry.values()) == pytest.approx(value.grad, rel=1e-12)
    assert sum(use.message for use in entry.uses) == pytest.approx(value.grad, rel=1e-12)
    assert entry.total == value.grad
    assert close(sum(whole.values()), tensor(run, "cell.weight_hh"))
    assert [whole[t][0, 2] for t in whole] == list(entry.values())
    for use in entry.uses:
        assert use.message == use.node.grad * use.local
        assert use.local == run.states[use.place - 1][2].data


def test_contributions_outside_time_steps_stand_under_their_scope():
    w = Value(2.0, label="w")
    with scope("layer=1"):
        a = w * w
    root = a * w
    found = bptt.contributions(root, "w")
    assert found == {"layer=1": 8.0, "": 4.0}
    assert [use.message for use in found.uses] == [4.0, 4.0, 4.0]


def test_a_tied_weight_counts_where_it_stands():
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=1), nn.Linear(1, 1, seed=2))
    model.readout.weight = model.cell.weight_hh
    run = model.unroll([0.5, -0.3], [1.0, 0.2], loss="mse", h0=0.7)
    run.loss.backward()
    full = bptt.truncated(run, window=2).full
    assert full["cell.weight_hh"][0, 0] == pytest.approx(model.cell.weight_hh[0][0].grad, rel=1e-12)
    assert full["readout.weight"][0, 0] == full["cell.weight_hh"][0, 0]


def test_flow_itemises_the_losses_and_gives_a_verdict_with_numbers():
    flow = bptt.flow(quiz("oc"))
    assert flow.total == {0: 20.0, 1: 4.0, 2: 1.0}
    assert flow.by_loss == {1: {0: 5.0, 1: 1.0}, 2: {0: 25.0, 1: 5.0, 2: 1.0}}
    assert str(flow) == (
        "exploding: |dL_2/dh_t| goes from 1 at t = 2 to 25 at t = 0, a factor of 5 per step "
        "(f' is 1 on average, |W_hh| = 5)"
    )
    dead = nn.SequenceModel(nn.RNNCell(1, 1)).unroll([1.0, 1.0], loss=lambda h, _: h[0] * 0.0)
    assert bptt.flow(dead).verdict == "no gradient"


def test_steady_is_a_verdict_too():
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    cell.load_state_dict({"weight_ih": [[1.0]], "weight_hh": [[1.0]]})
    run = nn.SequenceModel(cell).unroll([1.0] * 5, loss=lambda h, _: h[0], at="last")
    assert (bptt.flow(run).verdict, bptt.flow(run).factor) == ("steady", 1.0)


CELLS = {
    "lstm": lambda: nn.LSTMCell(2, 3, seed=0),
    "gru": lambda: nn.GRUCell(2, 3, seed=0),
    "stacked": lambda: nn.Stacked([nn.RNNCell(2, 2, seed=0), nn.LSTMCell(2, 3, seed=1)]),
}
XS = [[0.3, -0.8], [0.9, 0.1], [-0.4, 0.5], [0.2, 0.7]]


@pytest.mark.parametrize("cell", CELLS)
def test_gated_cells_jacobians_agree_with_central_differences(cell):
    model = nn.SequenceModel(CELLS[cell](), nn.Linear(3, 2, seed=2))
    run = model.unroll(XS, [0, 1, 1, 0])
    whole = bptt.jacobian(run, 4, 0, carry=True)
    size, eps = len(whole), 1e-6

    def last_state(moved):
        start = iter(np.add([x.data for x in flatten(run.carries[0])], moved))
        h0 = filled(run.carries[0], start)
        state = model.unroll(XS, h0=h0, loss=lambda y, _: y[0]).carries[-1]
        return np.array([x.data for x in flatten(state)])

    numeric = np.transpose(
        [(last_state(d) - last_state(-d)) / (2.0 * eps) for d in eps * np.eye(size)]
    )
    assert np.allclose(whole, numeric, atol=1e-9)
    steps = [bptt.jacobian(run, t, t - 1, carry=True) for t in (4, 3, 2, 1)]
    assert close(np.linalg.multi_dot(steps), whole)
    hidden = bptt.jacobian(run, 4, 0)
    assert bptt.jacobian_norms(run)[4][0] == pytest.approx(np.linalg.norm(hidden, 2), rel=1e-9)


def filled(nested, numbers):
    """`nested` with every Value replaced by the next number."""
    if isinstance(nested, Value):
        return float(next(numbers))
    return type(nested)(filled(part, numbers) for part in nested)


@pytest.mark.parametrize("cell", CELLS)
def test_gated_cells_terms_truncation_and_flow(cell):
    model = nn.SequenceModel(CELLS[cell](), nn.Linear(3, 2, seed=2))
    run = model.unroll(XS, [0, 1, 1, 0])
    run.loss.backward()
    found = bptt.truncated(run, chunk=2)
    assert all(close(tensor(run, name), found.full[name]) for name in found.full)
    flow = bptt.flow(run)
    assert (flow.derivatives, flow.weight) == ({}, None)
    norms = [np.linalg.norm([h.grad for h in state]) for state in run.states]
    assert close(list(flow.total.values()), norms)
    model.zero_grad()
    for part in bptt.chunks(model, XS, [0, 1, 1, 0], size=2):
        part.loss.backward()
    assert all(close(tensor(run, name), found.gradient[name]) for name in found.gradient)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda run: bptt.jacobian(run, 1, 2), ValueError, r"0 <= k <= t <= 2, got t=1 and k=2"),
        (lambda run: bptt.jacobian(run, 3, 0), ValueError, r"got t=3 and k=0"),
        (lambda run: bptt.jacobian(run, 1.5, 0), ValueError, r"whole numbers .* got t=1.5"),
        (lambda run: bptt.jacobian(run.loss, 1, 0), TypeError, r"needs an unrolled run .* got Val"),
        (lambda run: bptt.jacobian_norms(run, "max"), ValueError, r"spectral or frobenius, got 'm"),
        (
            lambda run: bptt.contributions(run, "W_q"),
            ValueError,
            r"called 'W_q'; .* parameters are",
        ),
        (lambda run: bptt.contributions(run, Value(1.0)), ValueError, r"is not in the graph"),
        (lambda run: bptt.contributions(run.loss, "h_7"), ValueError, r"near it: h_2, h_1"),
        (lambda run: bptt.terms(run, "weight"), ValueError, r"may be embedding.weight or readout"),
        (lambda run: bptt.terms(run.loss, "W_h"), TypeError, r"needs an unrolled run"),
        (lambda run: bptt.truncated(run), ValueError, r"either window=K or chunk=K"),
        (lambda run: bptt.truncated(run, window=0), ValueError, r"1 or more, got 0"),
        (lambda run: list(bptt.chunks(run.model, [1], size="2")), ValueError, r"size .* got '2'"),
    ],
)
def test_bad_input_is_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(quiz())


def test_a_run_without_losses_is_named():
    run = nn.SequenceModel(nn.RNNCell(1, 1)).unroll([1.0])
    for call in (bptt.flow, lambda r: bptt.terms(r, "W_h"), lambda r: bptt.truncated(r, chunk=1)):
        with pytest.raises(ValueError, match="has no loss"):
            call(run)
