"""Modules, layers, cells and the unrolled model: names, shapes, states, errors."""

import numpy as np
import pytest
from golden_cases import agree, grads

from microgrid import Value, nn, scope
from microgrid import functional as F
from microgrid.graph import gradient_of


class Twin(nn.Module):
    """One scalar, one vector, one matrix, a list of layers, and what must not count."""

    def __init__(self):
        self.scale = Value(2.0)
        self.shift = [Value(0.0), Value(1.0)]
        self.layers = [nn.Linear(2, 1, seed=0), nn.Linear(1, 1, bias=False, seed=0)]
        self.name = "twin"
        self.sizes = [2, 1]
        self._hidden = Value(9.0)


def test_parameters_are_found_by_name():
    names = [name for name, _ in Twin().named_parameters()]
    assert names == [
        "scale",
        "shift[0]",
        "shift[1]",
        "layers.0.weight[0][0]",
        "layers.0.weight[0][1]",
        "layers.0.bias[0]",
        "layers.1.weight[0][0]",
    ]
    twin = Twin()
    assert twin.parameters() == [value for _, value in twin.named_parameters()]


def test_zero_grad_forgets():
    cell = nn.RNNCell(1, 2, seed=0)
    F.sum(cell([1.0], [0.5, 0.5])).backward()
    assert all(gradient_of(p) is not None for p in cell.parameters())
    cell.zero_grad()
    assert [gradient_of(p) for p in cell.parameters()] == [None] * 8


def test_state_dict_goes_round():
    one, two = nn.MLP(3, [4, 2], seed=1), nn.MLP(3, [4, 2], seed=2)
    x = [0.3, -0.2, 0.9]
    assert [y.data for y in one(x)] != [y.data for y in two(x)]
    two.load_state_dict(one.state_dict())
    assert [y.data for y in one(x)] == [y.data for y in two(x)]
    two.load_state_dict({name: np.array(v) for name, v in one.state_dict().items()})
    assert two.state_dict() == one.state_dict()
    assert all(type(p.data) is float for p in two.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": None}, "'weight' is missing; this module has weight, bias"),
        ({"extra": [1.0]}, "'extra' is unknown; this module has weight, bias"),
        ({"weight": [[1.0]]}, r"'weight' has shape \(2, 3\), got one of shape \(1, 1\)"),
        ({"bias": [1.0, "x"]}, "'bias' needs real numbers in rows of equal length"),
        ({"weight": [[1.0], [2.0, 3.0]]}, "'weight' needs real numbers in rows of equal length"),
    ],
)
def test_load_state_dict_names_what_is_wrong_and_changes_nothing(change, message):
    layer = nn.Linear(3, 2, seed=0)
    before = layer.state_dict()
    state = {k: v for k, v in (before | change).items() if v is not None}
    state["bias"] = change.get("bias", [7.0, 7.0])
    with pytest.raises(ValueError, match=message):
        layer.load_state_dict(state)
    assert layer.state_dict() == before


@pytest.mark.parametrize(
    "build",
    [
        lambda seed: nn.Linear(3, 2, seed=seed),
        lambda seed: nn.MLP(3, [4, 2], seed=seed),
        lambda seed: nn.Embedding(5, 2, seed=seed),
        lambda seed: nn.RNNCell(3, 2, seed=seed),
        lambda seed: nn.RowRNNCell(3, 2, seed=seed),
        lambda seed: nn.RowLinear(3, 2, seed=seed),
    ],
)
def test_a_seed_gives_the_same_numbers(build):
    assert build(3).state_dict() == build(3).state_dict() != build(4).state_dict()
    generator = build(np.random.default_rng(3))
    assert generator.state_dict() == build(3).state_dict()


def test_initial_weights_lie_in_pytorch_s_range():
    numbers = [p.data for p in nn.RNNCell(9, 25, seed=0).parameters()]
    assert max(numbers) < 0.2
    assert min(numbers) > -0.2
    assert max(numbers) - min(numbers) > 0.39


def test_labels_are_the_textbook_s():
    labels = {p.label for p in nn.RNNCell(2, 2).parameters()}
    assert {"W_x[0,0]", "W_x[1,1]", "W_h[0,1]", "b[0]"} < labels
    assert [p.label for p in nn.RNNCell(1, 1).parameters()] == ["W_x", "W_h", "b"]
    model = nn.SequenceModel(nn.RNNCell(1, 1), nn.Linear(1, 2))
    assert [p.label for p in model.readout.parameters()] == [
        "W_y[0,0]",
        "W_y[1,0]",
        "b_y[0]",
        "b_y[1]",
    ]
    run = model.unroll([1.0, 2.0], [0, 1])
    assert [h.label for h in run.states[2]] == ["h_2"]
    assert [y.label for y in run.outputs[1]] == ["y_2[0]", "y_2[1]"]
    assert [x.label for x in run.inputs[1]] == ["x_2"]
    assert run.losses[1].label == "L_2"
    assert run.loss.label == "L"


