"""The sentence classifier in row form against golden 003_sentiment: forward, gradient, training."""

import pytest
from golden_cases import LONG_RUN, agree, cases, grads

from microgrid import functional as F
from microgrid import nn, optim


class RowClassifier(nn.Module):
    """o_t = tanh(x_t W_i + o_{t-1} W_h (+ b_h)), y_hat = sigmoid(o_T W_o (+ b_o))."""

    def __init__(self, case):
        inputs, bias = case["inputs"], case["config"]["bias"]
        hidden, self.words = len(inputs["W_h"]), case["config"]["vocab"]
        self.cell = nn.RowRNNCell(len(self.words), hidden, bias=bias)
        self.readout = nn.RowLinear(hidden, 1, bias=bias, nonlinearity="sigmoid")
        self.cell.load_state_dict(
            {"weight_xh": inputs["W_i"], "weight_hh": inputs["W_h"]}
            | ({"bias": inputs["b_h"]} if bias else {})
        )
        self.readout.load_state_dict(
            {"weight": inputs["W_o"]} | ({"bias": inputs["b_o"]} if bias else {})
        )

    def states(self, sentence):
        found = [self.cell.initial_state(1)]
        for word in sentence:
            one_hot = F.one_hot(self.words.index(word), len(self.words))
            found.append(self.cell([one_hot], found[-1]))
        return found

    def weights(self):
        """The weights under the golden file's names."""
        cell, readout = self.cell, self.readout
        found = {"W_i": cell.weight_xh, "W_h": cell.weight_hh, "W_o": readout.weight}
        return found | ({"b_h": cell.bias, "b_o": readout.bias} if cell.bias else {})


def judged(model, data):
    """(states, y_hat, loss) of each sentence."""
    found = []
    for sentence, label in data:
        states = model.states(sentence)
        y_hat = model.readout(states[-1])[0][0]
        found.append((states, y_hat, F.binary_cross_entropy(y_hat, label)))
    return found


@cases("003_sentiment")
def test_forward_and_gradient(case):
    expected, model = case["expected"], RowClassifier(case)
    found = judged(model, case["config"]["data"])
    loss = F.mean([one for _, _, one in found])
    loss.backward()
    for (states, y_hat, one), sentence in zip(found, expected["sentences"]):
        agree(states, sentence["o"])
        agree(y_hat, sentence["y_hat"])
        agree(one, sentence["loss"])
    agree(loss, expected["mean_loss"])
    for name, weight in model.weights().items():
        agree(grads(weight), expected["grad_of_mean_loss"][name], where=name)


@cases("003_sentiment")
def test_training(case):
    config, model = case["config"], RowClassifier(case)
    optimizer = optim.SGD(model.parameters(), config["eta"])
    for epoch in range(config["epochs"] + 1):
        optimizer.zero_grad()
        found = judged(model, config["data"])
        loss = F.mean([one for _, _, one in found])
        wanted = case["expected"]["training_log"].get(str(epoch))
        if wanted:
            agree(loss, wanted["mean_loss"], LONG_RUN)
            agree([y_hat for _, y_hat, _ in found], wanted["y_hat"], LONG_RUN)
        loss.backward()
        optimizer.step()


@cases("003_sentiment")
def test_terms_by_step_add_up(case):
    """Step j's part of a gradient is that of the step's own copy of the weights."""
    model = RowClassifier(case)
    expected = case["expected"]["sentences"]
    if "terms_by_j" not in expected[0]:
        pytest.skip("the file lists no terms")
    for (sentence, label), wanted in zip(case["config"]["data"], expected):
        state, cells = model.cell.initial_state(1), []
        for word in sentence:
            cells.append(nn.RowRNNCell(3, len(state[0]), bias=case["config"]["bias"]))
            cells[-1].load_state_dict(model.cell.state_dict())
            one_hot = F.one_hot(model.words.index(word), 3)
            state = cells[-1]([one_hot], state)
        F.binary_cross_entropy(model.readout(state)[0][0], label).backward()
        for j, cell in enumerate(cells, start=1):
            terms = wanted["terms_by_j"][str(j)]
            agree(grads(cell.weight_xh), terms["W_i"])
            agree(grads(cell.weight_hh), terms["W_h"])
