"""A scalar recurrent network with one output at the end, against golden 003_many_to_one."""

from golden_cases import agree, cases, grads

from microgrid import functional as F
from microgrid import nn, optim


@cases("003_many_to_one")
def test_loss_gradient_update(case):
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    cell = nn.RNNCell(1, 1, nonlinearity=config["activation"], bias=False)
    readout = nn.Linear(1, 1, bias=False, nonlinearity="sigmoid")
    model = nn.SequenceModel(cell, readout)
    model.load_state_dict(
        {
            "cell.weight_ih": [[inputs["w_i"]]],
            "cell.weight_hh": [[inputs["w_h"]]],
            "readout.weight": [[inputs["w_o"]]],
        }
    )
    losses = {
        "bce": "binary_cross_entropy",
        "half_sq": lambda y, target: F.mse_loss(y, [target], reduction="half_sum"),
    }
    loss = losses[config["loss"]]
    run = model.unroll(
        inputs["x"], [inputs["y"]], h0=inputs["o_0"], loss=loss, topology="many-to-one"
    )
    run.loss.backward()
    o, (y_hat,) = [state[0] for state in run.states], run.outputs[-1]
    agree(o, expected["o"])
    agree(y_hat, expected["y_hat"])
    agree(run.loss, expected["loss"])
    agree(y_hat.grad, expected["dL_dyhat"])
    agree(o[-1].grad / y_hat.grad, expected["dyhat_doT"])
    agree(o[0].grad, expected["dL_do_0"])
    if config["activation"] != "identity":
        agree([value.parents[0] for value in o[1:]], expected["z"])

    weights = dict(zip(("w_i", "w_h", "w_o"), model.parameters()))
    for name, value in weights.items():
        agree(value.grad, expected["grad"][name], where=name)
    optim.SGD(model.parameters(), inputs["eta"]).step()
    for name, value in weights.items():
        agree(value, expected["updated"][name], where=name)


@cases("003_many_to_one")
def test_terms_per_step(case):
    """Step j's share of each gradient: an unrolled net whose steps own their weights."""
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    cells = []
    o = [inputs["o_0"]]
    for x in inputs["x"]:
        cell = nn.RNNCell(1, 1, nonlinearity=config["activation"], bias=False)
        cell.load_state_dict({"weight_ih": [[inputs["w_i"]]], "weight_hh": [[inputs["w_h"]]]})
        o = cell([x], o)
        cells.append(cell)
    y_hat = F.sigmoid(F.dot([inputs["w_o"]], o))
    if config["loss"] == "bce":
        F.binary_cross_entropy(y_hat, inputs["y"]).backward()
    else:
        F.mse_loss(y_hat, inputs["y"], reduction="half_sum").backward()
    agree([grads(cell.weight_ih)[0][0] for cell in cells], expected["terms_w_i_by_j"])
    agree([grads(cell.weight_hh)[0][0] for cell in cells], expected["terms_w_h_by_j"])
