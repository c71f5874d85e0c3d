"""The player without a browser: what the page knows, and what it may not do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from page_numbers import Page

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


@pytest.mark.parametrize("steps", [1, 3])
def test_every_gradient_ends_at_the_engines(steps: int) -> None:
    found = run(steps)
    assert found.loss is not None
    shown = Page(found)
    by_name = {pretty(v.label): v for v in creation_order(found.loss) if v.label}
    for level in shown.data["levels"]:
        cards = [c for c in level["cards"] if c["name"] in by_name and not c["alias"]]
        assert len(cards) >= 2 * steps
        for card in cards:
            if len(card["rows"]) == 1:
                assert shown.number(card["rows"][0]["grad"]) == by_name[card["name"]].grad


def test_gradients_grow_message_by_message() -> None:
    a = Value(3.0, label="a")
    shown = Page(a * a * a)
    (card,) = (c for c in shown.data["levels"][0]["cards"] if c["name"] == "a")
    grads = [shown.number(card["rows"][0]["grad"], k) for k in range(5)]
    assert grads == [None, None, 9.0, 18.0, 27.0]
    assert shown.last == 4
    assert gradient_of(a) is None


def test_a_weight_used_twice_in_a_step_adds_within_the_step() -> None:
    w = Value(0.5, label="w")
    h = Value(1.0, label="h_0")
    for t in (1, 2):
        with scope(f"t={t}"):
            h = w * (w * h)
    h.backward()
    shown = Page(h)
    (weight,) = shown.data["shared"]
    parts = [shown.number(part) for part in weight["parts"]]
    assert parts == [0.25, 0.25]  # d(w^4)/dw = 4 w^3 = 0.5, half of it from each step
    assert sum(parts) == shown.number(weight["sum"]) == w.grad


@pytest.mark.parametrize("hidden", [1, 2])
def test_the_parts_of_every_shared_weight_add_up(hidden: int) -> None:
    found = run(3, hidden)
    grads = {p.label: p.grad for p in found.model.parameters()}
    shown = Page(found)
    weights = shown.data["shared"]
    assert {w["name"] for w in weights} == set(grads)
    for weight in weights:
        assert shown.number(weight["sum"]) == grads[weight["name"]]
        parts = sum(shown.number(part) for part in weight["parts"] if part)
        assert parts == pytest.approx(grads[weight["name"]], rel=1e-12)


def test_a_message_is_the_gradient_above_times_the_local_derivative() -> None:
    shown = Page(run())
    wires = shown.data["levels"][0]["wires"]
    assert sorted(map(shown.step, wires)) == list(range(1, len(wires) + 1))
    for wire in wires:
        upstream, local, message = (shown.number(wire[k]) for k in ("upstream", "local", "message"))
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
    data, _ = playback(bare, None, None)
    assert data["graph"]["root"] is None
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
    assert data["title"]["cases"] == [[None, None, [HOSTILE]]]
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


def test_the_knobs_of_a_start_state_hold_the_cell_of_an_lstm_too() -> None:
    layers = nn.Stacked([nn.LSTMCell(1, 1, seed=0), nn.LSTMCell(1, 1, seed=1)])
    shown = Page(nn.SequenceModel(layers).unroll([1.0], [0.5], loss="mse"))
    groups = {group["name"]: [name for name, _ in group["items"]] for group in shown.data["knobs"]}
    assert set(groups["Start state"]) == {"h¹₀", "c¹₀", "h²₀", "c²₀"}
    assert "Leaves" not in groups
