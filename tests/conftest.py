"""What all tests share: golden texts, and the flag that renews them."""

import os
from pathlib import Path

import pytest

from microgrid import Value, grad
from microgrid.tape import Tape
from microgrid.value import creation_order

GOLDEN = Path(__file__).parent / "golden"
SWEEPS = 5  # of a golden case, that are replayed

# The same engine on every machine, unless another one is asked for as in tests/tape/test_compiled.
os.environ.setdefault("MICROGRID_ENGINE", "numpy")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew")


@pytest.fixture
def golden_text(request):
    """Compare a text with the file of that name in tests/golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"there is no {name}: run pytest with --update-golden"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs: see --update-golden"

    return check


@pytest.fixture(autouse=True)
def replays_equal_eager(request, monkeypatch):
    """Whatever graph a golden case sweeps, a tape replays to the same numbers, to 1e-12."""
    if "case" not in request.fixturenames:
        yield
        return
    swept = []
    eager = Value.backward

    def backward(root, *args, **options):
        eager(root, *args, **options)
        if root.op is not None and len(swept) < SWEEPS:  # a training is a thousand times the same
            swept.append(root)
            _replay(root)

    monkeypatch.setattr(Value, "backward", backward)
    yield


def _replay(root):
    nodes = creation_order(root)
    tape = Tape(root)
    assert tape.forward() == pytest.approx(root.data, rel=1e-12, abs=1e-12)
    tape.backward()
    for node, gradient in zip(nodes, grad(root, nodes)):
        assert tape.value(node) == pytest.approx(node.data, rel=1e-12, abs=1e-12), node
        assert tape.grad(node) == pytest.approx(gradient.data, rel=1e-12, abs=1e-12), node


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Tests hold no doctests: looking for them in every test file takes a second."""
    found = yield
    return [node for node in found if type(node).__name__ != "DoctestModule"]
