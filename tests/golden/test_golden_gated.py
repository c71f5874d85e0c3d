"""LSTM and GRU against golden lstm, gru and lstm_cells, by hand and through load_torch."""

import numpy as np
from golden_cases import agree, cases, grads

from microgrid import Value, nn, scope
from microgrid import functional as F
from microgrid.graph import creation_order

TORCH = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
LSTM_GATES = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}
GRU_GATES = {"r": "reset", "z": "update", "n": "candidate"}


def torch_weights(inputs):
    return {name: inputs[name] for name in TORCH}


def leaves(rows):
    return [[Value(number) for number in row] for row in rows]


def run(cell, xs, state):
    """The states after each step, the start first, every step in its scope."""
    states = [state]
    for t, x in enumerate(xs, start=1):
        with scope(f"t={t}"), scope("cell"):
            states.append(cell(x, states[-1]))
    return states


def by_gate(nodes, step, gates):
    """Each gate's data at a step, found by the label that the cell gave it."""
    labels = {node.label: node.data for node in nodes}
    size = sum(label.startswith(f"{gates[0]}_{step}") for label in labels)
    return {
        gate: [labels[f"{gate}_{step}" if size == 1 else f"{gate}_{step}[{k}]"]
               for k in range(size)]
        for gate in gates
    }  # fmt: skip


@cases("lstm")
def test_lstm(case):
    inputs, expected = case["inputs"], case["expected"]
    cell = nn.LSTMCell(case["config"]["input"], case["config"]["hidden"])
    nn.load_torch(cell, torch_weights(inputs))
    xs = leaves(inputs["x"])
    states = run(cell, xs, cell.initial_state((inputs["h_0"], inputs["c_0"])))
    h, c = zip(*states)
    loss = F.sum([F.dot(r, h_t) for r, h_t in zip(inputs["r"], h[1:])]) + F.dot(inputs["q"], c[-1])
    loss.backward()
    agree(loss, expected["loss"])
    for t, step in enumerate(expected["steps"], start=1):
        found = by_gate(creation_order(loss), t, "ifgo") | {"h": h[t], "c": c[t]}
        for name in found.keys() & step.keys():
            agree(found[name], step[name], where=f"{name}_{t}")
    grad = expected["grad"]
    agree(grads(cell.weight_ih), grad["weight_ih"])
    agree(grads(cell.weight_hh), grad["weight_hh"])
    agree(grads(cell.bias), grad["bias_ih"])
    agree(grads(h), expected["dL_dh"])
    agree(grads(c), expected["dL_dc"])
    agree(grads(xs), expected["dL_dx"])


@cases("lstm")
def test_lstm_weights_in_the_slides_form(case):
    """W_gate = [W_hh W_ih] of a gate, read from the cell by the gate's letter."""
    cell = nn.LSTMCell(case["config"]["input"], case["config"]["hidden"])
    nn.load_torch(cell, torch_weights(case["inputs"]))
    for gate, expected in case["expected"]["concat_form_W_gate_times_h_x"].items():
        weight_ih, weight_hh, bias = cell._rows(gate)
        agree([hh + ih for ih, hh in zip(weight_ih, weight_hh)], expected)
        agree(bias, case["expected"]["concat_form_bias_gate"][gate])
        assert {value.label.partition("[")[0] for row in weight_ih for value in row} == {
            f"W_x{gate}"
        }


@cases("gru")
def test_gru(case):
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    reset_after = config["variant"] == "pytorch"
    cell = nn.GRUCell(config["input"], config["hidden"], reset_after=reset_after)
    if reset_after:
        nn.load_torch(cell, torch_weights(inputs))
    else:
        bias = np.add(inputs["bias_ih"], inputs["bias_hh"])
        cell.load_state_dict({name: inputs[name] for name in TORCH[:2]} | {"bias": bias})
    xs = leaves(inputs["x"])
    h = run(cell, xs, cell.initial_state(inputs["h_0"]))
    loss = F.sum([F.dot(r, h_t) for r, h_t in zip(inputs["r_loss"], h[1:])])
    loss.backward()
    agree(loss, expected["loss"])
    for t, step in enumerate(expected["steps"], start=1):
        found = by_gate(creation_order(loss), t, "rzn") | {"h": h[t]}
        for name in found.keys() & step.keys():
            agree(found[name], step[name], where=f"{name}_{t}")
    grad = expected["grad"]
    agree(grads(cell.weight_ih), grad["weight_ih"])
    agree(grads(cell.weight_hh), grad["weight_hh"])
    agree(grads(cell.bias), grad["bias_ih"])
    if reset_after:
        agree(grads(cell.bias_hn), grad["bias_hh"][2 * config["hidden"] :])
    agree(grads(h), expected["dL_dh"])
    agree(grads(xs), expected["dL_dx"])


@cases("lstm_cells")
def test_cells_that_can_be_read(case):
    inputs, expected = case["inputs"], case["expected"]
    cell = nn.LSTMCell(1, 1)
    nn.load_torch(cell, torch_weights(inputs))
    watched = inputs["x_t_is_1_where_the_character_is"]
    xs = [[float(character == watched)] for character in inputs["text"]]
    states = run(cell, xs, cell.initial_state((inputs["h_0"], inputs["c_0"])))
    agree([c[0].data for _, c in states[1:]], expected["c"])
    agree([F.tanh(c[0]) for _, c in states[1:]], expected["tanh_c"])


def test_gates_stand_in_their_scopes():
    for cell, gates in (
        (nn.LSTMCell(2, 2, seed=0), LSTM_GATES),
        (nn.GRUCell(2, 2, seed=0), GRU_GATES),
    ):
        unrolled = nn.SequenceModel(cell).unroll([[1, 2], [3, 4]], [0, 1])
        scopes = {node.label: node.scope for node in creation_order(unrolled.loss)}
        for letter, name in gates.items():
            assert scopes[f"{letter}_2[1]"] == f"t=2/cell/{name}"
        assert scopes["h_2[0]"] == "t=2/cell"


def test_the_highway_edge_is_the_forget_gate():
    """The local derivative from c_{t-1} to c_t is f_t (row 004-33)."""
    cell = nn.LSTMCell(1, 1, seed=0)
    (_, (c0,)), (_, (c1,)) = run(cell, [[0.5]], cell.initial_state(([0.2], [0.3])))
    (forget,) = [node for node in creation_order(c1) if node.label == "f_1"]
    assert c1.partials[c1.parents.index(c0)] == forget.data
