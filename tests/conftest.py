"""What all tests share: golden texts, the flag that renews them, and the same ground everywhere."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from microgrid import Value, grad
from microgrid.tape import Tape
from microgrid.value import creation_order

GOLDEN = Path(__file__).parent / "golden"
SWEEPS = 5  # of a golden case, that are replayed

# The same engine on every machine, unless another one is asked for as in tests/tape/test_compiled.
os.environ.setdefault("MICROGRID_ENGINE", "numpy")

# The same examples in every run, and no test fails because the machine is busy. New examples are
# drawn by `pytest --hypothesis-profile=search`.
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("search", **PATIENT)
settings.register_profile("same", derandomize=True, database=None, **PATIENT)
settings.load_profile("same")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew")


def pytest_configure(config):
    """Compiled kernels go into a folder of this run, which the workers of pytest-xdist share."""
    if "MICROGRID_CACHE" not in os.environ:
        folder = TemporaryDirectory(prefix="microgrid-kernels-", ignore_cleanup_errors=True)
        os.environ["MICROGRID_CACHE"] = folder.name
        config.add_cleanup(folder.cleanup)


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
