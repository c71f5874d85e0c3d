"""The training loop: resumed to the same numbers, interrupted safely, stopped when it diverges."""

import json
import math
import os
import signal

import pytest

from microgrid import Value, nn, optim, recompute
from microgrid import functional as F
from microgrid.files import write_whole
from microgrid.train import Diverged, TextStream, Training, TruncatedBPTT


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abcab cabba abc\n" * 4)
    return path


def char_training(text, seed=0):
    """A small LSTM on a text with everything that has a state: Adam, a schedule, the stream."""
    stream = TextStream(text, length=5)
    size = len(stream.vocabulary)
    table = nn.Embedding(size, 3, seed=seed)
    model = nn.SequenceModel(nn.LSTMCell(3, 4, seed=seed), nn.Linear(4, size, seed=seed), table)
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    step = TruncatedBPTT(model, stream)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=40)
    return Training(model, optimizer, schedule, max_norm=1.0, keep={"text": step}), step


def test_it_learns(text):
    training, step = char_training(text)
    losses = training.run(step, 60)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_resumed_is_the_same_as_unbroken(text, tmp_path):
    whole, step = char_training(text)
    whole.run(step, 30)

    first, step = char_training(text)
    first.run(step, 17, checkpoint=tmp_path / "run.json")
    second, step = char_training(text, seed=9)
    second.resume(tmp_path / "run.json")
    assert second.steps == 17
    second.run(step, 30)

    assert second.losses == whole.losses
    assert second.model.state_dict() == whole.model.state_dict()
    assert second.optimizer.state_dict() == whole.optimizer.state_dict()


def test_ctrl_c_loses_nothing(text, tmp_path):
    training, step = char_training(text)

    def interrupted_step():
        if training.steps == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return step()

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        training.run(interrupted_step, 30, checkpoint=tmp_path / "run.json")
    assert signal.getsignal(signal.SIGINT) is handler
    assert training.steps == 7  # the update under way was finished

    whole, step = char_training(text)
    whole.run(step, 30)
    resumed, step = char_training(text, seed=9)
    resumed.resume(tmp_path / "run.json")
    assert resumed.run(step, 30) == whole.losses


def test_checkpoints_are_json_written_now_and_then(text, tmp_path):
    training, step = char_training(text)
    seen = []

    def step_and_look():
        path = tmp_path / "run.json"
        seen.append(json.loads(path.read_text())["steps"] if path.exists() else None)
        return step()

    training.run(step_and_look, 5, checkpoint=tmp_path / "run.json", every=2)
    assert seen == [None, None, 2, 2, 4]
    assert json.loads((tmp_path / "run.json").read_text())["steps"] == 5
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nan_names_step_and_node_and_keeps_the_last_good_parameters(tmp_path):
    w = Value(4.0, label="w")
    model = nn.Module()
    model.w = w
    training = Training(model, optim.SGD([w], lr=1.0))
    numbers = []

    def step():
        """Slope 1 in w, so w falls by 1; the logarithm fails once w is below 1.5."""
        numbers.append(w.data)
        return (w - 1.5).log() * 0.0 + w

    with pytest.raises(Diverged) as caught:
        training.run(step, 10, checkpoint=tmp_path / "run.json")
    assert "before update 4: the loss is nan" in str(caught.value)
    assert "the first such number is a node without label of op log, nan" in str(caught.value)
    assert (numbers, w.data, training.steps) == ([4.0, 3.0, 2.0, 1.0], 2.0, 2)
    saved = json.loads((tmp_path / "run.json").read_text())
    assert (saved["model"], saved["steps"], saved["losses"]) == ({"w": 2.0}, 2, [4.0, 3.0])


