"""Attention, norms, reading from both ends, and initialisation: PyTorch's recorded numbers."""

import json

import numpy as np
import pytest
from golden_cases import GOLDEN, agree, cases, grads

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.bptt import flow, jacobian
from microgrid.gradcheck import gradcheck
from microgrid.nested import flatten
from microgrid.saving import load_parameters, save_parameters
from microgrid.tape import Tape
from microgrid.value import creation_order

RECORDED = json.loads((GOLDEN / "torch_modules.json").read_text(encoding="utf-8"))
X = [[0.5, -1.0, 2.0, 0.1], [0.25, 2.0, -0.3, 0.7], [-0.75, 0.1, 1.1, -1.3]]
MEMORY = [[0.9, 0.2, -0.4, 1.5], [-1.0, 0.6, 0.3, 0.0]]


def rows(numbers):
    return [[Value(x) for x in row] for row in numbers]


def weighted(outputs):
    """The sum of k y_k**2, as in the recording."""
    return F.sum([y * y * float(k) for k, y in enumerate(flatten(outputs), start=1)])


def check_gradients(module, case, xs):
    expected = dict(case["gradients"])
    agree(grads(xs), expected.pop("inputs"), 1e-12)
    weights = dict(module.named_weights())
    for name, numbers in expected.items():
        agree(grads(weights[name]), numbers, 1e-12, name)


# Attention


@cases("torch_modules", "attention")
def test_attention_is_pytorch_s(case):
    attend = nn.MultiheadAttention(4, case["heads"], bias=case["bias"])
    attend.load_state_dict(case["state"])
    xs, memory = rows(X), rows(MEMORY)
    key = memory if case["kind"] == "memory" else None
    outputs, weights = attend(xs, key, is_causal=case["kind"] == "causal")
    agree(outputs, case["outputs"], 1e-12)
    for head, recorded in zip(weights, case["weights"], strict=True):
        for shares, row in zip(head, recorded, strict=True):
            agree(shares, row[: len(shares)], 1e-12)
            assert row[len(shares) :] == [0.0] * (len(row) - len(shares))
    weighted(outputs).backward()
    check_gradients(attend, case, xs)
    if key is not None:
        agree(grads(memory), case["memory"], 1e-12)


def test_attention_stands_in_columns_and_heads():
    attend = nn.MultiheadAttention(2, 2, seed=0)
    outputs, weights = attend(rows([[1.0, 2.0], [3.0, 4.0]]))
    assert [y.scope for y in outputs[1]] == ["t=2", "t=2"]
    assert weights[1][0][1].scope == "t=1/head=2"
    assert weights[1][0][1].label == "a_1[1]"


def test_a_recorded_attention_replays():
    attend = nn.MultiheadAttention(4, 2, seed=0)
    xs = rows(X)
    loss = weighted(attend(xs, is_causal=True)[0])
    tape = Tape(loss, inputs=xs)
    other = np.array(X)[::-1] + 0.3
    again = weighted(attend(rows(other), is_causal=True)[0])
    assert tape.forward(other) == pytest.approx(again.data, rel=1e-12)


def test_what_attention_refuses():
    with pytest.raises(ValueError, match="embed_dim 4 is no multiple of num_heads 3"):
        nn.MultiheadAttention(4, 3)
    with pytest.raises(ValueError, match="a vector must have 4 entries, got 2"):
        nn.MultiheadAttention(4, 2)([[1.0, 2.0]])
    with pytest.raises(ValueError, match="attention_weights needs at least one key"):
        F.attention_weights([[1.0]], [])
    with pytest.raises(ValueError, match="key and value must have the same length, got 1 and 2"):
        F.scaled_dot_product_attention([[1.0]], [[1.0]], [[1.0], [2.0]])


# Norms


@cases("torch_modules", "norms")
def test_norms_are_pytorch_s(case):
    norm = getattr(nn, case["name"])(4)
    norm.load_state_dict(case["state"])
    batch = isinstance(case["inputs"][0], list)
    xs = rows(case["inputs"]) if batch else [Value(x) for x in case["inputs"]]
    outputs = norm(xs)
    agree(outputs, case["outputs"], 1e-12)
    if batch:  # before a replay, which counts as another batch
        norm([row[::-1] for row in X])
        agree([norm.running_mean, norm.running_var], case["running"], 1e-12)
        agree(norm.eval()(X), case["in use"], 1e-12)
    weighted(outputs).backward()
    check_gradients(norm, case, xs)


