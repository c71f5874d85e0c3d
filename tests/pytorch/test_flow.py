"""flow: each step's share of a gradient, against PyTorch's fused one and the scalar graph."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import viz  # noqa: E402
from microgrid import bptt  # noqa: E402
from microgrid.pytorch import FlowHistory, flow, record  # noqa: E402

nn, F = torch.nn, torch.nn.functional
KINDS = ["RNN", "LSTM", "GRU"]
OPTIONS = [
    {}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"bias": False},
    {"batch_first": True},
]  # fmt: skip


@pytest.fixture(autouse=True)
def doubles():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def per_step(width, steps, batch, first=False):
    head, y = nn.Linear(width, 3), torch.randint(0, 3, (steps, batch))

    def loss(out):
        out = out.transpose(0, 1) if first else out
        logits = head(out).reshape(-1, 3)
        return F.cross_entropy(logits, y.reshape(-1), reduction="none").view(steps, batch).mean(1)

    return loss


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_shares_sum_to_pytorchs_gradient(kind, options):
    rnn = getattr(nn, kind)(3, 5, **options)
    first = options.get("batch_first", False)
    x = torch.randn(2, 7, 3) if first else torch.randn(7, 2, 3)
    loss = per_step(10 if options.get("bidirectional") else 5, 7, 2, first)
    found = flow(rnn, x, loss)
    assert all(p.grad is None for p in rnn.parameters())
    loss(rnn(x)[0]).sum().backward()
    assert list(found.contributions) == [name for name, _ in rnn.named_parameters()]
    for name, p in rnn.named_parameters():
        shares = found.contributions[name]
        assert shares.shape == (7, *p.shape)
        whole = np.asarray(shares)
        np.testing.assert_allclose(whole.sum(0), p.grad, rtol=0, atol=1e-14)
        np.testing.assert_allclose(shares.sum(), p.grad, rtol=0, atol=1e-14)
        norms = [np.linalg.norm(share) for share in whole]
        np.testing.assert_allclose(shares.norms, norms, rtol=0, atol=1e-8)


def test_at_real_size():
    rnn = nn.LSTM(64, 256)
    x, loss = torch.randn(100, 8, 64), per_step(256, 100, 8)
    found = flow(rnn, x, loss)
    loss(rnn(x)[0]).sum().backward()
    for name, p in rnn.named_parameters():
        apart = np.abs(found.contributions[name].sum() - p.grad.numpy()).max()
        assert apart <= 1e-12 * float(p.grad.abs().max())
    assert found.verdict == "vanishing"


@pytest.mark.parametrize("kind", KINDS)
def test_states_shares_and_triangle_are_those_of_the_scalar_graph(kind):
    rnn = getattr(nn, kind)(2, 3)
    x, loss = torch.randn(5, 1, 2), per_step(3, 5, 1)
    found = flow(rnn, x, loss)
    with record(rnn, inputs=[x]) as recording:
        loss(rnn(x)[0]).sum()
    scalars = bptt.flow(recording)
    np.testing.assert_allclose(found.states, list(scalars.total.values()), rtol=1e-12)
    for t, row in scalars.by_loss.items():
        np.testing.assert_allclose(found.triangle[t - 1, : t + 1], list(row.values()), rtol=1e-10)
        assert not found.triangle[t - 1, t + 1 :].any()
    assert found.verdict == scalars.verdict
    assert found.factor == pytest.approx(scalars.factor, rel=1e-10)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_hh_l0"):
        parts = bptt.contributions(recording, name)
        for t in range(5):
            np.testing.assert_allclose(
                found.contributions[name][t], parts[t + 1], rtol=0, atol=1e-15
            )
    np.testing.assert_allclose(found.triangle[-1], found.last, rtol=1e-12)


def test_the_gates_of_an_lstm():
    rnn = nn.LSTM(1, 2)
    with torch.no_grad():
        for p in rnn.parameters():
            p.zero_()
        rnn.bias_ih_l0[2:4] = 40.0
    found = flow(rnn, torch.randn(4, 1, 1), lambda out: out.sum())
    gates = found.layers[0].gates
    assert list(gates) == ["input", "forget", "candidate", "output"]
    np.testing.assert_array_equal(gates["forget"].mean, [1.0] * 4)
    np.testing.assert_array_equal(gates["forget"].saturated, [1.0] * 4)
    np.testing.assert_array_equal(gates["input"].mean, [0.5] * 4)
    np.testing.assert_array_equal(gates["input"].saturated, [0.0] * 4)
    assert "the forget gate is 1.00 on average" in str(found)


def test_verdicts_in_words():
    rnn = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        for w, verdict in ((0.5, "vanishing"), (1.0, "steady"), (2.0, "exploding")):
            rnn.weight_hh_l0.fill_(w)
            found = flow(rnn, torch.ones(4, 1, 1), lambda out: out[-1].sum())
            assert found.verdict == verdict
            assert found.factor == pytest.approx(w)
            np.testing.assert_allclose(found.states, [w**4, w**3, w**2, w, 1.0])
            assert f"a factor of {w:.3g} per step" in str(found)


def test_the_first_bad_number_is_named():
    x = torch.randn(5, 1, 2)
    rnn = nn.GRU(2, 3)
    x[2, 0, 1] = float("nan")
    found = flow(rnn, x, lambda out: out.sum())
    assert (found.first_bad.step, found.first_bad.where) == (3, "the input of layer 1")
    rnn = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        rnn.weight_hh_l0.fill_(1e200)
    found = flow(rnn, torch.ones(4, 1, 1), lambda out: out[-1].sum())
    assert found.first_bad.step == 3
    assert found.first_bad.where == "the hidden state of layer 1"
    assert "not finite: the first inf" in str(found)
    found = flow(nn.LSTM(1, 2), torch.ones(3, 1, 1), lambda out: (out[-1] * 0).sqrt().sum())
    assert found.first_bad.sweep == "on the way back"
    assert found.first_bad.step == 3


def test_a_history_over_training_and_its_pictures(tmp_path):
    rnn, x = nn.LSTM(2, 3), torch.randn(6, 1, 2)
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.5)
    loss = lambda out: out.square().sum((1, 2))  # noqa: E731
    watch = FlowHistory(rnn, x, loss, every=2)
    for step in range(5):
        optimizer.zero_grad()
        loss(rnn(x)[0]).sum().backward()
        optimizer.step()
        watch(step)
    assert watch.steps == [0, 2, 4]
    assert len(watch.flows[0]) == 7
    from viz.plots.flow import picture, strips

    svg = strips(watch).svg()
    assert "step 4" in svg
    assert strips(watch).save(tmp_path / "strips.svg").stat().st_size > 1000
    assert "forget" in picture(flow(rnn, x, loss)).svg()
    assert viz is not None


def test_bad_input():
    rnn, x = nn.LSTM(2, 3), torch.randn(4, 1, 2)
    with pytest.raises(
        ValueError, match=r"one for each of the 4 time steps, got shape \(4, 1, 3\)"
    ):
        flow(rnn, x, lambda out: out)
    with pytest.raises(ValueError, match="does not depend on the layer's output"):
        flow(rnn, x, lambda out: out.detach().sum())
    with pytest.raises(TypeError, match=r"needs an nn\.RNN, LSTM or GRU, got Linear"):
        flow(nn.Linear(2, 3), x, torch.sum)
    with pytest.raises(ValueError, match=r"layer and input alike .* input torch\.float16"):
        flow(rnn, x.half(), torch.sum)
    with pytest.raises(ValueError, match=r"steps x batch x 2, got \(4, 1, 5\)"):
        flow(rnn, torch.randn(4, 1, 5), torch.sum)
    with pytest.raises(ValueError, match=r"call rnn\.eval"):
        flow(nn.LSTM(2, 3, 2, dropout=0.5), x, torch.sum)
    packed = nn.utils.rnn.pack_padded_sequence(x, [4])
    with pytest.raises(ValueError, match="got a PackedSequence; give it a padded tensor"):
        flow(rnn, packed, torch.sum)
    with pytest.raises(ValueError, match=r"start state must have the shapes \[\(1, 1, 3\)"):
        flow(rnn, x, torch.sum, h0=torch.zeros(1, 1, 3))
    with pytest.raises(ValueError, match="one number for the whole sequence"):
        _ = flow(rnn, x, torch.sum).triangle
    with pytest.raises(ValueError, match="every must be 1 or more"):
        FlowHistory(rnn, x, torch.sum, every=0)
