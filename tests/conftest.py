"""What all tests share: golden texts, and the flag that renews them."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


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


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Tests hold no doctests: looking for them in every test file takes a second."""
    found = yield
    return [node for node in found if type(node).__name__ != "DoctestModule"]
