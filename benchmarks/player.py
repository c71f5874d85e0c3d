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
MOVE = """async () => {
    const [name] = window.microgrid.names().filter((n) => n.startsWith("W_h"));
    const start = performance.now();
    window.microgrid.set(name, window.microgrid.value(name) + 0.001);
    const computed = performance.now() - start;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return [computed, performance.now() - start];
}"""
STEP = """async () => {
    const start = performance.now();
    document.getElementById("next").click();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - start;
}"""


def main(arguments: list[str]) -> None:
    """Print cards, kilobytes live and still, and milliseconds: to the first frame, of a step, of a
    moved number until everything is computed and until it is painted, and until it is painted
    where the whole picture is in the window.
    """
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
    heads = ("cards", "kB", "still kB", "load ms", "step ms", "move ms", "to paint", "all of it")
    print("".join(f"{head:>10}" for head in heads))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for steps in lengths:
            file = viz.player(run(steps), Path(folder) / "page.html")
            page = browser.new_page()
            page.goto(f"{file.as_uri()}#level=scalar", wait_until="commit")
            page.wait_for_load_state("load")
            loaded = page.evaluate(LOADED)
            cards = page.locator(".card").count()
            step = median(page.evaluate(STEP) for _ in range(25))
            moves = [page.evaluate(MOVE) for _ in range(25)]
            page.keyboard.press("f")
            whole = [page.evaluate(MOVE)[1] for _ in range(25)]
            page.close()
            still = viz.player(run(steps), Path(folder) / "still.html", live=False)
            numbers = (
                file.stat().st_size / 1e3, still.stat().st_size / 1e3, loaded, step,
                median(move for move, _ in moves), median(paint for _, paint in moves),
                median(whole),
            )  # fmt: skip
            print(f"{cards:>10}" + "".join(f"{x:>10.1f}" for x in numbers))
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
