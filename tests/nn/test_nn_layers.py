"""RNN, LSTM and GRU over sequences, stacked layers, the block form, weights from PyTorch."""

import json

import numpy as np
import pytest
from golden import record_torch
from golden_cases import agree, cases, grads

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.graph import gradient_of

X = [[0.5, -1.0], [0.25, 2.0], [-0.75, 0.1]]
KINDS = {"RNN": (nn.RNN, 1), "LSTM": (nn.LSTM, 4), "GRU": (nn.GRU, 3)}


@cases("torch_layers", "layers")
def test_outputs_and_gradients_are_pytorch_s(case):
    ours = KINDS[case["kind"]][0](2, 3, num_layers=case["layers"], bias=case["bias"])
    nn.load_torch(ours, case["state"])
    xs = [[Value(v) for v in x] for x in case["inputs"]]
    outputs, _ = ours(xs)
    F.sum([v * v for h in outputs for v in h]).backward()

    expected = case["gradients"]
    agree(outputs, case["outputs"])
    agree(grads(xs), expected["inputs"])
    cells = ours.cell.layers if case["layers"] > 1 else [ours.cell]
    for n, cell in enumerate(cells):
        agree(grads(cell.weight_ih), expected[f"weight_ih_l{n}"])
        agree(grads(cell.weight_hh), expected[f"weight_hh_l{n}"])
        if case["bias"]:
            agree(grads(cell.bias), expected[f"bias_ih_l{n}"])
        if case["bias"] and case["kind"] == "GRU":
            agree(grads(cell.bias_hn), expected[f"bias_hh_l{n}"][6:])


@cases("torch_layers", "cells")
def test_a_pytorch_cell_loads_too(case):
    ours = getattr(nn, f"{case['name']}Cell")(2, 3)
    nn.load_torch(ours, case["state"])
    agree(ours.hidden(ours(case["input"], ours.initial_state())), case["hidden"])


def test_the_recorded_answers_are_pytorch_s():
    pytest.importorskip("torch")
    recorded = json.loads(record_torch.FILE.read_text(encoding="utf-8"))
    found = record_torch.record()
    for group in ("layers", "cells"):
        for case, again in zip(recorded[group], found[group], strict=True):
            for key, answer in again.items():
                if isinstance(answer, list):
                    agree(case[key], answer, where=f"{case['name']} {key}")
                elif isinstance(answer, dict):
                    for name, numbers in answer.items():
                        agree(case[key][name], numbers, where=f"{case['name']} {name}")


def torch_state(**changed):
    """What torch.nn.RNN(1, 1).state_dict() holds, with a key changed or (None) left out."""
    state = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[2.0]],
             "bias_ih_l0": [0.5], "bias_hh_l0": [0.25]}  # fmt: skip
    return {k: v for k, v in (state | changed).items() if v is not None}


def test_two_biases_become_one():
    layer = nn.RNN(1, 1)
    nn.load_torch(layer, torch_state())
    assert layer.state_dict() == {
        "cell.weight_ih": [[1.0]],
        "cell.weight_hh": [[2.0]],
        "cell.bias": [0.75],
    }


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("'bias_hh_l0' is missing", torch_state(bias_hh_l0=None)),
        ("'weight_ih_l0_reverse' has no place", torch_state(weight_ih_l0_reverse=[[1.0]])),
        ("'weight_hh' has shape \\(1, 1\\), got one of shape \\(2, 2\\)",
         torch_state(weight_hh_l0=np.eye(2))),
        ("'bias_ih_l0' has shape \\(1,\\) and 'bias_hh_l0' \\(2,\\)",
         torch_state(bias_hh_l0=[1.0, 2.0])),
    ],
)  # fmt: skip
def test_load_torch_names_the_key(message, state):
    with pytest.raises(ValueError, match=message):
        nn.load_torch(nn.RNN(1, 1), state)


def test_load_torch_refuses_what_would_give_other_numbers():
    with pytest.raises(ValueError, match="reset_after=False and would give other numbers"):
        nn.load_torch(
            nn.GRUCell(1, 1, reset_after=False),
            {"weight_ih": [[0.0]] * 3, "weight_hh": [[0.0]] * 3,
             "bias_ih": [0.0] * 3, "bias_hh": [0.0] * 3},
        )  # fmt: skip
    with pytest.raises(TypeError, match="needs a cell, RNN, LSTM or GRU"):
        nn.load_torch(nn.Linear(1, 1), {})


def test_a_stack_is_its_layers_one_after_the_other():
    below, above = nn.RNNCell(2, 3, seed=0), nn.LSTMCell(3, 2, seed=1)
    states, pair = [0.0] * 3, ([0.0] * 2, [0.0] * 2)
    for x in X:
        states = below(x, states)
        pair = above(states, pair)
    expected = [h.data for h in pair[0]]
    run = nn.SequenceModel(nn.Stacked([below, above])).unroll(X)
    agree(run.states[-1], expected)


