"""Index: a token or a class that was recorded once and is fed anew."""

import copy
import pickle

import numpy as np
import pytest
from test_tape import close

from microgrid import Value, nn
from microgrid import functional as F
from microgrid.tape import Index, Tape, Tapes, lookup


def table(rows, width, seed=0):
    rng = np.random.default_rng(seed)
    return [[Value(float(x)) for x in row] for row in rng.normal(size=(rows, width))]


def flat(*tables):
    return [value for rows in tables for row in rows for value in row]


def language_model(wte, out, tokens, targets):
    """The mean cross entropy of the next token, from the token before it alone."""
    losses = []
    for token, target in zip(tokens, targets):
        h = [x.tanh() for x in lookup(wte, token)]
        losses.append(F.cross_entropy(F.linear(h, out), target))
    return F.mean(losses)


def test_a_tape_is_fed_other_tokens_and_targets():
    wte, out = table(5, 3), table(5, 3, seed=1)
    tokens, targets = [Index(i, 5) for i in (0, 1, 2)], [Index(i, 5) for i in (1, 2, 3)]
    loss = language_model(wte, out, tokens, targets)
    tape = Tape(loss, [tokens, targets], parameters=flat(wte, out))
    for given in ([[4, 4, 0], [3, 1, 1]], [[2, 0, 3], [2, 0, 3]]):
        expected = language_model(wte, out, *given)
        for value in flat(wte, out):
            value.grad = None
        expected.backward()
        assert close(tape.forward(given), expected.data)
        tape.backward(inputs=False)
        for value in flat(wte, out):
            assert close(tape.grad(value), value.grad or 0.0)


def test_a_batch_of_tokens_is_the_sum_of_its_examples():
    wte, out = table(4, 2), table(4, 2, seed=1)
    tokens, targets = [Index(0, 4), Index(1, 4)], [Index(1, 4), Index(2, 4)]
    tape = Tape(language_model(wte, out, tokens, targets), [tokens, targets])
    batch = np.random.default_rng(0).integers(4, size=(6, 2, 2))
    each = [tape.forward(example) for example in batch]
    assert close(tape.forward(batch), sum(each))


def test_indices_stand_beside_numbers():
    wte, x = table(3, 2), Value(0.5)
    token = Index(1, 3, label="token")
    a, b = lookup(wte, token)
    tape = Tape(a * x + b, inputs=[x, token])
    first, last = (lambda x, row=row: row[0].data * x + row[1].data for row in (wte[0], wte[2]))
    assert close(tape.forward([2.0, 0]), first(2.0))
    assert close(tape.forward([[2.0, 0], [3.0, 2]]), first(2.0) + last(3.0))
    with pytest.raises(ValueError, match=r"token must be a whole number in 0\.\.2, got 3"):
        tape.forward([2.0, 3])
    with pytest.raises(ValueError, match=r"token must be a whole number in 0\.\.2, got 0\.5"):
        tape.forward([2.0, 0.5])
    with pytest.raises(ValueError, match="got nan"):
        tape.forward([2.0, np.nan])
    with pytest.raises(ValueError, match=r"shape \(2,\).*got \(4,\)"):
        tape.forward([2.0, 1.0, 0.0, 0.0])


def test_an_embedding_and_a_model_take_an_index():
    embedding = nn.Embedding(4, 3, seed=0)
    token = Index(2, 4)
    assert [x.data for x in embedding[token]] == [x.data for x in embedding(2)]
    assert [x.data for x in embedding[3]] == [x.data for x in embedding(3)]
    model = nn.SequenceModel(nn.RNNCell(3, 2, seed=1), nn.Linear(2, 4, seed=2), embedding)
    tokens, targets = [Index(0, 4), Index(1, 4)], [Index(1, 4), Index(0, 4)]
    run = model.unroll(tokens, targets)
    tape = Tape(run.loss, [tokens, targets], parameters=model.parameters())
    expected = model.unroll([3, 2], [2, 2]).loss
    assert close(tape.forward([[3, 2], [2, 2]]), expected.data)


def test_tapes_of_lengths_are_fed_tokens():
    wte, out = table(4, 2), table(4, 2, seed=1)

    def build(length):
        tokens, targets = ([Index(0, 4) for _ in range(length)] for _ in range(2))
        return language_model(wte, out, tokens, targets), [tokens, targets]

    tapes = Tapes(build, flat(wte, out))
    for given in ([[3], [1]], [[0, 2, 3], [2, 3, 3]]):
        expected = language_model(wte, out, *given).data
        assert close(tapes[len(given[0])].forward(given), expected)


def test_jax_picks_the_same():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    wte, x, token = table(3, 2), Value(0.5), Index(1, 3)
    a, b = lookup(wte, token)
    tape = Tape((a * x + b).tanh(), inputs=[x, token])
    parameters = [p.data for p in tape.parameters()]
    for given in ([2.0, 0.0], [-1.0, 2.0]):
        assert close(float(tape.to_jax()(parameters, np.array(given))), tape.forward(given))
    assert np.isnan(tape.to_jax()(parameters, np.array([1.0, 3.0])))


def test_a_copy_is_an_index_as_well():
    token = Index(1, 3, label="token")
    for copied in (copy.deepcopy(token), pickle.loads(pickle.dumps(token))):
        assert repr(copied) == "Index(1, 3, 'token')"
        assert all(a is not b for a, b in zip(copied, token))
        tape = Tape(lookup([Value(2.0), Value(5.0), Value(-1.0)], copied) * 1.0, inputs=[copied])
        assert tape.forward([2]) == -1.0


def test_what_is_no_index_is_named():
    with pytest.raises(ValueError, match=r"token must lie in 0\.\.2, got 3"):
        Index(3, 3, label="token")
    with pytest.raises(TypeError, match=r"Index needs a whole number, got 1\.5"):
        Index(1.5, 3)
    token = Index(1, 3, label="token")
    assert (token.number, repr(token)) == (1, "Index(1, 3, 'token')")
    with pytest.raises(TypeError, match=r"write lookup\(rows, index\)"):
        table(3, 2)[token]
    with pytest.raises(ValueError, match=r"picks one of 3, but there are 4 rows"):
        lookup(table(4, 2), token)
    with pytest.raises(ValueError, match="given twice"):
        Tape(lookup(table(3, 2), token)[0] * 1.0, inputs=[token, token])
