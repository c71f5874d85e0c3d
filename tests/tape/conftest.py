"""Compiled kernels in tests: a cache of their own, and engines that each test chooses."""

import pytest

from microgrid.tape import engines
from microgrid.tape.compiled import build


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One cache for all tests here, which is not the user's."""
    return tmp_path_factory.mktemp("kernels", numbered=True) / "microgrid"


@pytest.fixture
def any_engine(monkeypatch, cache):
    """The tests here say which engine they want; what was said once may be said again."""
    monkeypatch.delenv("MICROGRID_ENGINE", raising=False)
    monkeypatch.setenv("MICROGRID_CACHE", str(cache))
    monkeypatch.setattr(engines, "_said", set())


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache, and a process that has loaded no kernels."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MICROGRID_CACHE", str(folder))
    build.library.cache_clear()
    yield folder
    build.library.cache_clear()
