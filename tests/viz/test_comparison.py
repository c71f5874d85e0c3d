"""viz.compare: both graphs in one layout, and every number that differs is marked."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path

import pytest

import viz
from microgrid import Value, nn, optim
from microgrid.nn import Unrolled
from viz.comparison import side_by_side
from viz.drawing.drawing import Drawing, Group, Rect, Text
from viz.style.theme import LIGHT
from viz.style.typography import number


def run_of(model: nn.SequenceModel) -> Unrolled:
    run = model.unroll([1.0, 2.0], loss=lambda y, t: (y[0] - 1.0) ** 2)
    model.zero_grad()
    run.loss.backward()
    return run


def updated(cell: nn.RNNCell | nn.LSTMCell) -> tuple[Unrolled, Unrolled]:
    """A run before and after an update."""
    model = nn.SequenceModel(cell)
    before = copy.deepcopy(run_of(model))
    optim.SGD(model.parameters(), lr=0.1).step()
    return before, run_of(model)


def card(drawing: Drawing, name: str, second: bool) -> Group:
    """The card of this name in the first or second picture."""
    return next(
        group
        for group in drawing.groups
        if group.kind == "card"
        and group.id.startswith("b_") == second
        and name in [text.plain for text in group.shapes if isinstance(text, Text)]
    )


def words(group: Group) -> str:
    return " ".join(shape.plain for shape in group.shapes if isinstance(shape, Text))


def frame(group: Group) -> Rect:
    return next(shape for shape in group.shapes if isinstance(shape, Rect))


def marks(group: Group) -> int:
    return sum(shape.kind == "differs" for shape in group.shapes)


def test_numbers_and_changes_are_those_of_the_two_runs():
    before, after = updated(nn.RNNCell(1, 1, seed=0))
    drawing = side_by_side(before, after, LIGHT)
    for t in (1, 2):
        (old,), (new,) = before.states[t], after.states[t]
        name = f"h{'₀₁₂'[t]}"
        left, right = card(drawing, name, False), card(drawing, name, True)
        assert number(old.data) in words(left)
        assert number(old.grad) in words(left)
        assert number(new.data) in words(right)
        assert number(new.grad) in words(right)
        change = f"Δ +{number(new.data - old.data)} +{number(new.grad - old.grad)}"
        assert change in words(right)
        assert "Δ" not in words(left)
        assert marks(left) == marks(right) == 2


def test_what_is_the_same_has_no_mark():
    before, after = updated(nn.RNNCell(1, 1, seed=0))
    drawing = side_by_side(before, after, LIGHT)
    for second in (False, True):
        assert marks(card(drawing, "x₁", second)) == 1  # its gradient alone
        assert marks(card(drawing, "L", second)) == 1  # its value alone
    again = side_by_side(after, copy.deepcopy(after), LIGHT)
    assert not any(marks(group) for group in again.groups)
    assert not again.texts("change")
    assert "0 of 18 cards, 0 of 18 wires, 0 of 2 tables differ" in words(again.group("b_legend"))


@pytest.mark.parametrize("cell", [nn.RNNCell(1, 1, seed=0), nn.LSTMCell(1, 2, seed=0)])
def test_both_have_one_layout_though_a_copy_was_created_in_another_order(cell):
    drawing = side_by_side(*updated(cell), LIGHT)
    apart = {
        round(frame(drawing.group(f"b_{group.id}")).x - frame(group).x, 6)
        for group in drawing.groups
        if group.kind == "card" and not group.id.startswith("b_")
    }
    assert len(apart) == 1
    names = [
        [words(group).split()[0] for group in drawing.groups
         if group.kind == "card" and group.id.startswith("b_") == second]
        for second in (False, True)
    ]  # fmt: skip
    assert names[0] == names[1]


def test_tables_stay_on_the_sheet_and_off_each_other():
    drawing = side_by_side(*updated(nn.LSTMCell(1, 2, seed=0)), LIGHT)
    boxes = [frame(group) for group in drawing.groups if group.kind in ("panel", "legend")]
    assert all(box.x >= 0.0 and box.x + box.w <= drawing.width for box in boxes)
    for one, other in pairwise(sorted(boxes, key=lambda box: (box.y, box.x))):
        beside = one.x + one.w <= other.x or other.x + other.w <= one.x
        assert beside or one.y + one.h <= other.y or other.y + other.h <= one.y


def test_other_cells_over_as_many_steps_stand_beside_each_other_without_marks():
    rnn, _ = updated(nn.RNNCell(1, 1, seed=0))
    lstm, _ = updated(nn.LSTMCell(1, 2, seed=0))
    drawing = side_by_side(rnn, lstm, LIGHT, ("RNN", "LSTM"))
    assert not any(marks(group) for group in drawing.groups)
    titles = [words(group) for group in drawing.groups if group.kind == "title"]
    assert titles[0].startswith("RNN: RNN (tanh)")
    assert titles[1].startswith("LSTM: LSTM unrolled")


def test_both_have_a_heading_and_one_scale_of_heat():
    drawing = side_by_side(*updated(nn.RNNCell(1, 1, seed=0)), LIGHT)
    titles = [words(group) for group in drawing.groups if group.kind == "title"]
    assert [title.partition(":")[0] for title in titles] == ["before", "after"]
    heat = {
        shape.fill
        for second in (False, True)
        for shape in card(drawing, "L", second).shapes
        if shape.kind == "heat" and isinstance(shape, Rect)
    }
    assert len(heat) == 1  # dL/dL = 1 in both


def test_other_shapes_are_refused_in_a_sentence(tmp_path: Path):
    a = Value(2.0, label="a")
    with pytest.raises(ValueError, match=r"same shape.*'before' has 2 cards and 1 wires, 'after'"):
        viz.compare(a.tanh(), a * a.tanh(), tmp_path / "a.svg")
    with pytest.raises(ValueError, match="titles are two"):
        viz.compare(a.tanh(), a.exp(), tmp_path / "a.svg", titles=("one",))


def test_a_run_whose_weights_have_moved_is_refused(tmp_path: Path):
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    before = w * x
    w.data = 2.5
    with pytest.raises(ValueError, match=r"w was changed after 'before'.*copy.deepcopy"):
        viz.compare(before, w * x, tmp_path / "a.svg")


@pytest.mark.parametrize("suffix", ["svg", "png", "dot", "pdf", "tex"])
def test_every_format_writes_it(tmp_path: Path, suffix: str):
    a = Value(2.0, label="a")
    made = viz.compare(a.tanh(), a.sigmoid(), tmp_path / f"a.{suffix}", titles=("tanh", "σ"))
    assert made.stat().st_size > 1000


def test_wires_and_tables_are_marked_too():
    before, after = updated(nn.RNNCell(1, 1, seed=0))
    drawing = side_by_side(before, after, LIGHT)
    shown = ("local", "message", "value", "grad")
    marked = {"wire": 0, "panel": 0}
    for left in drawing.groups:
        if left.kind not in marked or left.id.startswith("b_"):
            continue
        right = drawing.group(f"b_{left.id}")
        texts = [[s.plain for s in group.shapes if isinstance(s, Text) and s.kind in shown]
                 for group in (left, right)]  # fmt: skip
        differ = sum(one != other for one, other in zip(*texts))
        assert marks(left) == marks(right) >= differ  # two numbers may be printed alike
        assert differ or marks(left) <= len(texts[0])
        marked[left.kind] += marks(left) > 0
    assert min(marked.values()) > 0
    ones = [g for g in drawing.groups if g.kind == "wire" and words(g).endswith("×1 ← 1")]
    assert ones
    assert not any(marks(group) for group in ones)
    assert f"{marked['wire']} of 18 wires, {marked['panel']} of 2 tables differ" in words(
        drawing.group("b_legend")
    )


def test_the_weights_on_a_neuron_s_edges_are_marked():
    model = nn.MLP(2, [2, 1], seed=0)
    (y,) = model([1.0, 2.0])
    y.backward()
    before = copy.deepcopy(y)
    model.layers[0].weight[0][1].data += 1.0
    drawing = side_by_side(before, model([1.0, 2.0])[0], LIGHT, detail="neuron")
    marked = [group for group in drawing.groups if group.kind == "wire" and marks(group)]
    assert any("W₁[0,1]" in group.tooltip for group in marked)
