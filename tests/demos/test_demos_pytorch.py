"""The demos that need PyTorch: one sentence where it is not installed."""

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
