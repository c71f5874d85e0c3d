"""The quiz of the first lecture (golden 000_quiz): every number exact."""

from fractions import Fraction
from itertools import pairwise

import pytest
from golden_cases import cases

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.graph import messages

LOSSES = {
    "sum_y": {},
    "mean_y": {"reduction": "mean"},
    "last_y": {"at": "last"},
    "sum_y_squared": {"loss": lambda y, _: y[0] ** 2},
    "half_sum_y_squared": {"loss": lambda y, _: 0.5 * y[0] ** 2},
    "last_y_squared": {"loss": lambda y, _: y[0] ** 2, "at": "last"},
    "half_sum_squared_error_to_next_embedding": {
        "loss": lambda y, target: F.mse_loss(y, [target], reduction="half_sum")
    },
}


def quiz_model(inputs):
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    readout = nn.Linear(1, 1, bias=False)
    table = nn.Embedding(len(inputs["vocab"]), 1, vocab=inputs["vocab"])
    model = nn.SequenceModel(cell, readout, table)
    model.load_state_dict(
        {
            "cell.weight_ih": [[inputs["W_x"]]],
            "cell.weight_hh": [[inputs["W_h"]]],
            "readout.weight": [[inputs["W_y"]]],
            "embedding.weight": [[number] for number in inputs["embeddings"]],
        }
    )
    return model


def unroll(model, case, name, nudge=0.0):
    inputs = case["inputs"]
    letters = [inputs["vocab"].index(letter) for letter in inputs["word"]]
    options = {"loss": lambda y, _: y[0]} | LOSSES[name]
    targets = None
    if name.endswith("next_embedding"):  # the letter that follows; the last one has none
        targets = [*case["expected"]["x"][1:], None]
    return model.unroll(letters, targets, h0=inputs["h_0"] + nudge, **options)


def gradient(value):
    """d(loss)/d(value); 0 for a value that the loss does not depend on."""
    return value.grad or 0.0


def edge(child: Value, parent: Value) -> float:
    """What the sweep sent along the edge from child to parent."""
    return sum(m for m, p in zip(messages(child), child.parents) if p is parent)


def exact(expected, case, name):
    """`expected` itself, but for a mean over three letters: 1/3 is no binary fraction."""
    thirds = name == "mean_y" and len(case["inputs"]["word"]) == 3
    return {
        key: pytest.approx(number, rel=1e-15) if thirds else number
        for key, number in expected.items()
    }


@pytest.mark.parametrize("name", LOSSES)
@cases("000_quiz")
def test_quiz(case, name):
    expected = exact(case["expected"]["by_loss"][name], case, name)
    model = quiz_model(case["inputs"])
    run = unroll(model, case, name)
    h = [state[0] for state in run.states]
    y = [output[0] for output in run.outputs]
    assert [x[0].data for x in run.inputs] == case["expected"]["x"]
    assert [v.data for v in h] == case["expected"]["h"]
    assert [v.data for v in y] == case["expected"]["y"]
    if run.root is None:  # one letter has no next one
        assert expected["loss"] == 0
        return
    run.loss.backward()

    fractions = {key: float(Fraction(text)) for key, text in case["exact"][name].items()}
    assert fractions == {key: case["expected"]["by_loss"][name][key] for key in fractions}
    assert run.loss.data == expected["loss"]
    assert [gradient(v) for v in y] == expected["dL_dy"]
    assert [gradient(v) for v in h] == expected["dL_dh"]
    assert gradient(h[0]) == expected["dL_dh_0"]
    assert [edge(y_t, h_t) for y_t, h_t in zip(y, h[1:])] == expected["edge_grad_h_to_y"]
    assert [edge(new, old) for old, new in pairwise(h)] == expected["edge_grad_hprev_to_h"]
    assert gradient(model.cell.weight_hh[0][0]) == expected["dL_dW_h"]
    assert gradient(model.cell.weight_ih[0][0]) == expected["dL_dW_x"]
    assert gradient(model.readout.weight[0][0]) == expected["dL_dW_y"]
    table = zip(case["inputs"]["vocab"], model.embedding.weight)
    assert {letter: gradient(row[0]) for letter, row in table} == expected["dL_dembedding"]
    assert [edge(h_t, x_t[0]) for h_t, x_t in zip(h[1:], run.inputs)] == expected["dL_dx"]

    nudged = unroll(model, case, name, nudge=1.0)
    assert nudged.loss.data == expected["loss_with_h_0_plus_1"]


@cases("000_quiz")
def test_terms_by_step(case):
    """The gradient on h_0 is the sum of what each step's loss sends there."""
    run = unroll(quiz_model(case["inputs"]), case, "sum_y")
    terms = []
    for loss in run.losses:
        run.states[0][0].grad = None
        loss.backward()
        terms.append(run.states[0][0].grad)
    assert terms == case["expected"]["by_loss"]["sum_y"]["dL_dh_0_terms_by_t"]
