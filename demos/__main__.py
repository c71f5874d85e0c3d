"""Run every demo: `python -m demos`, or those that are named; `--list` says what there is.

Pictures go to --out. `make demos` (`--gallery`) writes the gallery of this checkout instead:
pictures into demos/gallery, text into demos/README.md. A demo module
says what the gallery shows of it by a constant GALLERY = (picture, arguments); without one the
picture is NAME.svg and there are no arguments. GALLERY = None keeps a demo that needs an extra
out of the gallery.
"""

import argparse
import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from microgrid.files import write_whole

from ._common import as_folder, run

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

    @property
    def title(self) -> str:
        """The first line of the module's docstring."""
        return (inspect.getdoc(self.module) or "").partition("\n")[0]

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
    names = [m.name for m in pkgutil.iter_modules([str(FOLDER)]) if not m.name.startswith("_")]
    names.sort(key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    found = []
    for name in names:
        module = importlib.import_module(f"{__package__}.{name}")
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


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m demos`."""
    made = argparse.ArgumentParser(
        prog="python -m demos",
        description="Every demo, one after the other. `python -m demos.NAME --help` tells of one.",
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all)")
    made.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    made.add_argument(
        "--out",
        type=as_folder,
        default=Path("out"),
        metavar="DIR",
        help="folder for the pictures, made if missing (default: %(default)s)",
    )
    made.add_argument(
        "--gallery",
        action="store_true",
        help="write demos/gallery and demos/README.md of this checkout anew",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demos named, all of them if none is; with --gallery write the page as well."""
    made = parser()
    args = made.parse_args(arguments)
    found = {exhibit.name: exhibit for exhibit in exhibits()}
    for name in args.names:
        if name not in found:
            made.error(f"there is no demo {name!r}, only {', '.join(found)}")
    if args.list:
        for exhibit in found.values():
            print(f"{exhibit.name:<16} {exhibit.title}")
        return
    folder = FOLDER / "gallery" if args.gallery else args.out
    folder.mkdir(parents=True, exist_ok=True)
    for exhibit in [found[name] for name in args.names or found]:
        _run(exhibit, folder, ["--format", "svg"] if args.gallery else [])
    if args.gallery:
        print(f"\nwrote {write_whole(FOLDER / 'README.md', readme())}")


def _run(exhibit: Exhibit, folder: Path, formats: list[str]) -> None:
    print(f"\n=== {exhibit.command}\n", flush=True)
    start = time.perf_counter()
    draws = hasattr(exhibit.module, "pictures")  # it draws graphs, so it takes a format
    options = ["--out", str(folder), *(formats if draws else [])]
    exhibit.module.main([*exhibit.arguments, *options])
    print(f"({time.perf_counter() - start:.1f} s)")
    if not (folder / exhibit.picture).is_file():
        sys.exit(f"error: demos.{exhibit.name} did not write {exhibit.picture}")


if __name__ == "__main__":
    run(lambda _: main())
