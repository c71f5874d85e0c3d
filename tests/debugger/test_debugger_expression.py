"""The safe evaluator: what it computes, and that nothing else gets in."""

import contextlib
import inspect
import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microgrid import Value
from microgrid.debugger.expression import Expression

h = Value(0.5, label="h_1").tanh()
h.grad = -20.0
NAMES = {"grad": -20.0, "op": "tanh", "h_1": h, "W_h[0,1]": Value(3.0), "E[o]": h, "early": None}


def value(text):
    return Expression(text).evaluate(NAMES.__getitem__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("2 ** 3 ** 2", 512.0),
        ("-(2 - 5)", 3.0),
        ("abs(grad) > 10", True),
        ("isnan(grad) or op == 'tanh'", True),
        ("not isfinite(inf) and not 'x' == 'y'", True),
        ("0 < 1 < 2 > 1.5", True),
        ("0 < 1 < 0.5", False),
        ("'tan' in op and 'q' not in op", True),
        ("W_h[0, 1] * 2", 6.0),
        ("E[o].grad == h_1.grad", True),
        ("h_1.op", "tanh"),
        ("h_1.scope == ''", True),
        ("max(1, 2, h_1) + min(1, -1)", 1.0),
        ("sqrt(9) + exp(0) + log(e) + tanh(0)", 5.0),
        ("early + 1 > 0", False),
        ("abs(early)", None),
        ("early == None and grad != None", True),
        ("1/0", math.inf),
        ("9**9**9", math.inf),
        ("1" + "0" * 400, math.inf),
        ("sqrt(-1) == sqrt(-1)", False),
        ("True and None", False),
    ],
)
def test_values(text, expected):
    assert value(text) == expected


def test_a_node_stays_a_node():
    assert value("h_1") is h
    assert value(" E[o] ") is h


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an expression is needed, got nothing"),
        ("grad >", "not an expression: 'grad >'"),
        ("grad = 3", "not an expression"),
        ("(" * 300 + "1" + ")" * 300, "at most 500 characters, got 601"),
        ("(" * 240 + "1" + ")" * 240, "not an expression"),
        ("1\0", "not an expression"),
        ("eval('1')", "'eval' is no function here; there are abs, min"),
        ("h_1.__class__", "a node has data, grad, op, label, scope; no '__class__'"),
        ("h_1.data.real", "a node has data, grad, op, label, scope; no 'real'"),
        ("h_1.data.grad", "only a node has .grad"),
        ("(lambda: 1)()", r"is not allowed in an expression"),
        ("[x for x in 'ab']", r"is not allowed"),
        ("f'{grad}'", "is not allowed"),
        ("abs(*'ab')", "is not allowed"),
        ("max(1, key=abs)", "is not allowed"),
        ("'ab'[0]", "'ab'\\[0\\]' is not allowed|is not allowed"),
        ("1 if grad else 2", "is not allowed"),
        ("1j", "'1j' is not allowed"),
        ("b'x'", "is not allowed"),
        ("7 % 2", "'7 % 2' is not allowed"),
        ("~1", "'~1' is not allowed"),
        ("grad is None", "is not allowed"),
        ("h_9 > 1", "there is no 'h_9' here"),
        ("'a' + 1", "mixes what does not go together"),
        ("'a' < 1", "mixes what does not go together"),
        ("'a' * 1000000000", "mixes what does not go together"),
        ("abs()", "mixes what does not go together"),
        ("abs('a')", "mixes what does not go together"),
    ],
)
def test_what_is_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        value(text)


@contextlib.contextmanager
def room_for(frames):
    """A stack that ends so many calls below here."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def test_too_deep_a_nesting_is_one_sentence():
    text = "-" * 400 + "1"
    with room_for(5000):
        deep = Expression(text)
        assert deep.evaluate(NAMES.__getitem__) == 1.0
    for read in (lambda: Expression(text), lambda: deep.evaluate(NAMES.__getitem__)):
        with room_for(300), pytest.raises(ValueError, match=r"'-+\.\.\.' is nested too deeply"):
            read()


@given(st.text(alphabet="abcgrdh_1.+-*/()[]'<>=! \n#:\\{}@%~,", max_size=40))
@example("1if 2else 3")
@example("grad\n+ 1")
@example("-" * 499 + "1")
def test_no_text_does_more_than_a_value_error(text):
    with contextlib.suppress(ValueError):
        value(text)
