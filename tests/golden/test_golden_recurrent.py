"""Column cells against golden 001_concat, bptt_rnn, hello, prefixes and topologies."""

from golden_cases import LONG_RUN, agree, cases, grads

from microgrid import Value, nn, optim
from microgrid import functional as F


def rnn_model(U, W, V, b=None, c=None):  # noqa: N803, the lecture's names
    """h = tanh(U x + W h + b), z = V h + c, its weights set."""
    cell = nn.RNNCell(len(U[0]), len(U), bias=b is not None)
    model = nn.SequenceModel(cell, nn.Linear(len(U), len(V), bias=c is not None))
    weights = {"cell.weight_ih": U, "cell.weight_hh": W, "readout.weight": V}
    biases = {"cell.bias": b, "readout.bias": c}
    model.load_state_dict(weights | {k: v for k, v in biases.items() if v is not None})
    return model


def lecture_weights(model):
    """The weights in the order U, W, V, b, c."""
    cell, readout = model.cell, model.readout
    return cell.weight_ih, cell.weight_hh, readout.weight, cell.bias, readout.bias


def gradients(model, *names):
    """The gradients under the golden file's names for U, W, V, b, c."""
    return {name: grads(weights) for name, weights in zip(names, lecture_weights(model))}


@cases("001_concat")
def test_split_and_block_form(case):
    inputs, expected = case["inputs"], case["expected"]
    H, D = len(inputs["h_prev"]), len(inputs["x"])  # noqa: N806
    kind, bias = case["config"]["activation"], case["config"]["bias"]
    offset = {"bias": inputs["b"]} if bias else {}
    r = inputs["r"]

    x, h = [Value(v) for v in inputs["x"]], [Value(v) for v in inputs["h_prev"]]
    split = nn.RNNCell(D, H, nonlinearity=kind, bias=bias)
    split.load_state_dict({"weight_ih": inputs["U"], "weight_hh": inputs["W"]} | offset)
    new = split(x, h)
    loss = F.dot(r, new)
    loss.backward()
    agree([value.parents[0] for value in new], expected["s"])
    agree(new, expected["h"])
    agree(loss, expected["loss"])
    found = {"W": split.weight_hh, "U": split.weight_ih, "b": split.bias, "h_prev": h, "x": x}
    for name, weights in found.items():
        if weights is not None:
            agree(grads(weights), expected["grad"][name], where=name)

    hx = [Value(v) for v in expected["hx"]]
    block = nn.Linear(H + D, H, bias=bias, nonlinearity=kind)
    block.load_state_dict({"weight": expected["WU"]} | offset)
    loss = F.dot(r, block(hx))
    loss.backward()
    agree(loss, expected["loss"])
    agree(grads(block.weight), expected["grad_WU"])
    agree(grads(hx), expected["grad_hx"])


@cases("bptt_rnn")
def test_losses_and_total_gradients(case):
    inputs, expected = case["inputs"], case["expected"]
    model = rnn_model(**{name: inputs[name] for name in "UWVbc"})
    run = model.unroll(inputs["x"], inputs["targets"], h0=inputs["h_0"])
    run.loss.backward()
    agree(run.states, expected["h"])
    agree(run.outputs, expected["z"])
    agree([F.softmax(z) for z in run.outputs], expected["y_hat"])
    agree(run.losses, expected["E_t"])
    agree(run.loss, expected["loss"])
    for name, found in gradients(model, *"UWVbc").items():
        if name in expected["grad"]:
            agree(found, expected["grad"][name], where=name)
    agree(grads(run.states[0]), expected["grad"]["h_0"])
    agree(grads(run.states), expected["dL_dh"])
    agree(grads(run.inputs), expected["dL_dx"])
    agree(grads(run.outputs), expected["dL_dz"])


@cases("bptt_rnn")
def test_each_step_s_gradient(case):
    """dE_t/dW of the losses one by one (row 001-13); V hears of step t only (001-14)."""
    inputs, expected = case["inputs"], case["expected"]
    model = rnn_model(**{name: inputs[name] for name in "UWVbc"})
    run = model.unroll(inputs["x"], inputs["targets"], h0=inputs["h_0"])
    for t, loss in enumerate(run.losses, start=1):
        model.zero_grad()
        loss.backward()
        for name, found in gradients(model, *"UWVbc").items():
            if name in expected["dE_t"]:
                agree(found, expected["dE_t"][name][str(t)], where=f"dE_{t}/d{name}")


HELLO = ("W_xh", "W_hh", "W_yh", "b_h", "b_y")


def sgd_log(model, loss_of, lr, steps):
    """The losses before update 0, 1, ..., and after the last."""
    optimizer = optim.SGD(model.parameters(), lr)
    log = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        log.append(loss.data)
    return [*log, loss_of(model).data]


