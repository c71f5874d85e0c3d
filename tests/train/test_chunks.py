"""A step replayed from a tape equals one that is recorded anew: losses, states, resuming."""

import numpy as np
import pytest
from golden_cases import agree

from microgrid import nn, optim
from microgrid.train.chunks import TapedBPTT, TruncatedBPTT
from microgrid.train.text import TextStream
from microgrid.train.training import Diverged, Training

CELLS = {
    "rnn": lambda i, h, rng: nn.RNNCell(i, h, seed=rng),
    "lstm": lambda i, h, rng: nn.LSTMCell(i, h, seed=rng),
    "gru": lambda i, h, rng: nn.GRUCell(i, h, seed=rng),
    "stack": lambda i, h, rng: nn.Stacked(
        [nn.LSTMCell(i, h, seed=rng), nn.RNNCell(h, h, seed=rng)]
    ),
}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abcab cabba abc\n" * 4)
    return path


def taped(text, kind="lstm", seed=0, lr=0.05):
    return training(text, TapedBPTT, kind, seed, embedding=False, lr=lr)


def training(text, step, kind="lstm", seed=0, embedding=True, lr=0.05):
    """(Training, step) on a small network, recorded anew or replayed."""
    stream = TextStream(text, length=5)
    size, rng = len(stream.vocabulary), np.random.default_rng(seed)
    table = nn.Embedding(size, 3, seed=rng) if embedding else None
    cell = CELLS[kind](3 if embedding else size, 4, rng)
    model = nn.SequenceModel(cell, nn.Linear(4, size, seed=rng), table)
    made = step(model, stream)
    parameters = made.parameters() if step is TapedBPTT else model.parameters()
    sync = {"sync": made.sync} if step is TapedBPTT else {}
    optimizer = optim.Adam(parameters, lr)
    return Training(model, optimizer, max_norm=1.0, keep={"text": made}, **sync), made


@pytest.mark.parametrize("embedding", [True, False])
@pytest.mark.parametrize("kind", CELLS)
def test_replayed_is_recorded(text, kind, embedding):
    eager, step = training(text, TruncatedBPTT, kind, embedding=embedding)
    losses = eager.run(step, 25)
    replayed, step = training(text, TapedBPTT, kind, embedding=embedding)
    agree(replayed.run(step, 25), losses)
    for name, weights in eager.model.state_dict().items():
        agree(replayed.model.state_dict()[name], weights, where=name)


def test_it_learns(text):
    replayed, step = taped(text)
    losses = replayed.run(step, 60)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_a_replayed_run_resumes_to_the_same_numbers(text, tmp_path):
    whole, step = taped(text)
    whole.run(step, 20)
    first, step = taped(text)
    first.run(step, 11, checkpoint=tmp_path / "run.json")
    second, step = taped(text, seed=9)
    second.resume(tmp_path / "run.json")
    second.run(step, 20)
    assert second.losses == whole.losses
    assert second.model.state_dict() == whole.model.state_dict()


def test_a_replayed_run_that_diverges_names_the_node(text):
    run, step = taped(text, kind="rnn", lr=1e308)
    with pytest.raises(Diverged, match="the first such number is "):
        run.run(step, 50)
    assert all(np.isfinite(np.concatenate([p.data.ravel() for p in step.parameters()])))
