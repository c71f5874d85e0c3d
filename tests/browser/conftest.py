"""A real Chromium for the player's tests: Debian's package, or any that is on PATH.

Without one these tests are skipped, unless MICROGRID_BROWSER=required says that there must be.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import viz

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip

# Without playwright one file says so for all of them.
collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_*.py")
    if path.name != "test_player.py" and find_spec("playwright") is None
]


def _missing(reason: str) -> None:
    if os.environ.get("MICROGRID_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A context of the browser: pages can be opened in it, the network is switched off."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed: pip install playwright")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _missing(f"no browser on PATH: looked for {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        context = running.new_context()
        context.set_offline(True)
        context.set_default_timeout(120_000)  # a busy machine is slow, which is no mistake
        yield context
        running.close()


def foreign(url: str, file: Path) -> bool:
    """Whether a page asks for anything but itself, or a file that it has made itself."""
    return url.partition("?")[0].partition("#")[0] != file.as_uri() and not url.startswith("blob:")


def painted(page: Any) -> None:
    """Wait until the page has been laid out and painted: it learns the room it has only then."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Write the player's page of x and open it from disk.

    The test fails if the page asks for anything or writes an error to its console.
    """
    complaints: list[str] = []
    pages = []

    def opened(
        x: Any,
        fragment: str = "",
        width: int = 1280,
        height: int = 800,
        clock: str = "runs",
        **look: Any,
    ) -> Any:
        options = look.pop("options", {})
        file = viz.player(x, tmp_path / "page.html", **options)
        page = browser.new_page() if clock == "runs" else browser.browser.new_page()
        pages.append(page)
        if clock == "stopped":  # the page's timers wait for page.clock.run_for
            page.clock.install(time=0)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(**({"color_scheme": "light", "reduced_motion": "no-preference"} | look))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda r: complaints.append(r.url) if foreign(r.url, file) else None)
        page.goto(file.as_uri() + fragment)
        painted(page)
        if clock == "stopped":
            page.clock.pause_at(3600)
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