def test_a_stack_names_its_layers():
    run = nn.SequenceModel(nn.Stacked([nn.RNNCell(2, 1), nn.GRUCell(1, 2)])).unroll(X)
    assert run.states[3][1].label == "h²_3[1]"
    assert run.states[3][1].scope == "t=3/cell/layer=2"
    labels = {p.label for p in run.model.parameters()}
    assert {"W_x¹[0,0]", "W_h¹", "W_xr²[0,0]", "b_hn²[1]"} <= labels
    assert [name for name, _ in run.model.named_weights()][:2] == [
        "cell.layers.0.weight_ih",
        "cell.layers.0.weight_hh",
    ]


def test_start_states_of_a_stack():
    stack = nn.Stacked([nn.RNNCell(1, 1, seed=0), nn.LSTMCell(1, 1, seed=0)])
    (h,), ((h2,), (c2,)) = stack.initial_state([[0.5], ([0.25], [0.125])])
    assert (h.data, h2.data, c2.data) == (0.5, 0.25, 0.125)
    assert (h.label, h2.label, c2.label) == ("h¹_0", "h²_0", "c²_0")
    with pytest.raises(ValueError, match="one entry per layer, 2, got 1"):
        stack.initial_state([[0.0]])


def test_layers_that_do_not_fit():
    with pytest.raises(ValueError, match="a layer takes 2 entries, the one below has 3"):
        nn.Stacked([nn.RNNCell(1, 3), nn.RNNCell(2, 1)])
    with pytest.raises(ValueError, match="num_layers must be a whole number of 1 or more, got 0"):
        nn.LSTM(1, 1, num_layers=0)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid", "relu", "identity"])
def test_block_form_is_the_split_form(kind):
    split = nn.RNNCell(2, 3, nonlinearity=kind, seed=5)
    block = nn.BlockRNNCell(2, 3, nonlinearity=kind, seed=5)
    losses = []
    for cell in (split, block):
        run = nn.SequenceModel(cell).unroll(X, [0, 2, 1])
        run.loss.backward()
        losses.append(run.loss.data)
    agree(*losses)
    joined = [h + x for h, x in zip(grads(split.weight_hh), grads(split.weight_ih))]
    agree(grads(block.weight), joined)
    agree(grads(block.bias), grads(split.bias))


@pytest.mark.parametrize(
    "cell", [nn.LSTMCell(2, 3, seed=0), nn.GRUCell(2, 3, seed=0), nn.BlockRNNCell(2, 3, seed=0),
             nn.GRUCell(2, 3, reset_after=False, seed=0), nn.GRUCell(2, 3, bias=False, seed=0)]
)  # fmt: skip
def test_a_missing_input_is_a_zero_input(cell):
    without = cell.hidden(cell(None, cell.initial_state()))
    agree(without, [h.data for h in cell.hidden(cell([0.0, 0.0], cell.initial_state()))])


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("LSTMCell: hidden_size must be a whole number of 1 or more, got 0",
         lambda: nn.LSTMCell(2, 0)),
        ("LSTMCell: x must have 2 entries, got 1",
         lambda: nn.LSTMCell(2, 1)([1.0], ([0.0], [0.0]))),
        ("LSTMCell: the state must be a pair", lambda: nn.LSTMCell(1, 1)([1.0], [0.0])),
        ("LSTMCell: the start state must be a pair", lambda: nn.LSTMCell(1, 1).initial_state(0.5)),
        ("GRUCell: h must have 3 entries, got 2", lambda: nn.GRUCell(1, 3)([1.0], [0.0, 0.0])),
        ("temperature must be a number above 0, got 0", lambda: nn.sampler(temperature=0)),
    ],
)  # fmt: skip
def test_wrong_states_and_sizes_are_named(message, wrong):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_chunks_with_a_carried_state_equal_one_long_run():
    """Forward is the same; backward stops at the cut (truncated BPTT)."""
    model = nn.SequenceModel(nn.LSTMCell(2, 3, seed=0), nn.Linear(3, 2, seed=1))
    whole = model.unroll(X, [0, 1, 0])
    first = model.unroll(X[:2], [0, 1])
    second = model.unroll(X[2:], [0], h0=first.carry())
    agree(first.loss.data + second.loss.data, whole.loss.data)
    second.loss.backward()
    assert gradient_of(first.states[-1][0]) is None


def test_sampling_follows_seed_and_temperature():
    table = nn.Embedding(5, 2, seed=0)
    model = nn.SequenceModel(nn.GRUCell(2, 4, seed=1), nn.Linear(4, 5, seed=2), table)

    def generate(seed, temperature=1.0):
        draw = nn.sampler(temperature, seed)
        run = model.unroll([0] + [None] * 39, topology="generation", feedback=draw)
        return [table.weight.index(x) for x in run.inputs]

    assert generate(1) == generate(1) != generate(2)
    greedy = model.unroll([0] + [None] * 39, topology="generation")
    assert generate(1, 1e-6) == [table.weight.index(x) for x in greedy.inputs]
    assert len(set(generate(1, 50.0))) == 5


def test_sampled_indices_without_an_embedding_are_one_hot():
    model = nn.SequenceModel(nn.RNNCell(3, 3, seed=0))
    run = model.unroll([[1, 0, 0], None], topology="generation", feedback=nn.sampler(seed=0))
    assert sorted(x.data for x in run.inputs[1]) == [0.0, 0.0, 1.0]
