"""A step replayed from a tape equals one that is recorded anew: losses, states, resuming."""

import numpy as np
import pytest
from golden_cases import agree

from microgrid import functional as F
from microgrid import nn, optim
from microgrid.tape import Index
from microgrid.train import (
    Diverged,
    Recorded,
    Replayed,
    Step,
    TapedBPTT,
    TextStream,
    Training,
    TruncatedBPTT,
)

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
    optimizer = optim.Adam(made.parameters(), lr)
    return Training(model, optimizer, max_norm=1.0, keep={"text": made}), made


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


@pytest.mark.parametrize("kind", [Recorded, Replayed])
def test_steps_on_examples(kind):
    """0.5 (w x - y)^2 at w = 1, x = 2, y = 1 and then x = 1, y = 3, by hand at lr 0.1."""
    model = nn.Linear(1, 1, bias=False)
    model.load_state_dict({"weight": [[1.0]]})

    def loss(x, y):
        output = model([x])[0]
        return 0.5 * (output - y) ** 2, [output]

    step = kind(model, loss, [(2.0, 1.0), (1.0, 3.0)])
    assert isinstance(step, Step)
    assert step.look(2.0, 1.0) == [0.5, 2.0]
    training = Training(model, optim.SGD(step.parameters(), lr=0.1))
    agree(training.run(step, 2), [0.5, 0.5 * 2.2**2])  # w: 1 - 0.1 * 2 = 0.8
    agree(model.weight[0][0].data, 0.8 + 0.1 * 2.2)
    assert step.look(1.0, 0.0)[1] == pytest.approx(1.02)


def test_a_replayed_step_shows_the_graph_of_its_latest_pass():
    model = nn.Linear(1, 1, bias=False)
    model.load_state_dict({"weight": [[3.0]]})
    step = Replayed(model, lambda x: model([x])[0], [(2.0,), (5.0,)])
    assert step.graph() is None
    step()
    step()
    assert step.graph().data == 15.0


def test_a_taped_step_gives_its_inputs_for_a_chunk(text):
    _, step = taped(text)
    chunk = next(step.stream.lanes(1)[0])
    row = step.numbers(chunk, h0=([1.0] * 4, [2.0] * 4))
    size = len(step.stream.vocabulary)
    letters = row[: 5 * size].reshape(5, size)
    assert letters.argmax(axis=1).tolist() == chunk.inputs
    assert row[-8:].tolist() == [1.0] * 4 + [2.0] * 4
    assert step.numbers(chunk)[-8:].tolist() == [0.0] * 8


def test_an_index_in_an_example_is_fed_anew():
    """One tape for all words of a length, whatever their letters and their class are."""
    table, readout = nn.Embedding(5, 2, seed=0), nn.Linear(2, 3, seed=1)

    class Classifier(nn.Module):
        def __init__(self):
            self.table, self.readout = table, readout

    def loss(word, weight, label):
        rows = [table(letter) for letter in word]
        return F.cross_entropy(readout([F.sum(c) for c in zip(*rows)]), label) * weight

    examples = [
        ([Index(i, 5) for i in word], weight, Index(label, 3))
        for word, weight, label in [((0, 4), 1.0, 2), ((3, 3), 0.5, 0), ((1, 2, 0), 2.0, 1)]
    ]
    step, eager = Replayed(Classifier(), loss, examples), Recorded(Classifier(), loss, examples)
    for _ in range(6):
        assert step() == pytest.approx(eager().data, rel=1e-12)
    assert len(step.tapes) == 2
    assert step.look(*examples[1])[0] == pytest.approx(eager.look(*examples[1])[0], rel=1e-12)
