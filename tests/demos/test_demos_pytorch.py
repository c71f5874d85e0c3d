"""The demos that need PyTorch: their numbers where it is, one sentence where it is not."""

from __future__ import annotations

import builtins
import subprocess
import sys

import pytest

from demos import pytorch_lstm, wrong_backward


@pytest.mark.parametrize("demo", [pytorch_lstm, wrong_backward], ids=lambda demo: demo.__name__)
def test_without_pytorch_there_is_one_sentence(demo, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "torch" or name.startswith("torch."):
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(ValueError, match=r"needs PyTorch.*microgrid-autograd\[torch\]") as caught:
        demo.main([])
    assert "\n" not in str(caught.value)


def test_the_door_says_what_is_missing():
    program = "import sys; sys.modules['torch'] = None; import microgrid.pytorch"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    last = done.stderr.decode().strip().splitlines()[-1]
    assert last.startswith("ImportError: microgrid.pytorch needs PyTorch, which is not installed")


def test_the_rest_of_microgrid_imports_no_torch():
    program = (
        "import sys, microgrid, microgrid.nn, microgrid.bptt, microgrid.tape, microgrid.gradcheck, "
        "microgrid.jaxpr, microgrid.pytest_plugin, viz, viz.plots.flow, demos.pytorch_lstm; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_wrong_backward_names_the_function_and_the_step(capsys):
    pytest.importorskip("torch")
    wrong_backward.main([])
    shown = capsys.readouterr().out
    assert shown.count("CubeBackward at wrong_backward.py:") == 2
    assert shown.count("in t = 3: the gradient") == 2
    assert shown.count("0.666667 times the exact one") == 2


def test_pytorch_lstm_trains_and_draws(tmp_path, capsys):
    pytest.importorskip("torch")
    options = ["--updates", "4", "--hidden", "4", "--steps", "6", "--format", "svg"]
    pytorch_lstm.main([*options, "--out", str(tmp_path)])
    shown = capsys.readouterr().out
    for name in pytorch_lstm.NAMES:
        assert f"{name}: " in shown
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["pytorch_lstm.svg", "pytorch_lstm_flow.svg", "pytorch_lstm_strips.svg"]


def test_too_short_a_text(tmp_path):
    pytest.importorskip("torch")
    short = tmp_path / "short.txt"
    short.write_text("abc")
    with pytest.raises(ValueError, match="has 3 letters, which is too short for --steps 40"):
        pytorch_lstm.main([str(short)])
