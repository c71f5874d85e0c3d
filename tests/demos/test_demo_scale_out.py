"""The demo scale_out, each run in a process of its own: JAX counts its devices only once."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def scale_out(*arguments, before="", **environment):
    code = f"{before}\nfrom demos import scale_out\nscale_out.run(lambda _: scale_out.main())"
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments), "--out", folder],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )


def test_four_devices_train_as_one_does():
    pytest.importorskip("jax")
    run = scale_out("LICENSE", "--updates", 6, "--hidden", 4, "--length", 4, "--write", 5)
    assert run.returncode == 0, run.stderr
    assert re.findall(r"cpu:(\d) +(\d, \d)", run.stdout) == [
        ("0", "0, 1"),
        ("1", "2, 3"),
        ("2", "4, 5"),
        ("3", "6, 7"),
    ]
    apart = re.search(r"4 devices and one: (\S+); tape and one: (\S+)\n", run.stdout)
    assert all(float(number) <= 1e-10 for number in apart.groups())


def test_bad_input_is_one_sentence():
    pytest.importorskip("jax")
    for arguments, sentence in (
        (["LICENSE", "--devices", 3], "--devices must divide --lanes, got 3 and 8"),
        (["LICENSE", "--devices", 0], "argument --devices: expected 1 or more, got 0"),
        (["LICENSE", "--lanes", 4096], "has room for 1 to"),
        (["absent.txt"], "absent.txt"),
    ):
        run = scale_out(*arguments)
        assert run.returncode == 2
        assert sentence in run.stderr
        assert "Traceback" not in run.stderr
    run = scale_out("LICENSE", XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert run.returncode == 2
    assert run.stderr.startswith("error: --devices 4: JAX has 2 here")


def test_without_jax_one_sentence_says_how_to_get_it():
    hide = "import importlib.util as u; u.find_spec = lambda name: None"
    run = scale_out("LICENSE", before=hide)
    assert run.returncode == 2
    assert run.stderr == (
        "error: scale_out needs JAX, which is not installed: "
        "pip install 'microgrid-autograd[xla]'\n"
    )
