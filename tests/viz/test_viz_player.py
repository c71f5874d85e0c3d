"""The player without a browser: what the page knows, and what it may not do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import viz
from microgrid import Value, nn, scope
from microgrid.graph import creation_order, gradient_of
from viz.page.data import playback
from viz.page.player import page
from viz.style.theme import THEMES
from viz.style.typography import pretty


def run(steps: int = 3, hidden: int = 2) -> nn.Unrolled:
    model = nn.SequenceModel(nn.RNNCell(1, hidden, seed=0), readout=nn.Linear(hidden, 1, seed=1))
    found = model.unroll([0.5, -1.0, 0.25][:steps], [0.1] * steps, loss="mse")
    assert found.loss is not None
    found.loss.backward()
    return found


def last(history: list[list[Any]]) -> float:
    return float(history[-1][1])


@pytest.mark.parametrize("steps", [1, 3])
def test_every_history_ends_at_the_engines_gradient(steps: int) -> None:
    found = run(steps)
    assert found.loss is not None
    data = playback(found, None, None)
    by_name = {pretty(v.label): v for v in creation_order(found.loss) if v.label}
    for level in data["levels"]:
        cards = [c for c in level["cards"] if c["name"] in by_name and not c["alias"]]
        assert len(cards) >= 2 * steps
        for card in cards:
            if len(card["rows"]) == 1:
                assert last(card["rows"][0]["history"]) == by_name[card["name"]].grad


def test_histories_grow_message_by_message() -> None:
    a = Value(3.0, label="a")
    loss = a * a * a
    data = playback(loss, None, None)
    (card,) = (c for c in data["levels"][0]["cards"] if c["name"] == "a")
    assert [(step, float(x)) for step, x, *_ in card["rows"][0]["history"]] == [
        (2, 9.0), (3, 18.0), (4, 27.0),
    ]  # fmt: skip
    assert data["last"] == 4
    assert gradient_of(a) is None


def test_a_weight_used_twice_in_a_step_adds_within_the_step() -> None:
    w = Value(0.5, label="w")
    h = Value(1.0, label="h_0")
    for t in (1, 2):
        with scope(f"t={t}"):
            h = w * (w * h)
    h.backward()
    (weight,) = playback(h, None, None)["shared"]
    parts = [last(part) for part in weight["parts"]]
    assert parts == [0.25, 0.25]  # d(w^4)/dw = 4 w^3 = 0.5, half of it from each step
    assert sum(parts) == last(weight["sum"]) == w.grad


@pytest.mark.parametrize("hidden", [1, 2])
def test_the_parts_of_every_shared_weight_add_up(hidden: int) -> None:
    found = run(3, hidden)
    grads = {p.label: p.grad for p in found.model.parameters()}
    weights = playback(found, None, None)["shared"]
    assert {w["name"] for w in weights} == set(grads)
    for weight in weights:
        assert last(weight["sum"]) == grads[weight["name"]]
        parts = sum(last(part) for part in weight["parts"] if part)
        assert parts == pytest.approx(grads[weight["name"]], rel=1e-12)


def test_a_message_is_the_gradient_above_times_the_local_derivative() -> None:
    wires = playback(run(), None, None)["levels"][0]["wires"]
    sent = [wire for wire in wires if wire["step"] is not None]
    assert sorted(wire["step"] for wire in sent) == list(range(1, len(sent) + 1))
    for wire in sent:
        upstream, local, message = (float(wire[k][0]) for k in ("upstream", "local", "message"))
        assert upstream * local == message


def test_making_a_page_leaves_every_gradient_as_it_was() -> None:
    found = run()
    assert found.loss is not None
    order = creation_order(found.loss)
    before = [node.grad for node in order]
    page(found)
    assert [node.grad for node in order] == before


def test_a_run_without_a_loss_has_no_sweep() -> None:
    bare = nn.SequenceModel(nn.RNNCell(1, 1, seed=0)).unroll([1.0, 2.0])
    assert bare.root is None
    data = playback(bare, None, None)
    assert data["last"] == 0
    assert data["levels"][0]["cards"]


def test_the_page_loads_nothing_and_runs_no_script_but_its_own() -> None:
    text = page(run())
    assert not re.search(r"(?:src|href)=", text)
    assert text.count("<script") == 2
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy


HOSTILE = "</script><script>alert(1)</script><!-- <b> \" ' \\ \u2028 $data"


def test_a_label_cannot_leave_the_block_of_data() -> None:
    a = Value(2.0, label=HOSTILE)
    text = page(a * a, title=HOSTILE)
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert not set("<>&\u2028") & set(block)
    data = json.loads(block)
    assert data["title"] == HOSTILE
    assert data["levels"][0]["cards"][0]["name"] == HOSTILE


def test_the_colours_of_every_theme_are_in_the_page() -> None:
    text = page(Value(1.0))
    for name, theme in THEMES.items():
        assert f'data-theme="{name}"' in text
        assert f"--ground: {theme.ground};" in text


def test_bad_input_is_named(tmp_path: Path) -> None:
    a = Value(2.0) * 3.0
    with pytest.raises(ValueError, match=r"ends in \.html, got 'a\.txt'"):
        viz.player(a, tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="no folder"):
        viz.player(a, tmp_path / "nowhere" / "a.html")
    with pytest.raises(ValueError, match="theme must be one of system, light"):
        viz.player(a, tmp_path / "a.html", theme="pink")
    with pytest.raises(TypeError, match="3"):
        viz.player(3, tmp_path / "a.html")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
