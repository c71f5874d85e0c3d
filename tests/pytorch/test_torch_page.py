"""The page on PyTorch runs as it stands. Its blocks say `py`, for a site is built without torch."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pytorch.md"


def test_its_blocks_run_in_order(tmp_path, monkeypatch, capsys):
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
