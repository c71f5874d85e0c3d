"""What `import microgrid` alone opens, and what it leaves closed until it is asked for."""

import inspect
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version

import pytest

import microgrid
import viz
from microgrid.gradcheck import gradcheck, gradgradcheck
from microgrid.gradcheck.blame import Tolerance
from viz.picture.build import Options


def test_rooms_open_after_import_microgrid_alone():
    code = (
        "import sys, microgrid; closed = 'microgrid.nn' in sys.modules or 'numpy' in sys.modules;"
        "print(closed, microgrid.nn.__name__, microgrid.optim.SGD.__name__,"
        "microgrid.bptt.paths.__name__, microgrid.tape.Tape.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "microgrid.nn", "SGD", "paths", "Tape"]


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'microgrid' has no attribute 'nnn'"):
        _ = microgrid.nnn


def test_dir_shows_the_public_names_only():
    assert dir(microgrid) == sorted(microgrid.__all__)
    assert all(hasattr(microgrid, name) for name in microgrid.__all__)


def test_the_version_is_that_of_the_package():
    assert microgrid.__version__ == version("microgrid-autograd")


@pytest.mark.parametrize(
    ("function", "defaults", "of_its_own"),
    [
        (viz.draw, Options, set()),
        (viz.render, Options, set()),
        (viz.text, Options, set()),
        (viz.compare, Options, set()),
        (viz.animate, Options, set()),
        (viz.frames, Options, {"detail"}),  # a picture for each message needs a card for each Value
        (gradcheck, Tolerance, set()),
        (gradgradcheck, Tolerance, set()),
    ],
)
def test_keywords_that_several_functions_take_have_one_default(function, defaults, of_its_own):
    usual = {field.name: field.default for field in fields(defaults)}
    given = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name in usual.keys() - of_its_own
    }
    assert len(given) >= 3
    assert given == {name: usual[name] for name in given}
