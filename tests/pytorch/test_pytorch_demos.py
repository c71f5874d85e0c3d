"""The numbers and files of the demos and of the page that need PyTorch."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from demos import pytorch_lstm, wrong_backward

# Its blocks say `py`, for a site is built without torch.
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pytorch.md"


def test_wrong_backward_names_the_function_and_the_step(capsys):
    wrong_backward.main([])
    shown = capsys.readouterr().out
    assert shown.count("CubeBackward at wrong_backward.py:") == 2
    assert shown.count("in t = 3: the gradient") == 2
    assert shown.count("0.666667 times the exact one") == 2


def test_pytorch_lstm_trains_and_draws(tmp_path, capsys):
    options = ["--updates", "4", "--hidden", "4", "--steps", "6", "--format", "svg"]
    pytorch_lstm.main([*options, "--out", str(tmp_path)])
    shown = capsys.readouterr().out
    for name in pytorch_lstm.NAMES:
        assert f"{name}: " in shown
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["pytorch_lstm.svg", "pytorch_lstm_flow.svg", "pytorch_lstm_strips.svg"]


def test_too_short_a_text(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("abc")
    with pytest.raises(ValueError, match="has 3 letters, which is too short for --steps 40"):
        pytorch_lstm.main([str(short)])


def test_the_pages_blocks_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.M)
    assert len(blocks) == 5
    for block in blocks:
        if "jax" in block:
            pytest.importorskip("jax")
        exec(compile(block, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "CubeBackward at pytorch.md" in shown
    assert "0.666667 times the exact one in every entry" in shown
    assert {p.name for p in tmp_path.iterdir()} == {
        "lstm.svg", "lstm.html", "flow.svg", "strips.svg",
    }  # fmt: skip
