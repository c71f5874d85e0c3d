"""The tape against JAX's recorded answers, and what it says where JAX is missing."""

import json
import sys

import pytest
from golden import record_jax
from golden_cases import agree, cases

from microgrid import Value, nn
from microgrid.tape import Tape


def arrays(tape, model):
    """The tape's gradients by the names of the model's weights."""
    tape.sync()
    return {name: _grads(weight) for name, weight in model.named_weights()}


def _grads(weight):
    return [_grads(w) for w in weight] if isinstance(weight, list) else weight.grad


@cases("jax_networks")
def test_loss_and_gradients_are_those_of_jax(case):
    cell = getattr(nn, case["name"])(record_jax.VOCABULARY, record_jax.HIDDEN)
    model = nn.SequenceModel(cell, nn.Linear(record_jax.HIDDEN, record_jax.VOCABULARY))
    model.load_state_dict(case["weights"])
    *inputs, _ = one_hot = [
        [float(i == letter) for i in range(record_jax.VOCABULARY)] for letter in case["letters"]
    ]
    run = model.unroll(inputs, case["letters"][1:])
    agree(run.loss, case["loss"], 1e-12)
    tape = Tape(run.loss, inputs=run.inputs, parameters=model.parameters())
    assert tape.forward(one_hot[:-1]) == pytest.approx(case["loss"], rel=1e-12)
    tape.backward()
    for name, found in arrays(tape, model).items():
        agree(found, case["gradients"][name], 1e-12, name)


def test_the_recorded_answers_are_those_of_jax():
    pytest.importorskip("jax")
    recorded = json.loads(record_jax.FILE.read_text(encoding="utf-8"))["cases"]
    for case, again in zip(recorded, record_jax.record()["cases"], strict=True):
        agree(case["loss"], again["loss"], 1e-13)
        for name, gradient in again["gradients"].items():
            agree(case["gradients"][name], gradient, 1e-12, name)


def test_without_jax_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    x = Value(1.0)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'microgrid-autograd\[xla\]'"):
        Tape(x * 2.0, inputs=[x]).to_jax()