def test_the_means_of_a_batch_norm_are_saved_with_its_weights(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            self.norms = [nn.BatchNorm1d(4)]

    one, other = Net(), Net()
    one.norms[0](X)
    path = save_parameters(one, tmp_path / "net.json")
    other.load_state_dict(load_parameters(path))
    assert other.norms[0].running_mean == one.norms[0].running_mean != [0.0] * 4
    assert len(one.parameters()) == 8
    assert not one.eval().norms[0].training
    with pytest.raises(ValueError, match=r"'norms.0.running_var' is missing"):
        other.load_state_dict({k: v for k, v in one.state_dict().items() if "var" not in k})


def test_a_batch_of_one_row_has_no_variance():
    with pytest.raises(ValueError, match="needs 2 rows or more to train on, got 1"):
        nn.BatchNorm1d(4)(X[:1])


def test_dropout_drops_a_share_and_keeps_the_mean():
    drop = nn.Dropout(0.25, seed=1)
    mask = drop.draw(20_000)
    assert set(mask) == {0.0, 4 / 3}
    assert np.mean(mask) == pytest.approx(1.0, abs=0.01)
    x = Value(3.0)
    (y,) = drop([x], mask=[0.0])
    y.backward()
    assert (y.data, x.grad) == (0.0, 0.0)
    assert drop.eval()([x]) == [x]
    with pytest.raises(ValueError, match=r"p must lie in 0\.\.1 and below 1, got 1\.5"):
        nn.Dropout(1.5)


def test_a_mask_can_be_an_input_of_a_tape():
    drop, xs, mask = nn.Dropout(0.5), [Value(2.0), Value(3.0)], [Value(1.0), Value(1.0)]
    tape = Tape(F.sum(drop(xs, mask)), inputs=mask)
    assert tape.forward([2.0, 0.0]) == 4.0
    assert tape.forward([0.0, 2.0]) == 6.0


def test_a_residual_adds_one_to_the_derivative():
    x = [Value(0.5), Value(-1.0)]
    layer = nn.Residual(nn.Linear(2, 2, nonlinearity="tanh", seed=0))
    F.sum(layer(x)).backward()
    inner = [Value(v.data) for v in x]
    F.sum(layer.inner(inner)).backward()
    assert [v.grad for v in x] == pytest.approx([1.0 + v.grad for v in inner], rel=1e-15)
    assert gradcheck(lambda a, b: F.sum(layer([a, b])), [0.5, -1.0])
    with pytest.raises(ValueError, match="what inner returns must have 2 entries, got 3"):
        nn.Residual(nn.Linear(2, 3))(x)


# From both ends


@cases("torch_modules", "both_ends")
def test_reading_from_both_ends_is_pytorch_s(case):
    cell = getattr(nn, f"{case['name']}Cell")
    both = nn.Bidirectional(cell(4, 2), cell(4, 2))
    nn.load_torch(both, case["state"])
    xs = rows(X)
    outputs, _ = both(xs)
    agree(outputs, case["outputs"], 1e-12)
    weighted(outputs).backward()
    expected = case["gradients"]
    agree(grads(xs), expected["inputs"], 1e-12)
    for mark, part in (("", both.forward_cell), ("_reverse", both.backward_cell)):
        agree(grads(part.weight_ih), expected[f"weight_ih_l0{mark}"], 1e-12)
        agree(grads(part.weight_hh), expected[f"weight_hh_l0{mark}"], 1e-12)
        agree(grads(part.bias), expected[f"bias_ih_l0{mark}"], 1e-12)
    assert outputs[1][0].scope == "t=2/forward"
    assert outputs[1][2].scope == "t=2/backward"
    assert outputs[1][2].label == "h←_2[0]"
    labels = {node.label for node in creation_order(F.sum(outputs[1]))}
    assert {"h→_0[0]", "h←_4[0]"} <= labels


def test_both_cells_read_inputs_of_one_size():
    with pytest.raises(ValueError, match="inputs of one size, got 1 and 2"):
        nn.Bidirectional(nn.RNNCell(1, 2), nn.RNNCell(2, 2))


# Initialisation


def numbers_of(weight):
    return np.array([[value.data for value in row] for row in weight])


def test_gains_and_orthogonal_matrices_are_pytorch_s():
    for name, gain in RECORDED["gains"].items():
        assert nn.init.calculate_gain(name) == pytest.approx(gain, rel=1e-15)
    for case in RECORDED["orthogonal"]:
        turned = nn.init.orthogonalized(np.array(case["normal"]))
        assert turned == pytest.approx(np.array(case["orthogonal"]), abs=1e-12)


def test_an_orthogonal_matrix_has_one_singular_value():
    weight = nn.init.orthogonal_(nn.Linear(3, 5).weight, gain=1.5, seed=0)
    assert np.linalg.svd(numbers_of(weight))[1] == pytest.approx([1.5] * 3)


@pytest.mark.parametrize("name", RECORDED["deviations"])
def test_the_spread_of_a_start_is_pytorch_s(name):
    weight = rows(np.zeros((200, 300)))
    found = numbers_of(getattr(nn.init, name)(weight, seed=0))
    assert found.std() == pytest.approx(RECORDED["deviations"][name], rel=0.01)
    assert found.mean() == pytest.approx(0.0, abs=2e-3)


def test_starts_of_one_number_and_what_they_refuse():
    layer = nn.Linear(2, 2)
    assert nn.init.zeros_(layer.bias) is layer.bias
    assert [b.data for b in layer.bias] == [0.0, 0.0]
    assert numbers_of(nn.init.eye_(layer.weight)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    spread = numbers_of(nn.init.uniform_(rows(np.zeros((50, 50))), 2.0, 3.0, seed=0))
    assert 2.0 <= spread.min() < 2.01
    assert 2.99 < spread.max() <= 3.0
    with pytest.raises(TypeError, match="needs a matrix, rows of Values"):
        nn.init.orthogonal_(layer.bias)
    with pytest.raises(ValueError, match=r"nonlinearity must be one of linear, .* got 'mish'"):
        nn.init.calculate_gain("mish")


@pytest.mark.parametrize("name", sorted(nn.parameters.NONLINEARITIES))
def test_flow_tells_the_derivative_of_every_nonlinearity(name):
    """f'(z) of a cell of one unit is dh_t/dh_{t-1} over W_h."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, nonlinearity=name, seed=1))
    run = model.unroll([0.4, -0.9], loss=lambda h, _: h[0], at="last")
    found = flow(run)
    w = model.cell.weight_hh[0][0].data
    for t in (1, 2):
        assert found.derivatives[t][0] == pytest.approx(
            jacobian(run, t, t - 1)[0, 0] / w, rel=1e-12
        )


# State


def test_a_tied_weight_has_both_keys_as_in_pytorch():
    class Tied(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=1)
            self.b.weight = self.a.weight

    # What torch.nn says of the same module (2.13): state_dict, then named_parameters.
    tied = Tied()
    assert list(tied.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    learnt = dict.fromkeys(name.partition("[")[0] for name, _ in tied.named_parameters())
    assert list(learnt) == ["a.weight", "a.bias", "b.bias"]
    assert len(tied.parameters()) == 8
    state = tied.state_dict()
    assert state["a.weight"] == state["b.weight"]
    free = Tied()
    free.b = nn.Linear(2, 2)
    free.load_state_dict(state)
    assert free.state_dict() == state


class Doubled(nn.RNNCell):
    """A step of its own, as in PyTorch by `forward`, though the cell below has a call."""

    def forward(self, x, h):
        return [2.0 * new for new in super().forward(x, h)]


def test_the_forward_of_a_subclass_is_what_is_called():
    plain, doubled = nn.RNNCell(1, 2, seed=0), Doubled(1, 2, seed=0)
    expected = [2.0 * h.data for h in plain([1.0], [0.5, 0.5])]
    assert [h.data for h in doubled([1.0], [0.5, 0.5])] == expected
    run = nn.SequenceModel(doubled).unroll([1.0], h0=[0.5, 0.5], loss=lambda h, _: h[0])
    assert run.loss.data == expected[0]
    layer = nn.Linear(2, 1, seed=0)
    assert layer.forward([1.0, 2.0])[0].data == layer([1.0, 2.0])[0].data


def test_the_call_of_a_subclass_counts_as_well():
    class Negated(Doubled):
        def __call__(self, x, h):
            return [-new for new in super().__call__(x, h)]

    class Halved(nn.RNNCell):
        def __call__(self, x, h):
            return [new / 2.0 for new in super().__call__(x, h)]

    plain, doubled, negated, halved = (
        kind(1, 1, seed=0) for kind in (nn.RNNCell, Doubled, Negated, Halved)
    )
    (expected,) = plain([1.0], [0.0])
    assert negated([1.0], [0.0])[0].data == -doubled([1.0], [0.0])[0].data == -2.0 * expected.data
    assert halved([1.0], [0.0])[0].data == halved.forward([1.0], [0.0])[0].data
    assert halved([1.0], [0.0])[0].data == expected.data / 2.0