def test_scopes_tell_step_and_part():
    run = nn.SequenceModel(nn.RNNCell(1, 1), nn.Linear(1, 2)).unroll([1.0, 2.0], [0, 1])
    assert run.states[2][0].scope == "t=2/cell"
    assert run.outputs[0][0].scope == "t=1/readout"
    assert run.losses[0].scope == "t=1/loss"
    assert run.loss.scope == run.states[0][0].scope == ""


def test_a_unit_s_sum_is_one_node():
    cell = nn.RNNCell(3, 2, nonlinearity="identity")
    (unit, _) = cell([1.0, 2.0, 3.0], [Value(0.0), Value(0.0)])
    assert unit.op.name == "dot"
    assert len(unit.parents) == 3 + 2 + 1 + 2  # its weights, its bias, and h


def test_a_missing_input_is_a_zero_input():
    cell = nn.RNNCell(2, 3, seed=0)
    state = [0.1, -0.2, 0.3]
    agree(cell(None, state), [h.data for h in cell([0.0, 0.0], state)])


def test_embedding_rows_add_up_their_gradients():
    table = nn.Embedding(3, 2, vocab="abc", seed=0)
    F.sum([*table(1), *table(1), *table(2)]).backward()
    assert grads(table.weight) == [[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]]
    assert [v.label for v in table.weight[2]] == ["E[c,0]", "E[c,1]"]


def test_unrolling_does_not_depend_on_how_targets_are_given():
    model = nn.SequenceModel(nn.RNNCell(1, 2, seed=0), nn.Linear(2, 3, seed=1))
    xs = [0.5, -1.0, 2.0]
    last = model.unroll(xs, [None, None, 1]).loss.data
    assert model.unroll(xs, [2, 0, 1], at="last").loss.data == last
    assert model.unroll(xs, [1], topology="many-to-one").loss.data == last
    assert model.unroll(xs, [1], at="last").loss.data == last
    every = model.unroll(xs, [2, 0, 1])
    agree(model.unroll(xs, [2, 0, 1], reduction="mean").loss, every.loss.data / 3)
    agree(every.loss, sum(loss.data for loss in every.losses))


def test_h0_may_be_values_numbers_or_one_number():
    model = nn.SequenceModel(nn.RNNCell(1, 1, nonlinearity="identity", bias=False))
    model.load_state_dict({"cell.weight_ih": [[1]], "cell.weight_hh": [[3]]})
    start = Value(2.0)
    for h0 in (2, [2.0], [start], start, np.array([2.0])):
        assert model.unroll([1], h0=h0).states[1][0].data == 7.0
    model.unroll([1], loss=lambda h, _: h[0], h0=start).loss.backward()
    assert start.grad == 3.0


def test_vectors_may_be_arrays():
    cell = nn.RNNCell(2, 2, seed=0)
    assert cell(np.array([1.0, 2.0]), np.zeros(2))[0].data == cell([1.0, 2.0], [0, 0])[0].data


def test_repr_of_a_run():
    run = nn.SequenceModel(nn.RNNCell(1, 2, seed=0)).unroll([1.0, 2.0])
    assert repr(run) == "Unrolled(RNNCell, 2 steps, hidden 2, no loss)"
    assert len(run) == 2


@pytest.mark.parametrize(
    ("error", "message", "wrong"),
    [
        (ValueError, "hidden_size must be a whole number of 1", lambda: nn.RNNCell(1, 0)),
        (ValueError, "input_size must be a whole number of 1 or more, got -1",
         lambda: nn.RNNCell(-1, 2)),
        (ValueError, "hidden_size must be a whole number of 1 or more, got 2.5",
         lambda: nn.RNNCell(1, 2.5)),
        (ValueError, "nonlinearity must be one of tanh, relu, sigmoid, gelu, silu, .* got 'swish'",
         lambda: nn.RNNCell(1, 1, nonlinearity="swish")),
        (ValueError, "RNNCell: x must have 2 entries, got 3",
         lambda: nn.RNNCell(2, 1)([1, 2, 3], [0])),
        (ValueError, "RNNCell: h must have 1 entry, got 2",
         lambda: nn.RNNCell(2, 1)([1, 2], [0, 0])),
        (TypeError, "RNNCell: x must be a sequence of 2 numbers or Values, got 5",
         lambda: nn.RNNCell(2, 1)(5, [0])),
        (ValueError, "Linear: x must have 3 entries, got 1", lambda: nn.Linear(3, 1)([1.0])),
        (ValueError, r"one layer size, MLP\(2, \[8, 1\]\), got none", lambda: nn.MLP(3, [])),
        (TypeError, r"write MLP\(2, \[3, 1\]\), got \[2, 3, 1\]", lambda: nn.MLP([2, 3, 1])),
        (TypeError, "h0 is the start state, got 'mse'; write loss='mse'",
         lambda: nn.SequenceModel(nn.RNNCell(1, 1)).unroll([1.0], [1.0], "mse")),
        (ValueError, "index must lie in 0..2, got 3", lambda: nn.Embedding(3, 1)(3)),
        (TypeError, "index must be a whole number, got 1.5", lambda: nn.Embedding(3, 1)(1.5)),
        (ValueError, "vocab must have 3 items, got 2",
         lambda: nn.Embedding(3, 1, vocab="ab")),
        (ValueError, "the embedding has 2 entries, the cell takes 1",
         lambda: nn.SequenceModel(nn.RNNCell(1, 1), embedding=nn.Embedding(3, 2))),
        (ValueError, "the readout takes 2 entries, the cell has 1 hidden ones",
         lambda: nn.SequenceModel(nn.RNNCell(1, 1), readout=nn.Linear(2, 1))),
    ],
)  # fmt: skip
def test_wrong_sizes_are_named(error, message, wrong):
    with pytest.raises(error, match=message):
        wrong()


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("at least one input, got none", {"inputs": []}),
        ("2 inputs and 3 targets; many-to-many needs as many", {"targets": [0, 1, 0]}),
        ("2 inputs and 1 targets", {"targets": [0]}),
        ("an input must have 1 entry, got 2", {"inputs": [[1, 2], [3]]}),
        ("h_0 must have 2 entries, got 3", {"h0": [1, 2, 3]}),
        ("loss must be one of cross_entropy, mse", {"loss": "crossentropy"}),
        ("at must be one of all, last, got 'first'", {"at": "first"}),
        ("topology must be one of one-to-one", {"topology": "many"}),
        ("reduction must be one of sum, mean, got 'max'", {"reduction": "max"}),
        ("feedback must be one of argmax, soft, output", {"feedback": "hard"}),
        ("target 5 is not one of the 2 classes", {"targets": [0, 5]}),
    ],
)
def test_unroll_names_what_does_not_fit(message, options):
    model = nn.SequenceModel(nn.RNNCell(1, 2))
    with pytest.raises(ValueError, match=message):
        model.unroll(**({"inputs": [1.0, 2.0], "targets": [0, 1]} | options))


