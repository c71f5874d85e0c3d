"""A label from somebody else's file cannot command the terminal of who reads it."""

import io

import pytest

import viz
from microgrid import Value, bptt, detect_anomaly, nn, optim, scope
from microgrid.anomaly import AnomalyError
from microgrid.debugger import debug
from microgrid.gradcheck import GradcheckError, against, gradcheck
from microgrid.tape import Tape
from microgrid.train import Diverged, Training
from microgrid.wording import clean

HOSTILE = "a\x1b[2J\x07\x9b31m\ud800"


def hostile():
    leaf = Value(-1.0, label=HOSTILE)
    with scope(f"t=1/{HOSTILE}"):
        y = leaf * 2.0
    y.label = f"y{HOSTILE}"
    return leaf, y


def is_harmless(text):
    return all(x.isprintable() or x in "\n\t" for x in text) and text.encode()


def test_every_control_character_is_written_out():
    assert clean(HOSTILE) == r"a\x1b[2J\x07\x9b31m\ud800"
    assert clean("h₁ = α\n\tok") == "h₁ = α\n\tok"
    assert is_harmless(clean("".join(map(chr, range(0x300))) + "\u202e\ufeff"))


def test_the_prompt_and_the_terminal_picture():
    leaf, y = hostile()
    out = io.StringIO()
    debug(y, io.StringIO("p\nw\nc\np nothing\x1b\nhistory\nq\n"), out)
    assert is_harmless(out.getvalue())
    y.backward()
    assert is_harmless(viz.text(y, title=HOSTILE, color=False))
    assert is_harmless(repr(leaf))
    module = nn.Module()
    module.w = leaf
    assert is_harmless(str(module))


def test_errors():
    leaf, y = hostile()
    module = nn.Module()
    module.w = leaf

    def anomaly():
        with detect_anomaly():
            leaf.log()

    for error, call in [
        (AnomalyError, anomaly),
        (GradcheckError, lambda: gradcheck(lambda a: Value.__mul__(a, a.detach()), [leaf])),
        (GradcheckError, lambda: against(y, [leaf], [5.0])),
        (ValueError, lambda: Tape(y, inputs=[leaf, leaf])),
        (ValueError, lambda: bptt.contributions(y, HOSTILE + "?")),
        (Diverged, lambda: Training(module, optim.SGD([leaf], lr=0.1)).run(lambda: leaf.log(), 1)),
    ]:
        with pytest.raises(error) as caught:
            call()
        assert is_harmless(str(caught.value)), error
