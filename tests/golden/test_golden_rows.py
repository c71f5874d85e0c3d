"""Row batches X W against golden 002_next_number: forward, gradients, updates."""

from golden_cases import agree, cases, grads

from microgrid import functional as F
from microgrid import nn, optim, scope


def row_model(inputs):
    """The cell and the readout of the notes, their weights set."""
    (d, h), q = F.shape(inputs["W_xh"]), len(inputs["b_q"][0])
    cell, readout = nn.RowRNNCell(d, h), nn.RowLinear(h, q)
    cell.load_state_dict(
        {"weight_xh": inputs["W_xh"], "weight_hh": inputs["W_hh"], "bias": inputs["b_h"]}
    )
    readout.load_state_dict({"weight": inputs["W_hq"], "bias": inputs["b_q"]})
    return cell, readout


def row_run(cell, readout, inputs, mode):
    """The states H_0..H_T, the outputs O_1..O_T and the loss, a mean over the batch."""
    H, O = [cell.initial_state(len(inputs["X"][0]))], []  # noqa: N806, E741
    for t, X in enumerate(inputs["X"], start=1):  # noqa: N806
        with scope(f"t={t}"):
            H.append(cell(X, H[-1]))
            O.append(readout(H[-1]))
    pairs = zip(O, inputs["Y"]) if mode == "all" else [(O[-1], inputs["Y"])]
    squares = [F.mse_loss(o, y, reduction="sum") for out, ys in pairs for o, y in zip(out, ys)]
    return H, O, F.sum(squares) / len(inputs["X"][0])


def weights(cell, readout):
    names = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
    values = (cell.weight_xh, cell.weight_hh, cell.bias, readout.weight, readout.bias)
    return dict(zip(names, values))


@cases("002_next_number")
def test_next_number(case):
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    cell, readout = row_model(inputs)
    H, O, loss = row_run(cell, readout, inputs, config["mode"])  # noqa: N806, E741
    loss.backward()
    agree(H, expected["H"])
    agree(O, expected["O"])
    agree(loss, expected["loss"])
    agree(grads(H), expected["dL_dH"])
    for name, values in weights(cell, readout).items():
        agree(grads(values), expected["grad"][name], where=name)

    optim.SGD(cell.parameters() + readout.parameters(), config["lr"]).step()
    for name, values in weights(cell, readout).items():
        agree(values, expected["after_one_sgd_step"][name], where=name)
    *_, loss = row_run(cell, readout, inputs, config["mode"])
    agree(loss, expected["after_one_sgd_step"]["loss"])


@cases("002_next_number")
def test_readout_gradient_by_step(case):
    """Only the last step teaches the readout when the loss stands at the last step only."""
    cell, readout = row_model(case["inputs"])
    H, O, loss = row_run(cell, readout, case["inputs"], case["config"]["mode"])  # noqa: N806, E741
    loss.backward()
    for states, outputs, expected in zip(H[1:], O, case["expected"]["grad_W_hq_by_step"]):
        by_step = [
            [sum(h[i].data * (o[j].grad or 0.0) for h, o in zip(states, outputs))
             for j in range(len(expected[0]))]
            for i in range(len(expected))
        ]  # fmt: skip
        agree(by_step, expected)
