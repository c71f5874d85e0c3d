"""The player in headless Chromium: how long a page takes to load, and a step to repaint."""

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

import viz
from microgrid import nn

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LOADED = """() => new Promise((done) => requestAnimationFrame(() =>
    setTimeout(() => done(performance.now()))))"""
STEP = """async () => {
    const start = performance.now();
    document.getElementById("next").click();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - start;
}"""


def main(arguments: list[str]) -> None:
    """Print cards, kilobytes, milliseconds to the first frame, and of one step to the next."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("skipped: pip install playwright")
        return
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print(f"skipped: no browser on PATH ({', '.join(NAMES)})")
        return
    lengths = (10,) if "--smoke" in arguments else (10, 80, 230)
    print(f"{'cards':>6} {'kB':>7} {'load ms':>9} {'step ms':>9}")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for steps in lengths:
            file = viz.player(run(steps), Path(folder) / "page.html")
            page = browser.new_page()
            page.goto(file.as_uri(), wait_until="commit")
            page.wait_for_load_state("load")
            loaded = page.evaluate(LOADED)
            cards = page.locator(".card").count()
            step = median(page.evaluate(STEP) for _ in range(25))
            page.close()
            print(f"{cards:>6} {file.stat().st_size / 1e3:>7.0f} {loaded:>9.0f} {step:>9.1f}")
        browser.close()


def run(steps: int) -> nn.Unrolled:
    """A swept RNN with one hidden unit."""
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), readout=nn.Linear(1, 1, seed=1))
    found = model.unroll([0.5] * steps, [0.1] * steps, loss="mse")
    assert found.loss is not None
    found.loss.backward()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
