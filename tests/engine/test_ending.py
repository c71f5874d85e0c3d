"""How commands end: without a traceback, `microgrid` and demos by the same exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from microgrid.cli.ending import exit_code

MICROGRID = ["-m", "microgrid", "draw", "rnn", "--steps", "40"]
QUIZ = ["-m", "demos.quiz"]
ROOT = Path(__file__).parents[2]


def started(arguments: list[str], folder: Path, path: Path = ROOT) -> subprocess.Popen[bytes]:
    """The program, running in a folder of its own."""
    environment = os.environ | {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}", "COLUMNS": "80"}
    environment |= {"PYTHONUNBUFFERED": ""}  # which decides who finds that the reader has gone
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("arguments", [MICROGRID, QUIZ, [*MICROGRID[:2], "demo", "quiz"]])
def test_a_reader_that_goes_away_is_said_by_the_exit_code_alone(arguments, tmp_path):
    with started(arguments, tmp_path) as running:
        running.stdout.close()
        # A machine that is busy may have had the time to say what it does.
        assert running.stderr.read() in (b"", "reading the graph …\n".encode())
        assert running.wait() == 141


@pytest.mark.parametrize(
    ("arguments", "code"), [(MICROGRID, 130), (QUIZ, -signal.SIGINT), (["-m", "demos"], -2)]
)
def test_ctrl_c_while_modules_load_shows_no_traceback(arguments, code, tmp_path):
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    with started(arguments, tmp_path, tmp_path) as running:
        said, complaint = running.communicate()
        assert (said, complaint, running.returncode) == (b"", b"", code)


def test_another_mistake_while_a_demo_loads_is_told(tmp_path):
    (tmp_path / "numpy.py").write_text("raise RuntimeError('no such processor')")
    with started(QUIZ, tmp_path, tmp_path) as running:
        assert running.communicate()[1].endswith(b"RuntimeError: no such processor\n")


def test_the_exit_code_of_a_command(capsys):
    def told(error: type[BaseException]) -> int:
        def command() -> None:
            raise error("nothing\x1b[2J to draw")

        return exit_code(command)

    assert exit_code(lambda: 1) == 1
    assert told(ValueError) == told(TypeError) == told(OSError) == 2
    assert "\x1b" not in capsys.readouterr().err
    assert told(KeyboardInterrupt) == 130
    assert capsys.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        told(ZeroDivisionError)