def agree_with_log(log, expected):
    for step, loss in expected.items():
        agree(log[int(step)], loss, LONG_RUN, where=f"loss before update {step}")


@cases("hello")
def test_hello(case):
    inputs, expected = case["inputs"], case["expected"]
    model = rnn_model(*[inputs[name] for name in HELLO])
    run = hello_run(model, case)
    run.loss.backward()
    agree(run.states, expected["h"])
    agree(run.outputs, expected["s2_logits"])
    agree([F.softmax(z) for z in run.outputs], expected["y_hat"])
    agree(run.losses, expected["L_t"])
    agree(run.loss, expected["loss"])
    agree(grads(run.states), expected["dL_dh"])
    agree(grads(run.outputs), expected["dL_ds2"])
    for name, found in gradients(model, *HELLO).items():
        agree(found, expected["grad"][name], where=name)


@cases("hello")
def test_hello_training(case):
    """One SGD step, the log of hundreds, and the word generated from its first letter."""
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    names = HELLO if config["bias"] else HELLO[:3]
    model = rnn_model(*[inputs[name] for name in names])

    def loss_of(model):
        return hello_run(model, case).loss

    sgd_log(model, loss_of, config["lr"], 1)
    for name, weights in zip(HELLO, lecture_weights(model)):
        if name in names:
            agree(weights, expected["after_one_sgd_step"][name], where=name)

    model = rnn_model(*[inputs[name] for name in names])
    log = sgd_log(model, loss_of, config["lr"], config["sgd_steps"])
    agree_with_log(log, expected["sgd_loss_log"])
    vocab = config["vocab"]
    start = F.one_hot(vocab.index("h"), len(vocab))
    generated = model.unroll([start, None, None, None], topology="generation")
    likeliest = [y.index(max(y)) for y in generated.outputs]
    assert "".join(vocab[i] for i in likeliest) == expected["greedy_after_training"] == "ello"


def hello_run(model, case):
    inputs = case["inputs"]
    letters = [F.one_hot(i, len(case["config"]["vocab"])) for i in inputs["input_ids"]]
    return model.unroll(letters, inputs["target_ids"], h0=inputs["h_0"])


@cases("prefixes")
def test_prefixes(case):
    """hel -> p, hell -> o, heliu -> m: one model for prefixes of any length."""
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    vocab = config["vocab"]
    model = rnn_model(*[inputs[name] for name in HELLO])

    def runs(model, h0):
        return [
            model.unroll(
                [F.one_hot(vocab.index(letter), len(vocab)) for letter in prefix],
                [vocab.index(target)],
                h0=h0,
                topology="many-to-one",
            )
            for prefix, target in config["pairs"]
        ]

    h0 = [Value(v) for v in inputs["h_0"]]
    pairs = runs(model, h0)
    loss = F.sum([run.loss for run in pairs])
    loss.backward()
    agree([run.loss for run in pairs], expected["loss_by_pair"])
    agree(loss, expected["loss"])
    for name, found in gradients(model, *HELLO).items():
        agree(found, expected["grad"][name], where=name)
    agree(grads(h0), expected["grad"]["h_0"])

    def total(model):
        return F.sum([run.loss for run in runs(model, inputs["h_0"])])

    log = sgd_log(model, total, config["lr"], config["sgd_steps"])
    agree_with_log(log, expected["sgd_loss_log"])
    last = [run.outputs[-1] for run in runs(model, inputs["h_0"])]
    assert [vocab[y.index(max(y))] for y in last] == expected["predictions_after_training"]


@cases("topologies")
def test_wirings(case):
    inputs, expected, config = case["inputs"], case["expected"], case["config"]
    model = rnn_model(**{name: inputs[name] for name in "UWVbc"})
    feedback = config.get("feedback")
    xs = [x if given else None for x, given in zip(inputs["x"], config["x_at"])]
    topology = "-".join(case["name"].split("_")[:3])
    options = (
        {"topology": "generation", "feedback": feedback} if feedback else {"topology": topology}
    )
    run = model.unroll(xs, inputs["targets"], h0=inputs["h_0"], **options)
    run.loss.backward()
    used = [x or [0.0] * config["input"] for x in run.inputs]
    agree(used, expected["x_used"])
    agree(run.states, expected["h"])
    agree([F.softmax(y) for y in run.outputs], expected["y_hat"])
    agree(run.loss, expected["loss"])
    assert [loss is not None for loss in run.losses] == expected["y_hat_is_an_output_at"]
    for name, found in gradients(model, *"UWVbc").items():
        agree(found, expected["grad"][name], where=name)
    agree(grads(run.states[0]), expected["grad"]["h_0"])
    agree(grads(run.states), expected["dL_dh"])
