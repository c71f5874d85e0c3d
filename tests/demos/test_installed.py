"""`microgrid demo` in the checkout, and from a package that was installed somewhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from microgrid.cli import main

CHECKOUT = Path(__file__).parents[2]


def test_the_list_of_demos(capsys):
    assert main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert {"quiz", "lstm", "char_rnn"} <= set(names)
    assert names == sorted(names)
    assert not any(name.startswith("_") for name in names)
    assert all(len(line.split()) > 3 for line in lines)


def test_a_demo_runs_with_its_options(capsys, tmp_path):
    assert main(["demo", "quiz", "--out", str(tmp_path), "--format", "svg"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "dL/dh_0 = -20"
    assert (tmp_path / "quiz.svg").is_file()


def test_help_is_the_demos_own(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", "quiz", "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("usage: microgrid demo quiz [-h] [--out DIR]")


def test_an_unknown_demo_is_refused(capsys):
    assert main(["demo", "quizz"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no demo 'quizz', only activations")


def test_a_package_installed_elsewhere_brings_its_demos(tmp_path):
    pytest.importorskip("setuptools")
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "setup.py", "-q", "build", "--build-base", str(tmp_path / "build"),
               "--build-lib", str(site), "egg_info", "--egg-base", str(tmp_path)]  # fmt: skip
    subprocess.run(install, cwd=CHECKOUT, check=True, capture_output=True, timeout=600)
    assert not (site / "demos").exists()
    run = subprocess.run(
        [sys.executable, "-m", "microgrid", "demo", "quiz", "--format", "svg"],
        cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == "dL/dh_0 = -20"
    assert os.listdir(elsewhere) == ["quiz.svg"]