def test_the_node_of_an_unrolled_run_is_named_with_its_scope():
    cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
    cell.load_state_dict({"weight_ih": [[1.0]], "weight_hh": [[1e200]]})
    model = nn.SequenceModel(cell)
    training = Training(model, optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(Diverged, match="h_3 of op dot in scope t=3/cell, inf"):
        training.run(lambda: model.unroll([1.0] * 5, loss=lambda h, _: h[0]).loss, 1)


def test_a_bad_gradient_stops_before_the_update():
    w = Value(0.0, label="w")
    model = nn.Module()
    model.w = w
    training = Training(model, optim.SGD([w], lr=0.1))
    with pytest.raises(Diverged, match="the gradient of w is inf"):
        training.run(lambda: w.sqrt(), 3)
    assert (w.data, training.steps) == (0.0, 0)


def test_clipping_bounds_the_update():
    w = Value(0.0)
    model = nn.Module()
    model.w = w
    Training(model, optim.SGD([w], lr=1.0), max_norm=0.5).run(lambda: w * 100.0, 1)
    assert w.data == pytest.approx(-0.5)


def test_a_step_may_sweep_itself():
    """What a replayed graph does: it returns a number and has set the gradients."""
    w = Value(1.0)
    model = nn.Module()
    model.w = w

    def step():
        w.grad = 2.0 * w.data
        return w.data**2

    assert Training(model, optim.SGD([w], lr=0.25)).run(step, 3) == [1.0, 0.25, 0.0625]


class Elsewhere:
    """A step whose one number lives in itself, as a tape's do in its arrays."""

    def __init__(self, w):
        self.w, self.inner, self.said = w, Value(0.0), []
        self.log = self.w.log()

    def __call__(self):
        self.inner.grad = 2.0 * self.inner.data
        return math.nan if self.inner.data < 0.0 else self.inner.data**2

    def parameters(self):
        return [self.inner]

    def load(self):
        self.said.append("load")
        self.inner.data = self.w.data

    def write_back(self):
        self.said.append("write_back")
        self.w.data = self.inner.data

    def graph(self):
        self.w.data = self.inner.data
        recompute(self.log)
        return self.log


def elsewhere(lr, start=1.0):
    model = nn.Module()
    model.w = Value(start, label="w")
    step = Elsewhere(model.w)
    return Training(model, optim.SGD(step.parameters(), lr)), step


def test_a_step_of_ones_own_is_loaded_first_and_written_back_last(tmp_path):
    training, step = elsewhere(lr=0.25)
    assert training.run(step, 3) == [1.0, 0.25, 0.0625]
    assert step.said == ["load", "write_back"]
    assert step.w.data == 0.125
    step.w.data = 4.0  # changed by hand between two runs: the next one begins there
    assert training.run(step, 4)[-1] == 16.0
    step.inner.data = 7.0
    training.save(tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["model"] == {"w": 7.0}


def test_an_optimizer_of_other_numbers_than_the_steps_is_refused():
    training, step = elsewhere(lr=0.25)
    other = Training(training.model, optim.SGD(training.model.parameters(), 0.25))
    with pytest.raises(ValueError, match=r"none of the step's parameters; make it with step\."):
        other.run(step, 1)


def test_the_node_of_a_replayed_graph_is_named():
    training, step = elsewhere(lr=1.0, start=2.0)
    with pytest.raises(Diverged, match="a node without label of op log, nan"):
        training.run(step, 2)
    assert step.w.data == 2.0


@pytest.mark.parametrize(
    ("message", "spoil"),
    [
        ("is not a microgrid checkpoint, or was cut short", lambda state: "no json"),
        ("is not a microgrid checkpoint: its format is", lambda state: json.dumps([1])),
        ("of another run: .* 'cell.weight_ih' has shape",
         lambda state: json.dumps(state | {"model": state["model"] | {"cell.weight_ih": [[0]]}})),
        ("of another run: this optimizer is Adam, the state is of SGD",
         lambda state: json.dumps(state | {"optimizer": {"kind": "SGD"}})),
        ("one of the two has a learning-rate schedule",
         lambda state: json.dumps(state | {"schedule": None})),
        (r"it keeps \[\], this run \['text'\]", lambda state: json.dumps(state | {"keep": {}})),
    ],
)  # fmt: skip
def test_another_checkpoint_is_refused_and_changes_nothing(text, tmp_path, message, spoil):
    training, step = char_training(text)
    training.run(step, 2, checkpoint=tmp_path / "run.json")
    state = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "other.json").write_text(spoil(state))
    fresh, _ = char_training(text, seed=3)
    before = fresh.model.state_dict()
    with pytest.raises(ValueError, match=message):
        fresh.resume(tmp_path / "other.json")
    assert fresh.model.state_dict() == before
    assert fresh.steps == 0


def damaged(state):
    """Ways to spoil a checkpoint of an Adam run on a text, each with what is said of it."""
    deep = "[" * 100_000
    for field, x, said in [
        ("steps", -5, "steps must be a whole number of 0 or more, got -5"),
        ("steps", "abc", "steps must be a whole number"),
        ("steps", 1e308, "steps must be a whole number"),
        ("losses", 5, "losses must be a list of one number per step, got 5"),
        ("losses", [1.0, "x"], "a loss must be a number, got 'x'"),
        ("optimizer", None, "a state_dict is a dict, got None"),
        ("model", None, "model and keep must be objects"),
        ("keep", None, "model and keep must be objects"),
        ("schedule", 7, "a state_dict is a dict, got 7"),
    ]:
        yield json.dumps(state | {field: x}), said
    for name in ("steps", "losses", "model", "optimizer", "schedule", "keep"):
        yield json.dumps({k: x for k, x in state.items() if k != name}), f"has no '{name}'"
    memory = state["optimizer"]["memory"]
    for field, x, said in [
        ("lr", 10**400, "Adam: lr must be a number of 0 or more, got 1000"),
        ("lr", -1, "Adam: lr must be a number of 0 or more, got -1"),
        ("lr", "fast", "Adam: lr must be a number of 0 or more, got 'fast'"),
        ("memory", 5, "the memory of Adam must be a list, got 5"),
        ("memory", [[1, 2, 3], *memory[1:]], "remembers steps, mean, mean_square"),
        ("memory", [memory[0] | {"mean": "x"}, *memory[1:]], "mean must be numbers, got 'x'"),
        ("memory", [memory[0] | {"mean": [1, 2]}, *memory[1:]], r"mean has shape \(2,\)"),
        ("memory", [memory[0] | {"mean_square": -1}, *memory[1:]], "made of squares"),
        ("memory", [memory[0] | {"steps": 10**400}, *memory[1:]], "steps must be a whole number"),
        ("memory", [{"m" * 999: 0}, *memory[1:]], r"the state has m{57}\.\.\.$"),
        ("memory", [memory[0] | {"steps": 0.5}, *memory[1:]], "steps must be a whole number"),
    ]:
        yield json.dumps(state | {"optimizer": state["optimizer"] | {field: x}}), said
    text = state["keep"]["text"]
    for place, said in [
        ({"h0": [1.0]}, "the state carried on must be shaped like"),
        ({"stream": None}, "the stream must be an object, got None"),
        ({"stream": text["stream"] | {"position": -1}}, "position must be a whole number"),
        ({"stream": text["stream"] | {"position": 10**9}}, "begins at byte 1000000000"),
        ({"stream": text["stream"] | {"last": "?"}}, "must be one of its text's, got '\\?'"),
    ]:
        yield json.dumps(state | {"keep": {"text": text | place}}), said
    yield json.dumps(state).replace('"losses": [', '"losses": ' + deep), "nested too deeply"
    yield json.dumps(state).replace('"lr": 0.0', '"lr": NaN0.0'), "cut short"
    weights = state["model"] | {"cell.bias": [math.inf] * 4}
    yield (
        json.dumps(state | {"model": weights}).replace("Infinity", "1e999"),
        "does not fit a float",
    )


def test_a_damaged_checkpoint_is_refused_in_one_sentence_and_changes_nothing(text, tmp_path):
    training, step = char_training(text)
    path = tmp_path / "run.json"
    training.run(step, 2, checkpoint=path)
    whole = path.read_text()
    fresh, step = char_training(text, seed=3)
    fresh.run(step, 1)
    before = json.dumps(fresh._state())
    for content, said in damaged(json.loads(whole)):
        path.write_text(content)
        with pytest.raises(ValueError, match=said) as caught:
            fresh.resume(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value).splitlines()) == 1
        assert json.dumps(fresh._state()) == before
    path.write_text(whole)
    fresh.resume(path)
    assert fresh.steps == 2


