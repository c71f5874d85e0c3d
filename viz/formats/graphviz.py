"""Which Graphviz runs: the one that is asked for, graphviz-pure, or `dot` on PATH."""

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["VARIABLE", "Engine", "EngineError", "find"]

VARIABLE = "MICROGRID_DOT"


class EngineError(OSError):
    """No Graphviz was found, or it failed, or it cannot make the format asked for."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A Graphviz program: where it is, and where we learnt of it."""

    program: str
    origin: str

    @property
    def pure(self) -> bool:
        """Whether this is graphviz-pure, which makes no PDF."""
        return Path(self.program).stem == "graphviz-pure"

    def version(self) -> str:
        """What the program says of itself: "dot - graphviz version 16.1.0"."""
        done = subprocess.run([self.program, "-V"], capture_output=True, text=True, check=False)
        return (done.stderr or done.stdout).strip()

    def run(self, source: str, format: str, options: Sequence[str] = ()) -> bytes:
        """The picture of a DOT text in a format: "svg", "png"."""
        command = [self.program, "-q", f"-T{format}", *options]
        try:
            done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
        except OSError as error:
            raise EngineError(f"{self.program} ({self.origin}) does not run: {error}") from None
        if done.returncode != 0 or not done.stdout:
            said = done.stderr.decode(errors="replace").strip().split("\n")[0]
            raise EngineError(f"{self.program} ({self.origin}) made no {format}: {said}")
        return done.stdout


def find() -> Engine:
    """The Graphviz that paints: MICROGRID_DOT, then graphviz-pure, then dot on PATH.

    EngineError, in one sentence, where there is none.
    """
    asked = os.environ.get(VARIABLE)
    if asked:
        program = shutil.which(asked)
        if program is None:
            raise EngineError(f"{VARIABLE} is {asked!r}, which is no program that can be run")
        return Engine(program, VARIABLE)
    pure, system = _pure(), shutil.which("dot")
    if pure is not None:
        return Engine(pure, "the graphviz-pure package")
    if system is not None:
        return Engine(system, "PATH")
    raise EngineError(
        f"no Graphviz was found: pip install graphviz-pure, or install Graphviz so that dot is "
        f"on PATH, or set {VARIABLE} to its dot program"
    )


def _pure() -> str | None:
    """The program of the graphviz-pure package, which is not named dot."""
    try:
        files = importlib.metadata.distribution("graphviz-pure").files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.stem == "graphviz-pure" and file.suffix in ("", ".exe"):
            program = Path(str(file.locate()))
            if program.is_file():
                return str(program.resolve())
    return None