def test_a_loss_function_must_return_a_value():
    model = nn.SequenceModel(nn.RNNCell(1, 2))
    with pytest.raises(TypeError, match="the loss function must return a Value, got 1"):
        model.unroll([1.0], loss=lambda y, _: 1)


def test_one_to_many_runs_on_without_input():
    model = nn.SequenceModel(nn.RNNCell(1, 2, seed=0))
    run = model.unroll([1.0], [None, 0, 1], topology="one-to-many")
    assert [len(x) for x in run.inputs] == [1, 0, 0]
    assert [loss is None for loss in run.losses] == [True, False, False]


def test_generation_feeds_back_through_an_embedding():
    table = nn.Embedding(3, 2, seed=0)
    model = nn.SequenceModel(nn.RNNCell(2, 4, seed=1), nn.Linear(4, 3, seed=2), table)
    run = model.unroll([1, None, None], topology="generation")
    for fed, output in zip(run.inputs[1:], run.outputs):
        assert fed == table.weight[output.index(max(output))]
    soft = model.unroll([1, None, None], topology="generation", feedback="soft")
    p = F.softmax(soft.outputs[0])
    agree(soft.inputs[1], [sum(q.data * row[j].data for q, row in zip(p, table.weight))
                           for j in range(2)])  # fmt: skip


def test_row_batch_equals_column_cell_row_by_row():
    row, column = nn.RowRNNCell(2, 3, seed=0), nn.RNNCell(2, 3)
    column.load_state_dict(
        {
            "weight_ih": np.transpose(row.state_dict()["weight_xh"]),
            "weight_hh": np.transpose(row.state_dict()["weight_hh"]),
            "bias": row.state_dict()["bias"][0],
        }
    )
    X, H = [[0.1, 0.2], [0.3, -0.4]], [[0.0, 1.0, 0.5], [-1.0, 0.0, 0.25]]  # noqa: N806
    agree(row(X, H), [[v.data for v in column(x, h)] for x, h in zip(X, H)])


def test_row_batch_labels():
    cell = nn.RowRNNCell(1, 2)
    with scope("t=3"):
        (H,) = [cell([[1.0], [2.0]], cell.initial_state(2))]  # noqa: N806
    assert [[v.label for v in row] for row in H] == [["H_3[0,0]", "H_3[0,1]"],
                                                     ["H_3[1,0]", "H_3[1,1]"]]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "X", "H"),
    [
        (r"X_t is 2 x 3 and W_xh is 1 x 2, but 3 columns do not meet 1 rows",
         [[1, 2, 3], [4, 5, 6]], [[0, 0], [0, 0]]),
        (r"H_\{t-1\} is 1 x 3 and W_hh is 2 x 2, but 3 columns do not meet 2 rows",
         [[1]], [[0, 0, 0]]),
        (r"X_t is 2 x 1 and H_\{t-1\} is 1 x 2, but both need a row per sample",
         [[1], [2]], [[0, 0]]),
        (r"X_t needs rows of one length, got \[1, 2\]", [[1], [2, 3]], [[0, 0], [0, 0]]),
    ],
)  # fmt: skip
def test_row_shapes_are_named(message, X, H):  # noqa: N803
    with pytest.raises(ValueError, match=message):
        nn.RowRNNCell(1, 2)(X, H)