def test_a_thing_kept_that_fails_on_loading_leaves_the_rest_as_it_was(tmp_path):
    class Strange:
        def state_dict(self):
            return 1

        def load_state_dict(self, state):
            if state != 1:
                state.pop()

    training, step = elsewhere(lr=0.25)
    training.keep["strange"] = Strange()
    training.run(step, 2, checkpoint=tmp_path / "run.json")
    saved = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(
        saved.replace('"strange": 1', '"strange": 2').replace("0.25", "9")
    )
    with pytest.raises(ValueError, match="of another run: 'int' object has no attribute 'pop'"):
        training.resume(tmp_path / "run.json")
    assert (training.model.w.data, training.optimizer.lr) == (0.25, 0.25)


def test_nothing_is_shown_on_a_pipe(capfd):
    layer = nn.Linear(1, 1, seed=0)
    Training(layer, optim.SGD(layer.parameters(), lr=0.1)).run(
        lambda: F.mse_loss(layer([1.0]), [2.0]), 3
    )
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_loss_norm_and_speed(monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    layer = nn.Linear(1, 1, seed=0)
    training = Training(layer, optim.SGD(layer.parameters(), lr=0.1))
    training.run(lambda: F.mse_loss(layer([1.0]), [2.0]), 3)
    shown = capfd.readouterr().err
    assert "3/3" in shown.replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert "loss" in shown
    assert "steps/s" in shown


def test_writing_into_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="cannot write into"):
        write_whole(tmp_path / "none" / "a.json", "{}")
    assert list(tmp_path.iterdir()) == []
