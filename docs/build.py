"""Build the site: `python docs/build.py [--out site]`, which is `make site`.

The pages are plain Markdown. Their Python blocks are run first, in a copy, so that the pictures
and live pages which they write are there, and the demos whose pages a lesson shows; then Zensical
turns the copy into a static site.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXTRAS = re.compile(r"^\s*(?:>>> )?(?:import|from) (torch|jax)\b", re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

DEMOS = {
    "course/pictures/microgpt.html": "microgpt"
}  # pages too large to be kept, and who makes them


def pages(docs: Path = DOCS) -> list[Path]:
    """Every page, in order of name."""
    return sorted(docs.rglob("*.md"))


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every Python block of a page."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        yield text[: found.start(1)].count("\n") + 1, found[1]


def run_page(page: Path, folder: Path) -> dict[str, Any]:
    """Run the blocks of a page one after the other in `folder`/pictures; returns their names.

    They name their files without a folder, so that a reader can type them anywhere.
    A block with >>> must print what it says. AssertionError names the page and the line. A block
    that imports an extra which is not installed here is left out.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    (folder / "pictures").mkdir(exist_ok=True)
    before = Path.cwd()
    os.chdir(folder / "pictures")
    try:
        for line, text in blocks(page):
            where = f"{page.name}, line {line}"
            if any(find_spec(extra) is None for extra in EXTRAS.findall(text)):
                continue
            if ">>>" in text:
                _check(text, names, where)
            else:
                exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)
    finally:
        os.chdir(before)
    return names


def _check(text: str, names: dict[str, Any], where: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, where, None, None)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.write, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0, f"{where}:\n{report.getvalue()}"


def build(out: Path) -> None:
    """The whole site into the folder `out`, which is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copytree(
            DOCS, work / "docs", ignore=shutil.ignore_patterns("build.py", "__pycache__")
        )
        for package in ("microgrid", "viz"):  # read for the reference
            shutil.copytree(ROOT / package, work / package)
        shutil.copy(ROOT / "zensical.toml", work)
        for page in pages(work / "docs"):
            if any(True for _ in blocks(page)):
                print(f"running {page.relative_to(work)}", flush=True)
                with contextlib.redirect_stdout(io.StringIO()):
                    run_page(page, page.parent)
        for page, demo in DEMOS.items():
            print(f"running demos.{demo}", flush=True)
            folder = (work / "docs" / page).parent
            make = [sys.executable, "-m", f"demos.{demo}", "--out", str(folder), "--format", "svg"]
            subprocess.run(make, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        subprocess.run(command, cwd=work, check=True)
        if out.exists():
            shutil.rmtree(out)
        shutil.copytree(work / "site", out)
    print(f"wrote {out}")


def draw_pictures(docs: Path = DOCS) -> list[Path]:
    """Draw the pictures that are kept beside the pages anew: code hosts show those."""
    drawn = []
    with tempfile.TemporaryDirectory() as folder:
        for page in pages(docs):
            kept = sorted((page.parent / "pictures").glob("*.svg"))
            if not kept:
                continue
            with contextlib.redirect_stdout(io.StringIO()):
                run_page(page, Path(folder))
            for picture in kept:
                made = Path(folder, "pictures", picture.name)
                if made.is_file() and picture not in drawn:
                    shutil.copy(made, picture)
                    drawn.append(picture)
    return drawn


COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def type_commands(docs: Path = DOCS) -> None:
    """Type every shell command of the pages as it stands, one page after the other in a folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        for page in pages(docs):
            for block in COMMANDS.findall(page.read_text(encoding="utf-8")):
                print(f"$ {block.strip()}", flush=True)
                done = subprocess.run(
                    ["bash", "-c", block], cwd=folder, env=os.environ | {"PATH": path}, check=False
                )
                if done.returncode:
                    sys.exit(f"error: {page.name}: exit code {done.returncode}: {block.strip()}")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python docs/build.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site", metavar="DIR",
                        help="folder of the site, replaced (default: site)")  # fmt: skip
    parser.add_argument("--type-commands", action="store_true",
                        help="type every shell command of the pages instead")  # fmt: skip
    parser.add_argument("--pictures", action="store_true",
                        help="draw the pictures that are kept in docs anew instead")  # fmt: skip
    args = parser.parse_args(arguments)
    if args.type_commands:
        return type_commands()
    if args.pictures:
        for picture in draw_pictures():
            print(f"wrote {picture}")
        return None
    try:
        build(args.out)
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: the site was not built: {error}; pip install -e '.[docs]'")


if __name__ == "__main__":
    main()
