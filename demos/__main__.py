"""Run every demo and write the gallery: pictures into demos/gallery, text into demos/README.md.

`make demos` does this; `python -m demos NAME ...` runs only those that are named. A demo module
says what the gallery shows of it by a constant GALLERY = (picture, arguments); without one the
picture is NAME.svg and there are no arguments. GALLERY = None keeps a demo that needs an extra
out of the gallery.
"""

import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import demos
from microgrid.files import write_whole

FOLDER = Path(__file__).parent
FIRST = ("quiz", "mlp_by_hand", "bptt", "truncated", "vanishing", "concat", "activations")


@dataclass(frozen=True)
class Exhibit:
    """One demo in the gallery."""

    name: str
    module: ModuleType
    picture: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> str:
        """How to run it."""
        return " ".join(("python -m", f"demos.{self.name}", *self.arguments))

    def text(self) -> str:
        """Heading, picture, the paragraphs of the module's docstring, command."""
        title, *rest = (inspect.getdoc(self.module) or "").split("\n\n")
        body = [title, *(part for part in rest if not part.startswith("    "))]
        paragraphs = " ".join(" ".join(body).split())
        return (
            f"## {self.name}\n\n{paragraphs}\n\n"
            f"![{self.name}](gallery/{self.picture})\n\n```sh\n{self.command}\n```\n"
        )


def exhibits() -> list[Exhibit]:
    """Every demo there is, the lecture's first ones first."""
    names = [m.name for m in pkgutil.iter_modules(demos.__path__) if not m.name.startswith("_")]
    names.sort(key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    found = []
    for name in names:
        module = importlib.import_module(f"demos.{name}")
        shown = getattr(module, "GALLERY", (f"{name}.svg", ()))
        if shown is not None:
            found.append(Exhibit(name, module, shown[0], tuple(shown[1])))
    return found


def readme() -> str:
    """The text of demos/README.md."""
    head = (
        "# Demos\n\n"
        "Each runs with `python -m demos.NAME`, prints its numbers and writes its pictures to\n"
        "`--out`; `--help` tells the rest. This page and its pictures are made by `make demos`.\n"
    )
    return "\n".join([head, *(exhibit.text() for exhibit in exhibits())])


def main(names: Sequence[str] = ()) -> None:
    """Run the demos named, all of them if none is; then write the page."""
    found = {exhibit.name: exhibit for exhibit in exhibits()}
    for name in names:
        if name not in found:
            sys.exit(f"error: there is no demo {name!r}, only {', '.join(found)}")
    gallery = FOLDER / "gallery"
    gallery.mkdir(exist_ok=True)
    for exhibit in [found[name] for name in names or found]:
        print(f"\n=== {exhibit.command}\n", flush=True)
        start = time.perf_counter()
        options = ["--out", str(gallery)]
        if hasattr(exhibit.module, "pictures"):  # it draws graphs, so it takes a format
            options += ["--format", "svg"]
        exhibit.module.main([*exhibit.arguments, *options])
        print(f"({time.perf_counter() - start:.1f} s)")
        if not (gallery / exhibit.picture).is_file():
            sys.exit(f"error: demos.{exhibit.name} did not write {exhibit.picture}")
    print(f"\nwrote {write_whole(FOLDER / 'README.md', readme())}")


if __name__ == "__main__":
    main(sys.argv[1:])
